// SPDX-License-Identifier: MIT
//
// The four messages of run_on().
#include <counterflow/run_on.hpp>

#include <utility>

namespace cf::detail {

crossing::crossing() noexcept
{
    ended = [](branch_owner& owner, std::size_t, std::exception_ptr exception) noexcept {
        auto& self = static_cast<crossing&>(owner);
        self.exception_ = std::move(exception);
        self.here_->post(self.end_);
    };
    for (message* m : {&start_, &end_, &request_, &receipt_}) m->self = this;
    start_.run = started;
    end_.run = finished;
    request_.run = stop_arrived;
    receipt_.run = stop_received;
    hook_.self = this;
}

void crossing::begin(loop& there, branch (*make)(crossing&), std::coroutine_handle<> waiter,
                     stop_state* stop) noexcept
{
    here_ = &loop::current();
    there_ = &there;
    make_ = make;
    waiter_.handle = waiter;
    if (stop != nullptr && stop->requested()) stop_.request(); // before it is shared
    if (stop != nullptr && !stop->requested()) {
        stop->link(hook_, [](stop_hook& h) noexcept {
            crossing& self = *static_cast<hook&>(h).self;
            self.stopping_ = true;
            self.there_->post(self.request_);
        });
    }
    there_->post(start_);
}

// There. Posts of one thread arrive in order, so this comes before a stop request.
void crossing::started(posted& p) noexcept
{
    crossing& self = *static_cast<message&>(p).self;
    try {
        self.make_(self).start(*self.there_, &self.stop_, self, 0);
    } catch (...) { // no memory for its frame
        self.ended(self, 0, std::current_exception());
    }
}

// There.
void crossing::stop_arrived(posted& p) noexcept
{
    crossing& self = *static_cast<message&>(p).self;
    self.stop_.request();
    self.here_->post(self.receipt_);
}

// Here. The frame of the branch is gone, or about to go without touching this object.
void crossing::finished(posted& p) noexcept
{
    crossing& self = *static_cast<message&>(p).self;
    self.hook_.unlink();
    self.finished_ = true;
    self.resume_if_settled();
}

// Here.
void crossing::stop_received(posted& p) noexcept
{
    crossing& self = *static_cast<message&>(p).self;
    self.stopping_ = false;
    self.resume_if_settled();
}

void crossing::resume_if_settled() noexcept
{
    if (finished_ && !stopping_) here_->make_ready(waiter_);
}

} // namespace cf::detail
