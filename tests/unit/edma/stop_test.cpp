// SPDX-License-Identifier: MIT
//
// Engines that hang, that are stopped, that cannot be stopped, that are reset, and links that
// go down and come back.
#include "puppet_rig.hpp"

using namespace cf;
using namespace cf::edma;
using namespace cf::edma::test;

namespace {

/// Serves deadlines, without the hardware moving, until `done` or `limit` of time has passed.
template <class Done>
void until(puppet_rig& rig, nanoseconds limit, Done done)
{
    const nanoseconds end = rig.now + limit;
    for (unsigned turns = 0; !done(); ++turns) {
        REQUIRE(rig.driver.next_deadline() <= end);
        REQUIRE(turns < 100'000);
        rig.next();
    }
}

} // namespace

TEST_CASE("a hang ends with the channel stopped, its transfer timed out and the rest done")
{
    puppet_rig rig;
    transfer& a = rig.book.push(rig.wr(), {10, 10});
    transfer& b = rig.book.push(rig.wr(), {10});
    transfer& sibling = rig.book.push(rig.wr(1), {10});
    rig.wr().flush(rig.now);
    rig.wr(1).flush(rig.now);
    rig.hw.execute(channel_kind::wr, 1, 1);
    rig.service();
    CHECK(sibling.all(outcome::done));
    const nanoseconds began = rig.now;
    until(rig, 2 * engine_options{}.hang_timeout_ns, [&] { return rig.book.reported() > 1; });
    CHECK(rig.now - began >= engine_options{}.hang_timeout_ns);
    CHECK(rig.now - began <= engine_options{}.hang_timeout_ns + engine_options{}.watchdog_ns);
    CHECK(a.outcomes.at(0) == outcome::timed_out);
    CHECK(a.outcomes.at(1) == outcome::skipped);
    CHECK(rig.driver.statistics().engine_restarts == 0); // STOP was enough
    rig.finish();
    CHECK(b.all(outcome::done));
}

TEST_CASE("waiting for a hang costs few looks")
{
    puppet_rig rig;
    rig.book.push(rig.wr(), {10});
    rig.wr().flush(rig.now);
    unsigned looks = 0;
    until(rig, 2 * engine_options{}.hang_timeout_ns, [&] {
        ++looks;
        return rig.book.reported() > 0;
    });
    CHECK(looks < 20 + engine_options{}.hang_timeout_ns / engine_options{}.watchdog_ns);
}

TEST_CASE("a channel that ignores STOP takes its direction through a restart")
{
    puppet_rig rig({.wr = 3, .rd = 1, .list_elements = 8});
    transfer& a = rig.book.push(rig.wr(1), {10});
    transfer& a2 = rig.book.push(rig.wr(1), {10});
    std::vector<transfer*> siblings;
    for (const unsigned n : {0u, 2u})
        for (unsigned i = 0; i < 5; ++i) siblings.push_back(&rig.book.push(rig.wr(n), {10}));
    transfer& other_way = rig.book.push(rig.rd(), {10});
    for (unsigned n = 0; n < 3; ++n) rig.wr(n).flush(rig.now);
    rig.rd().flush(rig.now);
    rig.hw.at(channel_kind::wr, 1).hung = true;
    rig.finish();
    CHECK(a.all(outcome::timed_out));
    CHECK(a2.all(outcome::done));
    CHECK(other_way.all(outcome::done));
    for (transfer* t : siblings) CHECK(t->all(outcome::done));
    CHECK(rig.driver.statistics().engine_restarts == 1);
}

TEST_CASE("a disable that takes its time is waited for")
{
    puppet_rig rig({}, {.drop_stop_bytes = engine_options::never_stop});
    transfer& a = rig.book.push(rig.wr(), {10});
    rig.wr().flush(rig.now);
    rig.hw.at(channel_kind::wr, 0).hung = true;
    rig.hw.disable_delay = 50;
    rig.finish();
    CHECK(a.all(outcome::timed_out));
    CHECK(rig.hw.disable_delay == 0);
}

TEST_CASE("a direction that cannot be proven stopped is gone, and only it")
{
    puppet_rig rig;
    transfer& a = rig.book.push(rig.wr(), {10, 10});
    transfer& b = rig.book.push(rig.wr(1), {10});
    rig.wr().flush(rig.now);
    rig.wr(1).flush(rig.now);
    rig.hw.at(channel_kind::wr, 0).hung = true;
    rig.hw.at(channel_kind::wr, 1).hung = true;
    rig.hw.disable_works = false;
    rig.finish();
    CHECK(a.all(outcome::gone));
    CHECK(b.all(outcome::gone));
    CHECK(rig.driver.state() == engine_state::gone);
    CHECK(rig.driver.next_deadline() == never);
    transfer& late = rig.book.push(rig.wr(), {10});
    rig.wr().flush(rig.now);
    CHECK(rig.driver.next_deadline() == 0); // refused at once
    rig.service();
    CHECK(late.all(outcome::gone));
    transfer& other_way = rig.book.push(rig.rd(), {10});
    rig.rd().flush(rig.now);
    rig.finish();
    CHECK(other_way.all(outcome::done));
    rig.hw.disable_works = true;
    transfer& unflushed = rig.book.push(rig.wr(), {10});
    rig.driver.stop(rig.now);
    until(rig, 1'000'000, [&] { return rig.driver.quiet(); });
    CHECK(unflushed.all(outcome::gone));
    CHECK(rig.driver.state() == engine_state::gone);
}

TEST_CASE("an engine that has lost its enable is found and started again")
{
    puppet_rig rig;
    transfer& a = rig.book.push(rig.wr(), {10});
    transfer& b = rig.book.push(rig.wr(), {10});
    rig.hw.bank(channel_kind::wr).enable = 0; // somebody else's driver, perhaps
    rig.wr().flush(rig.now);
    while (rig.book.reported() < 2) {
        REQUIRE(rig.now < 10 * engine_options{}.hang_timeout_ns);
        rig.next();
        rig.hw.run();
    }
    CHECK(a.all(outcome::timed_out));
    CHECK(b.all(outcome::done));
    CHECK(rig.hw.violations.size() >= 1); // doorbells while disabled, as told
    rig.hw.violations.clear();
}

TEST_CASE("a reset under the driver fails what the engine had been told, and nothing later")
{
    for (const std::uint32_t elements : {8u, 0u}) {
        puppet_rig rig({.list_elements = elements});
        transfer& a = rig.book.push(rig.wr(), {10});
        transfer& b = rig.book.push(rig.wr(), {10});
        rig.wr().flush(rig.now);
        rig.hw.step(channel_kind::wr, 0);
        rig.hw.reset();
        while (rig.book.reported() < 2) {
            REQUIRE(rig.now < 10 * engine_options{}.hang_timeout_ns);
            rig.next();
            rig.hw.run();
        }
        if (elements != 0) {
            CHECK(a.all(outcome::aborted));
            CHECK(b.all(outcome::aborted));
        } else {
            CHECK(a.all(outcome::timed_out)); // registers hold nothing that would betray the reset
            CHECK(b.all(outcome::done));
        }
        rig.hw.violations.clear();
        transfer& c = rig.book.push(rig.wr(), {10});
        rig.wr().flush(rig.now);
        rig.finish();
        CHECK(c.all(outcome::done));
    }
}

TEST_CASE("stop at every point of the walker's way, and start again")
{
    for (const std::uint32_t elements : {0u, 4u, 8u}) {
        for (unsigned steps = 0; steps < 20; ++steps) {
            puppet_rig rig({.list_elements = elements});
            transfer& a = rig.book.push(rig.wr(), {10, 10});
            transfer& b = rig.book.push(rig.wr(), {10});
            transfer& c = rig.book.push(rig.rd(1), {10, 10});
            rig.wr().flush(rig.now);
            rig.rd(1).flush(rig.now);
            for (unsigned n = 0; n < steps; ++n) {
                rig.hw.step(channel_kind::wr, 0);
                if (n % 2 != 0) rig.hw.step(channel_kind::rd, 1);
                if (elements == 0) rig.poll();
            }
            rig.driver.stop(rig.now);
            CHECK(!rig.driver.quiet());
            until(rig, 2 * engine_options{}.stop_timeout_ns, [&] { return rig.driver.quiet(); });
            CHECK(rig.driver.state() == engine_state::stopped);
            CHECK(rig.book.reported() == 5);
            for (const transfer* t : {&a, &b, &c})
                for (const outcome o : t->outcomes)
                    CHECK((o == outcome::done || o == outcome::aborted || o == outcome::skipped));
            rig.hw.run();
            rig.check(); // nothing touched since

            transfer& refused = rig.book.push(rig.wr(), {10});
            rig.wr().flush(rig.now);
            rig.service();
            CHECK(refused.all(outcome::skipped));

            rig.driver.start(rig.now);
            CHECK(rig.driver.state() == engine_state::up);
            transfer& d = rig.book.push(rig.wr(), {10, 10});
            rig.wr().flush(rig.now);
            rig.finish();
            CHECK(d.all(outcome::done));
            rig.book.check_complete();
        }
    }
}

TEST_CASE("a stop that the engine does not obey ends as gone")
{
    puppet_rig rig;
    transfer& a = rig.book.push(rig.wr(), {10});
    rig.wr().flush(rig.now);
    rig.hw.disable_works = false;
    rig.driver.stop(rig.now);
    const nanoseconds began = rig.now;
    until(rig, 2 * engine_options{}.stop_timeout_ns, [&] { return rig.driver.quiet(); });
    CHECK(rig.now - began == engine_options{}.stop_timeout_ns);
    CHECK(a.all(outcome::gone));
    CHECK(rig.driver.state() == engine_state::gone);
}

TEST_CASE("link down fails everything at once; new work fails fast; link up works again")
{
    for (const bool reset : {true, false}) {
        for (const std::uint32_t elements : {8u, 0u}) {
            puppet_rig rig({.list_elements = elements});
            transfer& a = rig.book.push(rig.wr(), {10, 10});
            transfer& b = rig.book.push(rig.rd(1), {10});
            rig.wr().flush(rig.now);
            rig.rd(1).flush(rig.now);
            rig.hw.step(channel_kind::wr, 0);
            rig.hw.link_up = false;
            const nanoseconds began = rig.now;
            until(rig, 10'000'000, [&] { return rig.book.reported() == 3; });
            CHECK(rig.now - began <= engine_options{}.watchdog_ns);
            CHECK(a.all(outcome::link_down));
            CHECK(b.all(outcome::link_down));
            CHECK(rig.driver.state() == engine_state::link_down);

            transfer& refused = rig.book.push(rig.wr(), {10});
            rig.wr().flush(rig.now);
            CHECK(rig.driver.next_deadline() == 0);
            const std::uint64_t accesses = rig.hw.accesses;
            rig.service();
            CHECK(refused.all(outcome::link_down));
            CHECK(rig.hw.accesses == accesses); // touching a dead link can hang a machine
            CHECK(rig.driver.next_deadline() != 0);

            until(rig, 5 * engine_options{}.link_poll_ns,
                  [&] { return rig.hw.accesses >= accesses + 3; }); // it goes on looking, and only that
            CHECK(rig.driver.state() == engine_state::link_down);
            if (reset) rig.hw.reset();
            rig.hw.link_up = true;
            until(rig, 2 * engine_options{}.link_poll_ns,
                  [&] { return rig.driver.state() == engine_state::up; });
            transfer& c = rig.book.push(rig.wr(), {10});
            transfer& d = rig.book.push(rig.rd(1), {10});
            rig.wr().flush(rig.now);
            rig.rd(1).flush(rig.now);
            rig.finish();
            CHECK(c.all(outcome::done));
            CHECK(d.all(outcome::done));
            CHECK(rig.driver.statistics().link_losses == 1);
        }
    }
}

TEST_CASE("a link seen to be back is not waited for")
{
    puppet_rig rig;
    rig.hw.link_up = false;
    rig.service(); // the status reads all ones
    CHECK(rig.driver.state() == engine_state::link_down);
    rig.hw.link_up = true;
    rig.driver.link_restored(rig.now);
    CHECK(rig.driver.next_deadline() == 0);
    rig.service();
    CHECK(rig.driver.state() == engine_state::up);
}

TEST_CASE("a link that fails again during recovery, and one that brings another device")
{
    puppet_rig rig;
    rig.hw.link_up = false;
    rig.service();
    rig.hw.link_up = true;
    rig.hw.bank(channel_kind::wr).enable = engine_on;
    rig.hw.disable_delay = 1000;
    until(rig, 10'000'000, [&] { return rig.driver.state() == engine_state::recovering; });
    rig.hw.link_up = false;
    until(rig, 10'000'000, [&] { return rig.driver.state() == engine_state::link_down; });
    rig.hw.link_up = true;
    rig.hw.disable_delay = 0;
    until(rig, 10'000'000, [&] { return rig.driver.state() == engine_state::up; });

    rig.hw.link_up = false;
    rig.service();
    rig.hw.become({.wr = 1, .rd = 1});
    rig.hw.link_up = true;
    until(rig, 10'000'000, [&] { return rig.driver.state() == engine_state::gone; });
    transfer& t = rig.book.push(rig.wr(), {10});
    rig.wr().flush(rig.now);
    rig.finish();
    CHECK(t.all(outcome::gone));
}

TEST_CASE("an engine that still runs when the link is back is stopped before its memory is free")
{
    puppet_rig rig;
    transfer& a = rig.book.push(rig.rd(), {10, 10, 10});
    rig.rd().flush(rig.now);
    rig.hw.execute(channel_kind::rd, 0, 1);
    rig.hw.link_up = false;
    rig.service();
    CHECK(a.all(outcome::link_down));
    rig.hw.link_up = true;
    until(rig, 10'000'000, [&] { return rig.driver.state() == engine_state::up; });
    CHECK(rig.hw.at(channel_kind::rd, 0).at == puppet::walker::step::idle);
    const std::uint64_t executed = rig.hw.at(channel_kind::rd, 0).executed;
    rig.hw.run();
    CHECK(rig.hw.at(channel_kind::rd, 0).executed == executed);
}

TEST_CASE("link down in the middle of other recoveries")
{
    for (unsigned at = 0; at < 3; ++at) {
        puppet_rig rig({}, {.drop_stop_bytes = 0});
        transfer& a = rig.book.push(rig.wr(), {10, 10, 10});
        rig.wr().flush(rig.now);
        rig.hw.at(channel_kind::wr, 0).hung = true;
        if (at == 0) {
            ledger::drop(rig.wr(), a);
        } else {
            rig.hw.disable_works = false;
            until(rig, 3 * engine_options{}.hang_timeout_ns,
                  [&] { return rig.driver.state() == engine_state::recovering; });
            if (at == 2) rig.driver.stop(rig.now);
        }
        rig.hw.link_up = false;
        until(rig, 10 * engine_options{}.stop_timeout_ns, [&] { return rig.book.reported() == 3; });
        CHECK(a.all(outcome::link_down));
        CHECK(rig.driver.state() == engine_state::link_down);
        rig.hw.disable_works = true;
        rig.hw.link_up = true;
        const engine_state end = at == 2 ? engine_state::stopped : engine_state::up;
        until(rig, 10'000'000, [&] { return rig.driver.state() == end; });
    }
}
