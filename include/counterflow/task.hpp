// SPDX-License-Identifier: MIT
//
// task<T>: the coroutine type of counterflow programs. Lazy, move-only, awaited once; runs on
// the runtime of the coroutine that awaits it and obeys the same stop requests.
#pragma once

#include <counterflow/detail/frame_pool.hpp>
#include <counterflow/detail/stop_state.hpp>
#include <counterflow/detail/task_promise.hpp>

#include <coroutine>
#include <memory>
#include <utility>

namespace cf {

/// A coroutine that yields one T (or void, or a reference) to the one who awaits it.
///
///     cf::task<int> answer() { co_return 42; }
///     cf::task<> program() { int a = co_await answer(); }
///
/// - Nothing runs before it is awaited, spawned in a scope, or given to runtime::run().
/// - An exception that leaves the body is thrown by the await.
/// - Frames of up to 64 KiB are recycled, also between threads: once warm, calling a coroutine allocates
///   nothing. A coroutine whose first parameters are
///   (std::allocator_arg_t, allocator, ...) has its frame allocated and freed by that allocator.
/// - A task may be moved as long as it was not started, and dropped without being awaited. One
///   that was started always runs to its end: the coroutine that awaits it must not be destroyed
///   while it is suspended in it.
/// - Thread rule: create it anywhere, it runs where it is awaited.
///
/// Tasks nest as deeply as memory allows, without using stack. With g++ that needs -O2 or more, or -O0, or
/// a sanitizer; programs that nest deeply and are built otherwise (-O1, -Og, -fno-optimize-sibling-calls)
/// define CF_NO_TAIL_CALLS. Translation units that do and that do not may be mixed.
///
/// With g++ 12 a task that is an lvalue has to be awaited as `co_await std::move(t)`: it awaits a copy of
/// other lvalues than locals, which does not compile.
///
/// Beware of lambdas with captures as coroutines: the captures live in the lambda object, not in
/// the frame, so the lambda must outlive the task. Pass by parameter instead.
template <class T = void>
class [[nodiscard]] task : detail::task_awaiter<T> {
    using awaiter = detail::task_awaiter<T>;

public:
    using value_type = T;
    using promise_type = detail::task_promise<T>;

    task() noexcept = default;
    task(task&& other) noexcept : awaiter(std::exchange(other.state_, nullptr)) {}
    task& operator=(task&& other) noexcept
    {
        std::swap(this->state_, other.state_);
        return *this;
    }
    ~task()
    {
        if (this->state_ != nullptr) [[unlikely]]
            drop();
    }

    /// False for a task that was moved from or has been started.
    explicit operator bool() const noexcept { return this->state_ != nullptr; }

    // The awaitable protocol: the task is its own awaiter, so the result is written straight
    // into the frame of whoever awaits it.
    bool await_ready() const noexcept { return false; }

    template <class Promise>
    [[gnu::always_inline]] auto await_suspend(std::coroutine_handle<Promise> waiter) noexcept
    {
        const auto child =
            std::coroutine_handle<promise_type>::from_address(std::exchange(this->state_, nullptr));
        return awaiter::start(child, waiter, detail::stop_state_of(waiter));
    }

    [[gnu::always_inline]] T await_resume() { return awaiter::take(); }

private:
    friend promise_type;
    explicit task(std::coroutine_handle<promise_type> frame) noexcept : awaiter(frame.address()) {}

    [[gnu::cold]] void drop() noexcept { std::coroutine_handle<>::from_address(this->state_).destroy(); }
};

inline task<void> detail::task_promise<void>::get_return_object() noexcept
{
    return task<void>(std::coroutine_handle<task_promise>::from_promise(*this));
}

} // namespace cf

// The ordinary promise knows nothing of allocators; only coroutines that ask for one have a
// promise that does.
template <class T, class Allocator, class... Args>
struct std::coroutine_traits<cf::task<T>, std::allocator_arg_t, Allocator, Args...> {
    using promise_type = cf::detail::allocated_promise<T, std::remove_cvref_t<Allocator>>;
};
template <class T, class Self, class Allocator, class... Args>
struct std::coroutine_traits<cf::task<T>, Self, std::allocator_arg_t, Allocator, Args...> {
    using promise_type = cf::detail::allocated_promise<T, std::remove_cvref_t<Allocator>>;
};
