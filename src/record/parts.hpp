// SPDX-License-Identifier: MIT
//
// The names of a record's files: PATH alone, or PATH.0001, PATH.0002, ... when it rotates.
#pragma once

#include <cstdint>
#include <string>

namespace cf::record {

/// Of part `number`; 0 is PATH itself.
std::string part_path(const std::string& path, std::uint32_t number);

/// The highest number for which a file is there; 0 when there is none.
std::uint32_t last_part(const std::string& path);

/// Removes every part from 1 on. Throws cf::error.
void remove_parts(const std::string& path);

} // namespace cf::record
