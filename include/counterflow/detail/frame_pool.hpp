// SPDX-License-Identifier: MIT
//
// Memory of coroutine frames: recycled by size class in thread-local lists, so that a warm
// await allocates nothing. Inline, because frame sizes are constants where frames are made. What one
// thread frees more than it makes goes to those who make more than they free, in batches.
#pragma once

#include <counterflow/detail/this_thread.hpp>

#include <bit>
#include <cstddef>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#define CF_DETAIL_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CF_DETAIL_ASAN 1
#endif
#endif
#ifdef CF_DETAIL_ASAN
#include <sanitizer/asan_interface.h>
#define CF_DETAIL_POISON(p, n) ASAN_POISON_MEMORY_REGION(p, n)
#define CF_DETAIL_UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
#else
#define CF_DETAIL_POISON(p, n) ((void)0)
#define CF_DETAIL_UNPOISON(p, n) ((void)0)
#endif

namespace cf::detail {

/// The uncommon ways: none free at hand; no more to be kept; too large for any class.
[[gnu::cold]] CF_API void* allocate_frame_slowly(std::size_t bytes);
[[gnu::cold]] CF_API void free_frame_slowly(void* frame, std::size_t bytes) noexcept;

/// Up to 1 KiB in steps of 64 bytes, up to 64 KiB in powers of two. What is larger has no class and is not
/// recycled.
constexpr std::size_t frame_class(std::size_t bytes) noexcept
{
    return bytes <= 1024 ? (bytes - 1) / 64 : 5 + static_cast<std::size_t>(std::bit_width(bytes - 1));
}
constexpr std::size_t frame_class_bytes(std::size_t index) noexcept
{
    return index < 16 ? (index + 1) * 64 : std::size_t{1} << (index - 5);
}
static_assert(frame_class_bytes(frame_class(1025)) == 2048 && frame_class(65536) == frame_classes - 1);

[[gnu::always_inline]] inline void* allocate_frame(std::size_t bytes)
{
    const std::size_t index = frame_class(bytes);
    if (index >= frame_classes) [[unlikely]]
        return allocate_frame_slowly(bytes);
    free_frames& free = this_thread.free[index];
    free_frame* const frame = free.first;
    if (frame == nullptr) [[unlikely]]
        return allocate_frame_slowly(bytes);
    CF_DETAIL_UNPOISON(frame, frame_class_bytes(index));
    free.first = frame->next;
    ++free.room;
    return frame;
}

[[gnu::always_inline]] inline void free_frame_memory(void* memory, std::size_t bytes) noexcept
{
    const std::size_t index = frame_class(bytes);
    if (index >= frame_classes) [[unlikely]]
        return free_frame_slowly(memory, bytes);
    free_frames& free = this_thread.free[index];
    if (--free.room < 0) [[unlikely]]
        return free_frame_slowly(memory, bytes);
    auto* const frame = static_cast<free_frame*>(memory);
    frame->next = free.first;
    free.first = frame;
    CF_DETAIL_POISON(frame, frame_class_bytes(index));
}

/// Base of promises whose frames are recycled.
struct pooled_frame {
    [[gnu::always_inline]] static void* operator new(std::size_t bytes) { return allocate_frame(bytes); }
    [[gnu::always_inline]] static void operator delete(void* frame, std::size_t bytes) noexcept
    {
        free_frame_memory(frame, bytes);
    }
};

} // namespace cf::detail
