// SPDX-License-Identifier: MIT
//
// scope: runs any number of things besides the task that spawned them, and joins them all.
#pragma once

#include <counterflow/detail/awaitable.hpp>
#include <counterflow/detail/branch.hpp>
#include <counterflow/detail/export.hpp>
#include <counterflow/detail/guarded.hpp>
#include <counterflow/detail/loop.hpp>
#include <counterflow/detail/stop_state.hpp>
#include <counterflow/stop.hpp>
#include <counterflow/task.hpp>

#include <coroutine>
#include <cstddef>
#include <exception>
#include <stop_token>
#include <utility>

namespace cf {

/// Owner of spawned work. Destroying a scope that something still runs in ends the program with a message:
/// `co_await scope.join()` first, also when an exception is on its way; with_scope() takes care of that.
///
/// When a spawned thing throws, the others get a stop request and join() throws the first exception.
///
/// Thread rule: belongs to the runtime whose coroutines spawn into it and join it. Of its members only
/// request_stop() and size() may also be called from elsewhere on that thread: by a coroutine of another
/// runtime that runs inside of it, or while none runs.
class CF_API scope : detail::branch_owner {
public:
    scope() noexcept;
    scope(const scope&) = delete;
    scope& operator=(const scope&) = delete;
    ~scope();

    /// Runs `what`, which the scope keeps, so a task that is an lvalue has to be moved here; its value is
    /// dropped. It starts when the caller suspends. In a scope that was stopped it starts as well, with the
    /// request already made. Throws std::bad_alloc when there is no memory for its frame.
    template <detail::awaitable A>
    void spawn(A&& what)
    {
        start(detail::run_owning_branch<std::decay_t<A>>(std::forward<A>(what)));
    }

    /// The same, and `what` also obeys `token`.
    template <detail::awaitable A>
    void spawn(A&& what, std::stop_token token)
    {
        spawn(with_stop(std::move(token), std::decay_t<A>(std::forward<A>(what))));
    }

    /// Requests everything in the scope to stop, and what is spawned later. What is canceled by this has not
    /// failed: join() does not report it.
    void request_stop() noexcept
    {
        stopped_by_owner_ = true;
        stop_.request();
    }

    std::size_t size() const noexcept { return running_; } ///< things that run in it

    class join_awaiter; // of join(), below
    /// Waits until nothing runs in the scope, then throws the first exception of what did. A stop request to
    /// the awaiting task is passed on to what runs in the scope; join() waits all the same. One at a time.
    auto join() noexcept;

private:
    template <class Body>
    friend task<detail::await_result_t<std::invoke_result_t<Body&, scope&>>> with_scope(Body body);

    void start(detail::branch b) noexcept;
    void fail(std::exception_ptr exception) noexcept;
    void branch_ended(std::exception_ptr exception) noexcept;

    detail::nested_stop_state stop_;
    std::size_t running_ = 0;
    std::exception_ptr first_;
    detail::resumable waiter_{};
    bool stopped_by_owner_ = false;
};

class scope::join_awaiter {
public:
    explicit join_awaiter(scope& joined) noexcept : scope_(joined) {}
    join_awaiter(const join_awaiter&) = delete;
    join_awaiter& operator=(const join_awaiter&) = delete;

    bool await_ready() const noexcept { return scope_.running_ == 0; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> waiter) noexcept
    {
        scope_.waiter_.handle = waiter;
        detail::stop_state* const stop = detail::stop_state_of(waiter);
        if (stop == nullptr) return;
        if (stop->requested()) return scope_.stop_.request();
        hook_.joined = &scope_;
        stop->link(hook_,
                   [](detail::stop_hook& h) noexcept { static_cast<hook&>(h).joined->stop_.request(); });
    }
    void await_resume()
    {
        hook_.unlink();
        scope_.waiter_.handle = nullptr;
        if (scope_.first_ != nullptr) std::rethrow_exception(std::exchange(scope_.first_, nullptr));
    }

private:
    struct hook : detail::stop_hook {
        scope* joined = nullptr;
    } hook_;
    scope& scope_;
};

inline auto scope::join() noexcept { return detail::makes_awaiter<join_awaiter, scope&>(*this); }

/// Calls `body(scope&)`, awaits what that returns, and joins the scope in any case. When the body or
/// something it spawned throws, all the others get a stop request; the first exception is thrown after the
/// join. A stop request to the awaiting task reaches the body and everything spawned. Yields what the body
/// does. The body is kept until then, so a coroutine lambda may capture.
template <class Body>
task<detail::await_result_t<std::invoke_result_t<Body&, scope&>>> with_scope(Body body)
{
    using result = detail::await_result_t<std::invoke_result_t<Body&, scope&>>;
    scope inner;
    detail::value_slot<result> value;
    detail::obey obedience(inner.stop_);
    co_await obedience;
    try {
        auto&& work = body(inner);
        auto&& awaiter = detail::get_awaiter(std::forward<decltype(work)>(work));
        if constexpr (std::is_void_v<result>) {
            co_await awaiter;
        } else {
            decltype(auto) got = co_await awaiter;
            value.put(std::forward<decltype(got)>(got));
        }
    } catch (...) {
        inner.fail(std::current_exception());
    }
    co_await inner.join();
    if constexpr (!std::is_void_v<result>) co_return value.take();
}

} // namespace cf
