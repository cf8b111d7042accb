// SPDX-License-Identifier: MIT
//
// The parts of the histogram that are not on the measured path.
#include "cli/histogram.hpp"

#include <algorithm>
#include <cmath>

namespace cf::cli {

std::uint64_t histogram::low(std::size_t index) noexcept
{
    if (index < parts) return index;
    const std::size_t shift = index >> part_bits;
    return ((index & (parts - 1)) + parts) << (shift - 1);
}

std::uint64_t histogram::high(std::size_t index) noexcept
{
    if (index < parts) return index;
    const std::size_t shift = index >> part_bits;
    return low(index) + ((std::uint64_t{1} << (shift - 1)) - 1);
}

void histogram::merge(const histogram& other) noexcept
{
    for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
    total_ += other.total_;
    sum_ += other.sum_;
    min_ = std::min(min_, other.min_);
    max_ = std::max(max_, other.max_);
}

std::uint64_t histogram::quantile(double fraction) const noexcept
{
    if (total_ == 0) return 0;
    const double rank = std::ceil(std::clamp(fraction, 0.0, 1.0) * static_cast<double>(total_));
    const std::uint64_t wanted = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(rank));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
        seen += counts_[i];
        if (seen >= wanted) return std::clamp(low(i) + (high(i) - low(i)) / 2, min_, max_);
    }
    return max_;
}

} // namespace cf::cli
