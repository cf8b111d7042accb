// SPDX-License-Identifier: MIT
//
// guarded: awaits something under a stop_state of its own. The common part of with_stop() and
// timeout(): the guard decides what requests the stop.
#pragma once

#include <counterflow/detail/awaitable.hpp>
#include <counterflow/detail/loop.hpp>
#include <counterflow/detail/stop_state.hpp>
#include <counterflow/task.hpp>

#include <coroutine>
#include <exception>
#include <utility>

namespace cf::detail {

/// Once awaited, makes the awaits of this coroutine obey `state`, which obeys what they obeyed before; until
/// the end of its life. A local behind that of the state, so that nothing of the coroutine is linked to
/// the state when that goes.
class obey {
public:
    explicit obey(nested_stop_state& state) noexcept : state_(state) {}
    obey(const obey&) = delete;
    obey& operator=(const obey&) = delete;
    ~obey()
    {
        if (promise_ == nullptr) return;
        promise_->end();
        promise_->begin(before_);
    }

    bool await_ready() const noexcept { return false; }
    template <std::derived_from<promise_base> Promise>
    bool await_suspend(std::coroutine_handle<Promise> self) noexcept
    {
        promise_ = &self.promise();
        before_ = promise_->stop;
        state_.belong_to(loop::current());
        state_.obey(before_);
        promise_->end();
        promise_->begin(&state_);
        return false;
    }
    void await_resume() const noexcept {}

private:
    nested_stop_state& state_;
    promise_base* promise_ = nullptr;
    stop_state* before_ = nullptr;
};

/// A guard has `nested_stop_state& state()`; `void arm()`; an awaitable `disarm()`, which ends when nobody
/// will use the guard any more; and `void check(exception_ptr)`, which may throw something else instead.
/// A is what is awaited: a reference stays one, everything else is taken along.
template <class Guard, class A, class... Args>
task<await_result_t<A>> guarded(A what, Args... args)
{
    using result = await_result_t<A>;
    Guard guard(std::move(args)...);
    value_slot<result> value;
    std::exception_ptr exception;
    obey obedience(guard.state());
    co_await obedience;
    guard.arm();
    try {
        auto&& awaiter = get_awaiter(std::forward<A>(what));
        if constexpr (std::is_void_v<result>) {
            co_await awaiter;
        } else {
            decltype(auto) got = co_await awaiter;
            value.put(std::forward<decltype(got)>(got));
        }
    } catch (...) {
        exception = std::current_exception();
    }
    co_await guard.disarm();
    if (exception != nullptr) {
        guard.check(exception);
        std::rethrow_exception(std::move(exception));
    }
    if constexpr (!std::is_void_v<result>) co_return value.take();
}

} // namespace cf::detail
