// SPDX-License-Identifier: MIT
//
// virtual_clock: the time of a simulation, the hardware that lives in it, and chance. For the virtual
// reactor, whose loop it drives, and for modelled hardware, which joins it. One thread, and nothing in it
// depends on a real clock or on an address: the same program with the same seed does the same.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

namespace cf::detail {

/// Hardware in virtual time. It never calls the program: what it has to say waits until deliver().
class virtual_hardware {
public:
    /// When something happens next, in ns; none at rest.
    virtual std::optional<std::uint64_t> next_event() const noexcept = 0;
    /// Lets one thing happen that is due by `now`.
    virtual void step(std::uint64_t now) = 0;
    /// The program has done what it does at `now`, and lets time pass.
    virtual void look(std::uint64_t now) = 0;
    /// Whether the program is to be told of something, and telling it.
    virtual bool interrupts() const noexcept = 0;
    virtual void deliver() noexcept = 0;

protected:
    ~virtual_hardware() = default;
};

class virtual_clock {
public:
    static constexpr std::uint64_t never = ~std::uint64_t{0};

    virtual_clock() = default;
    virtual_clock(const virtual_clock&) = delete;
    virtual_clock& operator=(const virtual_clock&) = delete;

    std::uint64_t now() const noexcept { return now_; }
    /// Time in which the program was busy, computing or stalled at a load.
    std::uint64_t busy() const noexcept { return now_ - idle_; }

    /// The order of joining is the order of what is due at the same nanosecond.
    void join(virtual_hardware& hardware) { hardware_.push_back(&hardware); }
    void leave(virtual_hardware& hardware) noexcept { std::erase(hardware_, &hardware); }

    // The program is busy.

    /// It computes for about `ns`: for something between a half and one and a half of it, by chance.
    void compute(std::uint64_t ns) noexcept { run_to(now_ + about(ns)); }
    /// A turn of its loop takes about `ns`, or longer when somebody has said so before; 1 at first.
    void set_turn(std::uint64_t ns) noexcept { turn_ns_ = std::max(turn_ns_, ns); }
    /// A turn of the loop: always some time, or a loop that only looks would stand still.
    void take_turn() noexcept { run_to(now_ + std::max<std::uint64_t>(about(turn_ns_), 1)); }
    /// It is stalled until `over()`, which something that happens in hardware makes true.
    template <class Over>
    void stall(Over over)
    {
        look();
        while (!over()) static_cast<void>(step(never));
    }
    /// It waits for hardware by looking again and again: passes the time to the next thing that happens, a
    /// microsecond at most.
    void pause() noexcept;

    /// The program sleeps, and hardware goes on: until it interrupts or it is `until`. False when neither
    /// will ever be.
    bool sleep(std::uint64_t until) noexcept;

    bool interrupted() const noexcept;
    /// Tells the program of all interrupts; true when there were any.
    bool deliver() noexcept;

    /// The one source of chance. stir() makes what follows depend on `seed` too.
    std::uint64_t random() noexcept;
    void stir(std::uint64_t seed) noexcept { state_ ^= seed * 0x9e37'79b9'7f4a'7c15; }

    /// Joins an event's description to the hash of all that has happened.
    void note(std::uint64_t what, std::uint64_t more) noexcept;
    /// Of every event so far: two runs with the same hash went the same way.
    std::uint64_t hash() const noexcept { return hash_; }
    std::uint64_t events() const noexcept { return events_; }

private:
    std::uint64_t about(std::uint64_t ns) noexcept { return ns / 2 + random() % (ns + 1); }
    void look();
    bool step(std::uint64_t limit);
    void run_to(std::uint64_t time);

    std::vector<virtual_hardware*> hardware_;
    std::uint64_t now_ = 0;
    std::uint64_t idle_ = 0;
    std::uint64_t turn_ns_ = 1;
    std::uint64_t state_ = 0;
    std::uint64_t hash_ = 0;
    std::uint64_t events_ = 0;
};

} // namespace cf::detail
