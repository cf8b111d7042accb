// SPDX-License-Identifier: MIT
//
// Stop requests: from a token on any thread to every kind of wait.
#include "catch.hpp"
#include "coroutines.hpp"

#include <counterflow/as_result.hpp>
#include <counterflow/io.hpp>
#include <counterflow/stop.hpp>
#include <counterflow/time.hpp>

#include <atomic>
#include <chrono>
#include <semaphore>
#include <thread>

using namespace std::chrono_literals;

TEST_CASE("without a token nothing can be stopped", "[stop]")
{
    test::run([]() -> cf::task<> {
        const bool requested = co_await cf::stop_requested();
        CHECK_FALSE(requested);
    });
}

TEST_CASE("a token reaches nested tasks, which see the request", "[stop]")
{
    std::stop_source stop;
    cf::runtime runtime;
    runtime.run(
        [](std::stop_source& source) -> cf::task<> {
            auto inner = [](std::stop_source& s) -> cf::task<> {
                const bool before = co_await cf::stop_requested();
                CHECK_FALSE(before);
                s.request_stop();
                const bool behind = co_await cf::stop_requested();
                CHECK(behind);
            };
            co_await inner(source);
            const bool here = co_await cf::stop_requested();
            CHECK(here);
        }(stop),
        stop.get_token());
}

TEST_CASE("a wait that starts after the request ends at once and starts nothing", "[stop]")
{
    std::stop_source stop;
    stop.request_stop();
    cf::runtime runtime;
    runtime.run(
        [](cf::runtime& r) -> cf::task<> {
            const auto before = r.statistics().submitted;
            for (int i = 0; i < 3; ++i) {
                const auto ended = co_await cf::as_result(cf::nop());
                REQUIRE_FALSE(ended);
                CHECK(ended.error().code == cf::errc::canceled);
            }
            const bool slept = co_await test::is_canceled(cf::sleep_for(24h));
            CHECK(slept);
            co_await cf::until_stop();
            CHECK(r.statistics().submitted == before);
        }(runtime),
        stop.get_token());
}

TEST_CASE("until_stop ends on request and does not throw", "[stop]")
{
    std::stop_source stop;
    cf::runtime runtime;
    int step = 0;
    runtime.run(
        [](std::stop_source& source, int& s) -> cf::task<> {
            source.request_stop();
            co_await cf::until_stop();
            s = 1;
        }(stop, step),
        stop.get_token());
    CHECK(step == 1);
}

TEST_CASE("a request from another thread wakes a sleeping runtime", "[stop]")
{
    for (int round = 0; round < 50; ++round) {
        std::stop_source stop;
        std::binary_semaphore inside(0);
        std::jthread other([&] {
            inside.acquire();
            stop.request_stop();
        });
        cf::runtime runtime;
        bool canceled = false;
        runtime.run(
            [](std::binary_semaphore& s, bool& c) -> cf::task<> {
                s.release();
                c = co_await test::is_canceled(cf::sleep_for(24h));
            }(inside, canceled),
            stop.get_token());
        CHECK(canceled);
    }
}

TEST_CASE("a request that crosses the end of what it stops is waited for", "[stop]")
{
    // The task ends by itself at about the time of the request; whichever comes first, the
    // request's way through the runtime must not outlive the call.
    cf::runtime runtime;
    for (int round = 0; round < 2000; ++round) {
        std::stop_source stop;
        std::atomic<bool> go = false;
        std::jthread other([&] {
            while (!go.load()) std::this_thread::yield();
            stop.request_stop();
        });
        runtime.run(
            [](std::atomic<bool>& g) -> cf::task<> {
                g = true;
                co_await test::is_canceled(cf::nop());
            }(go),
            stop.get_token());
    }
    SUCCEED();
}

TEST_CASE("with_stop stops one thing and leaves the rest alone", "[stop]")
{
    test::run([]() -> cf::task<> {
        std::stop_source stop;
        stop.request_stop();
        const bool canceled = co_await test::is_canceled(cf::with_stop(stop.get_token(), cf::sleep_for(24h)));
        CHECK(canceled);
        co_await cf::nop(); // not stopped
        auto value = []() -> cf::task<int> { co_return 3; };
        const int got = co_await cf::with_stop(std::stop_token(), value());
        CHECK(got == 3);
    });
}

TEST_CASE("with_stop obeys both its token and the task's", "[stop]")
{
    std::stop_source outer;
    outer.request_stop();
    std::stop_source inner;
    cf::runtime runtime;
    CHECK_THROWS_AS(runtime.run(cf::with_stop(inner.get_token(), cf::sleep_for(24h)), outer.get_token()),
                    cf::error);
}

TEST_CASE("requesting twice is requesting once", "[stop]")
{
    std::stop_source stop;
    cf::runtime runtime;
    bool canceled = false;
    runtime.run(
        [](std::stop_source& source, bool& c) -> cf::task<> {
            source.request_stop();
            source.request_stop();
            c = co_await test::is_canceled(cf::nop());
            source.request_stop();
        }(stop, canceled),
        stop.get_token());
    CHECK(canceled);
}
