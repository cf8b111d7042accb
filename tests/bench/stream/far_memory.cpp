// SPDX-License-Identifier: MIT
//
// Memory of the far end, as this process has it.
#include "stream_bench.hpp"

#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

namespace bench {

far_memory::far_memory(std::size_t bytes) : size_(bytes)
{
    const int file = ::mkstemp(path_.data());
    if (file < 0) throw std::system_error(errno, std::generic_category(), path_);
    void* const mapped =
        ::ftruncate(file, static_cast<off_t>(bytes)) == 0
            ? ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, file, 0)
            : MAP_FAILED;
    const int why = errno;
    ::close(file);
    if (mapped == MAP_FAILED) {
        ::unlink(path_.c_str());
        throw std::system_error(why, std::generic_category(), path_);
    }
    data_ = static_cast<std::byte*>(mapped);
}

far_memory::~far_memory()
{
    ::munmap(data_, size_);
    ::unlink(path_.c_str());
}

std::string far_memory::behind(const std::string& spec) const
{
    return spec + (spec.find(':') == spec.size() - 1 ? "" : ",") + "ram=" + std::to_string(size_) +
           ",backing=" + path_;
}

int open_or_throw(const std::string& path, int flags)
{
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0600);
    if (fd < 0) throw std::system_error(errno, std::generic_category(), path);
    return fd;
}

} // namespace bench
