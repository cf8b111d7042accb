// SPDX-License-Identifier: MIT
//
// What the driver does when something is wrong: a channel that stands still, an abort, a hang. It
// never waits here: each call takes the next step and sets settle_at. A lost link is in link.cpp.
//
//   channel stands still, work pending  -> ring again
//   UR, CA, completion timeout          -> that channel's list laid anew without the owner at fault
//   local bus, list fetch, poison       -> the direction disabled, proven, every channel laid anew
//   no progress for hang_timeout        -> STOP the channel; unproven: disable the direction
//   direction not provably disabled     -> gone: nothing of it is ever trusted again
//
// Work of others that is cut short by a stop is done again from its list position: transfers
// are copies, so doing one twice is doing it once.
#include "edma/engine.hpp"
#include "log/log.hpp"

#include <algorithm>
#include <string>

namespace cf::edma {
namespace {

namespace level = spdlog::level;

/// Keeps what happened for an error report. For what goes wrong only.
void tell(level::level_enum severity, const char* what, engine_side side, channel_kind kind,
          std::initializer_list<log::field> fields = {})
{
    const std::string subject = std::string(to_string(side)) + " " + std::string(to_string(kind));
    log::event(log::part::edma, severity, what, subject, fields);
}

} // namespace

/// Decodes the error status of one channel. To be read before its abort bit is cleared, which
/// clears it too. Causes that need more care come first.
outcome engine::cause_of(bank& b, unsigned number) noexcept
{
    const std::uint32_t err_low = b.load(b.at.err_low) >> number;
    const std::uint32_t err_high = b.at.err_high != 0 ? b.load(b.at.err_high) >> number : 0;
    if ((err_low & 1u << 16) != 0) return outcome::list_fetch_error;
    if ((err_low & 1u) != 0) return outcome::local_bus_error;
    if ((err_high & 1u << 24) != 0) return outcome::data_poisoned;
    if ((err_high & 1u) != 0) return outcome::unsupported_request;
    if ((err_high & 1u << 8) != 0) return outcome::completer_abort;
    if ((err_high & 1u << 16) != 0) return outcome::completion_timeout;
    return outcome::aborted;
}

void engine::note_aborts(bank& b, std::uint32_t channels) noexcept
{
    for (std::uint32_t mask = channels; mask != 0; mask &= mask - 1) {
        const auto number = static_cast<unsigned>(std::countr_zero(mask));
        channels_[index(b.kind)][number]->cause_ = cause_of(b, number);
    }
}

/// A channel may need help. CONTROL1 tells.
void engine::attend(bank& b, channel& c, channel::look found, nanoseconds now, const outcome_sink& sink)
{
    if (b.phase != bank_phase::up || c.flow_ == channel::flow::held) { // settle() is at it
        c.look_at_ = never;
        return;
    }
    if (found == channel::look::lost) {
        // The list position is no position of the list: nobody answers, or the engine was reset.
        if (!link_lost(now, sink)) stop_bank(b, now);
        return;
    }
    ++c.statistics_.rechecks;
    const std::uint32_t control1 = c.load(reg::ch_control1);
    if (control1 == all_ones && link_lost(now, sink)) return;
    switch (status_of(control1)) {
    case channel_status::halted: return recover_halted(b, c, now, sink);
    case channel_status::running:
        c.cause_ = outcome::done; // a stale status: an aborted channel is halted
        if (now - c.progress_at_ >= options_.hang_timeout_ns / 2 && c.moves()) c.progress_at_ = now;
        if (now - c.progress_at_ < options_.hang_timeout_ns) return c.back_off(now);
        if (link_lost(now, sink)) return;
        c.hold();
        c.stopping_ = channel::stop_reason::hang;
        c.stop_by_ = never;
        return;
    case channel_status::stopped:
    case channel_status::reserved: // never started since reset
        c.cause_ = outcome::done;
        return attend_stopped(b, c, now, sink);
    }
}

void engine::attend_stopped(bank& b, channel& c, nanoseconds now, const outcome_sink& sink)
{
    const std::uint32_t bit = done_bit(c.index_);
    if ((b.register_mode & bit) != 0) {
        // Read after CONTROL1: a segment that is done has set its bit by now.
        const std::uint32_t status = b.load(b.at.int_status);
        if (status == all_ones && link_lost(now, sink)) return;
        if ((status & bit) != 0) {
            b.store(b.at.int_clear, bit);
            return visit(b, bit, bit, now, sink);
        }
    }
    if (c.published_ == c.tail_) return;
    if (now - c.progress_at_ < options_.hang_timeout_ns) return c.ring_again(now);
    if (link_lost(now, sink)) return;
    // Doorbells do not help: the engine may have lost its enable, or worse.
    c.verdict_ = outcome::timed_out;
    stop_bank(b, now);
}

/// The channel has aborted at its list position. Everything before that is done.
void engine::recover_halted(bank& b, channel& c, nanoseconds now, const outcome_sink& sink)
{
    if (link_lost(now, sink)) return; // and that is why
    ++statistics_.aborts;
    const outcome cause = c.cause_ != outcome::done ? c.cause_ : cause_of(b, c.index_);
    // No warning: it concerns one owner, who is told.
    tell(level::info, to_string(cause).data(), side(), b.kind,
         {{"channel", c.index_}, {"list_position", c.load(reg::ch_llp_low), true}});
    b.store(b.at.int_clear, abort_bit(c.index_));
    c.hold(); // what the sink pushes from here on must not reach the list that is being changed
    if ((b.register_mode & 1u << c.index_) == 0 && c.reap(now, sink) == channel::look::lost)
        return stop_bank(b, now);
    const bool at_fault = c.published_ != c.tail_; // else it failed fetching the element after the last
    if (needs_engine_restart(cause)) {
        c.verdict_ = at_fault ? cause : outcome::done;
        return stop_bank(b, now);
    }
    c.go_on(at_fault ? cause : outcome::done, now, sink);
}

void engine::settle(nanoseconds now, const outcome_sink& sink)
{
    if (down_ && try_link_at_ <= now) try_link(now, sink);
    for (bank& b : banks_) {
        if (b.settle_at > now) continue;
        b.settle_at = never;
        switch (b.phase) {
        case bank_phase::up:
            for (auto& c : channels_[index(b.kind)])
                if (b.phase == bank_phase::up) settle_channel(b, *c, now, sink);
            break;
        case bank_phase::stopping: settle_stop(b, now, sink); break;
        case bank_phase::stopped: refuse_all(b, outcome::skipped, sink); break;
        case bank_phase::down: refuse_all(b, outcome::link_down, sink); break;
        case bank_phase::gone: refuse_all(b, outcome::gone, sink); break;
        }
    }
}

/// Takes out what was dropped: at once when the engine has nothing of the channel, else by stopping
/// it when that is worth it. And takes the next step of stopping a channel, for that or for a hang.
void engine::settle_channel(bank& b, channel& c, nanoseconds now, const outcome_sink& sink)
{
    if (c.stopping_ == channel::stop_reason::none) {
        if (!c.sweep_) return;
        if (!c.worth_stopping()) {
            if (c.flow_ == channel::flow::ring) {
                c.sweep_ = false; // they run to their end
                return;
            }
            if (c.published_ != c.tail_) return; // reports stay in order
            c.flow_ = channel::flow::held;       // against what the sink may push and flush
            c.remove(outcome::done, sink);
            c.flow_ = c.home_flow_;
            return c.feed(now);
        }
        c.hold();
        c.stopping_ = channel::stop_reason::drop;
        c.stop_by_ = never;
    }
    std::uint32_t control1 = c.load(reg::ch_control1);
    if (control1 == all_ones && link_lost(now, sink)) return;
    if (c.stop_by_ == never) {
        c.stop_by_ = now + options_.stop_timeout_ns;
        if (c.stopping_ == channel::stop_reason::hang)
            tell(level::warn, "no progress", side(), b.kind,
                 {{"channel", c.index_}, {"control1", control1, true}});
        if (status_of(control1) == channel_status::running) {
            b.store(b.at.doorbell, doorbell_stop | c.index_);
            control1 = c.load(reg::ch_control1);
        }
    }
    const channel_status status = status_of(control1);
    if (status == channel_status::halted && c.cause_ == outcome::done &&
        cause_of(b, c.index_) == outcome::aborted) {
        // Halted without a cause: that is what our STOP did.
    } else if (status == channel_status::halted) {
        return recover_halted(b, c, now, sink);
    } else if (status == channel_status::running) {
        if (now < c.stop_by_) {
            b.settle_at = std::min(b.settle_at, std::min(now + options_.recheck_ns, c.stop_by_));
            return;
        }
        c.verdict_ = c.stopping_ == channel::stop_reason::hang ? outcome::timed_out : outcome::done;
        return stop_bank(b, now);
    }
    b.store(b.at.int_clear, abort_bit(c.index_)); // a STOP raises it too
    const std::uint32_t done = b.load(b.at.int_status);
    if (done == all_ones && link_lost(now, sink)) return;
    if (reap_stopped(b, c, done, now, sink) == channel::look::lost) return stop_bank(b, now);
    const bool hung = c.stopping_ == channel::stop_reason::hang && c.published_ != c.tail_ &&
                      now - c.progress_at_ >= options_.hang_timeout_ns;
    c.go_on(hung ? outcome::timed_out : outcome::done, now, sink);
}

/// Begins to disable a whole direction.
void engine::stop_bank(bank& b, nanoseconds now) noexcept
{
    if (b.phase != bank_phase::up) return;
    b.phase = bank_phase::stopping;
    tell(b.stop_requested ? level::debug : level::warn, "stopping", side(), b.kind);
    for (auto& c : channels_[index(b.kind)]) c->hold();
    b.store(b.at.engine_enable, 0);
    b.give_up_at = now + options_.stop_timeout_ns;
    b.settle_at = 0;
}

/// ENGINE_EN reads 0 once a disable has taken effect; a channel must not read running either.
bool engine::proven_stopped(bank& b) noexcept
{
    const std::uint32_t enable = b.load(b.at.engine_enable);
    if (enable == all_ones || (enable & engine_on) != 0) return false;
    for (auto& c : channels_[index(b.kind)]) {
        const std::uint32_t control1 = c->load(reg::ch_control1);
        if (control1 == all_ones || status_of(control1) == channel_status::running) return false;
    }
    return true;
}

void engine::settle_stop(bank& b, nanoseconds now, const outcome_sink& sink)
{
    if (proven_stopped(b)) return finish_stop(b, now, sink);
    if (link_lost(now, sink)) return;
    if (now < b.give_up_at) {
        b.settle_at = std::min(now + options_.recheck_ns, b.give_up_at);
        return;
    }
    b.phase = bank_phase::gone;
    tell(level::err, "not proven stopped", side(), b.kind);
    refuse_all(b, outcome::gone, sink);
}

/// What a stopped channel has finished.
channel::look engine::reap_stopped(bank& b, channel& c, std::uint32_t status, nanoseconds now,
                                   const outcome_sink& sink)
{
    const std::uint32_t bit = done_bit(c.index_);
    if ((b.register_mode & bit) == 0) return c.reap(now, sink);
    if ((status & bit) != 0 && c.published_ != c.tail_) {
        c.progress_at_ = now;
        c.report_done(1, sink);
    }
    return channel::look::fine;
}

/// The direction is proven stopped: reports what it has done, and lets it go on with the rest,
/// or refuses the rest when it is to stay stopped.
void engine::finish_stop(bank& b, nanoseconds now, const outcome_sink& sink)
{
    const std::uint32_t status = b.load(b.at.int_status);
    const std::uint32_t aborted = (status >> 16) & b.present;
    if (aborted != 0 && link_lost(now, sink)) return;
    note_aborts(b, aborted);
    if (b.stop_requested) {
        b.store(b.at.int_clear, all_int_bits);
        b.phase = bank_phase::stopped;
    } else {
        ++statistics_.engine_restarts;
        program(b); // clears the status too
        b.store(b.at.engine_enable, engine_on);
        b.phase = bank_phase::up;
    }
    b.settle_at = never;
    for (auto& c : channels_[index(b.kind)]) finish_channel(b, *c, status, now, sink);
}

void engine::finish_channel(bank& b, channel& c, std::uint32_t status, nanoseconds now,
                            const outcome_sink& sink)
{
    const std::uint64_t reported = c.tail_;
    const bool lost = reap_stopped(b, c, status, now, sink) == channel::look::lost;
    c.stopping_ = channel::stop_reason::none;
    if (b.phase == bank_phase::stopped) {
        const outcome first = c.published_ != c.tail_ ? outcome::aborted : outcome::skipped;
        return c.refuse(c.head_, first, outcome::skipped, sink);
    }
    outcome verdict = c.verdict_;
    if (lost) {
        // It was reset under us. What it had been told is in doubt, the rest it never saw.
        c.refuse(c.published_, outcome::aborted, outcome::aborted, sink);
        verdict = outcome::done;
    } else if (verdict == outcome::timed_out && c.tail_ != reported) {
        verdict = outcome::done; // it did move
    } else if (verdict == outcome::done && c.cause_ != outcome::done && c.published_ != c.tail_) {
        if (status_of(c.load(reg::ch_control1)) == channel_status::halted) {
            ++statistics_.aborts;
            verdict = c.cause_;
        }
    }
    c.go_on(verdict, now, sink);
}

void engine::refuse_all(bank& b, outcome result, const outcome_sink& sink)
{
    bool more = false;
    for (auto& c : channels_[index(b.kind)]) {
        c->hold();
        c->stopping_ = channel::stop_reason::none;
        c->refuse(c->head_, result, result, sink);
    }
    for (auto& c : channels_[index(b.kind)]) more |= c->outstanding() != 0; // pushed by the sink
    b.settle_at = more ? 0 : b.phase == bank_phase::down ? try_link_at_ : never;
}

} // namespace cf::edma
