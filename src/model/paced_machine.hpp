// SPDX-License-Identifier: MIT
//
// paced_machine: a machine against the real clock, for the attachments that run so (in_process,
// the vfio-user server). One thread plays the hardware: it sleeps while nothing is outstanding, and
// paces what is to the link. On a null link everything happens inside the store that starts it
// and the thread is not even made.
#pragma once

#include "model/machine.hpp"

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace cf::model {

/// Who hears of a paced machine's signals. They are told apart by line: an interrupt of engine n is
/// line n, what further lines mean is the listener's business.
class signal_listener {
public:
    static constexpr unsigned lines = 32;

    /// The line that a message to an address without memory stands for, or none. Under the
    /// machine's lock: must not call the machine.
    virtual std::optional<unsigned> line_of(port_end end, std::uint64_t address, std::uint32_t data) noexcept
    {
        static_cast<void>(end), static_cast<void>(address), static_cast<void>(data);
        return std::nullopt;
    }
    /// `count` signals of a line have come. Without the machine's lock, on whichever thread set them
    /// off.
    virtual void raise(unsigned line, std::uint64_t count) noexcept = 0;

protected:
    ~signal_listener() = default;
};

/// Loads, stores and with() may come from any thread.
class paced_machine final : private signal_sink {
public:
    /// Throws what machine does. `listener` outlives this.
    paced_machine(const machine_config& config, signal_listener& listener);
    paced_machine(const paced_machine&) = delete;
    paced_machine& operator=(const paced_machine&) = delete;
    ~paced_machine();

    std::uint32_t load(unsigned engine, std::uint32_t offset);
    void store(unsigned engine, std::uint32_t offset, std::uint32_t value);

    /// Calls `use(machine&, now)` while the hardware stands still: for memory, faults, violations and
    /// the link. Must not call back. No copy is under way inside it or was left behind by what it
    /// took out of an address map.
    template <class Use>
    void with(Use&& use)
    {
        access guard(*this);
        std::forward<Use>(use)(machine_, clock());
    }

    /// For setting up: nobody else uses the machine yet.
    machine& hardware() noexcept { return machine_; }
    /// Makes the thread now and not when something first takes time.
    void start();
    /// Ends the thread for good: after it returns only callers raise signals. An owner whose listener
    /// goes before the machine does calls this first.
    void stop();

private:
    using signals = std::array<std::uint64_t, signal_listener::lines>;

    /// A caller's hold on the machine. What it has set off is signalled, and the thread woken when
    /// it now has to be sooner, after the lock is released.
    class access {
    public:
        enum class intent : std::uint8_t { change, look };
        explicit access(paced_machine& owner, intent what = intent::change);
        access(const access&) = delete;
        access& operator=(const access&) = delete;
        ~access();

    private:
        paced_machine& owner_;
        intent what_; ///< who only looks sets nothing off
        std::unique_lock<std::mutex> lock_;
    };

    void interrupt(unsigned engine) override { pend(engine); }
    bool message(port_end end, std::uint64_t address, std::uint32_t data) override;
    void pend(unsigned line) noexcept;
    void release_and_raise(std::unique_lock<std::mutex>& held);

    nanoseconds clock() noexcept;
    nanoseconds due_time() const noexcept;
    void run();
    void pause(std::unique_lock<std::mutex>& held, nanoseconds now);
    void spin(std::unique_lock<std::mutex>& held, nanoseconds until);
    void let_callers_go() const noexcept;

    static constexpr nanoseconds never = ~nanoseconds{0};

    signal_listener& listener_;
    std::mutex mutex_; // guards everything down to pending_
    std::condition_variable wake_;
    machine machine_;
    nanoseconds started_;     // on the monotonic clock
    nanoseconds slipped_ = 0; // how far the machine's clock has fallen behind it
    nanoseconds last_now_ = 0;
    nanoseconds wakes_at_ = never; // until when the thread sleeps, 0 = it does not
    bool stopping_ = false;
    bool signalled_ = false; // something is pending
    signals pending_{};      // to be raised, by line

    std::atomic<unsigned> callers_{0}; // waiting for the lock: the thread lets them go first
    std::atomic<bool> hurry_{false};   // something is due before what the thread spins for
    std::thread thread_;
};

} // namespace cf::model
