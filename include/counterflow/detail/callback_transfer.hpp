// SPDX-License-Identifier: MIT
//
// callback_transfer: a transfer that calls a function where others resume a coroutine. What interfaces
// without coroutines are made of.
#pragma once

#include <counterflow/detail/loop.hpp>
#include <counterflow/detail/pseudo_frame.hpp>
#include <counterflow/detail/stop_state.hpp>
#include <counterflow/detail/transfer_state.hpp>
#include <counterflow/transfer.hpp>

#include <cstddef>

namespace cf::detail {

/// A base or member of whoever owns the transfer. From start() until `ended` is called it stays where it is.
struct callback_transfer : pseudo_frame {
    /// `ended` is called with the address of this pseudo_frame, from the loop.
    callback_transfer(const cf::transfer& what, void (*ended)(void*) noexcept) noexcept
        : pseudo_frame{ended}, request_(what.request())
    {
    }
    callback_transfer(const callback_transfer&) = delete;
    callback_transfer& operator=(const callback_transfer&) = delete;

    static callback_transfer& of(void* frame) noexcept
    {
        return static_cast<callback_transfer&>(*static_cast<pseudo_frame*>(frame));
    }

    /// On the thread of `on`, the loop of the transfer's device; it need not be running.
    void start(loop& on) noexcept
    {
        state_.handle = handle();
        stop_.belong_to(on);
        if (!start_transfer(state_, request_, &stop_)) on.make_ready(state_);
    }

    /// It ends as soon as it can be stopped, still in a turn of the loop.
    void request_stop() noexcept { stop_.request(); }

    /// Between start() and the end: whether the engine has been given nothing of it.
    bool untouched() const noexcept { return state_.in_engine == 0 && state_.remaining == request_.size; }

    // Once it has ended.
    errc outcome() noexcept { return settle(state_); } ///< errc{}: done
    failure describe() { return describe_failure(state_, request_); }
    std::size_t size() const noexcept { return request_.size; } ///< bytes asked for
    transfer_kind kind() const noexcept { return request_.kind; }

private:
    transfer_request request_;
    transfer_state state_;
    stop_state stop_;
};

} // namespace cf::detail
