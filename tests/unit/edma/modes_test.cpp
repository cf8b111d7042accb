// SPDX-License-Identifier: MIT
//
// Engines used without lists, and one batch at a time.
#include "puppet_rig.hpp"

using namespace cf;
using namespace cf::edma;
using namespace cf::edma::test;

TEST_CASE("register mode moves one segment at a time, in order, from a queue of fixed size")
{
    puppet_rig rig({.list_elements = 0});
    CHECK(rig.wr().capacity() == channel::register_queue);
    std::vector<transfer*> all;
    while (rig.wr().space() > 0) all.push_back(&rig.book.push(rig.wr(), {20}));
    CHECK(all.size() == channel::register_queue);
    CHECK(rig.hw.at(channel_kind::wr, 0).at == puppet::walker::step::idle);
    rig.wr().flush(rig.now);
    for (std::size_t n = 0; n < all.size(); ++n) {
        rig.hw.run();
        CHECK(rig.hw.at(channel_kind::wr, 0).executed == n + 1); // the next waits for the driver
        CHECK(rig.hw.interrupting());
        rig.after(1);
        CHECK(all[n]->all(outcome::done));
    }
    rig.book.check_complete();
    rig.check();
}

TEST_CASE("in register mode only a done bit proves completion")
{
    puppet_rig rig({.list_elements = 0});
    rig.hw.bank(channel_kind::wr).status = done_bit(0); // somebody's left-over
    transfer& t = rig.book.push(rig.wr(), {20});
    transfer& u = rig.book.push(rig.wr(), {20});
    rig.wr().flush(rig.now);
    rig.service();
    CHECK(rig.book.reported() == 0);
    // The doorbell is lost on the way: the channel reads stopped, as it did before.
    rig.hw.at(channel_kind::wr, 0).at = puppet::walker::step::idle;
    rig.hw.at(channel_kind::wr, 0).status = channel_status::stopped;
    rig.next();
    CHECK(rig.book.reported() == 0);
    CHECK(rig.wr().statistics().rerings == 1);
    rig.finish();
    CHECK(t.all(outcome::done));
    CHECK(u.all(outcome::done));
}

TEST_CASE("register mode in every wake mode, with interrupts lost")
{
    for (const wake_mode wake : {wake_mode::interrupt, wake_mode::message, wake_mode::poll}) {
        puppet_rig rig({.list_elements = 0}, {.wake = wake});
        for (unsigned n = 0; n < 20; ++n) rig.book.push(rig.rd(), {9});
        rig.rd().flush(rig.now);
        while (rig.book.reported() < 20) {
            rig.hw.run();
            if (wake == wake_mode::interrupt) {
                rig.next(); // deadlines only
            } else {
                ++rig.now;
                CHECK(rig.poll());
            }
        }
        rig.book.check_complete();
        rig.check();
    }
}

TEST_CASE("lists on some channels and registers on others")
{
    puppet hw({.wr = 2, .rd = 1, .list_elements = 4});
    port p = hw.port();
    p.wr_lists.resize(1); // the second WR channel has none
    engine e(p, {});
    ledger book({hw.near(), puppet::near_base, hw.far(), puppet::far_base, puppet::memory_bytes},
                engine_side::remote);
    CHECK(e.at(channel_kind::wr, 0).capacity() == 3);
    CHECK(e.at(channel_kind::wr, 1).capacity() == channel::register_queue);
    for (unsigned n = 0; n < 3; ++n)
        for (unsigned c = 0; c < 2; ++c) book.push(e.at(channel_kind::wr, c), {30});
    for (unsigned c = 0; c < 2; ++c) e.at(channel_kind::wr, c).flush(1);
    for (nanoseconds now = 2; now < 20; ++now) {
        hw.run();
        e.service(now, book);
    }
    book.check_complete();
    CHECK(hw.violations.empty());
}

TEST_CASE("descriptor mode hands over a flush at a time and starts the next from its completion")
{
    puppet_rig rig({.list_elements = 6}, {.submit = submit_mode::descriptor, .moderation_bytes = 0});
    for (unsigned lap = 0; lap < 20; ++lap) {
        transfer& a = rig.book.push(rig.wr(), {10, 10});
        rig.wr().flush(rig.now);
        transfer& b = rig.book.push(rig.wr(), {10});
        rig.wr().flush(rig.now);
        transfer& c = rig.book.push(rig.wr(), {10, 10}); // fills the list's room
        CHECK(rig.wr().space() == 0);
        const std::uint64_t before = rig.hw.at(channel_kind::wr, 0).executed;
        rig.hw.run();
        CHECK(rig.hw.at(channel_kind::wr, 0).executed == before + 2);
        rig.after(1);
        CHECK(a.all(outcome::done));
        rig.hw.run();
        CHECK(rig.hw.at(channel_kind::wr, 0).executed == before + 3);
        rig.after(1);
        CHECK(b.all(outcome::done));
        rig.hw.run();
        CHECK(rig.hw.at(channel_kind::wr, 0).executed == before + 3); // not flushed yet
        rig.wr().flush(rig.now);
        rig.finish();
        CHECK(c.all(outcome::done));
    }
    // One doorbell a batch, one interrupt a batch whatever the moderation.
    CHECK(rig.wr().statistics().doorbells == 60);
    CHECK(rig.driver.statistics().interrupts == 60);
}

TEST_CASE("a doorbell lost in descriptor mode is rung again")
{
    // Also where a channel that stands still is soon taken for one that hangs.
    const nanoseconds hang = GENERATE(engine_options{}.hang_timeout_ns, engine_options{}.watchdog_ns / 5);
    puppet_rig rig({}, {.submit = submit_mode::descriptor, .hang_timeout_ns = hang});
    for (unsigned n = 0; n < 10; ++n) {
        rig.book.push(rig.wr(), {10});
        rig.wr().flush(rig.now);
        rig.hw.execute(channel_kind::wr, 0, 1); // the walker still reads running
        rig.hw.step(channel_kind::wr, 0);
        rig.service();
    }
    rig.finish();
    CHECK(rig.hw.doorbells_lost > 0);
    CHECK(rig.wr().statistics().rerings == rig.hw.doorbells_lost);
    CHECK(rig.wr().statistics().restarts == 0);
}

TEST_CASE("an abort in descriptor mode skips the rest of its owner and goes on with the next batch")
{
    puppet_rig rig({}, {.submit = submit_mode::descriptor});
    rig.hw.faults = [](channel_kind, unsigned, const data_element& e) {
        return e.size == 7 ? fault::ca : fault::none;
    };
    transfer& a = rig.book.push(rig.rd(), {5, 7, 5});
    transfer& b = rig.book.push(rig.rd(), {5});
    rig.rd().flush(rig.now);
    transfer& c = rig.book.push(rig.rd(), {7});
    rig.rd().flush(rig.now);
    transfer& d = rig.book.push(rig.rd(), {5});
    rig.rd().flush(rig.now);
    rig.finish();
    CHECK(a.outcomes == std::vector<outcome>{outcome::done, outcome::completer_abort, outcome::skipped});
    CHECK(b.all(outcome::done));
    CHECK(c.all(outcome::completer_abort));
    CHECK(d.all(outcome::done));
}
