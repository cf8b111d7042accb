// SPDX-License-Identifier: MIT
//
// Aborts: whatever the cause and wherever in the list, the transfer at fault fails with the
// cause, its later segments are skipped, and everybody else's are done, once and in order.
#include "puppet_rig.hpp"

using namespace cf;
using namespace cf::edma;
using namespace cf::edma::test;

namespace {

struct cause {
    fault injected;
    outcome reported;
    bool rd_only;
};
constexpr cause causes[] = {
    {fault::ur, outcome::unsupported_request, true}, {fault::ca, outcome::completer_abort, true},
    {fault::cto, outcome::completion_timeout, true}, {fault::poison, outcome::data_poisoned, true},
    {fault::bus, outcome::local_bus_error, false},   {fault::fetch, outcome::list_fetch_error, false},
    {fault::causeless, outcome::aborted, false},
};

/// Fails the n-th element (1 = the first) that `kind`'s channel `channel` executes from now on.
void fail_nth(puppet_rig& rig, channel_kind kind, unsigned channel, unsigned nth, fault f)
{
    rig.hw.faults = [=, seen = 0u](channel_kind k, unsigned n, const data_element&) mutable {
        return k == kind && n == channel && ++seen == nth ? f : fault::none;
    };
}

} // namespace

TEST_CASE("an abort at every place of the list, for every cause and place in the batch")
{
    for (const cause& c : causes) {
        for (const channel_kind kind : {channel_kind::wr, channel_kind::rd}) {
            if (c.rd_only && kind == channel_kind::wr) continue;
            for (const std::uint32_t elements : {2u, 3u, 7u, 0u}) {
                if (elements == 0 && c.injected == fault::fetch) continue;
                const std::size_t batch = elements == 0 ? 6 : elements - 1;
                for (unsigned offset = 0; offset <= 2 * elements; ++offset) { // where in the list, over laps
                    for (unsigned at = 1; at <= batch; ++at) {
                        puppet_rig rig({.wr = 2, .rd = 2, .list_elements = elements});
                        channel& ch = rig.driver.at(kind, 1);
                        for (unsigned n = 0; n < offset; ++n) {
                            rig.book.push(ch, {1});
                            ch.flush(rig.now);
                            rig.finish();
                        }
                        fail_nth(rig, kind, 1, at, c.injected);
                        std::vector<transfer*> all;
                        for (std::size_t n = 0; n < batch; ++n) all.push_back(&rig.book.push(ch, {5}));
                        ch.flush(rig.now);
                        rig.finish();
                        for (unsigned n = 1; n <= batch; ++n)
                            if (!all[n - 1]->all(n == at ? c.reported : outcome::done))
                                FAIL_CHECK("cause " << to_string(c.reported) << ", list of " << elements
                                                    << " from " << offset << ", abort at " << at
                                                    << ": segment " << n << " is "
                                                    << to_string(all[n - 1]->outcomes.at(0)));
                        // And the channel works on.
                        transfer& after = rig.book.push(ch, {8});
                        ch.flush(rig.now);
                        rig.finish();
                        if (!after.all(outcome::done)) FAIL_CHECK("dead after the abort");
                        rig.book.check_complete();
                        if (rig.driver.statistics().aborts != 1) FAIL_CHECK("aborts counted wrong");
                    }
                }
            }
        }
    }
}

TEST_CASE("of a transfer of several segments the rest is skipped, wherever others lie between")
{
    for (const fault f : {fault::ur, fault::bus}) {
        for (unsigned at = 1; at <= 3; ++at) {
            puppet_rig rig({.list_elements = 12});
            transfer& victim = rig.book.make(channel_kind::rd, {4, 4, 4});
            std::vector<transfer*> others;
            // victim other victim other victim other
            for (unsigned n = 0; n < 3; ++n) {
                victim.pieces.resize(3);
                const auto& p = victim.pieces[n];
                rig.rd().push({puppet::near_base + p.offset, puppet::far_base + p.offset, p.size, &victim});
                ++victim.pushed;
                others.push_back(&rig.book.push(rig.rd(), {6}));
            }
            rig.rd().flush(rig.now);
            fail_nth(rig, channel_kind::rd, 0, 2 * at - 1, f);
            for (unsigned turns = 0; rig.rd().outstanding() != 0; ++turns) {
                REQUIRE(turns < 1000);
                rig.hw.run();
                ++rig.now;
                if (rig.hw.interrupting() || rig.driver.next_deadline() <= rig.now)
                    rig.service();
                else
                    rig.next();
            }
            REQUIRE(victim.outcomes.size() == 3);
            for (unsigned n = 1; n <= 3; ++n) {
                const outcome expected =
                    n < at    ? outcome::done
                    : n == at ? (f == fault::ur ? outcome::unsupported_request : outcome::local_bus_error)
                              : outcome::skipped;
                CHECK(victim.outcomes[n - 1] == expected);
            }
            for (transfer* t : others) CHECK(t->all(outcome::done));
            rig.check();
        }
    }
}

TEST_CASE("segments without an owner fail alone")
{
    puppet_rig rig;
    rig.hw.faults = [seen = 0u](channel_kind, unsigned, const data_element&) mutable {
        return ++seen == 2 ? fault::ur : fault::none;
    };
    std::vector<outcome> outcomes;
    for (unsigned n = 0; n < 4; ++n)
        rig.wr().push({puppet::near_base + 8 * n, puppet::far_base + 8 * n, 8, nullptr});
    rig.wr().flush(rig.now);
    for (unsigned turns = 0; outcomes.size() < 4 && turns < 20; ++turns) {
        rig.hw.run();
        rig.driver.service(++rig.now, [&](void* owner, outcome o) {
            CHECK(owner == nullptr);
            outcomes.push_back(o);
        });
    }
    REQUIRE(outcomes.size() == 4);
    CHECK(outcomes[0] == outcome::done);
    CHECK(outcomes[1] == outcome::aborted); // a WR channel has no bit for UR
    CHECK(outcomes[2] == outcome::done);
    CHECK(outcomes[3] == outcome::done);
}

TEST_CASE("done of one element and abort of the next in one interrupt")
{
    puppet_rig rig({}, {.moderation_bytes = 0});
    fail_nth(rig, channel_kind::rd, 0, 2, fault::ca);
    transfer& a = rig.book.push(rig.rd(), {16});
    transfer& b = rig.book.push(rig.rd(), {16});
    transfer& c = rig.book.push(rig.rd(), {16});
    rig.rd().flush(rig.now);
    rig.hw.run();
    REQUIRE(rig.hw.bank(channel_kind::rd).status == (done_bit(0) | abort_bit(0)));
    rig.service();
    CHECK(a.all(outcome::done));
    CHECK(b.all(outcome::completer_abort));
    rig.finish();
    CHECK(c.all(outcome::done));
}

TEST_CASE("an abort whose interrupt is lost is found by looking")
{
    for (const wake_mode wake : {wake_mode::interrupt, wake_mode::message, wake_mode::poll}) {
        for (const fault f : {fault::cto, fault::poison}) {
            puppet_rig rig({}, {.wake = wake});
            fail_nth(rig, channel_kind::rd, 0, 1, f);
            transfer& bad = rig.book.push(rig.rd(), {16});
            transfer& good = rig.book.push(rig.rd(), {16});
            rig.rd().flush(rig.now);
            rig.hw.run();
            rig.hw.words().fill(0);
            const nanoseconds began = rig.now;
            while (rig.book.reported() < 2) {
                rig.now = std::max(rig.now + 1, rig.driver.next_deadline());
                REQUIRE(rig.now - began < engine_options{}.hang_timeout_ns);
                rig.poll();
                rig.hw.run();
            }
            CHECK(bad.outcomes.at(0) ==
                  (f == fault::cto ? outcome::completion_timeout : outcome::data_poisoned));
            CHECK(good.all(outcome::done));
            rig.check();
        }
    }
}

TEST_CASE("a message announces an abort")
{
    puppet_rig rig({}, {.wake = wake_mode::message});
    fail_nth(rig, channel_kind::rd, 1, 1, fault::ur);
    transfer& bad = rig.book.push(rig.rd(1), {16});
    rig.rd(1).flush(rig.now);
    rig.hw.run();
    CHECK(rig.poll());
    CHECK(bad.all(outcome::unsupported_request));
    rig.check();
}

TEST_CASE("a fatal abort restarts the direction and costs nobody else a transfer")
{
    for (const fault f : {fault::bus, fault::fetch, fault::poison}) {
        puppet_rig rig({.wr = 3, .rd = 3, .list_elements = 8});
        std::vector<transfer*> siblings;
        for (unsigned n = 0; n < 3; ++n)
            for (unsigned i = 0; i < 4; ++i)
                if (n != 1) siblings.push_back(&rig.book.push(rig.rd(n), {30}));
        transfer& victim = rig.book.push(rig.rd(1), {30, 30});
        transfer& behind = rig.book.push(rig.rd(1), {30});
        for (unsigned n = 0; n < 3; ++n) rig.rd(n).flush(rig.now);
        transfer& other_way = rig.book.push(rig.wr(), {30});
        rig.wr().flush(rig.now);
        fail_nth(rig, channel_kind::rd, 1, 1, f);
        // Siblings are somewhere in the middle when it happens: one between elements, one with an
        // element fetched and not executed.
        rig.hw.execute(channel_kind::rd, 0, 2);
        rig.hw.step(channel_kind::rd, 2);
        rig.hw.step(channel_kind::rd, 1);
        rig.hw.step(channel_kind::rd, 1);
        rig.service();
        rig.finish();
        CHECK(victim.outcomes.at(0) == (f == fault::bus     ? outcome::local_bus_error
                                        : f == fault::fetch ? outcome::list_fetch_error
                                                            : outcome::data_poisoned));
        CHECK(victim.outcomes.at(1) == outcome::skipped);
        CHECK(behind.all(outcome::done));
        CHECK(other_way.all(outcome::done));
        for (transfer* t : siblings) CHECK(t->all(outcome::done));
        CHECK(rig.driver.statistics().engine_restarts == 1);
        rig.check();
    }
}

TEST_CASE("two channels abort together, fatally and not, in either order")
{
    for (const bool fatal_first : {true, false}) {
        puppet_rig rig;
        rig.hw.faults = [](channel_kind, unsigned n, const data_element& e) {
            return e.size != 77 ? fault::none : n == 0 ? fault::bus : fault::ca;
        };
        transfer& a = rig.book.push(rig.rd(0), {77});
        transfer& a2 = rig.book.push(rig.rd(0), {5});
        transfer& b = rig.book.push(rig.rd(1), {77});
        transfer& b2 = rig.book.push(rig.rd(1), {5});
        rig.rd(fatal_first ? 0 : 1).flush(rig.now);
        rig.rd(fatal_first ? 1 : 0).flush(rig.now);
        rig.finish();
        CHECK(a.all(outcome::local_bus_error));
        CHECK(b.all(outcome::completer_abort));
        CHECK(a2.all(outcome::done));
        CHECK(b2.all(outcome::done));
    }
}

TEST_CASE("a sibling's abort during a restart is not lost")
{
    // The second channel aborts after the direction's disable was asked for but before it is
    // proven; its status is only read then.
    puppet_rig rig;
    rig.hw.faults = [](channel_kind, unsigned n, const data_element& e) {
        return e.size != 77 ? fault::none : n == 0 ? fault::bus : fault::ur;
    };
    transfer& a = rig.book.push(rig.rd(0), {77});
    transfer& b = rig.book.push(rig.rd(1), {77});
    transfer& b2 = rig.book.push(rig.rd(1), {5});
    rig.rd(0).flush(rig.now);
    rig.hw.run();
    rig.rd(1).flush(rig.now);
    rig.hw.disable_works = false; // not yet
    rig.service();
    CHECK(rig.driver.state() == engine_state::recovering);
    rig.hw.run();
    rig.hw.disable_works = true;
    rig.hw.bank(channel_kind::rd).enable = 0;
    rig.finish();
    CHECK(a.all(outcome::local_bus_error));
    CHECK(b.all(outcome::unsupported_request));
    CHECK(b2.all(outcome::done));
}

TEST_CASE("a fetch error on an idle channel fails nobody and does not stop the next transfer")
{
    puppet_rig rig;
    rig.book.push(rig.wr(), {4});
    rig.wr().flush(rig.now);
    rig.finish();
    // What a walker that prefetches does when the list memory hiccups behind the last element.
    rig.hw.at(channel_kind::wr, 0).status = channel_status::halted;
    rig.hw.bank(channel_kind::wr).status |= abort_bit(0);
    rig.hw.bank(channel_kind::wr).err_low |= 1u << 16;
    rig.service();
    while (rig.driver.state() != engine_state::up) rig.next();
    transfer& t = rig.book.push(rig.wr(), {4});
    rig.wr().flush(rig.now);
    rig.finish();
    CHECK(t.all(outcome::done));
}

TEST_CASE("an abort bit without an abort is cleared and changes nothing")
{
    puppet_rig rig;
    transfer& t = rig.book.push(rig.wr(), {4, 4, 4});
    rig.wr().flush(rig.now);
    rig.hw.execute(channel_kind::wr, 0, 1);
    rig.hw.bank(channel_kind::wr).status |= 0x00ff'0000; // also for channels there are not
    rig.service();
    CHECK(rig.hw.bank(channel_kind::wr).status == 0);
    rig.finish();
    CHECK(t.all(outcome::done));
    CHECK(rig.driver.statistics().aborts == 0);
}

TEST_CASE("the sink of a failing transfer may push to the same channel")
{
    for (const fault f : {fault::ur, fault::bus}) {
        puppet_rig rig({.list_elements = 5});
        fail_nth(rig, channel_kind::rd, 0, 2, f);
        std::vector<transfer*> late;
        auto sink = [&](void* owner, outcome o) {
            rig.book(owner, o);
            if (o == outcome::done || late.size() >= 2 || rig.rd().space() == 0) return;
            late.push_back(&rig.book.push(rig.rd(), {9}));
            rig.rd().flush(rig.now);
        };
        rig.book.push(rig.rd(), {3});
        rig.book.push(rig.rd(), {3, 3});
        rig.rd().flush(rig.now);
        for (unsigned turns = 0; rig.rd().outstanding() != 0; ++turns) {
            REQUIRE(turns < 1000);
            rig.hw.run();
            rig.now = std::max(rig.now + 1, rig.hw.interrupting() ? 0 : rig.driver.next_deadline());
            rig.driver.service(rig.now, sink);
        }
        CHECK(!late.empty());
        for (transfer* t : late) CHECK(t->all(outcome::done));
        rig.book.check_complete();
        rig.check();
    }
}
