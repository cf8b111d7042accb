// SPDX-License-Identifier: MIT
//
// branch: the coroutine in which combinators and scopes run what they were given. It keeps the
// outcome for them, tells them when it has ended, and is gone.
#pragma once

#include <counterflow/detail/awaitable.hpp>
#include <counterflow/detail/export.hpp>
#include <counterflow/detail/frame_pool.hpp>
#include <counterflow/detail/loop.hpp>
#include <counterflow/detail/stop_state.hpp>

#include <coroutine>
#include <exception>
#include <utility>

namespace cf::detail {

class branch;

/// Those who start branches. The call comes out of the branch's last breath, so it must not
/// resume anyone, but may transfer() or make_ready(). The exception is null when there was none.
struct branch_owner {
    void (*ended)(branch_owner&, std::size_t index, std::exception_ptr exception) noexcept;
};

/// Of branches for which nobody waits. One that ends with an exception ends the program.
CF_API branch_owner& nobody() noexcept;

/// Handle of a branch that was not started. A started one owns itself.
class [[nodiscard]] branch {
public:
    struct promise_type : promise_base, pooled_frame {
        branch get_return_object() noexcept { return branch(*this); }
        std::suspend_always initial_suspend() noexcept { return {}; }
        std::suspend_never final_suspend() noexcept
        {
            end();
            owner->ended(*owner, index, std::move(exception));
            return {};
        }
        void return_void() noexcept {}
        void unhandled_exception() noexcept { exception = std::current_exception(); }

        std::exception_ptr exception;
        resumable start;
        branch_owner* owner;
        std::size_t index;
    };

    branch() noexcept = default;
    branch(branch&& other) noexcept : promise_(std::exchange(other.promise_, nullptr)) {}
    branch& operator=(branch&& other) noexcept
    {
        std::swap(promise_, other.promise_);
        return *this;
    }
    ~branch()
    {
        if (promise_ != nullptr) std::coroutine_handle<promise_type>::from_promise(*promise_).destroy();
    }

    /// Has it run by `l`; the branch obeys `stop` and reports to `owner` under `index`.
    void start(loop& l, stop_state* stop, branch_owner& owner, std::size_t index) noexcept
    {
        promise_type& promise = *std::exchange(promise_, nullptr);
        if (stop != nullptr) stop->belong_to(l);
        promise.begin(stop);
        promise.owner = &owner;
        promise.index = index;
        promise.start.handle = std::coroutine_handle<promise_type>::from_promise(promise);
        l.make_ready(promise.start);
    }

private:
    explicit branch(promise_type& promise) noexcept : promise_(&promise) {}
    promise_type* promise_ = nullptr;
};

/// Awaits `what`: A is a type whose rvalues are awaited, or an lvalue reference.
template <class A>
branch run_branch(std::remove_reference_t<A>& what, value_slot<await_result_t<A>>& into)
{
    auto&& awaiter = get_awaiter(std::forward<A>(what));
    if constexpr (std::is_void_v<await_result_t<A>>) {
        co_await awaiter;
        into.put();
    } else {
        decltype(auto) value = co_await awaiter;
        into.put(std::forward<decltype(value)>(value));
    }
}

/// The same for a branch that owns what it awaits, and drops the value.
template <class A>
branch run_owning_branch(A what)
{
    auto&& awaiter = get_awaiter(std::move(what));
    co_await awaiter;
}

} // namespace cf::detail
