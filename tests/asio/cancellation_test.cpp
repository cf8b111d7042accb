// SPDX-License-Identifier: MIT
//
// asio.hpp: cancellation, of one operation by its slot and of all by the device.
#include "rig.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>

#include <chrono>
#include <variant>
#include <vector>

using namespace std::chrono_literals;
using test::error_code;
using test::rig;
namespace net = boost::asio;

namespace {

constexpr const char* slow = "model:gen1x1,wr=1,rd=1"; // 64 KiB take 0.3 ms

/// Many writes on a slow link, and in their midst one with a slot; what becomes of that one.
struct queue {
    explicit queue(int before)
    {
        r.flood(before, [this](error_code e, std::size_t) { others += e ? 0 : 1; });
        r.dev.async_write(r.memory, r.far.at(0),
                          net::bind_cancellation_slot(signal.slot(), [this](error_code e, std::size_t bytes) {
                              ended = true;
                              outcome = e;
                              moved = bytes;
                          }));
        r.flood(10, [this](error_code e, std::size_t) { others += e ? 0 : 1; });
    }

    rig r{slow};
    net::cancellation_signal signal;
    bool ended = false;
    error_code outcome;
    std::size_t moved = 0;
    int others = 0;
};

} // namespace

TEST_CASE("asio cancellation: each type ends what waits for its turn, and nothing else")
{
    for (const auto type :
         {net::cancellation_type::terminal, net::cancellation_type::partial, net::cancellation_type::total}) {
        queue q(100);
        q.r.io.poll_one();
        q.signal.emit(type);
        CHECK_FALSE(q.ended);
        while (!q.ended) q.r.io.run_one();
        CHECK(q.outcome == cf::errc::canceled);
        CHECK(q.outcome == std::errc::operation_canceled);
        CHECK(q.moved == 0);
        CHECK(q.others < 100);
        q.r.io.run();
        CHECK(q.others == 110);
    }
}

TEST_CASE("asio cancellation: total leaves what the engine has begun")
{
    queue q(0);
    q.r.io.poll_one(); // handed over
    q.signal.emit(net::cancellation_type::total);
    q.r.io.run();
    CHECK_FALSE(q.outcome);
    CHECK(q.moved == test::block_bytes);
    CHECK(q.others == 10);
}

TEST_CASE("asio cancellation: after the end nobody listens")
{
    queue q(0);
    q.r.io.run();
    CHECK_FALSE(q.outcome);
    q.signal.emit(net::cancellation_type::all);
    q.r.io.restart();
    CHECK(q.r.io.run() == 0);
}

TEST_CASE("asio cancellation: the device cancels all of its operations, from a handler too")
{
    rig r(slow);
    int canceled = 0;
    int done = 0;
    r.flood(100, [&](error_code e, std::size_t) {
        ++(e ? canceled : done);
        if (done == 5) r.dev.cancel();
    });
    r.io.run();
    CHECK(done >= 5);
    CHECK(canceled + done == 100);
    CHECK(canceled > 50);
    r.dev.cancel(); // nothing to do
}

TEST_CASE("asio cancellation: a coroutine gives up when its timer is first")
{
    rig r(slow);
    r.flood(300, [](error_code, std::size_t) {});
    bool timer_first = false;
    net::co_spawn(
        r.io,
        [](rig& on) -> net::awaitable<bool> {
            using namespace net::experimental::awaitable_operators;
            net::steady_timer timer(on.io, 1ms);
            const auto first = co_await (on.dev.async_write(on.memory, on.far.at(0), net::use_awaitable) ||
                                         timer.async_wait(net::use_awaitable));
            co_return first.index() == 1;
        }(r),
        [&](std::exception_ptr e, bool first) {
            timer_first = e == nullptr && first;
            r.dev.cancel();
        });
    r.io.run();
    CHECK(timer_first);
}

TEST_CASE("asio cancellation: reaches awaits, but for total")
{
    rig r;
    net::cancellation_signal signal;
    error_code outcome;
    bool ended = false;
    cf::asio::async_await(r.io, cf::sleep_for(1h),
                          net::bind_cancellation_slot(signal.slot(), [&](error_code e) {
                              outcome = e;
                              ended = true;
                          }));
    r.io.poll();
    signal.emit(net::cancellation_type::total);
    r.io.poll();
    CHECK_FALSE(ended);
    signal.emit(net::cancellation_type::terminal);
    r.io.run();
    CHECK(outcome == cf::errc::canceled);
}
