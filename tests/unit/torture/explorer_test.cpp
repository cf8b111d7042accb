// SPDX-License-Identifier: MIT
//
// The explorer: every order of a few acts ends as it must, none is forgotten, and what goes wrong is seen.
#include "catch.hpp"

#include "torture/explorer.hpp"
#include <counterflow/error.hpp>
#include <counterflow/log.hpp>

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

using namespace cf::torture;

namespace {

/// What happens on purpose is no news.
const bool silent = [] {
    cf::set_log_level("off");
    return true;
}();

exploration explored(std::string_view world, unsigned depth)
{
    const world_plan* const plan = &world_named(world);
    return explore({&plan, 1}, depth, 1).front();
}

std::uint64_t times(const exploration& found, cf::errc outcome)
{
    return found.outcomes[static_cast<std::size_t>(outcome)];
}

} // namespace

TEST_CASE("paths are written as they are read", "[explorer]")
{
    for (std::size_t i = 0; i < act_count; ++i) {
        const std::vector<act> path{act::submit_a, static_cast<act>(i)};
        CHECK(parse_path(to_text(path)) == path);
    }
    CHECK_THROWS_AS(parse_path("submit-a,,turn"), cf::error);
    CHECK_THROWS_AS(parse_path(""), cf::error);
    CHECK_THROWS_AS(world_named("flat"), cf::error);
}

TEST_CASE("every order of four acts ends well in every world, with every outcome", "[explorer]")
{
    std::vector<const world_plan*> plans;
    for (const world_plan& p : worlds()) plans.push_back(&p);
    const std::vector<exploration> all = explore(plans, 4, 2);
    REQUIRE(all.size() == plans.size());
    for (std::size_t i = 0; i < all.size(); ++i) {
        const exploration& found = all[i];
        INFO(plans[i]->name << ": " << found.end.trouble.data() << ", " << to_text(found.last_path()));
        CHECK(found.good());
        CHECK(found.paths > 400);
        for (const act a : parse_path("submit-a,submit-b,cancel-a,cancel-b,deadline-a,abort,fatal-abort,"
                                      "stop,remove,close,engine,turn"))
            CHECK(found.acts[static_cast<std::size_t>(a)] != 0);
        for (const cf::errc outcome :
             {cf::errc{}, cf::errc::canceled, cf::errc::timed_out, cf::errc::device_gone})
            CHECK(times(found, outcome) != 0);
        CHECK(times(found, cf::errc::unsupported_request) + times(found, cf::errc::aborted) != 0);
        // Each path ends both transfers, or has not awaited one.
        CHECK(std::accumulate(found.outcomes.begin(), found.outcomes.end(), std::uint64_t{0}) ==
              2 * found.paths);
        CHECK(found.outcomes[ending::never_resumed] == 0);
    }
}

TEST_CASE("paths are found again, and shorter ones lie on longer ones", "[explorer]")
{
    const exploration one = explored("one-irq", 3), again = explored("one-irq", 3);
    CHECK(one.paths == again.paths);
    CHECK(one.states == again.states);
    CHECK(one.acts == again.acts);
    CHECK(one.outcomes == again.outcomes);
    // The places where a fourth act is chosen are the ends of the paths of three that go on.
    const exploration longer = explored("one-irq", 4);
    CHECK(longer.states > one.states);
    CHECK(longer.states - one.states <= one.paths);
}

TEST_CASE("a path can be followed, and only where it leads", "[explorer]")
{
    const world_plan& world = world_named("two-poll");
    const std::vector<act> path =
        parse_path("submit-a,submit-b,turn,engine,cancel-b,turn,engine,engine,turn");
    const exploration found = follow(world, path);
    CHECK(found.good());
    CHECK(std::ranges::equal(found.last_path(), path));
    CHECK(times(found, cf::errc{}) + times(found, cf::errc::canceled) == 2);
    CHECK_THROWS_AS(follow(world, parse_path("submit-a,submit-a")), cf::error);
    CHECK_THROWS_AS(follow(world, parse_path("close")), cf::error);
}

TEST_CASE("memory that is touched is seen", "[explorer]")
{
    const exploration found = follow(world_named("one-irq"), parse_path("submit-a,turn,corruption"));
    CHECK_FALSE(found.good());
    CHECK(std::string(found.end.trouble.data()) == "a: near memory when it resumed");
}
