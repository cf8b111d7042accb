// SPDX-License-Identifier: MIT
//
// What the recorder needs of reading: where a recording ends.
#pragma once

#include "record/writer.hpp"

#include <string>

namespace cf::record {

/// Reads through the file at `path`. Throws cf::error: bad_record when it is none, or one whose blocks can be
/// larger than `block_bytes` or smaller.
task<resume_point> find_end(std::string path, std::size_t block_bytes);

} // namespace cf::record
