// SPDX-License-Identifier: MIT
//
// Size literals count in powers of 1024.
#include "catch.hpp"
#include <counterflow/units.hpp>

using namespace cf::literals;

TEST_CASE("size literals", "[units]")
{
    CHECK(1_KiB == 1024);
    CHECK(64_KiB == 65536);
    CHECK(1_MiB == 1024 * 1_KiB);
    CHECK(4_GiB == std::size_t{1} << 32);
    STATIC_REQUIRE(0_GiB == 0);
}
