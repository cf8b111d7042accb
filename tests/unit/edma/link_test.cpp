// SPDX-License-Identifier: MIT
//
// Links that go down under a local engine, whose registers answer all the same, and what the driver
// touches of a dead one. Links of remote engines are in stop_test.cpp.
#include "puppet_rig.hpp"

using namespace cf;
using namespace cf::edma;
using namespace cf::edma::test;

namespace {

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

TEST_CASE("a local engine tells a link that is down from aborts, fails fast, and works again")
{
    for (const std::uint32_t elements : {8u, 0u}) {
        for (const bool interrupt : {true, false}) {
            puppet_rig rig({.list_elements = elements, .side = engine_side::local});
            transfer& a = rig.book.push(rig.wr(), {10, 10});
            transfer& b = rig.book.push(rig.rd(1), {10});
            rig.wr().flush(rig.now);
            rig.rd(1).flush(rig.now);
            rig.hw.link_up = false;
            rig.hw.run();
            const nanoseconds began = rig.now;
            if (interrupt) rig.service();
            until(rig, 10'000'000, [&] { return rig.book.reported() == 3; });
            CHECK(rig.now - began <= engine_options{}.watchdog_ns);
            CHECK(a.all(outcome::link_down));
            CHECK(b.all(outcome::link_down));
            CHECK(rig.driver.state() == engine_state::link_down);
            CHECK(rig.driver.statistics().link_losses == 1);
            CHECK((rig.hw.bank(channel_kind::wr).enable | rig.hw.bank(channel_kind::rd).enable) == 0);

            transfer& refused = rig.book.push(rig.wr(), {10});
            rig.wr().flush(rig.now);
            CHECK(rig.driver.next_deadline() == 0);
            rig.service();
            CHECK(refused.all(outcome::link_down));
            for (unsigned looks = 0; looks < 3; ++looks) rig.after(engine_options{}.link_poll_ns);
            CHECK(rig.driver.state() == engine_state::link_down);
            CHECK(rig.driver.statistics().link_losses == 1);

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
        }
    }
}

TEST_CASE("a local engine that stalls on a dead link, or restarts a direction on it, says so too")
{
    {
        puppet_rig rig({.side = engine_side::local});
        transfer& a = rig.book.push(rig.wr(), {10});
        rig.wr().flush(rig.now);
        rig.hw.step(channel_kind::wr, 0);
        rig.hw.at(channel_kind::wr, 0).hung = true; // its writes wait for credits
        rig.hw.link_up = false;
        until(rig, 2 * engine_options{}.hang_timeout_ns, [&] { return rig.book.reported() == 1; });
        CHECK(a.all(outcome::link_down));
        CHECK(rig.hw.stops == 0);
    }
    {
        puppet_rig rig({.side = engine_side::local});
        transfer& a = rig.book.push(rig.wr(), {10});
        rig.hw.bank(channel_kind::wr).enable = 0; // it went off with the link
        rig.hw.link_up = false;
        rig.wr().flush(rig.now);
        until(rig, 2 * engine_options{}.hang_timeout_ns, [&] { return rig.book.reported() == 1; });
        CHECK(a.all(outcome::link_down));
        rig.hw.violations.clear(); // doorbells while disabled
    }
    {
        puppet_rig rig({.side = engine_side::local});
        rig.hw.faults = [](channel_kind, unsigned n, const data_element&) {
            return n == 0 ? fault::bus : fault::none;
        };
        transfer& a = rig.book.push(rig.rd(), {10});
        transfer& b = rig.book.push(rig.rd(1), {10});
        rig.rd().flush(rig.now);
        rig.rd(1).flush(rig.now);
        rig.hw.execute(channel_kind::rd, 0, 1);
        rig.hw.disable_works = false;
        rig.service(); // a fatal abort: the direction is being stopped
        REQUIRE(rig.driver.state() == engine_state::recovering);
        rig.hw.link_up = false;
        rig.hw.run();
        rig.hw.disable_works = true;
        rig.hw.bank(channel_kind::rd).enable = 0;
        rig.next();
        CHECK(a.all(outcome::link_down));
        CHECK(b.all(outcome::link_down));
    }
}

TEST_CASE("an abort on a link that is up costs one more question, and is an abort")
{
    puppet_rig rig({.side = engine_side::local});
    rig.hw.faults = [](channel_kind, unsigned, const data_element&) { return fault::cto; };
    transfer& a = rig.book.push(rig.rd(), {10});
    rig.rd().flush(rig.now);
    rig.finish();
    CHECK(a.all(outcome::completion_timeout));
    CHECK(rig.driver.statistics().link_losses == 0);
}

TEST_CASE("a link found dead at any access is not touched again")
{
    for (const std::uint32_t elements : {8u, 0u}) {
        for (unsigned n = 1;; ++n) {
            puppet_rig rig({.list_elements = elements});
            for (unsigned channel = 0; channel < 2; ++channel) {
                rig.book.push(rig.wr(channel), {4, 4});
                rig.book.push(rig.rd(channel), {4, 4});
                rig.wr(channel).flush(rig.now);
                rig.rd(channel).flush(rig.now);
            }
            rig.hw.run();
            rig.hw.link_lost_before = rig.hw.accesses + n;
            std::uint64_t found = 0;
            rig.driver.service(rig.now, [&](void* owner, outcome o) {
                rig.book(owner, o);
                if (o == outcome::link_down && found == 0) found = rig.hw.accesses;
            });
            if (rig.hw.link_up) break;
            if (found != 0) CHECK(rig.hw.accesses == found);
            until(rig, 10'000'000, [&] { return rig.book.reported() == rig.book.pushed(); });
            rig.check();
        }
    }
}
