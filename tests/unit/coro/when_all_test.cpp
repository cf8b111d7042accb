// SPDX-License-Identifier: MIT
//
// when_all: all of them, at the same time, to the end.
#include "allocation_count.hpp"
#include "catch.hpp"
#include "coroutines.hpp"

#include <counterflow/io.hpp>
#include <counterflow/scope.hpp>
#include <counterflow/time.hpp>
#include <counterflow/when_all.hpp>

#include <chrono>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;

namespace {

cf::task<int> after(test::gate& event, int value)
{
    co_await event;
    co_return value;
}
cf::task<> note_after(test::gate& event, std::string& notes, char note)
{
    co_await event;
    notes += note;
}
cf::task<> fail_after(test::gate& event, const char* why)
{
    co_await event;
    throw std::runtime_error(why);
}
cf::task<int> at_once(int value) { co_return value; }

} // namespace

TEST_CASE("when_all yields a tuple in the order of its arguments", "[when_all]")
{
    test::run([]() -> cf::task<> {
        test::gate first;
        test::gate second;
        cf::scope helpers;
        helpers.spawn([](test::gate& a, test::gate& b) -> cf::task<> {
            b.open(); // the last argument ends first
            co_await cf::yield();
            a.open();
        }(first, second));
        auto [a, nothing, b, c] =
            co_await cf::when_all(after(first, 1), cf::nop(), after(second, 2), test::foreign_value{3});
        CHECK(a == 1);
        CHECK(b == 2);
        CHECK(c == 3);
        static_assert(std::is_same_v<decltype(nothing), std::monostate>);
        co_await helpers.join();
    });
}

TEST_CASE("when_all runs its arguments at the same time", "[when_all]")
{
    test::run([]() -> cf::task<> {
        test::gate event;
        std::string notes;
        auto opens = [](test::gate& g, std::string& n) -> cf::task<> {
            CHECK(g.waiting() == 2);
            n += 'o';
            g.open();
            co_return;
        };
        co_await cf::when_all(note_after(event, notes, 'a'), note_after(event, notes, 'b'),
                              opens(event, notes));
        CHECK(notes == "oab");
    });
}

TEST_CASE("when_all of nothing ends at once", "[when_all]")
{
    test::run([]() -> cf::task<> {
        const std::tuple<> nothing = co_await cf::when_all();
        (void)nothing;
        const std::vector<int> none = co_await cf::when_all(std::vector<cf::task<int>>());
        CHECK(none.empty());
        co_await cf::when_all(std::vector<cf::task<>>());
    });
}

TEST_CASE("when_all of a vector yields a vector", "[when_all]")
{
    test::run([]() -> cf::task<> {
        std::vector<cf::task<int>> many;
        for (int i = 0; i < 100; ++i) many.push_back(at_once(i));
        const std::vector<int> values = co_await cf::when_all(std::move(many));
        REQUIRE(values.size() == 100);
        for (int i = 0; i < 100; ++i) CHECK(values[static_cast<std::size_t>(i)] == i);
    });
}

TEST_CASE("when one argument throws the others are stopped and awaited, and the first exception wins",
          "[when_all]")
{
    test::run([]() -> cf::task<> {
        test::gate event;
        bool stopped = false;
        bool ended = false;
        auto patient = [](bool& was_stopped, bool& has_ended) -> cf::task<> {
            was_stopped = co_await test::is_canceled(cf::sleep_for(24h));
            co_await cf::yield(); // takes its time to end
            co_await cf::yield();
            has_ended = true;
            throw std::logic_error("too late to matter");
        };
        auto opens = [](test::gate& g) -> cf::task<> {
            g.open();
            co_return;
        };
        std::string why;
        try {
            co_await cf::when_all(patient(stopped, ended), fail_after(event, "first"), opens(event));
        } catch (const std::runtime_error& e) {
            why = e.what();
        }
        CHECK(why == "first");
        CHECK(stopped);
        CHECK(ended);
    });
}

TEST_CASE("a stop request reaches every argument of when_all", "[when_all]")
{
    std::stop_source stop;
    cf::runtime runtime;
    const bool canceled = runtime.run(
        [](std::stop_source& source) -> cf::task<bool> {
            auto requests = [](std::stop_source& s) -> cf::task<> {
                co_await cf::yield();
                s.request_stop();
            };
            co_return co_await test::is_canceled(
                cf::when_all(cf::sleep_for(24h), cf::sleep_for(24h), requests(source)));
        }(stop),
        stop.get_token());
    CHECK(canceled);
}

TEST_CASE("when_all awaits lvalues in place", "[when_all]")
{
    test::run([]() -> cf::task<> {
        test::gate event;
        auto opens = [](test::gate& g) -> cf::task<> {
            g.open();
            co_return;
        };
        co_await cf::when_all(event, event, opens(event));
        CHECK(event.waiting() == 0);
    });
}

TEST_CASE("a warm when_all allocates nothing", "[when_all]")
{
    test::run([]() -> cf::task<> {
        co_await cf::when_all(cf::nop(), at_once(1), cf::nop());
        const std::uint64_t before = test::allocations();
        for (int i = 0; i < 100; ++i) co_await cf::when_all(cf::nop(), at_once(1), cf::nop());
        CHECK(test::allocations() == before);
    });
}
