// SPDX-License-Identifier: MIT
//
// A two-way message channel: requests go out by one ring and answers come back by another. Prints how long a
// round trip takes. The far end is a thread here, which has the model's memory mapped as an endpoint's
// processor has its own; its half is all that firmware has to do.
//
//     10_message_channel [MESSAGES]
#include <counterflow/counterflow.hpp>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <sys/mman.h>
#include <unistd.h>

using namespace cf::literals;
using namespace std::chrono_literals;

constexpr cf::ring_geometry geometry{.block_bytes = 256, .slots = 16, .block_headers = true};
constexpr std::size_t replies = 64_KiB; // where the second ring lies

// [far-end]
// Answers each message with the same bytes, until the requests end.
void answer(std::span<std::byte> memory)
{
    cf::ring_consumer from(memory);
    cf::ring_producer to(memory.subspan(replies));
    while (!from.ended()) {
        if (from.available() == 0 || !to.has_room()) {
            std::this_thread::yield();
            continue;
        }
        const std::span<std::byte> request = from.front();
        std::ranges::copy(request, to.claim().begin());
        to.publish(request.size());
        from.pop();
    }
    to.finish();
}
// [/far-end]

// [near-end]
cf::task<> ask(cf::write_stream& out, cf::read_stream& in, std::vector<std::chrono::nanoseconds>& round_trips)
{
    for (auto& took : round_trips) {
        const auto start = cf::clock::now();
        cf::block request = co_await out.acquire();
        std::memset(request.bytes().data(), 'x', 64);
        out.send(std::move(request), 64);
        const std::optional<cf::block> reply = co_await in.next();
        if (!reply || reply->size() != 64) throw cf::error(cf::errc::verification_failed, "reply");
        took = cf::clock::now() - start;
    }
    co_await out.close();
}
// [/near-end]

cf::task<> program(cf::device& dev, std::span<std::byte> memory, std::size_t messages)
{
    const cf::window far = dev.window("ram");
    const cf::stream_options quick{.poll = 2us};
    cf::write_stream out(dev, co_await cf::make_ring(dev, far.at(0), geometry), quick);
    cf::read_stream in(dev, co_await cf::make_ring(dev, far.at(replies), geometry), quick);
    std::jthread far_end(answer, memory);
    std::vector<std::chrono::nanoseconds> times(messages);
    co_await ask(out, in, times);
    std::ranges::sort(times);
    const auto us = [&](double share) {
        const auto at = static_cast<std::size_t>(share * static_cast<double>(times.size() - 1));
        return static_cast<double>(times[at].count()) / 1e3;
    };
    std::printf("%zu round trips: p50 %.1f us, p99 %.1f us\n", messages, us(0.5), us(0.99));
}

int main(int argc, char** argv)
try {
    const std::size_t messages = argc > 1 ? std::stoul(argv[1]) : 200;
    std::string path = "/dev/shm/counterflow-messages-XXXXXX";
    const int file = ::mkstemp(path.data());
    if (file < 0 || ::ftruncate(file, 1_MiB) != 0)
        throw std::system_error(errno, std::generic_category(), path);
    void* const memory = ::mmap(nullptr, 1_MiB, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (memory == MAP_FAILED) throw std::system_error(errno, std::generic_category(), path);
    {
        cf::runtime loop;
        cf::device dev(loop, "model:gen3x1,wr=1,rd=1,ram=1MiB,backing=" + path);
        loop.run(program(dev, {static_cast<std::byte*>(memory), 1_MiB}, messages));
    }
    ::unlink(path.c_str());
    return 0;
} catch (const std::exception& e) {
    std::fprintf(stderr, "%s: %s\n", argv[0], e.what());
    return 1;
}
