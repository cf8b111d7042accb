// SPDX-License-Identifier: MIT
//
// One hardware channel: the segments handed to it, in order, and how they reach the engine.
// For the device façade and for loops written by hand: push() segments, flush() once, and the
// engine's service() or poll() reports each of them exactly once.
//
// Segments live in a table with one entry a list slot, between counters that only grow:
//
//   tail_ <= published_ <= flushed_ <= head_
//   [tail_, published_)     the engine may be reading or moving them
//   [published_, flushed_)  flushed, but waiting for the channel to be free
//   [flushed_, head_)       pushed only
//
// In ring flow push() writes elements straight into the list, all of them valid but the first
// of a batch, whose control word is kept back: flush() publishes a whole batch with that one
// store. So the engine can run out of work, and stop, only between batches, and the last element
// of each wakes the driver: whenever the engine is inside a batch, an interrupt is certain to
// come. Only where it is found at the start of one has CONTROL1 to tell whether it still runs.
// In the other flows segments wait in the table until the channel is free for them.
#pragma once

#include "edma/bank.hpp"
#include "edma/ring.hpp"

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace cf::edma {

/// A contiguous piece of a transfer. Addresses as the engine uses them.
struct segment {
    std::uint64_t near;
    std::uint64_t far;
    std::uint32_t size; ///< bytes, 1 .. 2^32-1
    /// Comes back with the outcome. When a segment fails, those behind it in this channel with
    /// the same owner are skipped; a null owner stands alone.
    void* owner;
};

class channel {
public:
    /// Segments a channel in register mode can queue.
    static constexpr std::uint32_t register_queue = 64;

    channel(bank& shared, unsigned index, const port& p, const shared_memory& list);
    channel(const channel&) = delete;
    channel& operator=(const channel&) = delete;

    unsigned index() const noexcept { return index_; }
    channel_kind kind() const noexcept { return bank_.kind; }
    /// How many segments push() takes now.
    std::size_t space() const noexcept { return capacity_ - outstanding(); }
    std::size_t capacity() const noexcept { return capacity_; }
    /// False in register mode.
    bool has_list() const noexcept { return ring_.present(); }
    /// Segments pushed and not yet reported, and their bytes.
    std::size_t outstanding() const noexcept { return static_cast<std::size_t>(head_ - tail_); }
    std::uint64_t outstanding_bytes() const noexcept { return outstanding_bytes_; }
    const channel_statistics& statistics() const noexcept { return statistics_; }

    /// Appends a segment. Precondition: space() > 0, size > 0. Takes effect at the latest with
    /// the next flush(). Never fails: when the engine is not usable the segment is reported so.
    void push(const segment& s) noexcept
    {
        if (head_ >= fast_end_) [[unlikely]]
            return push_slow(s.near, s.far, s.size, s.owner);
        entries_[head_slot_] = {s.near, s.far, s.owner, s.size, 0};
        outstanding_bytes_ += s.size;
        ring_.write(head_slot_, next_control(s.size), s.near, s.far, s.size);
        advance_head();
    }

    /// Everything pushed so far is the engine's, and the last of it will wake the driver. Rings
    /// the doorbell only if the channel is known to have stopped.
    void flush(nanoseconds now) noexcept
    {
        if (head_ == flushed_) return;
        if (flow_ != flow::ring) [[unlikely]]
            return flush_waiting(now);
        publish_batch();
        bank_.active |= 1u << index_;
        if (!running_) start_walker(now);
    }

    /// An owner with at most `bytes` here does not want them moved any more: from now on
    /// options.dropped() is true of it. Those of its segments that the engine cannot have reached
    /// are skipped, or not, as options.drop_stop_bytes says; each is still reported exactly once,
    /// and only when the engine is past it. Takes the same time however much is outstanding.
    void drop(std::uint64_t bytes) noexcept;

private:
    friend class engine;

    struct entry {
        std::uint64_t near;
        std::uint64_t far;
        void* owner;
        std::uint32_t size;
        std::uint32_t flags;
    };
    // In `flags`. The start of a batch also keeps the control word of its element there, which
    // leaves this bit free, for it is stored in the list only by flush().
    static constexpr std::uint32_t entry_starts_batch = 1u << 31;
    static constexpr std::uint32_t entry_control = ~entry_starts_batch;

    /// How segments get from the table to the engine.
    enum class flow : std::uint8_t {
        ring,    ///< published at once, endlessly
        batches, ///< a flush at a time, the next from the completion of the last (submit_mode::descriptor)
        singles, ///< one at a time through SAR, DAR and SIZE (no list)
        held     ///< not at all: being stopped, or refused
    };
    /// Why a channel is being stopped on its own.
    enum class stop_reason : std::uint8_t { none, hang, drop };
    /// What a look at the channel found.
    enum class look : std::uint8_t {
        fine,
        verify, ///< it may stand still with work pending: CONTROL1 has to tell
        lost    ///< its position makes no sense
    };

    // Hot path, inline below.
    std::uint32_t next_control(std::uint32_t size) noexcept;
    void publish_batch() noexcept;
    std::uint32_t spread_wakes(std::uint32_t first, std::uint32_t count) noexcept;
    void advance_head() noexcept;
    void advance_tail() noexcept;
    template <class Sink>
    look reap(nanoseconds now, Sink& sink, bool announced = false);
    template <class Sink>
    void report_done(std::uint32_t count, Sink& sink);

    // channel.cpp
    void push_slow(std::uint64_t near, std::uint64_t far, std::uint32_t size, void* owner) noexcept;
    void write_element(entry& e) noexcept;
    void wrap_head() noexcept;
    void start_walker(nanoseconds now) noexcept;
    void flush_waiting(nanoseconds now) noexcept;
    void feed(nanoseconds now) noexcept;
    void feed_batch(nanoseconds now) noexcept;
    void feed_single(nanoseconds now) noexcept;
    void program_single() noexcept;
    void hold() noexcept;
    void restart(nanoseconds now) noexcept;
    void go_on(outcome first, nanoseconds now, const outcome_sink& sink);
    void remove(outcome first, const outcome_sink& sink);
    bool dropped(const entry& e) const noexcept;
    bool worth_stopping() noexcept;
    void refuse(std::uint64_t end, outcome first, outcome rest, const outcome_sink& sink);
    void report(const entry& e, outcome result, const outcome_sink& sink);
    void expect_progress(nanoseconds now) noexcept;
    void come_back_soon(nanoseconds now) noexcept;
    void back_off(nanoseconds now) noexcept;
    void ring_again(nanoseconds now) noexcept;
    bool moves() noexcept;
    std::uint32_t slot_of(std::uint64_t position) const noexcept;

    std::uint32_t load(std::uint32_t field) noexcept { return bank_.load(context_ + field); }
    void store(std::uint32_t field, std::uint32_t value) noexcept { bank_.store(context_ + field, value); }
    void ring_doorbell() noexcept
    {
        ++statistics_.doorbells;
        if (across_link_) bank_.registers.read_back(ring_.first_word());
        bank_.store(bank_.at.doorbell, index_);
    }

    bank& bank_;
    std::unique_ptr<entry[]> entries_; ///< by slot
    list_ring ring_;
    std::uint32_t slots_;    ///< of entries_; those of ring_ when there is one
    std::uint32_t capacity_; ///< slots_ - 1 with a list
    std::uint32_t context_;  ///< offset of the channel's registers
    std::uint32_t index_;

    flow flow_;
    bool running_ = false;        ///< the engine was told of everything it may be working on
    std::uint32_t wake_bit_;      ///< LIE, RIE, both or none
    std::int64_t moderation_;     ///< bytes from one element with wake_bit_ to the next
    std::int64_t until_wake_ = 0; ///< bytes left of these

    std::uint32_t head_slot_ = 0;
    std::uint32_t head_cycle_ = 1;
    std::uint32_t tail_slot_ = 0;
    std::uint32_t tail_cycle_ = 1;
    std::uint64_t head_ = 0;
    std::uint64_t flushed_ = 0;
    std::uint64_t published_ = 0;
    std::uint64_t tail_ = 0;
    /// Below it push() may write straight behind the start of the batch. 0 while there is none,
    /// and in other flows; never above tail_ + capacity_.
    std::uint64_t fast_end_ = 0;
    std::uint64_t outstanding_bytes_ = 0;

    nanoseconds progress_at_ = 0;   ///< last proof of progress, or when work began
    nanoseconds look_at_ = never;   ///< when active: look without an interrupt
    nanoseconds look_distance_ = 0; ///< 0: merely the watchdog; else the doorbell is in doubt
    std::uint32_t left_ = 0;        ///< of the segment at position left_of_, when moves() was last asked
    std::uint64_t left_of_ = never; ///< a position no segment has: not asked yet

    // Recovery.
    flow home_flow_;      ///< flow_ when nothing is wrong
    bool near_is_source_; ///< a segment's near address is SAR
    bool across_link_;    ///< list memory, if there is any, is behind a BAR
    stop_reason stopping_ = stop_reason::none;
    nanoseconds stop_by_ = never;     ///< stopping_: unproven by then means the whole bank
    outcome cause_ = outcome::done;   ///< of an abort whose status has been cleared already
    outcome verdict_ = outcome::done; ///< for the segment at LLP once the bank is stopped
    bool sweep_ = false;              ///< dropped entries may wait to be taken out
    std::uint64_t unwanted_ = 0;      ///< at least the bytes of dropped entries

    channel_statistics statistics_;
};

/// The control word of the element at the head.
inline std::uint32_t channel::next_control(std::uint32_t size) noexcept
{
    until_wake_ -= size;
    if (until_wake_ > 0) [[likely]]
        return head_cycle_;
    until_wake_ = moderation_;
    return head_cycle_ | wake_bit_;
}

/// The last element of the batch gets the wake-up flag, as do those at its quarters, then the first becomes
/// valid. By the quarters the driver is awake, and can hand over more, before the engine runs out of a batch.
inline void channel::publish_batch() noexcept
{
    const auto count = static_cast<std::uint32_t>(head_ - flushed_);
    const std::uint32_t first = head_slot_ >= count ? head_slot_ - count : head_slot_ + slots_ - count;
    std::uint32_t control = entries_[first].flags & entry_control;
    if (count == 1) {
        control |= wake_bit_;
    } else if (wake_bit_ != 0) {
        control |= spread_wakes(first, count);
    }
    ring_.publish(first, control);
    until_wake_ = moderation_;
    flushed_ = published_ = head_;
    fast_end_ = 0;
}

inline void channel::advance_head() noexcept
{
    ++head_;
    if (++head_slot_ == slots_) [[unlikely]]
        wrap_head();
}

inline void channel::advance_tail() noexcept
{
    ++tail_;
    if (++tail_slot_ == slots_) [[unlikely]] {
        tail_slot_ = 0;
        tail_cycle_ ^= 1u;
    }
}

template <class Sink>
void channel::report_done(std::uint32_t count, Sink& sink)
{
    statistics_.segments += count;
    statistics_.by_outcome[static_cast<std::size_t>(outcome::done)] += count;
    bank_.reported += count;
    std::uint64_t bytes = 0;
    do {
        const entry& e = entries_[tail_slot_];
        void* const owner = e.owner;
        bytes += e.size;
        outstanding_bytes_ -= e.size;
        advance_tail();
        sink(owner, outcome::done); // may push() and flush(): nothing is held across it
    } while (--count != 0);
    statistics_.bytes += bytes;
}

/// Reports what the list position proves done. `announced`: the status says that there is something; when
/// it is ahead of the position, the driver comes back soon.
template <class Sink>
channel::look channel::reap(nanoseconds now, Sink& sink, bool announced)
{
    const std::uint32_t slot = ring_.slot_at(load(reg::ch_llp_low));
    if (slot == list_ring::no_slot) [[unlikely]]
        return look::lost;
    const std::uint32_t count = slot >= tail_slot_ ? slot - tail_slot_ : slot + slots_ - tail_slot_;
    const std::uint64_t position = tail_ + count;
    if (position > published_) [[unlikely]]
        return look::lost;

    if (count == 0) {
        if (tail_ == published_) return look::fine;
        if (now >= look_at_) return look::verify;
        if (announced) come_back_soon(now);
        return look::fine;
    }
    look result = look::fine;
    if (look_at_ <= now && look_distance_ == 0) [[unlikely]]
        ++statistics_.lost_interrupts;
    progress_at_ = now;
    look_distance_ = 0;
    look_at_ = now + bank_.options.watchdog_ns;
    if (position == published_) {
        running_ = false; // or will be in a moment: the doorbell that follows may be lost
        bank_.active &= ~(1u << index_);
    } else if ((entries_[slot].flags & entry_starts_batch) != 0) {
        result = look::verify; // it may have met this place before the batch was published
    }
    report_done(count, sink);
    return result;
}

} // namespace cf::edma
