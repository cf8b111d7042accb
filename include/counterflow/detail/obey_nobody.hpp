// SPDX-License-Identifier: MIT
//
// obey_nobody: for what has to be finished whoever asks for a stop.
#pragma once

#include <counterflow/detail/stop_state.hpp>

#include <concepts>
#include <coroutine>

namespace cf::detail {

/// Once awaited, the later awaits of this coroutine, and of what it awaits, obey no stop request.
struct obey_nobody {
    bool await_ready() const noexcept { return false; }
    template <std::derived_from<promise_base> Promise>
    bool await_suspend(std::coroutine_handle<Promise> self) noexcept
    {
        self.promise().end();
        self.promise().begin(nullptr);
        return false;
    }
    void await_resume() const noexcept {}
};

} // namespace cf::detail
