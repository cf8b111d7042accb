// SPDX-License-Identifier: MIT
//
// Packet counts and the wire's queue.
#include "model/link.hpp"

#include <algorithm>
#include <cmath>

namespace cf::model {
namespace {

constexpr std::uint64_t page = 4096;      // no packet crosses it
constexpr std::uint64_t data_credit = 16; // bytes; full packets are multiples of it

/// Packets of at most `largest` bytes that cover the range when none crosses 4 KiB. Cut from the
/// start of each page's part, as the engine does.
std::uint64_t packets(std::uint64_t address, std::uint64_t size, std::uint64_t largest) noexcept
{
    const std::uint64_t head = std::min<std::uint64_t>(size, link_timing::to_page_end(address));
    const std::uint64_t rest = size - head;
    const auto up = [&](std::uint64_t bytes) { return (bytes + largest - 1) / largest; };
    return up(head) + rest / page * up(page) + up(rest % page);
}

/// Blocks of `block` bytes, aligned, that the range touches.
std::uint64_t blocks(std::uint64_t address, std::uint64_t size, std::uint64_t block) noexcept
{
    return size == 0 ? 0 : (address % block + size + block - 1) / block;
}

} // namespace

link_timing::link_timing(const link_parameters& link, double bytes_per_second, unsigned completion_bytes)
    : null_(link.null()),
      mps_(link.mps_bytes),
      mrrs_(link.mrrs_bytes),
      completion_payload_(std::min({completion_bytes ? completion_bytes : mps_, mps_, mrrs_})),
      tags_(link.tags ? link.tags : default_tags)
{
    if (null_) return;
    ps_per_byte_ = static_cast<std::uint64_t>(
        std::llround(1e12 / bytes_per_second * static_cast<double>(1u << fraction_bits)));
    if (link.posted_headers != 0) granted_.headers = link.posted_headers;
    if (link.posted_data != 0) granted_.data = link.posted_data;
    flight_ = (link.round_trip_ns ? link.round_trip_ns : default_round_trip_ns) * ps_per_ns / 2;
}

std::uint64_t link_timing::requests(std::uint64_t address, std::uint64_t size) const noexcept
{
    return packets(address, size, mrrs_);
}

std::uint32_t link_timing::to_page_end(std::uint64_t address) noexcept
{
    return static_cast<std::uint32_t>(page - address % page);
}

posted_credits link_timing::credits(std::uint64_t address, std::uint64_t size) const noexcept
{
    return {static_cast<std::uint32_t>(packets(address, size, mps_)),
            static_cast<std::uint32_t>(packets(address, size, data_credit))};
}

picoseconds link_timing::write(std::uint64_t address, std::uint64_t size) const noexcept
{
    return wire(size + write_overhead * packets(address, size, mps_));
}

picoseconds link_timing::request(std::uint64_t address, std::uint64_t size) const noexcept
{
    return wire(request_overhead * requests(address, size));
}

picoseconds link_timing::completion(std::uint64_t address, std::uint64_t size) const noexcept
{
    // All but the first completion of a request start at a multiple of their largest payload.
    const std::uint64_t cut = std::max(blocks(address, size, completion_payload_), requests(address, size));
    return wire(size + completion_overhead * cut);
}

lane::booking lane::book(picoseconds now, picoseconds length) noexcept
{
    free_at_ = std::max(now, free_at_) + length;
    return {free_at_, pushed_};
}

bool lane::settle(booking& burst) const noexcept
{
    if (burst.pushed == pushed_) return true;
    burst.end += pushed_ - burst.pushed;
    burst.pushed = pushed_;
    return false;
}

picoseconds lane::slip_in(picoseconds now, picoseconds length, picoseconds longest_packet) noexcept
{
    if (now < free_at_) {
        single_free_at_ = std::max(now + std::min(longest_packet, free_at_ - now), single_free_at_) + length;
        free_at_ += length;
        pushed_ += length;
    } else {
        single_free_at_ = std::max(now, single_free_at_) + length;
        free_at_ = single_free_at_;
    }
    return single_free_at_;
}

} // namespace cf::model
