// SPDX-License-Identifier: MIT
//
// async_await: awaits what counterflow can await (tasks, streams, sleeps, ...) as an operation of Boost.Asio.
#pragma once

#include <counterflow/as_result.hpp>
#include <counterflow/asio/detail/await_operation.hpp>
#include <counterflow/detail/awaitable.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/system/error_code.hpp>

#include <concepts>
#include <type_traits>
#include <utility>

namespace cf::asio {

namespace detail {

template <class Value>
struct await_signature {
    using type = void(::boost::system::error_code, Value);
};
template <>
struct await_signature<void> {
    using type = void(::boost::system::error_code);
};

/// What an await of A completes with.
template <class A>
using await_signature_t =
    typename await_signature<cf::detail::result_value<cf::detail::await_result_t<A>>>::type;

template <class Executor>
struct initiate_await {
    using executor_type = Executor;
    executor_type get_executor() const noexcept { return executor; }

    template <class Handler, class A>
    void operator()(Handler&& handler, A&& what) const
    {
        await_operation<std::decay_t<A>, std::decay_t<Handler>, Executor>::start(
            service_of(executor), executor, std::forward<A>(what), std::forward<Handler>(handler));
    }

    Executor executor;
};

} // namespace detail

/// Runs `what`, a cf::task or anything else that counterflow can await, in the io_context of `executor`,
/// on the runtime of its devices (basic_device::native()). Completes with `void(error_code, T)`, or
/// `void(error_code)` for what yields nothing; with an error T is made by its default constructor. Handlers,
/// memory and threads: see basic_device. `what` is kept, so a task that is an lvalue has to be moved here. An
/// exception of `what` that is no std::system_error ends the program.
///
/// @par Per-operation cancellation
/// - terminal, partial: a stop request to `what`, which may have been done in part.
/// - total: not supported.
template <class Executor, cf::detail::awaitable A,
          class Token = ::boost::asio::default_completion_token_t<Executor>>
    requires(!std::derived_from<Executor, ::boost::asio::execution_context>)
auto async_await(const Executor& executor, A&& what, Token&& token = {})
{
    using kept = std::decay_t<A>;
    return ::boost::asio::async_initiate<Token, detail::await_signature_t<kept>>(
        detail::initiate_await<Executor>{executor}, token, kept(std::forward<A>(what)));
}

/// The same in an io_context.
template <class Context, cf::detail::awaitable A, class Token>
    requires std::derived_from<Context, ::boost::asio::execution_context>
auto async_await(Context& context, A&& what, Token&& token)
{
    return async_await(context.get_executor(), std::forward<A>(what), std::forward<Token>(token));
}

} // namespace cf::asio
