// SPDX-License-Identifier: MIT
//
// What when_all and when_any have in common, and the owner of branches that have none.
#include <counterflow/detail/branch_group.hpp>

#include <system_error>
#include <utility>

namespace cf::detail {

branch_group::branch_group(rule decides) noexcept : rule_(decides)
{
    ended = [](branch_owner& owner, std::size_t index, std::exception_ptr exception) noexcept {
        static_cast<branch_group&>(owner).branch_ended(index, std::move(exception));
    };
}

void branch_group::start(std::span<branch> branches, std::coroutine_handle<> waiter,
                         stop_state* stop) noexcept
{
    loop& l = loop::current();
    waiter_.handle = waiter;
    running_ = branches.size();
    stop_.obey(stop);
    std::size_t index = 0;
    for (branch& b : branches) b.start(l, &stop_, *this, index++);
}

void branch_group::branch_ended(std::size_t index, std::exception_ptr exception) noexcept
{
    if (decided_ == nobody && (exception != nullptr || rule_ == rule::first_to_end)) {
        decided_ = index;
        exception_ = std::move(exception);
        stop_.request();
    }
    if (--running_ == 0) transfer(waiter_);
}

branch_owner& nobody() noexcept
{
    static constinit branch_owner owner{
        [](branch_owner&, std::size_t, std::exception_ptr exception) noexcept {
            if (exception != nullptr) std::rethrow_exception(std::move(exception)); // ends the program
        }};
    return owner;
}

bool is_canceled(const std::exception_ptr& exception) noexcept
{
    try {
        std::rethrow_exception(exception);
    } catch (const std::system_error& e) {
        return e.code() == std::errc::operation_canceled;
    } catch (...) {
        return false;
    }
}

} // namespace cf::detail
