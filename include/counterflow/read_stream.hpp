// SPDX-License-Identifier: MIT
//
// read_stream: blocks of far memory, fetched ahead and handed out in order.
#pragma once

#include <counterflow/block.hpp>
#include <counterflow/detail/awaitable.hpp>
#include <counterflow/detail/block_awaiter.hpp>
#include <counterflow/detail/export.hpp>
#include <counterflow/device.hpp>
#include <counterflow/ring.hpp>
#include <counterflow/stream.hpp>
#include <counterflow/task.hpp>

#include <utility>

namespace cf {

namespace detail {
class read_core;
} // namespace detail

/// Keeps stream_options::in_flight blocks on their way from a ring, or from a place that a device refreshes,
/// and leases them out in order of their numbers, in whatever order transfers end. Bounded: when the program
/// holds or leaves lying all blocks of the stream's memory, nothing is read. In back-pressure mode the source
/// then waits, as the ring's consumer position tells it; in acquisition mode it overwrites, and the stream
/// goes on half a ring behind it at most, with the loss reported at the next block and in statistics(). Once
/// warm no block costs an allocation, a lock or a virtual call.
///
/// A failed transfer, or a position that cannot be, ends the stream or leaves a gap, as stream_error says.
/// device_gone always ends it.
///
/// Move-only. Destroying it aborts it without a wait: its memory lives on until no engine can touch it and
/// all blocks are back. Thread rule: belongs to the device's runtime, inside of run() but for the
/// constructor.
class CF_API read_stream {
public:
    /// Over `ring`, from open_ring() or make_ring(): from the block after the last that was consumed; in
    /// acquisition mode from the oldest that is safe. Throws cf::error: bad_argument for options outside
    /// their range, misaligned when the engine cannot move such blocks, no_memory, memlock_exceeded.
    read_stream(device& dev, const far_ring& ring, const stream_options& options = {});
    /// From a fixed place again and again; blocks are numbered from 0. With a period `mode` may be
    /// acquisition. Several in flight read the place in no certain order: one is what a FIFO wants.
    read_stream(device& dev, const fixed_place& place, const stream_options& options = {});

    read_stream(read_stream&& other) noexcept : core_(std::exchange(other.core_, nullptr)) {}
    read_stream& operator=(read_stream&& other) noexcept
    {
        std::swap(core_, other.core_);
        return *this;
    }
    ~read_stream();

    /// Awaits the next block; yields std::optional<block>, empty when the source has ended or the stream was
    /// closed. Throws cf::error: what ended the stream, behind all blocks before, its number in the text;
    /// canceled by a stop request, which ends this wait only. Several may wait; they are served in their
    /// order.
    auto next() noexcept { return detail::makes_awaiter<detail::next_awaiter, detail::stream_core&>(base()); }

    /// Begins no more reads. drain: waits for those on the link; what was read can still be had by next().
    /// abort: stops those on the link, waits for that and drops what was read. Yields what there was before:
    /// with abort, what was left undone. Obeys no stop request.
    task<stream_remains> close(stream_end how = stream_end::drain);

    std::size_t block_bytes() const noexcept;
    stream_statistics statistics() const noexcept;

private:
    detail::stream_core& base() const noexcept;

    detail::read_core* core_ = nullptr;
};

} // namespace cf
