// SPDX-License-Identifier: MIT
//
// when_any: awaits several things at the same time until the first has ended. The others are
// stopped and awaited too: nothing is left behind.
#pragma once

#include <counterflow/detail/awaitable.hpp>
#include <counterflow/detail/branch_group.hpp>
#include <counterflow/detail/stop_state.hpp>
#include <counterflow/error.hpp>
#include <counterflow/when_all.hpp>

#include <array>
#include <coroutine>
#include <cstddef>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

namespace cf {

/// What when_any yields: who was first, and what it yielded.
template <class... T>
struct any_result {
    std::size_t index;        ///< of the first to end, in the order of the arguments
    std::variant<T...> value; ///< value.index() == index; std::monostate for void
};

/// What when_any of a vector yields. T is std::monostate for void.
template <class T>
struct any_of_vector_result {
    std::size_t index;
    T value;
};

namespace detail {

template <class... A>
class when_any_awaiter {
    using result = any_result<no_void<await_result_t<A>>...>;

public:
    explicit when_any_awaiter(std::tuple<A...>& what) noexcept : what_(what) {}

    bool await_ready() const noexcept { return false; }

    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> waiter)
    {
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            std::array<branch, sizeof...(A)> branches{
                run_branch<A>(std::get<I>(what_), std::get<I>(values_))...};
            group_.start(branches, waiter, stop_state_of(waiter));
        }(std::index_sequence_for<A...>());
    }

    result await_resume() { return pick<0>(group_.decided()); }

private:
    template <std::size_t I>
    result pick(std::size_t first)
    {
        if constexpr (I + 1 < sizeof...(A)) {
            if (first != I) return pick<I + 1>(first);
        }
        return {I, decltype(result::value)(std::in_place_index<I>, std::get<I>(values_).take())};
    }

    std::tuple<A...>& what_;
    std::tuple<value_slot<await_result_t<A>>...> values_;
    branch_group group_{branch_group::rule::first_to_end};
};

template <class... A>
class [[nodiscard]] when_any_awaitable {
public:
    explicit when_any_awaitable(A&&... what) : what_(std::forward<A>(what)...) {}
    when_any_awaiter<A...> operator co_await() && noexcept { return when_any_awaiter<A...>(what_); }

private:
    std::tuple<A...> what_;
};

template <class A>
class when_any_vector_awaiter {
public:
    explicit when_any_vector_awaiter(std::vector<A>& what) : branches_(what) {}

    bool await_ready() const
    {
        if (branches_.empty()) throw error(errc::bad_argument, "when_any of nothing would never end");
        return false;
    }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> waiter)
    {
        branches_.start(group_, waiter, stop_state_of(waiter));
    }
    any_of_vector_result<no_void<await_result_t<A>>> await_resume()
    {
        const std::size_t first = group_.decided();
        return {first, branches_.take(first)};
    }

private:
    vector_branches<A> branches_;
    branch_group group_{branch_group::rule::first_to_end};
};

template <class A>
class [[nodiscard]] when_any_vector_awaitable {
public:
    explicit when_any_vector_awaitable(std::vector<A>&& what) noexcept : what_(std::move(what)) {}
    when_any_vector_awaiter<A> operator co_await() && { return when_any_vector_awaiter<A>(what_); }

private:
    std::vector<A> what_;
};

} // namespace detail

/// Awaits everything in `what` at the same time until the first has ended, stops the others and waits for
/// them to end. Yields any_result: who was first and with which value. When the first has ended by an
/// exception, that is thrown. What the others do after the stop request is dropped, exceptions included.
template <detail::awaitable... A>
    requires(sizeof...(A) > 0)
auto when_any(A&&... what)
{
    return detail::when_any_awaitable<A...>(std::forward<A>(what)...);
}

/// The same for any number of alike things. Throws cf::error (errc::bad_argument) for none.
/// Allocates like when_all() of a vector.
template <detail::awaitable A>
auto when_any(std::vector<A> what)
{
    return detail::when_any_vector_awaitable<A>(std::move(what));
}

} // namespace cf
