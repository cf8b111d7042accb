// SPDX-License-Identifier: MIT
//
// scope: counts what runs in it.
#include <counterflow/scope.hpp>

#include <cstdio>
#include <cstdlib>

namespace cf {

scope::scope() noexcept
{
    ended = [](branch_owner& owner, std::size_t, std::exception_ptr exception) noexcept {
        static_cast<scope&>(owner).branch_ended(std::move(exception));
    };
}

void scope::branch_ended(std::exception_ptr exception) noexcept
{
    if (exception != nullptr && !(stopped_by_owner_ && detail::is_canceled(exception)))
        fail(std::move(exception));
    if (--running_ == 0 && waiter_.handle) detail::transfer(waiter_);
}

scope::~scope()
{
    if (running_ == 0) return;
    std::fprintf(
        stderr,
        "counterflow: a scope was destroyed while %zu things still run in it; co_await scope.join() on "
        "every way out, or use cf::with_scope()\n",
        running_);
    std::abort();
}

void scope::fail(std::exception_ptr exception) noexcept
{
    if (first_ == nullptr) first_ = std::move(exception);
    stop_.request();
}

void scope::start(detail::branch b) noexcept
{
    ++running_;
    b.start(detail::loop::current(), &stop_, *this, 0);
}

} // namespace cf
