// SPDX-License-Identifier: MIT
//
// Link arithmetic against the published numbers of the pcie-bench model (64-bit addresses, no
// ECRC, MRRS 512, completions of one MPS) and against the base specification's tables.
#include "catch.hpp"

#include <counterflow/link.hpp>

#include <cmath>

namespace {

using cf::traffic;

cf::link_parameters make(unsigned generation, unsigned lanes, unsigned mps, unsigned mrrs = 512)
{
    cf::link_parameters link;
    link.generation = generation;
    link.lanes = lanes;
    link.mps_bytes = mps;
    link.mrrs_bytes = mrrs;
    return link;
}

/// As the tables print it: GB/s with two decimals.
double rounded(double bytes_per_second) { return std::round(bytes_per_second / 1e7) / 100; }

struct published {
    unsigned generation, lanes, mps;
    double raw, down, up, each;
};

// "DMA read" full duplex (completions down, writes and read requests up), and both ends writing.
constexpr published table[] = {
    {3, 1, 256, 0.98, 0.88, 0.83, 0.87},      {3, 4, 128, 3.94, 3.07, 2.87, 2.99},
    {3, 4, 256, 3.94, 3.37, 3.18, 3.32},      {3, 8, 128, 7.88, 6.13, 5.72, 5.96},
    {3, 8, 256, 7.88, 6.71, 6.33, 6.62},      {3, 16, 128, 15.75, 12.08, 11.28, 11.76},
    {3, 16, 256, 15.75, 13.18, 12.43, 12.99}, {4, 4, 128, 7.88, 6.15, 5.75, 5.99},
    {4, 4, 256, 7.88, 6.74, 6.36, 6.64},      {4, 8, 128, 15.75, 12.25, 11.45, 11.93},
    {4, 8, 256, 15.75, 13.42, 12.66, 13.23},  {4, 16, 128, 31.51, 24.15, 22.56, 23.52},
    {4, 16, 256, 31.51, 26.37, 24.86, 25.99}, {5, 4, 256, 15.75, 13.48, 12.71, 13.29},
    {5, 8, 256, 31.51, 26.85, 25.31, 26.46},  {5, 16, 128, 63.02, 48.30, 45.12, 47.03},
    {5, 16, 256, 63.02, 52.73, 49.72, 51.98},
};

/// Symbols between updates that `link`'s packet bandwidth was made with.
double interval(const cf::link_parameters& link)
{
    const double tax = 1 - 4.0 / 1538 - cf::packet_bandwidth(link) / cf::raw_bandwidth(link);
    return 16 / tax;
}

} // namespace

TEST_CASE("ceilings agree with the published table", "[link]")
{
    for (const published& row : table) {
        const cf::link_parameters link = make(row.generation, row.lanes, row.mps);
        CAPTURE(row.generation, row.lanes, row.mps);
        CHECK(rounded(cf::raw_bandwidth(link)) == Approx(row.raw));
        const cf::ceilings read = cf::link_ceilings(link, traffic::completions, traffic::posted);
        CHECK(rounded(read.rp_to_ep) == Approx(row.down));
        CHECK(rounded(read.ep_to_rp) == Approx(row.up));
        const cf::ceilings writes = cf::link_ceilings(link, traffic::posted, traffic::posted);
        CHECK(rounded(writes.rp_to_ep) == Approx(row.each));
        CHECK(rounded(writes.ep_to_rp) == Approx(row.each));
    }
}

TEST_CASE("larger read requests leave more room for writes", "[link]")
{
    const auto up = [](unsigned mrrs) {
        return rounded(
            cf::link_ceilings(make(4, 8, 256, mrrs), traffic::completions, traffic::posted).ep_to_rp);
    };
    CHECK(up(256) == Approx(12.08));
    CHECK(up(512) == Approx(12.66));
    CHECK(up(1024) == Approx(12.94));
    CHECK(up(4096) == Approx(13.16));
}

TEST_CASE("requests smaller than the payload: here we are above the published table", "[link]")
{
    // The table has 10.93 for MRRS 128, from completions of 256 bytes, which no request asked for. With
    // those of 128 that there are, reads take less of the link in return, and writes get more.
    const cf::link_parameters link = make(4, 8, 256, 128);
    const cf::ceilings limits = cf::link_ceilings(link, traffic::completions, traffic::posted);
    CHECK(rounded(limits.ep_to_rp) == Approx(11.09));
    const double larger = cf::packet_bandwidth(link) * 256 / 276;
    CHECK(rounded((cf::packet_bandwidth(link) - larger * 24 / 128) * 256 / 280) == Approx(10.93));
    CHECK(limits.rp_to_ep < larger);
}

TEST_CASE("a completion is never larger than its request", "[link]")
{
    CHECK(cf::completion_payload(make(4, 8, 256, 512)) == 256);
    CHECK(cf::completion_payload(make(4, 8, 256, 128)) == 128);
    const cf::link_parameters link = make(4, 8, 256, 128);
    const cf::ceilings limits = cf::link_ceilings(link, traffic::completions, traffic::none);
    CHECK(limits.rp_to_ep == Approx(cf::packet_bandwidth(link) * 128 / 148));
}

TEST_CASE("line coding", "[link]")
{
    CHECK(cf::raw_bandwidth(make(1, 1, 256)) == Approx(0.25e9));
    CHECK(cf::raw_bandwidth(make(2, 1, 256)) == Approx(0.5e9));
    CHECK(cf::raw_bandwidth(make(3, 1, 256)) == Approx(8e9 / 8 * 128 / 130));
    CHECK(cf::raw_bandwidth(make(5, 16, 256)) == Approx(16 * 32e9 / 8 * 128 / 130));
}

TEST_CASE("update intervals are those of the base specification's tables", "[link]")
{
    struct row {
        unsigned generation, lanes;
        double limits[6]; // MPS 128 to 4096
    };
    constexpr row tables[] = {
        {1, 1, {237, 416, 559, 1071, 2095, 4143}}, {1, 2, {128, 217, 289, 545, 1057, 2081}},
        {1, 4, {73, 118, 154, 282, 538, 1050}},    {1, 8, {67, 107, 86, 150, 278, 534}},
        {1, 16, {48, 72, 86, 150, 278, 534}},      {2, 1, {288, 467, 610, 1122, 2146, 4194}},
        {2, 2, {179, 268, 340, 596, 1108, 2132}},  {2, 4, {124, 169, 205, 333, 589, 1101}},
        {2, 8, {118, 158, 137, 201, 329, 585}},    {2, 16, {99, 123, 137, 201, 329, 585}},
        {3, 1, {333, 512, 655, 1167, 2191, 4239}}, {3, 2, {224, 313, 385, 641, 1153, 2177}},
        {3, 4, {169, 214, 250, 378, 634, 1146}},   {3, 8, {163, 203, 182, 246, 374, 630}},
        {3, 16, {144, 168, 182, 246, 374, 630}},   {5, 4, {169, 214, 250, 378, 634, 1146}},
    };
    for (const row& r : tables) {
        for (unsigned i = 0; i < 6; ++i) {
            CAPTURE(r.generation, r.lanes, 128u << i);
            CHECK(interval(make(r.generation, r.lanes, 128u << i)) == Approx(r.limits[i]));
        }
    }
}

TEST_CASE("one direction alone has the link to itself", "[link]")
{
    const cf::link_parameters link = make(3, 4, 256);
    const double packets = cf::packet_bandwidth(link);
    const cf::ceilings write = cf::link_ceilings(link, traffic::posted, traffic::none);
    CHECK(write.rp_to_ep == Approx(packets * 256 / 280));
    CHECK(write.ep_to_rp == 0);
    const cf::ceilings read = cf::link_ceilings(link, traffic::none, traffic::completions);
    CHECK(read.ep_to_rp == Approx(packets * 256 / 276));
    CHECK(read.rp_to_ep == 0);
}

TEST_CASE("directions are treated alike", "[link]")
{
    const cf::link_parameters link = make(4, 8, 128);
    const cf::ceilings one = cf::link_ceilings(link, traffic::completions, traffic::posted);
    const cf::ceilings other = cf::link_ceilings(link, traffic::posted, traffic::completions);
    CHECK(one.rp_to_ep == other.ep_to_rp);
    CHECK(one.ep_to_rp == other.rp_to_ep);
    CHECK(one.of(cf::direction::ep_to_rp) == one.ep_to_rp);
}

TEST_CASE("completions both ways pay for each other's requests", "[link]")
{
    const cf::link_parameters link = make(3, 1, 256);
    const cf::ceilings both = cf::link_ceilings(link, traffic::completions, traffic::completions);
    CHECK(both.rp_to_ep == both.ep_to_rp);
    // Wire bytes of one direction: payload, completion headers, the other direction's requests.
    CHECK(both.rp_to_ep * (1 + 20.0 / 256 + 24.0 / 512) == Approx(cf::packet_bandwidth(link)));
}

TEST_CASE("the null link has no ceiling", "[link]")
{
    const cf::link_parameters link = make(0, 1, 256);
    CHECK(link.null());
    CHECK(std::isinf(cf::raw_bandwidth(link)));
    CHECK(std::isinf(cf::packet_bandwidth(link)));
    const cf::ceilings limits = cf::link_ceilings(link, traffic::posted, traffic::none);
    CHECK(std::isinf(limits.rp_to_ep));
    CHECK(limits.ep_to_rp == 0);
}
