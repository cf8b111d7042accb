// SPDX-License-Identifier: MIT
//
// The pattern finds every way in which data can be wrong.
#include "catch.hpp"

#include "cli/pattern.hpp"

#include <algorithm>
#include <vector>

using cf::cli::fill_pattern;
using cf::cli::find_mismatch;

TEST_CASE("what was filled matches, of any size", "[pattern]")
{
    for (std::size_t size = 0; size < 40; ++size) {
        std::vector<std::byte> memory(size);
        fill_pattern(memory, 1);
        CHECK_FALSE(find_mismatch(memory, 1).has_value());
        if (size > 0) CHECK(find_mismatch(memory, 2).has_value());
    }
}

TEST_CASE("a wrong byte is found where it is", "[pattern]")
{
    std::vector<std::byte> memory(100);
    for (std::size_t at = 0; at < memory.size(); ++at) {
        fill_pattern(memory, 7);
        memory[at] ^= std::byte{1};
        CHECK(find_mismatch(memory, 7) == at);
    }
}

TEST_CASE("moved, repeated and missing data is found", "[pattern]")
{
    std::vector<std::byte> memory(4096);
    fill_pattern(memory, 7);
    std::vector<std::byte> shifted = memory;
    std::rotate(shifted.begin(), shifted.begin() + 64, shifted.end());
    CHECK(find_mismatch(shifted, 7).has_value());
    std::vector<std::byte> repeated = memory;
    std::copy_n(memory.begin(), 64, repeated.begin() + 2048);
    const auto where = find_mismatch(repeated, 7);
    REQUIRE(where.has_value());
    CHECK(*where >= 2048);
    CHECK(*where < 2056);
    std::fill_n(memory.begin() + 1000, 8, std::byte{0});
    CHECK(find_mismatch(memory, 7).has_value());
}
