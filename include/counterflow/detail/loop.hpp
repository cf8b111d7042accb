// SPDX-License-Identifier: MIT
//
// The event loop as those see it who bring their own events to a runtime: ready coroutines,
// work deferred to the end of a tick, pollers, timers, posts from other threads and eventfds.
// Everything is intrusive: nothing here allocates unless it says so.
//
// A tick: poll; resume what is ready, until nothing is; run what was deferred; fire timers that are due;
// submit and, when there is nothing else to do, wait; resume those whose operations completed.
//
// Thread rule: all calls on the runtime's own thread, except post().
#pragma once

#include <counterflow/detail/export.hpp>
#include <counterflow/detail/intrusive_list.hpp>
#include <counterflow/detail/this_thread.hpp>
#include <counterflow/detail/timer.hpp>

#include <atomic>
#include <cstdint>
#include <memory>

namespace cf::detail {

class reactor;
class virtual_clock;
struct io_operation;
struct promise_base;
[[noreturn]] CF_API void abort_outside_of_run() noexcept;

/// What runs once at the end of a tick: after the ready queue has drained, before the loop
/// submits or waits. Used to batch: many transfers of one tick, one doorbell.
struct deferred : list_node {
    void (*run)(deferred&) noexcept = nullptr; ///< may make_ready(), may defer again (next tick)
};

/// What is asked again and again while it is registered. The loop does not sleep before a bounded
/// spin without progress (runtime_options::spin) has passed, and sleeps then, pollers or not: a
/// poller needs something that wakes the runtime, such as an fd_watch.
struct poller : list_node {
    bool (*poll)(poller&) noexcept = nullptr; ///< true on progress; may make_ready(), may remove itself
    /// Called before the loop goes to sleep, may be null: the place to arm an interrupt. Returns false
    /// when there is progress after all; the loop then does not sleep.
    bool (*park)(poller&) noexcept = nullptr;
};

/// What another thread hands to a runtime. Belongs to the poster until `run` is called.
struct posted {
    posted* next = nullptr;
    void (*run)(posted&) noexcept = nullptr; ///< on the runtime's thread; may end the node's life
};

/// What completions may still come for after its owner is gone; see loop::keep().
struct leftover : list_node {
    leftover() = default;
    leftover(const leftover&) = delete;
    leftover& operator=(const leftover&) = delete;
    virtual ~leftover() = default;
};

/// Counts since the runtime was made. An idle runtime's do not move.
struct loop_statistics {
    std::uint64_t enters = 0;      ///< system calls to submit or wait
    std::uint64_t submitted = 0;   ///< operations handed to the kernel
    std::uint64_t completions = 0; ///< completions taken from it in ticks before this one
    std::uint64_t polls = 0;       ///< rounds over the pollers
};

/// The scheduling half of a runtime; knows no I/O beyond the seam to its reactor.
class CF_API loop {
public:
    loop(const loop&) = delete;
    loop& operator=(const loop&) = delete;

    /// The loop this thread is running. Aborts with a message outside of run().
    static loop& current() noexcept
    {
        loop* const l = this_thread.current;
        if (l == nullptr) [[unlikely]]
            abort_outside_of_run();
        return *l;
    }

    /// Resumes who.handle in this or the next tick, in order of calls. `who` must live until then,
    /// and not be in any queue.
    void make_ready(resumable& who) noexcept
    {
        who.next = nullptr;
        *ready_tail_ = &who;
        ready_tail_ = &who.next;
        *attention_ |= has_ready;
    }

    /// Runs d once at the end of this tick. Does nothing when it is already waiting for that.
    void defer(deferred& d) noexcept
    {
        if (d.linked()) return;
        deferred_.push_back(d);
        *attention_ |= has_deferred;
    }

    void add_poller(poller& p) noexcept
    {
        pollers_.push_back(p);
        *attention_ |= has_pollers;
    }
    void remove_poller(poller& p) noexcept { p.unlink(); }

    /// The runtime clock: monotonic nanoseconds, virtual in a simulation.
    std::uint64_t now() noexcept;

    /// The simulation whose time now() is, or null when it is real. See runtime_options::time.
    virtual_clock* simulation() noexcept;

    /// Owns `left` until it deletes itself, in the completion it was kept for, or until the loop's end, when
    /// no more can come.
    void keep(std::unique_ptr<leftover> left) noexcept { leftovers_.push_back(*left.release()); }

    /// For those who wait for hardware outside of run(): lets a little time pass.
    void pause() noexcept;

    /// Has t.fire called once the clock has reached `due`.
    void add_timer(timer& t, std::uint64_t due) noexcept
    {
        timers_.add(t, due);
        if (due < alarm_) *attention_ |= has_timers;
    }
    void cancel_timer(timer& t) noexcept { timers_.cancel(t); }

    /// From any thread, also while the loop is not running: runs p on the runtime's thread, in the
    /// order of posts of one thread. Lock-free; wakes the loop when it may be asleep.
    void post(posted& p) noexcept;

    /// Has the kernel cancel what it is doing for this coroutine, which is in no list. The operation, if
    /// there is one, ends with its own completion all the same. For stop_state.
    void cancel_operation_of(promise_base& coroutine) noexcept;

    /// The slow way to a submission entry, when the row in this_thread has ended. Null when there is no
    /// memory.
    io_uring_sqe* take_entry() noexcept;

    loop_statistics statistics() const noexcept;

    /// Whether the ring can do an operation that Linux 5.10 lacks, and may.
    bool has_operation(unsigned opcode) const noexcept { return (operations_ >> opcode & 1) != 0; }

    /// io_uring_register(2), for registered_buffers and registered_files. Returns what that does, or -errno;
    /// -EBUSY too where the kernel would first wait for all operations, which never all end.
    int register_resource(unsigned what, const void* argument, unsigned count) noexcept;

protected:
    loop() noexcept = default;
    ~loop()
    {
        while (leftover* const left = leftovers_.pop_front()) delete left;
    }

    /// While it lives the calling thread runs this loop, inside of the one it ran before.
    class CF_API inside {
    public:
        explicit inside(loop& l) noexcept;
        inside(const inside&) = delete;
        inside& operator=(const inside&) = delete;
        ~inside();

    private:
        loop& loop_;
        loop* outer_;
        resumable* outer_transfers_;
    };

    friend class reactor;
    friend class uring_reactor;
    friend class virtual_reactor;
    friend class fd_watch;
    friend struct test_access;

    // What a tick must look at besides the completion queue. Bits are set by those who add, and
    // cleared by the loop when it finds the list empty: the common tick tests one word.
    enum attention_bit : unsigned {
        has_ready = 1,
        has_deferred = 2,
        has_pollers = 4,
        has_timers = 8,    // one may be nearer than alarm_
        has_requests = 16, // cancels_ and requests_
        is_finished = 32,  // run() has to return
        is_draining = 64,  // and must not wait
    };

    unsigned* attention_ = nullptr; // lies where the reactor has it at hand

    resumable* ready_ = nullptr;
    resumable** ready_tail_ = &ready_;
    intrusive_list<deferred> deferred_;
    intrusive_list<poller> pollers_;
    timer_heap timers_;
    static constexpr std::uint64_t no_alarm = ~std::uint64_t{0};
    std::uint64_t alarm_ = no_alarm; // when the reactor will look at the timers at the latest
    intrusive_list<io_operation> requests_;
    intrusive_list<promise_base> cancels_; // of coroutines, when there was no room for the cancel
    reactor* reactor_ = nullptr;
    std::uint64_t operations_ = 0; // see has_operation()
    intrusive_list<leftover> leftovers_;
    std::uint64_t spin_ns_ = 0;
    std::uint64_t polls_ = 0;

    alignas(64) std::atomic<posted*> mailbox_{nullptr}; ///< newest first
    std::atomic<bool> wake_needed_{true};               ///< the loop may be asleep
    std::atomic<unsigned> posters_{0};                  ///< threads inside of post()

    // The steps of a tick, see loop.cpp.
    void run_ready() noexcept;
    void run_deferred() noexcept;
    bool run_pollers() noexcept; // true on progress
    void run_timers() noexcept;
    void wait_for_posters() const noexcept; // before the loop is destroyed
    bool run_posted() noexcept;             // true when there was something
    bool prepare_to_sleep() noexcept;       // false when there is something to do after all
    bool has_work() const noexcept
    {
        return ready_ != nullptr || !deferred_.empty() || !requests_.empty() || !cancels_.empty();
    }

    void request(io_operation& operation) noexcept; // what operation.wanted says, before the loop waits
};

/// Calls `notify` on the runtime's thread whenever `fd` has become readable, once or more often for
/// several writes in a row; it must look at shared state, not at the number of calls. Meant for
/// eventfds, which need not be read. May be destroyed at any time on the runtime's thread, also
/// from inside `notify`, and outside of run(). Allocates once, at construction.
class CF_API fd_watch {
public:
    using callback = void (*)(void* context) noexcept;

    fd_watch() noexcept = default;
    /// Throws cf::error (errc::no_memory).
    fd_watch(loop& owner, int fd, callback notify, void* context);
    fd_watch(fd_watch&& other) noexcept : operation_(other.operation_) { other.operation_ = nullptr; }
    fd_watch& operator=(fd_watch&& other) noexcept
    {
        watch_operation* const mine = operation_;
        operation_ = other.operation_;
        other.operation_ = mine;
        return *this;
    }
    ~fd_watch();

    struct watch_operation;

private:
    watch_operation* operation_ = nullptr;
};

} // namespace cf::detail
