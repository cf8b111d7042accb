// SPDX-License-Identifier: MIT
//
// Packet arithmetic by hand-counted examples, and the queue of a direction.
#include "catch.hpp"

#include "model/link.hpp"

using namespace cf;
using namespace cf::model;

namespace {

/// One byte a nanosecond, so that times read as bytes on the wire.
link_timing byte_clock(unsigned mps = 256, unsigned mrrs = 512, unsigned completion = 0)
{
    link_parameters link;
    link.mps_bytes = mps;
    link.mrrs_bytes = mrrs;
    link.round_trip_ns = 1000;
    return {link, 1e9, completion};
}

constexpr std::uint64_t bytes(picoseconds time) { return time / ps_per_ns; }

} // namespace

TEST_CASE("writes cost 24 bytes for each packet", "[link]")
{
    const auto timing = byte_clock();
    CHECK(bytes(timing.write(0, 4096)) == 4096 + 16 * 24);
    CHECK(bytes(timing.write(0, 1)) == 1 + 24);
    CHECK(bytes(timing.write(0, 257)) == 257 + 2 * 24);
    CHECK(bytes(timing.write(4000, 256)) == 256 + 2 * 24);    // crosses 4 KiB
    CHECK(bytes(timing.write(100, 256)) == 256 + 24);         // does not
    CHECK(bytes(timing.write(4095, 8194)) == 8194 + 34 * 24); // 1 + 16 + 16 + 1
    CHECK(bytes(timing.write(0, 0)) == 0);
}

TEST_CASE("read requests cost 24 bytes each, completions 20", "[link]")
{
    const auto timing = byte_clock();
    CHECK(timing.requests(0, 4096) == 8);
    CHECK(timing.requests(4000, 4096) == 1 + 8); // 96 to the page's end, then 4000
    CHECK(timing.requests(0, 1) == 1);
    CHECK(bytes(timing.request(0, 4096)) == 8 * 24);
    CHECK(bytes(timing.completion(0, 4096)) == 4096 + 16 * 20);
    CHECK(bytes(timing.completion(128, 256)) == 256 + 2 * 20); // cut where addresses are aligned
    CHECK(bytes(timing.completion(0, 64)) == 64 + 20);
}

TEST_CASE("a completion is no larger than its request, or than the completer likes", "[link]")
{
    CHECK(bytes(byte_clock(256, 128).completion(0, 1024)) == 1024 + 8 * 20);
    CHECK(bytes(byte_clock(256, 512, 64).completion(0, 1024)) == 1024 + 16 * 20);
    CHECK(bytes(byte_clock(512, 4096).completion(0, 1024)) == 1024 + 2 * 20);
}

TEST_CASE("a write takes a header credit a packet and a data credit for each 16 bytes of it", "[link]")
{
    const auto timing = byte_clock();
    CHECK(timing.grants_all());
    const auto are = [&](std::uint64_t address, std::uint64_t size, unsigned headers, unsigned data) {
        const posted_credits c = timing.credits(address, size);
        return c.headers == headers && c.data == data;
    };
    CHECK(are(0, 0, 0, 0));
    CHECK(are(0, 1, 1, 1));
    CHECK(are(0, 256, 1, 16));
    CHECK(are(0, 257, 2, 17));
    CHECK(are(4000, 4096, 17, 256)); // 96 to the page's end, then 4000
    CHECK(are(4091, 10, 2, 2));
}

TEST_CASE("half a round trip passes from either end to the other", "[link]")
{
    CHECK(byte_clock().flight() == 500 * ps_per_ns);
    link_parameters link;
    CHECK(link_timing(link, 1e9, 0).flight() == default_round_trip_ns * ps_per_ns / 2);
    CHECK(link_timing(link, 1e9, 0).tags() == default_tags);
    link.generation = 0;
    CHECK(link_timing(link, 1e9, 0).flight() == 0);
    CHECK(link_timing(link, 1e9, 0).write(0, 1u << 20) == 0);
}

TEST_CASE("bursts queue in order of arrival", "[link]")
{
    lane way;
    CHECK(way.book(100, 50).end == 150);
    CHECK(way.book(110, 50).end == 200);
    CHECK(way.book(500, 50).end == 550);
}

TEST_CASE("single packets slip in between and make what is booked late by their length", "[link]")
{
    lane way;
    auto first = way.book(0, 100);
    auto second = way.book(0, 100);
    CHECK(way.slip_in(10, 5, 20) == 35); // waits for one packet of 20
    CHECK(way.slip_in(10, 5, 20) == 40); // and behind its kind
    CHECK_FALSE(way.settle(first));
    CHECK(first.end == 110);
    CHECK(way.settle(first));
    CHECK_FALSE(way.settle(second));
    CHECK(second.end == 210);
    CHECK(way.settle(second));
    auto third = way.book(210, 100);
    CHECK(third.end == 310);
    CHECK(way.settle(third)); // what came before it was booked does not count
}

TEST_CASE("on a free wire a single packet goes at once and the next burst waits for it", "[link]")
{
    lane way;
    CHECK(way.slip_in(100, 10, 20) == 110);
    CHECK(way.slip_in(105, 10, 20) == 120); // behind the first, which is all there is
    CHECK(way.book(106, 50).end == 170);
}

TEST_CASE("a single packet waits no longer than what is left of the data", "[link]")
{
    lane way;
    CHECK(way.book(0, 100).end == 100);
    CHECK(way.slip_in(95, 10, 20) == 110);
    CHECK(way.slip_in(95, 10, 20) == 120);
}
