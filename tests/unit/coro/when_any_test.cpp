// SPDX-License-Identifier: MIT
//
// when_any: the first decides, the others are stopped and joined.
#include "catch.hpp"
#include "coroutines.hpp"

#include <counterflow/io.hpp>
#include <counterflow/time.hpp>
#include <counterflow/when_any.hpp>

#include <chrono>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;

namespace {

cf::task<int> at_once(int value) { co_return value; }

// Ends some turns after it was stopped.
cf::task<int> slow_to_stop(int& ended)
{
    co_await test::is_canceled(cf::sleep_for(24h));
    for (int i = 0; i < 5; ++i) co_await cf::yield();
    ++ended;
    co_return -1;
}
cf::task<int> fails()
{
    co_await cf::yield();
    throw std::runtime_error("no");
}

} // namespace

TEST_CASE("when_any yields who was first and joins the losers", "[when_any]")
{
    test::run([]() -> cf::task<> {
        int ended = 0;
        const auto first =
            co_await cf::when_any(slow_to_stop(ended), cf::nop(), slow_to_stop(ended), cf::sleep_for(24h));
        CHECK(first.index == 1);
        CHECK(first.value.index() == 1);
        CHECK(ended == 2);

        const auto value = co_await cf::when_any(cf::sleep_for(24h), at_once(8));
        REQUIRE(value.index == 1);
        CHECK(std::get<1>(value.value) == 8);
    });
}

TEST_CASE("when two end together the earlier one is it", "[when_any]")
{
    test::run([]() -> cf::task<> {
        const auto first = co_await cf::when_any(at_once(1), at_once(2));
        CHECK(first.index == 0);
        CHECK(std::get<0>(first.value) == 1);
    });
}

TEST_CASE("an exception of the first is thrown after the losers have ended", "[when_any]")
{
    test::run([]() -> cf::task<> {
        int ended = 0;
        bool thrown = false;
        try {
            co_await cf::when_any(slow_to_stop(ended), fails());
        } catch (const std::runtime_error&) {
            thrown = true;
        }
        CHECK(thrown);
        CHECK(ended == 1);
    });
}

TEST_CASE("an exception of a loser is dropped", "[when_any]")
{
    test::run([]() -> cf::task<> {
        auto loser = []() -> cf::task<> {
            co_await test::is_canceled(cf::sleep_for(24h));
            throw std::runtime_error("nobody hears this");
        };
        const auto first = co_await cf::when_any(loser(), at_once(3));
        CHECK(first.index == 1);
    });
}

TEST_CASE("when_any of a vector", "[when_any]")
{
    test::run([]() -> cf::task<> {
        int ended = 0;
        std::vector<cf::task<int>> many;
        for (int i = 0; i < 10; ++i) many.push_back(slow_to_stop(ended));
        many.push_back(at_once(5));
        const auto first = co_await cf::when_any(std::move(many));
        CHECK(first.index == 10);
        CHECK(first.value == 5);
        CHECK(ended == 10);

        bool refused = false;
        try {
            co_await cf::when_any(std::vector<cf::task<int>>());
        } catch (const cf::error& e) {
            refused = e.code() == cf::errc::bad_argument;
        }
        CHECK(refused);
    });
}

TEST_CASE("a stop request ends a when_any with canceled", "[when_any]")
{
    std::stop_source stop;
    stop.request_stop();
    CHECK_THROWS_AS(cf::sync_wait(cf::when_any(cf::sleep_for(24h), cf::sleep_for(24h)), stop.get_token()),
                    cf::error);
}
