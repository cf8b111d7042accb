// SPDX-License-Identifier: MIT
//
// How the driver learns that something is done: interrupts that are coalesced, lost, doubled or
// late, messages instead of interrupts, plain looking; and doorbells that get lost.
#include "puppet_rig.hpp"

using namespace cf;
using namespace cf::edma;
using namespace cf::edma::test;

TEST_CASE("one interrupt for several elements reports all of them")
{
    puppet_rig rig({}, {.moderation_bytes = 0}); // every element interrupts
    for (unsigned n = 0; n < 5; ++n) rig.book.push(rig.wr(), {16});
    rig.wr().flush(rig.now);
    rig.hw.execute(channel_kind::wr, 0, 3); // one status bit stands for three
    rig.service();
    CHECK(rig.book.reported() == 3);
    rig.finish();
    CHECK(rig.driver.statistics().spurious == 0);
}

TEST_CASE("moderation decides which elements wake the driver")
{
    const auto interrupts = [](std::uint32_t moderation, std::size_t segments, std::uint32_t size) {
        puppet_rig rig({.list_elements = 40}, {.moderation_bytes = moderation});
        for (std::size_t n = 0; n < segments; ++n) rig.book.push(rig.wr(), {size});
        rig.wr().flush(rig.now);
        unsigned seen = 0;
        for (std::size_t n = 0; n < segments; ++n) {
            rig.hw.execute(channel_kind::wr, 0, 1);
            if (rig.hw.interrupting()) ++seen;
            if (rig.hw.interrupting()) rig.service();
        }
        rig.finish();
        return seen;
    };
    CHECK(interrupts(0, 10, 100) == 10);
    CHECK(interrupts(1000, 10, 100) == 4); // at the quarters of the flush
    CHECK(interrupts(300, 10, 100) == 7);  // at these and every third: 2, 3, 5, 6, 7, 9, 10
    CHECK(interrupts(100, 10, 100) == 10);
    CHECK(interrupts(~0u, 10, 100) == 4);
    CHECK(interrupts(~0u, 3, 100) == 3);
    CHECK(interrupts(~0u, 2, 100) == 2);
    CHECK(interrupts(~0u, 1, 100) == 1);
    CHECK(interrupts(~0u, 30, 100) == 4); // across the end of the list, too
}

TEST_CASE("lost interrupts are made up for by the watchdog")
{
    puppet_rig rig;
    transfer& t = rig.book.push(rig.wr(), {16, 16});
    rig.wr().flush(rig.now);
    rig.hw.run();
    // The interrupt never arrives; the driver only ever acts on its own deadlines.
    const nanoseconds began = rig.now;
    for (unsigned n = 0; rig.book.reported() < 2; ++n) {
        REQUIRE(n < 10);
        rig.next();
    }
    CHECK(t.all(outcome::done));
    CHECK(rig.now - began <= engine_options{}.watchdog_ns);
    rig.check();

    // Again with a ring that is known to run: then only the watchdog is left.
    rig.book.push(rig.wr(), {1});
    rig.book.push(rig.wr(), {1});
    rig.wr().flush(rig.now);
    rig.hw.execute(channel_kind::wr, 0, 1);
    rig.poll();
    rig.hw.run();
    const nanoseconds second = rig.now;
    rig.next();
    CHECK(rig.book.reported() == 4);
    CHECK(rig.now - second == engine_options{}.watchdog_ns);
    CHECK(rig.wr().statistics().lost_interrupts == 1);
}

TEST_CASE("doubled and late interrupts are counted and harmless")
{
    puppet_rig rig;
    for (unsigned n = 0; n < 50; ++n) {
        rig.book.push(rig.wr(), {9});
        rig.wr().flush(rig.now);
        rig.hw.run();
        for (unsigned repeat = 0; repeat < 1 + n % 4; ++repeat) rig.after(1);
        // Late: the slot has been used again by the time it arrives.
        rig.book.push(rig.wr(), {9});
        rig.wr().flush(rig.now);
        rig.after(1);
        CHECK(rig.wr().outstanding() == 1);
        rig.hw.run();
        rig.after(1);
        CHECK(rig.wr().outstanding() == 0);
    }
    rig.book.check_complete();
    CHECK(rig.driver.statistics().spurious == 50 + 0 * 13 + 1 * 13 + 2 * 12 + 3 * 12);
    CHECK(rig.driver.statistics().interrupts == 100);
}

TEST_CASE("a done bit set while the status is being served is not lost")
{
    // A line must be low once the driver leaves, or an edge-triggered listener sleeps for ever. What
    // is posted meanwhile comes as an interrupt of its own.
    for (const engine_side side : {engine_side::local, engine_side::remote}) {
        puppet_rig rig({.side = side});
        rig.book.push(rig.wr(), {4});
        rig.wr().flush(rig.now);
        rig.book.push(rig.rd(), {4});
        rig.rd().flush(rig.now);
        rig.hw.execute(channel_kind::wr, 0, 1);
        rig.hw.posted = 0;
        bool once = true;
        rig.driver.service(rig.now, [&](void* owner, outcome o) {
            rig.book(owner, o);
            if (std::exchange(once, false)) rig.hw.execute(channel_kind::rd, 0, 1);
        });
        if (side == engine_side::remote) rig.service();
        CHECK(!rig.hw.interrupting());
        CHECK(rig.book.reported() == 2);
    }
}

TEST_CASE("an interrupt by message costs a load of the status and one of the position")
{
    puppet_rig rig;
    for (unsigned n = 0; n < 10; ++n) {
        rig.book.push(n % 2 == 0 ? rig.wr() : rig.rd(), {4});
        const auto before = rig.driver.statistics();
        rig.wr().flush(rig.now);
        rig.rd().flush(rig.now);
        rig.hw.run();
        REQUIRE(rig.hw.interrupting());
        rig.service();
        CHECK(rig.book.reported() == n + 1);
        CHECK(rig.driver.statistics().loads == before.loads + 2);
        CHECK(rig.driver.statistics().stores ==
              before.stores + 2); // the doorbell, and what was read is cleared
    }
    CHECK(rig.driver.statistics().interrupts == 10);
}

TEST_CASE("an abort of a direction without work is found, though the other is asked first")
{
    puppet_rig rig;
    rig.book.push(rig.wr(), {4});
    rig.wr().flush(rig.now);
    rig.hw.execute(channel_kind::wr, 0, 1);
    rig.poll(); // reported; what the walker fetches next is nobody's
    rig.book.push(rig.rd(), {4});
    rig.rd().flush(rig.now);
    rig.hw.at(channel_kind::wr, 0).llp = 0; // a fetch error at the end of the list
    rig.hw.step(channel_kind::wr, 0);
    rig.service();
    CHECK(rig.driver.statistics().aborts + rig.driver.statistics().engine_restarts > 0);
    rig.finish();
    rig.book.check_complete();
}

TEST_CASE("without interrupts: the engine's messages alone complete everything")
{
    puppet_rig rig({}, {.wake = wake_mode::message});
    CHECK(rig.hw.bank(channel_kind::wr).mask == all_int_bits);
    for (unsigned n = 0; n < 200; ++n) {
        rig.book.push(rig.wr(n % 2), {5});
        rig.book.push(rig.rd(n % 2), {6});
        rig.wr(n % 2).flush(rig.now);
        rig.rd(n % 2).flush(rig.now);
        const std::uint64_t before = rig.hw.accesses;
        CHECK(!rig.poll());
        CHECK(rig.hw.accesses == before); // looking at the word costs no register access
        rig.hw.run();
        CHECK(!rig.hw.interrupting());
        CHECK(rig.poll());
        CHECK(!rig.poll());
        CHECK(rig.book.reported() == rig.book.pushed());
    }
    rig.book.check_complete();
    rig.check();
    CHECK(rig.driver.statistics().interrupts == 0);
}

TEST_CASE("a message that arrives at any point of a look is seen by that look or the next")
{
    puppet_rig rig({.list_elements = 20}, {.wake = wake_mode::message, .moderation_bytes = 0});
    for (unsigned n = 0; n < 12; ++n) rig.book.push(rig.wr(), {5});
    rig.wr().flush(rig.now);
    rig.hw.execute(channel_kind::wr, 0, 1);
    // Every report lets the engine finish one more while the driver is in the middle of poll().
    auto sink = [&](void* owner, outcome o) {
        rig.book(owner, o);
        rig.hw.execute(channel_kind::wr, 0, 1);
    };
    for (unsigned looks = 0; looks < 12; ++looks) rig.driver.poll(rig.now, sink);
    CHECK(rig.book.reported() == 12);
    rig.book.check_complete();
}

TEST_CASE("a lost message is made up for by the watchdog, an early one by a re-check")
{
    puppet_rig rig({}, {.wake = wake_mode::message});
    rig.book.push(rig.wr(), {5});
    rig.wr().flush(rig.now);
    rig.hw.run();
    rig.hw.words().fill(0);
    CHECK(!rig.poll());
    for (unsigned n = 0; rig.book.reported() < 1; ++n) {
        REQUIRE(n < 10);
        rig.now = rig.driver.next_deadline();
        rig.poll();
    }
    rig.book.push(rig.wr(), {5});
    rig.wr().flush(rig.now);
    rig.hw.words()[0] = 1; // before the list position has moved
    CHECK(!rig.poll());
    CHECK(rig.driver.next_deadline() <= rig.now + engine_options{}.recheck_ns);
    rig.hw.run();
    rig.hw.words()[0] = 0;
    rig.now = rig.driver.next_deadline();
    CHECK(rig.poll());
    rig.book.check_complete();
}

TEST_CASE("messages without an end do not put off the look for a lost doorbell")
{
    puppet_rig rig({}, {.submit = submit_mode::descriptor, .wake = wake_mode::message});
    rig.book.push(rig.wr(), {5});
    rig.wr().flush(rig.now);
    rig.hw.execute(channel_kind::wr, 0, 1); // the walker still reads running: the next doorbell is lost
    rig.hw.step(channel_kind::wr, 0);
    rig.book.push(rig.wr(), {5});
    rig.wr().flush(rig.now);
    REQUIRE(rig.poll());
    rig.hw.run();
    REQUIRE(rig.hw.doorbells_lost == 1);
    const nanoseconds late = rig.now + 2 * engine_options{}.watchdog_ns;
    while (rig.book.reported() < 2) {
        REQUIRE(rig.now <= late);
        rig.now += engine_options{}.watchdog_ns / 3;
        rig.hw.words()[0] = 1;
        rig.poll();
        rig.hw.run();
    }
    rig.book.check_complete();
}

TEST_CASE("polling needs neither interrupt nor message")
{
    for (const std::uint32_t elements : {0u, 8u}) {
        puppet_rig rig({.list_elements = elements}, {.wake = wake_mode::poll});
        for (unsigned n = 0; n < 100; ++n) {
            rig.book.push(rig.wr(), {5});
            rig.wr().flush(rig.now);
            CHECK(!rig.poll());
            rig.hw.run();
            CHECK(!rig.hw.interrupting());
            CHECK(rig.poll());
        }
        rig.book.check_complete();
        rig.check();
    }
}

TEST_CASE("a doorbell lost in the stop of the walker is rung again")
{
    // The walker has fetched the stale element but still reads running: what is published and
    // rung now is not seen. Tried at every depth and position of the ring.
    for (unsigned before = 1; before <= 12; ++before) {
        puppet_rig rig;
        for (unsigned n = 0; n < before; ++n) {
            rig.book.push(rig.wr(), {3});
            rig.wr().flush(rig.now);
            rig.hw.execute(channel_kind::wr, 0, 1);
            if (n + 1 < before) {
                rig.hw.run();
                rig.service();
            }
        }
        while (rig.hw.at(channel_kind::wr, 0).at !=
               puppet::walker::step::stopping) // has fetched the stale one
            rig.hw.step(channel_kind::wr, 0);
        rig.service(); // everything is reported: the driver believes in a stop
        REQUIRE(rig.book.reported() == before);
        rig.book.push(rig.wr(), {3});
        const std::uint64_t lost = rig.hw.doorbells_lost;
        rig.wr().flush(rig.now);
        CHECK(rig.hw.doorbells_lost == lost + 1);
        rig.hw.run();
        CHECK(rig.book.reported() == before);
        CHECK(rig.driver.next_deadline() <= rig.now + engine_options{}.recheck_ns);
        rig.next();
        CHECK(rig.wr().statistics().rerings == 1);
        rig.hw.run();
        rig.service();
        CHECK(rig.book.reported() == before + 1);
        rig.check();
    }
}

TEST_CASE("work appended to a walker that has already stopped is found")
{
    // The driver has not heard of the stop, so it rings no doorbell; the interrupt of what was
    // done before tells it to look.
    puppet_rig rig;
    rig.book.push(rig.wr(), {3});
    rig.wr().flush(rig.now);
    rig.hw.run();
    rig.book.push(rig.wr(), {3});
    rig.wr().flush(rig.now);
    CHECK(rig.wr().statistics().doorbells == 1);
    rig.service();
    CHECK(rig.wr().statistics().doorbells == 2);
    CHECK(rig.wr().statistics().rerings == 1);
    rig.hw.run();
    rig.service();
    rig.book.check_complete();
}

TEST_CASE("a walker that stops while a batch is being pushed is found")
{
    // It meets the end between two pushes: the batch becomes visible as a whole by its flush, which
    // the driver has not yet been told needs a doorbell.
    for (unsigned pushes = 1; pushes <= 4; ++pushes) {
        puppet_rig rig;
        rig.book.push(rig.wr(), {3});
        rig.wr().flush(rig.now);
        rig.hw.execute(channel_kind::wr, 0, 1);
        for (unsigned n = 0; n < pushes; ++n) rig.book.push(rig.wr(), {3});
        rig.hw.run(); // finds none of them, and stops
        rig.service();
        rig.wr().flush(rig.now);
        rig.finish();
        CHECK(rig.book.reported() == pushes + 1);
    }
}

TEST_CASE("every interleaving of driver and walker completes without the watchdog's help")
{
    // All sequences of seven actions, then the walker runs and the driver acts on interrupts and
    // deadlines only: nothing may need longer than the re-checks take.
    const unsigned actions = 4, length = 7;
    unsigned total = 1;
    for (unsigned n = 0; n < length; ++n) total *= actions;
    for (unsigned code = 0; code < total; ++code) {
        puppet_rig rig({.wr = 1, .rd = 1, .list_elements = 4});
        for (unsigned n = 0, rest = code; n < length; ++n, rest /= actions) {
            ++rig.now;
            switch (rest % actions) {
            case 0:
                if (rig.wr().space() > 0) rig.book.push(rig.wr(), {1});
                break;
            case 1: rig.wr().flush(rig.now); break;
            case 2: rig.hw.step(channel_kind::wr, 0); break;
            default: rig.service(); break;
            }
        }
        rig.wr().flush(rig.now);
        const nanoseconds began = rig.now;
        rig.finish();
        if (rig.now - began > 200'000)
            FAIL_CHECK("sequence " << code << " took " << rig.now - began << " ns");
        if (rig.book.reported() != rig.book.pushed()) FAIL_CHECK("sequence " << code);
    }
}
