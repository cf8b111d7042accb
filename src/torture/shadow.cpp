// SPDX-License-Identifier: MIT
//
// Bytes and what is known of them.
#include "torture/shadow.hpp"

#include <algorithm>

namespace cf::torture {

void shadow::set(std::size_t offset, std::span<const std::byte> data)
{
    std::copy_n(data.data(), data.size(), values_.data() + offset);
    std::fill_n(known_.data() + offset, data.size(), knowledge::exact);
}

void shadow::maybe(std::size_t offset, std::span<const std::byte> data)
{
    for (const std::byte b : data) add(offset++, b);
}

void shadow::maybe_from(std::size_t offset, std::size_t size, const shadow& source, std::size_t from)
{
    for (std::size_t i = 0; i < size; ++i) {
        const std::size_t here = offset + i;
        const std::size_t there = from + i;
        add(here, source.values_[there]);
        if (source.known_[there] == knowledge::either) add(here, source.others_[there]);
        if (source.known_[there] == knowledge::nothing) known_[here] = knowledge::nothing;
    }
}

shadow shadow::part(std::size_t offset, std::size_t size) const
{
    shadow copy(size);
    std::copy_n(values_.data() + offset, size, copy.values_.data());
    std::copy_n(others_.data() + offset, size, copy.others_.data());
    std::copy_n(known_.data() + offset, size, copy.known_.data());
    return copy;
}

std::optional<std::size_t> shadow::mismatch(std::size_t offset, std::span<const std::byte> data) const
{
    // What is there as it was set last may be there.
    if (std::equal(data.begin(), data.end(), values_.data() + offset)) return std::nullopt;
    for (std::size_t i = 0; i < data.size(); ++i)
        if (!allows(offset + i, data[i])) return i;
    return std::nullopt;
}

} // namespace cf::torture
