// SPDX-License-Identifier: MIT
//
// The pattern of the data that is moved to measure.
#include "cli/pattern.hpp"

#include <algorithm>
#include <array>
#include <bit>

namespace cf::cli {
namespace {

using word_bytes = std::array<std::byte, 8>;

/// The finaliser of splitmix64: one bit of difference in, half of the bits out.
word_bytes word(std::uint64_t seed, std::uint64_t index) noexcept
{
    std::uint64_t x = seed + (index + 1) * 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return std::bit_cast<word_bytes>(x ^ (x >> 31));
}

} // namespace

void fill_pattern(std::span<std::byte> memory, std::uint64_t seed) noexcept
{
    for (std::size_t at = 0; at < memory.size(); at += 8) {
        const word_bytes expected = word(seed, at / 8);
        std::copy_n(expected.begin(), std::min<std::size_t>(8, memory.size() - at),
                    memory.begin() + static_cast<std::ptrdiff_t>(at));
    }
}

std::optional<std::size_t> find_mismatch(std::span<const std::byte> memory, std::uint64_t seed) noexcept
{
    for (std::size_t at = 0; at < memory.size(); at += 8) {
        const word_bytes expected = word(seed, at / 8);
        for (std::size_t i = 0; i < std::min<std::size_t>(8, memory.size() - at); ++i)
            if (memory[at + i] != expected[i]) return at + i;
    }
    return std::nullopt;
}

} // namespace cf::cli
