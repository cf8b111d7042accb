// SPDX-License-Identifier: MIT
//
// device_core: the path of a transfer through the loop, from its start to its waiter being made
// ready. How a device is put together is in core_setup.cpp.
#include "device/core.hpp"

#include "log/log.hpp"
#include "runtime/virtual/clock.hpp"
#include <counterflow/error.hpp>

#include <algorithm>

namespace cf::detail {
namespace {

/// Without an interrupt nothing wakes a sleeping loop, so it gets up this often to look.
constexpr std::uint64_t look_interval_ns = 50'000;

void count_outcome(transfer_statistics& count, const transfer_state& t) noexcept
{
    if (t.error == 0) {
        ++count.completed;
        count.bytes += t.size;
    } else if (t.error == static_cast<std::uint8_t>(errc::canceled)) {
        ++count.canceled;
    } else if (t.error == static_cast<std::uint8_t>(errc::timed_out)) {
        ++count.timed_out;
    } else {
        ++count.failed;
        // No event: the one that made it fail is there already, and its caller is told.
        log::debug(log::part::device, "transfer failed kind={} bytes={} errc={}", t.kind, t.size, t.error);
    }
}

} // namespace

bool device_core::start(transfer_state& t, std::chrono::nanoseconds deadline, stop_state* stop) noexcept
{
    if (removed_) [[unlikely]] {
        t.error = static_cast<std::uint8_t>(errc::device_gone);
        return false;
    }
    if (stop) {
        if (stop->requested()) {
            t.error = static_cast<std::uint8_t>(errc::canceled);
            return false;
        }
        t.stop.self = &t;
        stop->link(t.stop, [](stop_hook& hook) noexcept {
            transfer_state& s = *static_cast<transfer_state::stopper&>(hook).self;
            s.core->fail(s, errc::canceled);
        });
    }
    if (deadline.count() > 0) [[unlikely]] {
        t.alarm.self = &t;
        t.alarm.fire = [](timer& alarm) noexcept {
            transfer_state& s = *static_cast<transfer_state::deadline&>(alarm).self;
            s.core->fail(s, errc::timed_out);
        };
        loop_.add_timer(t.alarm, loop_.now() + static_cast<std::uint64_t>(deadline.count()));
    }
    if (live_++ == 0 && options_.wake != wake_mode::interrupt) loop_.add_poller(poller_);
    ++t.memory->in_flight;
    ++counters_[t.kind].started;
    scheduler_of(t).start(t);
    loop_.defer(tick_);
    return true;
}

/// Once a tick, after the tasks that were ready have run: what they started becomes visible to
/// the engines, with one doorbell a channel at most.
void device_core::on_tick() noexcept
{
    if (simulation_) [[unlikely]]
        charge();
    const std::uint64_t now = loop_.now();
    for (scheduler& s : schedulers_) {
        s.pump();
        if (tracer_.active()) [[unlikely]] {
            const auto kind = static_cast<transfer_kind>(&s - schedulers_.data());
            tracer_.note_handed_over(kind, s, now);
        }
        s.flush(now);
    }
    if (kernel_) {
        if (kernel_->flush(kernel_sink_)) loop_.defer(tick_);
        return;
    }
    keep_watch(now);
}

/// The time that software takes for the transfers of this tick passes before the engines see them.
void device_core::charge() noexcept
{
    const std::uint64_t started = counters_[0].started + counters_[1].started;
    simulation_->compute((started - charged_) * cpu_ns_);
    charged_ = started;
}

/// Asks an engine what it has done. True when a segment was reported.
bool device_core::look(edma::engine& engine, bool interrupted, std::uint64_t now) noexcept
{
    bool progress = false;
    auto sink = [this, &progress, now](void* owner, edma::outcome outcome) noexcept {
        progress = true;
        const errc result = outcome == edma::outcome::done ? errc{} : edma::to_errc(outcome);
        segment_ended(*static_cast<transfer_state*>(owner), result, now);
    };
    if (interrupted)
        engine.service(now, sink);
    else
        engine.poll(now, sink);
    return progress;
}

void device_core::on_interrupt(edma::engine& engine) noexcept
{
    const std::uint64_t now = loop_.now();
    look(engine, true, now);
    after_look(now);
}

bool device_core::on_poll() noexcept
{
    const std::uint64_t now = loop_.now();
    bool progress = false;
    for (const auto& engine : engines_)
        if (look(*engine, false, now)) progress = true;
    after_look(now);
    return progress;
}

void device_core::on_watchdog() noexcept
{
    const std::uint64_t now = loop_.now();
    for (const auto& engine : engines_)
        if (engine->next_deadline() <= now || options_.wake != wake_mode::interrupt) look(*engine, true, now);
    after_look(now);
}

/// The system waits for this: whoever unbinds a driver does.
void device_core::on_removal() noexcept
{
    if (std::exchange(removed_, true)) return;
    stop_engines();
    attached_->let_go();
    log::event(log::part::device, spdlog::level::warn, "given back to the system", info_.spec);
}

void device_core::after_look(std::uint64_t now) noexcept
{
    // Room in the engine is given out at the end of the tick, together with what the tasks
    // resumed now will start.
    if (schedulers_[0].waiting() + schedulers_[1].waiting() > 0) loop_.defer(tick_);
    keep_watch(now);
}

/// Sees to it that the loop comes back when an engine wants to be looked at.
void device_core::keep_watch(std::uint64_t now) noexcept
{
    std::uint64_t due = edma::never;
    for (const auto& engine : engines_) due = std::min(due, engine->next_deadline());
    if (options_.wake != wake_mode::interrupt && live_ > 0) due = std::min(due, now + look_interval_ns);
    // An idle engine has nobody get up; in a simulation that would be cheap, and another course of events.
    if (due == edma::never && !simulation_) loop_.cancel_timer(watchdog_);
    if (due == edma::never || (watchdog_.armed() && watchdog_.due() <= due)) return;
    loop_.cancel_timer(watchdog_);
    loop_.add_timer(watchdog_, due);
}

/// `now` is the time of the look that found it: what ended together carries the same time.
void device_core::segment_ended(transfer_state& t, errc result, std::uint64_t now) noexcept
{
    if (tracer_.active()) [[unlikely]]
        tracer_.segment_ended(static_cast<transfer_kind>(t.kind), scheduler_of(t), result, now);
    --t.in_engine;
    if (result != errc{}) [[unlikely]]
        return fail(t, result);
    if (t.in_engine == 0 && t.remaining == 0) finish(t);
}

/// The transfer ends with `reason` unless it has failed already: at once when the engine has
/// nothing of it, else when the last of its segments has been reported.
void device_core::fail(transfer_state& t, errc reason) noexcept
{
    const bool first = t.error == 0;
    if (first) {
        t.error = static_cast<std::uint8_t>(reason);
        scheduler_of(t).forget_remaining(t);
    }
    if (t.in_engine == 0) return finish(t);
    if (!first) return;
    scheduler_of(t).drop(t);
    if (kernel_) kernel_->cancel(&t);
    loop_.defer(tick_); // dropping may have set a deadline
}

void device_core::finish(transfer_state& t) noexcept
{
    t.stop.unlink();
    if (t.alarm.armed()) loop_.cancel_timer(t.alarm);
    count_outcome(counters_[t.kind], t);
    if (simulation_) [[unlikely]]
        simulation_->note(simulation_->now(), t.size << 16 | std::uint64_t{t.kind} << 8 | t.error);
    if (t.channel != any_channel) [[unlikely]]
        scheduler_of(t).end_bound(t);
    if (--t.memory->in_flight == 0) release_if_unused(*t.memory);
    if (--live_ == 0) poller_.unlink();
    if (t.error != 0) [[unlikely]]
        remember(t);
    loop_.make_ready(t);
}

void device_core::remember(transfer_state& t) noexcept
{
    t.unasked = true;
    t.queue_prev = nullptr;
    t.queue_next = unasked_;
    if (unasked_) unasked_->queue_prev = &t;
    unasked_ = &t;
}

void device_core::forget(transfer_state& t) noexcept
{
    t.unasked = false;
    (t.queue_prev ? t.queue_prev->queue_next : unasked_) = t.queue_next;
    if (t.queue_next) t.queue_next->queue_prev = t.queue_prev;
}

} // namespace cf::detail
