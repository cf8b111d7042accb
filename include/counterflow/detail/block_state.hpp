// SPDX-License-Identifier: MIT
//
// block_state: what stands behind a lease, one for each block of a stream's memory. Belongs to the stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <system_error>

namespace cf {

/// Blocks that are missing between one block and the one before it. Empty: none are.
struct stream_gap {
    std::uint64_t first = 0;  ///< number of the first that is missing
    std::uint64_t blocks = 0; ///< how many; 0 with a cause: the source started its counting anew
    std::error_code cause;    ///< of the first: errc::overrun, errc::out_of_step, or how its transfer failed

    std::uint64_t last() const noexcept { return first + blocks - 1; } ///< not when blocks is 0
    explicit operator bool() const noexcept { return static_cast<bool>(cause); }
};

namespace detail {

class stream_core;
struct region;

struct block_state {
    stream_core* owner = nullptr;
    region* memory = nullptr;
    std::byte* data = nullptr; ///< the payload
    std::size_t offset = 0;    ///< of the payload in `memory`
    std::uint32_t bytes = 0;   ///< of the payload now
    std::uint32_t part = 0;
    std::uint64_t sequence = 0;
    std::uint64_t arrived_ns = 0;
    std::uint64_t source_ns = 0;
    stream_gap gap;
};

} // namespace detail
} // namespace cf
