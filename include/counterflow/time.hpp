// SPDX-License-Identifier: MIT
//
// Time as coroutines see it: the runtime's clock, sleeps and timeouts.
#pragma once

#include <counterflow/detail/awaitable.hpp>
#include <counterflow/detail/export.hpp>
#include <counterflow/detail/guarded.hpp>
#include <counterflow/detail/loop.hpp>
#include <counterflow/detail/stop_state.hpp>
#include <counterflow/error.hpp>
#include <counterflow/result.hpp>
#include <counterflow/task.hpp>

#include <chrono>
#include <coroutine>
#include <exception>
#include <utility>

namespace cf {

/// The clock of the runtime that the calling thread runs: monotonic, and virtual in a simulation. Its
/// epoch is the runtime's own business.
struct clock {
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<clock>;
    static constexpr bool is_steady = true;

    static time_point now() noexcept
    {
        return time_point(duration(static_cast<rep>(detail::loop::current().now())));
    }
};

namespace detail {

class CF_API sleep_awaiter {
public:
    explicit sleep_awaiter(clock::duration duration) noexcept;
    explicit sleep_awaiter(clock::time_point when) noexcept;
    sleep_awaiter(const sleep_awaiter&) = delete;
    sleep_awaiter& operator=(const sleep_awaiter&) = delete;

    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> waiter) noexcept
    {
        return suspend(waiter, stop_state_of(waiter));
    }
    void await_resume() const
    {
        if (canceled_) throw error(errc::canceled, "sleep");
    }
    result<> await_resume_result() const
    {
        if (canceled_) return failure{make_error_code(errc::canceled), "sleep"};
        return {};
    }

private:
    bool suspend(std::coroutine_handle<> waiter, stop_state* stop) noexcept;

    struct alarm : timer {
        sleep_awaiter* self = nullptr;
    } alarm_;
    struct hook : stop_hook {
        sleep_awaiter* self = nullptr;
    } hook_;
    loop* loop_ = nullptr;
    resumable waiter_{};
    std::uint64_t due_;
    bool canceled_ = false;
};

/// Guard of timeout(), see guarded.hpp.
class CF_API deadline_guard {
public:
    explicit deadline_guard(clock::duration limit) noexcept : limit_(limit) {}
    deadline_guard(const deadline_guard&) = delete;
    deadline_guard& operator=(const deadline_guard&) = delete;

    nested_stop_state& state() noexcept { return state_; }
    void arm() noexcept;
    std::suspend_never disarm() noexcept;
    void check(const std::exception_ptr& exception) const;

private:
    nested_stop_state state_;
    struct alarm : timer {
        deadline_guard* self = nullptr;
    } alarm_;
    clock::duration limit_;
    bool expired_ = false; // and nothing else had requested the stop before
};

} // namespace detail

/// Suspends for at least `duration`. Zero and less let the others have a turn. A stop request ends it with
/// errc::canceled.
inline auto sleep_for(clock::duration duration) noexcept
{
    return detail::makes_awaiter<detail::sleep_awaiter, clock::duration>(duration);
}

/// Suspends until the runtime's clock has reached `when`.
inline auto sleep_until(clock::time_point when) noexcept
{
    return detail::makes_awaiter<detail::sleep_awaiter, clock::time_point>(when);
}

/// Awaits `what`, but stops it when it has not ended after `duration`, counted from the start of the await.
/// Throws cf::error (errc::timed_out) when it was stopped by that. Always waits for `what` to end, and
/// when it ends with a value after all, that is what the await yields. An lvalue is awaited in place, an
/// rvalue is taken along.
template <detail::awaitable A>
task<detail::await_result_t<A>> timeout(clock::duration duration, A&& what)
{
    return detail::guarded<detail::deadline_guard, A>(std::forward<A>(what), duration);
}

} // namespace cf
