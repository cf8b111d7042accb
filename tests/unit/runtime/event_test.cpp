// SPDX-License-Identifier: MIT
//
// event: who waits, who passes, in which order, and who may set it.
#include "allocation_count.hpp"
#include "coroutines.hpp"
#include "system.hpp"

#include <counterflow/as_result.hpp>
#include <counterflow/event.hpp>
#include <counterflow/io.hpp>
#include <counterflow/scope.hpp>
#include <counterflow/stop.hpp>
#include <counterflow/time.hpp>
#include <counterflow/when_any.hpp>

#include <chrono>
#include <string>
#include <thread>

using namespace std::chrono_literals;

namespace {

cf::task<> note_when(cf::event& e, std::string& notes, char note)
{
    co_await e;
    notes += note;
}

} // namespace

TEST_CASE("those who wait for an event go on in their order, and not from inside of set", "[event]")
{
    test::run([]() -> cf::task<> {
        cf::event happened;
        std::string notes;
        cf::scope all;
        for (const char note : {'a', 'b', 'c'}) all.spawn(note_when(happened, notes, note));
        co_await cf::yield();
        CHECK_FALSE(happened.is_set());
        happened.set();
        happened.set();
        notes += 's';
        co_await all.join();
        co_await happened; // passes
        CHECK(notes == "sabc");
    });
}

TEST_CASE("an event that was reset is waited for again", "[event]")
{
    test::run([]() -> cf::task<> {
        cf::event happened;
        std::string notes;
        cf::scope all;
        all.spawn(note_when(happened, notes, 'a'));
        co_await cf::yield();
        happened.set();
        happened.reset();
        all.spawn(note_when(happened, notes, 'b'));
        co_await cf::yield();
        co_await cf::yield();
        CHECK(notes == "a");
        happened.set();
        co_await all.join();
        CHECK(notes == "ab");
    });
}

TEST_CASE("a stop request ends the wait, unless the event was set before", "[event]")
{
    test::run([]() -> cf::task<> {
        cf::event never;
        const auto late = co_await cf::as_result(cf::timeout(1ns, never));
        REQUIRE_FALSE(late);
        CHECK(late.error().code == cf::errc::timed_out);
        const auto first = co_await cf::when_any(never, cf::nop());
        CHECK(first.index == 1);

        cf::event set_first;
        std::string notes;
        cf::scope all;
        all.spawn(note_when(set_first, notes, 'a'));
        all.spawn(note_when(never, notes, 'b'));
        co_await cf::yield();
        set_first.set();
        all.request_stop();
        all.spawn(note_when(never, notes, 'c')); // stopped before it waits
        co_await all.join();
        CHECK(notes == "a");
        never.set(); // nobody waits
    });
}

TEST_CASE("other threads set an event by a post, also beside pollers", "[event]")
{
    for (const bool spins : {false, true}) {
        cf::runtime_options options;
        options.spin = 1h;
        cf::runtime runtime(options);
        cf::detail::poller idle;
        idle.poll = [](cf::detail::poller&) noexcept { return false; };
        if (spins) runtime.add_poller(idle);
        runtime.run([](cf::runtime& r) -> cf::task<> {
            for (int i = 0; i < 100; ++i) {
                cf::event called;
                const std::jthread library([&] { r.post([&] { called.set(); }); });
                co_await called;
            }
        }(runtime));
        if (spins) runtime.remove_poller(idle);
    }
    SUCCEED();
}

TEST_CASE("waiting for events allocates nothing", "[event]")
{
    test::run([]() -> cf::task<> {
        cf::scope all;
        std::uint64_t before = 0;
        for (int i = 0; i < 100; ++i) {
            if (i == 10) before = test::allocations();
            cf::event happened;
            all.spawn([](cf::event& e) -> cf::task<> { co_await e; }(happened));
            co_await cf::yield();
            happened.set();
            co_await all.join();
        }
        CHECK(test::allocations() == before);
    });
}
