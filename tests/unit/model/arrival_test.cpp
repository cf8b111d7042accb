// SPDX-License-Identifier: MIT
//
// When bytes are where: posted writes are done for their engine when they leave and in memory
// when they have crossed, reads bring what the completer held when it answered, and signals come
// behind the data they speak of.
#include "rig.hpp"

#include <cmath>

using namespace cf;
using namespace cf::model;
using namespace cf::model::test;
using edma::channel_status;

namespace {

constexpr nanoseconds flight = 50'000;

model_spec slow(engine_choice engine)
{
    model_spec spec = paced(3, 1);
    spec.engine = engine;
    spec.link.round_trip_ns = 2 * flight;
    return spec;
}

/// The time of `bytes` of packets on that link.
nanoseconds wire(double bytes)
{
    return static_cast<nanoseconds>(std::lround(bytes * 1e9 / packet_bandwidth(paced(3, 1).link)));
}

/// True for what takes `expected`, give or take the rounding of two times.
bool about(nanoseconds value, nanoseconds expected) { return value + 2 >= expected && value <= expected + 2; }

void step_until_done(rig& r, channel_driver& c)
{
    while (!c.done()) REQUIRE(r.device.step());
}

std::vector<std::byte> copy_of(std::span<const std::byte> memory) { return {memory.begin(), memory.end()}; }

} // namespace

TEST_CASE("a posted write is done when it leaves and in memory when it has crossed", "[arrival]")
{
    rig r(slow(engine_choice::local));
    const auto sent = copy_of(r.near.inside().first(5000));
    const auto before = copy_of(r.far_bytes(0, 5000));
    r.wr.list().data(ctl::cycle | ctl::local_int, 5000, r.near.address(), r.far(0));
    r.wr.list().data(0, 0, 0, 0);
    r.wr.start();
    step_until_done(r, r.wr);
    const nanoseconds done = r.device.now();
    CHECK(done < flight);
    CHECK(r.wr.position_offset() == 24);
    // It is the program's memory again: what it becomes is not sent.
    std::fill_n(r.near.data(), 5000, std::byte{0x5a});
    r.device.advance_to(done + flight - 1'000);
    CHECK(std::ranges::equal(r.far_bytes(4096, 904), std::span(before).subspan(4096)));
    r.device.advance_to(done + flight + 1);
    CHECK(std::ranges::equal(r.far_bytes(0, 5000), sent));
}

TEST_CASE("what a load says is done has landed when the load is answered", "[arrival]")
{
    for (const std::uint32_t size : {64u, 4096u, 20'000u}) {
        rig r(slow(engine_choice::remote));
        for (unsigned i = 0; i < 10; ++i)
            r.wr.list().data(ctl::cycle, size, r.far(i * size), r.near.address() + i * size);
        r.wr.list().data(0, 0, 0, 0);
        r.wr.start();
        std::uint64_t seen = 0;
        while (seen < 10) {
            const std::uint32_t low_word = r.program.load(reg::channel(channel_kind::wr, 0, reg::ch_llp_low));
            seen = (low_word - low(r.wr.list().at(0))) / 24;
            CHECK(r.near_equals_far(0, 0, seen * size));
        }
    }
}

TEST_CASE("nothing lands in memory that has been unmapped", "[arrival]")
{
    rig r(slow(engine_choice::remote));
    r.wr.list().data(ctl::cycle | ctl::local_int, 4096, r.far(0), r.near.address());
    r.wr.list().data(0, 0, 0, 0);
    r.wr.start();
    step_until_done(r, r.wr);
    const std::uint64_t address = r.near.address();
    r.near.unmap();
    REQUIRE(r.device.run_until_idle());
    CHECK(r.near.untouched_outside(0, 0));
    REQUIRE(r.violations(violation_kind::lost_write) == 1);
    CHECK(r.device.violations().entries()[0].value == address);
}

TEST_CASE("nothing lands over a link that went down", "[arrival]")
{
    for (const bool back : {false, true}) {
        rig r(slow(engine_choice::local));
        const auto before = copy_of(r.far_bytes(0, 4096));
        r.wr.list().data(ctl::cycle | ctl::local_int, 4096, r.near.address(), r.far(0));
        r.wr.list().data(0, 0, 0, 0);
        r.wr.start();
        step_until_done(r, r.wr);
        r.device.set_link(false);
        if (back) r.device.set_link(true);
        REQUIRE(r.device.run_until_idle());
        CHECK(std::ranges::equal(r.far_bytes(0, 4096), before));
        CHECK(r.device.violations().count() == 0); // lost, but not the program's fault
    }
}

TEST_CASE("a read behind a posted write of the same engine finds what was written", "[arrival]")
{
    rig r(slow(engine_choice::local));
    const auto sent = copy_of(r.near.inside().first(4096));
    r.wr.list().data(ctl::cycle | ctl::local_int, 4096, r.near.address(), r.far(0));
    r.wr.list().data(0, 0, 0, 0);
    r.rd.list().data(ctl::cycle | ctl::local_int, 4096, r.far(0), r.near.address() + 8192);
    r.rd.list().data(0, 0, 0, 0);
    r.wr.start();
    step_until_done(r, r.wr);
    r.rd.start();
    step_until_done(r, r.rd);
    CHECK(std::ranges::equal(r.near.inside().subspan(8192, 4096), sent));
}

TEST_CASE("a read beside a posted write may not", "[arrival]")
{
    // Its requests are on their way when the write sets out.
    rig r(slow(engine_choice::local));
    const auto before = copy_of(r.far_bytes(0, 4096));
    r.wr.list().data(ctl::cycle | ctl::local_int, 4096, r.near.address(), r.far(0));
    r.wr.list().data(0, 0, 0, 0);
    r.rd.list().data(ctl::cycle | ctl::local_int, 4096, r.far(0), r.near.address() + 8192);
    r.rd.list().data(0, 0, 0, 0);
    r.rd.start();
    r.device.advance_to(1'000);
    r.wr.start();
    step_until_done(r, r.rd);
    CHECK(std::ranges::equal(r.near.inside().subspan(8192, 4096), before));
    CHECK(std::ranges::equal(r.far_bytes(0, 4096), r.near.inside().first(4096)));
}

TEST_CASE("a read brings what the far end held when it answered", "[arrival]")
{
    for (const bool in_time : {true, false}) {
        rig r(slow(engine_choice::local));
        const auto before = copy_of(r.far_bytes(0, 512));
        r.rd.list().data(ctl::cycle, 512, r.far(0), r.near.address());
        r.rd.list().data(0, 0, 0, 0);
        r.rd.start();
        r.device.advance_to(flight + (in_time ? 0 : 1'000));
        CHECK(r.near.untouched_outside(0, 0));
        std::fill_n(r.device.far_memory().begin(), 512, std::byte{0x5a});
        REQUIRE(r.device.run_until_idle());
        CHECK(std::ranges::equal(r.near.inside().first(512), in_time ? r.far_bytes(0, 512) : before));
    }
}

TEST_CASE("a refused read costs a short completion, and what came before it arrives", "[arrival]")
{
    rig r(paced(1, 1));
    const auto time_to_abort = [&](std::uint64_t source, std::uint32_t size) {
        const nanoseconds start = r.device.now();
        r.rd.clear();
        r.rd.list().seek(0);
        r.rd.list().data(ctl::cycle, size, source, r.far(0));
        r.rd.start();
        REQUIRE(r.device.run_until_idle());
        CHECK(r.rd.status() == channel_status::halted);
        CHECK(r.rd.err_high() == 1);
        return r.device.now() - start;
    };
    constexpr std::uint32_t size = 4096; // some 18 us on this link, its eight requests 1 us
    CHECK(time_to_abort(r.near.address() + r.near.size(), size) < default_round_trip_ns + 2'500);
    const nanoseconds half = time_to_abort(r.near.address() + r.near.size() - size / 2, size);
    CHECK(half > 9'000);
    CHECK(half < 14'000);
    CHECK(r.near_equals_far(r.near.size() - size / 2, 0, size / 2));
}

TEST_CASE("an interrupt crosses the link behind the data", "[arrival]")
{
    model_spec spec = slow(engine_choice::remote);
    spec.irq_ns = 7'000;
    rig r(spec);
    r.wr.list().data(ctl::cycle | tell, 5000, r.far(0), r.near.address());
    r.wr.list().data(0, 0, 0, 0);
    r.wr.start();
    step_until_done(r, r.wr);
    const nanoseconds done = r.device.now();
    while (r.device.take_interrupts() == 0) REQUIRE(r.device.step());
    CHECK(about(r.device.now(), done + wire(28) + flight + 7'000));
    CHECK(r.near_equals_far(0, 0, 5000));
}

TEST_CASE("a near engine's interrupt does not cross the link", "[arrival]")
{
    model_spec spec = slow(engine_choice::local);
    spec.irq_ns = 7'000;
    rig r(spec);
    r.wr.list().data(ctl::cycle | ctl::local_int, 5000, r.near.address(), r.far(0));
    r.wr.list().data(0, 0, 0, 0);
    r.wr.start();
    step_until_done(r, r.wr);
    const nanoseconds done = r.device.now();
    while (r.device.take_interrupts() == 0) REQUIRE(r.device.step());
    CHECK(about(r.device.now(), done + 7'000));
}

TEST_CASE("a message is in memory when it has crossed, behind the data", "[arrival]")
{
    rig r(slow(engine_choice::remote));
    const auto& words = r.port.completion_word;
    r.port.registers->store(reg::wr.done_imwr_low, low(words.engine));
    r.port.registers->store(reg::wr.done_imwr_high, high(words.engine));
    r.port.registers->store(reg::wr.imwr_data, 9);
    r.wr.list().data(ctl::cycle | ctl::remote_int, 5000, r.far(0), r.near.address());
    r.wr.list().data(0, 0, 0, 0);
    r.wr.start();
    while (r.wr.position_offset() == 0) REQUIRE(r.device.step());
    const nanoseconds done = r.device.now();
    while (words.cpu[0] == std::byte{0}) REQUIRE(r.device.step());
    CHECK(about(r.device.now(), done + wire(28) + flight));
    CHECK(r.near_equals_far(0, 0, 5000));
}
