// SPDX-License-Identifier: MIT
//
// pseudo_frame: what stands where a coroutine's frame is expected, for those who are called instead.
#pragma once

#include <coroutine>
#include <cstdint>

namespace cf::detail {

/// What the loop can resume as it does a coroutine's frame: in the ABI that g++ and clang share, a frame
/// begins with the function that resume() calls with it (clang by its own convention, which for one pointer
/// is that of C). So every completion is handled alike, and
/// the loop need not tell its own from those of coroutines.
struct pseudo_frame {
    void (*resume)(void*) noexcept;

    std::coroutine_handle<> handle() noexcept { return std::coroutine_handle<>::from_address(this); }
    std::uint64_t user_data() const noexcept { return reinterpret_cast<std::uintptr_t>(this); }
};

} // namespace cf::detail
