// SPDX-License-Identifier: MIT
//
// Who is told that an element is done: status bits, the line and its mask for a program beside the
// engine, IMWr messages for one across the link.
#include "rig.hpp"

using namespace cf;
using namespace cf::model;
using namespace cf::model::test;

namespace {

std::uint32_t word_at(const edma::shared_memory& memory, std::size_t index = 0)
{
    std::uint32_t value;
    std::memcpy(&value, memory.cpu + 4 * index, sizeof value);
    return value;
}

/// A null link whose engine sits beside the program, which therefore hears its line.
model_spec beside()
{
    model_spec spec = null_link();
    spec.engine = engine_choice::local;
    return spec;
}

} // namespace

TEST_CASE("only elements that ask for it set their done bit", "[interrupt]")
{
    rig r;
    one_element(r, r.wr, 0);
    r.wr.start();
    CHECK(r.near_equals_far(0, 0, 64));
    CHECK_FALSE(r.wr.done());
    CHECK(r.device.take_interrupts() == 0);
}

TEST_CASE("the mask holds back the interrupt but not the status", "[interrupt]")
{
    rig r(beside());
    one_element(r, r.wr, ctl::local_int);
    r.wr.enable();
    r.wr.point_at(r.wr.list().at(0), true);
    r.wr.doorbell();
    CHECK(r.wr.done());
    CHECK(r.device.take_interrupts() == 0);
    r.port.registers->store(reg::wr.int_mask, edma::abort_bit(0)); // uncovers a pending one
    CHECK(r.device.take_interrupts() == 1);
    r.port.registers->store(reg::wr.int_mask, 0); // it was uncovered before
    CHECK(r.device.take_interrupts() == 0);
}

TEST_CASE("writing one clears status bits, and only those", "[interrupt]")
{
    rig r;
    channel_driver second(r.port, channel_kind::wr, 1);
    one_element(r, r.wr, ctl::local_int);
    second.list().data(ctl::cycle | ctl::local_int, 64, r.far(0), r.near.address());
    second.list().data(0, 0, 0, 0);
    r.wr.start();
    second.start();
    CHECK(r.port.registers->load(reg::wr.int_status) == 0b11);
    r.port.registers->store(reg::wr.int_clear, 0b10);
    CHECK(r.port.registers->load(reg::wr.int_status) == 0b01);
    CHECK(r.port.registers->load(reg::rd.int_status) == 0);
}

TEST_CASE("a done bit that is still set swallows the next interrupt", "[interrupt]")
{
    rig r(beside());
    auto& list = r.wr.list();
    list.data(ctl::cycle | ctl::local_int, 64, r.near.address(), r.far(0));
    list.data(ctl::cycle | ctl::local_int, 64, r.near.address() + 64, r.far(64));
    list.data(0, 0, 0, 0);
    r.wr.start();
    CHECK(r.device.take_interrupts() == 1);
    CHECK(r.wr.position_offset() == 48);
    r.wr.clear();
    r.wr.doorbell(); // stops at once: a stop raises nothing
    CHECK_FALSE(r.wr.done());
    CHECK(r.device.take_interrupts() == 0);
}

TEST_CASE("the line is one level for all bits of both kinds: it rises once", "[interrupt]")
{
    rig r(beside());
    auto& space = *r.port.registers;
    one_element(r, r.wr, ctl::local_int);
    one_element(r, r.rd, ctl::local_int);
    r.wr.start();
    CHECK(r.device.take_interrupts() == 1);
    r.rd.start();
    CHECK(r.rd.done());
    CHECK(r.device.take_interrupts() == 0); // high already
    r.wr.clear();
    CHECK(r.device.take_interrupts() == 0); // and still
    r.rd.clear();
    r.wr.list().seek(0);
    one_element(r, r.wr, ctl::local_int);
    r.wr.start();
    CHECK(r.device.take_interrupts() == 1);
    space.store(reg::rd.int_status, 0); // emulated: the same line
    CHECK(r.device.take_interrupts() == 0);
}

TEST_CASE("the line of a far engine reaches nobody here; its message does", "[interrupt]")
{
    for (const bool timed : {false, true}) {
        rig r(timed ? paced(3, 1) : null_link());
        REQUIRE(r.port.message_interrupt);
        one_element(r, r.wr, ctl::local_int);
        r.wr.start();
        REQUIRE(r.device.run_until_idle());
        CHECK(r.wr.done());
        r.port.registers->store(reg::wr.int_status, 0);
        CHECK(r.device.take_interrupts() == 0);
        one_element(r, r.rd, tell);
        r.rd.start();
        REQUIRE(r.device.run_until_idle());
        CHECK(r.device.take_interrupts() == 1);
        CHECK(r.device.violations().count() == 0);
    }
}

TEST_CASE("a store to the status register interrupts without setting a bit", "[interrupt]")
{
    rig r(beside());
    auto& space = *r.port.registers;
    space.store(reg::wr.int_status, edma::done_bit(3));
    CHECK(space.load(reg::wr.int_status) == 0);
    CHECK(r.device.take_interrupts() == 1);
    space.store(reg::wr.int_status, 0); // the line is up already
    CHECK(r.device.take_interrupts() == 0);
    space.store(reg::wr.int_clear, edma::done_bit(3)); // does not let go of it
    space.store(reg::wr.int_status, 0);
    CHECK(r.device.take_interrupts() == 0);
    space.store(reg::wr.int_clear, 0);
    space.store(reg::wr.int_status, 0);
    CHECK(r.device.take_interrupts() == 1);
}

TEST_CASE("elements with RIE post their channel's message into near memory", "[interrupt]")
{
    rig r;
    auto& space = *r.port.registers;
    channel_driver second(r.port, channel_kind::wr, 1);
    const auto& words = r.port.completion_word;
    REQUIRE(words.size == 64);
    space.store(reg::wr.done_imwr_low, low(words.engine));
    space.store(reg::wr.done_imwr_high, high(words.engine));
    space.store(reg::wr.imwr_data, 0xbeef'cafe);
    space.store(reg::rd.done_imwr_low, low(words.engine + 4));
    space.store(reg::rd.done_imwr_high, high(words.engine + 4));
    space.store(reg::rd.imwr_data, 0x0000'1234);
    one_element(r, r.wr, ctl::remote_int);
    r.wr.start();
    CHECK(word_at(words) == 0xcafe);
    CHECK_FALSE(r.wr.done());
    CHECK(r.device.take_interrupts() == 0);
    second.list().data(ctl::cycle | ctl::remote_int, 64, r.far(0), r.near.address());
    second.list().data(0, 0, 0, 0);
    second.start();
    CHECK(word_at(words) == 0xbeef);
    one_element(r, r.rd, ctl::remote_int | ctl::local_int);
    r.rd.start();
    CHECK(word_at(words, 1) == 0x1234);
    CHECK(r.rd.done());
    CHECK(r.device.take_interrupts() == 0);
}

TEST_CASE("a message nobody takes is noted", "[interrupt]")
{
    model_spec spec = null_link();
    spec.strict = false;
    rig r(spec);
    r.port.registers->store(reg::wr.done_imwr_low, 0x1234'0000);
    one_element(r, r.wr, ctl::remote_int);
    r.wr.start();
    REQUIRE(r.violations(violation_kind::lost_message) == 1);
    CHECK(r.device.violations().entries()[0].value == 0x1234'0000);
}

TEST_CASE("a message address that is not memory may belong to an interrupt controller", "[interrupt]")
{
    struct controller : signal_sink {
        void interrupt(unsigned) override {}
        bool message(port_end end, std::uint64_t address, std::uint32_t data) override
        {
            at = end;
            last = {address, data};
            return true;
        }
        port_end at = port_end::endpoint;
        std::pair<std::uint64_t, std::uint32_t> last;
    } sink;
    const model_spec spec = null_link();
    machine m(configure(spec), sink);
    // A single register transfer inside memory of both ends.
    std::array<std::byte, 64> here{}, there{};
    m.own(port_end::endpoint).add({.address = 0x1000, .size = 64, .host = here.data()});
    m.inbound(port_end::root_port).add({.address = 0x1000, .size = 64, .host = there.data()});
    const auto context = [](std::uint32_t field) { return reg::channel(channel_kind::wr, 0, field); };
    m.store(0, reg::wr.engine_enable, 1, 0);
    m.store(0, reg::wr.done_imwr_low, 0xfee0'1000, 0);
    m.store(0, reg::wr.imwr_data, 0x4321, 0);
    m.store(0, context(reg::ch_control1), ctl::remote_int, 0);
    m.store(0, context(reg::ch_size), 64, 0);
    m.store(0, context(reg::ch_sar_low), 0x1000, 0);
    m.store(0, context(reg::ch_dar_low), 0x1000, 0);
    m.store(0, reg::wr.doorbell, 0, 0);
    CHECK(sink.at == port_end::root_port);
    CHECK(sink.last == std::pair<std::uint64_t, std::uint32_t>{0xfee0'1000, 0x4321});
    CHECK(m.violations().count() == 0);
}
