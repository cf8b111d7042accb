// SPDX-License-Identifier: MIT
//
// Address maps and the copies between them: the only place where the model touches data.
#include "model/memory.hpp"

#include <counterflow/error.hpp>

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>

namespace cf::model {
namespace {

bool by_address(std::uint64_t address, const memory_range& range) noexcept { return address < range.address; }

std::string text_of(const memory_range& range)
{
    return "memory range of " + std::to_string(range.size) + " bytes at " + std::to_string(range.address);
}

} // namespace

void address_map::add(const memory_range& range)
{
    if (range.size == 0 || range.size - 1 > std::numeric_limits<std::uint64_t>::max() - range.address)
        throw error(errc::bad_argument, text_of(range) + " is empty or wraps");
    const auto next = std::upper_bound(ranges_.begin(), ranges_.end(), range.address, by_address);
    const bool hits_next = next != ranges_.end() && next->address - range.address < range.size;
    const bool hits_previous =
        next != ranges_.begin() && range.address - std::prev(next)->address < std::prev(next)->size;
    if (hits_next || hits_previous) throw error(errc::bad_argument, text_of(range) + " overlaps another");
    ranges_.insert(next, range);
}

bool address_map::remove(std::uint64_t address, std::uint64_t size) noexcept
{
    const auto found = std::find_if(ranges_.begin(), ranges_.end(), [&](const memory_range& range) {
        return range.address == address && range.size == size;
    });
    if (found == ranges_.end()) return false;
    ranges_.erase(found);
    return true;
}

const memory_range* address_map::find(std::uint64_t address) const noexcept
{
    if (last_ < ranges_.size() && address - ranges_[last_].address < ranges_[last_].size)
        return &ranges_[last_];
    const auto next = std::upper_bound(ranges_.begin(), ranges_.end(), address, by_address);
    if (next == ranges_.begin()) return nullptr;
    const auto found = std::prev(next);
    if (address - found->address >= found->size) return nullptr;
    last_ = static_cast<std::size_t>(found - ranges_.begin());
    return &*found;
}

std::byte* address_map::translate(std::uint64_t address, std::uint64_t size, access wanted) const noexcept
{
    const memory_range* range = find(address);
    if (!range || !permits(range->allowed, wanted)) return nullptr;
    const std::uint64_t offset = address - range->address;
    return size <= range->size - offset ? range->host + offset : nullptr;
}

namespace {

/// Calls piece(host, done, count) for each part of the range up to what is not permitted; how far it came.
template <class Piece>
std::uint64_t each_part(const address_map& map, std::uint64_t address, std::uint64_t size, access wanted,
                        Piece piece) noexcept
{
    std::uint64_t done = 0;
    while (done < size) {
        const memory_range* const at = map.find(address + done);
        if (!at || !permits(at->allowed, wanted) || at->across_link) break;
        const std::uint64_t offset = address + done - at->address;
        const std::uint64_t count = std::min(size - done, at->size - offset);
        piece(at->host + offset, done, count);
        done += count;
    }
    return done;
}

} // namespace

std::uint64_t permitted(const address_map& map, std::uint64_t address, std::uint64_t size,
                        access wanted) noexcept
{
    return each_part(map, address, size, wanted, [](std::byte*, std::uint64_t, std::uint64_t) {});
}

std::uint64_t read_from(const address_map& from, std::uint64_t source, std::byte* to,
                        std::uint64_t size) noexcept
{
    return each_part(from, source, size, access::read,
                     [to](const std::byte* host, std::uint64_t done, std::uint64_t count) {
                         std::memcpy(to + done, host, count);
                     });
}

std::uint64_t write_to(const address_map& to, std::uint64_t destination, const std::byte* from,
                       std::uint64_t size) noexcept
{
    return each_part(to, destination, size, access::write,
                     [from](std::byte* host, std::uint64_t done, std::uint64_t count) {
                         std::memcpy(host, from + done, count);
                     });
}

copied copy_between(const address_map& from, std::uint64_t source, const address_map& to,
                    std::uint64_t destination, std::uint64_t size) noexcept
{
    copied result;
    while (result.bytes < size) {
        const memory_range* const in = from.find(source + result.bytes);
        const memory_range* const out = to.find(destination + result.bytes);
        result.source_refused = !in || !permits(in->allowed, access::read) || in->across_link;
        result.destination_refused = !out || !permits(out->allowed, access::write) || out->across_link;
        if (result.source_refused || result.destination_refused) return result;
        const std::uint64_t in_offset = source + result.bytes - in->address;
        const std::uint64_t out_offset = destination + result.bytes - out->address;
        const std::uint64_t piece =
            std::min({size - result.bytes, in->size - in_offset, out->size - out_offset});
        // A program may name one buffer as both sides.
        std::memmove(out->host + out_offset, in->host + in_offset, piece);
        result.bytes += piece;
    }
    return result;
}

} // namespace cf::model
