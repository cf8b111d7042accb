// SPDX-License-Identifier: MIT
//
// run_on: across threads and back, with values, exceptions and stop requests.
#include "allocation_count.hpp"
#include "coroutines.hpp"
#include "system.hpp"

#include <counterflow/as_result.hpp>
#include <counterflow/io.hpp>
#include <counterflow/run_on.hpp>
#include <counterflow/scope.hpp>
#include <counterflow/stop.hpp>
#include <counterflow/time.hpp>

#include <stdexcept>
#include <thread>

using namespace std::chrono_literals;

namespace {

/// A thread that serves others.
class server {
public:
    server() : thread_([this] { runtime.run(cf::until_stop(), stop_.get_token()); }) {}
    server(const server&) = delete;
    server& operator=(const server&) = delete;
    ~server()
    {
        stop_.request_stop();
        thread_.join();
    }
    std::thread::id id() const { return thread_.get_id(); }

    cf::runtime runtime;

private:
    std::stop_source stop_;
    std::jthread thread_;
};

cf::task<std::thread::id> where()
{
    co_await cf::nop();
    co_return std::this_thread::get_id();
}

} // namespace

TEST_CASE("run_on runs there and resumes here", "[run_on]")
{
    server there;
    test::run([&]() -> cf::task<> {
        const auto here = std::this_thread::get_id();
        for (int i = 0; i < 100; ++i) {
            const std::thread::id id = co_await cf::run_on(there.runtime, where());
            CHECK(id == there.id());
            CHECK(std::this_thread::get_id() == here);
        }
    });
}

TEST_CASE("exceptions come back", "[run_on]")
{
    server there;
    auto fails = []() -> cf::task<> {
        co_await cf::nop();
        throw std::runtime_error("there");
    };
    test::run([&]() -> cf::task<> {
        std::string why;
        try {
            co_await cf::run_on(there.runtime, fails());
        } catch (const std::runtime_error& e) {
            why = e.what();
        }
        CHECK(why == "there");
    });
}

TEST_CASE("a stop request crosses over, at any moment", "[run_on]")
{
    server there;
    for (int round = 0; round < 500; ++round) {
        cf::runtime runtime;
        std::stop_source stop;
        const bool before = round % 5 == 0;
        if (before) stop.request_stop();
        bool canceled = false;
        runtime.run(
            [](cf::runtime& other, std::stop_source& s, bool& c, int turns) -> cf::task<> {
                cf::scope helper;
                helper.spawn([](std::stop_source& source, int n) -> cf::task<> {
                    for (int i = 0; i < n; ++i) co_await cf::yield();
                    source.request_stop();
                }(s, turns));
                c = co_await test::is_canceled(cf::run_on(other, cf::sleep_for(24h)));
                co_await helper.join();
            }(there.runtime, stop, canceled, round % 20),
            stop.get_token());
        CHECK(canceled);
    }
}

TEST_CASE("a stop request that crosses the end of the work is waited for", "[run_on]")
{
    server there;
    for (int round = 0; round < 500; ++round) {
        cf::runtime runtime;
        std::stop_source stop;
        runtime.run(
            [](cf::runtime& other, std::stop_source& s, int turns) -> cf::task<> {
                cf::scope helper;
                helper.spawn([](std::stop_source& source, int n) -> cf::task<> {
                    for (int i = 0; i < n; ++i) co_await cf::yield();
                    source.request_stop();
                }(s, turns));
                co_await test::is_canceled(cf::run_on(other, cf::nop()));
                co_await helper.join();
            }(there.runtime, stop, round),
            stop.get_token());
    }
    SUCCEED();
}

TEST_CASE("two runtimes serve each other at the same time", "[run_on]")
{
    server a;
    server b;
    struct pingpong {
        static cf::task<int> bounce(cf::runtime& next, cf::runtime& after, int left)
        {
            if (left == 0) co_return 0;
            const int below = co_await cf::run_on(next, bounce(after, next, left - 1));
            co_return below + 1;
        }
    };
    CHECK(cf::sync_wait(pingpong::bounce(a.runtime, b.runtime, 100)) == 100);
}

TEST_CASE("a warm run_on allocates nothing on either side", "[run_on]")
{
    // The frame of what is run is made here and freed there, so it takes some rounds until they come back.
    constexpr int warm_up = 3000;
    server there;
    auto count = []() -> cf::task<std::uint64_t> { co_return test::allocations(); };
    test::run([&]() -> cf::task<> {
        for (int i = 0; i < warm_up; ++i) co_await cf::run_on(there.runtime, count());
        const std::uint64_t here_before = test::allocations();
        const std::uint64_t there_before = co_await cf::run_on(there.runtime, count());
        std::uint64_t there_behind = 0;
        for (int i = 0; i < warm_up; ++i) there_behind = co_await cf::run_on(there.runtime, count());
        CHECK(test::allocations() == here_before);
        CHECK(there_behind == there_before);
    });
}
