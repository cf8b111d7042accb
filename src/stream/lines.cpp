// SPDX-License-Identifier: MIT
//
// The bytes of a ring's header: little endian, and each line checked by its last word.
#include "stream/lines.hpp"

#include <atomic>
#include <bit>
#include <cstring>

namespace cf::detail {
namespace {

static_assert(std::endian::native == std::endian::little, "lines would have to be swapped");

std::uint64_t load(const std::byte* line, std::size_t offset) noexcept
{
    // Somebody at the other end may store at the same time.
    auto* const word = reinterpret_cast<std::uint64_t*>(const_cast<std::byte*>(line + offset));
    return std::atomic_ref(*word).load(std::memory_order_acquire);
}

void store(std::byte* line, std::size_t offset, std::uint64_t value) noexcept
{
    std::atomic_ref(*reinterpret_cast<std::uint64_t*>(line + offset)).store(value, std::memory_order_release);
}

} // namespace

std::optional<producer_position> load_producer(const std::byte* line) noexcept
{
    const producer_position p{load(line, offsetof(cf_ring_producer, produced)),
                              load(line, offsetof(cf_ring_producer, claimed)),
                              load(line, offsetof(cf_ring_producer, state))};
    if (load(line, offsetof(cf_ring_producer, check)) != ~(p.produced ^ p.claimed ^ p.state))
        return std::nullopt;
    return p;
}

void store_producer(std::byte* line, const producer_position& p) noexcept
{
    store(line, offsetof(cf_ring_producer, produced), p.produced);
    store(line, offsetof(cf_ring_producer, claimed), p.claimed);
    store(line, offsetof(cf_ring_producer, state), p.state);
    store(line, offsetof(cf_ring_producer, check), ~(p.produced ^ p.claimed ^ p.state));
}

std::optional<std::uint64_t> load_consumer(const std::byte* line) noexcept
{
    const std::uint64_t consumed = load(line, offsetof(cf_ring_consumer, consumed));
    if (load(line, offsetof(cf_ring_consumer, check)) != ~consumed) return std::nullopt;
    return consumed;
}

void store_consumer(std::byte* line, std::uint64_t consumed) noexcept
{
    store(line, offsetof(cf_ring_consumer, consumed), consumed);
    store(line, offsetof(cf_ring_consumer, check), ~consumed);
}

block_header load_block_header(const std::byte* at) noexcept
{
    cf_block_header h;
    std::memcpy(&h, at, sizeof h);
    return {h.sequence, h.time_ns, h.bytes};
}

void store_block_header(std::byte* at, const block_header& header) noexcept
{
    cf_block_header h{};
    h.sequence = header.sequence;
    h.time_ns = header.time_ns;
    h.bytes = header.bytes;
    std::memcpy(at, &h, sizeof h);
}

std::string impossible(const ring_geometry& g)
{
    const std::uint64_t needed = std::uint64_t{g.block_bytes} + (g.block_headers ? block_header_bytes : 0);
    if (g.block_bytes == 0) return "blocks of 0 bytes";
    if (g.slots < 2) return std::to_string(g.slots) + " slots; a ring has 2 or more";
    if (g.slot_bytes < needed)
        return "slots of " + std::to_string(g.slot_bytes) + " bytes for blocks of " + std::to_string(needed);
    if (g.data_offset < sizeof(cf_ring_header))
        return "data at byte " + std::to_string(g.data_offset) + ", inside of the header";
    if (g.data_offset > std::uint64_t{1} << 62) return "data behind the end of any memory";
    return {};
}

void format_header(std::byte* at, const ring_geometry& g) noexcept
{
    cf_ring_header h{};
    h.magic = CF_RING_MAGIC;
    h.version = CF_RING_VERSION;
    h.flags = g.block_headers ? CF_RING_BLOCK_HEADERS : 0;
    h.slots = g.slots;
    h.block_bytes = g.block_bytes;
    h.slot_bytes = g.slot_bytes;
    h.data_offset = g.data_offset;
    std::memcpy(at, &h, sizeof h);
    store_producer(at + producer_line, {});
    store_consumer(at + consumer_line, 0);
}

result<far_ring> parse_header(const std::byte* at)
{
    const auto refuse = [](std::string what) {
        return failure{make_error_code(errc::bad_ring), "ring header with " + std::move(what)};
    };
    cf_ring_header h;
    std::memcpy(&h, at, sizeof h);
    if (h.magic != CF_RING_MAGIC) return refuse("another first word");
    if (h.version != CF_RING_VERSION) return refuse("version " + std::to_string(h.version));
    if ((h.flags & ~CF_RING_BLOCK_HEADERS) != 0) return refuse("unknown flags " + std::to_string(h.flags));
    far_ring ring;
    ring.geometry = {h.block_bytes, h.slots, (h.flags & CF_RING_BLOCK_HEADERS) != 0, h.slot_bytes,
                     h.data_offset};
    if (std::string what = impossible(ring.geometry); !what.empty()) return refuse(std::move(what));
    const auto producer = load_producer(at + producer_line);
    const auto consumer = load_consumer(at + consumer_line);
    if (!producer || !consumer) return refuse("a torn position");
    ring.produced = producer->produced;
    ring.consumed = *consumer;
    return ring;
}

} // namespace cf::detail
