// SPDX-License-Identifier: MIT
//
// scope: nothing that was spawned is left behind, whatever happens.
#include "catch.hpp"
#include "coroutines.hpp"

#include <counterflow/io.hpp>
#include <counterflow/scope.hpp>
#include <counterflow/time.hpp>

#include <chrono>
#include <csignal>
#include <memory>
#include <stdexcept>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

using namespace std::chrono_literals;

namespace {

cf::task<> add_after(test::gate& event, int& sum)
{
    co_await event;
    ++sum;
}
cf::task<> until_stopped(int& stopped)
{
    const bool canceled = co_await test::is_canceled(cf::sleep_for(24h));
    if (canceled) ++stopped;
    co_await cf::yield();
}
cf::task<> fails_next(const char* why)
{
    co_await cf::yield();
    throw std::runtime_error(why);
}

} // namespace

TEST_CASE("join waits for everything that was spawned", "[scope]")
{
    test::run([]() -> cf::task<> {
        test::gate event;
        int sum = 0;
        cf::scope all;
        for (int i = 0; i < 100; ++i) all.spawn(add_after(event, sum));
        CHECK(all.size() == 100);
        co_await cf::yield();
        CHECK(sum == 0);
        event.open();
        co_await all.join();
        CHECK(sum == 100);
        CHECK(all.size() == 0);
        co_await all.join();  // nothing to wait for
        all.spawn(cf::nop()); // and it can be used again
        co_await all.join();
    });
}

TEST_CASE("an empty scope costs nothing to leave", "[scope]")
{
    test::run([]() -> cf::task<> {
        cf::scope unused;
        co_return;
    });
}

TEST_CASE("request_stop stops what runs and what comes, and join does not call that a failure", "[scope]")
{
    test::run([]() -> cf::task<> {
        int stopped = 0;
        cf::scope all;
        for (int i = 0; i < 10; ++i) all.spawn(until_stopped(stopped));
        all.spawn(cf::sleep_for(24h)); // ends with canceled
        co_await cf::yield();
        all.request_stop();
        all.spawn(until_stopped(stopped));
        co_await all.join();
        CHECK(stopped == 11);
    });
}

TEST_CASE("when one in a scope throws the others are stopped, and join throws", "[scope]")
{
    test::run([]() -> cf::task<> {
        int stopped = 0;
        cf::scope all;
        all.spawn(until_stopped(stopped));
        all.spawn(fails_next("first"));
        all.spawn(until_stopped(stopped));
        std::string why;
        try {
            co_await all.join();
        } catch (const std::runtime_error& e) {
            why = e.what();
        }
        CHECK(why == "first");
        CHECK(stopped == 2);
    });
}

TEST_CASE("a stop request to the joining task is passed on and reported", "[scope]")
{
    std::stop_source stop;
    int stopped = 0;
    cf::runtime runtime;
    bool canceled = false;
    runtime.run(
        [](std::stop_source& source, int& count, bool& told) -> cf::task<> {
            cf::scope all;
            all.spawn(until_stopped(count));
            all.spawn(cf::sleep_for(24h));
            auto requests = [](std::stop_source& s) -> cf::task<> {
                co_await cf::yield();
                s.request_stop();
            };
            all.spawn(requests(source));
            try {
                co_await all.join();
            } catch (const cf::error& e) {
                told = e.code() == cf::errc::canceled;
            }
        }(stop, stopped, canceled),
        stop.get_token());
    CHECK(stopped == 1);
    CHECK(canceled); // the sleep was to go on
}

TEST_CASE("a token stops the one thing it was spawned with", "[scope]")
{
    test::run([]() -> cf::task<> {
        std::stop_source one;
        int stopped = 0;
        int others = 0;
        cf::scope all;
        all.spawn(until_stopped(stopped), one.get_token());
        all.spawn(until_stopped(others));
        co_await cf::yield();
        one.request_stop();
        while (all.size() != 1) co_await cf::yield();
        CHECK(stopped == 1);
        CHECK(others == 0);
        all.request_stop();
        co_await all.join();
        CHECK(others == 1);
    });
}

TEST_CASE("with_scope joins when the body throws", "[scope]")
{
    test::run([]() -> cf::task<> {
        int stopped = 0;
        std::string why;
        try {
            co_await cf::with_scope([&](cf::scope& all) -> cf::task<> {
                for (int i = 0; i < 5; ++i) all.spawn(until_stopped(stopped));
                co_await cf::yield();
                throw std::runtime_error("body");
            });
        } catch (const std::runtime_error& e) {
            why = e.what();
        }
        CHECK(why == "body");
        CHECK(stopped == 5);
    });
}

TEST_CASE("with_scope stops its body when something in it throws", "[scope]")
{
    test::run([]() -> cf::task<> {
        std::string why;
        bool body_stopped = false;
        try {
            co_await cf::with_scope([&](cf::scope& all) -> cf::task<> {
                all.spawn(fails_next("spawned"));
                body_stopped = co_await test::is_canceled(cf::sleep_for(24h));
            });
        } catch (const std::runtime_error& e) {
            why = e.what();
        }
        CHECK(why == "spawned");
        CHECK(body_stopped);
    });
}

TEST_CASE("with_scope yields what its body does, and can be joined inside", "[scope]")
{
    test::run([]() -> cf::task<> {
        int sum = 0;
        const int value = co_await cf::with_scope([&](cf::scope& all) -> cf::task<int> {
            test::gate event;
            all.spawn(add_after(event, sum));
            event.open();
            co_await all.join();
            co_return 3;
        });
        CHECK(value == 3);
        CHECK(sum == 1);
    });
}

TEST_CASE("a stop request reaches through with_scope", "[scope]")
{
    std::stop_source stop;
    stop.request_stop();
    int stopped = 0;
    auto body = [&](cf::scope& all) -> cf::task<> {
        all.spawn(until_stopped(stopped));
        co_await cf::sleep_for(24h);
    };
    CHECK_THROWS_AS(cf::sync_wait(cf::with_scope(body), stop.get_token()), cf::error);
    CHECK(stopped == 1);
}

TEST_CASE("a join can have a timeout, which stops what runs", "[scope]")
{
    test::run([]() -> cf::task<> {
        int stopped = 0;
        cf::scope all;
        all.spawn(until_stopped(stopped));
        co_await cf::timeout(1ns, all.join());
        CHECK(stopped == 1);
    });
}

TEST_CASE("destroying a scope in which something runs ends the program with a message", "[scope]")
{
    int out[2];
    REQUIRE(::pipe(out) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
        ::dup2(out[1], STDERR_FILENO);
        std::signal(SIGABRT, SIG_DFL);
        cf::sync_wait([]() -> cf::task<> {
            cf::scope left;
            left.spawn(cf::sleep_for(24h));
            co_await cf::yield();
        }());
        ::_exit(0);
    }
    ::close(out[1]);
    std::string text;
    char block[256];
    for (ssize_t n; (n = ::read(out[0], block, sizeof block)) > 0;)
        text.append(block, static_cast<std::size_t>(n));
    ::close(out[0]);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGABRT);
    CHECK(text.find("a scope was destroyed while 1 things still run in it") != std::string::npos);
}
