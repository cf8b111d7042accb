// SPDX-License-Identifier: MIT
//
// Carries a stop request to the runtime's thread.
#include <counterflow/detail/stop_bridge.hpp>

#include <utility>

namespace cf::detail {

stop_bridge::stop_bridge(std::stop_token token) noexcept : token_(std::move(token)), loop_(&loop::current())
{
}

void stop_bridge::arm() { callback_.emplace(token_, request{this}); }

// On whatever thread requests. That thread's stop_callback keeps this object alive: the
// coroutine's disarm() blocks until the call has returned.
void stop_bridge::requested() noexcept
{
    if (this_thread.current == loop_) return state_.request();
    message_.bridge = this;
    message_.run = [](posted& p) noexcept {
        stop_bridge& self = *static_cast<message&>(p).bridge;
        self.arrived_ = true;
        self.state_.request();
        if (self.waiter_ != nullptr) self.loop_->make_ready(*self.waiter_);
    };
    posted_ = true;
    loop_->post(message_);
}

stop_bridge::disarm_awaiter stop_bridge::disarm() noexcept
{
    callback_.reset();
    return disarm_awaiter(*this);
}

} // namespace cf::detail
