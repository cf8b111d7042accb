// SPDX-License-Identifier: MIT
//
// shadow: what a range of memory must hold, byte by byte, when some of what was written there may or may not
// have arrived. The oracle of a campaign.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace cf::torture {

class shadow {
public:
    explicit shadow(std::size_t size) : values_(size), others_(size), known_(size) {}

    /// [offset, offset + data.size()) holds `data`.
    void set(std::size_t offset, std::span<const std::byte> data);
    /// Each byte of it may have become the one in `data`, or may still.
    void maybe(std::size_t offset, std::span<const std::byte> data);
    /// Each byte may have become whatever `source` allows at its place from `from` on, or may still.
    void maybe_from(std::size_t offset, std::size_t size, const shadow& source, std::size_t from);
    /// What is known of that part.
    shadow part(std::size_t offset, std::size_t size) const;
    /// Whether `data` is what may be there; the offset of the first byte that is not.
    std::optional<std::size_t> mismatch(std::size_t offset, std::span<const std::byte> data) const;

    std::size_t size() const noexcept { return values_.size(); }

private:
    enum class knowledge : std::uint8_t { exact, either, nothing };

    bool allows(std::size_t at, std::byte b) const noexcept
    {
        return b == values_[at] || known_[at] == knowledge::nothing ||
               (known_[at] == knowledge::either && b == others_[at]);
    }
    void add(std::size_t at, std::byte b) noexcept
    {
        if (allows(at, b)) return;
        known_[at] = known_[at] == knowledge::exact ? knowledge::either : knowledge::nothing;
        others_[at] = b;
    }

    // Apart, because nearly all bytes are known, and are set and compared in one go.
    std::vector<std::byte> values_, others_;
    std::vector<knowledge> known_;
};

} // namespace cf::torture
