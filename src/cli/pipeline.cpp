// SPDX-License-Identifier: MIT
//
// The text form of a hash.
#include "cli/pipeline.hpp"

#include <array>
#include <cstdio>

namespace cf::cli {

std::string ordered_hash::text() const
{
    const XXH128_hash_t hash = XXH3_128bits_digest(state_.get());
    std::array<char, 33> digits{};
    std::snprintf(digits.data(), digits.size(), "%016llx%016llx",
                  static_cast<unsigned long long>(hash.high64), static_cast<unsigned long long>(hash.low64));
    return digits.data();
}

} // namespace cf::cli
