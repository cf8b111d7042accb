// SPDX-License-Identifier: MIT
//
// The index of a part.
#include "record/index.hpp"

#include <algorithm>

namespace cf::record {
namespace {

index_entry entry_of(const recorded_block& b) noexcept
{
    return {b.number, b.sequence, b.time_ns, b.offset, b.checksum, static_cast<std::uint32_t>(b.bytes),
            b.lost};
}

recorded_block block_of(const index_entry& e) noexcept
{
    return {e.number, e.sequence, e.time_ns, e.bytes, e.lost, e.checksum, e.offset};
}

} // namespace

index::index()
{
    kept_.reserve(index_blocks_max);
    gaps_.reserve(index_gaps_max);
}

void index::add(const recorded_block& block)
{
    if (counts_.blocks % every_ == 0) {
        if (kept_.size() == index_blocks_max) { // of those that are kept every second one goes
            for (std::size_t i = 0; i < index_blocks_max / 2; ++i) kept_[i] = kept_[2 * i];
            kept_.resize(index_blocks_max / 2);
            every_ *= 2;
        }
        kept_.push_back(entry_of(block));
    }
    ++counts_.blocks;
    counts_.bytes += block.bytes;
    if (block.lost == 0) return;
    counts_.lost += block.lost;
    ++counts_.gaps;
    if (gaps_.size() < index_gaps_max) gaps_.push_back(entry_of(block));
}

std::size_t index::put_into(std::span<std::byte> into) const
{
    index_header header = counts_;
    header.kept = kept_.size();
    header.gaps_kept = gaps_.size();
    std::byte* at = into.data();
    const auto put = [&at](const void* from, std::size_t bytes) {
        if (bytes != 0) std::memcpy(at, from, bytes);
        at += bytes;
    };
    put(&header, sizeof header);
    put(kept_.data(), kept_.size() * sizeof(index_entry));
    put(gaps_.data(), gaps_.size() * sizeof(index_entry));
    return static_cast<std::size_t>(at - into.data());
}

std::optional<record_index> index::parse(std::span<const std::byte> bytes)
{
    index_header header;
    if (bytes.size() < sizeof header) return std::nullopt;
    std::memcpy(&header, bytes.data(), sizeof header);
    if (header.kept > index_blocks_max || header.gaps_kept > index_gaps_max ||
        bytes.size() != sizeof header + (header.kept + header.gaps_kept) * sizeof(index_entry))
        return std::nullopt;
    record_index parsed{header.blocks, header.bytes, header.lost, header.gaps, {}, {}};
    for (std::size_t i = 0; i < header.kept + header.gaps_kept; ++i) {
        index_entry entry;
        std::memcpy(&entry, bytes.data() + sizeof header + i * sizeof entry, sizeof entry);
        (i < header.kept ? parsed.blocks_kept : parsed.gaps_kept).push_back(block_of(entry));
    }
    return parsed;
}

} // namespace cf::record
