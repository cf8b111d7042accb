// SPDX-License-Identifier: MIT
//
// The mapping and what replaces it.
#include "vfio/mapped_bar.hpp"

#include <cstring>
#include <utility>

#include <sys/mman.h>

namespace cf::vfio {

mapped_bar::mapped_bar(mapped_bar&& other) noexcept
    : pages_(std::exchange(other.pages_, nullptr)), size_(other.size_), skip_(other.skip_)
{
}

mapped_bar& mapped_bar::operator=(mapped_bar&& other) noexcept
{
    std::swap(pages_, other.pages_);
    std::swap(size_, other.size_);
    std::swap(skip_, other.skip_);
    return *this;
}

mapped_bar::~mapped_bar()
{
    if (pages_) ::munmap(pages_, size_);
}

bool mapped_bar::become_ones() noexcept
{
    if (!pages_) return true;
    if (::mmap(pages_, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
        MAP_FAILED)
        return false;
    std::memset(pages_, 0xff, size_);
    return true;
}

} // namespace cf::vfio
