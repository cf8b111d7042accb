// SPDX-License-Identifier: MIT
//
// What one thread keeps at hand: the loop it runs, who is to be resumed next, the result of
// the operation that was just completed, and free coroutine frames.
#pragma once

#include <counterflow/detail/export.hpp>

#include <coroutine>
#include <cstddef>
#include <cstdint>

struct io_uring_sqe;

namespace cf::detail {

class loop;

/// A suspended coroutine in a list of those to be resumed. The node lives in the coroutine's
/// own frame, usually in the awaiter it is suspended in.
struct resumable {
    resumable* next;
    std::coroutine_handle<> handle;
};

/// A free frame, linked through its first words.
struct free_frame {
    free_frame* next;
    free_frame* next_batch; ///< of the first of a batch only; see frame_pool.cpp
};

/// The free frames of one size class that a thread keeps at hand.
struct free_frames {
    free_frame* first;
    std::int32_t room; ///< how many more may be kept; 0 until the thread has used the pool
};

inline constexpr std::size_t frame_classes = 22; ///< see frame_class()

/// What the kernel said about an operation, as it stands in its completion.
struct io_answer {
    std::int32_t value; ///< negative: -errno
    std::uint32_t flags;
};

/// One object and not several variables, so that compilers form one address.
struct thread_state {
    loop* current;          ///< the loop that runs here, or null
    resumable* resume_next; ///< stack of coroutines to be resumed before anything else; see transfer()
    io_uring_sqe* sq_next;  ///< where the running loop's next submission goes
    io_uring_sqe* sq_end;   ///< no room at and behind this one
    io_answer answer;       ///< of the operation whose waiter is being resumed
    free_frames free[frame_classes];
};

// Every await and every frame goes through this, so no access may be a call: local-exec in programs,
// initial-exec in shared libraries.
#if defined(__PIC__) && !defined(__PIE__)
#define CF_DETAIL_TLS __attribute__((tls_model("initial-exec")))
#else
#define CF_DETAIL_TLS
#endif
CF_API inline constinit thread_local thread_state this_thread CF_DETAIL_TLS{};

/// Has `who` resumed as soon as the running coroutine, and those whose operations completed in the same tick,
/// have suspended or ended; the last first. Unlike a resume() from inside it needs no stack; unlike
/// symmetric transfer it works out of final_suspend() of a coroutine that destroys itself, and in
/// builds without tail calls.
[[gnu::always_inline]] inline void transfer(resumable& who) noexcept
{
    who.next = this_thread.resume_next;
    this_thread.resume_next = &who;
}

/// Resumes whom transfer() has left; the loop calls this after it has resumed others.
[[gnu::always_inline]] inline void run_transfers(thread_state& here = this_thread) noexcept
{
    while (resumable* const who = here.resume_next) {
        here.resume_next = who->next;
        who->handle.resume();
    }
}

} // namespace cf::detail
