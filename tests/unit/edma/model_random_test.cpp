// SPDX-License-Identifier: MIT
//
// The seeded campaign on the modelled engine: random transfers, drops and waits under random
// aborts, hangs, lost and late signals, late stops and link flaps. The ledger is the oracle, the
// model's strict journal the second; a failure names its seed, which replays it.
#include "model_rig.hpp"
#include "random.hpp"

#include <cstdlib>

using namespace cf;
using namespace cf::edma;
using namespace cf::edma::test;

namespace {

constexpr unsigned segments_a_seed = 200;

model_spec machine_of(chance& dice)
{
    constexpr unsigned lanes[] = {1, 4, 16};
    model_spec spec = strict_model(dice.below(6), dice.pick(lanes));
    spec.near = dice.one_in(2) ? port_end::root_port : port_end::endpoint;
    spec.engine = dice.one_in(3) ? engine_choice::local : engine_choice::remote;
    spec.irq_ns = dice.one_in(2) ? 3'000 : 0;
    return spec;
}

engine_options options_of(chance& dice, engine_choice engine)
{
    constexpr wake_mode wakes[] = {wake_mode::interrupt, wake_mode::poll, wake_mode::message};
    constexpr std::uint32_t moderations[] = {0, 3000, ~0u};
    constexpr std::uint32_t lists[] = {2, 3, 5, 16, 0};
    constexpr std::uint64_t drops[] = {0, 2000, engine_options::never_stop};
    // A local engine's messages do not reach near memory.
    const std::size_t usable = engine == engine_choice::local ? 2 : 3;
    return {.submit = dice.one_in(4) ? submit_mode::descriptor : submit_mode::ring,
            .wake = wakes[dice.below(usable)],
            .moderation_bytes = dice.pick(moderations),
            .list_elements = dice.pick(lists),
            .hang_timeout_ns = 20'000'000,
            .watchdog_ns = 200'000,
            .recheck_ns = 2'000,
            .stop_timeout_ns = 1'000'000,
            .link_poll_ns = 100'000,
            .drop_stop_bytes = dice.pick(drops)};
}

class run {
public:
    explicit run(std::uint64_t seed)
        : dice_(seed),
          spec_(machine_of(dice_)),
          rig_(spec_, options_of(dice_, spec_.engine), !dice_.one_in(5))
    {
        for (const channel_kind kind : {channel_kind::wr, channel_kind::rd})
            for (unsigned n = 0; n < 2; ++n) channels_.push_back(&rig_.driver.at(kind, n));
        if (dice_.one_in(2)) plan_aborts();
        if (dice_.one_in(3)) plan_signals();
        if (dice_.one_in(3)) rig_.faults().late_stop({}, dice_.below(40'000));
        if (dice_.one_in(3)) rig_.faults().late_completion({}, dice_.below(10'000));
        if (dice_.one_in(6)) rig_.faults().hang({.at = target(), .survives_reset = dice_.one_in(4)});
        flaps_ = dice_.one_in(5);
        if (flaps_) rig_.expected = model::violation_kind::doorbell_while_disabled; // nobody tells of a reset
    }

    bool holds()
    {
        for (unsigned turns = 0; rig_.book.pushed() < segments_a_seed && turns < 100'000; ++turns) act();
        calm_ = true;
        rig_.dev.set_link(true);
        rig_.faults().clear();
        for (channel* c : channels_) c->flush(rig_.dev.now());
        rig_.finish();
        rig_.dev.run_until_idle(10'000);
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
    model::fault_target target()
    {
        return {.engine = {},
                .kind = dice_.one_in(2) ? channel_kind::wr : channel_kind::rd,
                .channel = dice_.below(2)};
    }
    void plan_aborts()
    {
        using model::abort_cause;
        constexpr abort_cause causes[] = {
            abort_cause::local_bus_error,   abort_cause::list_fetch_error,    abort_cause::unnamed,
            abort_cause::poisoned,          abort_cause::unsupported_request, abort_cause::completer_abort,
            abort_cause::completion_timeout};
        for (unsigned n = dice_.below(12); n != 0; --n) {
            const model::fault_target at = target();
            // Completions, and what can be wrong with them, are a matter of RD channels.
            const std::size_t possible = at.kind == channel_kind::wr ? 3 : std::size(causes);
            rig_.faults().add({.at = at,
                               .cause = causes[dice_.below(possible)],
                               .element = 1 + dice_.below(60),
                               .after_bytes = dice_.below(2000)});
        }
    }
    void plan_signals()
    {
        using effect = model::signal_fault::effect;
        constexpr effect effects[] = {effect::lose, effect::repeat, effect::delay};
        const model::signal_fault f{.engine = {},
                                    .what = dice_.pick(effects),
                                    .nth = 1 + dice_.below(4),
                                    .times = 0,
                                    .copies = 2 + dice_.below(4),
                                    .delay = dice_.below(500'000)};
        rig_.faults().interrupts(f);
        rig_.faults().messages(f);
    }

    channel& any() { return *channels_[dice_.below(channels_.size())]; }

    void push()
    {
        channel& c = any();
        if (c.space() == 0) return;
        std::vector<std::uint32_t> sizes(1 + dice_.below(4));
        for (std::uint32_t& size : sizes) size = 1 + dice_.below(2500);
        transfer& t = rig_.book.push(c, sizes);
        if (dice_.one_in(8)) dropped_.emplace_back(&c, &t);
        if (dice_.one_in(3)) c.flush(rig_.dev.now());
    }
    void drop()
    {
        if (dropped_.empty()) return;
        dropped_.back().first->drop(dropped_.back().second);
        dropped_.pop_back();
    }

    void act()
    {
        auto sink = [this](void* owner, outcome o) {
            rig_.book(owner, o);
            if (calm_ || !dice_.one_in(4) || rig_.book.pushed() >= segments_a_seed) return;
            push();
            if (dice_.one_in(4)) drop();
        };
        switch (dice_.below(8)) {
        case 0:
        case 1: push(); break;
        case 2: any().flush(rig_.dev.now()); break;
        case 3:
            if (dice_.one_in(4)) drop();
            if (dice_.one_in(6)) rig_.driver.service(rig_.dev.now(), sink); // an interrupt for nothing
            if (dice_.one_in(2)) rig_.driver.poll(rig_.dev.now(), sink);
            if (flaps_ && dice_.one_in(down_ ? 5 : 60)) {
                down_ = !down_;
                rig_.dev.set_link(!down_);
                rig_.book.lose_posted();
            }
            break;
        default: rig_.turn(sink); break;
        }
    }

    chance dice_;
    model_spec spec_;
    model_rig rig_;
    std::vector<channel*> channels_;
    std::vector<std::pair<channel*, transfer*>> dropped_; ///< to be
    bool flaps_ = false;
    bool down_ = false;
    bool calm_ = false;
};

std::uint64_t from_environment(const char* name, std::uint64_t otherwise)
{
    const char* const text = std::getenv(name);
    return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

} // namespace

TEST_CASE("model: random campaign")
{
    // One seed replays with EDMA_SEED=n, more of them run with EDMA_SEEDS=n.
    const std::uint64_t only = from_environment("EDMA_SEED", 0);
    const std::uint64_t first = only != 0 ? only : 1;
    const std::uint64_t last = only != 0 ? only : from_environment("EDMA_SEEDS", 500);
    std::array<std::uint64_t, outcome_count> seen{};
    for (std::uint64_t seed = first; seed <= last; ++seed) {
        INFO("EDMA_SEED=" << seed);
        run r(seed);
        REQUIRE(r.holds());
        for (std::size_t n = 0; n < outcome_count; ++n) seen[n] += r.count(static_cast<outcome>(n));
    }
    if (only == 0)
        for (std::size_t n = 0; n < outcome_count; ++n) {
            INFO(to_string(static_cast<outcome>(n)));
            CHECK(seen[n] > 0);
        }
}
