// SPDX-License-Identifier: MIT
//
// Data that knows where it belongs: every eight bytes depend on a seed and on their position, so
// that data at a wrong place, old data and no data all differ from what is expected.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace cf::cli {

/// Fills `memory` with the pattern of `seed` from position 0 on.
void fill_pattern(std::span<std::byte> memory, std::uint64_t seed) noexcept;

/// Offset of the first byte that differs from the pattern, or nothing.
std::optional<std::size_t> find_mismatch(std::span<const std::byte> memory, std::uint64_t seed) noexcept;

} // namespace cf::cli
