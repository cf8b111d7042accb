// SPDX-License-Identifier: MIT
//
// The run loop over io_uring. The common tick, in which nothing but operations happens, is the
// straight line through run(); everything else is behind attention_.
#include "runtime/uring/uring_reactor.hpp"

#include "runtime/uring/shared_index.hpp"
#include "runtime/uring/system_call.hpp"

#include <counterflow/error.hpp>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <utility>

namespace cf::detail {
namespace {

constexpr std::uint64_t second = 1'000'000'000;
constexpr std::uint64_t near_ns = 1'000'000;

// With IORING_SETUP_DEFER_TASKRUN the kernel does not wake those who poll the ring, and an eventfd that is
// registered with the ring is not told of what another eventfd has caused, or late. A place for registered
// rings would be taken and given back at each drain().
runtime_options without_deferral(runtime_options options) noexcept
{
    options.features.defer_taskrun = false;
    options.features.registered_ring = false;
    return options;
}

} // namespace

uring_reactor::uring_reactor(const runtime_options& options, loop& l)
    : ring_(options.drained ? without_deferral(options) : options),
      loop_(l),
      row_base_(reinterpret_cast<std::uintptr_t>(ring_.sqes)),
      sq_next_(ring_.sqes),
      sq_end_(ring_.sqes + ring_.sq_entries)
{
    l.reactor_ = this;
    l.attention_ = &attention_;
    if (ring_.features.shutdown) l.operations_ |= std::uint64_t{1} << IORING_OP_SHUTDOWN;
    if (ring_.features.send_zc) l.operations_ |= std::uint64_t{1} << IORING_OP_SEND_ZC;
    l.spin_ns_ = options.spin.count() > 0 ? static_cast<std::uint64_t>(options.spin.count()) : 0;
    prepare_alarm();
    if (options.drained) outside_ = std::make_unique<outside_waits>(ring_.fd());
    wake_fd_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_fd_ < 0) throw error(failure{{errno, std::system_category()}, "eventfd for waking a runtime"});
    try {
        wake_watch_ = fd_watch(
            l, wake_fd_, [](void* me) noexcept { static_cast<loop*>(me)->run_posted(); }, &l);
    } catch (...) {
        ::close(wake_fd_);
        throw;
    }
}

uring_reactor::~uring_reactor()
{
    // What is left are polls, which name no memory: the kernel drops them with the ring.
    wake_watch_ = fd_watch();
    while (auto* left = watches_.pop_front()) delete left->self;
    ::close(wake_fd_);
}

std::uint64_t uring_reactor::now() noexcept
{
    timespec t;
    ::clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<std::uint64_t>(t.tv_sec) * second + static_cast<std::uint64_t>(t.tv_nsec);
}

void uring_reactor::pause() noexcept { ::sched_yield(); }

void uring_reactor::wake() noexcept
{
    const std::uint64_t one = 1;
    // Fails only when the counter is full, that is when a wake is pending.
    [[maybe_unused]] const auto written = ::write(wake_fd_, &one, sizeof one);
}

void uring_reactor::enter() noexcept
{
    this_thread.sq_next = sq_next_;
    this_thread.sq_end = sq_end_;
}

void uring_reactor::leave() noexcept
{
    sq_next_ = std::exchange(this_thread.sq_next, nullptr);
    sq_end_ = std::exchange(this_thread.sq_end, nullptr);
}

void uring_reactor::run() noexcept
{
    // In a register, or compilers form the address of each member anew.
    thread_state* here = &this_thread;
    asm("" : "+r"(here));
    const auto* const cqes = reinterpret_cast<const std::byte*>(ring_.cqes);
    constexpr unsigned cqe_bytes = sizeof(io_uring_cqe);
    const unsigned cq_mask = (ring_.cq_entries - 1) * cqe_bytes;
    const unsigned common_flags = IORING_ENTER_GETEVENTS | ring_.enter_flags;
    // The next completion as an offset in bytes. Not reduced to the queue's size: like the kernel's index it
    // wraps at a multiple of that.
    unsigned at = *ring_.cq_head * cqe_bytes;
    for (;;) {
        int result = 0;
        if (attention_ == 0) [[likely]] {
            ++enters_;
            result = io_uring_enter(ring_.enter_fd, publish(*here), 1, common_flags, nullptr, 0);
        } else {
            if (!attend()) break;
            const unsigned submit = publish(*here);
            if (!plan_.only_if_needed || submit != 0 || acquire(ring_.sq_flags) != 0) {
                ++enters_;
                result = io_uring_enter(ring_.enter_fd, submit, plan_.minimum, common_flags, nullptr, 0);
            }
        }
        const unsigned tail = acquire(ring_.cq_tail);
        const unsigned end = tail * cqe_bytes;
        if (at == end) [[unlikely]] {
            if (result < 0) complain(result); // otherwise what has come says enough
            continue;
        }
        do {
            const std::byte* const entry = cqes + (at & cq_mask);
            void* frame; // of a coroutine, or a pseudo_frame
            std::memcpy(&frame, entry + offsetof(io_uring_cqe, user_data), sizeof frame);
            std::memcpy(&here->answer, entry + offsetof(io_uring_cqe, res), sizeof here->answer);
            std::coroutine_handle<>::from_address(frame).resume();
        } while ((at += cqe_bytes) != end);
        release(ring_.cq_head, tail);
        run_transfers(*here);
    }
}

// Shows the kernel what was filled in; returns how many entries it has not taken.
[[gnu::always_inline]] inline unsigned uring_reactor::publish(const thread_state& here) noexcept
{
    const auto tail = static_cast<unsigned>(submitted(here.sq_next));
    release(ring_.sq_tail, tail);
    return tail - acquire(ring_.sq_head);
}

// The common tick keeps no count. The queue's head has it, of which 32 bits do for some time.
void uring_reactor::count_completions() noexcept
{
    completions_ += *ring_.cq_head - static_cast<unsigned>(completions_);
}

void uring_reactor::complain(int result) noexcept
{
    // A signal; time is up; the kernel wants completions taken or memory freed first.
    if (result == -EINTR || result == -ETIME || result == -EBUSY || result == -EAGAIN) return;
    std::fprintf(stderr,
                 "counterflow: io_uring_enter failed (%s); completions may be lost, so this cannot go on\n",
                 std::strerror(-result));
    std::abort();
}

// The uncommon tick: everything but submitting and fetching. False when run() has to return.
bool uring_reactor::attend() noexcept
{
    count_completions();
    bool progress = false;
    if (attention_ & loop::has_pollers) {
        progress = loop_.run_pollers();
        progress |= loop_.run_posted(); // see keep_spinning()
    }
    loop_.run_ready();
    if (attention_ & loop::has_deferred) loop_.run_deferred();
    if (attention_ & loop::has_timers) loop_.run_timers();
    if (attention_ & loop::has_requests) run_requests();
    plan_ = wait_plan{};
    if (attention_ & loop::is_finished) {
        attention_ &= ~loop::is_finished;
        return false;
    }
    if (attention_ & loop::is_draining) return go_on_draining(progress);
    if (loop_.has_work() || !backlog_.empty() || keep_spinning(progress) || !loop_.prepare_to_sleep()) {
        plan_.minimum = 0;
        plan_.only_if_needed = true;
        return true;
    }
    if ((attention_ & loop::has_timers) && !ready_to_wait()) {
        plan_.minimum = 0;
        return true;
    }
    spin_until_ = 0;
    return true;
}

// With is_draining set every tick comes to attend(), which ends it.
void uring_reactor::drain() noexcept
{
    drain_turns_ = 0;
    attention_ |= loop::is_draining;
    // Whoever has started something drains for that; what has come from outside calls again.
    if ((attention_ & (loop::has_ready | loop::has_deferred)) == 0) look_outside();
    run();
    attention_ &= ~loop::is_draining;
}

// True when there was something.
bool uring_reactor::look_outside() noexcept
{
    const outside_waits::heard what = outside_->look();
    if (what.alarm) {
        loop_.alarm_ = loop::no_alarm;
        if (!loop_.timers_.empty()) attention_ |= loop::has_timers;
    }
    run_transfers();
    return what.watches || what.alarm;
}

// The end of a tick that must not wait. False when drain() has to return.
bool uring_reactor::go_on_draining(bool progress) noexcept
{
    plan_.minimum = 0;
    plan_.only_if_needed = true;
    const bool busy = progress || loop_.has_work() || !backlog_.empty() || !loop_.prepare_to_sleep();
    const unsigned submit = publish(this_thread);
    const bool come = acquire(ring_.sq_flags) != 0 || *ring_.cq_head != acquire(ring_.cq_tail);
    if (busy || come || submit != 0) {
        if (++drain_turns_ < turns_a_drain) return true;
        if (submit != 0) io_uring_enter(ring_.enter_fd, submit, 0, ring_.enter_flags, nullptr, 0);
        wake();
    }
    if (!loop_.timers_.empty() && loop_.timers_.nearest() < loop_.alarm_) {
        // As in ready_to_wait(): not for a near one when something has come.
        const bool near = loop_.timers_.nearest() < now() + near_ns;
        if (near && ++drain_turns_ < turns_a_drain && look_outside()) return true;
        loop_.alarm_ = loop_.timers_.nearest();
        outside_->set_alarm(loop_.alarm_);
    }
    attention_ &= ~loop::has_timers;
    return false;
}

// With timers that the kernel may not have been told of. Before it is told of one that is near, it is asked
// whether something has come: then nobody waits, and an alarm that is set for nothing still interrupts
// the processor. One that is far is likely to be canceled before, and then costs no tick anything.
bool uring_reactor::ready_to_wait() noexcept
{
    const unsigned head = *ring_.cq_head;
    if (head != asked_head_ && !loop_.timers_.empty() && loop_.timers_.nearest() < now() + near_ns) {
        asked_head_ = head;
        return false;
    }
    return set_alarm();
}

// Looking goes on for spin_ns_ after the last progress. The clock is read every few turns only. From here
// on posters do not wake, until prepare_to_sleep() or run_pollers() takes that back: as long as has_pollers
// is set every tick looks at the mailbox, however busy it is.
bool uring_reactor::keep_spinning(bool progress) noexcept
{
    if (loop_.pollers_.empty() || loop_.spin_ns_ == 0) return false;
    if (*ring_.cq_head != spin_head_) {
        spin_head_ = *ring_.cq_head;
        progress = true;
    }
    if (progress || spin_until_ == 0) {
        loop_.wake_needed_.store(false);
        spin_until_ = now() + loop_.spin_ns_;
        return true;
    }
    constexpr unsigned turns_a_look = 8;
    return ++spin_turns_ % turns_a_look != 0 || now() < spin_until_;
}

// Before the loop sleeps the kernel is told of the nearest timer by one timeout operation, so that a timer
// that is not yet due costs the common tick nothing; a wait with a time limit would cost each of them a look
// at the clock, and exists from Linux 5.11 on only. A loop that does not sleep looks at the clock instead:
// setting a timer of the kernel costs more than many looks. A timer that is canceled leaves the operation
// as it is: it ends a wait for nothing, once. False when there was no room for the operation.
bool uring_reactor::set_alarm() noexcept
{
    attention_ &= ~loop::has_timers;
    if (loop_.timers_.empty() || loop_.timers_.nearest() >= loop_.alarm_) return true;
    // One at a time: that of a later timer is canceled, and its completion leads back to here.
    alarm_.wanted =
        loop_.alarm_ == loop::no_alarm ? io_operation::request::submit : io_operation::request::cancel;
    loop_.alarm_ = 0; // it is on its way: nothing can be nearer
    loop_.request(alarm_);
    run_requests();
    return loop_.requests_.empty();
}

void uring_reactor::prepare_alarm() noexcept
{
    alarm_.owner = &loop_;
    alarm_.prepare = [](io_operation& operation, io_uring_sqe& entry) noexcept {
        auto& self = static_cast<alarm_operation&>(operation);
        loop& l = *self.owner;
        l.alarm_ = l.timers_.empty() ? loop::no_alarm - 1 : l.timers_.nearest();
        self.due.tv_sec = static_cast<long long>(l.alarm_ / second);
        self.due.tv_nsec = static_cast<long long>(l.alarm_ % second);
        entry.opcode = IORING_OP_TIMEOUT;
        entry.fd = -1;
        entry.addr = reinterpret_cast<std::uintptr_t>(&self.due);
        entry.len = 1;
        entry.timeout_flags = IORING_TIMEOUT_ABS;
    };
    alarm_.complete = [](io_operation& operation, std::int32_t, std::uint32_t) noexcept {
        loop& l = *static_cast<alarm_operation&>(operation).owner;
        l.alarm_ = loop::no_alarm;
        if (!l.timers_.empty()) *l.attention_ |= loop::has_timers;
    };
}

loop_statistics uring_reactor::statistics() const noexcept
{
    const io_uring_sqe* const next = this_thread.current == &loop_ ? this_thread.sq_next : sq_next_;
    loop_statistics counted;
    counted.enters = enters_;
    counted.submitted = submitted(next);
    counted.completions = completions_ + (*ring_.cq_head - static_cast<unsigned>(completions_));
    return counted;
}

void uring_reactor::describe(runtime_info& info) const
{
    info.reactor = "io_uring";
    info.entries = ring_.sq_entries;
    info.completions = ring_.cq_entries;
    info.features = ring_.features;
}

} // namespace cf::detail
