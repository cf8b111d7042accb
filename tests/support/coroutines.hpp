// SPDX-License-Identifier: MIT
//
// What tests of coroutines need: a way to run a body, events to wait for that the test decides
// about, and awaitables of other libraries' making.
#pragma once

#include <counterflow/detail/loop.hpp>
#include <counterflow/detail/stop_state.hpp>
#include <counterflow/error.hpp>
#include <counterflow/runtime.hpp>
#include <counterflow/task.hpp>

#include <coroutine>
#include <system_error>
#include <utility>
#include <vector>

namespace test {

/// Runs `body`, a coroutine lambda, to its end on a runtime of its own.
template <class Body>
void run(Body body, const cf::runtime_options& options = {})
{
    cf::runtime runtime(options);
    runtime.run(body());
}

/// An event that stays open; those who wait become ready in the order in which they came. Knows nothing
/// of stop requests, so it ends only when the test says so.
class gate {
public:
    class awaiter {
    public:
        explicit awaiter(gate& g) noexcept : gate_(g) {}
        bool await_ready() const noexcept { return gate_.open_; }
        void await_suspend(std::coroutine_handle<> waiter)
        {
            node_.handle = waiter;
            gate_.waiting_.push_back(&node_);
        }
        void await_resume() const noexcept {}

    private:
        gate& gate_;
        cf::detail::resumable node_{};
    };

    awaiter operator co_await() noexcept { return awaiter(*this); }

    void open()
    {
        open_ = true;
        for (auto* node : std::exchange(waiting_, {})) cf::detail::loop::current().make_ready(*node);
    }

    std::size_t waiting() const noexcept { return waiting_.size(); }

private:
    std::vector<cf::detail::resumable*> waiting_;
    bool open_ = false;
};

/// An event as other libraries write it: resumes its waiter from inside of set().
class foreign_event {
public:
    auto operator co_await() noexcept
    {
        struct awaiter {
            foreign_event& event;
            bool await_ready() const noexcept { return event.set_; }
            void await_suspend(std::coroutine_handle<> waiter) noexcept { event.waiter_ = waiter; }
            void await_resume() const noexcept {}
        };
        return awaiter{*this};
    }

    void set()
    {
        set_ = true;
        if (waiter_) std::exchange(waiter_, nullptr).resume();
    }

private:
    std::coroutine_handle<> waiter_;
    bool set_ = false;
};

/// Awaitable through a free operator only.
struct foreign_value {
    int value;
};
inline auto operator co_await(foreign_value v) noexcept
{
    struct awaiter {
        int value;
        bool await_ready() const noexcept { return true; }
        void await_suspend(std::coroutine_handle<>) const noexcept {}
        int await_resume() const noexcept { return value; }
    };
    return awaiter{v.value};
}

/// A coroutine type of another library, which runs on its own and tells when it is done.
struct foreign_task {
    struct promise_type {
        foreign_task get_return_object() noexcept { return {}; }
        std::suspend_never initial_suspend() noexcept { return {}; }
        std::suspend_never final_suspend() noexcept { return {}; }
        void return_void() noexcept {}
        void unhandled_exception() noexcept { std::terminate(); }
    };
};

/// Whether awaiting `what` ends by a stop request.
template <class A>
cf::task<bool> is_canceled(A what)
{
    bool canceled = false;
    try {
        co_await std::move(what);
    } catch (const std::system_error& e) {
        canceled = e.code() == cf::errc::canceled;
    }
    co_return canceled;
}

} // namespace test
