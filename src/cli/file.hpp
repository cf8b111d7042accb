// SPDX-License-Identifier: MIT
//
// Files at the ends of a copy: opened with clear errors, read and written through the runtime's
// ring, whatever number of bytes the kernel moves at once.
#pragma once

#include <counterflow/task.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

namespace cf::cli {

/// An open file. Every error is cf::error with the path in it.
class file {
public:
    /// A regular file or a block device: something with a size. Throws cf::error.
    static file for_reading(const std::string& path);

    /// Creates the file or replaces what is in it, once start_writing() is called; until then it is
    /// untouched. Character devices will do. Throws cf::error: bad_argument when it is `source` itself,
    /// by whatever name.
    static file for_writing(const std::string& path, const file* source = nullptr);

    file(file&& other) noexcept
        : path_(std::move(other.path_)),
          fd_(std::exchange(other.fd_, -1)),
          size_(other.size_),
          regular_(other.regular_)
    {
    }
    file& operator=(file&& other) noexcept
    {
        std::swap(path_, other.path_);
        std::swap(fd_, other.fd_);
        std::swap(size_, other.size_);
        std::swap(regular_, other.regular_);
        return *this;
    }
    ~file();

    const std::string& path() const noexcept { return path_; }
    std::uint64_t size() const noexcept { return size_; } ///< when it was opened

    /// Empties the file and reserves room for `size` bytes, so that a full disk is found out before
    /// anything is moved. Throws cf::error.
    void start_writing(std::uint64_t size);

    /// Fills `into` from byte `offset` on; a file that ends before that is an error.
    task<> read(std::span<std::byte> into, std::uint64_t offset) const;
    /// Writes all of `from` at byte `offset`.
    task<> write(std::span<const std::byte> from, std::uint64_t offset) const;

    /// Closes a file that was written; a late write error is thrown as cf::error.
    void close();

private:
    file(std::string path, int flags);

    std::string path_;
    int fd_ = -1;
    std::uint64_t size_ = 0;
    bool regular_ = false;
};

} // namespace cf::cli
