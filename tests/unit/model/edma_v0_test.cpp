// SPDX-License-Identifier: MIT
//
// Every register of the eDMA v0 face: what it holds after power-on, what a store does to it, and
// how interrupts and messages come about.
#include "rig.hpp"

#include <counterflow/error.hpp>

using namespace cf;
using namespace cf::model;
using namespace cf::model::test;
using edma::channel_status;

namespace {

std::uint32_t word_at(const edma::shared_memory& memory, std::size_t index = 0)
{
    std::uint32_t value;
    std::memcpy(&value, memory.cpu + 4 * index, sizeof value);
    return value;
}

/// One element of 64 bytes, then the end.
void one_element(rig& r, channel_driver& channel, std::uint32_t control)
{
    const bool wr = &channel == &r.wr;
    channel.list().data(ctl::cycle | control, 64, wr ? r.far(0) : r.near.address(),
                        wr ? r.near.address() : r.far(0));
    channel.list().data(0, 0, 0, 0);
}

} // namespace

TEST_CASE("channel counts are in CTRL and cannot be written", "[edma_v0]")
{
    model_spec spec = null_link();
    spec.wr = 8;
    spec.rd = 3;
    rig r(spec);
    CHECK(r.port.registers->load(reg::control) == (8u | 3u << 16));
    r.port.registers->store(reg::control, 0);
    CHECK(r.port.registers->load(reg::control) == (8u | 3u << 16));
    CHECK(r.device.violations().count() == 0);
}

TEST_CASE("after power-on everything is off, masked and weighted equally", "[edma_v0]")
{
    rig r;
    auto& space = *r.port.registers;
    for (const reg::bank* bank : {&reg::wr, &reg::rd}) {
        CHECK(space.load(bank->engine_enable) == 0);
        CHECK(space.load(bank->int_status) == 0);
        CHECK(space.load(bank->int_mask) == edma::all_int_bits);
        CHECK(space.load(bank->err_low) == 0);
        CHECK(space.load(bank->weight_low) == 0x8421);
        CHECK(space.load(bank->list_err_enable) == 0);
    }
    CHECK(r.wr.status() == channel_status::reserved);
    CHECK(r.wr.load(reg::ch_llp_low) == 0);
}

TEST_CASE("read-write registers keep what is stored", "[edma_v0]")
{
    rig r;
    auto& space = *r.port.registers;
    for (const reg::bank* bank : {&reg::wr, &reg::rd}) {
        std::uint32_t value = 0x1234'5600;
        for (const std::uint32_t offset :
             {bank->weight_low, bank->weight_high, bank->done_imwr_low, bank->done_imwr_high,
              bank->abort_imwr_low, bank->abort_imwr_high, bank->imwr_data, bank->imwr_data + 4,
              bank->imwr_data + 8, bank->imwr_data + 12}) {
            space.store(offset, ++value);
            CHECK(space.load(offset) == value);
        }
        space.store(bank->int_mask, ~0u);
        CHECK(space.load(bank->int_mask) == edma::all_int_bits);
        space.store(bank->list_err_enable, ~0u);
        CHECK(space.load(bank->list_err_enable) == edma::all_int_bits);
    }
    space.store(reg::arbitration, ~0u);
    CHECK(space.load(reg::arbitration) == 0xfff);
}

TEST_CASE("handshake enables are kept beside the engine's", "[edma_v0]")
{
    rig r;
    r.port.registers->store(reg::wr.engine_enable, 0x5'0000);
    CHECK_FALSE(r.device.hardware().next_event());
    CHECK(r.port.registers->load(reg::wr.engine_enable) == 0x5'0000);
    r.port.registers->store(reg::wr.engine_enable, 0xff02'0001);
    CHECK(r.port.registers->load(reg::wr.engine_enable) == 0x2'0001);
    CHECK(r.port.registers->load(reg::rd.engine_enable) == 0);
}

TEST_CASE("contexts of all channels are separate", "[edma_v0]")
{
    model_spec spec = null_link();
    spec.wr = spec.rd = 8;
    rig r(spec);
    auto& space = *r.port.registers;
    const std::uint32_t fields[] = {reg::ch_control2, reg::ch_size,     reg::ch_sar_low, reg::ch_sar_high,
                                    reg::ch_dar_low,  reg::ch_dar_high, reg::ch_llp_low, reg::ch_llp_high};
    std::uint32_t value = 0;
    for (const channel_kind kind : {channel_kind::wr, channel_kind::rd})
        for (unsigned channel = 0; channel < 8; ++channel)
            for (const std::uint32_t field : fields)
                space.store(reg::channel(kind, channel, field), value += 4);
    value = 0;
    for (const channel_kind kind : {channel_kind::wr, channel_kind::rd})
        for (unsigned channel = 0; channel < 8; ++channel)
            for (const std::uint32_t field : fields)
                CHECK(space.load(reg::channel(kind, channel, field)) == (value += 4));
    CHECK(r.device.violations().count() == 0);
}

TEST_CASE("the status bits of CONTROL1 are read only", "[edma_v0]")
{
    rig r;
    r.wr.store(reg::ch_control1, ~0u);
    CHECK(r.wr.load(reg::ch_control1) == (~0u & ~ctl::status_mask));
}

TEST_CASE("doorbell and clear registers read as zero", "[edma_v0]")
{
    rig r;
    one_element(r, r.wr, ctl::local_int);
    r.wr.start();
    CHECK(r.port.registers->load(reg::wr.doorbell) == 0);
    CHECK(r.port.registers->load(reg::wr.int_clear) == 0);
}

TEST_CASE("register mode moves one transfer and stops", "[edma_v0]")
{
    rig r;
    r.wr.enable();
    r.wr.unmask();
    r.wr.start_register_mode(ctl::local_int, 4099, r.far(5), r.near.address() + 1);
    CHECK(r.wr.status() == channel_status::stopped);
    CHECK(r.wr.load(reg::ch_size) == 0);
    CHECK(r.wr.done());
    CHECK(r.near_equals_far(1, 5, 4099));
    CHECK(r.near.untouched_outside(1, 4099));
    CHECK(r.device.take_interrupts() == 1);

    r.rd.enable();
    r.rd.start_register_mode(0, 100, r.near.address(), r.far(100'000)); // no interrupt asked for
    CHECK(r.rd.status() == channel_status::stopped);
    CHECK_FALSE(r.rd.done());
    CHECK(r.near_equals_far(0, 100'000, 100));
}

TEST_CASE("a doorbell is ignored while the engine is disabled", "[edma_v0]")
{
    rig r;
    one_element(r, r.wr, ctl::local_int);
    r.wr.point_at(r.wr.list().at(0), true);
    r.wr.doorbell();
    CHECK(r.wr.status() == channel_status::reserved);
    CHECK(r.near.untouched_outside(0, 0));
    CHECK(r.violations(violation_kind::doorbell_while_disabled) == 1);
    r.wr.enable(); // it was not latched either
    CHECK(r.wr.status() == channel_status::reserved);
    r.wr.doorbell();
    CHECK(r.wr.status() == channel_status::stopped);
    CHECK(r.near_equals_far(0, 0, 64));
}

TEST_CASE("only elements that ask for it set their done bit", "[edma_v0]")
{
    rig r;
    one_element(r, r.wr, 0);
    r.wr.start();
    CHECK(r.near_equals_far(0, 0, 64));
    CHECK_FALSE(r.wr.done());
    CHECK(r.device.take_interrupts() == 0);
}

TEST_CASE("the mask holds back the interrupt but not the status", "[edma_v0]")
{
    rig r;
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

TEST_CASE("writing one clears status bits, and only those", "[edma_v0]")
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

TEST_CASE("a done bit that is still set swallows the next interrupt", "[edma_v0]")
{
    rig r;
    auto& list = r.wr.list();
    list.data(ctl::cycle | ctl::local_int, 64, r.far(0), r.near.address());
    list.data(ctl::cycle | ctl::local_int, 64, r.far(64), r.near.address() + 64);
    list.data(0, 0, 0, 0);
    r.wr.start();
    CHECK(r.device.take_interrupts() == 1);
    CHECK(r.wr.position_offset() == 48);
    r.wr.clear();
    r.wr.doorbell(); // stops at once: a stop raises nothing
    CHECK_FALSE(r.wr.done());
    CHECK(r.device.take_interrupts() == 0);
}

TEST_CASE("a store to the status register interrupts without setting a bit", "[edma_v0]")
{
    rig r;
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

TEST_CASE("elements with RIE post their channel's message into near memory", "[edma_v0]")
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
    CHECK(r.device.take_interrupts() == 1);
}

TEST_CASE("a message nobody takes is noted", "[edma_v0]")
{
    model_spec spec = null_link();
    spec.strict = false;
    rig r(spec);
    r.port.registers->store(reg::wr.done_imwr_low, 0xfee0'0000);
    one_element(r, r.wr, ctl::remote_int);
    r.wr.start();
    REQUIRE(r.violations(violation_kind::lost_message) == 1);
    CHECK(r.device.violations().entries()[0].value == 0xfee0'0000);
}

TEST_CASE("a message address that is not memory may belong to an interrupt controller", "[edma_v0]")
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

TEST_CASE("stop ends a running channel at the element under way", "[edma_v0]")
{
    for (const channel_kind kind : {channel_kind::wr, channel_kind::rd}) {
        rig r(paced(1, 1));
        channel_driver& c = kind == channel_kind::wr ? r.wr : r.rd;
        const auto far = r.far(0), near = r.near.address();
        const auto put = [&](std::uint32_t size, std::uint64_t offset) {
            if (kind == channel_kind::wr)
                c.list().data(ctl::cycle, size, far + offset, near + offset);
            else
                c.list().data(ctl::cycle, size, near + offset, far + offset);
        };
        put(4096, 0);
        put(512 * 1024, 4096);
        c.start();
        while (c.position_offset() != 24) REQUIRE(r.device.step());
        r.device.step();
        c.stop();
        CHECK(c.status() == channel_status::running); // a burst is on its way
        REQUIRE(r.device.run_until_idle());
        CHECK(c.status() == channel_status::stopped);
        CHECK(c.position_offset() == 24);
        CHECK(c.aborted());
        CHECK(c.err_low() == 0);
        CHECK(c.err_high() == 0);
        CHECK(r.device.take_interrupts() == 1);

        // A doorbell takes the element up again from its start.
        c.clear();
        c.list().data(0, 0, 0, 0);
        c.doorbell();
        REQUIRE(r.device.run_until_idle());
        CHECK(c.position_offset() == 48);
        CHECK(r.near_equals_far(0, 0, 4096 + 512 * 1024));
    }
}

TEST_CASE("a stop right behind the doorbell moves nothing", "[edma_v0]")
{
    rig r(paced(3, 1));
    one_element(r, r.wr, ctl::local_int);
    r.wr.start();
    r.wr.stop();
    CHECK(r.wr.status() == channel_status::stopped);
    REQUIRE(r.device.run_until_idle());
    CHECK(r.near.untouched_outside(0, 0));
    CHECK(r.wr.position_offset() == 0);
}

TEST_CASE("clearing engine enable takes effect behind the burst under way", "[edma_v0]")
{
    for (const channel_kind kind : {channel_kind::wr, channel_kind::rd}) {
        rig r(paced(1, 1));
        channel_driver& c = kind == channel_kind::wr ? r.wr : r.rd;
        const auto far = r.far(0), near = r.near.address();
        if (kind == channel_kind::wr)
            c.list().data(ctl::cycle, 1u << 20, far, near);
        else
            c.list().data(ctl::cycle, 1u << 20, near, far);
        c.list().data(0, 0, 0, 0);
        c.start();
        r.device.advance_to(20'000);
        c.disable();
        CHECK(c.enabled()); // not yet
        CHECK(c.status() == channel_status::running);
        c.enable(); // too early: it has to read 0 first
        c.doorbell();
        REQUIRE(r.device.run_until_idle());
        CHECK_FALSE(c.enabled());
        CHECK(c.status() == channel_status::stopped);
        CHECK(c.position_offset() == 0);
        CHECK_FALSE(c.aborted());
        CHECK(r.violations(violation_kind::enable_while_disabling) == 1);
        const nanoseconds quiet = r.device.now();

        c.enable();
        c.doorbell();
        REQUIRE(r.device.run_until_idle());
        CHECK(r.device.now() > quiet + 4'000'000); // the whole element again
        CHECK(c.position_offset() == 24);
        CHECK(r.near_equals_far(0, 0, 1u << 20));
    }
}

TEST_CASE("disabling one kind leaves the other alone", "[edma_v0]")
{
    rig r(paced(1, 1));
    r.wr.list().data(ctl::cycle, 65536, r.far(0), r.near.address());
    r.wr.list().data(0, 0, 0, 0);
    r.rd.list().data(ctl::cycle, 65536, r.near.address() + 65536, r.far(65536));
    r.rd.list().data(0, 0, 0, 0);
    r.wr.start();
    r.rd.start();
    r.device.advance_to(10'000);
    r.wr.disable();
    REQUIRE(r.device.run_until_idle());
    CHECK_FALSE(r.wr.enabled());
    CHECK(r.rd.enabled());
    CHECK(r.wr.position_offset() == 0);
    CHECK(r.rd.position_offset() == 24);
    CHECK(r.near_equals_far(65536, 65536, 65536));
}

TEST_CASE("impossible machines are refused", "[machine]")
{
    struct : signal_sink {
        void interrupt(unsigned) override {}
    } sink;
    machine_config config = configure(null_link());
    config.engines[0].wr = 0;
    CHECK_THROWS_AS(machine(config, sink), cf::error);
    config.engines[0].wr = 9;
    CHECK_THROWS_AS(machine(config, sink), cf::error);
    config.engines.clear();
    CHECK_THROWS_AS(machine(config, sink), cf::error);
}
