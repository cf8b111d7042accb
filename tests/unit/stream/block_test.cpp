// SPDX-License-Identifier: MIT
//
// Blocks: leases that come back, whatever becomes of their stream, and that cost nothing once warm.
#include "allocation_count.hpp"
#include "catch.hpp"
#include "rig.hpp"

using namespace rig;

namespace {

constexpr cf::ring_geometry ring_of_16{.block_bytes = 4096, .slots = 16};

} // namespace

TEST_CASE("block: moving moves the lease, destroying returns it")
{
    simulation s;
    s.loop.run([](simulation& t) -> cf::task<> {
        cf::read_stream in(t.dev, cf::fixed_place{t.ram(), 4096}, {.in_flight = 2, .blocks = 2});
        std::optional<cf::block> first = co_await in.next();
        cf::block second = std::move(*first);
        CHECK_FALSE(*first);
        CHECK(second);
        CHECK(in.statistics().now.leased == cf::block_count{1, 4096});
        second.shrink(100);
        second.shrink(200);
        CHECK(second.size() == 100);
        CHECK(second.slice().size() == 100);
        second = cf::block();
        CHECK(in.statistics().now.leased.blocks == 0);
        // Both are there again, of full size.
        cf::block a = *co_await in.next(), b = *co_await in.next();
        CHECK(b.size() == 4096);
        CHECK(b.sequence() == 2);
    }(s));
}

TEST_CASE("block: outlives its stream, and its bytes stay")
{
    simulation s;
    s.loop.run([](simulation& t) -> cf::task<> {
        std::optional<cf::block> kept;
        {
            fill_block(t.far().subspan(0, 4096), 5);
            cf::read_stream in(t.dev, cf::fixed_place{t.ram(), 4096});
            kept = co_await in.next();
        }
        co_await cf::sleep_for(1ms);
        CHECK(is_block(kept->bytes(), 5));
        kept.reset();
        co_await cf::sleep_for(1ms);
    }(s));
}

TEST_CASE("block: of a stream that is left in the middle of everything, when nothing runs any more")
{
    // Nothing leaks and nothing is touched late: the sanitizers watch.
    simulation s;
    cf::ring_producer far_end(s.far(), ring_of_16);
    s.loop.run([](simulation& t, cf::ring_producer& far) -> cf::task<> {
        for (int i = 0; i < 10; ++i) {
            far.claim();
            far.publish(4096);
        }
        cf::read_stream in(t.dev, co_await cf::open_ring(t.dev, t.ram()));
        cf::write_stream out(t.dev, co_await cf::make_ring(t.dev, t.ram(1_MiB), ring_of_16));
        const auto b = co_await in.next();
        out.send(co_await out.acquire());
    }(s, far_end));
}

TEST_CASE("block: once warm costs no allocation, in either direction")
{
    simulation s;
    s.loop.run([](simulation& t) -> cf::task<> {
        const cf::far_ring ring = co_await cf::make_ring(t.dev, t.ram(), ring_of_16);
        cf::write_stream out(t.dev, ring);
        cf::read_stream in(t.dev, ring);
        std::uint64_t before = 0;
        for (int i = 0; i < 2000; ++i) {
            if (i == 200) before = test::allocations();
            cf::block b = co_await out.acquire();
            out.send(std::move(b));
            const auto got = co_await in.next();
        }
        const std::uint64_t after = test::allocations();
        CHECK(after == before);
        co_await out.close();
    }(s));
}
