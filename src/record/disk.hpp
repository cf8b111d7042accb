// SPDX-License-Identifier: MIT
//
// disk: what recorders and readers do to files, through the ring. Tests put a disk in its place that fails.
#pragma once

#include <counterflow/file.hpp>

#include <cerrno>
#include <cstdint>
#include <span>

#include <sys/uio.h>
#include <unistd.h>

namespace cf::record {

/// Writes from several places at once, one behind the other in the file; yields how many bytes.
class writev_awaiter : public detail::io_awaiter_of<writev_awaiter, std::size_t> {
public:
    writev_awaiter(int fd, std::span<const iovec> from, std::uint64_t offset) noexcept
        : from_(from), offset_(offset), fd_(fd)
    {
    }
    void prepare(io_uring_sqe& entry) const noexcept
    {
        entry.opcode = IORING_OP_WRITEV;
        entry.fd = fd_;
        entry.addr = reinterpret_cast<std::uintptr_t>(from_.data());
        entry.len = static_cast<std::uint32_t>(from_.size());
        entry.off = offset_;
    }
    detail::io_description describe() const noexcept
    {
        std::uint64_t bytes = 0;
        for (const iovec& one : from_) bytes += one.iov_len;
        return {"write", fd_, bytes, offset_};
    }
    std::size_t value(std::int32_t result) const noexcept { return static_cast<std::size_t>(result); }

private:
    std::span<const iovec> from_;
    std::uint64_t offset_;
    int fd_;
};

struct disk {
    static auto open(const char* path, int flags) { return open_file(path, flags); }
    static auto write(int fd, std::span<const iovec> from, std::uint64_t offset)
    {
        return writev_awaiter(fd, from, offset);
    }
    static auto read(int fd, std::span<std::byte> into, std::uint64_t offset)
    {
        return read_at(fd, into, offset);
    }
    static auto reserve(int fd, std::uint64_t offset, std::uint64_t bytes)
    {
        return fallocate(fd, 0, offset, bytes);
    }
    static auto synchronise(int fd) { return fdatasync(fd); }
    /// Of a file that nobody waits for.
    static int cut(int fd, std::uint64_t bytes)
    {
        return ::ftruncate(fd, static_cast<off_t>(bytes)) == 0 ? 0 : errno;
    }
};

} // namespace cf::record
