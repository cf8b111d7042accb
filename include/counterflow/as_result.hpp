// SPDX-License-Identifier: MIT
//
// as_result: the form of every await that returns a cf::result instead of throwing.
#pragma once

#include <counterflow/detail/awaitable.hpp>
#include <counterflow/detail/export.hpp>
#include <counterflow/result.hpp>

#include <coroutine>
#include <functional>
#include <system_error>
#include <type_traits>
#include <utility>

namespace cf {

namespace detail {

/// Awaiters that can tell of a failure without throwing.
template <class Awaiter>
concept resumes_with_result = requires(Awaiter& awaiter) { awaiter.await_resume_result(); };

/// What the result of an await that yields T holds.
template <class T>
using result_value =
    std::conditional_t<std::is_lvalue_reference_v<T>, std::reference_wrapper<std::remove_reference_t<T>>,
                       std::remove_cvref_t<T>>;

/// Without the code's message, which failure::message() adds again.
CF_API failure failure_of(const std::system_error& e);

template <class A>
class as_result_awaiter {
    using value = result_value<await_result_t<A>>;

public:
    explicit as_result_awaiter(std::remove_reference_t<A>& what) : inner_(get_awaiter(std::forward<A>(what)))
    {
    }
    as_result_awaiter(const as_result_awaiter&) = delete;
    as_result_awaiter& operator=(const as_result_awaiter&) = delete;

    bool await_ready() { return inner_.await_ready() ? true : false; }

    template <class Promise>
    auto await_suspend(std::coroutine_handle<Promise> waiter)
    {
        return inner_.await_suspend(waiter);
    }

    result<value> await_resume()
    {
        if constexpr (resumes_with_result<std::remove_reference_t<awaiter_of<A>>>) {
            return inner_.await_resume_result();
        } else {
            try {
                if constexpr (std::is_void_v<value>) {
                    inner_.await_resume();
                    return {};
                } else {
                    return value(inner_.await_resume());
                }
            } catch (const error& e) {
                return failure{e.code(), e.detail()};
            } catch (const std::system_error& e) {
                return failure_of(e);
            }
        }
    }

private:
    awaiter_of<A> inner_;
};

template <class A>
class [[nodiscard]] as_result_awaitable {
public:
    explicit as_result_awaitable(A&& what) : what_(std::forward<A>(what)) {}
    as_result_awaiter<A> operator co_await() && { return as_result_awaiter<A>(what_); }

private:
    A what_;
};

} // namespace detail

/// Awaits `what` and yields a result: its value, or the failure that it would have thrown as cf::error or
/// another std::system_error. Other exceptions are thrown on. Operations of counterflow (transfers, reads,
/// sleeps, ...) make no exception in this form. The result of what yields a reference holds a
/// std::reference_wrapper. An lvalue is awaited in place, an rvalue is taken along.
///
///     auto got = co_await cf::as_result(cf::read_at(file, block, 0));
///     if (!got) log(got.error().message());
template <detail::awaitable A>
auto as_result(A&& what)
{
    return detail::as_result_awaitable<A>(std::forward<A>(what));
}

} // namespace cf
