// SPDX-License-Identifier: MIT
//
// The scheduler where transfers wait: backlogs, leased channels, segments to channels.
#include "device/scheduler.hpp"

#include <algorithm>

namespace cf::detail {

served_channel& scheduler::channel_of(const transfer_state& t) noexcept
{
    for (served_channel& c : channels_)
        if (c.number == t.channel) return c;
    __builtin_unreachable(); // start_transfer() has checked the channel
}

/// All transfers through a lease start here, also those that are served at once.
void scheduler::enqueue(transfer_state& t) noexcept
{
    ++waiting_;
    t.queued = true;
    if (t.channel == any_channel) return shared_.push(t, next_segment(t));
    served_channel& c = channel_of(t);
    ++c.bound;
    c.waiting.push(t, next_segment(t));
}

void scheduler::forget_remaining(transfer_state& t) noexcept
{
    t.remaining = 0;
    if (!t.queued) return;
    t.queued = false;
    (t.channel == any_channel ? shared_ : channel_of(t).waiting).remove(t);
    --waiting_;
}

void scheduler::drop(const transfer_state& t) noexcept
{
    const std::uint64_t bytes = std::min(t.size, std::uint64_t{t.in_engine} * segment_bytes_);
    for (served_channel& c : channels_)
        if ((t.channels & c.bit) != 0) c.hardware.drop(bytes);
}

void scheduler::lease(served_channel& c) noexcept
{
    c.leased = true;
    c.lease_ended = false;
    c.open = false;
    share_out();
}

void scheduler::end_lease(served_channel& c) noexcept
{
    c.lease_ended = true;
    if (c.bound == 0) give_back(c);
}

void scheduler::end_bound(const transfer_state& t) noexcept
{
    served_channel& c = channel_of(t);
    if (--c.bound == 0 && c.lease_ended) give_back(c);
}

void scheduler::give_back(served_channel& c) noexcept
{
    c.leased = false;
    c.open = !c.by_lease_only;
    c.hardware.give_back();
    share_out();
}

void scheduler::share_out() noexcept
{
    const auto shared = std::ranges::count_if(channels_, [](const served_channel& c) { return c.open; });
    for (served_channel& c : channels_)
        c.ahead = !c.open ? in_engine_bytes_ : in_engine_bytes_ / static_cast<std::uint64_t>(shared);
}

transfer_state* scheduler::first_waiting() noexcept
{
    if (!shared_.empty()) return &shared_.front();
    for (served_channel& c : channels_)
        if (!c.waiting.empty()) return &c.waiting.front();
    return nullptr;
}

/// Hands one segment of the transfer whose turn it is to `c`; one that is not done waits on.
void scheduler::serve(backlog& from, served_channel& c) noexcept
{
    transfer_state& t = from.take(next_segment(from.front()));
    hand_over(t, c);
    if (t.remaining > 0) return from.push(t, next_segment(t));
    t.queued = false;
    --waiting_;
}

void scheduler::pump() noexcept
{
    if (waiting_ == 0) return;
    for (served_channel& c : channels_)
        while (!c.waiting.empty() && has_room(c)) serve(c.waiting, c);
    while (!shared_.empty()) {
        served_channel* const c = channel_with_room();
        if (!c) return;
        serve(shared_, *c);
    }
}

void scheduler::flush(std::uint64_t now_ns) noexcept
{
    for (served_channel& c : channels_) {
        if (!c.unflushed) continue;
        c.unflushed = false;
        c.hardware.flush(now_ns);
    }
}

} // namespace cf::detail
