// SPDX-License-Identifier: MIT
//
// The user-space driver of one eDMA engine: its channels, its interrupt, and recovery when
// something goes wrong. For the device façade, and for loops written by hand.
//
// The driver does no I/O but loads and stores, and has no thread, clock, lock or allocation
// after construction: time is passed in, and every segment's outcome is passed out through a
// sink called as sink(owner, outcome). A loop around it is:
//
//   channel.push(...); channel.flush(now);
//   wait for the interrupt or until engine.next_deadline();
//   engine.service(now, sink);
//
// Everything of one engine belongs to one thread. A sink may push(), flush() and drop(), on any
// channel; it must not call service() or poll().
#pragma once

#include "edma/channel.hpp"
#include "edma/port.hpp"

#include <array>
#include <atomic>
#include <memory>
#include <vector>

namespace cf::edma {

/// What an engine can be used for. Read it as an answer to "is it safe to reuse memory whose
/// segments were reported link_down": not before the engine is `up` or `stopped` again.
enum class engine_state : std::uint8_t {
    up,         ///< it works
    recovering, ///< a direction is being stopped or restarted; segments wait
    stopped,    ///< stopped on request, and proven: it touches no memory
    link_down,  ///< nobody answers; segments are refused with outcome::link_down
    gone        ///< a direction could not be proven stopped; its segments are refused with outcome::gone
};

class engine {
public:
    /// Takes over the engine behind `p`, which must be idle or stoppable: disables it, clears it,
    /// lays the lists, enables it. Throws cf::error: link_down or device_gone when nobody
    /// answers, not_supported without channels or without what the options ask for, busy when it
    /// does not stop, bad_argument or misaligned for unusable list memory.
    engine(const port& p, const engine_options& options);
    engine(const engine&) = delete;
    engine& operator=(const engine&) = delete;

    unsigned channels(channel_kind kind) const noexcept
    {
        return static_cast<unsigned>(channels_[index(kind)].size());
    }
    channel& at(channel_kind kind, unsigned number) noexcept { return *channels_[index(kind)][number]; }
    const channel& at(channel_kind kind, unsigned number) const noexcept
    {
        return *channels_[index(kind)][number];
    }
    engine_side side() const noexcept { return port_.side; }

    /// After an interrupt, or when next_deadline() has passed: reads and clears the interrupt
    /// status, reports what is done, rings stopped channels again, recovers from aborts.
    template <class Sink>
    void service(nanoseconds now, Sink&& sink);

    /// Looks for completions without waiting for an interrupt, as cheaply as the wake mode
    /// allows; with wake_mode::message no register is touched until a message has arrived. Also
    /// does what is due. True when a segment was reported.
    template <class Sink>
    bool poll(nanoseconds now, Sink&& sink);

    /// service() or poll() must be called by then even without an interrupt. 0 = at once.
    nanoseconds next_deadline() const noexcept;

    /// Starts stopping everything. What the engine has not done is reported: aborted for the
    /// segment a channel was working on, skipped for the others, gone when no proof is had within
    /// stop_timeout_ns. Call service() until quiet().
    void stop(nanoseconds now) noexcept;
    /// After stop(): nothing more will be reported, and with state() stopped no memory is touched.
    bool quiet() const noexcept;
    /// After stop() and quiet(): works again.
    void start(nanoseconds now) noexcept;
    /// Someone knows that the link is back: do not wait for link_poll_ns to find out. The next
    /// service() starts over with the engine.
    void link_restored(nanoseconds now) noexcept;

    engine_state state() const noexcept;
    const engine_statistics& statistics() const noexcept { return statistics_; }

private:
    static constexpr std::size_t index(channel_kind kind) noexcept { return static_cast<std::size_t>(kind); }
    bool has_line() const noexcept { return port_.side == engine_side::local; }
    bool waits_for_line() const noexcept { return options_.wake == wake_mode::interrupt && has_line(); }
    bool waits_for_message_interrupt() const noexcept
    {
        return options_.wake == wake_mode::interrupt && !has_line();
    }
    /// A line that is an edge to its listener must have been low once, so status is read until
    /// nothing is left; but a flood must not keep the caller here. A message comes for every bit.
    unsigned max_status_rounds() const noexcept { return waits_for_line() ? 4 : 1; }

    // Hot path, inline below.
    template <class Sink>
    bool take_status(bank& b, nanoseconds now, Sink& sink);
    template <class Sink>
    bool take_statuses(nanoseconds now, Sink& sink);
    template <class Sink>
    void visit(bank& b, std::uint32_t mask, std::uint32_t done, nanoseconds now, Sink& sink);
    template <class Sink>
    void visit_list(bank& b, channel& c, bool announced, nanoseconds now, Sink& sink);
    template <class Sink>
    void poll_bank(bank& b, nanoseconds now, Sink& sink);
    template <class Sink>
    void watch(bank& b, nanoseconds now, Sink& sink);
    template <class Sink>
    void settle_due(nanoseconds now, Sink& sink);

    // engine.cpp
    std::uint32_t probe() const;
    void disable_at_start();
    void add_channels(bank& b, unsigned count);
    void program(bank& b) noexcept;
    void program_messages(bank& b, std::uint64_t done, std::uint64_t aborted, std::uint32_t data) noexcept;
    std::uint32_t& message_word(const bank& b, unsigned number) const noexcept;
    std::uint64_t message_address(const bank& b, unsigned number) const noexcept;
    bool take_message(const bank& b, unsigned number) const noexcept;

    // recovery.cpp
    outcome cause_of(bank& b, unsigned number) noexcept;
    void note_aborts(bank& b, std::uint32_t channels) noexcept;
    void attend(bank& b, channel& c, channel::look found, nanoseconds now, const outcome_sink& sink);
    void attend_stopped(bank& b, channel& c, nanoseconds now, const outcome_sink& sink);
    void recover_halted(bank& b, channel& c, nanoseconds now, const outcome_sink& sink);
    void settle(nanoseconds now, const outcome_sink& sink);
    void settle_channel(bank& b, channel& c, nanoseconds now, const outcome_sink& sink);
    void stop_bank(bank& b, nanoseconds now) noexcept;
    void settle_stop(bank& b, nanoseconds now, const outcome_sink& sink);
    bool proven_stopped(bank& b) noexcept;
    void finish_stop(bank& b, nanoseconds now, const outcome_sink& sink);
    channel::look reap_stopped(bank& b, channel& c, std::uint32_t status, nanoseconds now,
                               const outcome_sink& sink);
    void finish_channel(bank& b, channel& c, std::uint32_t status, nanoseconds now, const outcome_sink& sink);
    void refuse_all(bank& b, outcome result, const outcome_sink& sink);

    // link.cpp
    bool link_lost(nanoseconds now, const outcome_sink& sink);
    void try_link(nanoseconds now, const outcome_sink& sink);

    port port_;
    engine_options options_;
    engine_statistics statistics_;
    std::array<bank, 2> banks_; ///< by channel_kind
    std::array<std::vector<std::unique_ptr<channel>>, 2> channels_;
    bool down_ = false; ///< the link; both banks are in phase down, unless gone
    nanoseconds try_link_at_ = never;
};

// --- hot path ------------------------------------------------------------------------------

template <class Sink>
void engine::settle_due(nanoseconds now, Sink& sink)
{
    if (banks_[0].settle_at <= now || banks_[1].settle_at <= now) [[unlikely]]
        settle(now, outcome_sink(sink));
}

template <class Sink>
void engine::visit_list(bank& b, channel& c, bool announced, nanoseconds now, Sink& sink)
{
    channel::look found = c.reap(now, sink, announced);
    if (c.cause_ != outcome::done && found == channel::look::fine) [[unlikely]]
        found = channel::look::verify;
    if (found != channel::look::fine) [[unlikely]]
        attend(b, c, found, now, outcome_sink(sink));
    if (c.flow_ != channel::flow::ring) c.feed(now);
}

/// Looks at the channels in `mask`; `done` has those whose done bit was set.
template <class Sink>
void engine::visit(bank& b, std::uint32_t mask, std::uint32_t done, nanoseconds now, Sink& sink)
{
    for (; mask != 0 && b.phase == bank_phase::up; mask &= mask - 1) {
        const std::uint32_t bit = mask & (~mask + 1);
        channel& c = *channels_[index(b.kind)][static_cast<unsigned>(std::countr_zero(mask))];
        if ((b.register_mode & bit) == 0) [[likely]] {
            visit_list(b, c, (done & bit) != 0, now, sink);
        } else if ((done & bit) != 0 && c.published_ != c.tail_) {
            c.progress_at_ = now;
            c.running_ = false;
            b.active &= ~bit;
            c.report_done(1, sink);
            c.feed(now);
        } else if (c.cause_ != outcome::done || now >= c.look_at_) {
            attend(b, c, channel::look::verify, now, outcome_sink(sink));
        }
    }
}

/// Clears what was read, then looks: a channel that moves on in between sets its bit again. But
/// what comes while a direction is being stopped is left for finish_stop(): without a list the done
/// bit is the only proof. False when there was nothing.
template <class Sink>
bool engine::take_status(bank& b, nanoseconds now, Sink& sink)
{
    if (b.phase == bank_phase::stopping) [[unlikely]]
        return false;
    const std::uint32_t status = b.load(b.at.int_status);
    if (status == 0) return false;
    if (status == all_ones) [[unlikely]] {
        link_lost(now, outcome_sink(sink));
        return false;
    }
    const std::uint32_t aborted = (status >> 16) & b.present;
    if (aborted != 0) [[unlikely]]
        note_aborts(b, aborted);
    b.store(b.at.int_clear, status & all_int_bits);
    visit(b, (status & b.active) | aborted, status, now, sink);
    return true;
}

/// One round over both directions. Unless a bit that is left would hold the line up, a direction
/// without work is asked only when the other has nothing to say: a load can be a round trip over
/// the link.
template <class Sink>
bool engine::take_statuses(nanoseconds now, Sink& sink)
{
    bool found = false;
    for (const bool working : {true, false}) {
        for (bank& b : banks_)
            if (!down_ && (waits_for_line() ? working : (b.active != 0) == working))
                found |= take_status(b, now, sink);
        if (found) break;
    }
    return found;
}

template <class Sink>
void engine::watch(bank& b, nanoseconds now, Sink& sink)
{
    if (b.soonest > now) return;
    b.soonest = never;
    for (std::uint32_t mask = b.active; mask != 0 && b.phase == bank_phase::up; mask &= mask - 1) {
        const std::uint32_t bit = mask & (~mask + 1);
        channel& c = *channels_[index(b.kind)][static_cast<unsigned>(std::countr_zero(mask))];
        if (c.look_at_ <= now) visit(b, bit, 0, now, sink);
        if ((b.active & bit) != 0) b.due(c.look_at_);
    }
}

template <class Sink>
void engine::poll_bank(bank& b, nanoseconds now, Sink& sink)
{
    const bool aborted = options_.wake == wake_mode::message && take_message(b, 1);
    if (options_.wake == wake_mode::message && !take_message(b, 0) && !aborted) return;
    const std::uint64_t before = b.reported;
    if (aborted || (b.active & b.register_mode) != 0) take_status(b, now, sink);
    visit(b, b.active & ~b.register_mode, 0, now, sink);
    // A message ahead of the list position it announces: come back soon.
    if (options_.wake == wake_mode::message && b.reported == before) [[unlikely]]
        for (std::uint32_t mask = b.active; mask != 0; mask &= mask - 1)
            channels_[index(b.kind)][static_cast<unsigned>(std::countr_zero(mask))]->come_back_soon(now);
}

template <class Sink>
void engine::service(nanoseconds now, Sink&& sink)
{
    const bool settling = banks_[0].settle_at <= now || banks_[1].settle_at <= now;
    settle_due(now, sink);
    bool found = false;
    for (unsigned round = 0; round < max_status_rounds() && take_statuses(now, sink); ++round) found = true;
    if (found)
        ++statistics_.interrupts;
    else if (!settling && next_deadline() > now)
        ++statistics_.spurious;
    for (bank& b : banks_) {
        if (options_.wake != wake_mode::interrupt && b.active != 0) poll_bank(b, now, sink);
        watch(b, now, sink);
    }
    settle_due(now, sink);
}

template <class Sink>
bool engine::poll(nanoseconds now, Sink&& sink)
{
    const std::uint64_t before = banks_[0].reported + banks_[1].reported;
    settle_due(now, sink);
    for (bank& b : banks_) {
        if (b.active == 0) continue;
        poll_bank(b, now, sink);
        watch(b, now, sink);
    }
    settle_due(now, sink);
    return banks_[0].reported + banks_[1].reported != before;
}

} // namespace cf::edma
