// SPDX-License-Identifier: MIT
//
// reactor: where completions and time come from. The seam is as wide as a whole run, so that no
// operation pays for it: a reactor's run() is one function in which everything is inlined.
#pragma once

#include <counterflow/runtime.hpp>

namespace cf::detail {

class reactor {
public:
    reactor() = default;
    reactor(const reactor&) = delete;
    reactor& operator=(const reactor&) = delete;
    virtual ~reactor() = default;

    /// Turns its loop until that is finished; see loop.hpp for what a turn is.
    virtual void run() noexcept = 0;

    /// In place of run(), with runtime_options::drained: takes the turns that run() would take before it
    /// waits.
    virtual void drain() noexcept = 0;
    /// Readable when there is a reason for another drain(); -1 without runtime_options::drained.
    virtual int outside() const noexcept = 0;

    /// Called before each run() or drain(), on its thread. Throws cf::error when that cannot be.
    virtual void prepare() = 0;
    /// Called after each run() or drain() that was prepared, on its thread.
    virtual void finish() noexcept = 0;

    /// From enter() to leave() the row of the submission queue in this_thread is this reactor's. A runtime
    /// that runs another one inside of itself leaves for that time.
    virtual void enter() noexcept = 0;
    virtual void leave() noexcept = 0;

    /// Monotonic nanoseconds.
    virtual std::uint64_t now() noexcept = 0;

    /// Lets a little time pass for one who waits without a run().
    virtual void pause() noexcept = 0;
    /// The simulation whose time this is, or null: it is real.
    virtual virtual_clock* simulation() noexcept { return nullptr; }

    /// Ends a wait of run(), or the next one. The only member for other threads.
    virtual void wake() noexcept = 0;

    /// See loop::take_entry() and loop::cancel_operation_of().
    virtual io_uring_sqe* take_entry() noexcept = 0;
    virtual void cancel_operation_of(promise_base& coroutine) noexcept = 0;

    /// See loop::register_resource().
    virtual int register_resource(unsigned what, const void* argument, unsigned count) noexcept = 0;

    /// Calls operation.notify on events from now on. The reactor owns the operation.
    virtual void start_watch(fd_watch::watch_operation& operation) = 0;
    /// Never calls notify again.
    virtual void stop_watch(fd_watch::watch_operation& operation) noexcept = 0;

    virtual loop_statistics statistics() const noexcept = 0;
    virtual void describe(runtime_info& info) const = 0;

protected:
    /// A drain() is bounded, because whoever called it has more to do: after so many turns the rest is left
    /// for the next one, for which it calls.
    static constexpr unsigned turns_a_drain = 64;
};

} // namespace cf::detail
