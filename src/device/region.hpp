// SPDX-License-Identifier: MIT
//
// region: the memory behind a buffer, from registration until its last transfer has ended.
#pragma once

#include <counterflow/buffer.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace cf::detail {

class device_core;

/// Registered memory. Owned by its buffer, and after the buffer's destruction by the transfers
/// still running on it: whoever brings both to zero releases it. That is what keeps memory
/// mapped while an engine could touch it.
struct region {
    device_core* core = nullptr; ///< null once the device is gone; the mapping ended with it
    std::byte* data = nullptr;
    std::size_t size = 0;
    std::uint64_t address = 0;   ///< of `data`, as the engines see it
    std::uint32_t in_flight = 0; ///< started transfers that name this region
    bool has_owner = true;       ///< its buffer lives
    page_kind pages = page_kind::base;

    // The whole pages that are pinned and mapped; the memory itself is ours when `allocated`.
    std::byte* pages_begin = nullptr;
    std::size_t pages_size = 0;
    bool pinned = false;
    bool allocated = false;
};

/// Allocates, pins and maps memory. Throws cf::error.
region* allocate_region(device_core& core, std::size_t size);
/// Pins and maps the caller's memory. Throws cf::error.
region* add_region(device_core& core, std::span<std::byte> memory);

/// Gives up the buffer's or a transfer's share; releases the region when nothing is left.
void release_if_unused(region& r) noexcept;

/// Ends the mapping because the device goes away; the pages stay with the buffer.
void unmap_region(region& r) noexcept;

} // namespace cf::detail
