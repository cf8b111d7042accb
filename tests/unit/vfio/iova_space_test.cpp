// SPDX-License-Identifier: MIT
//
// Addresses for near memory: within what the IOMMU takes, clear of what others answer to, never twice.
#include "catch.hpp"

#include "vfio/iova_space.hpp"

#include <map>
#include <random>

using namespace cf::vfio;

namespace {

constexpr std::uint64_t page = 4096, huge = 2u << 20, gib4 = std::uint64_t{4} << 30;
constexpr std::uint64_t top = (std::uint64_t{1} << 39) - 1;

} // namespace

TEST_CASE("addresses start at 4 GiB, and a page lies between them", "[vfio]")
{
    iova_space space({{0, top}}, {}, page);
    CHECK(space.take(page, 0x7000) == gib4);
    CHECK(space.take(2 * page, 0x7000) == gib4 + 2 * page);
    CHECK(space.take(page, 0x7000) == gib4 + 5 * page);
}

TEST_CASE("large memory lies in a huge page as the program has it", "[vfio]")
{
    iova_space space({{0, top}}, {}, page);
    const auto at = space.take(huge + page, 5 * huge + 3 * page);
    REQUIRE(at);
    CHECK(*at % huge == 3 * page);
}

TEST_CASE("what others answer to is left out", "[vfio]")
{
    iova_space space({{0, 0xfedf'ffff}, {0xfef0'0000, top}},
                     {{gib4, gib4 + 0x7fff}, {gib4 + 0xb000, gib4 + 0xffff'ffff}}, page);
    CHECK(space.take(page, 0) == gib4 + 0x8000); // between two, with its page behind it
    const auto next = space.take(page, 0);
    REQUIRE(next);
    CHECK(*next >= gib4 + 0x1'0000'0000);
}

TEST_CASE("without room above 4 GiB the lower part serves, but for the first MiB", "[vfio]")
{
    iova_space space({{0, 0xffff'ffff}}, {}, page);
    CHECK(space.take(page, 0) == std::uint64_t{1} << 20);
}

TEST_CASE("when it is used up it says so, and sums do not wrap", "[vfio]")
{
    iova_space space({{gib4, gib4 + 4 * page - 1}}, {}, page);
    CHECK_FALSE(space.take(~std::uint64_t{0} - page + 1, 0));
    CHECK_FALSE(space.take(4 * page, 0));
    CHECK(space.take(page, 0));
    CHECK_FALSE(space.take(2 * page, 0));
    iova_space at_the_end({{~std::uint64_t{0} - 8 * page + 1, ~std::uint64_t{0}}}, {}, page);
    CHECK(at_the_end.take(page, 0));
    CHECK_FALSE(iova_space({}, {}, page).take(page, 0));
}

TEST_CASE("no two of many overlap, whatever their sizes", "[vfio]")
{
    const address_range hole{gib4 + 64 * huge, gib4 + 70 * huge};
    iova_space space({{0x10'0000, 0xdfff'ffff}, {gib4, gib4 + 512 * huge}}, {hole}, page);
    std::mt19937 random(1);
    std::map<std::uint64_t, std::uint64_t> given;
    std::uint64_t sum = 0;
    for (;;) {
        const std::uint64_t size = page * (1 + random() % 1500), memory = page * (random() % 100'000);
        const auto at = space.take(size, memory);
        if (!at) break;
        sum += size;
        CHECK((*at + size - 1 < hole.first || *at > hole.last));
        const auto next = given.lower_bound(*at);
        CHECK((next == given.end() || *at + size + page <= next->first));
        CHECK((next == given.begin() || std::prev(next)->first + std::prev(next)->second + page <= *at));
        given[*at] = size;
    }
    CHECK(sum > 1024 * huge); // both parts were used
}
