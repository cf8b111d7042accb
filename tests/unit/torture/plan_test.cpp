// SPDX-License-Identifier: MIT
//
// Plans: the same seed gives the same plan, every device in one can be opened, and shrinking keeps what
// matters.
#include "catch.hpp"

#include "torture/plan.hpp"
#include "torture/shrink.hpp"
#include <counterflow/error.hpp>
#include <counterflow/spec.hpp>

#include <algorithm>

using namespace cf::torture;

TEST_CASE("a seed gives its plan, and no other", "[plan]")
{
    const plan a = make_plan(7, 1000, all_faults), b = make_plan(7, 1000, all_faults);
    CHECK(a.device == b.device);
    REQUIRE(a.events.size() == b.events.size());
    for (std::size_t i = 0; i < a.events.size(); ++i) CHECK(describe(a.events[i]) == describe(b.events[i]));
    CHECK(std::ranges::is_sorted(a.events, {}, &event::at));
    CHECK(make_plan(8, 1000, all_faults).device != a.device);
}

TEST_CASE("every plan's device is one that can be, and its faults are those that were asked for", "[plan]")
{
    fault_set seen = 0;
    for (std::uint64_t seed = 0; seed < 500; ++seed) {
        const plan p = make_plan(seed, 1000, all_faults);
        INFO(p.device);
        CHECK_NOTHROW(cf::parse_spec(p.device));
        CHECK_FALSE(p.events.empty());
        for (const event& e : p.events) seen |= only(e.what);
        for (const event& e : make_plan(seed, 100, only(fault::hang)).events) CHECK(e.what == fault::hang);
    }
    CHECK(seen == all_faults);
}

TEST_CASE("faults have names", "[plan]")
{
    CHECK(parse_faults("all") == all_faults);
    CHECK(parse_faults("abort,hang") == (only(fault::abort) | only(fault::hang)));
    CHECK_THROWS_AS(parse_faults("abort,"), cf::error);
    CHECK_THROWS_AS(parse_faults("nothing"), cf::error);
}

TEST_CASE("shrinking leaves the events that it takes, and no more transfers", "[plan]")
{
    const plan p = make_plan(3, 1000, all_faults);
    REQUIRE(p.events.size() > 6);
    const unsigned one = p.events[1].number, two = p.events[p.events.size() - 2].number;
    const auto has = [](const plan& in, unsigned number) {
        return std::ranges::any_of(in.events, [&](const event& e) { return e.number == number; });
    };
    tally found;
    found.blame(800, "as an example");
    const plan least = shrink(p, found, [&](const plan& tried) {
        tally t;
        t.corrupt = has(tried, one) && has(tried, two) && tried.transfers > 300 ? 1 : 0;
        return t;
    });
    CHECK(least.transfers == 801);
    REQUIRE(least.events.size() == 2);
    CHECK(least.events[0].number == one);
    CHECK(least.events[1].number == two);
}
