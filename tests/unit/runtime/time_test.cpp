// SPDX-License-Identifier: MIT
//
// Timers, sleeps and timeouts.
#include "allocation_count.hpp"
#include "coroutines.hpp"
#include "system.hpp"

#include <counterflow/as_result.hpp>
#include <counterflow/detail/timer.hpp>
#include <counterflow/io.hpp>
#include <counterflow/scope.hpp>
#include <counterflow/time.hpp>
#include <counterflow/when_any.hpp>

#include <chrono>
#include <map>
#include <random>
#include <stdexcept>

using namespace std::chrono_literals;

TEST_CASE("the heap gives timers in the order of their times, equals in the order of adding", "[time]")
{
    constexpr std::size_t count = 2000;
    std::mt19937 random(7);
    std::vector<cf::detail::timer> timers(count);
    std::multimap<std::uint64_t, cf::detail::timer*> expected;
    cf::detail::timer_heap heap;
    for (auto& t : timers) {
        const std::uint64_t due = 1 + random() % 500;
        heap.add(t, due);
        expected.emplace(due, &t); // equal keys stay in the order of insertion
    }
    for (std::size_t i = 0; i < count; i += 3) { // from anywhere in the heap
        heap.cancel(timers[i]);
        heap.cancel(timers[i]);
        std::erase_if(expected, [&](const auto& e) { return e.second == &timers[i]; });
    }
    for (const auto& [due, t] : expected) {
        REQUIRE_FALSE(heap.empty());
        CHECK(heap.nearest() == due);
        CHECK(heap.pop_due(due - 1) == nullptr);
        CHECK(heap.pop_due(due) == t);
        CHECK_FALSE(t->armed());
    }
    CHECK(heap.empty());
    CHECK(heap.pop_due(~std::uint64_t{0}) == nullptr);
}

TEST_CASE("sleeps end in the order of their times, and not before", "[time]")
{
    for (const auto& options : test::feature_levels()) {
        test::run(
            []() -> cf::task<> {
                std::string order;
                auto sleeper = [](std::string& notes, char note,
                                  std::chrono::milliseconds time) -> cf::task<> {
                    const auto start = cf::clock::now();
                    co_await cf::sleep_for(time);
                    CHECK(cf::clock::now() - start >= time);
                    notes += note;
                };
                cf::scope all;
                all.spawn(sleeper(order, 'c', 12ms));
                all.spawn(sleeper(order, 'a', 0ms));
                all.spawn(sleeper(order, 'b', 4ms)); // earlier than one that was armed before
                co_await all.join();
                CHECK(order == "abc");
            },
            options);
    }
}

TEST_CASE("sleep_until reaches its time, and a time in the past is now", "[time]")
{
    test::run([]() -> cf::task<> {
        const auto when = cf::clock::now() + 2ms;
        co_await cf::sleep_until(when);
        CHECK(cf::clock::now() >= when);
        co_await cf::sleep_until(cf::clock::time_point());
        co_await cf::sleep_for(-1h);
    });
}

TEST_CASE("a runtime that waits for time uses no CPU", "[time]")
{
    for (const auto& options : test::feature_levels()) {
        cf::runtime runtime(options);
        runtime.run([](cf::runtime& r) -> cf::task<> {
            co_await cf::sleep_for(1ms);
            const auto before = r.statistics();
            co_await cf::sleep_for(30ms);
            // One wait, and a spurious wake or two.
            CHECK(r.statistics().enters - before.enters <= 4);
        }(runtime));
    }
}

TEST_CASE("a timer that is not due leaves nothing to look at in a tick", "[time]")
{
    for (const auto& options : test::feature_levels()) {
        cf::runtime runtime(options);
        runtime.run([](cf::runtime& r) -> cf::task<> {
            co_await cf::timeout(24h, [](cf::runtime& own) -> cf::task<> {
                for (int i = 0; i < 3; ++i) co_await cf::nop();
                CHECK(cf::detail::test_access::attention_of(own) == 0);
            }(r));
        }(runtime));
    }
}

TEST_CASE("timers leave at most one operation with the kernel", "[time]")
{
    for (const auto& options : test::feature_levels()) {
        cf::runtime runtime(options);
        runtime.run([](cf::runtime& r) -> cf::task<> {
            const auto in_flight = [](const cf::runtime& own) {
                const auto counted = own.statistics();
                return counted.submitted - counted.completions;
            };
            co_await cf::nop();
            const auto before = in_flight(r);
            for (int i = 0; i < 100; ++i) {
                co_await cf::timeout(24h - i * 1min, cf::nop()); // each earlier than the one before
                co_await cf::timeout(24h, cf::sleep_for(10us));
            }
            co_await cf::nop();
            // The alarm and what cancels it, before their completions have come.
            CHECK(in_flight(r) <= before + 2);
        }(runtime));
    }
}

TEST_CASE("a loop that does not sleep runs timers by the clock and asks nothing of the kernel", "[time]")
{
    for (const auto& options : test::feature_levels()) {
        cf::runtime runtime(options);
        runtime.run([](cf::runtime& r) -> cf::task<> {
            cf::detail::poller busy;
            busy.poll = [](cf::detail::poller&) noexcept { return true; };
            r.add_poller(busy);
            co_await cf::nop(); // behind what a runtime submits at its start
            const auto before = r.statistics().submitted;
            for (int i = 0; i < 20; ++i) co_await cf::sleep_for(20us);
            CHECK(r.statistics().submitted == before);
            r.remove_poller(busy);
        }(runtime));
    }
}

TEST_CASE("timers added everywhere in a tick fire", "[time]")
{
    for (auto options : test::feature_levels()) {
        options.entries = 1;
        cf::runtime runtime(options);
        runtime.run([](cf::runtime& r) -> cf::task<> {
            cf::scope all;
            auto sleeps = [](std::chrono::microseconds time) -> cf::task<> { co_await cf::sleep_for(time); };
            r.post([&] { all.spawn(sleeps(300us)); });
            all.spawn(sleeps(500us));
            co_await cf::nop();
            all.spawn(sleeps(100us)); // earlier than what is armed
            co_await cf::yield();
            all.spawn(sleeps(200us));
            test::pretend_busy(r, 3);
            all.spawn(sleeps(0us));
            co_await all.join();
        }(runtime));
    }
}

TEST_CASE("a heap that is added to and canceled at random agrees with a reference", "[time]")
{
    std::mt19937 random(11);
    constexpr std::size_t count = 300;
    std::vector<cf::detail::timer> timers(count);
    std::multimap<std::uint64_t, cf::detail::timer*> expected;
    cf::detail::timer_heap heap;
    std::uint64_t now = 0;
    for (int step = 0; step < 20'000; ++step) {
        auto& t = timers[random() % count];
        if (t.armed()) {
            heap.cancel(t);
            std::erase_if(expected, [&](const auto& e) { return e.second == &t; });
        } else {
            const std::uint64_t due = now + random() % 200;
            heap.add(t, due);
            expected.emplace(due, &t);
        }
        if (random() % 4 != 0) continue;
        now += random() % 10;
        while (cf::detail::timer* const fired = heap.pop_due(now)) {
            REQUIRE_FALSE(expected.empty());
            REQUIRE(fired == expected.begin()->second);
            expected.erase(expected.begin());
        }
        REQUIRE((expected.empty() || expected.begin()->first > now));
        REQUIRE(heap.empty() == expected.empty());
        if (!heap.empty()) REQUIRE(heap.nearest() == expected.begin()->first);
    }
}

TEST_CASE("a sleep without end can be stopped, and uses no CPU", "[time]")
{
    for (const auto& options : test::feature_levels()) {
        cf::runtime runtime(options);
        runtime.run([](cf::runtime& r) -> cf::task<> {
            cf::scope all;
            all.spawn(cf::sleep_for(cf::clock::duration::max()));
            co_await cf::sleep_for(1ms);
            const auto before = r.statistics().enters;
            co_await cf::sleep_for(5ms);
            CHECK(r.statistics().enters - before <= 6);
            all.request_stop();
            co_await all.join();
        }(runtime));
    }
}

TEST_CASE("a timeout lets values and exceptions through", "[time]")
{
    test::run([]() -> cf::task<> {
        auto value = []() -> cf::task<int> {
            co_await cf::nop();
            co_return 5;
        };
        const int got = co_await cf::timeout(1h, value());
        CHECK(got == 5);
        auto fails = []() -> cf::task<> {
            co_await cf::nop();
            throw std::runtime_error("own");
        };
        bool own = false;
        try {
            co_await cf::timeout(1h, fails());
        } catch (const std::runtime_error& e) {
            own = std::string(e.what()) == "own";
        }
        CHECK(own);
    });
}

TEST_CASE("a timeout awaits an lvalue in place", "[time]")
{
    test::run([]() -> cf::task<> {
        auto value = []() -> cf::task<int> { co_return 5; };
        auto given = value();
        const int got = co_await cf::timeout(1h, given);
        CHECK(got == 5);
        CHECK_FALSE(given); // it was this one that ran
    });
}

TEST_CASE("a timeout stops what it waits for, joins it, and says so", "[time]")
{
    test::run([]() -> cf::task<> {
        bool ended = false;
        auto slow = [](bool& e) -> cf::task<> {
            struct at_exit {
                bool& flag;
                ~at_exit() { flag = true; }
            } guard{e};
            co_await cf::sleep_for(24h);
        };
        std::string message;
        try {
            co_await cf::timeout(1ms, slow(ended));
        } catch (const cf::error& e) {
            CHECK(e.code() == cf::errc::timed_out);
            message = e.what();
        }
        CHECK(ended);
        CHECK(message.find("1000000 ns") != std::string::npos);
    });
}

TEST_CASE("a value that comes in spite of the timeout is not lost", "[time]")
{
    test::run([]() -> cf::task<> {
        auto stubborn = []() -> cf::task<int> {
            const bool stopped = co_await test::is_canceled(cf::sleep_for(24h));
            co_return stopped ? 6 : 0;
        };
        const int got = co_await cf::timeout(1ms, stubborn());
        CHECK(got == 6);
    });
}

TEST_CASE("of nested timeouts the one that expires is reported", "[time]")
{
    test::run([]() -> cf::task<> {
        const auto inner = co_await cf::as_result(cf::timeout(24h, cf::timeout(1ms, cf::sleep_for(24h))));
        REQUIRE_FALSE(inner);
        CHECK(inner.error().detail == "timeout of 1000000 ns");
        const auto outer = co_await cf::as_result(cf::timeout(2ms, cf::timeout(24h, cf::sleep_for(24h))));
        REQUIRE_FALSE(outer);
        CHECK(outer.error().detail == "timeout of 2000000 ns");
    });
}

TEST_CASE("a stop request during a timeout is canceled, not timed out", "[time]")
{
    std::stop_source stop;
    stop.request_stop();
    cf::runtime runtime;
    runtime.run(
        []() -> cf::task<> {
            const auto ended = co_await cf::as_result(cf::timeout(0ns, cf::sleep_for(24h)));
            REQUIRE_FALSE(ended);
            CHECK(ended.error().code == cf::errc::canceled);
        }(),
        stop.get_token());
}

TEST_CASE("warm sleeps and timeouts allocate nothing", "[time]")
{
    test::run([]() -> cf::task<> {
        co_await cf::timeout(1h, cf::sleep_for(0ns));
        const std::uint64_t before = test::allocations();
        for (int i = 0; i < 100; ++i) co_await cf::timeout(1h, cf::sleep_for(0ns));
        CHECK(test::allocations() == before);
    });
}
