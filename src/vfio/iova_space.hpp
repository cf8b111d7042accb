// SPDX-License-Identifier: MIT
//
// iova_space: which address the engine uses for a piece of near memory. Addresses are given out once: an
// engine that nobody could prove stopped may still hold an old one, and must not find somebody else there.
#pragma once

#include "vfio/facts.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace cf::vfio {

class iova_space {
public:
    /// `usable` is what the IOMMU takes; `taken` is kept out of it: where bridges might lead a request to a
    /// neighbour instead of to the IOMMU. `page` is a power of two, the grain of mappings.
    iova_space(const std::vector<address_range>& usable, const std::vector<address_range>& taken,
               std::uint64_t page);

    /// An address for `size` bytes, both multiples of the page, from 4 GiB upwards as long as there are any.
    /// From 2 MiB on it lies in a huge page as `memory` does, so that the IOMMU can use huge pages too. A
    /// page behind it stays free, so that running over the end meets nobody. Nothing when there is no more
    /// room.
    std::optional<std::uint64_t> take(std::uint64_t size, std::uint64_t memory);

private:
    std::uint64_t page_;
    std::vector<address_range> free_;
};

} // namespace cf::vfio
