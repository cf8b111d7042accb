// SPDX-License-Identifier: MIT
//
// The messages of counterflow's error category: each names the cause and the way out.
#include <counterflow/as_result.hpp>
#include <counterflow/error.hpp>

namespace cf {
namespace {

const char* text(errc value) noexcept
{
    switch (value) {
    case errc::bad_spec: return "bad device spec; see docs/specs.md for the grammar";
    case errc::bad_argument: return "argument outside its range; see the function's documentation";
    case errc::zero_length: return "a transfer of no bytes; skip the call instead";
    case errc::out_of_range: return "the range leaves its buffer or window; check offset and size";
    case errc::misaligned:
        return "address or size is not aligned as the engine needs it; see `counterflow info`";
    case errc::not_registered: return "the memory is not in a buffer of this device; register it first";
    case errc::not_supported: return "not supported by this device or kernel; see `counterflow info`";
    case errc::no_such_device: return "no such device; `counterflow list` shows what there is";
    case errc::no_such_window: return "no such window; `counterflow info` shows the device's windows";
    case errc::no_such_channel: return "no such channel; `counterflow info` shows the device's channels";
    case errc::busy: return "in use by someone else; try again when it is released";
    case errc::not_set_up: return "this system does not give the device to programs yet; see docs/vfio.md";
    case errc::memlock_exceeded:
        return "RLIMIT_MEMLOCK does not allow pinning that much; raise it with `ulimit -l` or LimitMEMLOCK=";
    case errc::no_memory: return "memory could not be had; use smaller or fewer buffers";
    case errc::io_uring_refused:
        return "io_uring is not available; it needs Linux 5.10, kernel.io_uring_disabled=0 and a seccomp "
               "filter that lets it through";
    case errc::canceled: return "canceled by a stop request";
    case errc::timed_out: return "the deadline passed";
    case errc::unsupported_request:
        return "the far end answered UR (unsupported request): nobody decodes that address; check the "
               "window's address and the far end's BAR or iATU";
    case errc::completer_abort:
        return "the far end answered CA (completer abort): it refused the access; check its own log";
    case errc::completion_timeout:
        return "no completion came back for a read request; check that the far end's memory is powered and "
               "mapped";
    case errc::data_poisoned: return "a completion arrived poisoned: the far end's memory reported bad data";
    case errc::local_bus_error:
        return "the engine's own bus answered with an error; check the buffer's mapping (IOMMU) and the "
               "window's local address";
    case errc::list_fetch_error:
        return "the engine could not fetch a list element; check the mapping of list memory";
    case errc::aborted: return "the engine aborted without giving a cause; see the kernel log of both ends";
    case errc::link_down: return "the link is down; transfers work again once it is up";
    case errc::device_gone: return "the device is gone or its engine cannot be proven stopped; open it again";
    case errc::bad_record: return "not a record of blocks, or another kind than this one; see docs/record.md";
    case errc::verification_failed: return "the data that arrived differs from the data that was sent";
    case errc::bad_ring: return "there is no ring that counterflow knows; see ring_layout.h and make_ring()";
    case errc::overrun:
        return "the source has overwritten blocks before they were read; read faster, or give it more slots";
    case errc::out_of_step:
        return "the other end's position does not follow from what it said before; it was restarted, or "
               "writes "
               "its line wrongly";
    }
    return "unknown counterflow error";
}

class counterflow_category final : public std::error_category {
public:
    const char* name() const noexcept override { return "counterflow"; }
    std::string message(int value) const override { return text(static_cast<errc>(value)); }

    /// Lets portable code test for std::errc::operation_canceled, timed_out and the like.
    std::error_condition default_error_condition(int value) const noexcept override
    {
        switch (static_cast<errc>(value)) {
        case errc::canceled: return std::errc::operation_canceled;
        case errc::timed_out: return std::errc::timed_out;
        case errc::busy: return std::errc::device_or_resource_busy;
        case errc::no_memory:
        case errc::memlock_exceeded: return std::errc::not_enough_memory;
        case errc::not_supported: return std::errc::not_supported;
        case errc::no_such_device:
        case errc::device_gone: return std::errc::no_such_device;
        case errc::bad_argument:
        case errc::zero_length:
        case errc::misaligned: return std::errc::invalid_argument;
        default: return {value, *this};
        }
    }
};

} // namespace

const std::error_category& category() noexcept
{
    static const counterflow_category instance;
    return instance;
}

std::string failure::message() const
{
    return detail.empty() ? code.message() : detail + ": " + code.message();
}

failure detail::failure_of(const std::system_error& e)
{
    std::string detail = e.what();
    for (const std::string& end : {e.code().message(), std::string(": ")}) {
        if (detail.ends_with(end)) detail.resize(detail.size() - end.size());
    }
    return {e.code(), std::move(detail)};
}

error::error(failure f) : std::system_error(f.code), detail_(std::move(f.detail))
{
    message_ = failure{code(), detail_}.message();
}

} // namespace cf
