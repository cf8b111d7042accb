// SPDX-License-Identifier: MIT
//
// drop(): at every stage of a segment's life it is reported exactly once, never before the
// engine is past it, and nobody else notices.
#include "puppet_rig.hpp"

using namespace cf;
using namespace cf::edma;
using namespace cf::edma::test;

TEST_CASE("a drop with little ahead lets the segments run to their end")
{
    puppet_rig rig;
    transfer& a = rig.book.push(rig.wr(), {10, 10});
    transfer& b = rig.book.push(rig.wr(), {10});
    rig.wr().flush(rig.now);
    rig.wr().drop(&a);
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
                rig.wr().drop(t[victim]);
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

TEST_CASE("a drop leaves alone what is pushed for the same owner later")
{
    puppet_rig rig({}, {.drop_stop_bytes = 0});
    transfer& a = rig.book.make(channel_kind::wr, {10, 10, 10, 10});
    const auto push = [&](std::size_t n) {
        rig.wr().push(
            {puppet::near_base + a.pieces[n].offset, puppet::far_base + a.pieces[n].offset, 10, &a});
    };
    std::vector<outcome> seen;
    auto sink = [&](void*, outcome o) { seen.push_back(o); };
    push(0);
    push(1);
    rig.wr().flush(rig.now);
    rig.wr().drop(&a);
    push(2);
    push(3);
    rig.wr().flush(rig.now);
    for (unsigned turns = 0; seen.size() < 4 && turns < 100; ++turns) {
        rig.driver.service(++rig.now, sink);
        rig.hw.run();
    }
    CHECK(seen == std::vector<outcome>{outcome::skipped, outcome::skipped, outcome::done, outcome::done});
}

TEST_CASE("a drop after the end, of a stranger, twice, or before a flush")
{
    puppet_rig rig({}, {.drop_stop_bytes = 0});
    transfer& a = rig.book.push(rig.wr(), {10});
    rig.wr().flush(rig.now);
    rig.finish();
    rig.wr().drop(&a);
    rig.wr().drop(&rig);
    CHECK(rig.driver.state() == engine_state::up);
    CHECK(rig.driver.next_deadline() == never);

    transfer& b = rig.book.push(rig.wr(), {10, 10, 10});
    transfer& c = rig.book.push(rig.wr(), {10});
    rig.wr().drop(&b); // neither is flushed
    rig.wr().drop(&b);
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
    rig.rd().drop(&b);
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
    rig.rd().drop(&b);
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
        rig.wr().drop(&b);
        rig.wr().drop(&d); // the one that ended its batch
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
        if (owner == &a) rig.wr().drop(&b);
    });
    rig.finish();
    CHECK(b.all(outcome::skipped));
    CHECK(c.all(outcome::done));
}
