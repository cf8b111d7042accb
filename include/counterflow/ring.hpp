// SPDX-License-Identifier: MIT
//
// ring: where streams meet in far memory. Its layout is in ring_layout.h; here are the ways to make one,
// to find one, and the far end's side of one over plain mapped memory.
#pragma once

#include <counterflow/detail/export.hpp>
#include <counterflow/device.hpp>
#include <counterflow/ring_layout.h>
#include <counterflow/task.hpp>
#include <counterflow/window.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace cf {

/// The shape of a ring.
struct ring_geometry {
    std::uint32_t block_bytes = 65536; ///< payload of a block at most
    std::uint32_t slots = 64;          ///< 2 or more
    bool block_headers = false;        ///< number, size and time travel with each block
    std::uint32_t slot_bytes = 0;      ///< from slot to slot; 0: as little as is needed
    std::uint64_t data_offset = 0;     ///< of slot 0 behind the header; 0: 4096

    /// The same with the zeros replaced by what they stand for.
    CF_API ring_geometry completed() const noexcept;
    /// Bytes of far memory that the ring takes, header included.
    CF_API std::uint64_t bytes() const noexcept;
};

/// A ring in far memory as it was found or made. Plain data.
struct far_ring {
    window_place place;
    ring_geometry geometry; ///< completed
    std::uint64_t produced = 0;
    std::uint64_t consumed = 0;
};

/// Makes an empty ring at `place`, a multiple of 64, by transfers. Neither end may use the place meanwhile.
/// Throws cf::error: bad_argument for an impossible geometry, and what transfers throw.
CF_API task<far_ring> make_ring(device& dev, window_place place, ring_geometry geometry);

/// Finds the ring at `place`. Throws cf::error: bad_ring when there is none, or one that cannot be; and
/// what transfers throw.
CF_API task<far_ring> open_ring(device& dev, window_place place);

/// The end of a ring that produces, over the memory in which the ring lies: what an endpoint's own processor
/// does, and tests do to the model's far memory. One thread, one producer a ring.
class CF_API ring_producer {
public:
    /// Makes an empty ring at the start of `memory`. Throws cf::error (bad_argument) when the geometry is
    /// impossible or does not fit.
    ring_producer(std::span<std::byte> memory, ring_geometry geometry);
    /// Goes on with the ring at the start of `memory`. Throws cf::error (bad_ring).
    explicit ring_producer(std::span<std::byte> memory);

    const ring_geometry& geometry() const noexcept { return geometry_; }
    std::uint64_t produced() const noexcept { return produced_; }
    /// As the consumer has said last.
    std::uint64_t consumed() const noexcept;
    /// Whether the next block's slot is free. A source that never waits need not ask.
    bool has_room() const noexcept { return produced_ - consumed() < geometry_.slots; }

    /// The payload of the next block, to be written; whoever reads it from now on is told that it may be
    /// torn.
    std::span<std::byte> claim() noexcept;
    /// The claimed block is complete, with its first `bytes` in use.
    void publish(std::size_t bytes, std::uint64_t time_ns = 0) noexcept;
    /// No block will follow.
    void finish() noexcept;

private:
    void store(std::uint64_t claimed) noexcept;

    std::byte* memory_;
    ring_geometry geometry_;
    std::uint64_t produced_ = 0;
    std::uint64_t state_ = CF_RING_RUNNING;
};

/// The end of a ring that consumes, likewise.
class CF_API ring_consumer {
public:
    /// Of the ring at the start of `memory`. Throws cf::error (bad_ring).
    explicit ring_consumer(std::span<std::byte> memory);

    const ring_geometry& geometry() const noexcept { return geometry_; }
    std::uint64_t consumed() const noexcept { return consumed_; }
    /// Complete blocks that were not consumed.
    std::uint64_t available() const noexcept;
    /// The producer has said that no more will come, and all are consumed.
    bool ended() const noexcept;

    /// The next block, if available() is not 0. Without block headers it has always the full size.
    std::span<std::byte> front() const noexcept;
    /// Its slot may be used again.
    void pop() noexcept;

private:
    std::byte* memory_;
    ring_geometry geometry_;
    std::uint64_t consumed_;
};

} // namespace cf
