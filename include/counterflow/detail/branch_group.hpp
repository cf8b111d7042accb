// SPDX-License-Identifier: MIT
//
// branch_group: the common part of when_all and when_any. Starts branches under one stop_state,
// and resumes the waiter when all of them have ended, whatever happened.
#pragma once

#include <counterflow/detail/branch.hpp>
#include <counterflow/detail/export.hpp>
#include <counterflow/detail/loop.hpp>
#include <counterflow/detail/stop_state.hpp>

#include <coroutine>
#include <cstddef>
#include <exception>
#include <span>

namespace cf::detail {

class CF_API branch_group : branch_owner {
public:
    /// What makes a branch decide the outcome and stop the others.
    enum class rule : bool {
        first_to_fail, ///< when_all
        first_to_end,  ///< when_any
    };

    explicit branch_group(rule decides) noexcept;
    branch_group(const branch_group&) = delete;
    branch_group& operator=(const branch_group&) = delete;

    /// At least one branch.
    void start(std::span<branch> branches, std::coroutine_handle<> waiter, stop_state* stop) noexcept;

    /// When all have ended: the index of the branch that decided; its exception is thrown.
    std::size_t decided() const
    {
        if (exception_ != nullptr) std::rethrow_exception(exception_);
        return decided_;
    }

private:
    static constexpr std::size_t nobody = ~std::size_t{0};

    void branch_ended(std::size_t index, std::exception_ptr exception) noexcept;

    nested_stop_state stop_;
    std::size_t running_ = 0;
    std::size_t decided_ = nobody;
    std::exception_ptr exception_;
    resumable waiter_{};
    rule rule_;
};

} // namespace cf::detail
