// SPDX-License-Identifier: MIT
//
// A stop request, handed on to all who wait under a stop_state.
#include <counterflow/detail/loop.hpp>
#include <counterflow/detail/stop_state.hpp>

namespace cf::detail {

void stop_state::request() noexcept
{
    if (requested_) return;
    requested_ = true;
    while (promise_base* coroutine = enlisted_.pop_front()) {
        coroutine->unlisted = this; // its next operation comes to the slow way, and sees the request
        loop_->cancel_operation_of(*coroutine);
    }
    while (stop_hook* hook = hooks_.pop_front()) hook->fn(*hook);
}

} // namespace cf::detail
