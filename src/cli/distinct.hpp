// SPDX-License-Identifier: MIT
//
// No file in two roles. What a command reads, what it writes, the memory of its model and the streams it
// prints to are compared before any of them is opened.
#pragma once

#include <string>
#include <vector>

namespace cf::cli {

/// A file the user named.
struct file_role {
    std::string what; ///< how the user gave it: "--receive", "SRC"
    std::string path; ///< empty: not given
};

/// Throws cf::error (bad_argument) when two of `files` are the same one, by whatever names, and be it one
/// that does not exist yet; or when one of them is where stdout or stderr go. Devices without contents,
/// such as /dev/null, may serve twice.
void require_distinct(const std::vector<file_role>& files);

} // namespace cf::cli
