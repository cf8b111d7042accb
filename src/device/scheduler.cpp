// SPDX-License-Identifier: MIT
//
// The scheduler's queues: turns between priorities, turns between transfers, segments to
// channels.
#include "device/scheduler.hpp"

#include <algorithm>

namespace cf::detail {
namespace {

/// Turns a round, by priority. Every class has at least one, so none starves.
constexpr std::array<int, 3> turns{16, 4, 1};

} // namespace

transfer_queue& scheduler::queue_of(transfer_state& t) noexcept
{
    if (t.channel == any_channel) return queues_[t.priority];
    for (served_channel& c : channels_)
        if (c.number == t.channel) return c.waiting;
    __builtin_unreachable(); // start_transfer() has checked the channel
}

void scheduler::enqueue(transfer_state& t) noexcept
{
    ++waiting_;
    queue_of(t).push_back(t);
}

void scheduler::forget_remaining(transfer_state& t) noexcept
{
    t.remaining = 0;
    if (!t.queued) return;
    queue_of(t).remove(t);
    --waiting_;
}

void scheduler::drop(const transfer_state& t) noexcept
{
    const std::uint64_t bytes = std::min(t.size, std::uint64_t{t.in_engine} * segment_bytes_);
    for (served_channel& c : channels_)
        if ((t.channels & c.bit) != 0) c.hardware->drop(bytes);
}

transfer_state* scheduler::first_waiting() noexcept
{
    for (transfer_queue& queue : queues_)
        if (!queue.empty()) return &queue.front();
    for (served_channel& c : channels_)
        if (!c.waiting.empty()) return &c.waiting.front();
    return nullptr;
}

/// The queue whose turn it is, or null when nothing waits for a shared channel.
transfer_queue* scheduler::next_queue() noexcept
{
    for (int round = 0; round < 2; ++round) {
        for (std::size_t p = 0; p < queues_.size(); ++p) {
            if (queues_[p].empty() || credit_[p] == 0) continue;
            --credit_[p];
            return &queues_[p];
        }
        credit_ = turns;
    }
    return nullptr;
}

/// Hands one segment of the queue's first transfer to `c`; a transfer that is not done goes
/// to the end of its queue.
void scheduler::serve(transfer_queue& queue, served_channel& c) noexcept
{
    transfer_state& t = queue.front();
    queue.remove(t);
    hand_over(t, c);
    if (t.remaining > 0)
        queue.push_back(t);
    else
        --waiting_;
}

void scheduler::pump() noexcept
{
    if (waiting_ == 0) return;
    for (served_channel& c : channels_)
        while (!c.waiting.empty() && has_room(c)) serve(c.waiting, c);
    while (served_channel* const c = channel_with_room()) {
        transfer_queue* const queue = next_queue();
        if (!queue) return;
        serve(*queue, *c);
    }
}

void scheduler::flush(std::uint64_t now_ns) noexcept
{
    for (served_channel& c : channels_) {
        if (!c.unflushed) continue;
        c.unflushed = false;
        c.hardware->flush(now_ns);
    }
}

} // namespace cf::detail
