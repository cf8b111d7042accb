// SPDX-License-Identifier: MIT
//
// Opening, reserving and closing files as awaits; io.hpp reads and writes them. Everything here works from
// Linux 5.10 on, and in virtual time on regular files.
#pragma once

#include <counterflow/file_descriptor.hpp>
#include <counterflow/io.hpp>

#include <fcntl.h>

#include <cstdint>
#include <string>

namespace cf {

namespace detail {

class open_awaiter : public io_awaiter_of<open_awaiter, file_descriptor> {
public:
    open_awaiter(int directory, const char* path, int flags, unsigned mode) noexcept
        : path_(path), directory_(directory), flags_(flags), mode_(mode)
    {
    }
    void prepare(io_uring_sqe& entry) const noexcept
    {
        entry.opcode = IORING_OP_OPENAT;
        entry.fd = directory_;
        entry.addr = reinterpret_cast<std::uintptr_t>(path_);
        entry.len = mode_;
        entry.open_flags = static_cast<std::uint32_t>(flags_ | O_CLOEXEC);
    }
    std::string describe() const { return "open of " + std::string(path_); }
    file_descriptor value(std::int32_t result) const noexcept { return file_descriptor(result); }

private:
    const char* path_;
    int directory_;
    int flags_;
    unsigned mode_;
};

class fallocate_awaiter : public io_awaiter_of<fallocate_awaiter, void> {
public:
    fallocate_awaiter(file_ref file, int mode, std::uint64_t offset, std::uint64_t bytes) noexcept
        : offset_(offset), bytes_(bytes), file_(file), mode_(mode)
    {
    }
    void prepare(io_uring_sqe& entry) const noexcept
    {
        entry.opcode = IORING_OP_FALLOCATE;
        set_file(entry, file_);
        entry.off = offset_;
        entry.addr = bytes_;
        entry.len = static_cast<std::uint32_t>(mode_);
    }
    io_description describe() const noexcept { return {"fallocate", file_, bytes_, offset_}; }

private:
    std::uint64_t offset_;
    std::uint64_t bytes_;
    file_ref file_;
    int mode_;
};

/// Keeps the descriptor until the kernel has begun to close it: one whose close was stopped before is closed
/// with the awaiter.
class close_awaiter : public io_awaiter<close_awaiter> {
public:
    explicit close_awaiter(file_descriptor file) noexcept : file_(std::move(file)), number_(file_.get()) {}
    void prepare(io_uring_sqe& entry) const noexcept
    {
        entry.opcode = IORING_OP_CLOSE;
        entry.fd = number_;
    }
    void await_resume() { await_resume_result().value(); }
    CF_API cf::result<> await_resume_result();

private:
    file_descriptor file_;
    int number_;
};

} // namespace detail

/// Opens the file at `path`, relative to the current directory. `flags` are those of open(2) (O_RDWR,
/// O_CREAT, O_EXCL, O_DIRECT, ...; O_CLOEXEC always), `mode` the permissions of a file that is made. Yields
/// the owner of the descriptor. `path` must live until the await has ended. In virtual time: regular files
/// only.
///
/// With O_DIRECT the memory, size and offset of each read and write have to be aligned as the file system
/// wants it, 4096 bytes to be sure; one that does not know O_DIRECT refuses to open (EINVAL).
[[nodiscard]] inline auto open_file(const char* path, int flags, unsigned mode = 0644) noexcept
{
    return detail::open_awaiter(AT_FDCWD, path, flags, mode);
}

/// The same for a path relative to a directory that is open as `directory`.
[[nodiscard]] inline auto open_file(int directory, const char* path, int flags, unsigned mode = 0644) noexcept
{
    return detail::open_awaiter(directory, path, flags, mode);
}

/// Reserves `bytes` of disk at byte `offset`, so that writing there cannot fail for want of space. `mode` is
/// that of fallocate(2): 0 grows the file, FALLOC_FL_KEEP_SIZE does not. Fails with EOPNOTSUPP where the file
/// system cannot, with ENOSPC where the disk is full.
[[nodiscard]] inline auto fallocate(file_ref file, int mode, std::uint64_t offset,
                                    std::uint64_t bytes) noexcept
{
    return detail::fallocate_awaiter(file, mode, offset, bytes);
}

/// Closes `file`, which is closed afterwards however the await ends; a failure tells of earlier writes that
/// did not reach the disk.
[[nodiscard]] inline auto close(file_descriptor file) noexcept
{
    return detail::close_awaiter(std::move(file));
}

} // namespace cf
