// SPDX-License-Identifier: MIT
//
// The virtual reactor: a loop whose time passes only when the program computes or waits, as far as a
// simulation says. Everything a coroutine does on a runtime works on it, but for operations that end in real
// time; see virtual_operations.cpp.
#pragma once

#include "runtime/reactor.hpp"
#include "runtime/virtual/clock.hpp"
#include <counterflow/file_descriptor.hpp>

#include <linux/io_uring.h>

#include <condition_variable>
#include <mutex>
#include <vector>

namespace cf::detail {

class virtual_reactor final : public reactor {
public:
    virtual_reactor(const runtime_options& options, loop& l);

    void prepare() override {}
    void finish() noexcept override {}
    void enter() noexcept override;
    void leave() noexcept override {}
    void run() noexcept override;
    /// Lets time pass until nothing happens any more.
    void drain() noexcept override;
    int outside() const noexcept override { return outside_.get(); }
    std::uint64_t now() noexcept override { return clock_.now(); }
    void pause() noexcept override { clock_.pause(); }
    virtual_clock* simulation() noexcept override { return &clock_; }
    void wake() noexcept override;
    io_uring_sqe* take_entry() noexcept override;
    void cancel_operation_of(promise_base& coroutine) noexcept override;
    int register_resource(unsigned what, const void* argument, unsigned count) noexcept override;
    [[noreturn]] void start_watch(fd_watch::watch_operation& operation) override;
    void stop_watch(fd_watch::watch_operation&) noexcept override {}
    loop_statistics statistics() const noexcept override { return counted_; }
    void describe(runtime_info& info) const override { info.reactor = "virtual time"; }

private:
    /// What came of a turn of the loop.
    enum class turned : std::uint8_t { on, finished, to_rest };

    turned turn() noexcept;
    bool keep_spinning(bool progress) noexcept;
    void wait_for_posts() noexcept;
    void run_operations() noexcept;

    loop& loop_;
    virtual_clock clock_;
    unsigned attention_ = 0; // see loop::attention_bit
    loop_statistics counted_;
    std::uint64_t spin_until_ = 0; // 0: not spinning
    std::vector<io_uring_sqe> operations_;

    // For other threads' posts, when nothing else will ever happen here.
    file_descriptor outside_; // with runtime_options::drained, an eventfd
    std::mutex mutex_;
    std::condition_variable posted_;
    bool woken_ = false;
};

} // namespace cf::detail
