// SPDX-License-Identifier: MIT
//
// The model against the real clock: its thread, its eventfds, and what map() and unmap() promise
// while it runs. Waits are for an interrupt or a position, never for a time.
#include "rig.hpp"

#include "model/in_process.hpp"
#include <counterflow/error.hpp>

#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <poll.h>
#include <sys/eventfd.h>
#include <thread>

using namespace cf;
using namespace cf::model;
using namespace cf::model::test;
using edma::channel_status;

namespace {

/// Waits for an engine's interrupt; how many there were, 0 when none came in ten seconds.
std::uint64_t wait_interrupt(const edma::port& port)
{
    pollfd ready{port.registers->interrupt_fd(), POLLIN, 0};
    if (::poll(&ready, 1, 10'000) != 1) return 0;
    eventfd_t count = 0;
    return ::eventfd_read(ready.fd, &count) == 0 ? count : 0;
}

bool interrupt_pending(const edma::port& port)
{
    pollfd ready{port.registers->interrupt_fd(), POLLIN, 0};
    return ::poll(&ready, 1, 0) == 1;
}

struct live {
    explicit live(const model_spec& spec)
        : device(open_model(spec)),
          port(device->engines()[0]),
          wr(port, channel_kind::wr, 0),
          rd(port, channel_kind::rd, 0),
          near(*device, 1u << 20, 1)
    {
        fill(device->far_memory(), 2);
    }
    std::uint64_t far(std::uint64_t offset) const
    {
        return device->windows()[0].address_for(port.side) + offset;
    }
    bool near_equals_far(std::size_t near_at, std::size_t far_at, std::size_t size) const
    {
        return std::ranges::equal(near.inside().subspan(near_at, size),
                                  device->far_memory().subspan(far_at, size));
    }

    std::chrono::steady_clock::time_point opened = std::chrono::steady_clock::now();
    std::unique_ptr<in_process> device;
    edma::port& port;
    channel_driver wr, rd;
    guarded_buffer near;
};

} // namespace

TEST_CASE("a paced device moves both ways and interrupts through its eventfd", "[in_process]")
{
    live d(paced(3, 4));
    d.wr.list().data(ctl::cycle | tell, 1u << 19, d.far(0), d.near.address());
    d.wr.list().data(0, 0, 0, 0);
    d.rd.list().data(ctl::cycle | tell, 1u << 19, d.near.address() + (1u << 19), d.far(1u << 19));
    d.rd.list().data(0, 0, 0, 0);
    d.wr.start();
    d.rd.start();
    std::uint64_t interrupts = 0;
    while (interrupts < 2) {
        const std::uint64_t count = wait_interrupt(d.port);
        REQUIRE(count != 0);
        interrupts += count;
    }
    CHECK(interrupts == 2);
    CHECK(d.wr.done());
    CHECK(d.rd.done());
    CHECK(d.near_equals_far(0, 0, 1u << 20));
    d.device->with_machine([](machine& m, nanoseconds) { CHECK(m.violations().count() == 0); });
}

TEST_CASE("a null link is done when the doorbell's store returns", "[in_process]")
{
    live d(null_link());
    d.wr.list().data(ctl::cycle | tell, 100'000, d.far(0), d.near.address());
    d.wr.list().data(0, 0, 0, 0);
    d.wr.start();
    CHECK(d.wr.status() == channel_status::stopped);
    CHECK(d.near_equals_far(0, 0, 100'000));
    CHECK(interrupt_pending(d.port));
    CHECK(wait_interrupt(d.port) == 1);
}

TEST_CASE("an endless ring streams while a driver publishes and consumes", "[in_process]")
{
    live d(paced(4, 8));
    constexpr unsigned slots = 8, total = 2000;
    constexpr std::uint32_t size = 4096;
    auto& list = d.rd.list();
    std::uint32_t cycle = ctl::cycle;
    for (unsigned i = 0; i < slots; ++i) list.data(0, 0, 0, 0);
    const auto link = list.link(ctl::toggle_cycle, list.at(0));
    d.rd.enable();
    d.rd.unmask();
    d.rd.point_at(list.at(0), true);

    std::uint64_t published = 0, consumed = 0, last = 0;
    while (consumed < total) {
        while (published < total && published - consumed < slots - 1) {
            const unsigned slot = published % slots;
            list.seek(slot * 24);
            std::memcpy(d.near.data() + slot * size, &published, sizeof published);
            if (slot + 1 == slots) list.control(link, ctl::link | ctl::toggle_cycle | (cycle ^ ctl::cycle));
            list.data(cycle | tell, size, d.near.address() + slot * size, d.far(slot * size));
            if (slot + 1 == slots) cycle ^= ctl::cycle;
            ++published;
        }
        if (d.rd.status() != channel_status::running) d.rd.doorbell();
        d.rd.clear();
        const std::uint64_t at = d.rd.position_offset() / 24 % slots;
        const std::uint64_t done = (at + slots - last) % slots;
        for (std::uint64_t i = 0; i < done; ++i) {
            std::uint64_t value;
            std::memcpy(&value, d.device->far_memory().data() + (consumed + i) % slots * size, sizeof value);
            REQUIRE(value == consumed + i);
        }
        consumed += done;
        last = at;
        if (done == 0) std::this_thread::yield();
    }
    d.device->with_machine([](machine& m, nanoseconds) { CHECK(m.violations().count() == 0); });
}

TEST_CASE("a message in near memory can be waited for by looking", "[in_process]")
{
    live d(paced(3, 1));
    const auto& words = d.port.completion_word;
    d.port.registers->store(reg::wr.done_imwr_low, low(words.engine));
    d.port.registers->store(reg::wr.done_imwr_high, high(words.engine));
    d.port.registers->store(reg::wr.imwr_data, 0x1111);
    d.wr.list().data(ctl::cycle | ctl::remote_int, 65536, d.far(0), d.near.address());
    d.wr.list().data(0, 0, 0, 0);
    d.wr.start();
    std::atomic_ref word(*reinterpret_cast<std::uint32_t*>(words.cpu));
    while (word.load(std::memory_order_acquire) != 0x1111) std::this_thread::yield();
    CHECK(d.near_equals_far(0, 0, 65536)); // it came behind the data
}

TEST_CASE("after unmap returns the engine no longer touches the memory", "[in_process]")
{
    for (unsigned round = 0; round < 20; ++round) {
        live d(paced(4, 8));
        d.wr.list().data(ctl::cycle, 1u << 20, d.far(0), d.near.address());
        d.wr.list().link(ctl::cycle, d.wr.list().at(0));
        d.wr.start();
        for (std::uint32_t left = 0; left == 0 || left == 1u << 20; left = d.wr.load(reg::ch_size))
            std::this_thread::yield(); // until some of it has moved
        d.near.unmap();
        // Whatever the engine does now, a sanitizer or this comparison would tell.
        const std::vector<std::byte> before(d.near.inside().begin(), d.near.inside().end());
        d.wr.stop();
        while (d.wr.status() == channel_status::running) std::this_thread::yield();
        CHECK(std::ranges::equal(d.near.inside(), before));
    }
}

TEST_CASE("an interrupt time delays what the program is told, also on a null link", "[in_process]")
{
    model_spec spec = null_link();
    spec.irq_ns = 2'000'000;
    live d(spec);
    d.wr.list().data(ctl::cycle | tell, 64, d.far(0), d.near.address());
    d.wr.list().data(0, 0, 0, 0);
    const auto start = std::chrono::steady_clock::now();
    d.wr.start();
    CHECK(d.wr.done());
    CHECK(wait_interrupt(d.port) == 1);
    CHECK(std::chrono::steady_clock::now() - start >= std::chrono::nanoseconds(spec.irq_ns));
}

TEST_CASE("a device with two engines has two interrupts", "[in_process]")
{
    model_spec spec = paced(3, 1);
    spec.engine = engine_choice::both;
    live d(spec);
    REQUIRE(d.device->engines().size() == 2);
    edma::port& remote = d.device->engines()[1];
    CHECK(d.port.side == engine_side::local);
    CHECK(remote.side == engine_side::remote);
    CHECK(d.port.completion_word.size == 0); // a local engine's messages go to the far end
    CHECK_FALSE(d.port.lists_across_link);
    CHECK(remote.lists_across_link);
    channel_driver far_wr(remote, channel_kind::wr, 0);
    far_wr.list().data(ctl::cycle | tell, 4096, d.device->windows()[0].own_address, d.near.address());
    far_wr.list().data(0, 0, 0, 0);
    far_wr.start();
    CHECK(wait_interrupt(remote) == 1);
    CHECK_FALSE(interrupt_pending(d.port));
    CHECK(d.near_equals_far(0, 0, 4096));
}

TEST_CASE("an idle device uses no processor time", "[in_process]")
{
    live d(paced(3, 1));
    d.wr.list().data(ctl::cycle | tell, 4096, d.far(0), d.near.address());
    d.wr.list().data(0, 0, 0, 0);
    d.wr.start();
    REQUIRE(wait_interrupt(d.port) == 1);
    // Wait on something that never comes, and see what this process has used meanwhile.
    const auto used = [] {
        timespec t{};
        ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
        return t.tv_sec * 1'000'000'000 + t.tv_nsec;
    };
    pollfd never{d.port.registers->interrupt_fd(), POLLIN, 0};
    const auto before = used();
    CHECK(::poll(&never, 1, 200) == 0);
    CHECK(used() - before < 20'000'000);
}

TEST_CASE("a machine that was kept from its work lets the time slip", "[in_process]")
{
    live d(paced(1, 1));
    d.wr.list().data(ctl::cycle, 1u << 20, d.far(0), d.near.address());
    d.wr.list().link(ctl::cycle, d.wr.list().at(0)); // goes on for ever
    d.wr.start();
    CHECK(d.wr.status() == channel_status::running);
    using namespace std::chrono;
    constexpr milliseconds kept(30);
    model::nanoseconds before = 0, after = 0;
    const auto start = steady_clock::now();
    d.device->with_machine([&](machine& m, model::nanoseconds now) {
        before = now;
        REQUIRE(m.next_event()); // the end of the burst under way
        const auto held = steady_clock::now();
        while (steady_clock::now() - held < kept) {
        }
    });
    CHECK(d.wr.status() == channel_status::running);
    d.device->with_machine([&](machine&, model::nanoseconds now) { after = now; });
    // Two milliseconds of the thirty are caught up.
    CHECK(std::chrono::nanoseconds(after - before) + milliseconds(25) < steady_clock::now() - start);
}

TEST_CASE("far memory in a file outlives the device", "[in_process]")
{
    const auto path = std::filesystem::temp_directory_path() / ("cf-far-" + std::to_string(::getpid()));
    struct cleanup {
        ~cleanup() { std::filesystem::remove(path); }
        std::filesystem::path path;
    } at_end{path};
    model_spec spec = null_link();
    spec.backing = path.string();
    std::vector<std::byte> sent;
    {
        live d(spec);
        sent.assign(d.near.inside().begin(), d.near.inside().begin() + 5000);
        d.rd.list().data(ctl::cycle, 5000, d.near.address(), d.far(1234));
        d.rd.start();
    }
    auto again = open_model(spec);
    CHECK(std::ranges::equal(again->far_memory().subspan(1234, 5000), sent));
    spec.backing = "/nonexistent/far";
    CHECK_THROWS_AS(open_model(spec), cf::error);
}

TEST_CASE("a device closes with transfers under way", "[in_process]")
{
    live d(paced(1, 1));
    d.wr.list().data(ctl::cycle, 1u << 20, d.far(0), d.near.address());
    d.wr.list().link(ctl::cycle, d.wr.list().at(0));
    d.wr.start();
    CHECK(d.wr.status() == channel_status::running);
    d.near.unmap();
    d.device.reset();
    CHECK(d.device == nullptr);
}
