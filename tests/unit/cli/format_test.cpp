// SPDX-License-Identifier: MIT
//
// Numbers as people read them.
#include "catch.hpp"

#include "cli/format.hpp"

#include <counterflow/spec.hpp>

#include <limits>

using namespace cf::cli;

TEST_CASE("sizes", "[format]")
{
    CHECK(human_size(0) == "0 B");
    CHECK(human_size(1023) == "1023 B");
    CHECK(human_size(1024) == "1 KiB");
    CHECK(human_size(65536) == "64 KiB");
    CHECK(human_size(1536) == "1.50 KiB");
    CHECK(human_size(268435456) == "256 MiB");
    CHECK(human_size(268435457) == "256 MiB");
    CHECK(human_size(std::uint64_t{5} << 40) == "5120 GiB");
    CHECK(human_size(std::numeric_limits<std::uint64_t>::max()) == "17179869184 GiB");
}

TEST_CASE("sizes for a spec survive the way back", "[format]")
{
    for (const std::uint64_t bytes :
         {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{4096}, std::uint64_t{65537},
          std::uint64_t{3} << 20, std::uint64_t{1} << 40, std::numeric_limits<std::uint64_t>::max()})
        CHECK(cf::parse_size(spec_size(bytes), "size") == bytes);
    CHECK(spec_size(65536) == "64KiB");
}

TEST_CASE("rates, times, shares and counts", "[format]")
{
    CHECK(human_rate(874e6) == "0.874 GB/s");
    CHECK(human_rate(12.664e9) == "12.66 GB/s");
    CHECK(human_rate(std::numeric_limits<double>::infinity()) == "unlimited");
    CHECK(human_time(850) == "850 ns");
    CHECK(human_time(12'400) == "12.4 us");
    CHECK(human_time(3'100'000) == "3.10 ms");
    CHECK(human_time(2e9) == "2.00 s");
    CHECK(human_share(0.9912, 1) == "99.1 %");
    CHECK(human_share(1, 0) == "-");
    CHECK(human_share(1, std::numeric_limits<double>::infinity()) == "-");
    CHECK(grouped(0) == "0");
    CHECK(grouped(999) == "999");
    CHECK(grouped(1000) == "1,000");
    CHECK(grouped(12'345'678) == "12,345,678");
}

TEST_CASE("links", "[format]")
{
    cf::link_parameters link;
    link.generation = 4;
    link.lanes = 8;
    CHECK(human_link(link) == "gen4x8, MPS 256, MRRS 512");
    link.generation = 0;
    CHECK(human_link(link).find("null") == 0);
}
