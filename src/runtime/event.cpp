// SPDX-License-Identifier: MIT
//
// event: who waits, and in which order they go on.
#include <counterflow/event.hpp>

namespace cf {

bool detail::event_awaiter::suspend(std::coroutine_handle<> waiter, stop_state* stop) noexcept
{
    if (stop != nullptr && stop->requested()) {
        canceled_ = true;
        return false;
    }
    loop_ = &loop::current();
    waiter_.handle = waiter;
    event_.waiting_.push_back(*this);
    if (stop == nullptr) return true;
    hook_.self = this;
    stop->link(hook_, [](stop_hook& h) noexcept {
        event_awaiter& self = *static_cast<hook&>(h).self;
        self.unlink();
        self.canceled_ = true;
        self.loop_->make_ready(self.waiter_);
    });
    return true;
}

void event::set() noexcept
{
    set_ = true;
    while (detail::event_awaiter* const first = waiting_.pop_front()) {
        first->hook_.unlink(); // it has happened: a stop request comes too late
        first->loop_->make_ready(first->waiter_);
    }
}

} // namespace cf
