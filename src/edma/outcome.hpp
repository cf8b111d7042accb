// SPDX-License-Identifier: MIT
//
// How a segment ended, as the driver tells its owner, and what that means as an error of the
// library. For whoever drives an edma::engine: the device façade, or a loop written by hand.
#pragma once

#include <counterflow/error.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace cf::edma {

/// How one segment ended. After any of these but `gone` and `link_down` the engine does not
/// touch the segment's memory again. After those two it may, for as long as it can reach it: the
/// memory is released behind attachment::unmap() and not before.
enum class outcome : std::uint8_t {
    done,    ///< moved completely
    skipped, ///< not (or not completely) moved: its owner failed elsewhere, was dropped, or the engine was
             ///< stopped
    unsupported_request, ///< UR: nobody at the far end decodes the address
    completer_abort,     ///< CA: the far end refused
    completion_timeout,  ///< no completion for a read request
    data_poisoned,       ///< a completion with its poison bit set
    local_bus_error,     ///< the engine's own bus answered with an error
    list_fetch_error,    ///< the engine could not fetch the segment's list element
    aborted,             ///< the engine gave no cause, or lost its state (it was reset)
    timed_out,           ///< no progress for hang_timeout_ns; the channel was stopped, and proven to be
    link_down,           ///< the engine may still hold the address, until engine::state() is up or stopped
    gone                 ///< the engine cannot be proven stopped, and never will be
};
inline constexpr std::size_t outcome_count = 12;

constexpr std::string_view to_string(outcome o) noexcept
{
    constexpr std::string_view names[outcome_count] = {"done",
                                                       "skipped",
                                                       "unsupported_request",
                                                       "completer_abort",
                                                       "completion_timeout",
                                                       "data_poisoned",
                                                       "local_bus_error",
                                                       "list_fetch_error",
                                                       "aborted",
                                                       "timed_out",
                                                       "link_down",
                                                       "gone"};
    return names[static_cast<std::size_t>(o)];
}

/// The library's error for an outcome; errc{} (0) for `done`. A skipped segment has no cause of
/// its own, so it reads as canceled: its owner knows the cause already.
constexpr errc to_errc(outcome o) noexcept
{
    switch (o) {
    case outcome::done: return errc{};
    case outcome::skipped: return errc::canceled;
    case outcome::unsupported_request: return errc::unsupported_request;
    case outcome::completer_abort: return errc::completer_abort;
    case outcome::completion_timeout: return errc::completion_timeout;
    case outcome::data_poisoned: return errc::data_poisoned;
    case outcome::local_bus_error: return errc::local_bus_error;
    case outcome::list_fetch_error: return errc::list_fetch_error;
    case outcome::aborted: return errc::aborted;
    case outcome::timed_out: return errc::timed_out;
    case outcome::link_down: return errc::link_down;
    case outcome::gone: return errc::device_gone;
    }
    return errc::aborted;
}

/// True for the causes after which the whole direction of the engine has to be disabled and
/// enabled again before it can be trusted; the others concern one channel only.
constexpr bool needs_engine_restart(outcome o) noexcept
{
    return o == outcome::data_poisoned || o == outcome::local_bus_error || o == outcome::list_fetch_error;
}

} // namespace cf::edma
