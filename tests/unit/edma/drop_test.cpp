// SPDX-License-Identifier: MIT
//
// drop(): at every stage of a segment's life it is reported exactly once, never before the
// engine is past it, and nobody else notices.
#include "model_rig.hpp"
#include "puppet_rig.hpp"

using namespace cf;
using namespace cf::edma;
using namespace cf::edma::test;

namespace {

/// How often the driver asked an owner whether it still wants its segments: the work of drops.
unsigned asked;

/// Many transfers of ten bytes in one channel that is stopped for a thousand dropped ones. The engine is
/// beside the program, so that looking at it takes no time, and moves none of them on.
struct crowd {
    static model_spec beside()
    {
        model_spec spec = strict_model(1, 1);
        spec.engine = engine_choice::local;
        return spec;
    }
    explicit crowd(unsigned count)
        : rig(beside(), {.dropped =
                             [](const void* owner) noexcept {
                                 ++asked;
                                 return ledger::dropped(owner);
                             },
                         .drop_stop_bytes = 1000})
    {
        asked = 0;
        for (unsigned n = 0; n < count; ++n) all.push_back(&rig.book.push(rig.rd(), {10}));
        rig.rd().flush(rig.dev.now());
    }
    void drop(unsigned first, unsigned end)
    {
        for (; first < end; ++first) ledger::drop(rig.rd(), *all[first]);
    }

    model_rig rig;
    std::vector<transfer*> all;
};

} // namespace

TEST_CASE("a drop with little ahead lets the segments run to their end")
{
    puppet_rig rig;
    transfer& a = rig.book.push(rig.wr(), {10, 10});
    transfer& b = rig.book.push(rig.wr(), {10});
    rig.wr().flush(rig.now);
    ledger::drop(rig.wr(), a);
    rig.finish();
    CHECK(a.all(outcome::done));
    CHECK(b.all(outcome::done));
    CHECK(rig.wr().statistics().restarts == 0);
}

TEST_CASE("a drop with much ahead stops the channel, at every point of the walker's way")
{
    for (unsigned offset = 0; offset < 9; ++offset) {
        for (unsigned steps = 0; steps < 16; ++steps) {
            for (unsigned victim = 0; victim < 3; ++victim) {
                puppet_rig rig({}, {.drop_stop_bytes = 0});
                for (unsigned n = 0; n < offset; ++n) {
                    rig.book.push(rig.wr(), {1});
                    rig.wr().flush(rig.now);
                    rig.finish();
                }
                transfer* t[3];
                for (transfer*& x : t) x = &rig.book.push(rig.wr(), {10, 10});
                rig.wr().flush(rig.now);
                for (unsigned n = 0; n < steps; ++n) rig.hw.step(channel_kind::wr, 0);
                ledger::drop(rig.wr(), *t[victim]);
                CHECK(rig.book.reported() == offset); // nothing before the engine was asked
                transfer& after = rig.book.push(rig.wr(), {4});
                rig.wr().flush(rig.now);
                rig.service();
                rig.finish();
                for (unsigned n = 0; n < 3; ++n)
                    if (n != victim && !t[n]->all(outcome::done)) FAIL_CHECK("another transfer suffered");
                if (!after.all(outcome::done)) FAIL_CHECK("pushed later, and suffered");
                if (t[victim]->count(outcome::done) + t[victim]->count(outcome::skipped) != 2)
                    FAIL_CHECK("strange outcome");
                // What the engine has not begun is never moved for nothing.
                if (steps == 0 && victim > 0 && !t[victim]->all(outcome::skipped))
                    FAIL_CHECK("moved although dropped");
            }
        }
    }
}

TEST_CASE("what a drop costs does not grow with what is outstanding")
{
    for (const unsigned outstanding : {200u, 1000u, 4000u}) {
        crowd c(outstanding);
        c.drop(1, 2);
        CHECK(asked == 0); // what is small runs to its end

        // Many at once, as a stop request does it: one look decides to stop, one takes them out.
        c.drop(2, outstanding);
        CHECK(asked == 0);
        c.rig.until([&] { return c.rig.book.reported() >= outstanding - 1; });
        CHECK(asked <= 2 * outstanding);
        c.rig.finish();
        CHECK(c.rig.rd().statistics().restarts == 1);
        CHECK(c.all[outstanding - 1]->all(outcome::skipped));
    }
}

TEST_CASE("drops that come one by one are looked for once enough bytes have come together")
{
    crowd c(1000);
    for (unsigned n = 1; n < 100; ++n) {
        c.drop(n, n + 1);
        c.rig.driver.service(c.rig.dev.now(), c.rig.book);
    }
    CHECK(asked == 0);
    c.drop(100, 101);
    c.rig.until([&] { return c.all[100]->outcomes.size() == 1; });
    CHECK(c.all[100]->all(outcome::skipped));
    CHECK(c.rig.book.reported() < 110); // the others wait for the engine
    CHECK(asked <= 2000);
}

TEST_CASE("a drop after the end, of a stranger, twice, or before a flush")
{
    puppet_rig rig({}, {.drop_stop_bytes = 0});
    transfer& a = rig.book.push(rig.wr(), {10});
    rig.wr().flush(rig.now);
    rig.finish();
    ledger::drop(rig.wr(), a);
    rig.wr().drop(10); // nothing of it is here
    rig.service();
    CHECK(rig.driver.state() == engine_state::up);
    CHECK(rig.driver.next_deadline() == never);

    transfer& b = rig.book.push(rig.wr(), {10, 10, 10});
    transfer& c = rig.book.push(rig.wr(), {10});
    ledger::drop(rig.wr(), b); // neither is flushed
    ledger::drop(rig.wr(), b);
    rig.finish();
    CHECK(b.count(outcome::done) == 0);
    CHECK(c.all(outcome::done));
    rig.book.check_complete();
}

TEST_CASE("a drop while the channel is recovering already")
{
    puppet_rig rig({}, {.drop_stop_bytes = 0});
    rig.hw.faults = [seen = 0u](channel_kind, unsigned, const data_element&) mutable {
        return ++seen == 1 ? fault::bus : fault::none;
    };
    transfer& a = rig.book.push(rig.rd(), {10});
    transfer& b = rig.book.push(rig.rd(), {10, 10});
    transfer& c = rig.book.push(rig.rd(), {10});
    rig.rd().flush(rig.now);
    rig.hw.run();
    rig.hw.disable_delay = 3;
    rig.service();
    REQUIRE(rig.driver.state() == engine_state::recovering);
    ledger::drop(rig.rd(), b);
    rig.finish();
    CHECK(a.all(outcome::local_bus_error));
    CHECK(b.all(outcome::skipped));
    CHECK(c.all(outcome::done));
}

TEST_CASE("an element that aborts while its channel is being stopped for a drop")
{
    puppet_rig rig({}, {.drop_stop_bytes = 0});
    rig.hw.faults = [](channel_kind, unsigned, const data_element& e) {
        return e.size == 7 ? fault::cto : fault::none;
    };
    transfer& a = rig.book.push(rig.rd(), {7});
    transfer& b = rig.book.push(rig.rd(), {10, 10});
    transfer& c = rig.book.push(rig.rd(), {10});
    rig.rd().flush(rig.now);
    ledger::drop(rig.rd(), b);
    rig.hw.run(); // before the driver gets to say STOP
    REQUIRE(rig.hw.at(channel_kind::rd, 0).status == channel_status::halted);
    rig.finish();
    CHECK(a.all(outcome::completion_timeout));
    CHECK(b.all(outcome::skipped));
    CHECK(c.all(outcome::done));
}

TEST_CASE("dropping what waits behind a batch or in register mode")
{
    for (const std::uint32_t elements : {0u, 10u}) {
        puppet_rig rig({.list_elements = elements}, {.submit = submit_mode::descriptor});
        transfer& a = rig.book.push(rig.wr(), {10});
        rig.wr().flush(rig.now);
        transfer& b = rig.book.push(rig.wr(), {10, 10});
        rig.wr().flush(rig.now);
        transfer& c = rig.book.push(rig.wr(), {10});
        transfer& d = rig.book.push(rig.wr(), {10});
        rig.wr().flush(rig.now);
        ledger::drop(rig.wr(), b);
        ledger::drop(rig.wr(), d); // the one that ended its batch
        rig.service();
        CHECK(rig.book.reported() == 0); // in order, even so
        rig.finish();
        CHECK(a.all(outcome::done));
        CHECK(b.all(outcome::skipped));
        CHECK(c.all(outcome::done));
        CHECK(d.all(outcome::skipped));
        CHECK(rig.hw.at(channel_kind::wr, 0).executed == 2);
    }
}

TEST_CASE("a drop from within the sink")
{
    puppet_rig rig({.list_elements = 10}, {.moderation_bytes = 0, .drop_stop_bytes = 0});
    transfer& a = rig.book.push(rig.wr(), {10});
    transfer& b = rig.book.push(rig.wr(), {10, 10});
    transfer& c = rig.book.push(rig.wr(), {10});
    rig.wr().flush(rig.now);
    rig.hw.execute(channel_kind::wr, 0, 1);
    rig.driver.service(rig.now, [&](void* owner, outcome o) {
        rig.book(owner, o);
        if (owner == &a) ledger::drop(rig.wr(), b);
    });
    rig.finish();
    CHECK(b.all(outcome::skipped));
    CHECK(c.all(outcome::done));
}
