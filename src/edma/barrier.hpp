// SPDX-License-Identifier: MIT
//
// Order between this CPU and a device: for memory both reach, and for registers. The orders of the
// C++ memory model bind threads only; on arm64 their fences end at the inner shareable domain,
// where a device need not be. For register_space and list_ring.
#pragma once

#include <atomic>

namespace cf::edma {

/// Whatever this CPU has loaded and stored before, a device finds done when it sees a later store, to
/// memory or to a register. Loads count as well: memory that was read may be handed over to be written.
inline void dma_write_barrier() noexcept
{
#if defined(__x86_64__) || defined(__i386__)
    asm volatile("" ::: "memory"); // stores to write-back and uncached memory stay in order
#elif defined(__aarch64__)
    asm volatile("dmb osh" ::: "memory");
#else
    std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
}

/// What a device had stored before it stored, or answered, what was loaded last is visible to the
/// loads that follow.
inline void dma_read_barrier() noexcept
{
#if defined(__x86_64__) || defined(__i386__)
    asm volatile("" ::: "memory"); // loads stay in order
#elif defined(__aarch64__)
    asm volatile("dmb oshld" ::: "memory");
#else
    std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
}

/// As dma_write_barrier(), for stores that go through a write-combining mapping: nothing of them is held
/// back any more.
inline void combined_write_barrier() noexcept
{
#if defined(__x86_64__) || defined(__i386__)
    asm volatile("sfence" ::: "memory");
#elif defined(__aarch64__)
    asm volatile("dsb st" ::: "memory");
#else
    std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
}

} // namespace cf::edma
