// SPDX-License-Identifier: MIT
//
// Nothing wrong: laps of the ring, room, the mapping of near and far, taking over an engine, and
// when doorbells are rung.
#include "puppet_rig.hpp"

#include <counterflow/error.hpp>

using namespace cf;
using namespace cf::edma;
using namespace cf::edma::test;

namespace {

errc refusal(puppet& hw, const engine_options& o = {}, bool messages = true)
{
    try {
        port p = hw.port();
        if (!messages) {
            p.completion_word = {};
            p.message_interrupt.reset();
        }
        engine e(p, o);
    } catch (const error& e) {
        return static_cast<errc>(e.code().value());
    }
    return errc{};
}

} // namespace

TEST_CASE("many laps of lists of every size, at every depth")
{
    for (std::uint32_t elements = 2; elements <= 9; ++elements) {
        for (std::size_t depth = 1; depth < elements; ++depth) {
            puppet_rig rig({.wr = 1, .rd = 1, .list_elements = elements});
            REQUIRE(rig.wr().capacity() == elements - 1);
            for (unsigned lap = 0; lap < 6 * elements; ++lap) {
                for (std::size_t n = 0; n < depth; ++n) {
                    rig.book.push(rig.wr(), {1 + lap % 7});
                    rig.book.push(rig.rd(), {3});
                }
                rig.wr().flush(rig.now);
                rig.rd().flush(rig.now);
                rig.finish();
            }
            rig.book.check_complete();
            CHECK(rig.wr().statistics().segments == 6 * elements * depth);
            CHECK(rig.hw.at(channel_kind::wr, 0).executed == 6 * elements * depth);
            CHECK(rig.driver.statistics().spurious == 0);
        }
    }
}

TEST_CASE("a ring kept full while it runs")
{
    for (const std::uint32_t elements : {2u, 3u, 5u, 8u}) {
        puppet_rig rig({.wr = 1, .rd = 1, .list_elements = elements});
        for (unsigned n = 0; n < 300; ++n) {
            while (rig.wr().space() > 0) rig.book.push(rig.wr(), {2, 5});
            CHECK(rig.wr().outstanding() == rig.wr().capacity());
            rig.wr().flush(rig.now);
            rig.hw.execute(channel_kind::wr, 0, 1 + n % elements);
            rig.after(10);
        }
        // One doorbell starts the ring, and one whenever it was found standing still.
        rig.finish();
        CHECK(rig.wr().statistics().segments == rig.book.pushed());
    }
}

TEST_CASE("room and outstanding bytes follow what is pushed and reported")
{
    puppet_rig rig({.wr = 1, .rd = 0, .list_elements = 4});
    CHECK(rig.driver.channels(channel_kind::wr) == 1);
    CHECK(rig.driver.channels(channel_kind::rd) == 0);
    CHECK(rig.wr().space() == 3);
    rig.book.push(rig.wr(), {100});
    rig.book.push(rig.wr(), {11});
    CHECK(rig.wr().space() == 1);
    CHECK(rig.wr().outstanding() == 2);
    CHECK(rig.wr().outstanding_bytes() == 111);
    CHECK(rig.driver.next_deadline() == never); // nothing is the engine's before a flush
    rig.wr().flush(rig.now);
    CHECK(rig.driver.next_deadline() != never);
    rig.hw.execute(channel_kind::wr, 0, 1);
    rig.poll();
    CHECK(rig.wr().outstanding_bytes() == 11);
    rig.finish();
    CHECK(rig.wr().outstanding_bytes() == 0);
    CHECK(rig.driver.next_deadline() == never); // idle: nobody needs to wake up
}

TEST_CASE("near and far reach the right ends for local and remote engines")
{
    // The puppet notes every element whose source or destination is at the wrong end.
    for (const engine_side side : {engine_side::local, engine_side::remote}) {
        for (const std::uint32_t elements : {0u, 5u}) {
            puppet_rig rig({.list_elements = elements, .side = side});
            transfer& w = rig.book.push(rig.wr(), {64, 1});
            transfer& r = rig.book.push(rig.rd(1), {7});
            CHECK(w.near_to_far == (side == engine_side::local));
            CHECK(r.near_to_far == (side == engine_side::remote));
            rig.wr().flush(rig.now);
            rig.rd(1).flush(rig.now);
            rig.finish();
            CHECK(w.all(outcome::done));
            CHECK(r.all(outcome::done));
        }
    }
}

TEST_CASE("one doorbell starts a ring, and none is rung while it runs")
{
    puppet_rig rig;
    rig.book.push(rig.wr(), {8});
    rig.wr().flush(rig.now);
    for (unsigned n = 0; n < 40; ++n) {
        rig.book.push(rig.wr(), {8});
        rig.wr().flush(rig.now);
        rig.hw.execute(channel_kind::wr, 0, 1);
        rig.after(1);
        CHECK(rig.wr().outstanding() == 1);
    }
    CHECK(rig.wr().statistics().doorbells == 1);
    CHECK(rig.hw.doorbells_lost == 0);
    rig.finish();
}

TEST_CASE("a flush with nothing pushed does nothing")
{
    puppet_rig rig;
    const std::uint64_t before = rig.hw.accesses;
    rig.wr().flush(rig.now);
    CHECK(rig.hw.accesses == before);
    CHECK(rig.driver.next_deadline() == never);
}

TEST_CASE("pushes and flushes from within the sink")
{
    puppet_rig rig({.wr = 1, .rd = 1, .list_elements = 4});
    unsigned left = 500;
    auto again = [&](void* owner, outcome o) {
        rig.book(owner, o);
        if (left == 0) return;
        --left;
        rig.book.push(rig.wr(), {4});
        rig.wr().flush(rig.now);
    };
    for (unsigned n = 0; n < 3; ++n) rig.book.push(rig.wr(), {4});
    rig.wr().flush(rig.now);
    for (unsigned turns = 0; rig.book.reported() < 503; ++turns) {
        REQUIRE(turns < 10'000);
        rig.hw.execute(channel_kind::wr, 0, 1 + turns % 3);
        if (turns % 5 == 0) rig.hw.run();
        ++rig.now;
        if (rig.hw.interrupting())
            rig.driver.service(rig.now, again);
        else if (rig.driver.next_deadline() <= rig.now + 5000)
            rig.driver.service(rig.now += 5000, again);
    }
    rig.book.check_complete();
    rig.check();
}

TEST_CASE("an engine is taken over whatever was left in it")
{
    for (const engine_side side : {engine_side::local, engine_side::remote}) {
        puppet hw({.side = side});
        auto& wr = hw.bank(channel_kind::wr);
        wr.status = 0x00ff'00ff;
        wr.enable = engine_on;
        hw.disable_delay = 100;
        engine e(hw.port(), {});
        CHECK(e.state() == engine_state::up);
        CHECK(wr.enable == engine_on);
        CHECK(wr.status == 0);
        if (side == engine_side::local) {
            CHECK(wr.mask == 0x00fc'00fc); // only what exists may interrupt
            CHECK(wr.err_enable == 0x0003'0000);
            CHECK(wr.done_address == 0);
        } else {
            CHECK(wr.mask == all_int_bits); // its line ends at the far end
            CHECK(wr.err_enable == 0x0003'0003);
            CHECK(wr.done_address == puppet::interrupt.address);
            CHECK(wr.abort_address == puppet::interrupt.address);
            for (const std::uint32_t pair : wr.data) CHECK(pair == puppet::interrupt.data * 0x1'0001u);
        }
    }
}

TEST_CASE("an engine that cannot be used is refused with its reason")
{
    {
        puppet hw({.wr = 2, .rd = 2, .side = engine_side::remote});
        hw.link_up = false;
        CHECK(refusal(hw) == errc::link_down);
    }
    {
        puppet hw({.wr = 2, .rd = 2, .side = engine_side::local});
        hw.present = false;
        CHECK(refusal(hw) == errc::device_gone);
    }
    {
        puppet hw({.wr = 0, .rd = 0});
        CHECK(refusal(hw) == errc::not_supported);
    }
    {
        puppet hw({.wr = 9, .rd = 0});
        CHECK(refusal(hw) == errc::not_supported);
    }
    {
        puppet hw;
        hw.bank(channel_kind::rd).enable = engine_on;
        hw.disable_works = false;
        CHECK(refusal(hw) == errc::busy);
    }
    puppet hw;
    CHECK(refusal(hw, {.wake = wake_mode::message}, false) == errc::not_supported);
    CHECK(refusal(hw, {.wake = wake_mode::interrupt}, false) == errc::not_supported);
    CHECK(refusal(hw, {.wake = wake_mode::poll}, false) == errc{});
    CHECK(refusal(hw, {.list_elements = 1}) == errc::bad_argument);
    CHECK(refusal(hw, {.recheck_ns = 0}) == errc::bad_argument);
    CHECK(refusal(hw) == errc{});
}

TEST_CASE("outcomes map to the library's errors")
{
    CHECK(to_errc(outcome::done) == errc{});
    CHECK(to_errc(outcome::gone) == errc::device_gone);
    CHECK(to_errc(outcome::skipped) == errc::canceled);
    CHECK(to_errc(outcome::timed_out) == errc::timed_out);
    for (std::size_t n = 1; n < outcome_count; ++n) CHECK(to_errc(static_cast<outcome>(n)) != errc{});
    CHECK(to_string(outcome::gone) == "gone");
    CHECK(to_string(outcome::completion_timeout) == "completion_timeout");
}
