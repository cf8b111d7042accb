// SPDX-License-Identifier: MIT
//
// Decoding: lengths first, then flags, then ranges that would wrap.
#include "vfio_user/protocol.hpp"

#include <bit>
#include <cerrno>
#include <cstring>
#include <limits>

namespace cf::vfio_user {
namespace {

using decoded = std::variant<any_request, refusal>;
using bytes = std::span<const std::byte>;

constexpr refusal invalid{EINVAL};

/// Takes a structure off the front of a payload; false when it does not hold one.
template <class T>
bool take(bytes& from, T& into) noexcept
{
    if (from.size() < sizeof into) return false;
    std::memcpy(&into, from.data(), sizeof into);
    from = from.subspan(sizeof into);
    return true;
}

/// Whether [start, start + size) is something and does not wrap.
constexpr bool is_range(std::uint64_t start, std::uint64_t size) noexcept
{
    return size != 0 && size - 1 <= std::numeric_limits<std::uint64_t>::max() - start;
}

decoded decode_version(bytes rest) noexcept
{
    version_payload p{};
    if (!take(rest, p)) return invalid;
    if (!rest.empty() && rest.back() != std::byte{0}) return invalid;
    return request::version{p.major, p.minor};
}

decoded decode_dma_map(bytes rest) noexcept
{
    dma_map_payload p{};
    if (!take(rest, p) || !rest.empty() || p.argsz < sizeof p) return invalid;
    if ((p.flags & ~(dma_readable | dma_writable)) != 0 || p.flags == 0) return invalid;
    if (!is_range(p.address, p.size) || !is_range(p.offset, p.size)) return invalid;
    return request::dma_map{p.address, p.size, p.offset, (p.flags & dma_readable) != 0,
                            (p.flags & dma_writable) != 0};
}

decoded decode_dma_unmap(bytes rest) noexcept
{
    dma_unmap_payload p{};
    if (!take(rest, p) || !rest.empty() || p.argsz < sizeof p) return invalid;
    if ((p.flags & ~unmap_all) != 0) return invalid;
    const bool all = (p.flags & unmap_all) != 0;
    if (all ? p.address != 0 || p.size != 0 : !is_range(p.address, p.size)) return invalid;
    return request::dma_unmap{p.address, p.size, all};
}

/// Payloads of which a request says no more than the index.
template <class Payload, class Request>
decoded decode_index(bytes rest) noexcept
{
    Payload p{};
    if (!take(rest, p) || p.argsz < sizeof p) return invalid;
    return Request{p.index};
}

decoded decode_device_info(bytes rest) noexcept
{
    device_info_payload p{};
    if (!take(rest, p) || p.argsz < sizeof p) return invalid;
    return request::device_get_info{};
}

decoded decode_set_irqs(bytes rest) noexcept
{
    set_irqs_payload p{};
    if (!take(rest, p) || p.argsz < sizeof p) return invalid;
    const bool known = (p.flags & ~(data_kinds | action_kinds)) == 0;
    if (!known || !std::has_single_bit(p.flags & data_kinds) || !std::has_single_bit(p.flags & action_kinds))
        return invalid;
    if (p.count != 0 && !is_range(p.start, p.count)) return invalid;
    const std::size_t expected = (p.flags & data_bool) != 0 ? p.count : 0;
    if (rest.size() != expected) return invalid;
    return request::set_irqs{p.flags, p.index, p.start, p.count, rest};
}

decoded decode_region_read(bytes rest) noexcept
{
    region_payload p{};
    if (!take(rest, p) || !rest.empty()) return invalid;
    if (p.count > max_transfer || !is_range(p.offset, p.count)) return invalid;
    return request::region_read{p.region, p.count, p.offset};
}

decoded decode_region_write(bytes rest) noexcept
{
    region_payload p{};
    if (!take(rest, p) || rest.size() != p.count) return invalid;
    if (p.count > max_transfer || !is_range(p.offset, p.count)) return invalid;
    return request::region_write{p.region, p.offset, rest};
}

} // namespace

header read_header(bytes message) noexcept
{
    header h{};
    std::memcpy(&h, message.data(), sizeof h);
    return h;
}

bool plausible(const header& h) noexcept
{
    return (h.flags & type_mask) == type_command && h.size >= sizeof(header) && h.size <= max_message;
}

std::variant<any_request, refusal> decode(bytes message) noexcept
{
    if (message.size() < sizeof(header)) return invalid;
    const header h = read_header(message);
    const bytes payload = message.subspan(sizeof h);
    switch (static_cast<command>(h.command)) {
    case command::version: return decode_version(payload);
    case command::dma_map: return decode_dma_map(payload);
    case command::dma_unmap: return decode_dma_unmap(payload);
    case command::device_get_info: return decode_device_info(payload);
    case command::device_get_region_info:
        return decode_index<region_info_payload, request::region_info>(payload);
    case command::device_get_irq_info: return decode_index<irq_info_payload, request::irq_info>(payload);
    case command::device_set_irqs: return decode_set_irqs(payload);
    case command::region_read: return decode_region_read(payload);
    case command::region_write: return decode_region_write(payload);
    case command::device_reset: return payload.empty() ? decoded(request::device_reset{}) : decoded(invalid);
    case command::device_get_region_io_fds:
    case command::dma_read:
    case command::dma_write: break;
    }
    return refusal{ENOTSUP};
}

} // namespace cf::vfio_user
