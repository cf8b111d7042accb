// SPDX-License-Identifier: MIT
//
// The parts of a channel that are not run for every segment: feeding an engine that takes one
// batch or one segment at a time, and taking segments out and laying the list anew once the
// engine is proven stopped.
#include "edma/channel.hpp"

#include <algorithm>

namespace cf::edma {
namespace {

constexpr std::uint32_t low(std::uint64_t address) noexcept { return static_cast<std::uint32_t>(address); }
constexpr std::uint32_t high(std::uint64_t address) noexcept
{
    return static_cast<std::uint32_t>(address >> 32);
}

/// The distance between looks at a doubtful doorbell grows by this factor.
constexpr nanoseconds back_off_factor = 8;

/// A remote engine's LIE reaches nobody here; it still sets the status bit, which says who is done.
std::uint32_t wake_bit(wake_mode wake, engine_side side) noexcept
{
    switch (wake) {
    case wake_mode::interrupt: return ctl::local_int | (side == engine_side::remote ? ctl::remote_int : 0);
    case wake_mode::message: return ctl::remote_int;
    case wake_mode::poll: break;
    }
    return 0;
}

/// An engine takes its own end's memory as source on WR and as destination on RD channels.
bool near_is_source(channel_kind kind, engine_side side) noexcept
{
    return (kind == channel_kind::wr) == (side == engine_side::local);
}

} // namespace

channel::channel(bank& shared, unsigned index, const port& p, const shared_memory& list)
    : bank_(shared),
      context_(reg::channel(shared.kind, index, 0)),
      index_(index),
      wake_bit_(wake_bit(shared.options.wake, p.side)),
      moderation_(shared.options.moderation_bytes),
      near_is_source_(near_is_source(shared.kind, p.side)),
      across_link_(p.lists_across_link && list.size != 0)
{
    if (list.size != 0) {
        ring_ = list_ring(list, shared.options.list_elements, near_is_source_, p.lists_write_combined);
        slots_ = ring_.slots();
        capacity_ = slots_ - 1;
        home_flow_ = shared.options.submit == submit_mode::ring ? flow::ring : flow::batches;
    } else {
        slots_ = capacity_ = register_queue;
        home_flow_ = flow::singles;
        bank_.register_mode |= 1u << index_;
    }
    flow_ = flow::held; // until the engine starts it
    entries_ = std::make_unique<entry[]>(slots_);
}

std::uint32_t channel::slot_of(std::uint64_t position) const noexcept
{
    const auto slot = static_cast<std::uint32_t>(tail_slot_ + (position - tail_));
    return slot < slots_ ? slot : slot - slots_;
}

void channel::wrap_head() noexcept
{
    head_slot_ = 0;
    head_cycle_ ^= 1u;
    if (flow_ == flow::ring) ring_.prepare_link(head_cycle_);
}

/// The start of a batch, any segment in a flow other than ring, or the end of the room that was
/// known when the batch was started.
void channel::push_slow(std::uint64_t near, std::uint64_t far, std::uint32_t size, void* owner) noexcept
{
    assert(space() > 0 && size > 0);
    const bool start = head_ == flushed_;
    entry& e = entries_[head_slot_];
    e = {near, far, owner, size, start ? entry_starts_batch : 0};
    outstanding_bytes_ += size;
    if (flow_ == flow::ring) {
        fast_end_ = tail_ + capacity_;
        write_element(e);
    }
    advance_head();
}

/// Writes the element at the head. The start of a batch stays invisible until flush().
void channel::write_element(entry& e) noexcept
{
    std::uint32_t control = next_control(e.size);
    if ((e.flags & entry_starts_batch) != 0) {
        e.flags |= control;
        control ^= ctl::cycle;
    }
    ring_.write(head_slot_, control, e.near, e.far, e.size);
}

/// Of a batch of several. Returns what that adds to the control word of its first element, which is
/// not in the list yet.
std::uint32_t channel::spread_wakes(std::uint32_t first, std::uint32_t count) noexcept
{
    constexpr std::uint32_t wakes = 4;
    std::uint32_t of_first = 0;
    for (std::uint32_t wake = 1; wake <= wakes; ++wake) {
        const auto behind = static_cast<std::uint32_t>(std::uint64_t{count} * wake / wakes);
        if (behind == 1) of_first = wake_bit_;
        if (behind <= 1) continue;
        std::uint32_t slot = first + behind - 1;
        if (slot >= slots_) slot -= slots_;
        // The batch ends at the head: what lies in slots from there on is of the lap before.
        const std::uint32_t cycle = slot < head_slot_ ? head_cycle_ : head_cycle_ ^ ctl::cycle;
        ring_.amend(slot, cycle | wake_bit_);
    }
    return of_first;
}

// --- feeding the engine ------------------------------------------------------------------

/// The engine stands still as far as we know, with work published before it.
void channel::start_walker(nanoseconds now) noexcept
{
    ring_doorbell();
    running_ = true;
    progress_at_ = now;
    expect_progress(now);
}

/// The doorbell may have been lost: look soon. But not in descriptor mode, which is there to
/// behave as dmaengine clients do: what ends a descriptor is its interrupt, or the watchdog.
void channel::expect_progress(nanoseconds now) noexcept
{
    const engine_options& o = bank_.options;
    look_distance_ = flow_ == flow::batches ? o.watchdog_ns : o.recheck_ns;
    look_at_ = now + look_distance_;
    bank_.due(look_at_);
}

/// Something was announced that is not to be seen yet. Does not put off a look that is due earlier: what is
/// announced again and again would keep a lost doorbell from being found.
void channel::come_back_soon(nanoseconds now) noexcept
{
    const nanoseconds before = look_at_;
    expect_progress(now);
    look_at_ = std::min(look_at_, before);
    bank_.due(look_at_);
}

/// Nothing to see yet: look again, but not as soon.
void channel::back_off(nanoseconds now) noexcept
{
    const nanoseconds first = bank_.options.recheck_ns;
    look_distance_ = std::max(first, look_distance_) * back_off_factor;
    look_distance_ = std::min(look_distance_, std::max(first, bank_.options.watchdog_ns));
    look_at_ = std::min(now + look_distance_, progress_at_ + bank_.options.hang_timeout_ns);
    look_at_ = std::max(look_at_, now + 1);
    bank_.due(look_at_);
}

/// True when the segment under way has moved on since it was last asked about: TRANSFER_SIZE counts
/// down. On an engine where it does not, a segment has to be done within hang_timeout_ns.
bool channel::moves() noexcept
{
    const std::uint32_t left = load(reg::ch_size);
    const bool moved = left_of_ == tail_ && left != left_;
    left_ = left;
    left_of_ = tail_;
    return moved;
}

/// It was found standing still with work pending.
void channel::ring_again(nanoseconds now) noexcept
{
    ++statistics_.rerings;
    if (!ring_.present()) program_single(); // what was stored before may be what was lost
    ring_doorbell();
    back_off(now); // not as soon as after a first doorbell: this must not become a busy loop
}

void channel::flush_waiting(nanoseconds now) noexcept
{
    flushed_ = head_;
    if (flow_ == flow::held) bank_.settle_at = 0; // for it to be refused, if that is why
    feed(now);
}

/// Gives the engine what is next, when it is free to take it.
void channel::feed(nanoseconds now) noexcept
{
    if (published_ != tail_ || tail_ == flushed_) return;
    if (sweep_) {
        bank_.settle_at = 0;
        return;
    }
    if (flow_ == flow::batches) feed_batch(now);
    if (flow_ == flow::singles) feed_single(now);
}

/// Publishes what one flush handed over; its last segment wakes the driver.
void channel::feed_batch(nanoseconds now) noexcept
{
    std::uint64_t end = tail_ + 1;
    while (end != flushed_ && (entries_[slot_of(end)].flags & entry_starts_batch) == 0) ++end;
    std::uint32_t slot = tail_slot_;
    std::uint32_t cycle = tail_cycle_;
    std::uint32_t first_control = 0;
    for (std::uint64_t at = tail_; at != end; ++at) {
        const entry& e = entries_[slot];
        const std::uint32_t control = cycle | (at + 1 == end ? wake_bit_ : 0);
        const bool first = at == tail_;
        if (first) first_control = control;
        if (slot + 1 == slots_) ring_.prepare_link(cycle ^ 1u);
        ring_.write(slot, first ? control ^ ctl::cycle : control, e.near, e.far, e.size);
        if (++slot == slots_) {
            slot = 0;
            cycle ^= 1u;
        }
    }
    ring_.publish(tail_slot_, first_control);
    published_ = end;
    bank_.active |= 1u << index_;
    start_walker(now);
}

void channel::feed_single(nanoseconds now) noexcept
{
    program_single();
    published_ = tail_ + 1;
    bank_.active |= 1u << index_;
    start_walker(now);
}

void channel::program_single() noexcept
{
    const entry& e = entries_[tail_slot_];
    const std::uint64_t source = near_is_source_ ? e.near : e.far;
    const std::uint64_t destination = near_is_source_ ? e.far : e.near;
    // LIE even where its interrupt is masked: the done bit is the only proof of completion. One
    // that is left over must not count for this segment.
    bank_.store(bank_.at.int_clear, done_bit(index_));
    store(reg::ch_control1, ctl::local_int | wake_bit_);
    store(reg::ch_size, e.size);
    store(reg::ch_sar_low, low(source));
    store(reg::ch_sar_high, high(source));
    store(reg::ch_dar_low, low(destination));
    store(reg::ch_dar_high, high(destination));
}

// --- taking segments out -----------------------------------------------------------------

/// Nothing more goes to the engine. What it has been told already it may still do.
void channel::hold() noexcept
{
    flow_ = flow::held;
    fast_end_ = 0;
    look_at_ = never; // settle() has its own times
    bank_.settle_at = 0;
}

/// Only adds up: the table is looked through once for all that was dropped since, by
/// engine::settle(), and in a ring only when that may be enough to stop for. So a look at every
/// entry is paid for by drop_stop_bytes of dropped ones, however few each drop has.
void channel::drop(std::uint64_t bytes) noexcept
{
    unwanted_ += bytes;
    if (flow_ == flow::ring && unwanted_ < bank_.options.drop_stop_bytes) return;
    sweep_ = true;
    bank_.settle_at = 0;
}

bool channel::dropped(const entry& e) const noexcept
{
    return e.owner && bank_.options.dropped && bank_.options.dropped(e.owner);
}

/// Whether enough of what the engine would move from here on is for nothing. What it is at now
/// does not count: stopping would not spare it.
bool channel::worth_stopping() noexcept
{
    const std::uint64_t enough = std::max(bank_.options.drop_stop_bytes, std::uint64_t{1});
    if (unwanted_ < enough) return false;
    unwanted_ = 0;
    const std::uint64_t end = flow_ == flow::ring ? head_ : published_;
    for (std::uint64_t at = tail_ + 1; at < end; ++at) {
        const entry& e = entries_[slot_of(at)];
        if (dropped(e)) unwanted_ += e.size;
    }
    return unwanted_ >= enough;
}

void channel::report(const entry& e, outcome result, const outcome_sink& sink)
{
    void* const owner = e.owner;
    outstanding_bytes_ -= e.size;
    ++bank_.reported;
    ++statistics_.segments;
    ++statistics_.by_outcome[static_cast<std::size_t>(result)];
    sink(owner, result);
}

/// Takes out of the table: the first segment, with outcome `first` unless that is done, its
/// owner's others, and everything dropped. The rest closes up. Only while the engine is proven
/// not to be working on any of it. The sink may push(): flow_ is not ring, and what it pushes
/// stays.
void channel::remove(outcome first, const outcome_sink& sink)
{
    sweep_ = false;
    unwanted_ = 0;
    const std::uint64_t end = head_;
    const std::uint64_t flushed = flushed_; // the sink may flush() on: that moves it beyond end
    std::uint64_t flushed_kept = end;
    const void* failed = nullptr;
    std::uint64_t kept = tail_;
    std::uint32_t start = 0; // the start of a batch does not go with its first segment
    for (std::uint64_t at = tail_; at != head_; ++at) {
        if (at == flushed) flushed_kept = kept;
        entry e = entries_[slot_of(at)];
        e.flags |= start;
        start = e.flags & entry_starts_batch;
        if (at < end && at == tail_ && first != outcome::done) {
            failed = e.owner;
            report(e, first, sink);
        } else if (at < end && ((failed && e.owner == failed) || dropped(e))) {
            report(e, outcome::skipped, sink);
        } else {
            entries_[slot_of(kept++)] = e;
            start = 0;
        }
    }
    const std::uint64_t removed = head_ - kept;
    flushed_ = flushed_ != flushed || flushed == end ? flushed_ - removed : flushed_kept;
    head_ = kept;
    head_slot_ = slot_of(head_);
}

/// Lets a channel that is proven stopped go on without what remove() takes out.
void channel::go_on(outcome first, nanoseconds now, const outcome_sink& sink)
{
    ++statistics_.restarts;
    remove(first, sink);
    restart(now);
}

/// Reports everything up to `end`: `first` for the segment at the tail, `rest` for the others.
/// The flow is held. What the sink pushes stays.
void channel::refuse(std::uint64_t end, outcome first, outcome rest, const outcome_sink& sink)
{
    running_ = false;
    bank_.active &= ~(1u << index_);
    outcome result = first;
    for (; tail_ != end; result = rest) {
        const entry e = entries_[tail_slot_];
        advance_tail();
        published_ = std::max(published_, tail_);
        flushed_ = std::max(flushed_, tail_);
        report(e, result, sink);
    }
}

/// Lays the list anew from the tail on and lets the channel run. The channel is proven stopped,
/// and everything before its position reported.
void channel::restart(nanoseconds now) noexcept
{
    flow_ = home_flow_;
    stopping_ = stop_reason::none;
    stop_by_ = never;
    cause_ = verdict_ = outcome::done;
    left_of_ = never;
    running_ = false;
    published_ = tail_;
    bank_.active &= ~(1u << index_);
    if (ring_.present()) {
        ring_.lay(tail_slot_, tail_cycle_);
        const std::uint32_t expect = tail_cycle_ != 0 ? ctl::consumer_cycle : 0;
        store(reg::ch_control1, ctl::list_enable | expect);
        store(reg::ch_llp_low, low(ring_.address(tail_slot_)));
        store(reg::ch_llp_high, high(ring_.address(tail_slot_)));
    }
    if (flow_ != flow::ring) return feed(now);

    const std::uint64_t end = head_;
    head_ = flushed_ = tail_;
    head_slot_ = tail_slot_;
    head_cycle_ = tail_cycle_;
    until_wake_ = moderation_;
    while (head_ != end) {
        entry& e = entries_[head_slot_];
        e.flags = head_ == flushed_ ? entry_starts_batch : 0;
        write_element(e);
        advance_head();
    }
    flush(now);
}

} // namespace cf::edma
