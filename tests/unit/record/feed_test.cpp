// SPDX-License-Identifier: MIT
//
// Feeds between two ends of a socket: whole, slow, cut off, and with bytes that are not what was sent.
#include "blocks.hpp"
#include "connection.hpp"

#include <counterflow/feed.hpp>
#include <counterflow/socket.hpp>
#include <counterflow/time.hpp>

#include <chrono>

using namespace std::chrono_literals;

namespace {

constexpr std::size_t payload_bytes = 50'000;

cf::task<> send_some(cf::feed_sender& to, std::uint64_t count)
{
    for (std::uint64_t i = 0; i < count; ++i) {
        const test::payload block(i, payload_bytes);
        co_await to.send({block.bytes(), i, 100 + i, static_cast<std::uint32_t>(i % 3)});
    }
    co_await to.finish();
}

cf::task<> receive_some(cf::feed_receiver& from, std::uint64_t count)
{
    std::vector<std::byte> into(payload_bytes);
    for (std::uint64_t i = 0;; ++i) {
        const auto block = co_await from.receive(into);
        if (!block) {
            CHECK(i == count);
            co_return;
        }
        CHECK(block->sequence == i);
        CHECK(block->time_ns == 100 + i);
        CHECK(block->lost == i % 3);
        CHECK(block->bytes == payload_bytes);
        CHECK(test::payload::is(i, into));
    }
}

/// What one block looks like on the way.
cf::task<std::vector<std::byte>> frame_of(std::uint64_t sequence)
{
    test::connection pipe = test::make_pair();
    const cf::file_descriptor out = std::move(pipe.b);
    cf::feed_sender sender(std::move(pipe.a));
    const test::payload block(sequence, payload_bytes);
    co_await sender.send({block.bytes(), sequence, 0, 0});
    std::vector<std::byte> frame(64 + payload_bytes);
    std::size_t got = 0;
    while (got < frame.size()) got += co_await cf::receive(out, std::span(frame).subspan(got));
    co_return frame;
}

/// How a receiver takes `raw`, behind which the peer is gone.
cf::task<cf::result<std::optional<cf::feed_block>>> received(std::vector<std::byte> raw, std::size_t room)
{
    test::connection pipe = test::make_pair();
    const std::size_t sent = co_await cf::send(pipe.a, raw);
    CHECK(sent == raw.size());
    pipe.a = cf::file_descriptor();
    cf::feed_receiver receiver(std::move(pipe.b));
    std::vector<std::byte> into(room);
    auto how = co_await cf::as_result(receiver.receive(into));
    co_return how;
}

} // namespace

TEST_CASE("a feed arrives whole and in order, over TCP and Unix sockets", "[feed]")
{
    test::run([]() -> cf::task<> {
        for (const bool tcp : {false, true}) {
            test::connection pair = test::make_pair();
            if (tcp) pair = co_await test::make_connection(test::loopback);
            cf::feed_sender out(std::move(pair.a));
            cf::feed_receiver in(std::move(pair.b));
            co_await cf::when_all(send_some(out, 40), receive_some(in, 40));
        }
    });
}

TEST_CASE("a frame that is damaged, too large or cut off is refused with the reason", "[feed]")
{
    test::run([]() -> cf::task<> {
        const std::vector<std::byte> frame = co_await frame_of(7);
        for (const std::size_t where : {std::size_t{0}, std::size_t{24}, std::size_t{63}}) {
            auto raw = frame;
            raw[where] ^= std::byte{1};
            const auto how = co_await received(raw, payload_bytes);
            REQUIRE_FALSE(how);
            CHECK(how.error().code == cf::errc::bad_record);
        }
        auto raw = frame;
        raw[64 + 100] ^= std::byte{1};
        const auto torn = co_await received(raw, payload_bytes);
        REQUIRE_FALSE(torn);
        CHECK(torn.error().code == cf::errc::verification_failed);
        CHECK(has(torn.error().detail, "block 7"));
        const auto large = co_await received(frame, payload_bytes - 1);
        REQUIRE_FALSE(large);
        CHECK(has(large.error().detail, "of 50000 bytes for memory of 49999"));
        for (const std::size_t length :
             {std::size_t{1}, std::size_t{63}, std::size_t{64}, 64 + payload_bytes - 1}) {
            const auto cut =
                co_await received({frame.begin(), frame.begin() + static_cast<long>(length)}, payload_bytes);
            REQUIRE_FALSE(cut);
            CHECK(cut.error().code == cf::errc::bad_record);
            CHECK(has(cut.error().detail, "the peer is gone"));
        }
    });
}

TEST_CASE("a block with a bad checksum costs itself only", "[feed]")
{
    test::run([]() -> cf::task<> {
        auto first = co_await frame_of(1);
        const auto second = co_await frame_of(2);
        first[64] ^= std::byte{1};
        test::connection pair = test::make_pair();
        co_await cf::send(pair.a, first);
        co_await cf::send(pair.a, second);
        cf::feed_receiver in(std::move(pair.b));
        std::vector<std::byte> into(payload_bytes);
        const auto bad = co_await cf::as_result(in.receive(into));
        CHECK_FALSE(bad);
        const auto good = co_await in.receive(into);
        REQUIRE(good);
        CHECK(good->sequence == 2);
    });
}

TEST_CASE("a peer that takes nothing is given up by a timeout, and the feed is broken", "[feed]")
{
    test::run([]() -> cf::task<> {
        test::connection pair = test::make_pair();
        cf::feed_sender out(std::move(pair.a));
        const test::payload block(3, 4 << 20);
        const auto late = co_await cf::as_result(cf::timeout(5ms, out.send({block.bytes(), 3, 0, 0})));
        REQUIRE_FALSE(late);
        CHECK(late.error().code == cf::errc::timed_out);
        const auto next = co_await cf::as_result(out.send({block.bytes(), 4, 0, 0}));
        CHECK(next.error().code == cf::errc::bad_record);
    });
}

TEST_CASE("a peer that is gone or resets is an error that names the block", "[feed]")
{
    test::run([]() -> cf::task<> {
        test::connection pair = co_await test::make_connection(test::loopback);
        const linger at_once{1, 0};
        REQUIRE(::setsockopt(pair.b.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
        pair.b = cf::file_descriptor();
        cf::feed_sender out(std::move(pair.a));
        const test::payload block(9, payload_bytes);
        const auto sent = co_await cf::as_result(out.send({block.bytes(), 9, 0, 0}));
        REQUIRE_FALSE(sent);
        const bool gone =
            sent.error().code == std::errc::connection_reset || sent.error().code == std::errc::broken_pipe;
        CHECK(gone);
        CHECK(has(sent.error().detail, "feed: block 9 of 50000 bytes"));
    });
}
