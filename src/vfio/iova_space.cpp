// SPDX-License-Identifier: MIT
//
// Ranges that shrink from their lower end.
#include "vfio/iova_space.hpp"

#include <algorithm>

namespace cf::vfio {
namespace {

constexpr std::uint64_t huge_page = std::uint64_t{2} << 20;
constexpr std::uint64_t low_end = std::uint64_t{1} << 20; ///< below it, 0 among them, is what nobody means
constexpr std::uint64_t high = std::uint64_t{4} << 30;

void remove(std::vector<address_range>& from, const address_range& what)
{
    std::vector<address_range> left;
    for (const address_range& r : from) {
        if (what.last < r.first || what.first > r.last) {
            left.push_back(r);
            continue;
        }
        if (what.first > r.first) left.push_back({r.first, what.first - 1});
        if (what.last < r.last) left.push_back({what.last + 1, r.last});
    }
    from = std::move(left);
}

} // namespace

iova_space::iova_space(const std::vector<address_range>& usable, const std::vector<address_range>& taken,
                       std::uint64_t page)
    : page_(page)
{
    std::vector<address_range> all = usable;
    remove(all, {0, low_end - 1});
    for (const address_range& t : taken) remove(all, t);
    // Split at 4 GiB, the upper part first.
    for (const address_range& r : all)
        if (r.last >= high) free_.push_back({std::max(r.first, high), r.last});
    for (const address_range& r : all)
        if (r.first < high) free_.push_back({r.first, std::min(r.last, high - 1)});
}

std::optional<std::uint64_t> iova_space::take(std::uint64_t size, std::uint64_t memory)
{
    const std::uint64_t unit = size >= huge_page ? huge_page : page_;
    for (address_range& r : free_) {
        // The first address from r.first on that lies in its unit as `memory` does.
        const std::uint64_t skip = (memory - r.first) & (unit - 1);
        const std::uint64_t room = r.last - r.first; // one less than it is: no sum wraps
        if (skip > room || size > room - skip || page_ > room - skip - size) continue;
        const std::uint64_t address = r.first + skip;
        r.first = address + size + page_;
        return address;
    }
    return std::nullopt;
}

} // namespace cf::vfio
