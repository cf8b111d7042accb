// SPDX-License-Identifier: MIT
//
// Counts the bytes that this program and the libraries linked into it copy by memcpy() and memmove(), on all
// threads: how often payload is copied is a count, and no promise.
#pragma once

#include <cstdint>

namespace bench {

std::uint64_t copied_bytes() noexcept;

} // namespace bench
