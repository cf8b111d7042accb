// SPDX-License-Identifier: MIT
//
// The driver on the modelled engine, with its link, its lookahead and its timing: the rules that
// the hand-moved engine's tests check one by one, on hardware that behaves as a whole. The model
// is strict, and its journal must stay empty.
#include "model_rig.hpp"

using namespace cf;
using namespace cf::edma;
using namespace cf::edma::test;
using model::abort_cause;

TEST_CASE("model: both ends, both engines, every link: bytes arrive at the right place")
{
    for (const unsigned generation : {0u, 1u, 3u, 5u}) {
        for (const port_end near : {port_end::root_port, port_end::endpoint}) {
            for (const engine_choice choice : {engine_choice::local, engine_choice::remote}) {
                for (const bool lists : {true, false}) {
                    model_spec spec = strict_model(generation);
                    spec.near = near;
                    spec.engine = choice;
                    model_rig rig(spec, {.list_elements = 5}, lists);
                    for (unsigned n = 0; n < 20; ++n) {
                        channel& w = rig.wr(n % 2);
                        channel& r = rig.rd(n % 2);
                        transfer& a = rig.book.push(w, {1 + 97 * n, 3000});
                        transfer& b = rig.book.push(r, {1 + 61 * n});
                        w.flush(rig.dev.now());
                        r.flush(rig.dev.now());
                        rig.finish();
                        CHECK(a.all(outcome::done));
                        CHECK(b.all(outcome::done));
                    }
                    rig.book.check_complete();
                }
            }
        }
    }
}

TEST_CASE("model: laps of small lists kept full")
{
    for (const std::uint32_t elements : {2u, 3u, 4u, 7u, 33u}) {
        for (const std::uint32_t size : {1u, 64u, 2000u}) {
            model_rig rig(strict_model(), {.moderation_bytes = 4000, .list_elements = elements});
            while (rig.book.pushed() < 300) {
                for (const channel_kind kind : {channel_kind::wr, channel_kind::rd}) {
                    channel& c = rig.driver.at(kind, 0);
                    while (c.space() > 0) rig.book.push(c, {size});
                    c.flush(rig.dev.now());
                }
                rig.turn(rig.book);
            }
            rig.finish();
            rig.book.check_complete();
        }
    }
}

TEST_CASE("model: a ring that never runs dry is rung once")
{
    model_rig rig(strict_model(), {.list_elements = 64});
    auto sink = [&](void* owner, outcome o) {
        rig.book(owner, o);
        if (rig.book.pushed() >= 200) return;
        rig.book.push(rig.wr(), {4096});
        rig.wr().flush(rig.dev.now());
    };
    // More than passes while the driver's loads cross the link.
    for (unsigned n = 0; n < 24; ++n) rig.book.push(rig.wr(), {4096});
    rig.wr().flush(rig.dev.now());
    while (rig.book.reported() < 176) rig.turn(sink);
    CHECK(rig.wr().statistics().doorbells == 1);
    rig.finish();
}

TEST_CASE("model: doorbells lost while a stopped walker still reads as running")
{
    for (const nanoseconds lag : {100u, 4'000u, 30'000u, 1'000'000u}) {
        model_rig rig(strict_model());
        rig.faults().late_stop({}, lag);
        for (unsigned n = 0; n < 30; ++n) {
            rig.book.push(rig.wr(), {100 + n});
            rig.wr().flush(rig.dev.now());
            rig.finish();
        }
        rig.book.check_complete();
        if (lag > 10'000)
            CHECK(rig.wr().statistics().rerings > 0); // a shorter one is over when the driver has looked
    }
}

TEST_CASE("model: positions and interrupts that show late")
{
    model_rig rig(strict_model());
    rig.faults().late_completion({}, 20'000);
    for (unsigned n = 0; n < 30; ++n) {
        rig.book.push(rig.wr(), {100});
        rig.book.push(rig.rd(), {100, 200});
        rig.wr().flush(rig.dev.now());
        rig.rd().flush(rig.dev.now());
        if (n % 3 == 0) rig.finish();
    }
    rig.finish();
    rig.book.check_complete();
}

TEST_CASE("model: a position that shows after the interrupt for it costs no watchdog period")
{
    for (const engine_choice side : {engine_choice::remote, engine_choice::local}) {
        model_spec spec = strict_model();
        spec.engine = side;
        model_rig rig(spec);
        rig.faults().late_position({}, 20'000);
        for (unsigned n = 0; n < 30; ++n) {
            const nanoseconds began = rig.dev.now();
            transfer& t = rig.book.push(n % 2 == 0 ? rig.wr() : rig.rd(), {100, 200});
            rig.wr().flush(rig.dev.now());
            rig.rd().flush(rig.dev.now());
            rig.finish();
            CHECK(t.all(outcome::done));
            CHECK(rig.dev.now() - began < 200'000);
        }
        rig.book.check_complete();
    }
}

TEST_CASE("model: interrupts lost, doubled and late")
{
    using effect = model::signal_fault::effect;
    for (const effect what : {effect::lose, effect::repeat, effect::delay}) {
        for (const std::uint64_t nth : {1u, 2u, 5u}) {
            model_rig rig(strict_model());
            rig.faults().interrupts(
                {.engine = {}, .what = what, .nth = nth, .times = 0, .copies = 5, .delay = 700'000});
            for (unsigned n = 0; n < 60; ++n) {
                channel& c =
                    rig.driver.at(n % 2 == 0 ? channel_kind::wr : channel_kind::rd, n % 3 == 0 ? 1 : 0);
                transfer& t = rig.book.push(c, {300, 300});
                c.flush(rig.dev.now());
                if (n % 4 != 0) continue;
                const nanoseconds began = rig.dev.now();
                rig.finish();
                CHECK(t.all(outcome::done));
                CHECK(rig.dev.now() - began <= 2 * engine_options{}.watchdog_ns);
            }
            rig.finish();
            rig.book.check_complete();
            CHECK(rig.faults().struck().lost + rig.faults().struck().repeated +
                      rig.faults().struck().delayed >
                  0);
        }
    }
}

TEST_CASE("model: messages instead of interrupts, also when they get lost or come late")
{
    using effect = model::signal_fault::effect;
    for (const bool lists : {true, false}) {
        for (const bool faulty : {false, true}) {
            model_rig rig(strict_model(), {.wake = wake_mode::message}, lists);
            rig.interrupts_work = false;
            rig.looks = true;
            if (faulty) {
                rig.faults().messages({.engine = {}, .what = effect::lose, .nth = 3, .times = 0});
                rig.faults().messages(
                    {.engine = {}, .what = effect::delay, .nth = 4, .times = 0, .delay = 100'000});
            }
            for (unsigned n = 0; n < 40; ++n) {
                rig.book.push(rig.wr(n % 2), {500, 1});
                rig.book.push(rig.rd(n % 2), {700});
                rig.wr(n % 2).flush(rig.dev.now());
                rig.rd(n % 2).flush(rig.dev.now());
                if (n % 5 != 0) continue;
                const nanoseconds began = rig.dev.now();
                rig.finish();
                if (!faulty) CHECK(rig.dev.now() - began < engine_options{}.watchdog_ns);
            }
            rig.finish();
            rig.book.check_complete();
            CHECK(rig.dev.take_interrupts() == 0);
        }
    }
}

TEST_CASE("model: an abort at every element, for every cause, before, within and after its bytes")
{
    struct row {
        abort_cause cause;
        outcome reported;
        bool rd_only;
    };
    constexpr row rows[] = {{abort_cause::unsupported_request, outcome::unsupported_request, true},
                            {abort_cause::completer_abort, outcome::completer_abort, true},
                            {abort_cause::completion_timeout, outcome::completion_timeout, true},
                            {abort_cause::poisoned, outcome::data_poisoned, true},
                            {abort_cause::local_bus_error, outcome::local_bus_error, false},
                            {abort_cause::list_fetch_error, outcome::list_fetch_error, false},
                            {abort_cause::unnamed, outcome::aborted, false}};
    for (const row& r : rows) {
        for (const channel_kind kind : {channel_kind::wr, channel_kind::rd}) {
            if (r.rd_only && kind == channel_kind::wr) continue;
            for (const bool lists : {true, false}) {
                for (unsigned at = 1; at <= 9; ++at) { // more than a lap of the list
                    for (const std::uint64_t bytes : {0u, 1u, 400u, 799u}) {
                        model_rig rig(strict_model(), {.list_elements = 7}, lists);
                        rig.faults().add({.at = {.engine = {}, .kind = kind, .channel = 1},
                                          .cause = r.cause,
                                          .element = at,
                                          .after_bytes = bytes});
                        channel& c = rig.driver.at(kind, 1);
                        channel& sibling = rig.driver.at(kind, 0);
                        channel& other =
                            rig.driver.at(kind == channel_kind::wr ? channel_kind::rd : channel_kind::wr, 0);
                        // Transfers of three segments; the n-th element is the (n-1)%3-th segment of one.
                        std::vector<transfer*> all, bystanders;
                        for (unsigned n = 0; n < 3; ++n) {
                            all.push_back(&rig.book.make(kind, {800, 800, 800}));
                            bystanders.push_back(&rig.book.push(sibling, {900}));
                            bystanders.push_back(&rig.book.push(other, {900}));
                        }
                        sibling.flush(0);
                        other.flush(0);
                        auto feed = [&] {
                            for (transfer* t : all)
                                if (t->outcomes.empty() || t->outcomes.back() == outcome::done)
                                    rig.book.push(c, *t);
                            c.flush(rig.dev.now());
                        };
                        feed();
                        for (unsigned turns = 0; turns < 100'000; ++turns) {
                            rig.turn(rig.book);
                            feed();
                            if (rig.driver.next_deadline() == never && c.outstanding() == 0) break;
                        }
                        rig.finish();
                        for (unsigned n = 0; n < 9; ++n) {
                            transfer& t = *all[n / 3];
                            const bool fails = n / 3 == (at - 1) / 3 && n % 3 >= (at - 1) % 3;
                            if (n % 3 >= t.outcomes.size())
                                continue; // was not even pushed: its owner had failed
                            const outcome expected = !fails                  ? outcome::done
                                                     : n % 3 == (at - 1) % 3 ? r.reported
                                                                             : outcome::skipped;
                            if (t.outcomes[n % 3] != expected)
                                FAIL_CHECK(to_string(r.reported)
                                           << " at element " << at << " after " << bytes << " bytes: segment "
                                           << n << " is " << to_string(t.outcomes[n % 3]));
                        }
                        for (const transfer* t : bystanders)
                            if (!t->all(outcome::done)) FAIL_CHECK("a bystander suffered");
                        if (rig.driver.statistics().aborts != 1) FAIL_CHECK("no abort, or more than one");
                    }
                }
            }
        }
    }
}

TEST_CASE("model: a hanging channel costs its transfer, its siblings nothing")
{
    for (const bool lists : {true, false}) {
        model_rig rig(strict_model(), {}, lists);
        rig.faults().hang({.at = {.engine = {}, .kind = channel_kind::rd, .channel = 0}});
        transfer& stuck = rig.book.push(rig.rd(0), {500, 500});
        transfer& behind = rig.book.push(rig.rd(0), {500});
        transfer& sibling = rig.book.push(rig.rd(1), {5000});
        rig.rd(0).flush(0);
        rig.rd(1).flush(0);
        rig.until([&] { return !sibling.outcomes.empty(); });
        CHECK(sibling.all(outcome::done));
        rig.faults().clear(); // what hangs already does so until it is reset
        rig.finish();
        CHECK(stuck.outcomes.at(0) == outcome::timed_out);
        CHECK(stuck.outcomes.at(1) == outcome::skipped);
        CHECK(behind.all(outcome::done));
        CHECK(rig.dev.now() < engine_options{}.hang_timeout_ns + 4 * engine_options{}.stop_timeout_ns);
    }
}

TEST_CASE("model: a hang that even a disable does not end makes the direction gone")
{
    model_rig rig(strict_model());
    rig.faults().hang({.at = {.engine = {}, .kind = channel_kind::wr, .channel = 0}, .survives_reset = true});
    transfer& stuck = rig.book.push(rig.wr(0), {500});
    transfer& sibling = rig.book.push(rig.wr(1), {50, 50});
    transfer& other_way = rig.book.push(rig.rd(1), {50});
    rig.wr(0).flush(0);
    rig.wr(1).flush(0);
    rig.rd(1).flush(0);
    rig.finish();
    CHECK(stuck.all(outcome::gone));
    CHECK(sibling.all(outcome::done)); // it was done before
    CHECK(other_way.all(outcome::done));
    CHECK(rig.driver.state() == engine_state::gone);
}

TEST_CASE("model: stop at every event of a transfer, unmap, and start again")
{
    for (const bool lists : {true, false}) {
        for (unsigned events = 0; events < 60; ++events) {
            model_rig rig(strict_model(1, 1), {}, lists);
            transfer& a = rig.book.push(rig.wr(), {3000, 3000});
            rig.book.push(rig.rd(1), {3000});
            rig.wr().flush(0);
            rig.rd(1).flush(0);
            for (unsigned n = 0; n < events && rig.book.reported() < 3; ++n) rig.turn(rig.book);
            rig.driver.stop(rig.dev.now());
            rig.until([&] { return rig.driver.quiet(); });
            CHECK(rig.driver.state() == engine_state::stopped);
            for (const outcome o : a.outcomes)
                CHECK((o == outcome::done || o == outcome::aborted || o == outcome::skipped));
            rig.dev.run_until_idle();
            rig.check(); // nothing was touched after its report
            rig.driver.start(rig.dev.now());
            transfer& c = rig.book.push(rig.wr(), {3000});
            rig.wr().flush(rig.dev.now());
            rig.finish();
            CHECK(c.all(outcome::done));
            rig.book.check_complete();
        }
    }
}

TEST_CASE("model: drop at every event of a transfer")
{
    for (const std::uint64_t stop_bytes : {std::uint64_t{0}, engine_options::never_stop}) {
        for (unsigned events = 0; events < 60; ++events) {
            model_spec spec = strict_model(1, 1);
            spec.link.tags = 2; // or all of it is asked for before a stop has crossed the link
            model_rig rig(spec, {.drop_stop_bytes = stop_bytes});
            transfer& a = rig.book.push(rig.rd(), {1000});
            transfer& b = rig.book.push(rig.rd(), {3000, 3000, 3000});
            transfer& c = rig.book.push(rig.rd(), {1000});
            rig.rd().flush(0);
            for (unsigned n = 0; n < events && b.outcomes.size() < 3; ++n) rig.turn(rig.book);
            ledger::drop(rig.rd(), b);
            rig.finish();
            CHECK(a.all(outcome::done));
            CHECK(c.all(outcome::done));
            CHECK(b.count(outcome::done) + b.count(outcome::skipped) == 3);
            if (events == 0) CHECK(b.count(outcome::skipped) == (stop_bytes == 0 ? 3 : 0));
        }
    }
}

TEST_CASE("model: descriptor mode pays the restart that the ring does not")
{
    const auto time = [](submit_mode submit) {
        model_spec spec = strict_model();
        spec.irq_ns = 20'000;
        model_rig rig(spec, {.submit = submit});
        for (unsigned n = 0; n < 50; ++n) {
            rig.book.push(rig.wr(), {4096});
            rig.wr().flush(0);
        }
        rig.finish();
        return rig.dev.now();
    };
    const nanoseconds ring = time(submit_mode::ring);
    const nanoseconds descriptor = time(submit_mode::descriptor);
    CHECK(descriptor > ring + 49 * 20'000);
    CHECK(descriptor < ring + 51 * 25'000); // and some five register accesses across the link
}

TEST_CASE("model: two engines, each pushing with its own WR channels")
{
    model_spec spec = strict_model();
    spec.engine = engine_choice::both;
    model::stepped dev(spec);
    REQUIRE(dev.engines().size() == 2);
    std::vector<std::byte> near(1 << 20);
    const std::uint64_t address = dev.map(near.data(), near.size());
    for (unsigned n = 0; n < 2; ++n) {
        const port& p = dev.engines()[n];
        ledger book({near.data(), address, dev.far_memory().data(), dev.windows()[0].address_for(p.side),
                     near.size()},
                    p.side);
        engine driver(p, {});
        transfer& t = book.push(driver.at(channel_kind::wr, 1), {5000, 5000});
        CHECK(t.near_to_far == (p.side == engine_side::local));
        driver.at(channel_kind::wr, 1).flush(dev.now());
        dev.run_until_idle();
        CHECK(dev.take_interrupts(n) >= 1);
        CHECK(dev.take_interrupts(1 - n) == 0);
        driver.service(dev.now(), book);
        CHECK(t.all(outcome::done));
        book.check_complete();
    }
    CHECK(dev.violations().count() == 0);
}
