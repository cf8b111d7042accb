// SPDX-License-Identifier: MIT
//
// run_on: runs something on another thread's runtime and awaits it here.
#pragma once

#include <counterflow/detail/awaitable.hpp>
#include <counterflow/detail/branch.hpp>
#include <counterflow/detail/export.hpp>
#include <counterflow/detail/loop.hpp>
#include <counterflow/detail/stop_state.hpp>
#include <counterflow/runtime.hpp>

#include <coroutine>
#include <exception>
#include <utility>

namespace cf {

namespace detail {

/// What crosses between the two loops: the start one way, the end back; and possibly a stop request and
/// its receipt. Each message is part of this object, so it lasts until all of them have arrived.
class CF_API crossing : branch_owner {
public:
    crossing() noexcept;
    crossing(const crossing&) = delete;
    crossing& operator=(const crossing&) = delete;

    /// `make` is called there: a frame belongs to the thread that runs it.
    void begin(loop& there, branch (*make)(crossing&), std::coroutine_handle<> waiter,
               stop_state* stop) noexcept;
    void rethrow_if_failed() const
    {
        if (exception_ != nullptr) std::rethrow_exception(exception_);
    }

private:
    struct message : posted {
        crossing* self = nullptr;
    };
    struct hook : stop_hook {
        crossing* self = nullptr;
    };

    static void started(posted& p) noexcept;
    static void finished(posted& p) noexcept;
    static void stop_arrived(posted& p) noexcept;
    static void stop_received(posted& p) noexcept;
    void resume_if_settled() noexcept;

    // Here.
    loop* here_ = nullptr;
    resumable waiter_{};
    hook hook_;
    bool finished_ = false;
    bool stopping_ = false; // the stop request is on its way, or its receipt
    // There, from start to end.
    loop* there_ = nullptr;
    branch (*make_)(crossing&) = nullptr;
    stop_state stop_;
    std::exception_ptr exception_;

    message start_;
    message end_;
    message request_;
    message receipt_;
};

template <class A>
class run_on_awaiter : crossing {
public:
    run_on_awaiter(runtime& there, std::remove_reference_t<A>& what) noexcept : there_(there), what_(what) {}

    bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> waiter)
    {
        begin(
            there_,
            [](crossing& c) {
                auto& self = static_cast<run_on_awaiter&>(c);
                return run_branch<A>(self.what_, self.value_);
            },
            waiter, stop_state_of(waiter));
    }
    await_result_t<A> await_resume()
    {
        rethrow_if_failed();
        if constexpr (!std::is_void_v<await_result_t<A>>) return value_.take();
    }

private:
    runtime& there_;
    std::remove_reference_t<A>& what_;
    value_slot<await_result_t<A>> value_;
};

template <class A>
class [[nodiscard]] run_on_awaitable {
public:
    run_on_awaitable(runtime& there, A&& what) : there_(there), what_(std::forward<A>(what)) {}
    run_on_awaiter<A> operator co_await() && noexcept { return run_on_awaiter<A>(there_, what_); }

private:
    runtime& there_;
    A what_;
};

} // namespace detail

/// Runs `what` on `there`, a runtime of another thread, and awaits it here; yields its value or throws its
/// exception. A stop request to the awaiting task crosses over. `there` must be running, or be run later,
/// until this has ended: `there.run(cf::until_stop(), token)` is a thread that serves others.
template <detail::awaitable A>
auto run_on(runtime& there, A&& what)
{
    return detail::run_on_awaitable<A>(there, std::forward<A>(what));
}

} // namespace cf
