// SPDX-License-Identifier: MIT
//
// What comes while the driver is in the middle of a recovery: segments that finish, channels that abort
// or go on, status bits that are old; and what a STOP leaves behind.
#include "puppet_rig.hpp"

using namespace cf;
using namespace cf::edma;
using namespace cf::edma::test;

namespace {

constexpr auto rd = channel_kind::rd;
constexpr auto wr = channel_kind::wr;

/// Serves deadlines, without the hardware moving, until `done`.
template <class Done>
void until(puppet_rig& rig, Done done)
{
    for (unsigned turns = 0; !done(); ++turns) {
        REQUIRE(turns < 10'000);
        rig.next();
    }
}

/// A disable that was told but takes effect only now.
void finish_disable(puppet_rig& rig, channel_kind kind)
{
    rig.hw.disable_works = true;
    rig.hw.bank(kind).enable = 0;
    for (puppet::walker& w : rig.hw.bank(kind).channel) {
        if (w.at != puppet::walker::step::idle) w.status = channel_status::stopped;
        w.at = puppet::walker::step::idle;
        w.hung = false;
    }
}

/// Every element of this size aborts its channel, once.
auto aborting(std::uint32_t size, fault with)
{
    return [size, with, armed = true](channel_kind, unsigned, const data_element& e) mutable {
        return e.size == size && std::exchange(armed, false) ? with : fault::none;
    };
}

} // namespace

TEST_CASE("done while everything is being stopped: without a list, its bit is the only proof")
{
    for (const std::uint32_t elements : {0u, 8u}) {
        for (const bool before : {true, false}) {
            puppet_rig rig({.list_elements = elements});
            transfer& t = rig.book.push(rig.wr(), {20});
            rig.wr().flush(rig.now);
            if (before) rig.hw.run();
            rig.hw.disable_works = false;
            rig.driver.stop(rig.now);
            rig.service();
            rig.hw.run();
            for (unsigned looks = 0; looks < 5; ++looks) rig.after(1);
            CHECK(rig.book.reported() == 0);
            finish_disable(rig, wr);
            finish_disable(rig, rd);
            until(rig, [&] { return rig.driver.quiet(); });
            CHECK(t.all(outcome::done));
            rig.check();
        }
    }
}

TEST_CASE("a sibling that is done while its direction restarts is not done again")
{
    for (const std::uint32_t elements : {0u, 8u}) {
        puppet_rig rig({.list_elements = elements});
        rig.hw.faults = aborting(77, fault::bus);
        transfer& bad = rig.book.push(rig.rd(), {77});
        transfer& sibling = rig.book.push(rig.rd(1), {20});
        rig.rd().flush(rig.now);
        rig.rd(1).flush(rig.now);
        rig.hw.execute(rd, 0, 1);
        rig.hw.disable_works = false;
        rig.service(); // sees the abort, begins to stop
        rig.hw.run();
        rig.after(1);
        finish_disable(rig, rd);
        rig.finish();
        CHECK(bad.all(outcome::local_bus_error));
        CHECK(sibling.all(outcome::done));
        CHECK(rig.hw.at(rd, 1).executed == 1);
    }
}

TEST_CASE("done while the direction is being stopped for a sibling that hangs")
{
    for (const std::uint32_t elements : {0u, 8u}) {
        puppet_rig rig({.list_elements = elements});
        transfer& stuck = rig.book.push(rig.wr(), {10});
        rig.wr().flush(rig.now);
        rig.hw.at(wr, 0).hung = true;
        rig.hw.disable_works = false;
        until(rig, [&] { return rig.hw.disables == 3; }); // two of them at the start
        transfer& late = rig.book.push(rig.wr(), {10});
        rig.wr().flush(rig.now);
        CHECK(rig.book.reported() == 0);
        finish_disable(rig, wr);
        rig.finish();
        CHECK(stuck.all(outcome::timed_out));
        CHECK(late.all(outcome::done));
    }
}

TEST_CASE("a channel that moves on although its engine reads as disabled is waited for")
{
    puppet_rig rig;
    transfer& t = rig.book.push(rig.wr(), {10, 10, 10});
    rig.wr().flush(rig.now);
    rig.hw.at(wr, 0).lingers = true;
    rig.driver.stop(rig.now);
    for (unsigned looks = 0; looks < 3; ++looks) {
        rig.after(engine_options{}.recheck_ns);
        CHECK(!rig.driver.quiet());
        CHECK(rig.book.reported() == 0);
    }
    rig.hw.execute(wr, 0, 2);
    rig.after(engine_options{}.recheck_ns);
    CHECK(rig.book.reported() == 0);
    rig.hw.at(wr, 0).lingers = false;
    finish_disable(rig, wr);
    until(rig, [&] { return rig.driver.quiet(); });
    CHECK(t.outcomes == std::vector{outcome::done, outcome::done, outcome::aborted});
    rig.hw.run();
    rig.check();
}

TEST_CASE("a STOP leaves nothing behind: neither its status bit nor an abort")
{
    for (const bool halts : {true, false}) {
        puppet_rig rig({}, {.drop_stop_bytes = 0});
        rig.hw.stop_halts = halts;
        transfer& a = rig.book.push(rig.rd(), {10});
        transfer& b = rig.book.push(rig.rd(), {10, 10});
        transfer& c = rig.book.push(rig.rd(), {10});
        rig.rd().flush(rig.now);
        rig.hw.step(rd, 0);
        ledger::drop(rig.rd(), b);
        rig.poll(); // which reads no status by itself
        CHECK(rig.hw.stops == 1);
        CHECK(rig.hw.bank(rd).status == 0);
        rig.finish();
        CHECK(a.all(outcome::done));
        CHECK(b.all(outcome::skipped));
        CHECK(c.all(outcome::done));
        CHECK(rig.driver.statistics().aborts == 0);
    }
}

TEST_CASE("a hang that moves on when it is stopped fails nobody")
{
    for (const bool obeys : {true, false}) {
        puppet_rig rig;
        transfer& a = rig.book.push(rig.wr(), {10});
        transfer& b = rig.book.push(rig.wr(), {10});
        rig.wr().flush(rig.now);
        rig.hw.step(wr, 0);
        rig.hw.at(wr, 0).hung = true;
        rig.hw.disable_works = false;
        if (obeys)
            until(rig, [&] { return rig.hw.stops == 1; }); // late, but it does
        else
            until(rig, [&] { return rig.hw.disables == 3; }); // two of them at the start
        rig.hw.at(wr, 0).hung = false;
        rig.hw.execute(wr, 0, 1);
        if (obeys) {
            rig.hw.at(wr, 0).at = puppet::walker::step::idle;
            rig.hw.at(wr, 0).status = channel_status::stopped;
        } else {
            finish_disable(rig, wr);
        }
        rig.finish();
        CHECK(a.all(outcome::done));
        CHECK(b.all(outcome::done));
        CHECK(rig.driver.statistics().engine_restarts == (obeys ? 0 : 1));
    }
}

TEST_CASE("an abort that first shows when the direction is proven stopped fails its own segment")
{
    puppet_rig rig;
    transfer& bad = rig.book.push(rig.rd(), {77});
    transfer& sibling = rig.book.push(rig.rd(1), {20});
    transfer& behind = rig.book.push(rig.rd(1), {10});
    rig.rd().flush(rig.now);
    rig.rd(1).flush(rig.now);
    rig.hw.faults = aborting(77, fault::bus);
    rig.hw.execute(rd, 0, 1);
    rig.hw.disable_works = false;
    rig.service();
    rig.hw.faults = aborting(20, fault::ur);
    rig.hw.run();
    finish_disable(rig, rd);
    rig.finish();
    CHECK(bad.all(outcome::local_bus_error));
    CHECK(sibling.all(outcome::unsupported_request));
    CHECK(behind.all(outcome::done));
    CHECK(rig.driver.statistics().aborts == 2);
}

TEST_CASE("an old abort bit of a sibling fails nothing")
{
    puppet_rig rig;
    rig.hw.faults = aborting(77, fault::bus);
    transfer& bad = rig.book.push(rig.rd(), {77});
    transfer& sibling = rig.book.push(rig.rd(1), {20});
    rig.rd().flush(rig.now);
    rig.rd(1).flush(rig.now);
    rig.hw.execute(rd, 0, 1);
    rig.hw.disable_works = false;
    rig.service();
    rig.hw.bank(rd).status |= abort_bit(1);
    finish_disable(rig, rd);
    rig.finish();
    CHECK(bad.all(outcome::local_bus_error));
    CHECK(sibling.all(outcome::done));
}

TEST_CASE("a segment that takes longer than the hang timeout is left alone while it moves")
{
    for (const bool moves : {true, false}) {
        puppet_rig rig;
        transfer& t = rig.book.push(rig.wr(), {10});
        rig.wr().flush(rig.now);
        rig.hw.step(wr, 0); // fetched, under way
        const nanoseconds end = rig.now + 5 * engine_options{}.hang_timeout_ns;
        while (rig.now < end && rig.book.reported() == 0) {
            if (moves) --rig.hw.at(wr, 0).size;
            rig.next();
        }
        CHECK(rig.book.reported() == (moves ? 0 : 1));
        rig.finish();
        CHECK(t.all(moves ? outcome::done : outcome::timed_out));
    }
}

TEST_CASE("a status ahead of the list position it announces is looked at again soon")
{
    for (const engine_side side : {engine_side::local, engine_side::remote}) {
        puppet_rig rig({.side = side});
        rig.book.push(rig.wr(), {4});
        rig.book.push(rig.wr(), {4});
        rig.wr().flush(rig.now);
        rig.hw.execute(wr, 0, 1);
        rig.poll(); // known to run: only the watchdog is due
        rig.now += 1'000'000;
        rig.hw.bank(wr).status |= done_bit(0);
        rig.service();
        rig.hw.run();
        rig.hw.bank(wr).status = 0; // its one interrupt is gone
        rig.hw.posted = 0;
        const nanoseconds began = rig.now;
        rig.next();
        CHECK(rig.book.reported() == 2);
        CHECK(rig.now - began <= engine_options{}.recheck_ns);
        CHECK(rig.driver.statistics().engine_restarts == 0);
    }
}

TEST_CASE("list writes that land only when they are read back are read back before every doorbell")
{
    puppet_rig rig({.list_elements = 4, .posted_lists = true});
    for (unsigned n = 0; n < 20; ++n) {
        rig.book.push(rig.wr(), {5});
        rig.wr().flush(rig.now);
        rig.hw.run();
        rig.service();
        CHECK(rig.book.reported() == n + 1);
    }
    CHECK(rig.wr().statistics().rerings == 0);

    // Appended to a channel that runs, and stops before it sees it.
    rig.book.push(rig.wr(), {5});
    rig.wr().flush(rig.now);
    rig.book.push(rig.wr(), {5});
    rig.wr().flush(rig.now);
    rig.hw.run();
    rig.service();
    CHECK(rig.wr().statistics().rerings == 1);
    rig.hw.run();
    rig.service();
    CHECK(rig.book.reported() == 22);
    rig.check();
}
