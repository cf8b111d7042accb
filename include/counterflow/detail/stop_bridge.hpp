// SPDX-License-Identifier: MIT
//
// From std::stop_token, whose requests come on any thread, to a stop_state, which belongs to one
// runtime. Guard of with_stop(); see guarded.hpp.
#pragma once

#include <counterflow/detail/export.hpp>
#include <counterflow/detail/loop.hpp>
#include <counterflow/detail/stop_state.hpp>

#include <coroutine>
#include <exception>
#include <optional>
#include <stop_token>

namespace cf::detail {

class CF_API stop_bridge {
public:
    explicit stop_bridge(std::stop_token token) noexcept;
    stop_bridge(const stop_bridge&) = delete;
    stop_bridge& operator=(const stop_bridge&) = delete;

    nested_stop_state& state() noexcept { return state_; }
    void arm();

    /// Waits for a request that is on its way, since it is on its way through this object.
    class disarm_awaiter {
    public:
        explicit disarm_awaiter(stop_bridge& bridge) noexcept : bridge_(bridge) {}
        bool await_ready() const noexcept { return !bridge_.posted_ || bridge_.arrived_; }
        void await_suspend(std::coroutine_handle<> waiter) noexcept
        {
            waiter_.handle = waiter;
            bridge_.waiter_ = &waiter_;
        }
        void await_resume() const noexcept {}

    private:
        stop_bridge& bridge_;
        resumable waiter_{};
    };
    disarm_awaiter disarm() noexcept;

    void check(const std::exception_ptr&) const noexcept {}

private:
    struct request {
        stop_bridge* bridge;
        void operator()() const noexcept { bridge->requested(); }
    };
    struct message : posted {
        stop_bridge* bridge = nullptr;
    };
    void requested() noexcept;

    std::stop_token token_;
    loop* loop_;
    nested_stop_state state_;
    message message_;
    bool posted_ = false;  // by the requesting thread; read when the callback is gone
    bool arrived_ = false; // on the loop's thread
    resumable* waiter_ = nullptr;
    std::optional<std::stop_callback<request>> callback_;
};

} // namespace cf::detail
