// SPDX-License-Identifier: MIT
//
// lines: what stands in a ring's header, from and to the bytes of ring_layout.h.
#pragma once

#include <counterflow/error.hpp>
#include <counterflow/result.hpp>
#include <counterflow/ring.hpp>
#include <counterflow/ring_layout.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace cf::detail {

inline constexpr std::size_t producer_line = offsetof(cf_ring_header, producer);
inline constexpr std::size_t consumer_line = offsetof(cf_ring_header, consumer);
inline constexpr std::size_t line_bytes = 64;
inline constexpr std::size_t block_header_bytes = sizeof(cf_block_header);

struct producer_position {
    std::uint64_t produced = 0, claimed = 0, state = CF_RING_RUNNING;
    bool operator==(const producer_position&) const = default;
};

/// None: the line was read while it was written.
std::optional<producer_position> load_producer(const std::byte* line) noexcept;
std::optional<std::uint64_t> load_consumer(const std::byte* line) noexcept;
/// Word by word, the check last, so that whoever looks meanwhile can tell.
void store_producer(std::byte* line, const producer_position& position) noexcept;
void store_consumer(std::byte* line, std::uint64_t consumed) noexcept;

struct block_header {
    std::uint64_t sequence = 0, time_ns = 0;
    std::uint32_t bytes = 0;
};
block_header load_block_header(const std::byte* at) noexcept;
void store_block_header(std::byte* at, const block_header& header) noexcept;

/// What is impossible about a completed geometry; empty when nothing is.
std::string impossible(const ring_geometry& geometry);

/// Writes a header of an empty ring into `at`, sizeof(cf_ring_header) bytes.
void format_header(std::byte* at, const ring_geometry& geometry) noexcept;
/// The ring that a header tells of; `place` is left alone.
result<far_ring> parse_header(const std::byte* at);

} // namespace cf::detail
