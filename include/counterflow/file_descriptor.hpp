// SPDX-License-Identifier: MIT
//
// file_descriptor: a descriptor with an owner; file_ref: what the awaits on files and sockets take.
#pragma once

#include <concepts>
#include <cstdint>
#include <unistd.h>
#include <utility>

namespace cf {

/// Owns a descriptor, or none (-1), and closes it. See close() of file.hpp for closing as an await, which
/// tells of errors.
class file_descriptor {
public:
    file_descriptor() = default;
    explicit file_descriptor(int fd) noexcept : fd_(fd) {}
    file_descriptor(file_descriptor&& other) noexcept : fd_(other.release()) {}
    file_descriptor& operator=(file_descriptor&& other) noexcept
    {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~file_descriptor()
    {
        if (fd_ >= 0) ::close(fd_);
    }

    int get() const noexcept { return fd_; }
    explicit operator bool() const noexcept { return fd_ >= 0; }

    /// Gives the descriptor away: whoever calls this closes it.
    int release() noexcept { return std::exchange(fd_, -1); }

private:
    int fd_ = -1;
};

/// A file by its place in the runtime's registered_files; see registered.hpp.
struct registered_file {
    std::uint32_t index;
};

/// Names an open file or socket, without owning it: by its descriptor, or as a registered file.
class file_ref {
public:
    template <std::convertible_to<int> Descriptor>
    file_ref(const Descriptor& fd) noexcept : number_(fd)
    {
    }
    file_ref(const file_descriptor& owner) noexcept : number_(owner.get()) {}
    file_ref(registered_file file) noexcept
        : number_(static_cast<std::int32_t>(file.index)), registered_(true)
    {
    }

    std::int32_t number() const noexcept { return number_; } ///< the descriptor, or the index
    bool is_registered() const noexcept { return registered_; }

private:
    std::int32_t number_;
    bool registered_ = false;
};

} // namespace cf
