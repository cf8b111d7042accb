// SPDX-License-Identifier: MIT
//
// Files to copy from.
#include "cli/input_file.hpp"

#include <counterflow/as_result.hpp>
#include <counterflow/error.hpp>
#include <counterflow/io.hpp>

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cf::cli {

// O_NONBLOCK for pipes, which are opened only to be refused and must not be waited for.
input_file::input_file(std::string path)
    : path_(std::move(path)), fd_(open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC))
{
    const auto fail = [this](failure what) {
        if (fd_ >= 0) close(fd_);
        throw error(std::move(what));
    };
    struct stat status {};
    if (fd_ < 0 || fstat(fd_, &status) != 0) fail({{errno, std::generic_category()}, path_});
    if (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode))
        fail({errc::bad_argument,
              path_ + " is neither a regular file nor a block device, so it has no size; name one that is"});
    const off_t end = lseek(fd_, 0, SEEK_END);
    if (end < 0) fail({{errno, std::generic_category()}, path_});
    size_ = static_cast<std::uint64_t>(end);
}

input_file::~input_file() { close(fd_); }

task<> input_file::read(std::span<std::byte> into, std::uint64_t offset) const
{
    while (!into.empty()) {
        auto got = co_await as_result(read_at(fd_, into, offset));
        if (!got) throw error(failure{got.error().code, path_ + ", " + got.error().detail});
        if (*got == 0)
            throw error(failure{std::make_error_code(std::errc::io_error),
                                path_ + " ends at byte " + std::to_string(offset) + ", short of the " +
                                    std::to_string(size_) + " it had when it was opened"});
        into = into.subspan(*got);
        offset += *got;
    }
}

} // namespace cf::cli
