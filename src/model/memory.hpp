// SPDX-License-Identifier: MIT
//
// Memory as the model's engines see it: ranges of bus addresses, each backed by memory of this
// process. One map describes what an engine reaches on its own bus, another what an end of the
// link answers for. The memory of a virtual machine enters the same way.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace cf::model {

/// What may be done with a range.
enum class access : std::uint8_t { none = 0, read = 1, write = 2, both = 3 };

constexpr bool permits(access allowed, access wanted) noexcept
{
    return (static_cast<unsigned>(allowed) & static_cast<unsigned>(wanted)) == static_cast<unsigned>(wanted);
}

/// A range of bus addresses and the memory behind it. The memory outlives its place in a map.
struct memory_range {
    std::uint64_t address = 0;
    std::uint64_t size = 0; ///< bytes, at least 1
    std::byte* host = nullptr;
    access allowed = access::both;
    /// In an engine's own map: an outbound window, whose memory lies behind the link. Lists may
    /// live there (their fetches then take link time); data may not.
    bool across_link = false;
};

/// Ranges by address; they never overlap. Not synchronised: it belongs to the machine it
/// describes.
class address_map {
public:
    /// Adds a range. Throws cf::error (bad_argument) when it is empty, wraps or overlaps.
    void add(const memory_range& range);
    /// Takes out the range that was added with exactly this address and size; false if none was.
    bool remove(std::uint64_t address, std::uint64_t size) noexcept;

    /// The range that holds `address`, or null.
    const memory_range* find(std::uint64_t address) const noexcept;
    /// Memory behind [address, address + size) when one range holds and permits all of it, else
    /// null.
    std::byte* translate(std::uint64_t address, std::uint64_t size, access wanted) const noexcept;

private:
    std::vector<memory_range> ranges_; // sorted by address
    mutable std::size_t last_ = 0;     // index of the range found last: bursts come in rows
};

/// How far a copy between two maps came.
struct copied {
    std::uint64_t bytes = 0;
    bool source_refused = false;      ///< the byte after them cannot be read
    bool destination_refused = false; ///< the byte after them cannot be written
};

/// Copies `size` bytes from `source` in `from` to `destination` in `to`, across range borders,
/// up to the first byte that either side refuses.
copied copy_between(const address_map& from, std::uint64_t source, const address_map& to,
                    std::uint64_t destination, std::uint64_t size) noexcept;

/// How much of [address, address + size) may be used so, from its start.
std::uint64_t permitted(const address_map& map, std::uint64_t address, std::uint64_t size,
                        access wanted) noexcept;
/// Copies [source, source + size) to `to`, up to the first byte that cannot be read; how far it came.
std::uint64_t read_from(const address_map& from, std::uint64_t source, std::byte* to,
                        std::uint64_t size) noexcept;
/// Copies `size` bytes at `from` to `destination`, up to the first byte that cannot be written.
std::uint64_t write_to(const address_map& to, std::uint64_t destination, const std::byte* from,
                       std::uint64_t size) noexcept;

} // namespace cf::model
