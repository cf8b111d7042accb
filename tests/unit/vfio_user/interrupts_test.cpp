// SPDX-License-Identifier: MIT
//
// Vectors: connected, masked, pending, and where messages to an address go.
#include "rig.hpp"

#include <cerrno>

using namespace cf;
using namespace cf::vfio_user;
using namespace cf::vfio_user::test;

TEST_CASE("a connected vector can be triggered, and disconnected", "[interrupts]")
{
    rig r(null_link(), {.msix = 4});
    r.greet();
    for (const std::uint32_t index : {irq_msi, irq_msix}) {
        const event first, second;
        const std::array files{first.fd(), second.fd()};
        CHECK(r.set_irqs(data_eventfd | action_trigger, index, 1, 2, files) == 0);
        CHECK(r.set_irqs(data_none | action_trigger, index, 0, 4) == 0);
        CHECK(first.count() == 1);
        CHECK(second.count() == 1);
        CHECK(r.set_irqs(data_bool | action_trigger, index, 1, 2, {}, bytes_of('\0', '\1')) == 0);
        CHECK(first.count() == 0);
        CHECK(second.count() == 1);
        CHECK(r.set_irqs(data_eventfd | action_trigger, index, 2, 1) == 0); // no descriptor: disconnects
        CHECK(r.set_irqs(data_none | action_trigger, index, 0, 4) == 0);
        CHECK(first.count() == 1);
        CHECK(second.count() == 0);
        CHECK(r.set_irqs(data_none | action_trigger, index, 0, 0) == 0); // all of them
        CHECK(r.set_irqs(data_none | action_trigger, index, 0, 4) == 0);
        CHECK(first.count() == 0);
    }
}

TEST_CASE("ranges of vectors that are not there are refused", "[interrupts]")
{
    rig r;
    r.greet();
    const event e;
    const std::array files{e.fd()};
    CHECK(r.set_irqs(data_eventfd | action_trigger, irq_msi, 16, 1, files) == EINVAL);
    CHECK(r.set_irqs(data_none | action_trigger, irq_msi, 0, 17) == EINVAL);
    CHECK(r.set_irqs(data_none | action_trigger, irq_msi, 0xffff'fff0, 15) == EINVAL);
    CHECK(r.set_irqs(data_eventfd | action_trigger, irq_msix, 0, 1, files) == EINVAL);
    CHECK(r.set_irqs(data_eventfd | action_trigger, irq_intx, 0, 1, files) == EINVAL);
    CHECK(r.set_irqs(data_none | action_trigger, irq_intx, 0, 0) == 0); // nothing to switch off
    CHECK(r.set_irqs(data_none | action_trigger, 9, 0, 1) == EINVAL);
    CHECK(r.set_irqs(data_eventfd | action_mask, irq_msi, 0, 1, files) == EINVAL);
}

TEST_CASE("what comes while a vector is masked waits", "[interrupts]")
{
    rig r;
    const event e;
    r.bring_up(e);
    const auto finish_one = [&] {
        r.store(reg::wr.int_clear, edma::all_int_bits);
        r.element(ctl::cycle | ctl::local_int, 64, rig::bar2_at + 0x1000, rig::ram_at);
        r.start(channel_kind::wr);
    };
    SECTION("by the client")
    {
        CHECK(r.set_irqs(data_none | action_mask, irq_msi, 0, 1) == 0);
        finish_one();
        finish_one();
        CHECK(e.count() == 0);
        CHECK(r.set_irqs(data_none | action_unmask, irq_msi, 0, 1) == 0);
        CHECK(e.count() == 1); // pending is a bit, not a number
    }
    SECTION("by the capability")
    {
        CHECK(r.write(region_config, 0x60, std::uint32_t{1}) == 0);
        finish_one();
        CHECK(e.count() == 0);
        CHECK(r.read<std::uint32_t>(region_config, 0x64) == 1);
        CHECK(r.write(region_config, 0x60, std::uint32_t{0}) == 0);
        CHECK(e.count() == 1);
        CHECK(r.read<std::uint32_t>(region_config, 0x64) == 0);
    }
    finish_one();
    CHECK(e.count() == 1);
}

TEST_CASE("a message to MSI's address is the vector of its data", "[interrupts]")
{
    rig r;
    const event zero, two;
    r.bring_up(zero);
    REQUIRE(r.connect_vector(irq_msi, 2, two) == 0);
    REQUIRE(r.write(region_config, 0x52, std::uint16_t{1 | 2 << 4}) == 0); // four vectors granted
    r.store(reg::wr.done_imwr_low, rig::msi_at);
    const auto finish_with = [&](std::uint32_t data) {
        r.store(reg::wr.imwr_data, data);
        r.element(ctl::cycle | ctl::remote_int, 64, rig::bar2_at + 0x1000, rig::ram_at);
        r.start(channel_kind::wr);
    };
    finish_with(0x4020);
    CHECK(zero.count() == 1);
    finish_with(0x4022);
    CHECK(two.count() == 1);
    finish_with(0x4024); // not granted
    finish_with(0x401f);
    r.store(reg::wr.done_imwr_low, rig::msi_at + 8); // elsewhere
    finish_with(0x4020);
    CHECK(zero.count() == 0);
    CHECK(two.count() == 0);
    std::uint64_t lost = 0;
    r.device.with_machine(
        [&](model::machine& m, auto) { lost = m.violations().count(model::violation_kind::lost_message); });
    CHECK(lost == 3);
}

TEST_CASE("with MSI-X every message is vector 0", "[interrupts]")
{
    rig r(null_link(), {.msix = 4});
    const event msi, zero;
    r.bring_up(msi);
    REQUIRE(r.connect_vector(irq_msix, 0, zero) == 0);
    r.store(reg::wr.done_imwr_low, 0xfee0'1000);
    r.store(reg::wr.imwr_data, 0x4041);
    r.element(ctl::cycle | ctl::remote_int, 64, rig::bar2_at + 0x1000, rig::ram_at);
    r.start(channel_kind::wr);
    CHECK(zero.count() == 1);
    CHECK(msi.count() == 0);
}
