// SPDX-License-Identifier: MIT
//
// The loop's contract for those who bring their own events: order within a tick, pollers, watches
// of descriptors, and posts from other threads.
#include "allocation_count.hpp"
#include "coroutines.hpp"
#include "system.hpp"

#include <counterflow/detail/loop.hpp>
#include <counterflow/io.hpp>
#include <counterflow/scope.hpp>
#include <counterflow/stop.hpp>
#include <counterflow/time.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>

namespace detail = cf::detail;

namespace {

template <class Node>
struct with_notes : Node {
    std::string* notes = nullptr;
    char note = 0;
};

} // namespace

TEST_CASE("deferred work runs once, behind everything that is ready", "[loop]")
{
    test::run([]() -> cf::task<> {
        std::string notes;
        with_notes<detail::deferred> work;
        work.notes = &notes;
        work.run = [](detail::deferred& d) noexcept {
            *static_cast<with_notes<detail::deferred>&>(d).notes += 'd';
        };
        auto step = [](std::string& n, detail::deferred& d) -> cf::task<> {
            n += 'a';
            cf::runtime::current().defer(d);
            co_await cf::yield();
            n += 'b';
            cf::runtime::current().defer(d); // already waiting
            co_await cf::yield();
            n += 'c';
        };
        cf::scope all;
        all.spawn(step(notes, work));
        all.spawn(step(notes, work));
        co_await all.join();
        co_await cf::nop();
        CHECK(notes == "aabbccd");
    });
}

TEST_CASE("deferred work may defer itself again, for the next tick", "[loop]")
{
    test::run([]() -> cf::task<> {
        struct repeated : detail::deferred {
            int runs = 0;
        } work;
        work.run = [](detail::deferred& d) noexcept {
            auto& self = static_cast<repeated&>(d);
            if (++self.runs < 3) cf::runtime::current().defer(self);
        };
        cf::runtime::current().defer(work);
        for (int i = 0; i < 5; ++i) co_await cf::nop();
        CHECK(work.runs == 3);
    });
}

TEST_CASE("coroutines that are always ready do not keep completions waiting", "[loop]")
{
    test::run([]() -> cf::task<> {
        bool stop = false;
        auto spins = [](bool& s) -> cf::task<> {
            while (!s) co_await cf::yield();
        };
        cf::scope all;
        all.spawn(spins(stop));
        for (int i = 0; i < 10; ++i) co_await cf::nop();
        stop = true;
        co_await all.join();
    });
}

TEST_CASE("a poller is asked until it is removed, also by itself", "[loop]")
{
    struct counting : detail::poller {
        int calls = 0;
        detail::resumable waiter{};
    };
    cf::runtime_options options;
    options.spin = std::chrono::hours(1); // nothing would wake it
    test::run(
        []() -> cf::task<> {
            counting p;
            p.poll = [](detail::poller& self) noexcept {
                auto& me = static_cast<counting&>(self);
                if (++me.calls < 100) return false;
                cf::runtime::current().remove_poller(me);
                cf::runtime::current().make_ready(me.waiter);
                return true;
            };
            struct awaits {
                counting& p;
                bool await_ready() const noexcept { return false; }
                void await_suspend(std::coroutine_handle<> h) const noexcept
                {
                    p.waiter.handle = h;
                    cf::runtime::current().add_poller(p);
                }
                void await_resume() const noexcept {}
            };
            co_await awaits{p};
            CHECK(p.calls == 100);
            co_await cf::nop();
            CHECK(p.calls == 100);
        },
        options);
}

TEST_CASE("a loop with pollers spins for a while and then sleeps, and parks them first", "[loop]")
{
    struct parking : detail::poller {
        int polls = 0;
        int parks = 0;
    };
    cf::runtime_options options;
    options.spin = std::chrono::microseconds(20);
    cf::runtime runtime(options);
    runtime.run([](cf::runtime& r) -> cf::task<> {
        parking p;
        p.poll = [](detail::poller& self) noexcept {
            ++static_cast<parking&>(self).polls;
            return false;
        };
        p.park = [](detail::poller& self) noexcept { return ++static_cast<parking&>(self).parks != 1; };
        r.add_poller(p);
        co_await cf::sleep_for(std::chrono::milliseconds(20));
        r.remove_poller(p);
        CHECK(p.polls > 0);
        CHECK(p.parks >= 2); // the first said that there was something after all
        // Sleeping, not spinning, for nearly all of the time.
        CHECK(p.parks < 10);
    }(runtime));
}

TEST_CASE("no spin, when it is switched off", "[loop]")
{
    struct counting : detail::poller {
        int polls = 0;
    };
    cf::runtime_options options;
    options.spin = std::chrono::nanoseconds(0);
    cf::runtime runtime(options);
    runtime.run([](cf::runtime& r) -> cf::task<> {
        counting p;
        p.poll = [](detail::poller& self) noexcept {
            ++static_cast<counting&>(self).polls;
            return false;
        };
        r.add_poller(p);
        co_await cf::sleep_for(std::chrono::milliseconds(5));
        r.remove_poller(p);
        CHECK(p.polls < 10);
    }(runtime));
}

TEST_CASE("a watch tells of every time an eventfd is written", "[loop]")
{
    for (const auto& options : test::feature_levels()) {
        const auto event = test::make_eventfd();
        test::run(
            [&]() -> cf::task<> {
                struct state {
                    int calls = 0;
                    detail::resumable waiter{};
                } seen;
                const detail::fd_watch watch(
                    cf::runtime::current(), event,
                    [](void* context) noexcept {
                        auto& s = *static_cast<state*>(context);
                        ++s.calls;
                        cf::runtime::current().make_ready(s.waiter);
                    },
                    &seen);
                struct next {
                    state& s;
                    int fd;
                    bool await_ready() const noexcept { return false; }
                    void await_suspend(std::coroutine_handle<> h) const noexcept
                    {
                        s.waiter.handle = h;
                        ::eventfd_write(fd, 1);
                    }
                    void await_resume() const noexcept {}
                };
                for (int i = 1; i <= 20; ++i) {
                    co_await next{seen, event};
                    CHECK(seen.calls == i);
                }
            },
            options);
    }
}

TEST_CASE("a watch may be closed in any state, also from inside its call", "[loop]")
{
    for (const auto& options : test::feature_levels()) {
        const auto event = test::make_eventfd();
        cf::runtime runtime(options);
        {
            const detail::fd_watch never_started(
                runtime, event, [](void*) noexcept { CHECK(false); }, nullptr);
        }
        auto outlives_run = std::make_unique<detail::fd_watch>(
            runtime, event, [](void*) noexcept {}, nullptr);
        runtime.run([](cf::runtime& r, int fd) -> cf::task<> {
            { // in flight
                const detail::fd_watch watch(
                    r, fd, [](void*) noexcept { CHECK(false); }, nullptr);
                co_await cf::nop();
                co_await cf::nop();
            }
            struct state {
                std::unique_ptr<detail::fd_watch> watch;
                int calls = 0;
            } inside;
            inside.watch = std::make_unique<detail::fd_watch>(
                r, fd,
                [](void* context) noexcept {
                    auto& s = *static_cast<state*>(context);
                    ++s.calls;
                    s.watch.reset();
                },
                &inside);
            co_await cf::nop();
            ::eventfd_write(fd, 1);
            while (inside.calls == 0) co_await cf::nop();
            ::eventfd_write(fd, 1);
            for (int i = 0; i < 5; ++i) co_await cf::nop();
            CHECK(inside.calls == 1);
        }(runtime, event));
    }
}

TEST_CASE("posts of one thread arrive in order, and those of many all arrive", "[loop]")
{
    constexpr int threads = 4;
    constexpr int each = 5000;
    for (const auto& options : test::feature_levels()) {
        cf::runtime runtime(options);
        std::vector<int> last(threads, -1);
        int arrived = 0;
        bool in_order = true;
        std::vector<std::jthread> posters;
        for (int t = 0; t < threads; ++t) {
            posters.emplace_back([&, t] {
                for (int i = 0; i < each; ++i) {
                    runtime.post([&, t, i] {
                        in_order = in_order && last[static_cast<std::size_t>(t)] == i - 1;
                        last[static_cast<std::size_t>(t)] = i;
                        ++arrived;
                    });
                }
            });
        }
        runtime.run([](int& count) -> cf::task<> {
            while (count != threads * each) co_await cf::sleep_for(std::chrono::microseconds(100));
        }(arrived));
        CHECK(arrived == threads * each);
        CHECK(in_order);
    }
}

TEST_CASE("an intrusive post allocates nothing and wakes a runtime that sleeps", "[loop]")
{
    cf::runtime runtime;
    struct ball : detail::posted {
        std::atomic<int> hits = 0;
        cf::runtime* home = nullptr;
        std::stop_source done;
    } b;
    b.home = &runtime;
    b.run = [](detail::posted& p) noexcept { static_cast<ball&>(p).hits.fetch_add(1); };
    std::jthread poster([&] {
        const auto before = test::allocations();
        for (int i = 0; i < 1000; ++i) {
            runtime.post(static_cast<detail::posted&>(b));
            while (b.hits.load() != i + 1) std::this_thread::yield();
        }
        CHECK(test::allocations() == before);
        b.done.request_stop();
    });
    runtime.run(cf::until_stop(), b.done.get_token());
    CHECK(b.hits.load() == 1000);
}

TEST_CASE("a posted function may resume a coroutine of another library's event", "[loop]")
{
    struct callback_event {
        cf::runtime& home;
        std::jthread& caller;
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> waiter) const
        {
            caller = std::jthread([waiter, &r = home] { r.post([waiter] { waiter.resume(); }); });
        }
        void await_resume() const noexcept {}
    };
    auto waits = [](cf::runtime& r, std::jthread& t) -> cf::task<> { co_await callback_event{r, t}; };
    for (const bool spins : {false, true}) {
        cf::runtime_options options;
        options.spin = std::chrono::hours(1);
        cf::runtime runtime(options);
        detail::poller idle;
        idle.poll = [](detail::poller&) noexcept { return false; };
        if (spins) runtime.add_poller(idle);
        runtime.run([](cf::runtime& r, auto make) -> cf::task<> {
            std::jthread caller;
            for (int i = 0; i < 50; ++i) {
                co_await make(r, caller); // this one is to be resumed when the task ends in the post
                co_await cf::nop();
            }
        }(runtime, waits));
        if (spins) runtime.remove_poller(idle);
    }
    SUCCEED();
}

TEST_CASE("posts are taken while the loop spins", "[loop]")
{
    cf::runtime_options options;
    options.spin = std::chrono::hours(1); // does not sleep
    cf::runtime runtime(options);
    std::atomic<bool> arrived = false;
    std::stop_source done;
    std::jthread poster([&] {
        runtime.post([&] {
            arrived = true;
            done.request_stop();
        });
    });
    detail::poller idle;
    idle.poll = [](detail::poller&) noexcept { return false; };
    runtime.add_poller(idle);
    runtime.run(cf::until_stop(), done.get_token());
    runtime.remove_poller(idle);
    CHECK(arrived.load());
}

TEST_CASE("a loop that is always busy and has pollers takes posts and stop requests", "[loop]")
{
    // With a poller that stays, and with one that goes once the loop has begun to spin.
    for (const bool stays : {true, false}) {
        cf::runtime runtime;
        std::atomic<bool> busy = false;
        std::stop_source stop;
        bool arrived = false;
        std::jthread poster([&] {
            busy.wait(false);
            runtime.post([&] { arrived = true; });
            stop.request_stop();
        });
        detail::poller idle;
        idle.poll = [](detail::poller&) noexcept { return false; };
        runtime.run(
            [](cf::runtime& r, detail::poller& p, std::atomic<bool>& b, bool& posted,
               bool keep) -> cf::task<> {
                r.add_poller(p);
                for (int i = 0; i < 10; ++i) co_await cf::nop();
                if (!keep) r.remove_poller(p);
                b = true;
                b.notify_one();
                bool stopped = false;
                while (!posted || !stopped) {
                    co_await cf::yield();
                    stopped = co_await cf::stop_requested();
                }
                r.remove_poller(p);
            }(runtime, idle, busy, arrived, stays),
            stop.get_token());
        CHECK(arrived);
    }
}
