// SPDX-License-Identifier: MIT
//
// Outcomes by name.
#include "torture/tally.hpp"

namespace cf::torture {

std::string outcome_name(std::size_t outcome)
{
    if (outcome == 0) return "done";
    switch (static_cast<errc>(outcome)) {
    case errc::bad_spec: return "bad_spec";
    case errc::bad_argument: return "bad_argument";
    case errc::zero_length: return "zero_length";
    case errc::out_of_range: return "out_of_range";
    case errc::misaligned: return "misaligned";
    case errc::not_registered: return "not_registered";
    case errc::not_supported: return "not_supported";
    case errc::no_such_device: return "no_such_device";
    case errc::no_such_window: return "no_such_window";
    case errc::no_such_channel: return "no_such_channel";
    case errc::busy: return "busy";
    case errc::not_set_up: return "not_set_up";
    case errc::memlock_exceeded: return "memlock_exceeded";
    case errc::no_memory: return "no_memory";
    case errc::io_uring_refused: return "io_uring_refused";
    case errc::canceled: return "canceled";
    case errc::timed_out: return "timed_out";
    case errc::unsupported_request: return "unsupported_request";
    case errc::completer_abort: return "completer_abort";
    case errc::completion_timeout: return "completion_timeout";
    case errc::data_poisoned: return "data_poisoned";
    case errc::local_bus_error: return "local_bus_error";
    case errc::list_fetch_error: return "list_fetch_error";
    case errc::aborted: return "aborted";
    case errc::link_down: return "link_down";
    case errc::device_gone: return "device_gone";
    case errc::verification_failed: return "verification_failed";
    default: break; // of streams, not of transfers
    }
    return std::to_string(outcome);
}

} // namespace cf::torture
