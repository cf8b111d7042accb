// SPDX-License-Identifier: MIT
//
// Rings: their layout as firmware authors know it, both ends over mapped memory, and headers that cannot be.
#include "catch.hpp"
#include "rig.hpp"

#include <cstddef>

using namespace rig;
using cf::errc;

namespace {

constexpr cf::ring_geometry small{.block_bytes = 256, .slots = 4, .block_headers = true};

std::error_code refusal(std::span<std::byte> memory)
{
    try {
        const cf::ring_consumer ring(memory);
    } catch (const cf::error& e) {
        return e.code();
    }
    return {};
}

} // namespace

TEST_CASE("ring: the layout is what is documented")
{
    CHECK(offsetof(cf_ring_header, producer) == 64);
    CHECK(offsetof(cf_ring_header, consumer) == 128);
    CHECK(offsetof(cf_ring_producer, claimed) == 8);
    CHECK(offsetof(cf_block_header, bytes) == 16);
    const cf::ring_geometry g = small.completed();
    CHECK(g.slot_bytes == 320);
    CHECK(g.data_offset == 4096);
    CHECK(small.bytes() == 4096 + 4 * 320);

    alignas(64) std::array<std::byte, 8192> memory{};
    cf::ring_producer producer(memory, small);
    cf_ring_header h;
    std::memcpy(&h, memory.data(), sizeof h);
    CHECK(h.magic == CF_RING_MAGIC);
    CHECK(h.flags == CF_RING_BLOCK_HEADERS);
    CHECK(h.producer.check == ~std::uint64_t{0});

    fill_block(producer.claim(), 0);
    std::memcpy(&h, memory.data(), sizeof h);
    CHECK(h.producer.produced == 0);
    CHECK(h.producer.claimed == 1);
    producer.publish(100, 77);
    std::memcpy(&h, memory.data(), sizeof h);
    CHECK(h.producer.produced == 1);
    CHECK(h.producer.claimed == 1);
    CHECK(h.producer.check == ~(h.producer.produced ^ h.producer.claimed ^ h.producer.state));
    cf_block_header b;
    std::memcpy(&b, memory.data() + 4096, sizeof b);
    CHECK(b.sequence == 0);
    CHECK(b.bytes == 100);
    CHECK(b.time_ns == 77);
}

TEST_CASE("ring: what one end puts in, the other takes out, around and around")
{
    alignas(64) std::array<std::byte, 8192> memory{};
    cf::ring_producer producer(memory, small);
    cf::ring_consumer consumer(memory);
    for (std::uint64_t i = 0; i < 30; ++i) {
        CHECK(producer.has_room());
        fill_block(producer.claim().subspan(0, 8 * (i + 1)), i);
        producer.publish(8 * (i + 1));
        if (i >= 3) {
            CHECK_FALSE(producer.has_room());
            CHECK(consumer.available() == 4);
            CHECK(consumer.front().size() == 8 * (i - 2));
            CHECK(is_block(consumer.front(), i - 3));
            consumer.pop();
        }
    }
    CHECK(producer.consumed() == 27);
    producer.finish();
    CHECK_FALSE(consumer.ended());
    for (int i = 0; i < 3; ++i) consumer.pop();
    CHECK(consumer.ended());

    // Both ends can be taken up again.
    cf::ring_producer again{std::span<std::byte>(memory)};
    CHECK(again.produced() == 30);
    CHECK(cf::ring_consumer(memory).consumed() == 30);
}

TEST_CASE("ring: headers that cannot be are refused")
{
    alignas(64) std::array<std::byte, 8192> memory{};
    CHECK(refusal(memory) == errc::bad_ring);
    CHECK(refusal(std::span(memory).subspan(0, 100)) == errc::bad_ring);
    const cf::ring_producer producer(memory, small);
    CHECK(refusal(memory) == std::error_code());
    CHECK(refusal(std::span(memory).subspan(0, 5000)) == errc::bad_ring); // leaves it
    for (const auto& [offset, value] :
         {std::pair{0, 1}, {4, 9}, {8, 2}, {12, 1}, {16, 0}, {20, 100}, {24, 64}, {64, 1}}) {
        INFO("word at " << offset);
        alignas(64) auto broken = memory;
        const std::uint32_t word = static_cast<std::uint32_t>(value);
        std::memcpy(broken.data() + offset, &word, 4);
        CHECK(refusal(broken) == errc::bad_ring);
    }
    CHECK_THROWS_AS(cf::ring_producer(memory, {.block_bytes = 0}), cf::error);
    CHECK_THROWS_AS(cf::ring_producer(memory, {.block_bytes = 64, .slots = 1}), cf::error);
    CHECK_THROWS_AS(cf::ring_producer(memory, {.block_bytes = 65536}), cf::error);
}

TEST_CASE("ring: made and found across the link")
{
    simulation s;
    s.loop.run([](simulation& t) -> cf::task<> {
        const auto nothing = co_await cf::as_result(cf::open_ring(t.dev, t.ram(64)));
        CHECK(nothing.error().code == errc::bad_ring);
        co_await cf::make_ring(t.dev, t.ram(64), small);
        cf::ring_producer far_end(t.far().subspan(64));
        far_end.claim();
        far_end.publish(8);
        const cf::far_ring found = co_await cf::open_ring(t.dev, t.ram(64));
        CHECK(found.geometry.block_bytes == 256);
        CHECK(found.geometry.slots == 4);
        CHECK(found.geometry.block_headers);
        CHECK(found.produced == 1);
        CHECK(found.consumed == 0);
        const auto impossible = co_await cf::as_result(cf::make_ring(t.dev, t.ram(), {.slots = 0}));
        CHECK(impossible.error().code == errc::bad_argument);
    }(s));
}
