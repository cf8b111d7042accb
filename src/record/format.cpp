// SPDX-License-Identifier: MIT
//
// Checksums of records. Of xxHash only the header is used, so the library needs no other one.
#include "record/format.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace cf::record {
namespace {

// Of what stands above a header's own checksum.
template <class Header>
std::uint64_t checksum_of(const Header& header) noexcept
{
    return checksum(std::as_bytes(std::span(&header, 1)).first(offsetof(Header, checksum)));
}

} // namespace

std::uint64_t checksum(std::span<const std::byte> bytes) noexcept
{
    return XXH3_64bits(bytes.data(), bytes.size());
}

void seal(block_header& header) noexcept { header.checksum = checksum_of(header); }
void seal(file_header& header) noexcept { header.checksum = checksum_of(header); }

bool is_whole(const block_header& header) noexcept
{
    return header.magic == block_header::right_magic && header.version == version &&
           header.checksum == checksum_of(header);
}

bool is_whole(const file_header& header) noexcept
{
    return std::memcmp(header.magic, file_header::right_magic, sizeof header.magic) == 0 &&
           header.version == version && header.checksum == checksum_of(header);
}

block_header header_of(const record_block& block) noexcept
{
    block_header made;
    made.sequence = block.sequence;
    made.time_ns = block.time_ns;
    made.bytes = static_cast<std::uint32_t>(block.payload.size());
    made.lost = block.lost;
    made.payload_checksum = checksum(block.payload);
    return made;
}

} // namespace cf::record
