// SPDX-License-Identifier: MIT
//
// Read streams: order, back-pressure, acquisition, gaps, what sources do wrong, faults, and every way to an
// end.
#include "catch.hpp"
#include "rig.hpp"

#include <algorithm>
#include <numeric>

using namespace rig;
using cf::errc;

namespace {

constexpr cf::ring_geometry ring_of_8{.block_bytes = 16384, .slots = 8};

bool in_order(const harvest& h, std::uint64_t count)
{
    std::vector<std::uint64_t> all(count);
    std::iota(all.begin(), all.end(), 0);
    return h.numbers == all;
}

/// Moves what `s` says from a ring at the far end, consumed with a pause a block.
harvest run(simulation& sim, cf::ring_geometry g, source s, cf::stream_options o,
            std::chrono::nanoseconds pause = 0ns, cf::stream_statistics* counters = nullptr)
{
    harvest h;
    cf::ring_producer far_end(sim.far(), g);
    sim.loop.run([](simulation& t, cf::ring_producer& far, source what, cf::stream_options options,
                    std::chrono::nanoseconds p, harvest& into, cf::stream_statistics* c) -> cf::task<> {
        cf::read_stream in(t.dev, co_await cf::open_ring(t.dev, t.ram()), options);
        co_await cf::when_all(produce(far, what), consume(in, into, p));
        if (c) *c = in.statistics();
        const cf::stream_remains left = co_await in.close(cf::stream_end::abort);
        CHECK(left.leased == cf::block_count{});
    }(sim, far_end, s, o, pause, h, counters));
    return h;
}

} // namespace

TEST_CASE("read_stream: every block once, whole and in order, whoever is slow")
{
    for (const auto& [period, pause] : {std::pair{0us, 0us}, {40us, 0us}, {0us, 40us}}) {
        INFO("source " << period.count() << " us, consumer " << pause.count() << " us");
        simulation s;
        cf::stream_statistics counters;
        const harvest h =
            run(s, ring_of_8, {.blocks = 200, .period = period}, {.in_flight = 4}, pause, &counters);
        CHECK(in_order(h, 200));
        CHECK(h.right);
        CHECK(h.gaps.empty());
        CHECK(counters.moved == cf::block_count{200, 200 * 16384});
        CHECK(counters.lost == 0);
    }
}

TEST_CASE("read_stream: block headers carry number, size and time")
{
    simulation s;
    cf::ring_producer far_end(s.far(), {.block_bytes = 4096, .slots = 4, .block_headers = true});
    s.loop.run([](simulation& t, cf::ring_producer& far) -> cf::task<> {
        cf::read_stream in(t.dev, co_await cf::open_ring(t.dev, t.ram()));
        co_await produce(far, {.blocks = 3, .bytes = 1000});
        for (std::uint64_t i = 0; i < 3; ++i) {
            const auto b = co_await in.next();
            REQUIRE(b);
            CHECK(b->sequence() == i);
            CHECK(b->size() == 1000);
            CHECK(b->source_time_ns() == i + 1000);
            CHECK(is_block(b->bytes(), i));
            CHECK(reinterpret_cast<std::uintptr_t>(b->bytes().data()) % 4096 == 0);
            CHECK(b->timestamp() <= cf::clock::now());
        }
        const auto end = co_await in.next();
        CHECK_FALSE(end);
    }(s, far_end));
}

TEST_CASE("read_stream: a consumer that stops makes the source stop, within the stream's memory and the ring")
{
    simulation s;
    cf::ring_producer far_end(s.far(), ring_of_8);
    s.loop.run([](simulation& t, cf::ring_producer& far) -> cf::task<> {
        cf::read_stream in(t.dev, co_await cf::open_ring(t.dev, t.ram()), {.in_flight = 3, .blocks = 5});
        co_await cf::with_scope([&](cf::scope& all) -> cf::task<> {
            all.spawn(produce(far, {.blocks = 100}));
            co_await cf::sleep_for(5ms);
            CHECK(far.produced() == 5 + 8);
            const cf::stream_statistics now = in.statistics();
            CHECK(now.now.waiting.blocks == 5);
            CHECK(now.now.in_flight.blocks == 0);
            harvest h;
            co_await consume(in, h);
            CHECK(in_order(h, 100));
        });
    }(s, far_end));
}

TEST_CASE("read_stream: in acquisition the source never waits, and every block is handed out or reported as "
          "missing")
{
    for (const bool headers : {false, true}) {
        simulation s;
        cf::stream_statistics c;
        const cf::ring_geometry g{.block_bytes = 16384, .slots = 16, .block_headers = headers};
        const harvest h = run(s, g, {.blocks = 2000, .period = 10us, .polite = false},
                              {.in_flight = 4, .mode = cf::stream_mode::acquisition}, 35us, &c);
        CHECK(h.right);
        CHECK(h.numbers.size() < 1500);
        CHECK(std::ranges::is_sorted(h.numbers));
        CHECK(c.moved.blocks == h.numbers.size());
        CHECK(c.moved.blocks + c.lost == 2000);
        CHECK(c.overruns == c.lost);
        CHECK(c.gaps >= h.gaps.size());
        // Each gap says exactly which.
        std::uint64_t expected = h.numbers.front();
        auto gap = h.gaps.begin();
        for (const std::uint64_t n : h.numbers) {
            if (n != expected) {
                REQUIRE(gap != h.gaps.end());
                CHECK(gap->first == expected);
                CHECK(gap->last() == n - 1);
                CHECK(gap->cause == errc::overrun);
                ++gap;
            }
            expected = n + 1;
        }
        CHECK(gap == h.gaps.end());
    }
}

TEST_CASE("read_stream: an acquisition that is fast enough loses nothing")
{
    simulation s;
    cf::stream_statistics c;
    const harvest h =
        run(s, {.block_bytes = 16384, .slots = 32}, {.blocks = 1000, .period = 20us, .polite = false},
            {.in_flight = 4, .mode = cf::stream_mode::acquisition}, 0us, &c);
    CHECK(in_order(h, 1000));
    CHECK(h.right);
    CHECK(c.overruns == 0);
    CHECK(c.torn == 0);
}

TEST_CASE("read_stream: a block that is overwritten while it is read is found out")
{
    simulation s("sim:gen1x1,wr=1,rd=1");
    cf::ring_producer far_end(s.far(), {.block_bytes = 65536, .slots = 2});
    s.loop.run([](simulation& t, cf::ring_producer& far) -> cf::task<> {
        cf::read_stream in(t.dev, co_await cf::open_ring(t.dev, t.ram()),
                           {.in_flight = 1, .mode = cf::stream_mode::acquisition});
        fill_block(far.claim(), 0);
        far.publish(65536);
        while (in.statistics().now.in_flight.blocks == 0) co_await cf::sleep_for(1us);
        co_await cf::sleep_for(50us); // a quarter of it is on its way
        for (std::uint64_t i = 1; i < 3; ++i) {
            fill_block(far.claim(), i);
            far.publish(65536);
        }
        far.finish();
        harvest h;
        co_await consume(in, h);
        CHECK(h.right);
        REQUIRE(h.gaps.size() == 1);
        CHECK(h.gaps[0].first == 0);
        CHECK(h.gaps[0].cause == errc::overrun);
        CHECK(in.statistics().torn >= 1);
    }(s, far_end));
}

TEST_CASE("read_stream: from one place, as fast as it goes or in its period")
{
    simulation s;
    s.loop.run([](simulation& t) -> cf::task<> {
        fill_block(t.far().subspan(0, 4096), 7);
        {
            cf::read_stream in(t.dev, cf::fixed_place{t.ram(), 4096});
            for (std::uint64_t i = 0; i < 50; ++i) {
                const auto b = co_await in.next();
                CHECK(b->sequence() == i);
                CHECK(is_block(b->bytes(), 7));
            }
        }
        cf::read_stream paced(t.dev, cf::fixed_place{t.ram(), 4096, 100us},
                              {.in_flight = 2, .blocks = 4, .mode = cf::stream_mode::acquisition});
        const auto start = cf::clock::now();
        for (int i = 0; i < 11; ++i) co_await paced.next();
        CHECK(cf::clock::now() - start >= 1ms);
        CHECK(cf::clock::now() - start < 1200us);
        co_await cf::sleep_for(2ms); // four are kept, the periods behind them are lost
        std::uint64_t lost = 0;
        for (int i = 0; i < 6; ++i) {
            const auto b = co_await paced.next();
            lost += b->gap().blocks;
        }
        CHECK(lost >= 14);
        CHECK(lost == paced.statistics().lost);
    }(s));
}

TEST_CASE("read_stream: from several places in turns, each of which is kept until its turn comes again")
{
    simulation s;
    s.loop.run([](simulation& t) -> cf::task<> {
        for (std::size_t i = 0; i < 8; ++i) fill_block(t.far().subspan(i * 4096, 4096), i);
        cf::read_stream in(t.dev, cf::fixed_place{t.ram(), 4096, 100us, 8},
                           {.in_flight = 2, .blocks = 2, .mode = cf::stream_mode::acquisition});
        std::vector<cf::block> held;
        for (int i = 0; i < 2; ++i) held.push_back(*co_await in.next());
        co_await cf::sleep_for(550us); // no memory to read to, and no place is refreshed before it was read
        held.clear();
        for (std::uint64_t i = 2; i < 8; ++i) {
            const auto b = co_await in.next();
            CHECK(b->sequence() == i);
            CHECK(is_block(b->bytes(), i));
        }
        CHECK(in.statistics().lost == 0);
        for (int i = 0; i < 2; ++i) held.push_back(*co_await in.next());
        co_await cf::sleep_for(2ms);
        held.clear();
        const auto b = co_await in.next();
        CHECK(b->gap().first == 10);
        CHECK(b->gap().blocks >= 10);
        CHECK(is_block(b->bytes(), b->sequence() % 8));
    }(s));
}

TEST_CASE("read_stream: an aborted transfer ends the stream behind the blocks before it, or leaves a gap")
{
    for (const auto rule : {cf::stream_error::stop, cf::stream_error::go_on}) {
        simulation s("sim:gen3x4,wr=2,rd=1");
        cf::ring_producer far_end(s.far(), ring_of_8);
        s.loop.run([](simulation& t, cf::ring_producer& far, cf::stream_error r) -> cf::task<> {
            cf::read_stream in(t.dev, co_await cf::open_ring(t.dev, t.ram()),
                               {.in_flight = 2, .on_error = r});
            t.attached->injected().add({.address = t.bus_address(4096 + 3 * 16384), .size = 16384});
            harvest h;
            co_await cf::with_scope([&](cf::scope& all) -> cf::task<> {
                all.spawn(produce(far, {.blocks = 8}));
                const auto end = co_await cf::as_result(consume(in, h));
                if (r == cf::stream_error::go_on) {
                    CHECK(end);
                    REQUIRE(h.gaps.size() == 1);
                    CHECK(h.gaps[0].first == 3);
                    CHECK(h.gaps[0].blocks == 1);
                    CHECK(h.gaps[0].cause == errc::aborted);
                    CHECK(h.numbers.size() == 7);
                } else {
                    REQUIRE_FALSE(end);
                    CHECK(end.error().code == errc::aborted);
                    CHECK(end.error().detail.find("block 3") != std::string::npos);
                    CHECK(in_order(h, 3));
                    const auto still = co_await cf::as_result(in.next());
                    CHECK(still.error().code == errc::aborted);
                }
            });
            CHECK(in.statistics().failed >= 1);
        }(s, far_end, rule));
    }
}
