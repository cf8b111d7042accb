// SPDX-License-Identifier: MIT
//
// lane: a coroutine that a stream keeps for ever and wakes when there is work, one for each block and one for
// each line of the ring. So no block makes a coroutine.
#pragma once

#include <counterflow/detail/frame_pool.hpp>
#include <counterflow/detail/loop.hpp>
#include <counterflow/detail/stop_state.hpp>

#include <coroutine>
#include <exception>
#include <utility>

namespace cf::detail {

/// Owns the coroutine, which is destroyed where it is suspended. Not in work then, or its loop is at its end.
class lane {
public:
    struct promise_type : promise_base, pooled_frame {
        lane get_return_object() noexcept { return lane(*this); }
        std::suspend_always initial_suspend() noexcept { return {}; }
        std::suspend_always final_suspend() noexcept { return {}; }
        void return_void() noexcept {}
        void unhandled_exception() noexcept { std::terminate(); } // lanes await results only
    };

    lane() noexcept = default;
    lane(lane&& other) noexcept : promise_(std::exchange(other.promise_, nullptr)), node_(other.node_) {}
    lane& operator=(lane&& other) noexcept
    {
        std::swap(promise_, other.promise_);
        std::swap(node_, other.node_);
        return *this;
    }
    ~lane()
    {
        if (promise_ == nullptr) return;
        promise_->end();
        node_.handle.destroy();
    }

    /// Whose requests end its waits; before it is woken first. Nobody's, else.
    void obey(stop_state& stop) noexcept { promise_->begin(&stop); }
    bool at_work() const noexcept { return at_work_; }

    /// Not when it is at work.
    void wake(loop& l) noexcept
    {
        at_work_ = true;
        l.make_ready(node_);
    }
    /// Said by the lane itself, right before it suspends. It may be woken before it has.
    void rest() noexcept { at_work_ = false; }

private:
    explicit lane(promise_type& promise) noexcept
        : promise_(&promise), node_{nullptr, std::coroutine_handle<promise_type>::from_promise(promise)}
    {
        promise.begin(nullptr);
    }

    promise_type* promise_ = nullptr;
    resumable node_{};
    bool at_work_ = false;
};

} // namespace cf::detail
