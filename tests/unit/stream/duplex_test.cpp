// SPDX-License-Identifier: MIT
//
// duplex: both directions at once, an end of each, and an error of one that ends both.
#include "catch.hpp"
#include "rig.hpp"

using namespace rig;
using cf::errc;

namespace {

constexpr cf::ring_geometry ring_of_8{.block_bytes = 16384, .slots = 8, .block_headers = true};

/// A far end that answers each block with one of half the size.
cf::task<> answer(std::span<std::byte> requests, std::span<std::byte> replies)
{
    cf::ring_consumer from(requests);
    cf::ring_producer to(replies);
    while (!from.ended()) {
        if (from.available() == 0 || !to.has_room()) {
            co_await cf::sleep_for(2us);
            continue;
        }
        const std::span<std::byte> got = from.front();
        std::memcpy(to.claim().data(), got.data(), got.size() / 2);
        to.publish(got.size() / 2);
        from.pop();
    }
    to.finish();
}

} // namespace

TEST_CASE("duplex: sends and receives side by side until both have ended")
{
    simulation s;
    s.loop.run([](simulation& t) -> cf::task<> {
        const cf::far_ring requests = co_await cf::make_ring(t.dev, t.ram(), ring_of_8);
        const cf::far_ring replies = co_await cf::make_ring(t.dev, t.ram(1_MiB), ring_of_8);
        cf::duplex both(cf::read_stream(t.dev, replies), cf::write_stream(t.dev, requests));
        std::uint64_t sent = 0, received = 0;
        bool right = true;
        const auto fill = [&](std::span<std::byte> room) -> std::size_t {
            if (sent == 300) return 0;
            const std::size_t size = 16 * (1 + sent % 1024);
            fill_block(room.subspan(0, size), sent++);
            return size;
        };
        const auto take = [&](cf::block b) -> cf::task<> {
            if (b.size() != 8 * (1 + received % 1024) || !is_block(b.bytes(), received)) right = false;
            ++received;
            co_await cf::sleep_for(1us);
        };
        co_await cf::when_all(both.run(fill, take), answer(t.far(), t.far().subspan(1_MiB)));
        CHECK(received == 300);
        CHECK(right);
        const auto [read, written] = co_await both.close();
        CHECK(read.leased.blocks + written.leased.blocks == 0);
    }(s));
}

TEST_CASE("duplex: an error of one side ends both, and both say what was left")
{
    simulation s;
    s.loop.run([](simulation& t) -> cf::task<> {
        const cf::far_ring requests = co_await cf::make_ring(t.dev, t.ram(), ring_of_8);
        const cf::far_ring replies = co_await cf::make_ring(t.dev, t.ram(1_MiB), ring_of_8);
        cf::duplex both(cf::read_stream(t.dev, replies), cf::write_stream(t.dev, requests));
        std::uint64_t sent = 0;
        const auto fill = [&](std::span<std::byte>) -> cf::task<std::size_t> {
            co_await cf::yield();
            if (++sent == 5) throw cf::error(errc::bad_argument, "nothing to send");
            co_return std::size_t{100};
        };
        const auto end = co_await cf::as_result(both.run(fill, [](cf::block) {}));
        CHECK(end.error().detail == "nothing to send");
        const auto [read, written] = co_await both.close(cf::stream_end::abort);
        CHECK(read.leased.blocks == 0);
        CHECK(written.leased.blocks == 0);
    }(s));
}
