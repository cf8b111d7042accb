// SPDX-License-Identifier: MIT
//
// ledger: what became of a number of awaited transfers. For all tests of devices, whatever they run on.
#pragma once

#include <counterflow/counterflow.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

namespace test {

inline constexpr std::size_t block = 4096;

/// Fills memory with bytes that depend on the seed and the position.
inline void fill(std::span<std::byte> memory, std::uint32_t seed)
{
    std::mt19937 random(seed);
    for (std::byte& b : memory) b = static_cast<std::byte>(random());
}

/// What became of a number of awaits: how often each resumed, and with what.
struct ledger {
    explicit ledger(std::size_t size) : resumed(size), code(size) {}
    std::vector<int> resumed;
    std::vector<std::error_code> code;

    bool each_once() const
    {
        return std::ranges::all_of(resumed, [](int n) { return n == 1; });
    }
    std::size_t count(std::error_code wanted) const
    {
        return static_cast<std::size_t>(std::ranges::count(code, wanted));
    }
};

inline cf::task<> note(cf::transfer moved, ledger& book, std::size_t entry)
{
    auto done = co_await cf::as_result(std::move(moved));
    ++book.resumed[entry];
    if (!done) book.code[entry] = done.error().code;
}

} // namespace test
