// SPDX-License-Identifier: MIT
//
// backlog: the transfers that wait for room in the engine, and whose turn it is. The scheduler has
// one for the channels that everybody uses, and one for each leased channel. What is shared out is
// bytes and not turns: between the priorities, and within one between its transfers.
#pragma once

#include <counterflow/detail/transfer_state.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace cf::detail {

/// FIFO of waiting transfers with O(1) removal from the middle.
class transfer_queue {
public:
    bool empty() const noexcept { return head_ == nullptr; }
    transfer_state& front() const noexcept { return *head_; }

    void push_back(transfer_state& t) noexcept
    {
        t.queue_next = nullptr;
        t.queue_prev = tail_;
        (tail_ ? tail_->queue_next : head_) = &t;
        tail_ = &t;
    }
    transfer_state& pop_front() noexcept
    {
        transfer_state& t = *head_;
        head_ = t.queue_next;
        (head_ ? head_->queue_prev : tail_) = nullptr;
        return t;
    }
    void remove(transfer_state& t) noexcept
    {
        (t.queue_prev ? t.queue_prev->queue_next : head_) = t.queue_next;
        (t.queue_next ? t.queue_next->queue_prev : tail_) = t.queue_prev;
    }

private:
    transfer_state* head_ = nullptr;
    transfer_state* tail_ = nullptr;
};

/// The transfers of one priority. Time goes in rounds, and in a round everybody who waits earns
/// round_bytes: a transfer stands as many rounds ahead as its next segment costs. So a task of long
/// segments gets no more than one of short ones, nobody is ever passed by for good, and each
/// step takes the same time however many wait. A heap by bytes would be exact below round_bytes too,
/// but not that.
class round_wheel {
public:
    static constexpr unsigned rounds = 64;
    static constexpr std::uint32_t round_bytes = 4096;
    /// The longest segment that can be paid for.
    static constexpr std::uint32_t segment_bytes_max = (rounds - 1) * round_bytes;

    bool empty() const noexcept { return occupied_ == 0; }

    /// `cost` is the size of the next segment, 1 .. segment_bytes_max.
    void push(transfer_state& t, std::uint32_t cost) noexcept
    {
        t.round = static_cast<std::uint8_t>((now_ + (cost + round_bytes - 1) / round_bytes) % rounds);
        queues_[t.round].push_back(t);
        occupied_ |= std::uint64_t{1} << t.round;
    }
    void remove(transfer_state& t) noexcept
    {
        transfer_queue& queue = queues_[t.round];
        queue.remove(t);
        if (queue.empty()) occupied_ &= ~(std::uint64_t{1} << t.round);
    }
    /// Whose turn it is. Precondition: not empty.
    transfer_state& front() noexcept { return current().front(); }
    /// Takes it out.
    transfer_state& pop_front() noexcept
    {
        transfer_queue& queue = current();
        transfer_state& t = queue.pop_front();
        if (queue.empty()) occupied_ &= ~(std::uint64_t{1} << now_);
        return t;
    }

private:
    transfer_queue& current() noexcept
    {
        if (queues_[now_].empty()) {
            const std::uint64_t from_now = occupied_ >> now_ | occupied_ << (-now_ % rounds);
            now_ = (now_ + static_cast<unsigned>(std::countr_zero(from_now))) % rounds;
        }
        return queues_[now_];
    }

    std::array<transfer_queue, rounds> queues_;
    std::uint64_t occupied_ = 0; ///< a bit for each queue that is not empty
    unsigned now_ = 0;           ///< the round that is being served
};

class backlog {
public:
    bool empty() const noexcept { return present_ == 0; }

    /// `t` waits; the next it wants moved is a segment of `bytes`.
    void push(transfer_state& t, std::uint32_t bytes) noexcept
    {
        const unsigned bit = 1u << t.priority;
        if ((present_ & bit) == 0) {
            present_ |= bit;
            // A priority that had nothing to move has not saved up for it.
            spent_[t.priority] = std::max(spent_[t.priority], clock_);
        }
        wheels_[t.priority].push(t, bytes);
    }
    void remove(transfer_state& t) noexcept
    {
        wheels_[t.priority].remove(t);
        if (wheels_[t.priority].empty()) present_ &= ~(1u << t.priority);
    }

    /// The transfer whose turn it is. Precondition: not empty.
    transfer_state& front() noexcept { return wheels_[turn()].front(); }
    /// Takes it out to have its next segment moved: `most` bytes, or all that remains.
    transfer_state& take(std::uint32_t most) noexcept
    {
        const unsigned p = turn();
        transfer_state& t = wheels_[p].pop_front();
        clock_ = spent_[p];
        spent_[p] += std::min<std::uint64_t>(t.remaining, most) << price_bits * p;
        if (wheels_[p].empty()) present_ &= ~(1u << p);
        return t;
    }

private:
    /// A byte costs a priority 1, 4 or 16, so that they share 16 : 4 : 1.
    static constexpr unsigned price_bits = 2;

    unsigned turn() const noexcept
    {
        auto first = static_cast<unsigned>(std::countr_zero(present_));
        for (unsigned others = present_ & (present_ - 1); others != 0; others &= others - 1) {
            const auto p = static_cast<unsigned>(std::countr_zero(others));
            if (spent_[p] < spent_[first]) first = p;
        }
        return first;
    }

    std::array<round_wheel, 3> wheels_; ///< by priority
    std::array<std::uint64_t, 3> spent_{};
    std::uint64_t clock_ = 0; ///< what the priority served last had spent before
    unsigned present_ = 0;    ///< a bit for each priority that waits
};

} // namespace cf::detail
