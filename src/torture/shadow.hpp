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
    explicit shadow(std::size_t size) : bytes_(size) {}

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

    std::size_t size() const noexcept { return bytes_.size(); }

private:
    enum class knowledge : std::uint8_t { exact, either, nothing };
    struct cell {
        std::byte value{}, other{};
        knowledge known = knowledge::exact;

        bool allows(std::byte b) const noexcept
        {
            return b == value || known == knowledge::nothing || (known == knowledge::either && b == other);
        }
        void add(std::byte b) noexcept
        {
            if (allows(b)) return;
            known = known == knowledge::exact ? knowledge::either : knowledge::nothing;
            other = b;
        }
    };

    std::vector<cell> bytes_;
};

} // namespace cf::torture
