// SPDX-License-Identifier: MIT
//
// Files at the ends of a copy.
#include "cli/file.hpp"

#include <counterflow/as_result.hpp>
#include <counterflow/error.hpp>
#include <counterflow/io.hpp>

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cf::cli {
namespace {

[[noreturn]] void throw_errno(const std::string& path)
{
    throw error(failure{{errno, std::generic_category()}, path});
}

struct stat status_of(int fd, const std::string& path)
{
    struct stat status {};
    if (fstat(fd, &status) != 0) throw_errno(path);
    return status;
}

} // namespace

file::file(std::string path, int flags)
    : path_(std::move(path)), fd_(::open(path_.c_str(), flags | O_CLOEXEC, 0666))
{
    if (fd_ < 0) throw_errno(path_);
}

file::~file()
{
    if (fd_ >= 0) ::close(fd_);
}

file file::for_reading(const std::string& path)
{
    file f(path, O_RDONLY);
    const struct stat status = status_of(f.fd_, path);
    if (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode))
        throw error(errc::bad_argument,
                    path + " is neither a regular file nor a block device, so it has no size");
    const off_t end = lseek(f.fd_, 0, SEEK_END);
    if (end < 0) throw_errno(path);
    f.size_ = static_cast<std::uint64_t>(end);
    return f;
}

file file::for_writing(const std::string& path, const file* source)
{
    file f(path, O_RDWR | O_CREAT);
    const struct stat status = status_of(f.fd_, path);
    if (source) {
        const struct stat other = status_of(source->fd_, source->path_);
        if (status.st_dev == other.st_dev && status.st_ino == other.st_ino)
            throw error(errc::bad_argument, path + " is the same file as " + source->path_ +
                                                ", which would be lost; name another one");
    }
    f.regular_ = S_ISREG(status.st_mode);
    f.size_ = f.regular_ ? static_cast<std::uint64_t>(status.st_size) : 0;
    return f;
}

void file::start_writing(std::uint64_t size)
{
    if (!regular_) return;
    if (ftruncate(fd_, 0) != 0) throw_errno(path_);
    if (size == 0 || fallocate(fd_, 0, 0, static_cast<off_t>(size)) == 0) return;
    // Not every file system can reserve; without it a full disk shows up later.
    if (errno != EOPNOTSUPP && errno != ENOSYS)
        throw_errno(path_ + ", room for " + std::to_string(size) + " bytes");
}

task<> file::read(std::span<std::byte> into, std::uint64_t offset) const
{
    while (!into.empty()) {
        auto got = co_await as_result(read_at(fd_, into, offset));
        if (!got) throw error(failure{got.error().code, path_ + ", " + got.error().detail});
        if (*got == 0)
            throw error(errc::bad_argument, path_ + " ends at byte " + std::to_string(offset) +
                                                ", short of what it had when it was opened");
        into = into.subspan(*got);
        offset += *got;
    }
}

task<> file::write(std::span<const std::byte> from, std::uint64_t offset) const
{
    while (!from.empty()) {
        auto put = co_await as_result(write_at(fd_, from, offset));
        if (!put) throw error(failure{put.error().code, path_ + ", " + put.error().detail});
        from = from.subspan(*put);
        offset += *put;
    }
}

void file::close()
{
    if (::close(std::exchange(fd_, -1)) != 0) throw_errno(path_);
}

} // namespace cf::cli
