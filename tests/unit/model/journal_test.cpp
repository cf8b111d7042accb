// SPDX-License-Identifier: MIT
//
// Each violation of strict mode is noted with its value, and never in a machine that is not strict.
#include "rig.hpp"

using namespace cf;
using namespace cf::model;
using namespace cf::model::test;
using edma::channel_status;

namespace {

/// Does what breaks a rule on a strict machine, where it must be noted once and alone, and on
/// another, where it must not be noted.
template <class Break>
void notes_only(violation_kind kind, std::uint64_t value, Break&& breaks,
                const model_spec& base = null_link())
{
    INFO(to_string(kind));
    rig strict(base);
    breaks(strict);
    CHECK(strict.violations(kind) == 1);
    CHECK(strict.device.violations().count() == 1);
    if (strict.device.violations().count() != 0)
        CHECK(strict.device.violations().entries()[0].value == value);

    model_spec spec = base;
    spec.strict = false;
    rig easy(spec);
    breaks(easy);
    CHECK(easy.device.violations().count() == 0);
}

} // namespace

TEST_CASE("strict mode notes stores to reserved registers", "[journal]")
{
    notes_only(violation_kind::reserved_register, 0x004, [](rig& r) { r.port.registers->store(0x004, 1); });
    notes_only(violation_kind::reserved_register, 0x0fc, [](rig& r) { r.port.registers->store(0x0fc, 1); });
    notes_only(violation_kind::reserved_register, 0x224, [](rig& r) { r.port.registers->store(0x224, 1); });
    notes_only(violation_kind::reserved_register, 0x1200, [](rig& r) { r.port.registers->store(0x1200, 1); });
    rig r;
    CHECK(r.port.registers->load(0x004) == 0);
    CHECK(r.port.registers->load(0x1200) == 0);
    CHECK(r.port.registers->load(0xffff'fffc) == 0);
}

TEST_CASE("strict mode notes doorbells and contexts of channels that do not exist", "[journal]")
{
    notes_only(violation_kind::no_such_channel, 4, [](rig& r) {
        r.wr.enable();
        r.port.registers->store(reg::wr.doorbell, 4);
    });
    const std::uint32_t offset = reg::channel(channel_kind::rd, 2, reg::ch_llp_low);
    notes_only(violation_kind::no_such_channel, offset, [&](rig& r) { r.port.registers->store(offset, 0); });
}

TEST_CASE("strict mode notes a doorbell while the engine is disabled", "[journal]")
{
    notes_only(violation_kind::doorbell_while_disabled, 0, [](rig& r) { r.wr.doorbell(); });
}

TEST_CASE("strict mode notes a stop of a channel that does not run", "[journal]")
{
    notes_only(violation_kind::stop_while_not_running, 0, [](rig& r) {
        r.wr.enable();
        r.wr.stop();
    });
}

TEST_CASE("strict mode notes context stores while the channel runs, and they change nothing", "[journal]")
{
    const std::uint32_t offset = reg::channel(channel_kind::wr, 0, reg::ch_llp_low);
    notes_only(
        violation_kind::context_while_running, offset,
        [&](rig& r) {
            r.wr.list().data(ctl::cycle, 65536, r.far(0), r.near.address());
            r.wr.list().data(0, 0, 0, 0);
            r.wr.start();
            r.wr.store(reg::ch_llp_low, 0x100);
            CHECK(r.wr.position_offset() == 0);
            REQUIRE(r.device.run_until_idle());
            CHECK(r.wr.position_offset() == 24);
        },
        paced(1, 1));
}

TEST_CASE("strict mode notes a restart after a fatal abort without engine reset", "[journal]")
{
    for (const abort_cause cause :
         {abort_cause::list_fetch_error, abort_cause::local_bus_error, abort_cause::poisoned}) {
        const auto abort_once = [cause](rig& r) {
            r.rd.list().data(ctl::cycle, 64, r.near.address(), r.far(0));
            r.rd.list().data(0, 0, 0, 0);
            r.device.injected().add({.cause = cause});
            r.rd.start();
            r.rd.clear();
        };
        notes_only(violation_kind::restart_after_fatal_abort, 0, [&](rig& r) {
            abort_once(r);
            r.rd.doorbell();
            CHECK(r.rd.position_offset() == 24); // the model goes on all the same
        });
        rig r;
        abort_once(r);
        r.rd.disable();
        r.rd.enable();
        r.rd.doorbell();
        CHECK(r.device.violations().count() == 0);
    }
}

TEST_CASE("strict mode notes a size of zero", "[journal]")
{
    notes_only(violation_kind::zero_size, 0x20'0000'0000, [](rig& r) {
        r.wr.list().data(ctl::cycle | ctl::local_int, 0, r.far(0), r.near.address());
        r.wr.list().data(0, 0, 0, 0);
        r.wr.start();
        CHECK(r.wr.done());
        CHECK(r.wr.position_offset() == 24);
        CHECK(r.near.untouched_outside(0, 0));
    });
}

TEST_CASE("strict mode notes list addresses that are not aligned, and drops the low bits", "[journal]")
{
    notes_only(violation_kind::unaligned_list, 0x1002, [](rig& r) {
        r.wr.store(reg::ch_llp_low, 0x1002);
        CHECK(r.wr.position() == 0x1000);
    });
    notes_only(violation_kind::unaligned_list, 481, [](rig& r) {
        r.wr.list().link(ctl::cycle, r.wr.list().at(480) + 1);
        r.wr.list().seek(480);
        r.wr.list().data(0, 0, 0, 0);
        r.wr.start();
        CHECK(r.wr.position_offset() == 480);
    });
}

TEST_CASE("the journal keeps the first violations and counts them all", "[journal]")
{
    rig r;
    for (unsigned i = 0; i < 1000; ++i) r.port.registers->store(0x004, i);
    CHECK(r.device.violations().count() == 1000);
    CHECK(r.device.violations().entries().size() == journal::kept);
    r.device.violations().clear();
    CHECK(r.device.violations().count() == 0);
}
