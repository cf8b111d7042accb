// SPDX-License-Identifier: MIT
//
// The io_uring reactor: real time, one system call a tick.
#pragma once

#include "runtime/reactor.hpp"
#include "runtime/uring/outside.hpp"
#include "runtime/uring/ring.hpp"
#include "runtime/watch_operation.hpp"

#include <counterflow/detail/io_operation.hpp>

#include <linux/time_types.h>

#include <memory>
#include <vector>

namespace cf::detail {

class uring_reactor final : public reactor {
public:
    uring_reactor(const runtime_options& options, loop& l);
    ~uring_reactor() override;

    void prepare() override { ring_.enable(); }
    void finish() noexcept override { ring_.give_back_place(); }
    void enter() noexcept override;
    void leave() noexcept override;
    void run() noexcept override;
    void drain() noexcept override;
    int outside() const noexcept override { return outside_ ? outside_->descriptor() : -1; }
    std::uint64_t now() noexcept override;
    void pause() noexcept override;
    void wake() noexcept override;
    io_uring_sqe* take_entry() noexcept override;
    void cancel_operation_of(promise_base& coroutine) noexcept override;
    int register_resource(unsigned what, const void* argument, unsigned count) noexcept override
    {
        return ring_.register_resource(what, argument, count);
    }
    void start_watch(fd_watch::watch_operation& operation) override;
    void stop_watch(fd_watch::watch_operation& operation) noexcept override;
    loop_statistics statistics() const noexcept override;
    void describe(runtime_info& info) const override;

    /// For tests: the next n times the queue is full, the kernel is said to be busy.
    void pretend_busy(unsigned n) noexcept { pretend_busy_ = n; }

private:
    // How to enter the kernel after an uncommon tick.
    struct wait_plan {
        unsigned minimum = 1;        // completions to wait for
        bool only_if_needed = false; // no system call when nothing is to be submitted or fetched
    };

    std::uint64_t submitted(const io_uring_sqe* next) const noexcept
    {
        return (reinterpret_cast<std::uintptr_t>(next) - row_base_) / sizeof(io_uring_sqe);
    }
    unsigned publish(const thread_state& here) noexcept;
    void count_completions() noexcept;
    void complain(int result) noexcept;
    bool attend() noexcept;
    bool look_outside() noexcept;
    bool go_on_draining(bool progress) noexcept;
    bool keep_spinning(bool progress) noexcept;
    bool ready_to_wait() noexcept;
    bool set_alarm() noexcept;
    void prepare_alarm() noexcept;
    io_uring_sqe* take_ring_entry() noexcept;
    void run_requests() noexcept;
    bool submit_backlog() noexcept;
    bool submit_cancel(std::uint64_t user_data) noexcept;

    ring ring_;
    loop& loop_;
    unsigned attention_ = 0;        // see loop::attention_bit
    unsigned pretend_busy_ = 0;     // see pretend_busy()
    std::uintptr_t row_base_;       // where entry 0 of all times would lie if the rows were one array
    std::uint64_t completions_ = 0; // as of the last count_completions()
    std::uint64_t enters_ = 0;
    io_uring_sqe* sq_next_ = nullptr; // while they are not in this_thread
    io_uring_sqe* sq_end_ = nullptr;

    wait_plan plan_;

    // Operations of coroutines for which the kernel had no room.
    std::vector<io_uring_sqe> backlog_;

    std::uint64_t spin_until_ = 0; // 0: not spinning
    unsigned spin_head_ = 0;
    unsigned spin_turns_ = 0;
    unsigned asked_head_ = ~0u; // of the completions when the kernel was last asked; see ready_to_wait()

    std::unique_ptr<outside_waits> outside_; // with runtime_options::drained
    unsigned drain_turns_ = 0;

    // The timeout of the nearest timer; see set_alarm().
    struct alarm_operation : io_operation {
        loop* owner = nullptr;
        __kernel_timespec due{}; // the kernel's until it has taken the entry
    } alarm_;

    intrusive_list<fd_watch::watch_operation::in_list> watches_;
    int wake_fd_ = -1;
    fd_watch wake_watch_;
};

} // namespace cf::detail
