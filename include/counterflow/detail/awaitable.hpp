// SPDX-License-Identifier: MIT
//
// What counts as awaitable, what awaiting it yields, and a place to keep that: the combinators
// take anything that co_await takes, not only tasks.
#pragma once

#include <counterflow/detail/export.hpp>

#include <coroutine>
#include <exception>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

namespace cf::detail {

template <class A>
concept has_member_co_await = requires(A&& a) { std::forward<A>(a).operator co_await(); };
template <class A>
concept has_free_co_await = requires(A&& a) { operator co_await(std::forward<A>(a)); };

/// The awaiter that `co_await std::forward<A>(a)` uses. Coroutines here keep it in a local and await that:
/// g++ 12 copies an awaiter that is an lvalue of any other kind, and then awaits the copy.
template <class A>
decltype(auto) get_awaiter(A&& a)
{
    if constexpr (has_member_co_await<A>) {
        return std::forward<A>(a).operator co_await();
    } else if constexpr (has_free_co_await<A>) {
        return operator co_await(std::forward<A>(a));
    } else {
        return std::forward<A>(a);
    }
}

template <class A>
using awaiter_of = decltype(get_awaiter(std::declval<A>()));

template <class A>
concept awaitable = requires(std::remove_reference_t<awaiter_of<A>>& awaiter) {
    awaiter.await_ready() ? 1 : 0;
    awaiter.await_resume();
};

template <awaitable A>
using await_result_t = decltype(std::declval<std::remove_reference_t<awaiter_of<A>>&>().await_resume());

/// void as a member of tuples and variants.
template <class T>
using no_void = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

/// A place for what an await yields, empty at first.
template <class T>
class value_slot {
    using stored = std::conditional_t<std::is_reference_v<T>, std::add_pointer_t<std::remove_reference_t<T>>,
                                      no_void<T>>;

public:
    template <class... U>
    void put(U&&... value)
    {
        if constexpr (std::is_reference_v<T>) {
            value_.emplace(std::addressof(value)...);
        } else {
            value_.emplace(std::forward<U>(value)...);
        }
    }

    /// The value, moved out; undefined when there is none.
    no_void<T> take()
    {
        if constexpr (std::is_reference_v<T>) {
            return static_cast<T>(**value_);
        } else {
            return std::move(*value_);
        }
    }

private:
    std::optional<stored> value_;
};

/// An awaitable that can be moved although its awaiter cannot: makes the awaiter when it is awaited.
template <class Awaiter, class... Args>
class [[nodiscard]] makes_awaiter {
public:
    explicit makes_awaiter(Args... args) noexcept : args_(args...) {}
    Awaiter operator co_await() const noexcept
    {
        return std::apply([](Args... args) { return Awaiter(args...); }, args_);
    }

private:
    std::tuple<Args...> args_;
};

/// Whether an exception says that a stop was requested.
CF_API bool is_canceled(const std::exception_ptr& exception) noexcept;

} // namespace cf::detail
