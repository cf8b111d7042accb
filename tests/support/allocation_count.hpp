// SPDX-License-Identifier: MIT
//
// Counts calls of operator new, for tests of what must not allocate, and has one of them fail, for tests of
// what happens then. A program that includes this links allocation_count.cpp, which replaces the operators.
#pragma once

#include <cstdint>

namespace test {

/// Calls of any form of operator new by the calling thread so far.
std::uint64_t allocations() noexcept;

/// Allocations of the calling thread less what it has freed. Moves with memory that changes threads.
std::int64_t live_allocations() noexcept;

/// The n-th allocation of the calling thread from now on fails, once; 0: none does any more. Returns whether
/// the one that was to fail before has.
bool fail_allocation(std::uint64_t n) noexcept;

} // namespace test
