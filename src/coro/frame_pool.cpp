// SPDX-License-Identifier: MIT
//
// The slow paths of frame memory: what threads hand to each other, and its return to the system when a
// thread or the program ends.
#include <counterflow/detail/frame_pool.hpp>

#include <mutex>
#include <utility>

namespace cf::detail {
namespace {

// A thread keeps this much of each class, and at least a few frames.
constexpr std::int32_t kept(std::size_t index) noexcept
{
    constexpr std::size_t bytes = 64 * 1024;
    constexpr std::size_t least = 4;
    const std::size_t frames = bytes / frame_class_bytes(index);
    return static_cast<std::int32_t>(frames < least ? least : frames);
}

constexpr std::int32_t batch_of(std::size_t index) noexcept { return kept(index) / 2; }

void delete_frames(free_frame* frame, [[maybe_unused]] std::size_t index) noexcept
{
    while (frame != nullptr) {
        CF_DETAIL_UNPOISON(frame, frame_class_bytes(index));
        ::operator delete(std::exchange(frame, frame->next));
    }
}

// Frames on their way from threads that free more than they make to those that make more than they
// free, as with run_on(). Whole batches, so that its lock is taken once in many frames. What passes
// through is never more than what was in use at once, so it needs no limit.
class exchange {
public:
    void put(free_frame* batch, std::size_t index) noexcept
    {
        CF_DETAIL_UNPOISON(batch, sizeof *batch);
        const std::lock_guard lock(mutex_);
        batch->next_batch = std::exchange(batches_[index], batch);
    }
    free_frame* take(std::size_t index) noexcept
    {
        const std::lock_guard lock(mutex_);
        free_frame* const batch = batches_[index];
        if (batch != nullptr) batches_[index] = batch->next_batch;
        return batch;
    }

private:
    std::mutex mutex_;
    free_frame* batches_[frame_classes] = {};
};

// Never destroyed: threads may outlive whatever else is.
constinit exchange between_threads;

struct at_exit {
    ~at_exit()
    {
        for (std::size_t index = 0; index < frame_classes; ++index) {
            while (free_frame* const batch = between_threads.take(index)) delete_frames(batch, index);
        }
    }
} const empties_the_exchange;

thread_local bool thread_ends = false; // its pool is gone; outlives all thread-locals with destructors

// Made when a thread first makes or frees a frame.
struct thread_pool {
    thread_pool() noexcept
    {
        for (std::size_t index = 0; index < frame_classes; ++index)
            this_thread.free[index].room = kept(index);
    }
    thread_pool(const thread_pool&) = delete;
    thread_pool& operator=(const thread_pool&) = delete;
    ~thread_pool()
    {
        thread_ends = true;
        for (std::size_t index = 0; index < frame_classes; ++index)
            delete_frames(std::exchange(this_thread.free[index], free_frames{}).first, index);
    }
    void make() const noexcept {}
};

thread_local const thread_pool pool;

// Whether the thread has a pool, which is made when it has none yet.
bool has_pool() noexcept
{
    if (thread_ends) return false;
    pool.make();
    return true;
}

// Cuts off what is behind the first `count` frames.
free_frame* cut(free_frame* frame, std::int32_t count) noexcept
{
    for (; count > 1; --count) {
        CF_DETAIL_UNPOISON(frame, sizeof *frame);
        free_frame* const next = frame->next;
        CF_DETAIL_POISON(frame, sizeof *frame);
        frame = next;
    }
    CF_DETAIL_UNPOISON(frame, sizeof *frame);
    free_frame* const rest = std::exchange(frame->next, nullptr);
    CF_DETAIL_POISON(frame, sizeof *frame);
    return rest;
}

} // namespace

void* allocate_frame_slowly(std::size_t bytes)
{
    const std::size_t index = frame_class(bytes);
    if (index >= frame_classes) return ::operator new(bytes);
    free_frames& free = this_thread.free[index];
    if (has_pool()) free.first = between_threads.take(index);
    if (free.first != nullptr) {
        free.room = kept(index) - batch_of(index);
        return allocate_frame(bytes);
    }
    return ::operator new(frame_class_bytes(index));
}

void free_frame_slowly(void* memory, std::size_t bytes) noexcept
{
    const std::size_t index = frame_class(bytes);
    if (index >= frame_classes) return ::operator delete(memory);
    free_frames& free = this_thread.free[index];
    free.room = 0; // it was counted down to below that
    if (!has_pool()) return ::operator delete(memory);
    if (free.room == 0) { // full; otherwise the pool was only made
        between_threads.put(std::exchange(free.first, cut(free.first, batch_of(index))), index);
        free.room = batch_of(index);
    }
    free_frame_memory(memory, bytes);
}

} // namespace cf::detail
