// SPDX-License-Identifier: MIT
//
// The points of a plan: that each is held back by what its link is short of, and which one is chosen.
#include "catch.hpp"
#include "cli/plan_report.hpp"
#include "cli/survey.hpp"

#include <counterflow/device.hpp>

#include <sstream>
#include <string>

using namespace cf::cli;

namespace {

plan_point examined(const char* text, std::uint64_t size, unsigned outstanding)
{
    return examine(cf::parse_spec(text), size, outstanding, 2);
}

plan_point point(std::uint64_t size, unsigned outstanding, unsigned channels, double share)
{
    return {.size = size, .outstanding = outstanding, .channels = channels, .utilisation = {share, share}};
}

} // namespace

TEST_CASE("plan: a point is held back by what its link is short of")
{
    CHECK(examined("sim:gen3x4,wr=2,rd=2", 64 << 10, 16).held_by == limit::link);
    CHECK(examined("sim:gen4x8,wr=2,rd=2,tags=8,engine=local", 64 << 10, 16).held_by == limit::tags);
    CHECK(examined("sim:gen4x8,wr=2,rd=2,ph=16,engine=local", 64 << 10, 16).held_by == limit::credits);
    CHECK(examined("sim:gen3x4,wr=2,rd=2,submit=descriptor,irq=50us", 64 << 10, 16).held_by == limit::gap);
    CHECK(examined("sim:gen3x4,wr=2,rd=2,cpu=50us", 64 << 10, 16).held_by == limit::software);
    CHECK(examined("sim:gen3x4,wr=2,rd=2,fetch=200us", 64 << 10, 16).held_by == limit::fetch);
    CHECK(examined("sim:gen3x4,wr=2,rd=2,cpu=0ns,turn=1ns,irq=0ns,fetch=0ns,engine=local", 512, 1).held_by ==
          limit::in_flight);
}

TEST_CASE("plan: few tags make reads as slow as the round trip says, and leave writes alone")
{
    const plan_point p = examined("sim:gen4x8,wr=2,rd=2,tags=16,rtt=2us,engine=local", 256 << 10, 16);
    // Reads come from the endpoint: 16 requests of 512 bytes are answered in each round trip.
    const double window = 16.0 * 512 / 2000e-9;
    CHECK(p.rate[1] < window);
    CHECK(p.rate[1] > 0.92 * window);
    CHECK(p.utilisation[0] > 0.99);
}

TEST_CASE("plan: the least in flight that fills the link is chosen")
{
    std::vector<plan_point> points{point(1 << 20, 16, 2, 1.0), point(64 << 10, 16, 4, 0.99),
                                   point(64 << 10, 16, 2, 0.985), point(4096, 16, 2, 0.5)};
    CHECK(&choice_of(points) == &points[2]);
    CHECK(advice(points, points[2]).find("Choose 16 transfers of 64 KiB") == 0);
    points = {point(4096, 1, 1, 0.1), point(4096, 64, 1, 0.7), point(4096, 64, 2, 0.6)};
    points[1].held_by = limit::software;
    CHECK(&choice_of(points) == &points[1]);
    CHECK(advice(points, points[1]).find("No point fills the link") == 0);
    CHECK(advice(points, points[1]).find("software") != std::string::npos);
}

TEST_CASE("plan: the page draws every number of channels and lists every point")
{
    const std::vector<plan_point> points{point(4096, 4, 1, 0.4), point(65536, 4, 1, 0.9),
                                         point(4096, 4, 2, 0.5)};
    std::ostringstream out;
    write_plan_report(out, cf::parse_spec("sim:gen3x4,wr=2"), points, points[1]);
    const std::string page = out.str();
    CHECK(page.find("1 channel of each kind</h2>") != std::string::npos);
    CHECK(page.find("2 channels of each kind</h2>") != std::string::npos);
    std::size_t rows = 0;
    for (std::size_t at = 0; (at = page.find("<tr><td>", at)) != std::string::npos; ++at) ++rows;
    CHECK(rows == points.size());
    CHECK(page.find("http") == std::string::npos);
}
