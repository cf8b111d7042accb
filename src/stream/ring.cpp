// SPDX-License-Identifier: MIT
//
// Rings made and found across the link, and both of their ends over mapped memory.
#include <counterflow/ring.hpp>

#include "stream/lines.hpp"

#include <atomic>

namespace cf {
namespace {

using namespace detail;

void require_possible(const ring_geometry& geometry)
{
    if (std::string what = impossible(geometry); !what.empty())
        throw error(errc::bad_argument, "ring with " + std::move(what));
}

/// The geometry of the ring at the start of `memory`.
far_ring find(std::span<std::byte> memory)
{
    if (memory.size() < sizeof(cf_ring_header))
        throw error(errc::bad_ring, "memory without room for a header");
    far_ring ring = parse_header(memory.data()).value();
    if (ring.geometry.bytes() > memory.size())
        throw error(errc::bad_ring, "ring of " + std::to_string(ring.geometry.bytes()) +
                                        " bytes in memory of " + std::to_string(memory.size()));
    return ring;
}

std::byte* slot(std::byte* memory, const ring_geometry& g, std::uint64_t number) noexcept
{
    return memory + g.data_offset + number % g.slots * g.slot_bytes;
}

} // namespace

ring_geometry ring_geometry::completed() const noexcept
{
    ring_geometry g = *this;
    if (g.slot_bytes == 0)
        g.slot_bytes = block_bytes + (block_headers ? static_cast<std::uint32_t>(block_header_bytes) : 0);
    if (g.data_offset == 0) g.data_offset = 4096;
    return g;
}

std::uint64_t ring_geometry::bytes() const noexcept
{
    const ring_geometry g = completed();
    return g.data_offset + std::uint64_t{g.slots} * g.slot_bytes;
}

task<far_ring> make_ring(device& dev, window_place place, ring_geometry geometry)
{
    far_ring ring{place, geometry.completed(), 0, 0};
    require_possible(ring.geometry);
    buffer header = dev.allocate(sizeof(cf_ring_header));
    format_header(header.data(), ring.geometry);
    co_await dev.write(header, place);
    co_return ring;
}

task<far_ring> open_ring(device& dev, window_place place)
{
    buffer header = dev.allocate(sizeof(cf_ring_header));
    co_await dev.read(header, place);
    auto found = parse_header(header.data());
    // A line that is just being written is whole a moment later.
    for (int again = 0; !found && again < 3; ++again) {
        co_await dev.read(header, place);
        found = parse_header(header.data());
    }
    far_ring ring = std::move(found).value();
    ring.place = place;
    co_return ring;
}

ring_producer::ring_producer(std::span<std::byte> memory, ring_geometry geometry)
    : memory_(memory.data()), geometry_(geometry.completed())
{
    require_possible(geometry_);
    if (geometry_.bytes() > memory.size())
        throw error(errc::bad_argument, "ring of " + std::to_string(geometry_.bytes()) +
                                            " bytes in memory of " + std::to_string(memory.size()));
    format_header(memory_, geometry_);
}

ring_producer::ring_producer(std::span<std::byte> memory) : memory_(memory.data())
{
    const far_ring ring = find(memory);
    geometry_ = ring.geometry;
    produced_ = ring.produced;
}

std::uint64_t ring_producer::consumed() const noexcept
{
    // A line that is just being written is whole a moment later; a lasting one says nothing new.
    for (int attempt = 0; attempt < 1000; ++attempt)
        if (const auto consumed = load_consumer(memory_ + consumer_line)) return *consumed;
    return produced_ < geometry_.slots ? 0 : produced_ - geometry_.slots;
}

void ring_producer::store(std::uint64_t claimed) noexcept
{
    store_producer(memory_ + producer_line, {produced_, claimed, state_});
    // Behind it in memory for those who read across the link, too: see ring_layout.h.
    std::atomic_thread_fence(std::memory_order_seq_cst);
}

std::span<std::byte> ring_producer::claim() noexcept
{
    store(produced_ + 1);
    std::byte* const at = slot(memory_, geometry_, produced_);
    return {at + (geometry_.block_headers ? block_header_bytes : 0), geometry_.block_bytes};
}

void ring_producer::publish(std::size_t bytes, std::uint64_t time_ns) noexcept
{
    if (geometry_.block_headers)
        store_block_header(slot(memory_, geometry_, produced_),
                           {produced_, time_ns, static_cast<std::uint32_t>(bytes)});
    std::atomic_thread_fence(std::memory_order_seq_cst);
    ++produced_;
    store(produced_);
}

void ring_producer::finish() noexcept
{
    state_ = CF_RING_ENDED;
    store(produced_);
}

ring_consumer::ring_consumer(std::span<std::byte> memory) : memory_(memory.data())
{
    const far_ring ring = find(memory);
    geometry_ = ring.geometry;
    consumed_ = ring.consumed;
}

std::uint64_t ring_consumer::available() const noexcept
{
    const auto position = load_producer(memory_ + producer_line);
    return position && position->produced > consumed_ ? position->produced - consumed_ : 0;
}

bool ring_consumer::ended() const noexcept
{
    const auto position = load_producer(memory_ + producer_line);
    return position && position->state == CF_RING_ENDED && position->produced == consumed_;
}

std::span<std::byte> ring_consumer::front() const noexcept
{
    std::byte* const at = slot(memory_, geometry_, consumed_);
    if (!geometry_.block_headers) return {at, geometry_.block_bytes};
    const std::uint32_t bytes = load_block_header(at).bytes;
    return {at + block_header_bytes, bytes < geometry_.block_bytes ? bytes : geometry_.block_bytes};
}

void ring_consumer::pop() noexcept
{
    std::atomic_thread_fence(std::memory_order_seq_cst);
    store_consumer(memory_ + consumer_line, ++consumed_);
}

} // namespace cf
