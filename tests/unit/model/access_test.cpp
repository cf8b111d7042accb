// SPDX-License-Identifier: MIT
//
// What a program's register accesses cost: an engine across the link is a posted write, or a
// request and a completion away, and they share the link with the data.
#include "rig.hpp"

using namespace cf;
using namespace cf::model;
using namespace cf::model::test;
using edma::channel_status;

namespace {

constexpr nanoseconds flight = default_round_trip_ns / 2;
constexpr std::uint32_t status_of_wr = reg::channel(channel_kind::wr, 0, reg::ch_control1);

/// A device whose engine is near the program.
model_spec local(model_spec spec)
{
    spec.engine = engine_choice::local;
    return spec;
}

} // namespace

TEST_CASE("a load across the link takes a round trip and the two packets' time", "[access]")
{
    rig r(paced(1, 1));
    // 24 bytes of request, 24 of completion, on a link that carries some 230 MB/s of packets.
    const double bytes_per_ns = packet_bandwidth(paced(1, 1).link) / 1e9;
    const auto packet = static_cast<nanoseconds>(24 / bytes_per_ns);
    CHECK(r.program.load(reg::control) == (4u | 2u << 16));
    const nanoseconds took = r.device.now();
    CHECK(took >= 2 * flight + 2 * packet);
    CHECK(took <= 2 * flight + 2 * packet + 3);
    CHECK(r.program.load(reg::control) == (4u | 2u << 16));
    CHECK(r.device.now() == 2 * took);
}

TEST_CASE("a store across the link takes effect when it has crossed, and costs its program nothing",
          "[access]")
{
    rig r(paced(3, 1));
    r.program.store(reg::wr.int_mask, 0);
    CHECK(r.device.now() == 0);
    r.device.advance_to(flight);
    CHECK(r.port.registers->load(reg::wr.int_mask) == edma::all_int_bits);
    r.device.advance_to(flight + 40); // 28 bytes at about 1 byte a nanosecond
    CHECK(r.port.registers->load(reg::wr.int_mask) == 0);
}

TEST_CASE("a load finds what was stored before it, and nothing that was stored behind it", "[access]")
{
    rig r(paced(2, 4));
    for (const std::uint32_t value : {1u, 2u, 3u}) {
        r.program.store(reg::wr.list_err_enable, value);
        CHECK(r.program.load(reg::wr.list_err_enable) == value);
    }
    r.program.store(reg::wr.list_err_enable, 4);
    CHECK(r.port.registers->load(reg::wr.list_err_enable) == 3);
}

TEST_CASE("a program that polls learns of the end no sooner than the link can carry the news", "[access]")
{
    rig r(paced(3, 1));
    r.wr.list().data(ctl::cycle, 64, r.far(0), r.near.address());
    r.wr.list().data(0, 0, 0, 0);
    r.wr.enable();
    r.wr.point_at(r.wr.list().at(0), true);
    r.program.store(reg::wr.doorbell, 0);
    unsigned loads = 0;
    do {
        ++loads;
    } while (edma::status_of(r.program.load(status_of_wr)) != channel_status::stopped);
    // The first sees it run: doorbell and request follow each other across.
    CHECK(loads == 2);
    CHECK(r.device.now() >= 4 * flight);
    CHECK(r.near_equals_far(0, 0, 64));
}

TEST_CASE("registers of the near engine take no time", "[access]")
{
    rig r(local(paced(3, 1)));
    r.program.store(reg::wr.int_mask, 0);
    CHECK(r.program.load(reg::wr.int_mask) == 0);
    CHECK(r.device.now() == 0);
    CHECK_FALSE(r.device.hardware().next_event());
}

TEST_CASE("an access to the near engine finds everything done that is due", "[access]")
{
    model_spec spec = local(paced(3, 1));
    machine_config config = configure(spec);
    rig r(spec, config);
    r.wr.list().data(ctl::cycle, 64, r.near.address(), r.far(0));
    r.wr.list().data(0, 0, 0, 0);
    r.wr.start();
    // Nobody has advanced the machine for a while: the load is late, not out of order.
    machine& m = r.device.hardware();
    register_load wanted{0, status_of_wr};
    m.send_load(wanted, 100'000);
    CHECK_FALSE(wanted.answered);
    while (!wanted.answered) REQUIRE(m.advance_one(100'000));
    CHECK(edma::status_of(wanted.value) == channel_status::stopped);
    m.send_store(0, reg::wr.int_mask, 0, 100'000);
    CHECK(m.load(0, reg::wr.int_mask) == 0);
}

TEST_CASE("register accesses and data share the link", "[access]")
{
    // A program that polls without a pause, and one that waits.
    const auto time_of = [](bool polls) {
        rig r(paced(1, 1));
        r.wr.list().data(ctl::cycle, 1u << 19, r.far(0), r.near.address());
        r.wr.list().data(0, 0, 0, 0);
        r.wr.start();
        std::uint64_t loads = 0;
        while (r.wr.position_offset() == 0) {
            if (polls) {
                static_cast<void>(r.program.load(status_of_wr));
                ++loads;
            } else {
                REQUIRE(r.device.step());
            }
        }
        return std::pair{static_cast<double>(r.device.now()), loads};
    };
    const auto [alone, none] = time_of(false);
    const auto [polled, loads] = time_of(true);
    CHECK(loads > 1000);
    const double packet = 24e9 / packet_bandwidth(paced(1, 1).link);
    CHECK(polled > alone + static_cast<double>(loads) * packet * 0.99);
    CHECK(polled < alone + static_cast<double>(loads + 2) * packet * 1.01 + 2 * default_round_trip_ns);
}

TEST_CASE("accesses that are on their way when the link goes down are lost", "[access]")
{
    for (const bool back : {false, true}) {
        rig r(paced(3, 1));
        r.program.store(reg::wr.int_mask, 0);
        register_load wanted{0, reg::control};
        r.device.hardware().send_load(wanted, r.device.now());
        r.device.advance_to(100);
        r.device.set_link(false);
        if (back) r.device.set_link(true);
        REQUIRE(r.device.run_until_idle());
        CHECK(wanted.answered);
        CHECK(wanted.value == edma::all_ones);
        r.device.set_link(true);
        CHECK(r.port.registers->load(reg::wr.int_mask) == edma::all_int_bits);
    }
}

TEST_CASE("on a null link accesses take no time", "[access]")
{
    rig r;
    r.program.store(reg::wr.int_mask, 0);
    CHECK(r.program.load(reg::wr.int_mask) == 0);
    CHECK(r.device.now() == 0);
}
