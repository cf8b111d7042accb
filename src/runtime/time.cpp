// SPDX-License-Identifier: MIT
//
// Sleeps and the guard of timeout().
#include <counterflow/time.hpp>

#include <string>

namespace cf::detail {
namespace {

// What has passed is due now.
std::uint64_t due_after(std::uint64_t start, clock::duration duration) noexcept
{
    return duration.count() > 0 ? start + static_cast<std::uint64_t>(duration.count()) : start;
}

} // namespace

sleep_awaiter::sleep_awaiter(clock::duration duration) noexcept
    : due_(due_after(loop::current().now(), duration))
{
}

sleep_awaiter::sleep_awaiter(clock::time_point when) noexcept : due_(due_after(0, when.time_since_epoch())) {}

bool sleep_awaiter::suspend(std::coroutine_handle<> waiter, stop_state* stop) noexcept
{
    if (stop != nullptr && stop->requested()) {
        canceled_ = true;
        return false;
    }
    loop_ = &loop::current();
    waiter_.handle = waiter;
    alarm_.self = hook_.self = this;
    alarm_.fire = [](timer& t) noexcept {
        sleep_awaiter& self = *static_cast<alarm&>(t).self;
        self.hook_.unlink();
        self.loop_->make_ready(self.waiter_);
    };
    loop_->add_timer(alarm_, due_);
    if (stop == nullptr) return true;
    stop->link(hook_, [](stop_hook& h) noexcept {
        sleep_awaiter& self = *static_cast<hook&>(h).self;
        self.loop_->cancel_timer(self.alarm_);
        self.canceled_ = true;
        self.loop_->make_ready(self.waiter_);
    });
    return true;
}

void deadline_guard::arm() noexcept
{
    loop& l = loop::current();
    alarm_.self = this;
    alarm_.fire = [](timer& t) noexcept {
        deadline_guard& self = *static_cast<alarm&>(t).self;
        self.expired_ = !self.state_.requested();
        self.state_.request();
    };
    l.add_timer(alarm_, due_after(l.now(), limit_));
}

std::suspend_never deadline_guard::disarm() noexcept
{
    loop::current().cancel_timer(alarm_);
    return {};
}

void deadline_guard::check(const std::exception_ptr& exception) const
{
    if (!expired_ || !is_canceled(exception)) return;
    throw error(errc::timed_out, "timeout of " + std::to_string(limit_.count()) + " ns");
}

} // namespace cf::detail
