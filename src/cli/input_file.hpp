// SPDX-License-Identifier: MIT
//
// A file to copy from: opened with clear errors, and read through the runtime's ring.
#pragma once

#include <counterflow/task.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace cf::cli {

/// An open file. Every error is cf::error with the path in it.
class input_file {
public:
    /// Opens a regular file or a block device: something with a size. Throws cf::error, bad_argument
    /// for anything else.
    explicit input_file(std::string path);
    input_file(const input_file&) = delete;
    input_file& operator=(const input_file&) = delete;
    ~input_file();

    const std::string& path() const noexcept { return path_; }
    std::uint64_t size() const noexcept { return size_; } ///< when it was opened

    /// Fills `into` from byte `offset` on; a file that ends before that is an error.
    task<> read(std::span<std::byte> into, std::uint64_t offset) const;

private:
    std::string path_;
    int fd_;
    std::uint64_t size_ = 0;
};

} // namespace cf::cli
