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
    /// The regular file at `path`, which has `size` bytes, or is empty or absent and gets them. It is
    /// as it was again when this is destroyed without a keep() before. Throws cf::error that names the
    /// path: bad_argument when it has another size, or the system's reason.
    static mapped_memory file(const std::string& path, std::size_t size);
    /// What file() made is going to be used, and stays.
    void keep() noexcept { made_ = made::nothing; }

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
        std::swap(path_, other.path_);
        std::swap(made_, other.made_);
        std::swap(mapping_, other.mapping_);
        std::swap(bytes_, other.bytes_);
    }

    enum class made : unsigned char { nothing, contents, file };

    std::string path_;             ///< of a file
    made made_ = made::nothing;    ///< what the destructor takes back
    std::span<std::byte> mapping_; ///< what munmap() is given
    std::span<std::byte> bytes_;   ///< the aligned part inside
};

} // namespace cf::model
