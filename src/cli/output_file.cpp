// SPDX-License-Identifier: MIT
//
// Files written beside their place.
#include "cli/output_file.hpp"

#include <counterflow/as_result.hpp>
#include <counterflow/error.hpp>
#include <counterflow/io.hpp>

#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <ostream>
#include <streambuf>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cf::cli {
namespace {

namespace fs = std::filesystem;

/// A stream's buffer that appends to a descriptor. Throws errno's std::system_error.
class descriptor_buffer : public std::streambuf {
public:
    explicit descriptor_buffer(int fd) : fd_(fd) { setp(memory_.data(), memory_.data() + memory_.size()); }

private:
    int_type overflow(int_type c) override
    {
        const char* from = pbase();
        while (from != pptr()) {
            const ssize_t put = ::write(fd_, from, static_cast<std::size_t>(pptr() - from));
            if (put < 0 && errno != EINTR) throw std::system_error(errno, std::generic_category());
            if (put > 0) from += put;
        }
        setp(memory_.data(), memory_.data() + memory_.size());
        return traits_type::eq_int_type(c, traits_type::eof()) ? traits_type::not_eof(c)
                                                               : sputc(traits_type::to_char_type(c));
    }
    int sync() override
    {
        overflow(traits_type::eof());
        return 0;
    }

    int fd_;
    std::array<char, 65536> memory_;
};

} // namespace

std::string link_target(std::string path)
{
    std::error_code none;
    // As many links as the kernel follows.
    for (int i = 0; i < 40 && fs::is_symlink(fs::symlink_status(path, none)); ++i)
        path = fs::path(path).parent_path() / fs::read_symlink(path, none);
    return path;
}

output_file::output_file(std::string path, order o) : path_(std::move(path)), place_(link_target(path_))
{
    struct stat status {};
    const bool exists = stat(path_.c_str(), &status) == 0;
    if (!exists && (errno != ENOENT || path_.empty())) fail();
    if (exists && S_ISDIR(status.st_mode)) {
        errno = EISDIR;
        fail();
    }
    try {
        if (exists && !S_ISREG(status.st_mode))
            open_directly(o);
        else
            open_beside();
    } catch (...) {
        abandon();
        throw;
    }
}

output_file::~output_file() { abandon(); }

void output_file::fail(const std::string& what) const
{
    throw error(failure{{errno, std::generic_category()}, path_ + what});
}

void output_file::open_directly(order o)
{
    fd_ = open(path_.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd_ < 0 && errno == ENXIO) fail(", which nobody reads");
    if (fd_ < 0) fail();
    if (o == order::any && lseek(fd_, 0, SEEK_CUR) < 0)
        throw error(errc::bad_argument, path_ + " is a pipe, a terminal or the like, and blocks do not "
                                                "arrive in order; name a regular file");
    // From here on to be waited for.
    if (fcntl(fd_, F_SETFL, fcntl(fd_, F_GETFL) & ~O_NONBLOCK) != 0) fail();
}

void output_file::open_beside()
{
    struct stat old {};
    const bool exists = stat(path_.c_str(), &old) == 0;
    if (exists) {
        struct stat there {};
        // Links in /proc may lead to files that have no name any more.
        if (stat(place_.c_str(), &there) != 0 || there.st_dev != old.st_dev || there.st_ino != old.st_ino)
            throw error(errc::bad_argument, path_ + " is a file without a name, which cannot be replaced; "
                                                    "name another one");
    }
    // A file that may not be written may not be replaced, although its folder would allow it.
    if (exists && access(place_.c_str(), W_OK) != 0) fail();
    static int number = 0;
    do {
        const std::string name =
            ".counterflow-" + std::to_string(getpid()) + "-" + std::to_string(number++) + ".part";
        temporary_ = fs::path(place_).parent_path() / name;
        fd_ = open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    } while (fd_ < 0 && errno == EEXIST);
    if (fd_ < 0) {
        temporary_.clear();
        fail(exists ? ", which is replaced by a new file in its folder" : "");
    }
    if (!exists) return;
    // Root's command on somebody's file: it stays theirs. Others may be refused, and own the new file.
    static_cast<void>(fchown(fd_, old.st_uid, old.st_gid) == 0);
    if (fchmod(fd_, old.st_mode & 0777) != 0) fail();
}

void output_file::reserve(std::uint64_t size)
{
    if (temporary_.empty() || size == 0) return;
    if (fallocate(fd_, 0, 0, static_cast<off_t>(size)) == 0) return;
    // Not every file system can reserve; without it a full disk shows up later.
    if (errno != EOPNOTSUPP && errno != ENOSYS) fail(", room for " + std::to_string(size) + " bytes");
}

task<> output_file::write(std::span<const std::byte> from, std::uint64_t offset) const
{
    while (!from.empty()) {
        auto put = co_await as_result(write_at(fd_, from, offset));
        if (!put) throw error(failure{put.error().code, path_ + ", " + put.error().detail});
        from = from.subspan(*put);
        offset += *put;
    }
}

void output_file::write_text(const std::function<void(std::ostream&)>& writer)
{
    descriptor_buffer buffer(fd_);
    std::ostream out(&buffer);
    out.exceptions(std::ios::badbit); // lets the buffer's own exception through
    try {
        writer(out);
        out.flush();
    } catch (const std::system_error& e) {
        throw error(failure{e.code(), path_});
    }
}

void output_file::commit()
{
    if (close(std::exchange(fd_, -1)) != 0) fail();
    if (temporary_.empty()) return;
    if (rename(temporary_.c_str(), place_.c_str()) != 0) fail(", taking its place");
    temporary_.clear();
}

void output_file::abandon() noexcept
{
    if (fd_ >= 0) close(fd_);
    if (!temporary_.empty()) unlink(temporary_.c_str());
}

} // namespace cf::cli
