// SPDX-License-Identifier: MIT
//
// The replaced operators; everything else in the standard library ends in these.
#include "allocation_count.hpp"

#include <cstddef>
#include <cstdlib>
#include <new>
#include <utility>

namespace {

thread_local std::uint64_t count = 0;
thread_local std::int64_t live = 0;
thread_local std::uint64_t fails_in = 0; // 0: none does
thread_local bool has_failed = false;

void* allocate(std::size_t bytes, std::size_t alignment)
{
    ++count;
    if (fails_in != 0 && --fails_in == 0) {
        has_failed = true;
        throw std::bad_alloc();
    }
    const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
    void* const memory = std::aligned_alloc(alignment, rounded == 0 ? alignment : rounded);
    if (!memory) throw std::bad_alloc();
    ++live;
    return memory;
}

void release(void* memory) noexcept
{
    if (memory) --live;
    std::free(memory);
}

} // namespace

std::uint64_t test::allocations() noexcept { return count; }

std::int64_t test::live_allocations() noexcept { return live; }

bool test::fail_allocation(std::uint64_t n) noexcept
{
    fails_in = n;
    return std::exchange(has_failed, false);
}

// All forms, because a sanitizer brings its own of those that are left out.
void* operator new(std::size_t bytes) { return allocate(bytes, alignof(std::max_align_t)); }
void* operator new[](std::size_t bytes) { return allocate(bytes, alignof(std::max_align_t)); }
void* operator new(std::size_t bytes, std::align_val_t alignment)
{
    return allocate(bytes, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t bytes, std::align_val_t alignment)
{
    return allocate(bytes, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept
{
    try {
        return allocate(bytes, alignof(std::max_align_t));
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}
void* operator new[](std::size_t bytes, const std::nothrow_t& tag) noexcept
{
    return operator new(bytes, tag);
}

void operator delete(void* memory) noexcept { release(memory); }
void operator delete[](void* memory) noexcept { release(memory); }
void operator delete(void* memory, std::size_t) noexcept { release(memory); }
void operator delete[](void* memory, std::size_t) noexcept { release(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { release(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { release(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { release(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { release(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { release(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { release(memory); }
