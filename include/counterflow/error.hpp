// SPDX-License-Identifier: MIT
//
// The one error convention of counterflow: an error is a std::error_code of counterflow's
// category (or of the system's), together with a sentence that says where and which value.
// Awaits throw `cf::error`; their result form (see result.hpp) returns a `cf::failure`.
#pragma once

#include <counterflow/detail/export.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

namespace cf {

/// What can go wrong. Every value has a message that names the cause and the way out.
enum class errc : std::uint8_t {
    // The caller asked for something that cannot be done. Nothing was touched.
    bad_spec = 1,    ///< a device spec that does not parse, or an impossible value in it
    bad_argument,    ///< an argument outside its documented range
    zero_length,     ///< a transfer of no bytes
    out_of_range,    ///< a range that leaves its buffer or window, 64-bit wrap included
    misaligned,      ///< an address or size the engine cannot move
    not_registered,  ///< memory that no live buffer of this device covers
    not_supported,   ///< this device, engine or kernel has no such thing
    no_such_device,  ///< nothing is found under that name
    no_such_window,  ///< the device declares no window of that name
    no_such_channel, ///< the device has no such channel, or it is leased to someone else
    busy,            ///< held by someone else at the moment
    not_set_up,      ///< the system does not let programs have the device yet; the detail has what to do
    // The system refused a resource. Nothing was touched.
    memlock_exceeded, ///< RLIMIT_MEMLOCK does not allow pinning that much
    no_memory,        ///< memory could not be had
    io_uring_refused, ///< io_uring is missing, disabled or filtered
    // The wait ended without the work being done.
    canceled,  ///< a stop was requested
    timed_out, ///< the deadline passed
    // The engine aborted the transfer; what its range holds is undefined.
    unsupported_request, ///< completion with UR: nobody at the far end decodes that address
    completer_abort,     ///< completion with CA: the far end refused
    completion_timeout,  ///< no completion came back for a read request
    data_poisoned,       ///< a completion arrived with its poison bit set
    local_bus_error,     ///< the engine's own bus answered with an error
    list_fetch_error,    ///< the engine could not fetch a list element
    aborted,             ///< the engine aborted and gave no cause
    // The device is not there.
    link_down,   ///< the link is down; transfers work again once it is up
    device_gone, ///< the device was removed, or its engine cannot be proven stopped
    // Checks.
    verification_failed, ///< data that arrived differs from data that was sent
    // Streams.
    bad_ring,    ///< there is no ring header at that place of far memory, or an impossible one
    overrun,     ///< blocks were overwritten by their source before they were read
    out_of_step, ///< the other end's position, or a block's number, does not follow from what was before
    // Records.
    bad_record, ///< a file is no record, or another one than was expected
};

/// counterflow's error category; its name is "counterflow".
CF_API const std::error_category& category() noexcept;

inline std::error_code make_error_code(errc value) noexcept { return {static_cast<int>(value), category()}; }

/// An error and where it happened. `detail` names the operation and the value at fault ("read
/// of 4096 bytes at ram+0x3fffff800"); what to do about it is in the code's own message.
struct failure {
    std::error_code code; ///< never zero
    std::string detail;

    /// "detail: what is wrong; what to do".
    CF_API std::string message() const;
};

/// What a throwing await throws. Also a std::system_error, so `code()` is the error code and
/// `what()` the whole sentence.
class CF_API error : public std::system_error {
public:
    explicit error(failure f);
    error(errc code, std::string detail) : error(failure{make_error_code(code), std::move(detail)}) {}

    const std::string& detail() const noexcept { return detail_; }
    const char* what() const noexcept override { return message_.c_str(); }

private:
    std::string detail_;
    std::string message_;
};

} // namespace cf

template <>
struct std::is_error_code_enum<cf::errc> : std::true_type {};
