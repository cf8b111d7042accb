// SPDX-License-Identifier: MIT
//
// What a record's file consists of, byte for byte; docs/record.md says it in words. Numbers are
// little-endian. A block's header is also the head of a frame on a socket.
#pragma once

#include <counterflow/record.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace cf::record {

static_assert(std::endian::native == std::endian::little, "records are written as they lie in memory");

inline constexpr std::uint64_t page = 4096; ///< everything in a file begins at a multiple of it
inline constexpr std::uint32_t version = 1;
inline constexpr std::uint64_t block_bytes_max = 1 << 30;

enum class kind : std::uint16_t { block = 1, index = 2, end = 3 };

/// In front of every payload.
struct block_header {
    static constexpr std::uint32_t right_magic = 0x4b424643; // "CFBK"

    std::uint32_t magic = right_magic;
    record::kind kind = record::kind::block;
    std::uint16_t version = record::version;
    std::uint64_t id = 0;       ///< of the recording
    std::uint64_t number = 0;   ///< of the block in the recording; in the end: how many blocks the part has
    std::uint64_t sequence = 0; ///< in the end: where the index begins
    std::uint64_t time_ns = 0;
    std::uint32_t bytes = 0; ///< of payload
    std::uint32_t lost = 0;
    std::uint64_t payload_checksum = 0; ///< XXH3-64
    std::uint64_t checksum = 0;         ///< XXH3-64 of everything above
};
static_assert(sizeof(block_header) == 64);

/// At the start of a file, in a page of its own.
struct file_header {
    static constexpr char right_magic[9] = "CFRECORD";

    char magic[8] = {};
    std::uint32_t version = record::version;
    std::uint32_t part = 0;
    std::uint64_t id = 0;
    std::uint64_t block_bytes = 0;
    std::uint64_t reach = 0; ///< as far ahead of an incomplete block there may be a complete one
    std::uint64_t real_time_ns = 0;
    std::uint64_t time_ns = 0;
    char source[256] = {};
    std::uint64_t checksum = 0; ///< XXH3-64 of everything above
};
static_assert(sizeof(file_header) == 320);

/// The index: this, `kept` blocks and `gaps_kept` gaps.
struct index_header {
    std::uint64_t blocks = 0, bytes = 0, lost = 0, gaps = 0;
    std::uint64_t kept = 0, gaps_kept = 0;
};

struct index_entry {
    std::uint64_t number = 0, sequence = 0, time_ns = 0, offset = 0, checksum = 0;
    std::uint32_t bytes = 0, lost = 0;
};
static_assert(sizeof(index_entry) == 48);

inline constexpr std::size_t index_blocks_max = 1024, index_gaps_max = 512;
inline constexpr std::size_t index_bytes_max =
    sizeof(index_header) + (index_blocks_max + index_gaps_max) * sizeof(index_entry);

constexpr std::uint64_t round_up(std::uint64_t bytes) noexcept { return (bytes + page - 1) / page * page; }
/// What a block takes in a file.
constexpr std::uint64_t stride(std::uint64_t bytes) noexcept { return page + round_up(bytes); }

std::uint64_t checksum(std::span<const std::byte> bytes) noexcept;

/// Fills in a header's checksum; whether it is right.
void seal(block_header& header) noexcept;
void seal(file_header& header) noexcept;
bool is_whole(const block_header& header) noexcept;
bool is_whole(const file_header& header) noexcept;

/// The header of a block, without the recording's id and the block's number. Looks at all of the payload.
block_header header_of(const record_block& block) noexcept;

/// A payload that is no more than `most` and belongs to recording `id`.
inline bool is_block_of(const block_header& header, std::uint64_t id, std::uint64_t most) noexcept
{
    return is_whole(header) && header.id == id && header.bytes <= most;
}

} // namespace cf::record
