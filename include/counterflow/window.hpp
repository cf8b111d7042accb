// SPDX-License-Identifier: MIT
//
// window: a range of far memory that the device or an administrator has declared. Transfers
// name a window and an offset in it; where it lies on the bus is nobody's business.
#pragma once

#include <counterflow/detail/export.hpp>

#include <cstdint>
#include <string>

namespace cf {

namespace detail {
class device_core;
} // namespace detail

/// A place in a window, made by window::at().
struct window_place {
    const detail::device_core* device = nullptr;
    std::uint32_t window = 0;
    std::uint64_t offset = 0; ///< bytes from the window's start
};

/// A declared range of far memory. A handle, cheap to copy; valid as long as its device.
class CF_API window {
public:
    const std::string& name() const noexcept;
    std::uint64_t size() const noexcept;                    ///< bytes
    std::uint32_t index() const noexcept { return index_; } ///< in device_info::windows

    /// The place `offset` bytes from the start. Whether a transfer fits there is checked when
    /// it is started.
    window_place at(std::uint64_t offset) const noexcept { return {device_, index_, offset}; }

    window(const detail::device_core* device, std::uint32_t index) noexcept : device_(device), index_(index)
    {
    }

private:
    const detail::device_core* device_;
    std::uint32_t index_;
};

} // namespace cf
