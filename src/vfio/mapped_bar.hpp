// SPDX-License-Identifier: MIT
//
// A piece of a BAR in this process, uncached, until the function is taken away: then something else lies at
// the same place, so that whoever still looks meets no signal.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cf::vfio {

class mapped_bar {
public:
    mapped_bar() = default;
    /// Takes over the mapping [pages, pages + size); the piece begins `skip` bytes into it.
    mapped_bar(void* pages, std::size_t size, std::size_t skip) noexcept
        : pages_(static_cast<std::byte*>(pages)), size_(size), skip_(skip)
    {
    }
    mapped_bar(mapped_bar&& other) noexcept;
    mapped_bar& operator=(mapped_bar&& other) noexcept;
    ~mapped_bar();

    std::byte* data() const noexcept { return pages_ + skip_; }
    volatile std::uint32_t* words() const noexcept { return reinterpret_cast<std::uint32_t*>(data()); }

    /// Puts memory of this process in its place, which reads as ones, as a function that is gone does. False
    /// when the system has no memory.
    bool become_ones() noexcept;

private:
    std::byte* pages_ = nullptr;
    std::size_t size_ = 0;
    std::size_t skip_ = 0;
};

} // namespace cf::vfio
