// SPDX-License-Identifier: MIT
//
// in_process: the modelled device in this process and against the real clock. One thread plays
// the hardware: it sleeps while nothing is outstanding, and paces what is to the link. On a null
// link everything happens inside the store that starts it and the thread is not even made.
#pragma once

#include "model/board.hpp"

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace cf::model {

/// Register accesses, map() and unmap() may come from any thread.
class in_process final : public detail::attachment, private signal_sink {
public:
    explicit in_process(const model_spec& spec);
    ~in_process() override;

    port_end near() const noexcept override { return board_.near(); }
    std::span<edma::port> engines() noexcept override { return board_.ports(); }
    std::span<const detail::far_window> windows() const noexcept override { return board_.windows(); }
    link_parameters link() const noexcept override { return board_.link(); }
    std::uint64_t map(void* memory, std::size_t size) override;
    /// Copies run under the lock this takes, so none is left when it returns.
    void unmap(std::uint64_t address, std::size_t size) noexcept override;

    /// Calls `use(machine&, now)` while the hardware stands still: for faults, violations and the
    /// link. Must not touch a register space.
    template <class Use>
    void with_machine(Use&& use)
    {
        access guard(*this);
        std::forward<Use>(use)(board_.hardware(), clock());
    }
    /// What the window "ram" shows.
    std::span<std::byte> far_memory() const noexcept { return board_.far_memory(); }

private:
    class space;

    /// A caller's hold on the machine. What it has set off is signalled, and the thread woken when
    /// it now has to be sooner, after the lock is released.
    class access {
    public:
        enum class intent : std::uint8_t { change, look };
        explicit access(in_process& owner, intent what = intent::change);
        access(const access&) = delete;
        access& operator=(const access&) = delete;
        ~access();

    private:
        in_process& owner_;
        intent what_; ///< who only looks sets nothing off
        std::unique_lock<std::mutex> lock_;
    };

    void interrupt(unsigned engine) override { ++pending_[engine]; }
    bool message(port_end end, std::uint64_t address, std::uint32_t data) override;
    nanoseconds clock() noexcept;
    nanoseconds due_time() const noexcept;
    void raise(const std::array<std::uint64_t, 2>& interrupts) const noexcept;
    void start();
    void run();
    void pause(std::unique_lock<std::mutex>& held, nanoseconds now);
    void spin(std::unique_lock<std::mutex>& held, nanoseconds until);
    void let_callers_go() const noexcept;

    static constexpr nanoseconds never = ~nanoseconds{0};

    std::mutex mutex_; // guards everything down to pending_
    std::condition_variable wake_;
    board board_;
    nanoseconds started_;     // on the monotonic clock
    nanoseconds slipped_ = 0; // how far the machine's clock has fallen behind it
    nanoseconds last_now_ = 0;
    nanoseconds wakes_at_ = never; // until when the thread sleeps, 0 = it does not
    bool stopping_ = false;
    std::array<std::uint64_t, 2> pending_{}; // interrupts to be signalled, by engine

    std::atomic<unsigned> callers_{0}; // waiting for the lock: the thread lets them go first
    std::atomic<bool> hurry_{false};   // something is due before what the thread spins for
    std::vector<std::unique_ptr<space>> spaces_;
    std::thread thread_;
};

/// Opens a modelled device. Throws cf::error.
std::unique_ptr<in_process> open_model(const model_spec& spec);

} // namespace cf::model
