// SPDX-License-Identifier: MIT
//
// block: a lease of one block of a stream, filled by a read stream or to be filled for a write stream.
#pragma once

#include <counterflow/buffer.hpp>
#include <counterflow/detail/block_state.hpp>
#include <counterflow/detail/export.hpp>
#include <counterflow/time.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <system_error>
#include <utility>

namespace cf {

class write_stream;

namespace detail {
class block_awaiter;
class stream_core;
CF_API void give_back(block_state& returned) noexcept;
} // namespace detail

/// A part of a stream's registered memory, held until this is destroyed or handed on. Move-only, one pointer.
/// Memory goes from the engine to whoever reads bytes(), a file or a socket included, without a copy.
///
/// May outlive its stream, whose memory stays until the last block is back, but not its runtime. Thread
/// rule: the stream's runtime thread; the bytes themselves may be touched from anywhere.
class block {
public:
    block() noexcept = default;
    block(block&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
    block& operator=(block&& other) noexcept
    {
        std::swap(state_, other.state_);
        return *this;
    }
    ~block()
    {
        if (state_ != nullptr) detail::give_back(*state_);
    }

    /// False when empty or moved from; nothing else may be asked of it then.
    explicit operator bool() const noexcept { return state_ != nullptr; }

    /// The payload: what came, or room for what is to be sent. Aligned to 4096 bytes where blocks are that
    /// large, else to 64.
    std::span<std::byte> bytes() const noexcept { return {state_->data, state_->bytes}; }
    std::size_t size() const noexcept { return state_->bytes; }
    /// The same as a range of a buffer, for transfers of one's own.
    buffer_slice slice() const noexcept { return {state_->memory, state_->offset, state_->bytes}; }

    /// Cuts the payload to its first `size` bytes, at most size().
    void shrink(std::size_t size) noexcept
    {
        if (size < state_->bytes) state_->bytes = static_cast<std::uint32_t>(size);
    }

    /// The block's number in the source's counting. Of a filled block.
    std::uint64_t sequence() const noexcept { return state_->sequence; }
    /// When it was here, by the runtime's clock. Of a filled block.
    clock::time_point timestamp() const noexcept
    {
        return clock::time_point(clock::duration(static_cast<clock::rep>(state_->arrived_ns)));
    }
    /// When it was made by the source's clock, in ns, or 0 when the source does not say.
    std::uint64_t source_time_ns() const noexcept { return state_->source_ns; }
    /// What is missing in front of this block; see stream_gap.
    const stream_gap& gap() const noexcept { return state_->gap; }
    /// Which part of its stream this is, as split_by_bytes() and split_by_time() count; else 0.
    std::uint32_t part() const noexcept { return state_->part; }
    void set_part(std::uint32_t part) noexcept { state_->part = part; }

private:
    friend class write_stream;
    friend class detail::block_awaiter;
    friend class detail::stream_core;
    explicit block(detail::block_state& leased) noexcept : state_(&leased) {}
    detail::block_state* release() noexcept { return std::exchange(state_, nullptr); }

    detail::block_state* state_ = nullptr;
};

} // namespace cf
