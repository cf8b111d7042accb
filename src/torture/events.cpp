// SPDX-License-Identifier: MIT
//
// What goes wrong in a campaign, and which outcomes it explains.
#include "torture/campaign.hpp"

#include "torture/chance.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <stop_token>

namespace cf::torture {
namespace {

using std::chrono::nanoseconds;

/// Longer than a packet is on its way over any link.
constexpr std::uint64_t on_link_ns = 5'000;

model::fault_target any_target(std::uint64_t dice)
{
    model::fault_target at;
    if (dice % 2 != 0) at.kind = dice % 4 == 1 ? channel_kind::wr : channel_kind::rd;
    if (dice % 3 != 0) at.channel = static_cast<unsigned>(dice / 16 % 4);
    return at;
}

/// How an await ends.
template <class A>
task<std::error_code> outcome_of(A what)
{
    auto done = co_await as_result(std::move(what));
    co_return done ? std::error_code() : done.error().code;
}

model::signal_fault signals(model::signal_fault::effect what, const event& e)
{
    return {.what = what,
            .nth = 1 + e.a % 3,
            .times = 1 + e.b % 20,
            .copies = 2 + static_cast<unsigned>(e.c % 7),
            .delay = 1 + e.c % 50'000};
}

} // namespace

/// Up to some 20 us, which is a few transfers.
nanoseconds campaign::some_time(std::uint64_t dice) { return nanoseconds(chance(dice).spread(20'000)); }

/// Everything that the plan has for the moment before this transfer.
void campaign::strike(std::uint64_t number)
{
    if (calm_at_ != 0 && number >= calm_at_ && hardware_) {
        hardware_->injected().clear();
        calm_at_ = 0;
    }
    if (close_at_ != 0 && number >= close_at_ && dev_) close();
    for (; next_event_ < plan_.events.size() && plan_.events[next_event_].at <= number; ++next_event_) {
        const event& e = plan_.events[next_event_];
        if (!dev_) continue; // this task has just closed it
        ++found_.faults[static_cast<std::size_t>(e.what)];
        switch (e.what) {
        case fault::cancel:
        case fault::deadline:
        case fault::bad_request:
        case fault::lease: special_.push_back(e); break;
        case fault::close: close(); break;
        case fault::corruption:
            hardware_->far_memory()[e.a % hardware_->far_memory().size()] ^= std::byte{0x55};
            break;
        case fault::unplug:
            take_link_down();
            close_at_ = number + e.lasts;
            break;
        case fault::link_down:
            take_link_down();
            bring_link_back(100 + e.a % 300'000);
            break;
        default: strike_hardware(e); calm_at_ = std::max(calm_at_, number + e.lasts);
        }
    }
}

void campaign::strike_hardware(const event& e)
{
    using effect = model::signal_fault::effect;
    model::faults& now = hardware_->injected();
    const model::fault_target at = any_target(e.a);
    const std::uint64_t lag = 1 + e.b % 30'000;
    const auto disturb = [&](effect what) {
        now.interrupts(signals(what, e));
        now.messages(signals(what, e));
    };
    switch (e.what) {
    case fault::abort:
        return now.add({.at = at,
                        .cause = static_cast<model::abort_cause>(e.b % 6),
                        .element = 1 + e.c % 4,
                        .after_bytes = e.c / 4 % 3000});
    case fault::lost_interrupt: return disturb(effect::lose);
    case fault::repeated_interrupt: return disturb(effect::repeat);
    case fault::late_interrupt: return disturb(effect::delay);
    case fault::late_start: return now.late_start(at, lag);
    case fault::late_stop: return now.late_stop(at, lag);
    case fault::late_completion: return now.late_completion(at, lag);
    case fault::late_position: return now.late_position(at, lag);
    case fault::hang:
        // An engine that not even a reset brings back is lost: the device is opened anew, later.
        if (e.b % 8 == 0) close_at_ = started_ + e.lasts;
        return now.hang({.at = at, .survives_reset = e.b % 8 == 0});
    default: return;
    }
}

/// Takes with it what is on its way.
void campaign::take_link_down()
{
    hardware_->set_link(false);
    for (worker& w : workers_)
        if (w.left_at != 0 && loop_.now() - w.left_at <= on_link_ns) take_back(w);
    link_lost_at_ = loop_.now();
}

/// What a near engine has written last may not have arrived.
void campaign::take_back(worker& w) { w.far.maybe_from(w.replaced_at, w.replaced.size(), w.replaced, 0); }

void campaign::bring_link_back(std::uint64_t after_ns)
{
    scope_->spawn([](campaign& self, std::uint64_t ns) -> task<> {
        const model::simulated* const this_one = self.hardware_;
        const std::uint64_t epoch = self.epochs_;
        co_await sleep_for(nanoseconds(static_cast<std::int64_t>(ns)));
        if (self.epochs_ == epoch && self.hardware_ == this_one && self.close_at_ == 0 && self.hardware_)
            self.hardware_->set_link(true);
    }(*this, after_ns));
}

/// Awaits the transfer in the way that is special about it.
task<std::error_code> campaign::awaited(const move& m)
{
    if (m.is(fault::cancel)) return canceled(m);
    if (m.is(fault::lease)) return leased(m);
    return outcome_of(made(m));
}

/// Through a channel of its own, where it can be had.
task<std::error_code> campaign::leased(const move& m)
{
    std::optional<channel_lease>& mine = leases_[m.index];
    try {
        const auto& channels = dev_->info().channels;
        const auto wanted = static_cast<unsigned>(m.special->a % channels.size());
        if (channels[wanted].serves == m.kind) mine.emplace(dev_->lease(wanted));
    } catch (const error& busy) {
        if (busy.code() != errc::busy) throw;
    }
    const std::error_code code = co_await outcome_of(mine ? made(m, *mine) : made(m));
    if (!leases_.empty()) mine.reset(); // else the device was closed, and the lease before it
    co_return code;
}

task<std::error_code> campaign::canceled(const move& m)
{
    const nanoseconds limit = some_time(m.special->b);
    switch (m.special->a % 4) {
    case 0: return outcome_of(timeout(limit, made(m)));
    case 1:
        return [](campaign& self, const move& raced, nanoseconds after) -> task<std::error_code> {
            // It starts its branches a little later, when the device may be closed.
            const auto late = [](campaign& of, const move& started) -> task<std::size_t> {
                if (!of.dev_) throw error(errc::device_gone, "closed before it started");
                co_return co_await of.made(started);
            };
            auto first = co_await as_result(when_any(late(self, raced), sleep_for(after)));
            if (!first) co_return first.error().code;
            co_return first->index == 1 ? make_error_code(errc::canceled) : std::error_code();
        }(*this, m, limit);
    case 2: { // before it starts
        std::stop_source asked;
        asked.request_stop();
        return outcome_of(with_stop(asked.get_token(), made(m)));
    }
    default: { // twice, while it runs or after
        std::stop_source asked;
        scope_->spawn([](std::stop_source source, nanoseconds after) -> task<> {
            co_await sleep_for(after);
            source.request_stop();
            source.request_stop();
        }(asked, limit));
        return outcome_of(with_stop(asked.get_token(), made(m)));
    }
    }
}

/// A transfer that cannot be: nothing of it may happen.
task<std::error_code> campaign::refused(const move& m)
{
    constexpr auto far_away = std::numeric_limits<std::uint64_t>::max();
    const std::uint64_t dice = m.special->a;
    const buffer& memory = buffers_[plan_.tasks + m.index];
    const window ram = dev_->window("ram");
    const auto attempt = [&](buffer_slice slice, window_place place) {
        return m.kind == transfer_kind::write ? dev_->write(slice, place) : dev_->read(slice, place);
    };
    const std::array<transfer, 6> bad{
        attempt(memory.slice(m.near, 0), ram.at(0)),
        attempt(memory.slice(0, m.size), ram.at(ram.size() - m.size + 1 + dice % 5000)),
        attempt(memory.slice(0, m.size), ram.at(far_away - dice % m.size)),
        attempt(memory.slice(memory.size() - m.size + 1, m.size), ram.at(0)),
        attempt(memory.slice(m.near, static_cast<std::size_t>(far_away - dice % plan_.share)), ram.at(0)),
        attempt(memory.slice(0, m.size), window_place{}),
    };
    co_return co_await outcome_of(bad[dice % bad.size()]);
}

/// Whether something in the plan is a reason for this outcome.
bool campaign::explained(const move& m, std::error_code code) const
{
    const auto planned = [&](std::initializer_list<fault> any) {
        return std::ranges::any_of(plan_.events,
                                   [&](const event& e) { return std::ranges::count(any, e.what) != 0; });
    };
    if (m.is(fault::bad_request))
        return code == errc::zero_length || code == errc::out_of_range || code == errc::no_such_window;
    if (!code) return true;
    switch (static_cast<errc>(code.value())) {
    case errc::canceled: return m.is(fault::cancel);
    case errc::timed_out: return m.is(fault::deadline) || m.is(fault::cancel) || planned({fault::hang});
    case errc::link_down: return planned({fault::link_down, fault::unplug});
    case errc::device_gone: return planned({fault::close, fault::unplug, fault::hang});
    case errc::unsupported_request:
    case errc::completer_abort:
    case errc::completion_timeout:
    case errc::data_poisoned:
    case errc::local_bus_error:
    case errc::list_fetch_error:
    case errc::aborted: return planned({fault::abort, fault::link_down, fault::unplug}); // a near engine's
    default: return false;
    }
}

} // namespace cf::torture
