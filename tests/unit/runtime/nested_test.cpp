// SPDX-License-Identifier: MIT
//
// A runtime inside of another one, or between two runs: who stops whom, and on which loop.
#include "coroutines.hpp"
#include "system.hpp"

#include <counterflow/as_result.hpp>
#include <counterflow/io.hpp>
#include <counterflow/scope.hpp>
#include <counterflow/stop.hpp>
#include <counterflow/time.hpp>

#include <chrono>

using namespace std::chrono_literals;

namespace {

cf::task<> turn()
{
    for (int i = 0; i < 3; ++i) co_await cf::nop();
}

// Ends by a stop request only.
cf::task<> forever(int kind, int fd, int& canceled)
{
    if (kind == 0) {
        const bool stopped = co_await test::is_canceled(cf::sleep_for(24h));
        canceled += stopped;
    } else if (kind == 1) {
        const bool stopped = co_await test::is_canceled(cf::read_eventfd(fd));
        canceled += stopped;
    } else if (kind == 2) {
        const bool stopped = co_await test::is_canceled(cf::timeout(24h, cf::read_eventfd(fd)));
        canceled += stopped;
    } else {
        co_await cf::until_stop();
        ++canceled;
    }
}

constexpr int kinds = 4;

cf::task<> spawn_all(cf::scope& in, int fd, int& canceled)
{
    for (int kind = 0; kind < kinds; ++kind) in.spawn(forever(kind, fd, canceled));
    co_await turn(); // in flight
}

} // namespace

TEST_CASE("a runtime inside of another one may stop what waits in that", "[nested]")
{
    const auto never = test::make_eventfd();
    for (const auto& options : test::feature_levels()) {
        test::run(
            [&]() -> cf::task<> {
                int canceled = 0;
                cf::scope outer;
                co_await spawn_all(outer, never, canceled);
                cf::sync_wait([](cf::scope& o) -> cf::task<> {
                    o.request_stop();
                    co_await turn(); // of this ring, where nobody waits for those cancels
                }(outer));
                CHECK(canceled == 0); // nothing of the outer runtime ran meanwhile
                co_await outer.join();
                CHECK(canceled == kinds);
                co_await cf::sleep_for(1ms); // the timer heap is as it was
            },
            options);
    }
}

TEST_CASE("what waits may be stopped while its runtime does not run", "[nested]")
{
    const auto never = test::make_eventfd();
    for (const auto& options : test::feature_levels()) {
        cf::runtime runtime(options);
        cf::scope all;
        int canceled = 0;
        runtime.run(spawn_all(all, never, canceled));
        all.request_stop();
        CHECK(canceled == 0);
        runtime.run(all.join());
        CHECK(canceled == kinds);
    }
}

TEST_CASE("the numbers of a runtime are right while another one runs inside", "[nested]")
{
    test::run([]() -> cf::task<> {
        cf::runtime& outer = cf::runtime::current();
        co_await turn();
        const auto before = outer.statistics();
        cf::sync_wait([](cf::runtime& r, cf::detail::loop_statistics was) -> cf::task<> {
            co_await turn();
            CHECK(r.statistics().submitted == was.submitted);
            CHECK(r.statistics().completions == was.completions);
        }(outer, before));
        co_await turn();
        CHECK(outer.statistics().submitted == before.submitted + 3);
    });
}
