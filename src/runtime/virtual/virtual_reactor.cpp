// SPDX-License-Identifier: MIT
//
// The run loop over a virtual clock. Its ticks do what those of the io_uring reactor do, in the same order.
#include "runtime/virtual/virtual_reactor.hpp"

#include <counterflow/error.hpp>

#include <cerrno>
#include <sys/eventfd.h>

namespace cf::detail {

virtual_reactor::virtual_reactor(const runtime_options& options, loop& l) : loop_(l)
{
    l.reactor_ = this;
    l.attention_ = &attention_;
    l.spin_ns_ = options.spin.count() > 0 ? static_cast<std::uint64_t>(options.spin.count()) : 0;
    if (!options.drained) return;
    outside_ = file_descriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!outside_)
        throw error(failure{{errno, std::system_category()}, "eventfd for a runtime's descriptor"});
}

/// An empty row: each operation comes to take_entry().
void virtual_reactor::enter() noexcept { this_thread.sq_next = this_thread.sq_end = nullptr; }

void virtual_reactor::run() noexcept
{
    for (;;) {
        const turned how = turn();
        if (how == turned::finished) return;
        if (how == turned::to_rest) wait_for_posts();
    }
}

void virtual_reactor::drain() noexcept
{
    eventfd_t calls = 0;
    ::eventfd_read(outside_.get(), &calls);
    for (unsigned turns = 0; turns < turns_a_drain; ++turns)
        if (turn() == turned::to_rest) return;
    wake();
}

virtual_reactor::turned virtual_reactor::turn() noexcept
{
    bool progress = clock_.deliver();
    run_transfers();
    progress |= loop_.run_posted();
    if (attention_ & loop::has_pollers) progress |= loop_.run_pollers();
    loop_.run_ready();
    if (attention_ & loop::has_deferred) loop_.run_deferred();
    if (!loop_.timers_.empty() && loop_.timers_.nearest() <= clock_.now()) loop_.run_timers();
    attention_ &= ~loop::has_timers;
    run_operations();
    if (attention_ & loop::is_finished) {
        attention_ &= ~loop::is_finished;
        return turned::finished;
    }
    ++counted_.enters;
    clock_.take_turn();
    if (loop_.has_work() || !operations_.empty() || clock_.interrupted() || keep_spinning(progress))
        return turned::on;
    if (!loop_.prepare_to_sleep()) return turned::on;
    spin_until_ = 0;
    const bool woken = clock_.sleep(loop_.timers_.empty() ? virtual_clock::never : loop_.timers_.nearest());
    return woken ? turned::on : turned::to_rest;
}

// As the io_uring reactor's.
bool virtual_reactor::keep_spinning(bool progress) noexcept
{
    if (loop_.pollers_.empty() || loop_.spin_ns_ == 0) return false;
    if (progress || spin_until_ == 0) spin_until_ = clock_.now() + loop_.spin_ns_;
    return clock_.now() < spin_until_;
}

/// Nothing can happen here any more, but for what another thread brings.
void virtual_reactor::wait_for_posts() noexcept
{
    std::unique_lock lock(mutex_);
    posted_.wait(lock, [this] { return woken_; });
    woken_ = false;
}

void virtual_reactor::wake() noexcept
{
    if (outside_) ::eventfd_write(outside_.get(), 1);
    const std::lock_guard lock(mutex_);
    woken_ = true;
    posted_.notify_one();
}

} // namespace cf::detail
