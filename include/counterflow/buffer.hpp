// SPDX-License-Identifier: MIT
//
// buffer: near memory registered once with a device, that is pinned and mapped for its
// engines. Transfers name a buffer or a slice of one; a bus address never reaches the program.
#pragma once

#include <counterflow/detail/export.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace cf {

namespace detail {
struct region;
} // namespace detail

class buffer;

/// What backs a buffer's memory.
enum class page_kind : std::uint8_t {
    base,        ///< the system's base pages; huge ones were not to be had
    transparent, ///< transparent huge pages, at least in part
    huge,        ///< pages from the hugetlb pool
};

/// A range of a buffer. Cheap to copy; the buffer must outlive the start of the transfers that
/// name it. A range that leaves the buffer is reported by the transfer, as errc::out_of_range.
class buffer_slice {
public:
    CF_API buffer_slice(const buffer& whole) noexcept;
    buffer_slice(detail::region* region, std::size_t offset, std::size_t size) noexcept
        : region_(region), offset_(offset), size_(size)
    {
    }

    std::size_t offset() const noexcept { return offset_; }
    std::size_t size() const noexcept { return size_; }

    detail::region* region() const noexcept { return region_; }

private:
    detail::region* region_;
    std::size_t offset_;
    std::size_t size_;
};

/// Registered memory. Move-only. Destroying a buffer while transfers on it are running is
/// allowed: its memory is released, or in case of registered memory of the caller's unpinned,
/// when the last of them has ended.
///
/// Thread rule: belongs to its device's runtime thread; the bytes themselves may be touched
/// from anywhere, as far as no transfer does.
class CF_API buffer {
public:
    buffer() noexcept = default;
    buffer(buffer&& other) noexcept : region_(std::exchange(other.region_, nullptr)) {}
    buffer& operator=(buffer&& other) noexcept
    {
        std::swap(region_, other.region_);
        return *this;
    }
    ~buffer();

    std::byte* data() const noexcept;
    std::size_t size() const noexcept; ///< bytes; 0 when empty or moved from
    std::span<std::byte> bytes() const noexcept { return {data(), size()}; }

    /// What the memory is made of; `base` means that huge pages were not available, which
    /// costs IOMMU translations on fast links.
    page_kind pages() const noexcept;

    /// The range [offset, offset + size).
    buffer_slice slice(std::size_t offset, std::size_t size) const noexcept
    {
        return {region_, offset, size};
    }

    explicit buffer(detail::region* region) noexcept : region_(region) {}
    detail::region* region() const noexcept { return region_; }

private:
    detail::region* region_ = nullptr;
};

} // namespace cf
