// SPDX-License-Identifier: MIT
//
// Stop requests, as a coroutine sees them. Every await in a task obeys the requests that reach the
// task: through the token it was run or spawned with, from the scope, when_any or timeout it is part
// of, or from with_stop(). An await that is stopped throws cf::error with errc::canceled, after
// what it had started has ended.
#pragma once

#include <counterflow/detail/awaitable.hpp>
#include <counterflow/detail/guarded.hpp>
#include <counterflow/detail/loop.hpp>
#include <counterflow/detail/stop_bridge.hpp>
#include <counterflow/detail/stop_state.hpp>
#include <counterflow/error.hpp>
#include <counterflow/result.hpp>
#include <counterflow/task.hpp>

#include <stop_token>
#include <utility>

namespace cf {

namespace detail {

class stop_requested_awaiter {
public:
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> waiter) noexcept
    {
        const stop_state* stop = stop_state_of(waiter);
        requested_ = stop != nullptr && stop->requested();
        return false;
    }
    bool await_resume() const noexcept { return requested_; }

private:
    bool requested_ = false;
};

class until_stop_awaiter {
public:
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> waiter) noexcept
    {
        stop_state* stop = stop_state_of(waiter);
        if (stop == nullptr) return true; // for ever
        if (stop->requested()) return false;
        hook_.home = &loop::current();
        hook_.waiter.handle = waiter;
        stop->link(hook_, [](stop_hook& h) noexcept {
            auto& self = static_cast<hook&>(h);
            self.home->make_ready(self.waiter);
        });
        return true;
    }
    void await_resume() const noexcept {}

private:
    struct hook : stop_hook {
        loop* home = nullptr;
        resumable waiter{};
    } hook_;
};

} // namespace detail

/// Whether a stop request has reached this coroutine. Does not suspend.
[[nodiscard]] inline auto stop_requested() noexcept { return detail::stop_requested_awaiter(); }

/// Suspends until a stop request reaches this coroutine; does not throw. `rt.run(until_stop(), token)` runs
/// a runtime for others to post to.
[[nodiscard]] inline auto until_stop() noexcept
{
    return detail::makes_awaiter<detail::until_stop_awaiter>();
}

/// Awaits `what`, which also obeys `token`. The request may come from any thread. An lvalue is awaited in
/// place, an rvalue is taken along.
template <detail::awaitable A>
task<detail::await_result_t<A>> with_stop(std::stop_token token, A&& what)
{
    return detail::guarded<detail::stop_bridge, A>(std::forward<A>(what), std::move(token));
}

} // namespace cf
