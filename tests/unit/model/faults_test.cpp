// SPDX-License-Identifier: MIT
//
// Every fault that can be set, alone: which elements and signals it strikes, and what the
// program then sees.
#include "rig.hpp"

using namespace cf;
using namespace cf::model;
using namespace cf::model::test;
using edma::channel_status;
using effect = signal_fault::effect;

namespace {

/// Runs one element with an interrupt, or a message.
void one_more(rig& r, std::uint32_t control = ctl::local_int)
{
    r.wr.list().seek(0);
    r.wr.list().data(ctl::cycle | control, 64, r.far(0), r.near.address());
    r.wr.list().data(0, 0, 0, 0);
    r.wr.clear();
    r.wr.start();
    REQUIRE(r.device.run_until_idle());
}

std::vector<std::uint64_t> interrupts_of(rig& r, unsigned runs)
{
    std::vector<std::uint64_t> counts;
    for (unsigned i = 0; i < runs; ++i) {
        one_more(r);
        CHECK(r.wr.done()); // whatever becomes of the interrupt, the status is there
        counts.push_back(r.device.take_interrupts());
    }
    return counts;
}

} // namespace

TEST_CASE("aborts strike the elements they are meant for", "[faults]")
{
    faults f;
    const auto plan = [&](unsigned engine, channel_kind kind, unsigned channel, std::uint64_t source,
                          std::uint64_t destination, std::uint64_t size) {
        return f.plan(engine, kind, channel, source, destination, size).has_value();
    };
    SECTION("the n-th and as many as asked for")
    {
        f.add({.element = 3, .times = 2});
        std::vector<bool> struck;
        for (int i = 0; i < 6; ++i) struck.push_back(plan(0, channel_kind::wr, 0, 0, 0, 1));
        CHECK(struck == std::vector<bool>{false, false, true, true, false, false});
    }
    SECTION("for ever")
    {
        f.add({.element = 2, .times = 0});
        CHECK_FALSE(plan(0, channel_kind::wr, 0, 0, 0, 1));
        for (int i = 0; i < 10; ++i) CHECK(plan(0, channel_kind::wr, 0, 0, 0, 1));
        f.clear();
        CHECK_FALSE(plan(0, channel_kind::wr, 0, 0, 0, 1));
    }
    SECTION("of one engine, kind and channel")
    {
        f.add({.at = {.engine = 1, .kind = channel_kind::rd, .channel = 2}, .times = 0});
        CHECK_FALSE(plan(0, channel_kind::rd, 2, 0, 0, 1));
        CHECK_FALSE(plan(1, channel_kind::wr, 2, 0, 0, 1));
        CHECK_FALSE(plan(1, channel_kind::rd, 1, 0, 0, 1));
        CHECK(plan(1, channel_kind::rd, 2, 0, 0, 1));
    }
    SECTION("that touch a range")
    {
        f.add({.address = 1000, .size = 100, .times = 0});
        CHECK_FALSE(plan(0, channel_kind::wr, 0, 0, 5000, 1000));   // ends just before
        CHECK(plan(0, channel_kind::wr, 0, 0, 5000, 1001));         // source reaches in
        CHECK(plan(0, channel_kind::wr, 0, 5000, 1099, 1));         // destination's last byte
        CHECK_FALSE(plan(0, channel_kind::wr, 0, 5000, 1100, 100)); // just behind
    }
    SECTION("with no more bytes than the element has")
    {
        f.add({.after_bytes = 5000});
        CHECK(f.plan(0, channel_kind::wr, 0, 0, 0, 4096)->after_bytes == 4096);
    }
    CHECK(f.struck().lost == 0);
}

TEST_CASE("interrupts are lost, repeated and delayed as asked", "[faults]")
{
    rig r(paced(3, 1));
    auto& f = r.device.injected();
    using counts = std::vector<std::uint64_t>;
    SECTION("one shot")
    {
        f.interrupts({.what = effect::lose});
        CHECK(interrupts_of(r, 3) == counts{0, 1, 1});
        CHECK(f.struck().lost == 1);
    }
    SECTION("every second")
    {
        f.interrupts({.what = effect::lose, .nth = 2, .times = 0});
        CHECK(interrupts_of(r, 4) == counts{1, 0, 1, 0});
        CHECK(f.struck().lost == 2);
    }
    SECTION("all")
    {
        f.interrupts({.what = effect::lose, .times = 0});
        CHECK(interrupts_of(r, 3) == counts{0, 0, 0});
    }
    SECTION("repeated")
    {
        f.interrupts({.what = effect::repeat, .times = 2, .copies = 8});
        CHECK(interrupts_of(r, 3) == counts{8, 8, 1});
        CHECK(f.struck().repeated == 2);
    }
    SECTION("repeated at a distance")
    {
        f.interrupts({.what = effect::repeat, .copies = 3, .delay = 1'000'000});
        r.wr.list().data(ctl::cycle | ctl::local_int, 64, r.far(0), r.near.address());
        r.wr.list().data(0, 0, 0, 0);
        r.wr.start();
        counts arrived;
        for (nanoseconds ms = 1; ms <= 3; ++ms) {
            r.device.advance_to(ms * 1'000'000 - 1000);
            arrived.push_back(r.device.take_interrupts());
        }
        CHECK(arrived == counts{1, 1, 1});
    }
    SECTION("of another engine")
    {
        f.interrupts({.engine = 1, .what = effect::lose, .times = 0});
        CHECK(interrupts_of(r, 1) == counts{1});
    }
    SECTION("delayed")
    {
        f.interrupts({.what = effect::delay, .delay = 300'000});
        r.wr.list().data(ctl::cycle | ctl::local_int, 64, r.far(0), r.near.address());
        r.wr.list().data(0, 0, 0, 0);
        r.wr.start();
        while (!r.wr.done()) REQUIRE(r.device.step());
        const nanoseconds done = r.device.now();
        r.device.advance_to(done + 299'000);
        CHECK(r.device.take_interrupts() == 0);
        r.wr.clear(); // it comes all the same: a late one
        r.device.advance_to(done + 302'000);
        CHECK(r.device.take_interrupts() == 1);
        CHECK(f.struck().delayed == 1);
    }
}

TEST_CASE("messages are lost on their own account", "[faults]")
{
    rig r;
    const auto& words = r.port.completion_word;
    r.port.registers->store(reg::wr.done_imwr_low, low(words.engine));
    r.port.registers->store(reg::wr.done_imwr_high, high(words.engine));
    r.port.registers->store(reg::wr.imwr_data, 9);
    r.device.injected().interrupts({.what = effect::lose, .times = 0});
    r.device.injected().messages({.what = effect::lose});
    one_more(r, ctl::remote_int);
    CHECK(words.cpu[0] == std::byte{0});
    one_more(r, ctl::remote_int);
    CHECK(words.cpu[0] == std::byte{9});
}

TEST_CASE("a hung channel runs, moves nothing, ignores stop, and is freed by an engine reset", "[faults]")
{
    for (const bool timed : {false, true}) {
        rig r(timed ? paced(3, 1) : null_link());
        r.device.injected().hang({.at = {.kind = channel_kind::wr, .channel = 0}});
        r.wr.list().data(ctl::cycle | ctl::local_int, 64, r.far(0), r.near.address());
        r.wr.list().data(0, 0, 0, 0);
        r.wr.start();
        REQUIRE(r.device.run_until_idle());
        CHECK(r.wr.status() == channel_status::running);
        r.wr.stop();
        REQUIRE(r.device.run_until_idle());
        CHECK(r.wr.status() == channel_status::running);
        CHECK_FALSE(r.wr.aborted());
        CHECK(r.near.untouched_outside(0, 0));
        r.device.injected().clear();
        r.wr.doorbell();
        REQUIRE(r.device.run_until_idle());
        CHECK(r.wr.status() == channel_status::running); // for good
        r.wr.disable();
        REQUIRE(r.device.run_until_idle());
        CHECK_FALSE(r.wr.enabled());
        CHECK(r.wr.status() == channel_status::stopped);
        r.wr.enable();
        r.wr.doorbell();
        REQUIRE(r.device.run_until_idle());
        CHECK(r.near_equals_far(0, 0, 64));
    }
}

TEST_CASE("a channel that hangs for good keeps its engine from being disabled", "[faults]")
{
    rig r;
    channel_driver second(r.port, channel_kind::wr, 1);
    r.device.injected().hang({.at = {.channel = 1}, .survives_reset = true});
    second.list().data(ctl::cycle, 64, r.far(0), r.near.address());
    second.start();
    second.disable();
    REQUIRE(r.device.run_until_idle());
    CHECK(second.enabled());
    CHECK(second.status() == channel_status::running);
}

TEST_CASE("a late stop loses the doorbells rung before it shows", "[faults]")
{
    rig r(paced(3, 1));
    r.device.injected().late_stop({}, 50'000);
    const auto first = r.wr.list().data(ctl::cycle, 64, r.far(0), r.near.address());
    const auto second = r.wr.list().data(0, 64, r.far(64), r.near.address() + 64);
    r.wr.list().data(0, 0, 0, 0);
    r.wr.start();
    while (r.wr.position_offset() == first) REQUIRE(r.device.step());
    r.device.advance_to(r.device.now() + 10'000);
    CHECK(r.wr.status() == channel_status::running); // though its walker has seen the end
    r.wr.list().control(second, ctl::cycle);
    r.wr.doorbell();
    REQUIRE(r.device.run_until_idle());
    CHECK(r.wr.status() == channel_status::stopped);
    CHECK(r.wr.position_offset() == second);
    r.wr.doorbell();
    REQUIRE(r.device.run_until_idle());
    CHECK(r.wr.position_offset() == second + 24);
}

TEST_CASE("a late start has looked at nothing when it is called off", "[faults]")
{
    rig r(paced(3, 1));
    r.device.injected().late_start({}, 100'000);
    const auto first = r.wr.list().data(ctl::cycle, 64, r.far(0), r.near.address());
    r.wr.list().data(0, 0, 0, 0);
    r.wr.start();
    CHECK(r.wr.status() == channel_status::running);
    SECTION("left alone, it starts with what the list holds by then")
    {
        r.device.advance_to(90'000);
        CHECK(r.near.untouched_outside(0, 0));
        r.wr.list().seek(first);
        r.wr.list().data(ctl::cycle, 64, r.far(4096), r.near.address());
        REQUIRE(r.device.run_until_idle());
        CHECK(r.near_equals_far(0, 4096, 64));
    }
    SECTION("a stop comes before it")
    {
        r.wr.stop();
        REQUIRE(r.device.run_until_idle());
        CHECK(r.wr.status() == channel_status::stopped);
        CHECK(r.near.untouched_outside(0, 0));
    }
    SECTION("so does an engine disable")
    {
        r.wr.disable();
        CHECK_FALSE(r.wr.enabled());
        REQUIRE(r.device.run_until_idle());
        CHECK(r.near.untouched_outside(0, 0));
    }
}

TEST_CASE("a late completion shows behind its data", "[faults]")
{
    rig r(paced(3, 1));
    r.device.injected().late_completion({}, 100'000);
    r.wr.list().data(ctl::cycle | ctl::local_int, 64, r.far(0), r.near.address());
    r.wr.list().data(0, 0, 0, 0);
    r.wr.start();
    r.device.advance_to(50'000);
    CHECK(r.near_equals_far(0, 0, 64));
    CHECK(r.wr.status() == channel_status::running);
    CHECK(r.wr.position_offset() == 0);
    CHECK_FALSE(r.wr.done());
    REQUIRE(r.device.run_until_idle());
    CHECK(r.wr.position_offset() == 24);
    CHECK(r.wr.done());
    CHECK(r.device.now() > 100'000);
}

TEST_CASE("late completions stay in order, and an abort behind them does not swallow them", "[faults]")
{
    rig r(paced(3, 1));
    r.device.injected().late_completion({}, 100'000);
    r.device.injected().add({.element = 3});
    for (unsigned i = 0; i < 3; ++i)
        r.wr.list().data(ctl::cycle | ctl::local_int, 64, r.far(64 * i), r.near.address() + 64 * i);
    r.wr.start();
    REQUIRE(r.device.run_until_idle());
    CHECK(r.wr.position_offset() == 48);
    CHECK(r.wr.done());
    CHECK(r.wr.aborted());
}

TEST_CASE("with the link down a remote engine reads as all ones and has lost its state", "[faults]")
{
    for (const bool timed : {false, true}) {
        rig r(timed ? paced(1, 1) : null_link());
        r.wr.list().data(ctl::cycle | ctl::local_int, 1u << 19, r.far(0), r.near.address());
        r.wr.list().data(0, 0, 0, 0);
        r.wr.start();
        r.device.advance_to(100'000);
        r.device.take_interrupts();
        r.device.set_link(false);
        CHECK(r.wr.load(reg::ch_control1) == edma::all_ones);
        CHECK(r.port.registers->load(reg::control) == edma::all_ones);
        r.wr.doorbell();
        REQUIRE(r.device.run_until_idle());
        CHECK(r.device.take_interrupts() == 0);
        r.device.set_link(true);
        CHECK(r.port.registers->load(reg::control) == (4u | 2u << 16));
        CHECK_FALSE(r.wr.enabled());
        CHECK(r.wr.position() == 0);
        CHECK_FALSE(r.wr.done());
        r.wr.start();
        REQUIRE(r.device.run_until_idle());
        CHECK(r.wr.done());
        CHECK(r.near_equals_far(0, 0, 1u << 19));
    }
}

TEST_CASE("a reset is a power-on, whatever the link is", "[faults]")
{
    rig r(paced(1, 1));
    const bool up = GENERATE(true, false);
    r.wr.list().data(ctl::cycle | ctl::local_int, 1u << 19, r.far(0), r.near.address());
    r.wr.start();
    r.device.advance_to(100'000);
    r.device.set_link(up);
    r.device.hardware().reset(r.device.now());
    REQUIRE(r.device.run_until_idle());
    CHECK(r.device.take_interrupts() == 0);
    CHECK((r.port.registers->load(reg::control) == edma::all_ones) == !up);
    r.device.set_link(true);
    CHECK_FALSE(r.wr.enabled());
    CHECK(r.wr.status() == channel_status::reserved);
}

TEST_CASE("what a machine has done is counted", "[faults]")
{
    rig r;
    r.device.injected().add({.element = 3});
    r.wr.list().data(ctl::cycle, 64, r.far(0), r.near.address());
    r.wr.list().data(ctl::cycle, 64, r.far(0), r.near.address());
    r.wr.list().data(ctl::cycle, 64, r.far(0), r.near.address());
    r.wr.start();
    const activity& counted = r.device.hardware().counted();
    CHECK(counted.doorbells == 1);
    CHECK(counted.elements == 2);
    CHECK(counted.aborts == 1);
    r.rd.list().data(ctl::cycle, 64, r.near.address(), r.far(0));
    r.rd.start();
    r.rd.stop(); // too late to be one
    CHECK(counted.doorbells == 2);
    CHECK(counted.aborts == 1);
}

TEST_CASE("with the link down a local engine answers, and aborts what runs", "[faults]")
{
    model_spec spec = paced(1, 1);
    spec.engine = engine_choice::local;
    rig r(spec);
    r.wr.list().data(ctl::cycle, 1u << 19, r.near.address(), r.far(0));
    r.rd.list().data(ctl::cycle, 1u << 19, r.far(0), r.near.address());
    r.wr.start();
    r.rd.start();
    r.device.advance_to(100'000);
    r.device.set_link(false);
    CHECK(r.wr.status() == channel_status::halted);
    CHECK(r.wr.aborted());
    CHECK(r.wr.err_low() == 0);
    CHECK(r.rd.status() == channel_status::halted);
    CHECK(r.rd.err_high() == 1u << 16); // completion timeout
    CHECK(r.wr.enabled());
    r.rd.clear();
    r.rd.doorbell();
    REQUIRE(r.device.run_until_idle());
    CHECK(r.rd.status() == channel_status::halted);
    r.device.set_link(true);
    r.rd.clear();
    r.rd.list().data(0, 0, 0, 0);
    r.rd.doorbell();
    REQUIRE(r.device.run_until_idle());
    CHECK(r.rd.position_offset() == 24);
    CHECK(r.near_equals_far(0, 0, 1u << 19));
}
