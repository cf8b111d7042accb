// SPDX-License-Identifier: MIT
//
// What copy and duplex are built from: a file cut into blocks, tasks that each carry one block at a
// time, and the two things that bring these into order again: a sequence to wait for, and a
// hash that takes the blocks one after the other.
#pragma once

#include <counterflow/detail/intrusive_list.hpp>
#include <counterflow/detail/loop.hpp>
#include <counterflow/detail/stop_state.hpp>
#include <counterflow/error.hpp>
#include <counterflow/task.hpp>

#include <algorithm>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <vector>

#include <xxhash.h>

namespace cf::cli {

/// `bytes` in blocks of equal size, the last of them shorter.
struct block_plan {
    std::uint64_t bytes = 0;
    std::size_t block = 1;

    std::uint64_t count() const noexcept { return bytes / block + (bytes % block != 0); }
    std::uint64_t offset(std::uint64_t index) const noexcept { return index * block; }
    std::size_t size(std::uint64_t index) const noexcept
    {
        return static_cast<std::size_t>(std::min<std::uint64_t>(block, bytes - offset(index)));
    }
};

/// `block`, a multiple of `alignment`, or as much less as is enough for a file of `bytes`: buffers have the
/// size of a block.
constexpr std::size_t block_for(std::uint64_t bytes, std::size_t block, std::size_t alignment) noexcept
{
    if (bytes >= block) return block;
    return (static_cast<std::size_t>(std::max<std::uint64_t>(bytes, 1)) + alignment - 1) / alignment *
           alignment;
}

/// A number that only grows, and coroutines that wait until it has reached something. One runtime.
class sequence {
public:
    sequence() = default;
    sequence(const sequence&) = delete;
    sequence& operator=(const sequence&) = delete;

    class awaiter;

    std::uint64_t value() const noexcept { return value_; }

    void advance_to(std::uint64_t value) noexcept
    {
        value_ = value;
        // Few wait: a task for every block in flight at most.
        waiting_.for_each([value](awaiter& w) {
            if (w.target_ <= value) w.wake();
        });
    }

    class awaiter : public detail::list_node {
    public:
        awaiter(sequence& s, std::uint64_t target) noexcept : sequence_(s), target_(target) {}
        awaiter(const awaiter&) = delete;
        awaiter& operator=(const awaiter&) = delete;

        bool await_ready() const noexcept { return sequence_.value_ >= target_; }
        template <class Promise>
        bool await_suspend(std::coroutine_handle<Promise> waiter) noexcept
        {
            detail::stop_state* const stop = detail::stop_state_of(waiter);
            if (stop && stop->requested()) return false;
            resumable_.handle = waiter;
            sequence_.waiting_.push_back(*this);
            if (stop) {
                hook_.self = this;
                stop->link(hook_, [](detail::stop_hook& h) noexcept { static_cast<hook&>(h).self->wake(); });
            }
            return true;
        }
        void await_resume() const
        {
            if (sequence_.value_ < target_) throw error(errc::canceled, "wait for a block");
        }

    private:
        friend sequence;
        struct hook : detail::stop_hook {
            awaiter* self = nullptr;
        };

        void wake() noexcept
        {
            unlink();
            hook_.unlink();
            detail::loop::current().make_ready(resumable_);
        }

        sequence& sequence_;
        std::uint64_t target_;
        detail::resumable resumable_{};
        hook hook_;
    };

    /// Suspends until the number is at least `target`. A stop request ends it with errc::canceled.
    [[nodiscard]] awaiter reaches(std::uint64_t target) noexcept { return {*this, target}; }

private:
    std::uint64_t value_ = 0;
    detail::intrusive_list<awaiter> waiting_;
};

/// How many blocks are done without a gap, when they end in any order but never `span` or more
/// ahead of the first that is not done.
class completion_front {
public:
    explicit completion_front(std::size_t span) : done_(span) {}

    void mark(std::uint64_t index) noexcept
    {
        done_[index % done_.size()] = true;
        std::uint64_t front = front_.value();
        while (done_[front % done_.size()]) done_[front++ % done_.size()] = false;
        if (front != front_.value()) front_.advance_to(front);
    }

    sequence& front() noexcept { return front_; }

private:
    std::vector<bool> done_;
    sequence front_;
};

/// XXH3-128 over blocks that are added in any order, and hashed in theirs.
class ordered_hash {
public:
    ordered_hash() : state_(XXH3_createState())
    {
        if (!state_) throw std::bad_alloc();
        XXH3_128bits_reset(state_.get());
    }

    /// Hashes block `index` once all before it are. Yields the hash of everything so far.
    task<XXH128_hash_t> add(std::uint64_t index, std::span<const std::byte> block)
    {
        co_await turn_.reaches(index);
        XXH3_128bits_update(state_.get(), block.data(), block.size());
        const XXH128_hash_t so_far = XXH3_128bits_digest(state_.get());
        turn_.advance_to(index + 1);
        co_return so_far;
    }

    /// As `xxhsum -H2` prints it.
    std::string text() const;

private:
    sequence turn_;
    struct release {
        void operator()(XXH3_state_t* state) const noexcept { XXH3_freeState(state); }
    };
    std::unique_ptr<XXH3_state_t, release> state_;
};

} // namespace cf::cli
