// SPDX-License-Identifier: MIT
//
// The start of a transfer: every check of a request, before anything is touched; and the words
// for one that failed.
#include <counterflow/transfer.hpp>

#include "device/core.hpp"
#include "device/region.hpp"

#include <string>

namespace cf::detail {
namespace {

/// What is wrong with a request whose parts are not all of one device.
[[gnu::cold]] errc mismatch(const transfer_request& q) noexcept
{
    if (!q.core) return q.channel == any_channel ? errc::no_such_device : errc::no_such_channel;
    if (q.place.device != q.core) return errc::no_such_window;
    return errc::not_registered;
}

/// What is wrong with a request, or 0.
errc check(const transfer_request& q) noexcept
{
    constexpr errc good{};
    if (!q.core || !q.memory || q.memory->core != q.core || q.place.device != q.core) [[unlikely]]
        return mismatch(q);
    if (q.size == 0) return errc::zero_length;
    // Written so that no sum can wrap.
    if (q.memory_offset > q.memory->size || q.size > q.memory->size - q.memory_offset)
        return errc::out_of_range;
    const device_info& info = q.core->info();
    const std::uint64_t room = info.windows[q.place.window].size;
    if (q.place.offset > room || q.size > room - q.place.offset) return errc::out_of_range;
    const std::uint64_t all = (q.memory->address + q.memory_offset) | q.place.offset | q.size;
    if ((all & (info.alignment - 1)) != 0) return errc::misaligned;
    if (q.options.priority > priority::low || q.options.deadline.count() < 0) return errc::bad_argument;
    if (q.channel != any_channel && info.channels[q.channel].serves != q.kind) return errc::not_supported;
    return good;
}

} // namespace

bool start_transfer(transfer_state& t, const transfer_request& q, stop_state* stop) noexcept
{
    t.core = q.core;
    const errc wrong = check(q);
    if (wrong != errc{}) [[unlikely]] {
        t.error = static_cast<std::uint8_t>(wrong);
        return false;
    }
    t.kind = static_cast<std::uint8_t>(q.kind);
    t.priority = static_cast<std::uint8_t>(q.options.priority);
    t.channel = q.channel;
    t.memory = q.memory;
    t.size = q.size;
    t.remaining = q.size;
    t.near_address = q.memory->address + q.memory_offset;
    t.far_address = q.core->far_address(q.place.window, q.kind) + q.place.offset;
    return q.core->start(t, q.options.deadline, stop);
}

errc settle(transfer_state& t) noexcept
{
    if (t.unasked) t.core->forget(t);
    return static_cast<errc>(t.error);
}

failure describe_failure(transfer_state& t, const transfer_request& q)
{
    const errc code = settle(t);
    std::string where(to_string(q.kind));
    where += " of " + std::to_string(q.size) + " bytes";
    if (!q.core) {
        where +=
            q.channel == any_channel ? " by a device that was moved from" : " by a lease that was moved from";
        return {make_error_code(code), std::move(where)};
    }
    if (!t.core) return {make_error_code(code), where + ", device closed"};

    const device_info& info = t.core->info();
    const bool out_of_range = code == errc::out_of_range;
    if (q.place.device != t.core) {
        where += q.place.device ? " at a window of another device" : " at no window";
    } else {
        const window_info& w = info.windows[q.place.window];
        where += " at " + w.name + "@" + std::to_string(q.place.offset);
        if (out_of_range) where += " (window of " + std::to_string(w.size) + " bytes)";
    }
    if (q.memory) where += ", buffer offset " + std::to_string(q.memory_offset);
    if (q.memory && out_of_range) where += " (buffer of " + std::to_string(q.memory->size) + " bytes)";
    if (q.channel != any_channel) where += ", channel " + info.channels[q.channel].name;
    if (code == errc::misaligned) where += ", alignment " + std::to_string(info.alignment);
    return {make_error_code(code), std::move(where)};
}

} // namespace cf::detail
