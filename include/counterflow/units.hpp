// SPDX-License-Identifier: MIT
//
// Size literals: 64_KiB, 1_MiB, 2_GiB. Durations are std::chrono's.
#pragma once

#include <cstddef>

namespace cf {
inline namespace literals {

constexpr std::size_t operator""_KiB(unsigned long long n) noexcept
{
    return static_cast<std::size_t>(n) << 10;
}
constexpr std::size_t operator""_MiB(unsigned long long n) noexcept
{
    return static_cast<std::size_t>(n) << 20;
}
constexpr std::size_t operator""_GiB(unsigned long long n) noexcept
{
    return static_cast<std::size_t>(n) << 30;
}

} // namespace literals
} // namespace cf
