// SPDX-License-Identifier: MIT
//
// What the linker (--wrap) puts in the place of the two.
#include "copied_bytes.hpp"

#include <atomic>
#include <cstddef>

namespace {

std::atomic<std::uint64_t> bytes{0};

} // namespace

std::uint64_t bench::copied_bytes() noexcept { return bytes.load(std::memory_order_relaxed); }

extern "C" {

void* __real_memcpy(void* to, const void* from, std::size_t size);
void* __real_memmove(void* to, const void* from, std::size_t size);
void* __wrap_memcpy(void* to, const void* from, std::size_t size);
void* __wrap_memmove(void* to, const void* from, std::size_t size);

void* __wrap_memcpy(void* to, const void* from, std::size_t size)
{
    bytes.fetch_add(size, std::memory_order_relaxed);
    return __real_memcpy(to, from, size);
}

void* __wrap_memmove(void* to, const void* from, std::size_t size)
{
    bytes.fetch_add(size, std::memory_order_relaxed);
    return __real_memmove(to, from, size);
}

} // extern "C"
