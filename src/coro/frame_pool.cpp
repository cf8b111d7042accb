// SPDX-License-Identifier: MIT
//
// The slow paths of frame memory, and its return to the system when a thread ends.
#include <counterflow/detail/frame_pool.hpp>

namespace cf::detail {
namespace {

constexpr std::size_t class_bytes(std::size_t index) noexcept { return (index + 1) * frame_class_bytes; }

// Made by the first frame of a thread. Frames freed behind its destructor, by destructors of
// other thread-locals, stay in the lists.
struct pool_cleaner {
    ~pool_cleaner()
    {
        for (std::size_t index = 0; index < frame_classes; ++index) {
            while (free_frame* frame = this_thread.free[index]) {
                CF_DETAIL_UNPOISON(frame, class_bytes(index));
                this_thread.free[index] = frame->next;
                ::operator delete(frame);
            }
        }
    }
    void touch() noexcept {}
};

thread_local pool_cleaner cleaner;

} // namespace

void* allocate_new_frame(std::size_t bytes)
{
    cleaner.touch();
    const std::size_t index = frame_class(bytes);
    return ::operator new(index < frame_classes ? class_bytes(index) : bytes);
}

void free_large_frame(void* frame, std::size_t) noexcept { ::operator delete(frame); }

} // namespace cf::detail
