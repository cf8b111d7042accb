// SPDX-License-Identifier: MIT
//
// write_stream: blocks sent to far memory in order, with room for the next while others are on the link.
#pragma once

#include <counterflow/block.hpp>
#include <counterflow/detail/awaitable.hpp>
#include <counterflow/detail/block_awaiter.hpp>
#include <counterflow/detail/export.hpp>
#include <counterflow/device.hpp>
#include <counterflow/ring.hpp>
#include <counterflow/stream.hpp>
#include <counterflow/task.hpp>

#include <cstddef>
#include <utility>

namespace cf {

namespace detail {
class write_core;
} // namespace detail

/// Leases out empty blocks and sends those that come back by send(), in that order, into a ring or to one
/// place. Bounded: when all blocks of its memory are leased, queued or on the link, acquire() waits. In
/// back-pressure mode nothing is sent into a slot before the far end has said that it is free; in acquisition
/// mode the ring's old blocks are overwritten. The far end is told of blocks once all before them have
/// arrived. Once warm no block costs an allocation, a lock or a virtual call.
///
/// A transfer that has failed for good ends the stream, as does device_gone; with stream_error::go_on it is
/// repeated for as long as it takes. Blocks at and behind it are then not announced to the far end.
///
/// Move-only. Destroying it aborts it without a wait. Thread rule as read_stream's.
class CF_API write_stream {
public:
    /// Into `ring`, from open_ring() or make_ring(), behind what was produced. Throws as read_stream does;
    /// in acquisition mode also bad_argument when the ring has less than 4 * in_flight slots.
    write_stream(device& dev, const far_ring& ring, const stream_options& options = {});
    /// To a fixed place again and again. Its period must be zero.
    write_stream(device& dev, const fixed_place& place, const stream_options& options = {});

    write_stream(write_stream&& other) noexcept : core_(std::exchange(other.core_, nullptr)) {}
    write_stream& operator=(write_stream&& other) noexcept
    {
        std::swap(core_, other.core_);
        return *this;
    }
    ~write_stream();

    /// Awaits an empty block of block_bytes(). Throws cf::error: what ended the stream, or canceled when it
    /// was closed or a stop was requested. Several may wait; they are served in their order. A block that is
    /// destroyed instead of sent is empty again.
    auto acquire() noexcept
    {
        return detail::makes_awaiter<detail::acquire_awaiter, detail::stream_core&>(base());
    }

    /// Queues the first `size` bytes (1 to block_bytes()) of a block from acquire(). Throws cf::error:
    /// what ended the stream; canceled when it was closed; bad_argument for another size or a block of
    /// another stream, see forward(). The block is then still the caller's. Rings without block headers do
    /// not tell the far end the size.
    void send(block&& filled, std::size_t size);
    void send(block&& filled) { send(std::move(filled), filled.size()); }

    /// Sends a block of another stream of the same device from where it lies: no copy. Waits for one of this
    /// stream's blocks, which stands for it; the other stream has its block back when it was sent. Throws as
    /// acquire() and send() do.
    task<> forward(block other);

    /// Waits until everything sent so far is in far memory and announced. Throws what ended the stream;
    /// canceled by a stop request.
    task<> flush();

    /// Accepts no more blocks. drain: sends what was accepted and waits for that, which may take as long as
    /// the far end likes: see timeout(). abort: stops what is on the link, waits for that and drops the rest.
    /// Either way what has arrived is announced, and that the stream has ended; not when it ended by an
    /// error. Yields what there was before. A stop request turns draining into aborting.
    task<stream_remains> close(stream_end how = stream_end::drain);

    std::size_t block_bytes() const noexcept;
    stream_statistics statistics() const noexcept;

private:
    detail::stream_core& base() const noexcept;

    detail::write_core* core_ = nullptr;
};

} // namespace cf
