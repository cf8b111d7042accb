// SPDX-License-Identifier: MIT
//
// mmap for the model's memories.
#include "model/mapped_memory.hpp"

#include <counterflow/error.hpp>

#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace cf::model {
namespace {

constexpr std::size_t huge_page = 2u << 20;

class descriptor {
public:
    explicit descriptor(int fd) noexcept : fd_(fd) {}
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    ~descriptor()
    {
        if (fd_ >= 0) ::close(fd_);
    }
    int get() const noexcept { return fd_; }

private:
    int fd_;
};

[[noreturn]] void fail(const std::string& path, const char* what, int code)
{
    throw error(failure{std::error_code(code, std::system_category()), "backing file " + path + ": " + what});
}

} // namespace

mapped_memory mapped_memory::anonymous(std::size_t size)
{
    const std::size_t length = size + huge_page; // room to align
    void* const at =
        ::mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED)
        throw error(errc::no_memory, "modelled memory of " + std::to_string(size) + " bytes");
    mapped_memory result;
    result.mapping_ = {static_cast<std::byte*>(at), length};
    const std::size_t lead = (huge_page - reinterpret_cast<std::uintptr_t>(at) % huge_page) % huge_page;
    result.bytes_ = result.mapping_.subspan(lead, size);
    // Advice: without huge pages it works all the same.
    static_cast<void>(::madvise(result.data(), size, MADV_HUGEPAGE));
    return result;
}

mapped_memory mapped_memory::file(const std::string& path, std::size_t size)
{
    mapped_memory result;
    result.path_ = path;
    int opened = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    if (opened < 0 && errno == ENOENT) {
        opened = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        if (opened >= 0) result.made_ = made::file;
    }
    const descriptor fd(opened);
    if (fd.get() < 0) fail(path, "open", errno);
    struct stat now {};
    if (::fstat(fd.get(), &now) != 0) fail(path, "fstat", errno);
    if (!S_ISREG(now.st_mode)) fail(path, "not a regular file", EINVAL);
    if (now.st_size == 0 && result.made_ == made::nothing) result.made_ = made::contents;
    if (now.st_size != 0 && static_cast<std::size_t>(now.st_size) != size)
        throw error(errc::bad_argument, "backing file " + path + " has " + std::to_string(now.st_size) +
                                            " bytes, and the window ram " + std::to_string(size) +
                                            "; set ram= to the file's size or name another file");
    // A full disk is better met here than as SIGBUS when an engine writes.
    if (::fallocate(fd.get(), 0, 0, static_cast<off_t>(size)) != 0) {
        if (errno != EOPNOTSUPP) fail(path, ("reserving " + std::to_string(size) + " bytes").c_str(), errno);
        if (::ftruncate(fd.get(), static_cast<off_t>(size)) != 0)
            fail(path, ("extending to " + std::to_string(size) + " bytes").c_str(), errno);
    }
    void* const at = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
    if (at == MAP_FAILED) fail(path, "mmap", errno);
    result.mapping_ = result.bytes_ = {static_cast<std::byte*>(at), size};
    return result;
}

mapped_memory::~mapped_memory()
{
    if (!mapping_.empty()) ::munmap(mapping_.data(), mapping_.size());
    // Nobody to tell when it cannot be taken back: it was empty, and holds zeros.
    if (made_ == made::file) static_cast<void>(::unlink(path_.c_str()));
    if (made_ == made::contents) static_cast<void>(::truncate(path_.c_str(), 0) == 0);
}

} // namespace cf::model
