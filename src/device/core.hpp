// SPDX-License-Identifier: MIT
//
// device_core: what stands behind cf::device. It owns the attachment, drives its engines from
// the runtime's loop (one flush a tick, interrupts, watchdog) and ends transfers. Everything
// in it belongs to the runtime's thread.
#pragma once

#include "device/attachment.hpp"
#include "device/region.hpp"
#include "device/scheduler.hpp"
#include "device/tracer.hpp"
#include "edma/engine.hpp"
#include "shim/engine.hpp"
#include <counterflow/detail/loop.hpp>
#include <counterflow/device.hpp>
#include <counterflow/runtime.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

namespace cf::detail {

class device_core {
public:
    device_core(runtime& loop, const device_spec& spec, std::unique_ptr<attachment> attached);
    device_core(const device_core&) = delete;
    device_core& operator=(const device_core&) = delete;
    /// Stops the engines. Transfers still running end with errc::device_gone.
    ~device_core();

    runtime& loop() noexcept { return loop_; }
    attachment& attached() noexcept { return *attached_; }
    const device_info& info() const noexcept { return info_; }
    ceilings limits(bool write, bool read) const noexcept;
    device_statistics statistics() const;

    /// Live regions by the address of their first byte. Several may start at the same one.
    std::multimap<std::uintptr_t, region*>& regions() noexcept { return regions_; }
    /// The region that holds all of `memory`, or null.
    region* find_region(std::span<const std::byte> memory) noexcept;

    /// Where a window starts, as the engine that serves `kind` sees it.
    std::uint64_t far_address(std::uint32_t window, transfer_kind kind) const noexcept
    {
        return far_addresses_[static_cast<std::size_t>(kind)][window];
    }

    /// Takes a transfer whose request has been checked. False: it has ended already.
    bool start(transfer_state& t, std::chrono::nanoseconds deadline, stop_state* stop) noexcept;

    /// Its waiter has been told why it failed.
    void forget(transfer_state& t) noexcept;

    /// Throws cf::error.
    void lease(unsigned channel);
    void end_lease(unsigned channel) noexcept;

    void observe(transfer_observer* observer) noexcept { tracer_.observe(observer); }

private:
    /// A node of the loop that knows which device it belongs to.
    template <class Node>
    struct owned : Node {
        device_core* core;
    };
    struct interrupt_watch;
    struct removal_watch;
    /// Takes the outcomes of shim::engine.
    struct kernel_sink {
        void ended(void* owner, errc result) noexcept;
        device_core& core;
    };

    void describe(const device_spec& spec);
    void configure(const device_spec& spec);
    void add_channels(transfer_kind kind, edma::engine& engine);
    void describe_kernel(const shim::session& file);
    void configure_kernel(std::shared_ptr<shim::session> file, std::uint64_t ahead);
    void count_kernel_channels(device_statistics& all) const;
    void add_kernel_channels(transfer_kind kind, const cf_info& device);
    void hook_into_loop();
    served_channel* find_channel(unsigned channel) noexcept;
    scheduler& scheduler_of(transfer_kind kind) noexcept
    {
        return schedulers_[static_cast<std::size_t>(kind)];
    }
    scheduler& scheduler_of(const transfer_state& t) noexcept { return schedulers_[t.kind]; }

    // Entry points from the loop.
    void on_tick() noexcept;
    bool on_poll() noexcept;
    void on_removal() noexcept;
    void on_watchdog() noexcept;
    void on_interrupt(edma::engine& engine) noexcept;

    void charge() noexcept;
    bool look(edma::engine& engine, bool interrupted, std::uint64_t now) noexcept;
    void after_look(std::uint64_t now) noexcept;
    void keep_watch(std::uint64_t now) noexcept;
    void segment_ended(transfer_state& t, errc result, std::uint64_t now) noexcept;
    void fail(transfer_state& t, errc reason) noexcept;
    void finish(transfer_state& t) noexcept;
    void remember(transfer_state& t) noexcept;
    void stop_engines() noexcept;
    void stop_kernel() noexcept;

    runtime& loop_;
    virtual_clock* simulation_; ///< null in real time
    std::uint64_t cpu_ns_;      ///< software time that a simulation charges a transfer
    std::uint64_t charged_ = 0; ///< transfers for which it has been
    std::unique_ptr<attachment> attached_;
    device_info info_;
    edma::engine_options options_;
    std::vector<std::unique_ptr<edma::engine>> engines_;
    std::unique_ptr<shim::engine> kernel_; ///< in place of engines_ when the kernel module drives the device
    kernel_sink kernel_sink_{*this};
    std::array<scheduler, 2> schedulers_;                     ///< by transfer_kind, as the next two
    std::array<std::vector<std::uint64_t>, 2> far_addresses_; ///< of the windows
    std::array<transfer_statistics, 2> counters_;
    std::multimap<std::uintptr_t, region*> regions_;
    tracer tracer_;

    owned<deferred> tick_;
    owned<poller> poller_;
    owned<timer> watchdog_;
    std::vector<std::unique_ptr<interrupt_watch>> interrupts_;
    std::unique_ptr<removal_watch> removal_;
    bool removed_ = false; ///< the attachment has let the device go

    std::uint64_t live_ = 0; ///< started transfers that have not ended

    /// Transfers that have failed and whose waiters, ready to resume, have not asked why: they would ask a
    /// device that may be closed by then.
    transfer_state* unasked_ = nullptr;
};

} // namespace cf::detail
