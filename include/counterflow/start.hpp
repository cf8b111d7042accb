// SPDX-License-Identifier: MIT
//
// start: awaits something on behalf of code that is no coroutine, and calls it back.
#pragma once

#include <counterflow/as_result.hpp>
#include <counterflow/detail/awaitable.hpp>
#include <counterflow/detail/branch.hpp>
#include <counterflow/result.hpp>
#include <counterflow/runtime.hpp>

#include <concepts>
#include <type_traits>
#include <utility>

namespace cf {

namespace detail {

template <class A, class F>
branch run_and_call(A what, F done)
{
    auto outcome = co_await as_result(std::move(what));
    done(std::move(outcome));
}

} // namespace detail

/// Awaits `what` on `loop`, and calls `done` with a result: its value, or the failure it would have thrown.
/// Both are kept until then, so a task that is an lvalue has to be moved here. Nothing happens before the
/// loop turns: in its run(), or the next drain(). `done` is called from there, once.
///
///     cf::start(loop, dev.write(block, far.at(0)), [](const cf::result<std::size_t>& moved) { ... });
///
/// What `done` throws ends the program, and so does an exception of `what` that is no std::system_error.
/// A stop request reaches `what` through cf::with_stop(). Throws std::bad_alloc when there is no memory for a
/// coroutine frame; frames are recycled, so once warm nothing is allocated.
///
/// Thread rule: the loop's thread; or any before the loop has first run. `loop` outlives the call of `done`.
template <detail::awaitable A, class F>
    requires std::invocable<std::decay_t<F>&,
                            result<detail::result_value<detail::await_result_t<std::decay_t<A>>>>>
void start(runtime& loop, A&& what, F&& done)
{
    detail::run_and_call<std::decay_t<A>, std::decay_t<F>>(std::forward<A>(what), std::forward<F>(done))
        .start(loop, nullptr, detail::nobody(), 0);
}

} // namespace cf
