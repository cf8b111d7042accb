// SPDX-License-Identifier: MIT
//
// Write streams: what arrives at the far end and when it is told, back-pressure, forwarding, faults and ends.
#include "catch.hpp"
#include "rig.hpp"

using namespace rig;
using cf::errc;

namespace {

constexpr cf::ring_geometry ring_of_8{.block_bytes = 16384, .slots = 8, .block_headers = true};

/// A program at the far end that takes everything, `pause` after each block.
cf::task<> take_all(std::span<std::byte> memory, std::vector<std::size_t>& sizes, bool& right,
                    std::chrono::nanoseconds pause = 0ns)
{
    cf::ring_consumer ring(memory);
    while (!ring.ended()) {
        if (ring.available() == 0) {
            co_await cf::sleep_for(2us);
            continue;
        }
        if (!is_block(ring.front(), ring.consumed())) right = false;
        sizes.push_back(ring.front().size());
        ring.pop();
        co_await cf::sleep_for(pause);
    }
}

cf::task<> send_all(cf::write_stream& out, std::uint64_t blocks)
{
    for (std::uint64_t i = 0; i < blocks; ++i) {
        cf::block b = co_await out.acquire();
        const std::size_t size = 8 * (1 + i % 2048);
        fill_block(b.bytes().subspan(0, size), i);
        out.send(std::move(b), size);
    }
    co_await out.close();
}

} // namespace

TEST_CASE("write_stream: every block arrives once, in order, before it is announced, whoever is slow")
{
    for (const auto pause : {0us, 30us}) {
        INFO("far end " << pause.count() << " us a block");
        simulation s;
        s.loop.run([](simulation& t, std::chrono::nanoseconds p) -> cf::task<> {
            cf::write_stream out(t.dev, co_await cf::make_ring(t.dev, t.ram(), ring_of_8), {.in_flight = 4});
            std::vector<std::size_t> sizes;
            bool right = true;
            co_await cf::when_all(send_all(out, 300), take_all(t.far(), sizes, right, p));
            CHECK(right);
            REQUIRE(sizes.size() == 300);
            CHECK(sizes[299] == 8 * 300);
            CHECK(out.statistics().moved.blocks == 300);
        }(s, pause));
    }
}

TEST_CASE("write_stream: a far end that takes nothing stops it when the ring and its memory are full")
{
    simulation s;
    s.loop.run([](simulation& t) -> cf::task<> {
        cf::write_stream out(t.dev, co_await cf::make_ring(t.dev, t.ram(), ring_of_8), {.in_flight = 2});
        int sent = 0;
        const auto flood = [](cf::write_stream& o, int& n) -> cf::task<> {
            for (;;) {
                o.send(co_await o.acquire());
                ++n;
            }
        };
        const auto stopped = co_await cf::as_result(cf::timeout(5ms, flood(out, sent)));
        CHECK(stopped.error().code == errc::timed_out);
        CHECK(sent == 8 + 4);
        const auto unfinished = co_await cf::as_result(cf::timeout(5ms, out.flush()));
        CHECK(unfinished.error().code == errc::timed_out);
        const cf::stream_remains left = co_await out.close(cf::stream_end::abort);
        CHECK(left.waiting.blocks == 4);
        CHECK(left.leased.blocks == 0);
        CHECK(cf::ring_consumer(t.far()).available() == 8);
        const auto closed = co_await cf::as_result(out.acquire());
        CHECK(closed.error().code == errc::canceled);
    }(s));
}

TEST_CASE("write_stream: flush waits until all is announced; close ends the ring")
{
    simulation s;
    s.loop.run([](simulation& t) -> cf::task<> {
        cf::write_stream out(t.dev, co_await cf::make_ring(t.dev, t.ram(), ring_of_8));
        cf::ring_consumer far(t.far());
        for (int i = 0; i < 3; ++i) out.send(co_await out.acquire());
        co_await out.flush();
        CHECK(far.available() == 3);
        CHECK_FALSE(far.ended());
        co_await out.close();
        for (int i = 0; i < 3; ++i) far.pop();
        CHECK(far.ended());
    }(s));
}

TEST_CASE("write_stream: overwrites in acquisition mode, with what it writes claimed before")
{
    simulation s;
    s.loop.run([](simulation& t) -> cf::task<> {
        const cf::far_ring ring = co_await cf::make_ring(t.dev, t.ram(), {.block_bytes = 4096, .slots = 16});
        cf::write_stream out(t.dev, ring, {.in_flight = 4, .mode = cf::stream_mode::acquisition});
        cf::read_stream in(t.dev, ring, {.in_flight = 2, .mode = cf::stream_mode::acquisition});
        harvest h;
        const auto send = [](cf::write_stream& o) -> cf::task<> {
            for (std::uint64_t i = 0; i < 500; ++i) {
                cf::block b = co_await o.acquire();
                fill_block(b.bytes(), i);
                o.send(std::move(b));
            }
            co_await o.close();
        };
        co_await cf::when_all(send(out), consume(in, h, 20us));
        CHECK(h.right);
        CHECK(h.numbers.size() < 400);
        CHECK(in.statistics().moved.blocks + in.statistics().lost == 500);
    }(s));
    simulation small;
    CHECK_THROWS_AS(cf::write_stream(small.dev,
                                     cf::far_ring{small.ram(), cf::ring_geometry{4096, 8}.completed()},
                                     {.in_flight = 4, .mode = cf::stream_mode::acquisition}),
                    cf::error);
}

TEST_CASE("write_stream: forwards what a read stream holds, without a copy")
{
    simulation s;
    cf::ring_producer far_end(s.far(), {.block_bytes = 4096, .slots = 8});
    s.loop.run([](simulation& t, cf::ring_producer& far) -> cf::task<> {
        cf::read_stream in(t.dev, co_await cf::open_ring(t.dev, t.ram()), {.in_flight = 2});
        cf::write_stream out(t.dev, co_await cf::make_ring(t.dev, t.ram(1_MiB), ring_of_8), {.in_flight = 2});
        const auto relay = [](cf::read_stream& from, cf::write_stream& to) -> cf::task<> {
            for (;;) {
                std::optional<cf::block> b = co_await from.next();
                if (!b) break;
                co_await to.forward(std::move(*b));
            }
            co_await to.close();
        };
        std::vector<std::size_t> sizes;
        bool right = true;
        co_await cf::when_all(produce(far, {.blocks = 50}), relay(in, out),
                              take_all(t.far().subspan(1_MiB), sizes, right));
        CHECK(right);
        CHECK(sizes.size() == 50);
        CHECK(in.statistics().now.leased.blocks == 0);
    }(s, far_end));
}

TEST_CASE("write_stream: refuses what it cannot send, and leaves it to the caller")
{
    simulation s, other;
    s.loop.run([](simulation& t) -> cf::task<> {
        cf::write_stream out(t.dev, cf::fixed_place{t.ram(), 4096}, {.in_flight = 1});
        cf::write_stream second(t.dev, cf::fixed_place{t.ram(4096), 4096});
        cf::block b = co_await out.acquire();
        const auto refused = [&](cf::write_stream& by, std::size_t size) {
            try {
                by.send(std::move(b), size);
            } catch (const cf::error& e) {
                return e.code() == errc::bad_argument && b;
            }
            return false;
        };
        CHECK(refused(out, 0));
        CHECK(refused(out, 4097));
        CHECK(refused(second, 1));
        out.send(std::move(b), 4096);
        co_await out.flush();
        CHECK(out.statistics().moved.blocks == 1);
    }(s));
}

TEST_CASE("write_stream: an aborted transfer ends it, or is repeated until it is through")
{
    for (const auto rule : {cf::stream_error::stop, cf::stream_error::go_on}) {
        simulation s;
        s.loop.run([](simulation& t, cf::stream_error r) -> cf::task<> {
            cf::write_stream out(t.dev, co_await cf::make_ring(t.dev, t.ram(), ring_of_8), {.on_error = r});
            t.attached->injected().add(
                {.address = t.bus_address(4096 + 2 * (16384 + 64)), .size = 16384, .times = 3});
            std::vector<std::size_t> sizes;
            bool right = true;
            if (r == cf::stream_error::go_on) {
                co_await cf::when_all(send_all(out, 20), take_all(t.far(), sizes, right));
                CHECK(right);
                CHECK(sizes.size() == 20);
                CHECK(out.statistics().failed == 3);
                co_return;
            }
            const auto sent = co_await cf::as_result(send_all(out, 20));
            REQUIRE_FALSE(sent);
            const auto end = co_await cf::as_result(out.flush());
            CHECK(end.error().code == errc::unsupported_request);
            CHECK(end.error().detail.find("block 2") != std::string::npos);
            co_await out.close(cf::stream_end::abort);
            cf::ring_consumer far(t.far());
            CHECK(far.available() == 2); // and no word of an end
            far.pop();
            far.pop();
            CHECK_FALSE(far.ended());
        }(s, rule));
    }
}

TEST_CASE("write_stream: a consumer that jumps is an error, or one to live with")
{
    for (const auto rule : {cf::stream_error::stop, cf::stream_error::go_on}) {
        simulation s;
        s.loop.run([](simulation& t, cf::stream_error r) -> cf::task<> {
            cf::write_stream out(t.dev, co_await cf::make_ring(t.dev, t.ram(), ring_of_8), {.on_error = r});
            for (int i = 0; i < 8; ++i) out.send(co_await out.acquire());
            co_await out.flush();
            const std::uint64_t ahead = 1000, check = ~ahead;
            std::memcpy(t.far().data() + 128, &ahead, 8);
            std::memcpy(t.far().data() + 136, &check, 8);
            out.send(co_await out.acquire());
            const auto end = co_await cf::as_result(cf::timeout(1ms, out.flush()));
            CHECK(end.error().code == (r == cf::stream_error::stop ? errc::out_of_step : errc::timed_out));
            CHECK(out.statistics().impossible_positions >= 4);
            if (r == cf::stream_error::stop) co_return;
            cf::ring_consumer far(t.far()); // thinks it is ahead; put right
            const std::uint64_t right = 3, right_check = ~right;
            std::memcpy(t.far().data() + 128, &right, 8);
            std::memcpy(t.far().data() + 136, &right_check, 8);
            co_await out.flush();
        }(s, rule));
    }
}
