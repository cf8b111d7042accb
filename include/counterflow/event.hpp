// SPDX-License-Identifier: MIT
//
// event: something that others tell of, and that coroutines wait for. How a callback of another
// library becomes an await.
#pragma once

#include <counterflow/detail/export.hpp>
#include <counterflow/detail/intrusive_list.hpp>
#include <counterflow/detail/loop.hpp>
#include <counterflow/detail/stop_state.hpp>
#include <counterflow/error.hpp>
#include <counterflow/result.hpp>

#include <coroutine>

namespace cf {

class event;

namespace detail {

class CF_API event_awaiter : list_node {
public:
    explicit event_awaiter(event& awaited) noexcept : event_(awaited) {}
    event_awaiter(const event_awaiter&) = delete;
    event_awaiter& operator=(const event_awaiter&) = delete;

    bool await_ready() const noexcept;
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> waiter) noexcept
    {
        return suspend(waiter, stop_state_of(waiter));
    }
    void await_resume() const
    {
        if (canceled_) throw error(errc::canceled, "wait for an event");
    }
    result<> await_resume_result() const
    {
        if (canceled_) return failure{make_error_code(errc::canceled), "wait for an event"};
        return {};
    }

private:
    friend class cf::event;
    template <class T>
    friend class intrusive_list;

    bool suspend(std::coroutine_handle<> waiter, stop_state* stop) noexcept;

    struct hook : stop_hook {
        event_awaiter* self = nullptr;
    } hook_;
    event& event_;
    loop* loop_ = nullptr;
    resumable waiter_{};
    bool canceled_ = false;
};

} // namespace detail

/// Happens once, unless it is reset: those who `co_await` it wait until it is set, and pass while it is. Any
/// number may wait; they are resumed in the order in which they came, and not from inside of set(). A stop
/// request ends a wait with errc::canceled.
///
/// Thread rule: belongs to the runtime whose coroutines wait for it; every member is for its thread. Other
/// threads, such as those that call callbacks, set it by a post:
///
///     runtime.post([&] { done.set(); });
///
/// Must outlive those who wait for it, and such a post.
class CF_API event {
public:
    event() noexcept = default;
    event(const event&) = delete;
    event& operator=(const event&) = delete;

    bool is_set() const noexcept { return set_; }
    void set() noexcept;
    void reset() noexcept { set_ = false; } ///< those whom set() has let pass go on all the same

    detail::event_awaiter operator co_await() noexcept { return detail::event_awaiter(*this); }

private:
    friend class detail::event_awaiter;

    detail::intrusive_list<detail::event_awaiter> waiting_;
    bool set_ = false;
};

inline bool detail::event_awaiter::await_ready() const noexcept { return event_.is_set(); }

} // namespace cf
