// SPDX-License-Identifier: MIT
//
// Aborts, those that come of bad addresses and those that are injected: the cause in the error
// registers, what was moved, where the position stays, who is told, and how a channel recovers.
#include "rig.hpp"

using namespace cf;
using namespace cf::model;
using namespace cf::model::test;
using edma::channel_status;

namespace {

constexpr std::uint64_t nowhere = 0x7777'0000'0000;

struct cause_bits {
    abort_cause cause;
    std::uint32_t wr_low, rd_low, rd_high; ///< for channel 0
};

constexpr cause_bits causes[] = {
    {abort_cause::unsupported_request, 0, 0, 1u << 0},
    {abort_cause::completer_abort, 0, 0, 1u << 8},
    {abort_cause::completion_timeout, 0, 0, 1u << 16},
    {abort_cause::poisoned, 0, 0, 1u << 24},
    {abort_cause::local_bus_error, 1, 1, 0},
    {abort_cause::list_fetch_error, 1u << 16, 1u << 16, 0},
    {abort_cause::unnamed, 0, 0, 0},
};

/// `count` elements of `size` bytes from the start of both memories, then the end.
void write_list(rig& r, channel_kind kind, unsigned count, std::uint32_t size,
                std::uint32_t control = ctl::local_int)
{
    channel_driver& c = kind == channel_kind::wr ? r.wr : r.rd;
    for (unsigned i = 0; i < count; ++i) {
        const std::uint64_t far = r.far(i * size), near = r.near.address() + i * size;
        c.list().data(ctl::cycle | control, size, kind == channel_kind::wr ? far : near,
                      kind == channel_kind::wr ? near : far);
    }
    c.list().data(0, 0, 0, 0);
}

} // namespace

TEST_CASE("an element aborts at any byte of any element, with any cause", "[abort]")
{
    constexpr std::uint32_t size = 9000;
    for (const bool timed : {false, true}) {
        for (const channel_kind kind : {channel_kind::wr, channel_kind::rd}) {
            for (const auto& [cause, wr_low, rd_low, rd_high] : causes) {
                for (const std::uint64_t element : {1u, 2u, 4u}) {
                    for (const std::uint64_t after : {0u, 1u, 4095u, 4096u, 4097u, 8999u, 9000u}) {
                        rig r(timed ? paced(4, 8) : null_link());
                        channel_driver& c = kind == channel_kind::wr ? r.wr : r.rd;
                        // Blank the destination, so that what was not moved can be told.
                        const std::span<std::byte> target = kind == channel_kind::wr
                                                                ? std::span(r.near.data(), 4 * size)
                                                                : r.device.far_memory().first(4 * size);
                        std::ranges::fill(target, std::byte{0x5a});
                        write_list(r, kind, 4, size);
                        r.device.injected().add({.cause = cause, .element = element, .after_bytes = after});
                        c.start();
                        REQUIRE(r.device.run_until_idle());
                        CHECK(c.status() == channel_status::halted);
                        CHECK(c.position_offset() == (element - 1) * 24);
                        CHECK(c.aborted());
                        CHECK(c.done() == (element > 1));
                        CHECK(c.err_low() == (kind == channel_kind::wr ? wr_low : rd_low));
                        CHECK(c.err_high() == (kind == channel_kind::wr ? 0 : rd_high));
                        const std::size_t moved = (element - 1) * size + after;
                        CHECK(r.near_equals_far(0, 0, moved));
                        CHECK(std::ranges::all_of(target.subspan(moved),
                                                  [](std::byte b) { return b == std::byte{0x5a}; }));
                        CHECK(r.device.injected().struck().aborts == 1);
                    }
                }
            }
        }
    }
}

TEST_CASE("reading where nobody answers is an unsupported request", "[abort]")
{
    for (const bool timed : {false, true}) {
        rig r(timed ? paced(3, 4) : null_link());
        r.rd.list().data(ctl::cycle, 8192, nowhere, r.far(0));
        r.rd.start();
        REQUIRE(r.device.run_until_idle());
        CHECK(r.rd.status() == channel_status::halted);
        CHECK(r.rd.err_high() == 1u);
        CHECK(r.rd.position_offset() == 0);
        CHECK(r.device.take_interrupts() == 1);
    }
}

TEST_CASE("an element that runs over the end of what is mapped moves the bytes before it", "[abort]")
{
    rig r;
    r.rd.list().data(ctl::cycle, 4096, r.near.address() + r.near.size() - 1000, r.far(0));
    r.rd.start();
    CHECK(r.rd.err_high() == 1u);
    CHECK(r.near_equals_far(r.near.size() - 1000, 0, 1000));
}

TEST_CASE("an engine's own bus answers bad addresses with a bus error", "[abort]")
{
    rig r;
    r.wr.list().data(ctl::cycle, 4096, nowhere, r.near.address());
    r.wr.start();
    CHECK(r.wr.status() == channel_status::halted);
    CHECK(r.wr.err_low() == 1u);
    CHECK(r.near.untouched_outside(0, 0));
    r.rd.list().data(ctl::cycle, 4096, r.near.address(), nowhere);
    r.rd.start();
    CHECK(r.rd.err_low() == 1u);
    CHECK(r.rd.err_high() == 0u);
}

TEST_CASE("a posted write nobody claims is lost, and only the journal knows", "[abort]")
{
    model_spec spec = null_link();
    spec.strict = false;
    rig r(spec);
    r.wr.list().data(ctl::cycle | ctl::local_int, 4096, r.far(0), nowhere);
    r.wr.list().data(0, 0, 0, 0);
    r.wr.start();
    CHECK(r.wr.status() == channel_status::stopped);
    CHECK(r.wr.done());
    CHECK(r.violations(violation_kind::lost_write) == 1);
    CHECK(r.device.violations().entries()[0].value == nowhere);
}

TEST_CASE("it aborts where the bus is asked to tell", "[abort]")
{
    const model_spec spec = null_link();
    machine_config config = configure(spec);
    config.unclaimed_writes_abort = true;
    rig r(spec, config);
    r.wr.list().data(ctl::cycle | ctl::local_int, 4096, r.far(0), nowhere);
    r.wr.list().data(0, 0, 0, 0);
    r.wr.start();
    CHECK(r.wr.status() == channel_status::halted);
    CHECK(r.wr.aborted());
    CHECK_FALSE(r.wr.done());
    CHECK(r.wr.err_low() == 0);
    CHECK(r.wr.position_offset() == 0);
    CHECK(r.violations(violation_kind::lost_write) == 1);
}

TEST_CASE("after unmap no engine reaches the memory any more", "[abort]")
{
    rig r(paced(1, 1));
    write_list(r, channel_kind::rd, 2, 65536);
    r.rd.start();
    r.device.advance_to(50'000);
    REQUIRE(r.rd.status() == channel_status::running);
    r.near.unmap();
    std::ranges::fill(std::span(r.near.data(), r.near.size()), std::byte{0xee});
    const std::vector<std::byte> far(r.far_bytes(0, 1u << 20).begin(), r.far_bytes(0, 1u << 20).end());
    REQUIRE(r.device.run_until_idle());
    CHECK(r.rd.status() == channel_status::halted);
    CHECK(r.rd.err_high() == 1u);
    CHECK(std::ranges::equal(r.far_bytes(0, 1u << 20), far));
}

TEST_CASE("an abort in list mode interrupts only when the engine was told to", "[abort]")
{
    rig r;
    write_list(r, channel_kind::wr, 1, 64);
    r.device.injected().add({});
    r.wr.enable();
    r.wr.unmask();
    r.wr.point_at(r.wr.list().at(0), true);
    r.wr.doorbell();
    CHECK(r.wr.aborted()); // status is raw
    CHECK(r.device.take_interrupts() == 0);

    r.wr.clear();
    r.port.registers->store(reg::wr.list_err_enable, edma::abort_bit(0));
    r.device.injected().add({});
    r.wr.doorbell();
    CHECK(r.device.take_interrupts() == 1);

    r.wr.clear();
    r.port.registers->store(reg::wr.int_mask, edma::all_int_bits);
    r.device.injected().add({});
    r.wr.doorbell();
    CHECK(r.wr.aborted());
    CHECK(r.device.take_interrupts() == 0);
}

TEST_CASE("an abort posts its message when the engine was told to", "[abort]")
{
    rig r;
    auto& space = *r.port.registers;
    const auto& words = r.port.completion_word;
    space.store(reg::rd.abort_imwr_low, low(words.engine + 8));
    space.store(reg::rd.abort_imwr_high, high(words.engine + 8));
    space.store(reg::rd.imwr_data, 0x77);
    const auto word = [&] {
        std::uint32_t value;
        std::memcpy(&value, words.cpu + 8, sizeof value);
        return value;
    };
    write_list(r, channel_kind::rd, 1, 64);
    r.device.injected().add({.times = 0});
    r.rd.enable();
    r.rd.point_at(r.rd.list().at(0), true);
    r.rd.doorbell();
    CHECK(word() == 0);
    space.store(reg::rd.list_err_enable, edma::done_bit(0));
    r.rd.doorbell();
    CHECK(word() == 0x77);
}

TEST_CASE("in register mode the transfer's own enables decide who is told of an abort", "[abort]")
{
    for (const std::uint32_t control : {0u, ctl::local_int, ctl::remote_int}) {
        rig r;
        auto& space = *r.port.registers;
        const auto& words = r.port.completion_word;
        space.store(reg::wr.abort_imwr_low, low(words.engine));
        space.store(reg::wr.abort_imwr_high, high(words.engine));
        space.store(reg::wr.imwr_data, 1);
        r.device.injected().add({.cause = abort_cause::local_bus_error, .after_bytes = 10});
        r.wr.enable();
        r.wr.unmask();
        r.wr.start_register_mode(control, 64, r.far(0), r.near.address());
        CHECK(r.wr.status() == channel_status::halted);
        CHECK(r.wr.aborted());
        CHECK(r.device.take_interrupts() == (control == ctl::local_int ? 1u : 0u));
        CHECK((words.cpu[0] == std::byte{1}) == (control == ctl::remote_int));
        CHECK(r.near_equals_far(0, 0, 10));
        CHECK(r.near.untouched_outside(0, 10));
    }
}

TEST_CASE("clearing the abort clears its cause, of that channel only", "[abort]")
{
    rig r;
    channel_driver second(r.port, channel_kind::rd, 1);
    for (channel_driver* c : {&r.rd, &second}) {
        c->list().data(ctl::cycle, 64, nowhere, r.far(0));
        c->start();
    }
    CHECK(r.rd.err_high() == 0b11u);
    second.clear();
    CHECK(r.rd.err_high() == 0b01u);
    CHECK(r.rd.aborted());
    CHECK_FALSE(second.aborted());
}

TEST_CASE("a halted channel takes up the element at fault again", "[abort]")
{
    for (const bool timed : {false, true}) {
        rig r(timed ? paced(4, 4) : null_link());
        write_list(r, channel_kind::rd, 3, 20000);
        r.device.injected().add({.cause = abort_cause::completer_abort, .element = 2, .after_bytes = 5000});
        r.rd.start();
        REQUIRE(r.device.run_until_idle());
        REQUIRE(r.rd.position_offset() == 24);
        r.rd.clear();
        r.rd.doorbell(); // no fatal cause: the engine need not be reset
        REQUIRE(r.device.run_until_idle());
        CHECK(r.rd.status() == channel_status::stopped);
        CHECK(r.rd.position_offset() == 72);
        CHECK(r.near_equals_far(0, 0, 60000));
        CHECK(r.device.violations().count() == 0);
    }
}

TEST_CASE("an abort leaves the other channels of its engine alone", "[abort]")
{
    rig r(paced(4, 4));
    channel_driver second(r.port, channel_kind::rd, 1);
    write_list(r, channel_kind::rd, 2, 100'000);
    second.list().data(ctl::cycle, 100'000, r.near.address() + 500'000, r.far(500'000));
    second.list().data(0, 0, 0, 0);
    r.device.injected().add({.at = {.channel = 0}, .after_bytes = 30'000});
    r.rd.start();
    second.start();
    REQUIRE(r.device.run_until_idle());
    CHECK(r.rd.status() == channel_status::halted);
    CHECK(second.status() == channel_status::stopped);
    CHECK(r.near_equals_far(500'000, 500'000, 100'000));
    CHECK(r.near_equals_far(0, 0, 30'000));
}

TEST_CASE("what an aborted channel still had on its way never lands", "[abort]")
{
    rig r(paced(1, 1));
    write_list(r, channel_kind::rd, 4, 32768);
    r.device.injected().add({.element = 1, .after_bytes = 4096});
    r.rd.start();
    while (r.rd.status() == channel_status::running) REQUIRE(r.device.step());
    const std::vector<std::byte> far(r.far_bytes(0, 131072).begin(), r.far_bytes(0, 131072).end());
    r.rd.clear();
    REQUIRE(r.device.run_until_idle());
    CHECK(std::ranges::equal(r.far_bytes(0, 131072), far));
    CHECK_FALSE(r.rd.aborted());
}
