// SPDX-License-Identifier: MIT
//
// chance: the random numbers of a campaign. The same on every compiler, which the distributions of <random>
// are not.
#pragma once

#include <cstdint>

namespace cf::torture {

/// splitmix64, by G. Steele, D. Lea and C. Flood.
class chance {
public:
    explicit chance(std::uint64_t seed) noexcept : state_(seed) {}

    std::uint64_t next() noexcept
    {
        state_ += 0x9e37'79b9'7f4a'7c15;
        std::uint64_t x = state_;
        x = (x ^ (x >> 30)) * 0xbf58'476d'1ce4'e5b9;
        x = (x ^ (x >> 27)) * 0x94d0'49bb'1331'11eb;
        return x ^ (x >> 31);
    }

    /// In [0, end), end > 0.
    std::uint64_t below(std::uint64_t end) noexcept { return next() % end; }
    /// In [first, last].
    std::uint64_t between(std::uint64_t first, std::uint64_t last) noexcept
    {
        return first + below(last - first + 1);
    }
    /// In [1, most], each power of two as likely as the next: small more often than large.
    std::uint64_t spread(std::uint64_t most) noexcept
    {
        unsigned bits = 0;
        while ((most >> bits) > 1) ++bits;
        const std::uint64_t top = std::uint64_t{1} << below(bits + 1);
        const std::uint64_t value = top + below(top);
        return value < most ? value : most;
    }
    /// True once in `times`.
    bool once_in(std::uint64_t times) noexcept { return below(times) == 0; }

private:
    std::uint64_t state_;
};

} // namespace cf::torture
