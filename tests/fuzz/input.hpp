// SPDX-License-Identifier: MIT
//
// The bytes a fuzzer made up, taken as numbers: what a target makes its decisions from. When they are used up
// everything reads as zero.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

namespace cf::fuzz {

class input {
public:
    explicit input(std::span<const std::byte> bytes) noexcept : left_(bytes) {}

    bool empty() const noexcept { return left_.empty(); }

    template <class Number>
    Number take() noexcept
    {
        static_assert(std::is_unsigned_v<Number>);
        Number value = 0;
        const std::size_t count = sizeof value < left_.size() ? sizeof value : left_.size();
        if (count != 0) std::memcpy(&value, left_.data(), count);
        left_ = left_.subspan(count);
        return value;
    }

    /// Something in [0, end).
    std::uint32_t below(std::uint32_t end) noexcept { return take<std::uint16_t>() % end; }

private:
    std::span<const std::byte> left_;
};

/// A property that did not hold: ends the program, so that a fuzzer keeps the input.
#define FUZZ_CHECK(condition)                                                                                \
    do {                                                                                                     \
        if (!(condition)) __builtin_trap();                                                                  \
    } while (false)

} // namespace cf::fuzz
