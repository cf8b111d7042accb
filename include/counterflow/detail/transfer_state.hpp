// SPDX-License-Identifier: MIT
//
// transfer_state: a transfer that has been started, as the scheduler keeps it. It lies in the
// awaiting coroutine's frame; from start_transfer() until its waiter is made ready it belongs
// to the scheduler, which links it, points the engine's list at it and unlinks it again.
#pragma once

#include <counterflow/detail/loop.hpp>
#include <counterflow/detail/stop_state.hpp>

#include <cstdint>

namespace cf::detail {

class device_core;
struct region;

struct transfer_state : resumable {
    // What start_transfer() sets is left uninitialised before.
    transfer_state() noexcept {}

    device_core* core; ///< null when the device was closed before its waiter could ask why it failed
    region* memory;
    std::uint64_t near_address;  ///< of the next byte to hand over, as the engine sees it
    std::uint64_t far_address;   ///< likewise at the far end
    std::uint64_t remaining;     ///< bytes not yet handed to a channel
    std::uint32_t in_engine = 0; ///< segments handed over and not yet reported back
    std::uint8_t error = 0;      ///< errc, 0 while all is well
    std::uint8_t kind;           ///< transfer_kind
    std::uint8_t priority;       ///< cf::priority
    std::uint8_t channel;        ///< any_channel or the leased one
    bool queued = false;         ///< linked into a backlog
    bool unasked = false;        ///< linked into its device's list of those that have failed unheard
    std::uint8_t round;          ///< of the backlog's wheel, while queued
    std::uint16_t channels = 0;  ///< that were given some of it, as the scheduler counts them

    transfer_state* queue_next = nullptr;
    transfer_state* queue_prev = nullptr;
    std::uint64_t size;

    struct stopper : stop_hook {
        transfer_state* self;
    } stop;
    struct deadline : timer {
        transfer_state* self;
    } alarm;
};

} // namespace cf::detail
