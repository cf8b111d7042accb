// SPDX-License-Identifier: MIT
//
// The steps of a tick that do not depend on the reactor, and the mailbox for other threads.
#include "runtime/reactor.hpp"

#include "runtime/io_operation.hpp"
#include <counterflow/detail/loop.hpp>

#include <cstdio>
#include <cstdlib>
#include <thread>

namespace cf::detail {

loop::inside::inside(loop& l) noexcept
    : loop_(l), outer_(this_thread.current), outer_transfers_(this_thread.resume_next)
{
    if (outer_ != nullptr) outer_->reactor_->leave();
    this_thread.current = &l;
    this_thread.resume_next = nullptr;
    l.reactor_->enter();
}

loop::inside::~inside()
{
    loop_.reactor_->leave();
    this_thread.current = outer_;
    this_thread.resume_next = outer_transfers_;
    if (outer_ != nullptr) outer_->reactor_->enter();
}

std::uint64_t loop::now() noexcept { return reactor_->now(); }
virtual_clock* loop::simulation() noexcept { return reactor_->simulation(); }
void loop::pause() noexcept { reactor_->pause(); }

int loop::register_resource(unsigned what, const void* argument, unsigned count) noexcept
{
    return reactor_->register_resource(what, argument, count);
}

loop_statistics loop::statistics() const noexcept
{
    loop_statistics counted = reactor_->statistics();
    counted.polls = polls_;
    return counted;
}

// Until nobody is ready, but not for ever: coroutines that make each other ready again and
// again must not keep completions waiting.
void loop::run_ready() noexcept
{
    constexpr int rounds_a_tick = 8;
    for (int round = 0; round < rounds_a_tick && ready_ != nullptr; ++round) {
        resumable* who = ready_;
        ready_ = nullptr;
        ready_tail_ = &ready_;
        while (who != nullptr) {
            resumable* const next = who->next;
            who->handle.resume();
            run_transfers();
            who = next;
        }
    }
    if (ready_ == nullptr) *attention_ &= ~has_ready;
}

void loop::run_deferred() noexcept
{
    intrusive_list<deferred> batch;
    batch.splice(deferred_);
    *attention_ &= ~has_deferred;
    while (deferred* d = batch.pop_front()) d->run(*d);
}

bool loop::run_pollers() noexcept
{
    if (pollers_.empty()) {
        *attention_ &= ~has_pollers;
        wake_needed_.store(true); // nobody looks at the mailbox any more, but for once after this
        return false;
    }
    ++polls_;
    bool progress = false;
    pollers_.for_each([&](poller& p) { progress |= p.poll(p); });
    return progress;
}

void loop::run_timers() noexcept
{
    if (!timers_.empty()) {
        const std::uint64_t time = now();
        while (timer* t = timers_.pop_due(time)) t->fire(*t);
    }
    if (timers_.empty() || timers_.nearest() >= alarm_) *attention_ &= ~has_timers;
}

// post() and prepare_to_sleep() meet through two variables: a poster pushes, then reads
// wake_needed_; the loop sets wake_needed_, then reads the mailbox. All four are seq_cst, so at
// least one of the two sees the other. Only the poster that finds the mailbox empty wakes: the
// wake or the look it relies on is still to come for everyone behind it.
void loop::post(posted& p) noexcept
{
    // Once p is in, its receiver may finish and destroy the runtime; wait_for_posters() holds that up.
    posters_.fetch_add(1, std::memory_order_relaxed);
    posted* first = mailbox_.load(std::memory_order_relaxed);
    do {
        p.next = first;
    } while (!mailbox_.compare_exchange_weak(first, &p));
    if (first == nullptr && wake_needed_.load()) reactor_->wake();
    posters_.fetch_sub(1, std::memory_order_release); // the last touch
}

void loop::wait_for_posters() const noexcept
{
    while (posters_.load(std::memory_order_acquire) != 0) std::this_thread::yield();
}

bool loop::run_posted() noexcept
{
    if (mailbox_.load() == nullptr) return false;
    posted* newest = mailbox_.exchange(nullptr);
    posted* oldest = nullptr;
    while (newest != nullptr) {
        posted* const next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    while (oldest != nullptr) {
        posted* const next = oldest->next;
        oldest->run(*oldest);
        run_transfers(); // it may have resumed a coroutine that ended
        oldest = next;
    }
    return true;
}

bool loop::prepare_to_sleep() noexcept
{
    wake_needed_.store(true);
    if (run_posted()) return false;
    bool quiet = true;
    pollers_.for_each([&](poller& p) {
        if (p.park != nullptr && !p.park(p)) quiet = false;
    });
    return quiet && !has_work();
}

void loop::request(io_operation& operation) noexcept
{
    requests_.push_back(operation);
    *attention_ |= has_requests;
}

io_uring_sqe* loop::take_entry() noexcept { return reactor_->take_entry(); }

void loop::cancel_operation_of(promise_base& coroutine) noexcept { reactor_->cancel_operation_of(coroutine); }

void abort_outside_of_run() noexcept
{
    std::fputs("counterflow: awaited or asked for the current runtime outside of runtime::run(); use "
               "cf::sync_wait(task) or runtime.run(task)\n",
               stderr);
    std::abort();
}

} // namespace cf::detail
