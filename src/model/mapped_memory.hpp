// SPDX-License-Identifier: MIT
//
// Pages for the model's memories: anonymous ones in huge pages where the system gives them, or a
// file, so that what was moved outlives the process.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <utility>

namespace cf::model {

/// Owns a mapping. Movable, not copyable.
class mapped_memory {
public:
    mapped_memory() = default;
    /// `size` bytes of zeroed memory of this process. Throws cf::error (no_memory).
    static mapped_memory anonymous(std::size_t size);
    /// The first `size` bytes of the regular file at `path`, which is created or extended as needed.
    /// Throws cf::error that names the path and the system's reason.
    static mapped_memory file(const std::string& path, std::size_t size);

    mapped_memory(mapped_memory&& other) noexcept { swap(other); }
    mapped_memory& operator=(mapped_memory&& other) noexcept
    {
        swap(other);
        return *this;
    }
    ~mapped_memory();

    std::span<std::byte> bytes() const noexcept { return bytes_; }
    std::byte* data() const noexcept { return bytes_.data(); }
    std::size_t size() const noexcept { return bytes_.size(); }

private:
    void swap(mapped_memory& other) noexcept
    {
        std::swap(mapping_, other.mapping_);
        std::swap(bytes_, other.bytes_);
    }

    std::span<std::byte> mapping_; ///< what munmap() is given
    std::span<std::byte> bytes_;   ///< the aligned part inside
};

} // namespace cf::model
