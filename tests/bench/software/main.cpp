// SPDX-License-Identifier: MIT
//
// What software takes of a processor, as a simulation charges it (cf::software_cost): an awaited transfer, a
// turn of the loop, and a sleeping program's wake-up. Prints JSON. For 40-software.sh.
#include "model/in_process.hpp"
#include <counterflow/counterflow.hpp>
#include <counterflow/detail/loop.hpp>
#include <counterflow/event.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <sys/eventfd.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

std::uint64_t now_ns() noexcept
{
    return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

/// Counts the time spent inside of the model, which hardware would not take from the program.
class timed_space final : public cf::edma::register_space {
public:
    timed_space(cf::edma::register_space& inner, std::uint64_t& total) noexcept : inner_(inner), total_(total)
    {
    }
    int interrupt_fd() const noexcept override { return inner_.interrupt_fd(); }
    bool link_is_up() override { return inner_.link_is_up(); }

private:
    std::uint32_t load_slow(std::uint32_t offset) override
    {
        const std::uint64_t start = now_ns();
        const std::uint32_t value = inner_.load(offset);
        total_ += now_ns() - start;
        return value;
    }
    void store_slow(std::uint32_t offset, std::uint32_t value) override
    {
        const std::uint64_t start = now_ns();
        inner_.store(offset, value);
        total_ += now_ns() - start;
    }

    cf::edma::register_space& inner_;
    std::uint64_t& total_;
};

/// Nanoseconds of software a transfer, with `tasks` of them outstanding on a link that takes no time.
double transfer_ns(unsigned tasks, std::uint64_t count)
{
    const cf::device_spec spec = cf::parse_spec("model:null,wr=2,rd=2");
    std::uint64_t in_model = 0;
    auto attached = cf::model::open_model(spec.model);
    timed_space timed(*attached->engines()[0].registers, in_model);
    attached->engines()[0].registers = &timed;
    cf::runtime loop;
    cf::device dev(loop, spec, std::move(attached));
    cf::buffer memory = dev.allocate(4096);
    double result = 0;
    loop.run([&]() -> cf::task<> {
        const auto stream = [](cf::device& d, cf::buffer& b, std::uint64_t n) -> cf::task<> {
            const cf::window_place to = d.window("ram").at(0);
            for (std::uint64_t i = 0; i < n; ++i) co_await d.write(b, to);
        };
        for (const std::uint64_t n : {count / 10, count}) { // the first makes everything warm
            const std::uint64_t start = now_ns(), model_start = in_model;
            cf::scope all;
            for (unsigned i = 0; i < tasks; ++i) all.spawn(stream(dev, memory, n / tasks));
            co_await all.join();
            const std::uint64_t took = now_ns() - start - (in_model - model_start);
            result = static_cast<double>(took) / static_cast<double>(n / tasks * tasks);
        }
    }());
    return result;
}

/// From a write to an eventfd by another thread to the callback of a loop that slept: the median.
std::uint64_t wake_ns()
{
    constexpr std::size_t rounds = 5000;
    cf::runtime loop;
    const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct {
        std::atomic<std::uint64_t> written{0};
        std::vector<std::uint64_t> took;
        cf::event done;
    } state;
    state.took.reserve(rounds);
    cf::detail::fd_watch watch(
        loop, fd,
        [](void* context) noexcept {
            auto& s = *static_cast<decltype(state)*>(context);
            s.took.push_back(now_ns() - s.written.exchange(0));
            if (s.took.size() == rounds) s.done.set();
        },
        &state);
    std::thread writer([&] {
        for (std::size_t i = 0; i < rounds; ++i) {
            while (state.written.load() != 0) {
            }
            const std::uint64_t go = now_ns() + 50'000; // by then it sleeps
            while (now_ns() < go) {
            }
            state.written = now_ns();
            eventfd_write(fd, 1);
        }
    });
    loop.run([&]() -> cf::task<> { co_await state.done; }());
    writer.join();
    ::close(fd);
    std::ranges::nth_element(state.took, state.took.begin() + rounds / 2);
    return state.took[rounds / 2];
}

} // namespace

int main()
try {
    const double many = transfer_ns(100, 1'000'000), one = transfer_ns(1, 200'000);
    std::printf("{\"bench\": \"software\", \"cpu_ns\": %.0f, \"turn_ns\": %.0f, \"irq_ns\": %llu}\n", many,
                one - many, static_cast<unsigned long long>(wake_ns()));
    return 0;
} catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
}
