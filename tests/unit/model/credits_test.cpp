// SPDX-License-Identifier: MIT
//
// Flow control credits of posted writes: a receiver that takes one packet at a time, and whatever becomes of
// a channel, its engine or the link while credits are on their way back.
#include "rig.hpp"

using namespace cf;
using namespace cf::model;
using namespace cf::model::test;

namespace {

constexpr nanoseconds round_trip = 100'000;
constexpr std::uint32_t packet = 256;

/// A near engine that writes across a link whose far end has room for one packet.
model_spec one_packet()
{
    model_spec spec = paced(3, 1);
    spec.engine = engine_choice::local;
    spec.link.round_trip_ns = round_trip;
    spec.link.posted_headers = 1;
    return spec;
}

/// Writes `bytes` from the start of near memory, plus `into_page`; yields how long that takes.
nanoseconds written(rig& r, std::uint32_t bytes, std::uint64_t into_page = 0)
{
    r.wr.list().seek(0);
    r.wr.list().data(ctl::cycle | ctl::local_int, bytes, r.near.address() + into_page, r.far(into_page));
    r.wr.list().data(0, 0, 0, 0);
    r.wr.clear();
    const nanoseconds start = r.device.now();
    r.wr.start();
    while (!r.wr.done()) REQUIRE(r.device.step());
    const nanoseconds end = r.device.now();
    CHECK(r.wr.position_offset() == 24);
    return end - start;
}

/// Begins a write of many packets and stops when the first one's credits are on their way back.
void begin(rig& r)
{
    r.wr.list().data(ctl::cycle, 16 * packet, r.near.address(), r.far(0));
    r.wr.list().data(0, 0, 0, 0);
    r.wr.start();
    r.device.advance_to(r.device.now() + round_trip / 2);
}

/// Writes so many packets: each but the first waits a round trip, and that one for at most `before` of them.
void check_pace(rig& r, std::uint32_t packets, std::uint32_t before)
{
    const nanoseconds took = written(r, packets * packet);
    CHECK(took >= (packets - 1) * round_trip);
    CHECK(took < (packets - 1 + before) * round_trip + round_trip / 4);
    REQUIRE(r.device.run_until_idle());
    CHECK(r.near_equals_far(0, 0, packets * packet));
}

} // namespace

TEST_CASE("each packet waits for the credits of the one before", "[credits]")
{
    rig r(one_packet());
    CHECK(written(r, packet) < round_trip / 4);
    REQUIRE(r.device.run_until_idle());
    check_pace(r, 4, 0);
    // Cut at the page's end, so that two packets carry what fits into one.
    const nanoseconds across = written(r, packet, 4096 - packet / 2);
    CHECK(across >= round_trip);
    REQUIRE(r.device.run_until_idle());
    CHECK(r.near_equals_far(4096 - packet / 2, 4096 - packet / 2, packet));
}

TEST_CASE("a link that was down has all its credits, and those of before do not come back", "[credits]")
{
    rig r(one_packet());
    begin(r);
    r.device.set_link(false);
    r.device.set_link(true);
    check_pace(r, 4, 0); // those of before would come back in the midst of it
    check_pace(r, 4, 0);
}

TEST_CASE("credits come back whatever becomes of the channel", "[credits]")
{
    enum class end { stopped, aborted, disabled };
    for (const end how : {end::stopped, end::aborted, end::disabled}) {
        rig r(one_packet());
        if (how == end::aborted) r.device.injected().add({.after_bytes = packet});
        begin(r);
        if (how == end::stopped) r.wr.stop();
        if (how == end::disabled) r.wr.disable();
        check_pace(r, 4, 1);
        REQUIRE(r.device.run_until_idle());
        check_pace(r, 4, 0);
    }
}
