// SPDX-License-Identifier: MIT
//
// The control language: what each command does, and how each mistake is answered.
#include "rig.hpp"

#include "vfio_user/control.hpp"
#include <counterflow/error.hpp>

#include <string>

using namespace cf;
using namespace cf::vfio_user;
using namespace cf::vfio_user::test;

namespace {

struct commanded : rig {
    explicit commanded(const model_spec& spec = null_link()) : rig(spec) { bring_up(interrupt); }

    void say(const std::string& text) { CHECK(execute(device, text) == "ok"); }
    /// A list of `count` elements, the last of which interrupts.
    void run(unsigned count, channel_kind kind = channel_kind::wr)
    {
        store(reg::of(kind).int_clear, edma::all_int_bits);
        for (unsigned i = 1; i <= count; ++i) {
            const std::uint32_t control = ctl::cycle | (i == count ? ctl::local_int : 0u);
            if (kind == channel_kind::wr)
                element(control, 64, rig::bar2_at + 0x10000, rig::ram_at);
            else
                element(control, 64, rig::ram_at, rig::bar2_at + 0x10000);
        }
        start(kind);
    }
    std::uint32_t position() { return load(reg::channel(channel_kind::wr, 0, reg::ch_llp_low)); }

    event interrupt;
};

std::string refused(endpoint& device, const std::string& text)
{
    try {
        execute(device, text);
    } catch (const cf::error& e) {
        CHECK(e.code() == errc::bad_argument);
        return e.what();
    }
    return "accepted";
}

bool contains(const std::string& text, const std::string& part)
{
    return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("an abort strikes the element, with the cause", "[control]")
{
    commanded c;
    c.say("abort,element=3");
    c.run(5);
    CHECK(c.load(reg::wr.int_status) == edma::abort_bit(0));
    CHECK(c.position() == rig::bar2_at + 48);
    c.say("abort,cause=completion_timeout,channel=rd0");
    c.run(1);
    CHECK(c.load(reg::wr.int_status) == edma::done_bit(0));
    c.run(1, channel_kind::rd);
    CHECK(c.load(reg::rd.int_status) == edma::abort_bit(0));
    CHECK(c.load(reg::rd.err_high) == 1u << 16);
    c.say("abort,times=0");
    c.say("clear");
    c.run(1);
    CHECK(c.load(reg::wr.int_status) == edma::done_bit(0));
}

TEST_CASE("interrupts are lost, doubled and late", "[control]")
{
    commanded c;
    c.say("lost-interrupt,nth=2");
    c.run(1);
    CHECK(c.interrupt.count() == 1);
    c.run(1);
    CHECK(c.interrupt.count() == 0);
    CHECK(c.load(reg::wr.int_status) == edma::done_bit(0));
    c.say("clear");
    c.say("doubled-interrupt,copies=3,time=0ns");
    c.run(1);
    CHECK(c.interrupt.count() == 3);
    c.say("clear");
    c.say("late-interrupt,time=1ms");
    c.run(1);
    CHECK(c.load(reg::wr.int_status) == edma::done_bit(0));
    CHECK(c.interrupt.wait());
}

TEST_CASE("a start can be late, and hang", "[control]")
{
    commanded c;
    SECTION("late")
    {
        c.ram->fill(1);
        const std::byte before = c.ram->data()[0];
        c.bar2->data()[0x10000] = ~before;
        c.say("late-start,time=3600s");
        c.run(1);
        CHECK(c.ram->data()[0] == before);
        CHECK(c.load(reg::wr.int_status) == 0);
        c.store(reg::wr.engine_enable, 0); // a driver that gives up
        CHECK(c.load(reg::wr.engine_enable) == 0);
        c.say("clear");
        c.run(1);
        CHECK(c.ram->data()[0] == ~before);
    }
    SECTION("hung")
    {
        c.say("hang,channel=wr");
        c.run(1);
        CHECK(edma::status_of(c.load(reg::channel(channel_kind::wr, 0, reg::ch_control1))) ==
              edma::channel_status::running);
        c.say("clear");
        c.store(reg::wr.engine_enable, 0);
        c.run(1);
        CHECK(c.load(reg::wr.int_status) == edma::done_bit(0));
    }
    SECTION("hung, and a reset does not help")
    {
        c.say("hang,channel=wr0,for-good");
        c.run(1);
        c.store(reg::wr.engine_enable, 0);
        CHECK(c.load(reg::wr.engine_enable) == 1);
    }
}

TEST_CASE("the link goes down and comes back", "[control]")
{
    commanded c;
    c.say("link-down");
    CHECK(c.load(reg::control) == edma::all_ones);
    c.say("link-up");
    CHECK(c.load(reg::control) == (2u | 2u << 16));
}

TEST_CASE("statistics count what was done", "[control]")
{
    commanded c;
    const auto before = c.device.statistics();
    c.run(3);
    c.load(reg::control);
    c.say("abort");
    c.run(1);
    const auto after = c.device.statistics();
    CHECK(after.loads - before.loads == 1);
    CHECK(after.stores - before.stores == 2 * 8);
    CHECK(after.engine.doorbells - before.engine.doorbells == 2);
    CHECK(after.engine.elements - before.engine.elements == 3);
    CHECK(after.engine.aborts - before.engine.aborts == 1);
    CHECK(after.interrupts - before.interrupts == 2);
    CHECK(execute(c.device, "statistics") ==
          "loads=1 stores=16 doorbells=2 elements=3 aborts=1 interrupts=2");
}

TEST_CASE("the endpoint vanishes without an answer", "[control]")
{
    commanded c;
    SECTION("at once")
    {
        c.say("exit");
        CHECK(c.device.doomed());
        CHECK_FALSE(c.session_->serve());
    }
    SECTION("at a doorbell")
    {
        c.say("exit,doorbell=2");
        c.run(1);
        CHECK(c.open);
        const auto payload = bytes_of(region_payload{reg::wr.doorbell, region_bar0, 4}, std::uint32_t{0});
        CHECK_FALSE(c.client_.ask(command::region_write, payload).arrived());
        CHECK_FALSE(c.open);
    }
}

TEST_CASE("mistakes are answered with what is wrong and what would be right", "[control]")
{
    rig r;
    const auto says = [&](const std::string& text, const std::string& part) {
        INFO(text << " gave " << refused(r.device, text));
        CHECK(contains(refused(r.device, text), part));
    };
    says("", "the commands are abort");
    says("explode", "'explode' is no command; the commands are abort");
    says("abort,elements=3", "unknown key 'elements'; its keys are element");
    says("abort,element=3,element=4", "element is given twice");
    says("abort,element=0", "element is '0'; it must be a number, at least 1");
    says("abort,element=", "element is ''");
    says("abort,element=3x", "element is '3x'");
    says("abort,cause=bad", "cause is 'bad'; it must be one of unsupported_request");
    says("abort,channel=wr8", "channel is 'wr8'; it must be wr, rd, wr0");
    says("abort,channel=", "channel is ''");
    says("late-start", "time is missing; write time=10ms");
    says("late-start,time=5", "time is '5'");
    says("late-start,time=4000s", "at most 3600s");
    says("doubled-interrupt,copies=1", "copies is '1'");
    says("doubled-interrupt,copies=1001", "copies is '1001'");
    says("link-down,now", "unknown key 'now'; it has no keys");
    says("statistics,please", "unknown key");
    says("abort\x1b[31m", "'abort?[31m' is no command");
}
