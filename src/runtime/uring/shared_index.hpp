// SPDX-License-Identifier: MIT
//
// Reading and writing the ring indices that the kernel shares.
#pragma once

namespace cf::detail {

/// What the kernel wrote before it moved the index is visible after this.
[[gnu::always_inline]] inline unsigned acquire(const unsigned* shared) noexcept
{
    return __atomic_load_n(shared, __ATOMIC_ACQUIRE);
}

/// What was written before this is visible to the kernel once it sees the index.
[[gnu::always_inline]] inline void release(unsigned* shared, unsigned value) noexcept
{
    __atomic_store_n(shared, value, __ATOMIC_RELEASE);
}

} // namespace cf::detail
