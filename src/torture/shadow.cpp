// SPDX-License-Identifier: MIT
//
// Bytes and what is known of them.
#include "torture/shadow.hpp"

namespace cf::torture {

void shadow::set(std::size_t offset, std::span<const std::byte> data)
{
    for (const std::byte b : data) bytes_[offset++] = {b, b, knowledge::exact};
}

void shadow::maybe(std::size_t offset, std::span<const std::byte> data)
{
    for (const std::byte b : data) bytes_[offset++].add(b);
}

void shadow::maybe_from(std::size_t offset, std::size_t size, const shadow& source, std::size_t from)
{
    for (std::size_t i = 0; i < size; ++i) {
        cell& here = bytes_[offset + i];
        const cell& there = source.bytes_[from + i];
        here.add(there.value);
        if (there.known == knowledge::either) here.add(there.other);
        if (there.known == knowledge::nothing) here.known = knowledge::nothing;
    }
}

shadow shadow::part(std::size_t offset, std::size_t size) const
{
    shadow copy(0);
    const auto first = bytes_.begin() + static_cast<std::ptrdiff_t>(offset);
    copy.bytes_.assign(first, first + static_cast<std::ptrdiff_t>(size));
    return copy;
}

std::optional<std::size_t> shadow::mismatch(std::size_t offset, std::span<const std::byte> data) const
{
    for (std::size_t i = 0; i < data.size(); ++i)
        if (!bytes_[offset + i].allows(data[i])) return i;
    return std::nullopt;
}

} // namespace cf::torture
