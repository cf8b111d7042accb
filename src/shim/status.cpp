// SPDX-License-Identifier: MIT
//
// Tables between the module's words and the library's.
#include "shim/status.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <string>

namespace cf::shim {
namespace {

constexpr std::array by_status{
    errc{},
    errc::unsupported_request,
    errc::completer_abort,
    errc::completion_timeout,
    errc::data_poisoned,
    errc::local_bus_error,
    errc::list_fetch_error,
    errc::aborted,
    errc::link_down,
    errc::device_gone,
    errc::timed_out,
    errc::canceled,
    errc::no_memory,
};
static_assert(by_status.size() == CF_STATUS_NO_MEMORY + 1);

constexpr bool has(const cf_info& info, kernel_way way) noexcept
{
    switch (way) {
    case kernel_way::uring_cmd: return (info.features & CF_FEATURE_URING_CMD) != 0;
    case kernel_way::rw: return (info.features & CF_FEATURE_ASYNC_RW) != 0;
    case kernel_way::ring: return true;
    }
    return false;
}

} // namespace

errc to_errc(int number) noexcept
{
    switch (number) {
    case 0: return errc{};
    // How a transfer ended.
    case ENXIO: return errc::unsupported_request;
    case EREMOTEIO: return errc::completer_abort;
    case ETIMEDOUT: return errc::completion_timeout;
    case EBADMSG: return errc::data_poisoned;
    case ECOMM: return errc::local_bus_error;
    case EBADSLT: return errc::list_fetch_error;
    case EIO: return errc::aborted;
    case ENOLINK: return errc::link_down;
    case ENODEV: return errc::device_gone;
    case ETIME: return errc::timed_out;
    case ECANCELED:
    case EINTR: return errc::canceled;
    case ENOMEM: return errc::no_memory;
    // Why one was refused.
    case E2BIG:
    case ENOTTY:
    case EACCES:
    case EOPNOTSUPP: return errc::not_supported;
    case ERANGE: return errc::out_of_range;
    case EADDRNOTAVAIL: return errc::misaligned;
    case ESTALE: return errc::not_registered;
    case ENOENT: return errc::no_such_window;
    case ECHRNG: return errc::no_such_channel;
    case EBUSY:
    case EAGAIN: return errc::busy;
    default: return errc::bad_argument;
    }
}

errc status_to_errc(std::uint32_t status) noexcept
{
    return status < by_status.size() ? by_status[status] : errc::aborted;
}

kernel_way choose_way(const cf_info& info, std::optional<kernel_way> wanted, std::string_view device)
{
    if (!wanted) return has(info, kernel_way::uring_cmd) ? kernel_way::uring_cmd : kernel_way::ring;
    if (!has(info, *wanted))
        throw error(errc::not_supported,
                    std::string(device) + ": this kernel does not complete transfers by " +
                        std::string(to_string(*wanted)) + "; leave complete= out, or take ring");
    return *wanted;
}

link_parameters link_of(const cf_info& info) noexcept
{
    const auto size = [](std::uint32_t bytes) {
        return bytes >= 128 && bytes <= 4096 && std::has_single_bit(bytes);
    };
    link_parameters link;
    link.generation = info.link_generation;
    link.lanes = info.link_lanes;
    link.mps_bytes = info.link_mps_bytes;
    link.mrrs_bytes = info.link_mrrs_bytes;
    const bool usable = link.generation >= 1 && link.generation <= 5 && link.lanes >= 1 && link.lanes <= 16 &&
                        std::has_single_bit(link.lanes) && size(link.mps_bytes) && size(link.mrrs_bytes);
    if (!usable) {
        link = {};
        link.generation = 0;
    }
    return link;
}

} // namespace cf::shim
