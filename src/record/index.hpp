// SPDX-License-Identifier: MIT
//
// index: what a part keeps of its blocks while it grows, in memory that does not: every so manyth block, and
// the first gaps.
#pragma once

#include "record/format.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace cf::record {

class index {
public:
    index();

    void add(const recorded_block& block);

    std::uint64_t blocks() const noexcept { return counts_.blocks; }

    /// Writes it into `into`, which has room for index_bytes_max bytes; returns how many it took.
    std::size_t put_into(std::span<std::byte> into) const;
    /// What put_into() wrote, or nothing when it is none.
    static std::optional<record_index> parse(std::span<const std::byte> bytes);

private:
    index_header counts_;
    std::uint64_t every_ = 1; ///< of the blocks one is kept
    std::vector<index_entry> kept_;
    std::vector<index_entry> gaps_;
};

} // namespace cf::record
