// SPDX-License-Identifier: MIT
//
// One-shot timers in an intrusive heap: no allocation, O(1) to add, O(log n) amortised to
// cancel or fire. Timers due at the same nanosecond fire in the order they were added.
#pragma once

#include <counterflow/detail/export.hpp>

#include <cstdint>

namespace cf::detail {

/// What fires once at or after its time. Belongs to whoever waits; must be cancelled before it
/// goes away. `fire` runs on the runtime's thread with the timer out of the heap; it must not
/// resume anyone, but may call make_ready() and may add the timer again.
struct timer {
    void (*fire)(timer&) noexcept = nullptr;

    bool armed() const noexcept { return armed_; }
    std::uint64_t due() const noexcept { return due_; } ///< runtime clock, ns

private:
    friend class timer_heap;
    std::uint64_t due_ = 0;
    std::uint64_t order_ = 0;
    timer* child_ = nullptr;
    timer* sibling_ = nullptr;
    timer* previous_ = nullptr; ///< left sibling, or the parent of a first child
    bool armed_ = false;
};

/// A pairing heap of timers.
class CF_API timer_heap {
public:
    bool empty() const noexcept { return root_ == nullptr; }
    std::uint64_t nearest() const noexcept { return root_->due_; } ///< not when empty

    void add(timer& t, std::uint64_t due) noexcept;
    void cancel(timer& t) noexcept; ///< does nothing when not armed

    /// Takes out and returns a timer due at `now`, or null.
    timer* pop_due(std::uint64_t now) noexcept;

private:
    static timer* meld(timer* a, timer* b) noexcept;
    static timer* merge_children(timer* first) noexcept;
    static void detach(timer& t) noexcept;

    timer* root_ = nullptr;
    std::uint64_t added_ = 0;
};

} // namespace cf::detail
