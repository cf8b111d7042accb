// SPDX-License-Identifier: MIT
//
// Counts calls of operator new, for tests of what must not allocate. A program that includes
// this links allocation_count.cpp, which replaces the operators.
#pragma once

#include <cstdint>

namespace test {

/// Calls of any form of operator new by the calling thread so far.
std::uint64_t allocations() noexcept;

} // namespace test
