// SPDX-License-Identifier: MIT
//
// Memory of coroutine frames: recycled by size class in thread-local lists, so that a warm
// await allocates nothing. Inline, because frame sizes are constants where frames are made.
#pragma once

#include <counterflow/detail/this_thread.hpp>

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

/// The slow paths: nothing free, or a frame too large to be recycled.
[[gnu::cold]] CF_API void* allocate_new_frame(std::size_t bytes);
[[gnu::cold]] CF_API void free_large_frame(void* frame, std::size_t bytes) noexcept;

constexpr std::size_t frame_class(std::size_t bytes) noexcept { return (bytes - 1) / frame_class_bytes; }

[[gnu::always_inline]] inline void* allocate_frame(std::size_t bytes)
{
    const std::size_t index = frame_class(bytes);
    if (index >= frame_classes) [[unlikely]]
        return allocate_new_frame(bytes);
    free_frame* frame = this_thread.free[index];
    if (frame == nullptr) [[unlikely]]
        return allocate_new_frame(bytes);
    CF_DETAIL_UNPOISON(frame, (index + 1) * frame_class_bytes);
    this_thread.free[index] = frame->next;
    return frame;
}

[[gnu::always_inline]] inline void free_frame_memory(void* memory, std::size_t bytes) noexcept
{
    const std::size_t index = frame_class(bytes);
    if (index >= frame_classes) [[unlikely]]
        return free_large_frame(memory, bytes);
    auto* frame = static_cast<free_frame*>(memory);
    frame->next = this_thread.free[index];
    this_thread.free[index] = frame;
    CF_DETAIL_POISON(frame, (index + 1) * frame_class_bytes);
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
