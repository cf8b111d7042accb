// SPDX-License-Identifier: MIT
//
// A latency histogram of fixed size: logarithmic buckets, each split into 64 equal parts, so
// that every value is known within 1.6 % and recording is a few instructions.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace cf::cli {

class histogram {
public:
    /// Counts one value: nanoseconds here, but any unit will do.
    void record(std::uint64_t value) noexcept
    {
        ++counts_[index(value)];
        ++total_;
        sum_ += value;
        if (value < min_) min_ = value;
        if (value > max_) max_ = value;
    }

    void merge(const histogram& other) noexcept;
    void clear() noexcept { *this = {}; }

    std::uint64_t count() const noexcept { return total_; }
    std::uint64_t min() const noexcept { return total_ ? min_ : 0; } ///< exact; 0 when empty
    std::uint64_t max() const noexcept { return max_; }              ///< exact; 0 when empty
    double mean() const noexcept
    {
        return total_ ? static_cast<double>(sum_) / static_cast<double>(total_) : 0;
    }

    /// The value that `fraction` of the recorded ones do not exceed: the middle of its bucket, within
    /// [min, max]. `fraction` is 0..1; 0 when empty.
    std::uint64_t quantile(double fraction) const noexcept;

    /// Calls f(low, high, count) for every bucket [low, high] that holds something, ascending.
    template <class F>
    void for_each(F&& f) const
    {
        for (std::size_t i = 0; i < counts_.size(); ++i)
            if (counts_[i]) f(low(i), high(i), counts_[i]);
    }

private:
    static constexpr unsigned part_bits = 6;
    static constexpr std::size_t parts = std::size_t{1} << part_bits;
    static constexpr std::size_t octaves = 64 - part_bits + 1;

    // Values below 64 have a bucket each; above, the leading one selects the octave and the six bits
    // after it the part.
    static std::size_t index(std::uint64_t value) noexcept
    {
        const unsigned shift = static_cast<unsigned>(std::bit_width(value | (parts - 1))) - part_bits;
        return shift == 0 ? value : ((std::size_t{shift} << part_bits) + (value >> (shift - 1)) - parts);
    }
    static std::uint64_t low(std::size_t index) noexcept;
    static std::uint64_t high(std::size_t index) noexcept;

    std::array<std::uint64_t, octaves * parts> counts_{};
    std::uint64_t total_ = 0;
    std::uint64_t sum_ = 0;
    std::uint64_t min_ = ~std::uint64_t{0};
    std::uint64_t max_ = 0;
};

} // namespace cf::cli
