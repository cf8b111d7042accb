// SPDX-License-Identifier: MIT
//
// when_all: awaits several things at the same time, and all of them to the end.
#pragma once

#include <counterflow/detail/awaitable.hpp>
#include <counterflow/detail/branch_group.hpp>
#include <counterflow/detail/stop_state.hpp>

#include <array>
#include <coroutine>
#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace cf {

namespace detail {

template <class... A>
class when_all_awaiter {
public:
    explicit when_all_awaiter(std::tuple<A...>& what) noexcept : what_(what) {}

    bool await_ready() const noexcept { return sizeof...(A) == 0; }

    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> waiter)
    {
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            std::array<branch, sizeof...(A)> branches{
                run_branch<A>(std::get<I>(what_), std::get<I>(values_))...};
            group_.start(branches, waiter, stop_state_of(waiter));
        }(std::index_sequence_for<A...>());
    }

    std::tuple<no_void<await_result_t<A>>...> await_resume()
    {
        group_.decided();
        return std::apply(
            [](auto&... value) { return std::tuple<no_void<await_result_t<A>>...>{value.take()...}; },
            values_);
    }

private:
    std::tuple<A...>& what_;
    std::tuple<value_slot<await_result_t<A>>...> values_;
    branch_group group_{branch_group::rule::first_to_fail};
};

template <class... A>
class [[nodiscard]] when_all_awaitable {
public:
    explicit when_all_awaitable(A&&... what) : what_(std::forward<A>(what)...) {}
    when_all_awaiter<A...> operator co_await() && noexcept { return when_all_awaiter<A...>(what_); }

private:
    std::tuple<A...> what_;
};

/// Branches and values of a vector of awaitables.
template <class A>
class vector_branches {
public:
    explicit vector_branches(std::vector<A>& what) : what_(what), values_(what.size()) {}

    bool empty() const noexcept { return what_.empty(); }

    void start(branch_group& group, std::coroutine_handle<> waiter, stop_state* stop)
    {
        std::vector<branch> branches;
        branches.reserve(what_.size());
        for (std::size_t i = 0; i < what_.size(); ++i)
            branches.push_back(run_branch<A>(what_[i], values_[i]));
        group.start(branches, waiter, stop);
    }

    no_void<await_result_t<A>> take(std::size_t index) { return values_[index].take(); }

    auto take_all()
    {
        if constexpr (!std::is_void_v<await_result_t<A>>) {
            std::vector<await_result_t<A>> all;
            all.reserve(values_.size());
            for (auto& value : values_) all.push_back(value.take());
            return all;
        }
    }

private:
    std::vector<A>& what_;
    std::vector<value_slot<await_result_t<A>>> values_;
};

template <class A>
class when_all_vector_awaiter {
public:
    explicit when_all_vector_awaiter(std::vector<A>& what) : branches_(what) {}

    bool await_ready() const noexcept { return branches_.empty(); }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> waiter)
    {
        branches_.start(group_, waiter, stop_state_of(waiter));
    }
    auto await_resume()
    {
        group_.decided();
        return branches_.take_all();
    }

private:
    vector_branches<A> branches_;
    branch_group group_{branch_group::rule::first_to_fail};
};

template <class A>
class [[nodiscard]] when_all_vector_awaitable {
public:
    explicit when_all_vector_awaitable(std::vector<A>&& what) noexcept : what_(std::move(what)) {}
    when_all_vector_awaiter<A> operator co_await() && { return when_all_vector_awaiter<A>(what_); }

private:
    std::vector<A> what_;
};

} // namespace detail

/// Awaits everything in `what` at the same time. Yields a tuple of the values, in the order of the arguments,
/// with std::monostate in the place of void:
///
///     auto [sent, received] = co_await cf::when_all(dev.write(...), dev.read(...));
///
/// When one throws, the others get a stop request; the first exception is thrown when all have ended.
/// A stop request to the awaiting task reaches all. An lvalue is awaited in place, an rvalue is taken along.
template <detail::awaitable... A>
auto when_all(A&&... what)
{
    return detail::when_all_awaitable<A...>(std::forward<A>(what)...);
}

/// The same for any number of alike things. Yields a vector of the values, or nothing when they yield
/// nothing.
/// Allocates the values, and the branches while they start; the form above allocates nothing.
template <detail::awaitable A>
auto when_all(std::vector<A> what)
{
    return detail::when_all_vector_awaitable<A>(std::move(what));
}

} // namespace cf
