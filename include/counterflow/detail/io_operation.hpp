// SPDX-License-Identifier: MIT
//
// Operations on the ring, from the awaiter's side. One costs a submission entry and nothing else:
// its user data is the waiting coroutine's frame, which the loop resumes with the answer at hand.
#pragma once

#include <counterflow/detail/export.hpp>
#include <counterflow/detail/stop_state.hpp>
#include <counterflow/detail/this_thread.hpp>

#include <linux/io_uring.h>

#include <concepts>
#include <coroutine>
#include <cstdint>
#include <cstring>

namespace cf::detail {

/// The uncommon ways to a submission entry: a coroutine that can be stopped has to enlist itself or to obey,
/// or there is no room in the queue. `stoppable` says whether the frame is of a promise_base. The entry is
/// cleared and has its user data. Null when the operation has ended without being submitted;
/// this_thread.answer then says how.
[[gnu::cold, gnu::noinline]] CF_API io_uring_sqe* take_entry_slowly(void* frame, bool stoppable) noexcept;

/// The same for a coroutine that can be stopped. Its first operation comes here, that is any of a task that
/// does one thing, so the way to enlisting is not cold.
[[gnu::noinline]] inline io_uring_sqe* take_entry_enlisting(void* frame) noexcept
{
    promise_base& promise = promise_base::of(frame);
    io_uring_sqe* const entry = this_thread.sq_next;
    if (promise.unlisted == nullptr || promise.stop->requested() || entry == this_thread.sq_end)
        return take_entry_slowly(frame, true);
    promise.stop->enlist(promise);
    this_thread.sq_next = entry + 1;
    std::memset(entry, 0, sizeof *entry);
    entry->user_data = reinterpret_cast<std::uintptr_t>(frame);
    return entry;
}

/// Base of awaiters for operations on the ring. Derived has `void prepare(io_uring_sqe&) const noexcept`,
/// which fills in a cleared entry all but the user data.
///
/// The operation ends only with its own completion; until then the awaiter, and whatever buffer it
/// names, stay where they are.
template <class Derived>
class io_awaiter {
public:
    bool await_ready() const noexcept { return false; }

    template <class Promise>
    [[gnu::always_inline]] bool await_suspend(std::coroutine_handle<Promise> waiter) noexcept
    {
        constexpr bool stoppable = std::derived_from<Promise, promise_base>;
        bool unlisted = false;
        if constexpr (stoppable) unlisted = waiter.promise().unlisted != nullptr;
        io_uring_sqe* const entry = this_thread.sq_next;
        if (entry == this_thread.sq_end || unlisted) [[unlikely]] {
            io_uring_sqe* const late = stoppable ? take_entry_enlisting(waiter.address())
                                                 : take_entry_slowly(waiter.address(), false);
            if (late != nullptr) self().prepare(*late);
            return late != nullptr;
        }
        this_thread.sq_next = entry + 1;
        std::memset(entry, 0, sizeof *entry);
        self().prepare(*entry);
        entry->user_data = reinterpret_cast<std::uintptr_t>(waiter.address());
        return true;
    }

    /// What the kernel said; valid in await_resume() before anything else is called.
    [[gnu::always_inline]] static std::int32_t result() noexcept { return this_thread.answer.value; }

private:
    const Derived& self() const noexcept { return static_cast<const Derived&>(*this); }
};

} // namespace cf::detail
