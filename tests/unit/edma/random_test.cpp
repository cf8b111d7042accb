// SPDX-License-Identifier: MIT
//
// A seeded campaign of everything at once on the hand-moved engine: pushes, flushes, drops,
// micro-steps of the walkers, aborts, hangs, resets, lost interrupts and link flaps in random
// order. The ledger is the oracle; a failure names its seed, which replays it.
#include "puppet_rig.hpp"
#include "random.hpp"

#include <cstdlib>
#include <iostream>

using namespace cf;
using namespace cf::edma;
using namespace cf::edma::test;

namespace {

constexpr unsigned segments_a_seed = 200;

struct faults_of_seed {
    unsigned abort = 0, hang = 0, lost_interrupt = 0, link = 0, reset = 0; ///< one in n; 0 = never
    bool unstoppable = false;

    explicit faults_of_seed(chance& dice)
    {
        constexpr unsigned rates[] = {0, 0, 5, 30};
        abort = dice.pick(rates);
        lost_interrupt = dice.pick(rates);
        hang = dice.one_in(4) ? 60 : 0;
        link = dice.one_in(4) ? 100 : 0;
        reset = dice.one_in(8) ? 150 : 0;
        unstoppable = dice.one_in(20);
    }
};

puppet::options hardware(chance& dice)
{
    constexpr std::uint32_t lists[] = {0, 2, 3, 4, 8, 16};
    return {.wr = 1 + dice.below(3),
            .rd = 1 + dice.below(3),
            .list_elements = dice.pick(lists),
            .side = dice.one_in(2) ? engine_side::local : engine_side::remote};
}

engine_options options(chance& dice)
{
    constexpr wake_mode wakes[] = {wake_mode::interrupt, wake_mode::message, wake_mode::poll};
    constexpr std::uint32_t moderations[] = {0, 50, ~0u};
    constexpr std::uint64_t drops[] = {0, 100, engine_options::never_stop};
    return {.submit = dice.one_in(4) ? submit_mode::descriptor : submit_mode::ring,
            .wake = dice.pick(wakes),
            .moderation_bytes = dice.pick(moderations),
            .hang_timeout_ns = 1'000'000,
            .watchdog_ns = 50'000,
            .recheck_ns = 1'000,
            .stop_timeout_ns = 100'000,
            .link_poll_ns = 20'000,
            .drop_stop_bytes = dice.pick(drops)};
}

class run {
public:
    explicit run(std::uint64_t seed) : dice_(seed), rates_(dice_), rig_(hardware(dice_), options(dice_))
    {
        for (const channel_kind kind : {channel_kind::wr, channel_kind::rd})
            for (unsigned n = 0; n < rig_.driver.channels(kind); ++n)
                channels_.push_back(&rig_.driver.at(kind, n));
        rig_.hw.faults = [this](channel_kind, unsigned, const data_element&) {
            constexpr fault kinds[] = {fault::ur,  fault::ca,    fault::cto,      fault::poison,
                                       fault::bus, fault::fetch, fault::causeless};
            return calm_ || !dice_.one_in(rates_.abort) ? fault::none : dice_.pick(kinds);
        };
    }

    /// True when the ledger holds.
    bool holds()
    {
        unsigned idle = 0;
        while (rig_.book.pushed() < segments_a_seed && ++idle < 100'000) act();
        settle_down();
        if (rates_.reset != 0 || rates_.hang != 0 || rates_.link != 0)
            rig_.hw.violations.clear(); // doorbells for a dead engine
        rig_.check();
        rig_.book.check_complete();
        return rig_.book.reported() == rig_.book.pushed() && rig_.book.pushed() >= segments_a_seed;
    }
    std::uint64_t count(outcome o) const
    {
        std::uint64_t n = 0;
        for (const channel* c : channels_) n += c->statistics().by_outcome[static_cast<std::size_t>(o)];
        return n;
    }

private:
    channel& any() { return *channels_[dice_.below(channels_.size())]; }

    void push(channel& c)
    {
        if (c.space() == 0) return;
        std::vector<std::uint32_t> sizes(1 + dice_.below(4));
        for (std::uint32_t& size : sizes) size = 1 + dice_.below(60);
        if (!rates_.unstoppable && dice_.one_in(10)) dropped_.emplace_back(&c, nullptr);
        transfer& t = rig_.book.push(c, sizes);
        if (!dropped_.empty() && !dropped_.back().second) dropped_.back().second = &t;
    }

    void step()
    {
        channel& c = any();
        puppet::walker& w = rig_.hw.at(c.kind(), c.index());
        if (dice_.one_in(rates_.hang)) w.hung = w.at != puppet::walker::step::idle;
        if (w.hung && rates_.unstoppable) rig_.hw.disable_works = false;
        for (unsigned n = dice_.below(8); n != 0; --n) rig_.hw.step(c.kind(), c.index());
    }

    void serve(bool look)
    {
        auto sink = [this](void* owner, outcome o) {
            rig_.book(owner, o);
            if (calm_ || !dice_.one_in(4) || rig_.book.pushed() >= segments_a_seed) return;
            channel& c = any();
            push(c);
            if (dice_.one_in(2)) c.flush(rig_.now);
            if (dice_.one_in(4)) drop();
        };
        if (look)
            rig_.driver.poll(rig_.now, sink);
        else {
            rig_.hw.posted = 0;
            rig_.driver.service(rig_.now, sink);
        }
    }

    void drop()
    {
        if (dropped_.empty()) return;
        const auto [c, t] = dropped_.back();
        dropped_.pop_back();
        ledger::drop(*c, *t);
    }

    void act()
    {
        rig_.now += dice_.below(300);
        switch (dice_.below(10)) {
        case 0:
        case 1: push(any()); break;
        case 2: any().flush(rig_.now); break;
        case 3:
        case 4:
        case 5: step(); break;
        case 6:
            if (rig_.hw.interrupting() && !dice_.one_in(rates_.lost_interrupt)) serve(false);
            rig_.hw.posted = 0;
            break;
        case 7: serve(true); break;
        case 8:
            if (rig_.driver.next_deadline() != never) {
                rig_.now = std::max(rig_.now, rig_.driver.next_deadline());
                serve(dice_.one_in(2));
            }
            break;
        default: rare(); break;
        }
    }

    void rare()
    {
        if (dice_.one_in(3)) drop();
        if (dice_.one_in(20)) serve(false); // an interrupt for nothing
        if (dice_.one_in(rates_.lost_interrupt)) rig_.hw.words().fill(0);
        if (dice_.one_in(10)) rig_.hw.disable_delay = dice_.below(30);
        if (dice_.one_in(rates_.reset)) rig_.hw.reset();
        if (rig_.hw.link_up) {
            rig_.hw.link_up = !dice_.one_in(rates_.link);
        } else if (dice_.one_in(3)) {
            if (dice_.one_in(2)) rig_.hw.reset();
            rig_.hw.link_up = true;
        }
    }

    void settle_down()
    {
        calm_ = true;
        rig_.hw.link_up = true;
        for (channel* c : channels_) c->flush(rig_.now);
        for (unsigned turns = 0; rig_.book.reported() < rig_.book.pushed(); ++turns) {
            if (turns > 20'000) return;
            rig_.hw.run(100);
            rig_.now += 10;
            if (rig_.hw.interrupting()) serve(false);
            if (rig_.driver.next_deadline() != never)
                rig_.now = std::max(rig_.now, rig_.driver.next_deadline());
            serve(dice_.one_in(2));
        }
    }

    chance dice_;
    faults_of_seed rates_;
    puppet_rig rig_;
    std::vector<channel*> channels_;
    std::vector<std::pair<channel*, transfer*>> dropped_; ///< to be
    bool calm_ = false;
};

std::uint64_t from_environment(const char* name, std::uint64_t otherwise)
{
    const char* const text = std::getenv(name);
    return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

} // namespace

TEST_CASE("random campaign on the hand-moved engine")
{
    // One seed replays with EDMA_SEED=n, more of them run with EDMA_SEEDS=n.
    const std::uint64_t only = from_environment("EDMA_SEED", 0);
    const std::uint64_t first = only != 0 ? only : 1;
    const std::uint64_t last = only != 0 ? only : from_environment("EDMA_SEEDS", 2000);
    std::array<std::uint64_t, outcome_count> seen{};
    for (std::uint64_t seed = first; seed <= last; ++seed) {
        INFO("EDMA_SEED=" << seed);
        run r(seed);
        REQUIRE(r.holds());
        for (std::size_t n = 0; n < outcome_count; ++n) seen[n] += r.count(static_cast<outcome>(n));
    }
    // A campaign that never meets an outcome tests nothing of it.
    if (only == 0)
        for (std::size_t n = 0; n < outcome_count; ++n) {
            INFO(to_string(static_cast<outcome>(n)));
            CHECK(seen[n] > 0);
        }
}
