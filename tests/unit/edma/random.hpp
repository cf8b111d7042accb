// SPDX-License-Identifier: MIT
//
// The campaigns' chance: splitmix64, so that a seed means the same run with every compiler.
#pragma once

#include <cstdint>

namespace cf::edma::test {

class chance {
public:
    explicit chance(std::uint64_t seed) : state_(seed * 0x9e37'79b9'7f4a'7c15) {}

    std::uint64_t next()
    {
        std::uint64_t z = state_ += 0x9e37'79b9'7f4a'7c15;
        z = (z ^ z >> 30) * 0xbf58'476d'1ce4'e5b9;
        z = (z ^ z >> 27) * 0x94d0'49bb'1331'11eb;
        return z ^ z >> 31;
    }
    /// 0 .. bound-1.
    unsigned below(std::uint64_t bound) { return static_cast<unsigned>(next() % bound); }
    bool one_in(unsigned n) { return n != 0 && below(n) == 0; }
    template <class T, std::size_t N>
    T pick(const T (&from)[N])
    {
        return from[below(N)];
    }

private:
    std::uint64_t state_;
};

} // namespace cf::edma::test
