// SPDX-License-Identifier: MIT
//
// Numbers as people read them. Sizes are binary (KiB), rates decimal (GB/s), as on data sheets.
#pragma once

#include <counterflow/link.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace cf::cli {

/// "64 KiB", "1.50 GiB", "17 B".
std::string human_size(std::uint64_t bytes);
/// As specs take it: "64KiB", "4097". Exact.
std::string spec_size(std::uint64_t bytes);
/// "0.874 GB/s", "12.66 GB/s", "unlimited".
std::string human_rate(double bytes_per_second);
/// "850 ns", "12.4 us", "3.10 ms", "2.00 s".
std::string human_time(double ns);
/// "99.1 %"; "-" when there is nothing to compare with.
std::string human_share(double part, double whole);
/// 12345678 as "12,345,678".
std::string grouped(std::uint64_t number);
/// All 16 digits: "00000000deadbeef".
std::string hexadecimal(std::uint64_t number);
/// "gen3x8, MPS 256, MRRS 512", "null link".
std::string human_link(const link_parameters& link);
/// snprintf with a fixed number of decimals.
std::string fixed(double value, int decimals);

/// The local time now, "2025-01-31T12:00:00".
std::string local_time();

/// Rows of eight cells, the heading first.
using table = std::vector<std::array<std::string, 8>>;

/// A table for people: columns as wide as their widest cell, all but the first aligned to the right.
std::string aligned(const table& rows);

} // namespace cf::cli
