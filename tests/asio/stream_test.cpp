// SPDX-License-Identifier: MIT
//
// asio/stream.hpp: blocks by callbacks and in coroutines, the ends of streams, and waits that are given up.
#include "rig.hpp"

#include <optional>
#include <vector>

using test::error_code;
using test::rig;
namespace net = boost::asio;

namespace {

constexpr std::uint32_t size = 4096;

std::byte mark(std::uint64_t number) { return static_cast<std::byte>(number * 7 + 1); }

/// Sends blocks until its count is reached, each from the handler of the one before.
struct sender {
    cf::asio::write_stream& out;
    std::uint64_t count;
    error_code& failed;
    std::uint64_t sent = 0;

    void go_on()
    {
        out.async_acquire_block([this](error_code e, cf::block b) {
            if (e) {
                failed = e;
                return;
            }
            std::memset(b.bytes().data(), std::to_integer<int>(mark(sent)), size);
            out.send(std::move(b));
            if (++sent < count) return go_on();
            out.async_close(cf::stream_end::drain,
                            [this](error_code end, cf::stream_remains) { failed = end; });
        });
    }
};

/// Takes blocks until there are no more.
struct receiver {
    cf::asio::read_stream& in;
    error_code& failed;
    std::uint64_t good = 0;
    bool ended = false;

    void go_on()
    {
        in.async_read_block([this](error_code e, std::optional<cf::block> b) {
            failed = e;
            ended = !e && !b;
            if (!b) return;
            good += b->bytes().front() == mark(b->sequence()) && b->bytes().back() == mark(b->sequence());
            b.reset(); // given back from a handler
            go_on();
        });
    }
};

cf::far_ring make_ring(rig& r, std::uint32_t slots)
{
    cf::far_ring made;
    cf::asio::async_await(r.io,
                          cf::make_ring(r.dev.native(), r.far.at(0), {.block_bytes = size, .slots = slots}),
                          [&](error_code e, cf::far_ring ring) {
                              REQUIRE_FALSE(e);
                              made = ring;
                          });
    r.io.run();
    r.io.restart();
    return made;
}

} // namespace

TEST_CASE("asio streams: callbacks send and receive by one ring, until it ends")
{
    rig r;
    const cf::far_ring ring = make_ring(r, 8);
    cf::asio::write_stream out(r.dev, ring, {.in_flight = 4});
    cf::asio::read_stream in(r.dev, ring, {.in_flight = 4});
    error_code send_failed, receive_failed;
    sender from{out, 100, send_failed};
    receiver to{in, receive_failed};
    from.go_on();
    to.go_on();
    CHECK(from.sent == 0); // nothing happens inside of a call
    r.io.run();
    CHECK_FALSE(send_failed);
    CHECK_FALSE(receive_failed);
    CHECK(to.ended);
    CHECK(to.good == 100);
    CHECK(out.statistics().moved.blocks == 100);
}

TEST_CASE("asio streams: in coroutines, with blocks held and a stream that is closed")
{
    rig r("sim:gen3x4,seed=3");
    bool ended = false;
    net::co_spawn(
        r.io,
        [](rig& on) -> net::awaitable<void> {
            const cf::fixed_place place{on.far.at(0), size, {}, 4};
            cf::asio::write_stream out(on.dev, place);
            for (std::uint64_t i = 0; i < 4; ++i) {
                cf::block b = co_await out.async_acquire_block(net::use_awaitable);
                std::memset(b.bytes().data(), std::to_integer<int>(mark(i)), size);
                out.send(std::move(b));
            }
            co_await out.async_flush(net::use_awaitable);
            CHECK(out.statistics().moved.blocks == 4);

            cf::asio::read_stream in(on.dev, place);
            std::vector<cf::block> held;
            for (std::uint64_t i = 0; i < 12; ++i) {
                std::optional<cf::block> b = co_await in.async_read_block(net::use_awaitable);
                REQUIRE(b);
                CHECK(b->sequence() == i);
                CHECK(b->bytes().front() == mark(i % 4));
                if (i < 2) held.push_back(std::move(*b));
            }
            const cf::stream_remains left =
                co_await in.async_close(cf::stream_end::abort, net::use_awaitable);
            CHECK(left.leased.blocks == 2);
            const auto [failed, none] = co_await in.async_read_block(net::as_tuple(net::use_awaitable));
            CHECK_FALSE(failed);
            CHECK_FALSE(none);
            co_await out.async_close(cf::stream_end::drain, net::use_awaitable);
            const auto [refused, empty] = co_await out.async_acquire_block(net::as_tuple(net::use_awaitable));
            CHECK(refused == cf::errc::canceled);
            CHECK_FALSE(empty);
        }(r),
        [&](std::exception_ptr e) { ended = e == nullptr; });
    r.io.run();
    CHECK(ended);
}

TEST_CASE("asio streams: a wait that is given up costs no block, and a stream may go at any time")
{
    rig r;
    const cf::far_ring ring = make_ring(r, 8);
    std::optional<cf::asio::read_stream> in(std::in_place, r.dev, ring);
    net::cancellation_signal signal;
    error_code outcome;
    bool over = false;
    in->async_read_block(
        net::bind_cancellation_slot(signal.slot(), [&](error_code e, std::optional<cf::block> b) {
            outcome = e;
            over = !b;
        }));
    r.io.poll();
    signal.emit(net::cancellation_type::total);
    r.io.poll();
    CHECK_FALSE(over);
    signal.emit(net::cancellation_type::partial);
    r.io.run();
    r.io.restart();
    CHECK(over);
    CHECK(outcome == cf::errc::canceled);

    cf::asio::write_stream out(r.dev, ring);
    error_code send_failed, receive_failed;
    sender from{out, 3, send_failed};
    receiver to{*in, receive_failed};
    from.go_on();
    to.go_on();
    r.io.run();
    r.io.restart();
    CHECK(to.good == 3);
    in.reset();
    r.io.run();
}
