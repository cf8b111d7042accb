// SPDX-License-Identifier: MIT
//
// The machine: two ends, the memory of each, the link between them and the engines at it, as an
// event-driven state machine. Time is passed in; there is no thread, no clock and no chance in
// it, so the same core runs paced to the real clock, in virtual time and behind a protocol that
// shows it to a virtual machine.
#pragma once

#include "model/backplane.hpp"
#include "model/engine.hpp"
#include "model/register_face.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace cf::model {

/// A load of the program's on its way to a register and back. Stays where it is until it is answered.
struct register_load {
    unsigned engine;
    std::uint32_t offset;
    std::uint32_t value = 0;
    bool answered = false;
};

/// Not synchronised: callers share it under a lock of theirs. Time is in nanoseconds since the
/// machine was made.
///
/// On a null link a store does all that follows from it before it returns.
class machine {
public:
    /// Throws cf::error (bad_argument) for a configuration that no hardware has.
    machine(const machine_config& config, signal_sink& sink);
    machine(const machine&) = delete;
    machine& operator=(const machine&) = delete;
    ~machine();

    /// The program's accesses. To an engine across the link a store is posted: it takes effect when it
    /// has crossed. A load is a read request and a completion, and as completions push the posted
    /// writes in front of them, all that the engine had sent when it answered has landed when the
    /// load is answered. Its caller lets time pass until then. Accesses to the other engine take no time
    /// but find everything done that is due by `now`.
    void send_store(unsigned engine, std::uint32_t offset, std::uint32_t value, nanoseconds now);
    void send_load(register_load& wanted, nanoseconds now);

    /// The same registers seen from beside the engine, in the state the machine has reached: for
    /// tests, and where no time passes anyway. All ones when the link to it is down.
    std::uint32_t load(unsigned engine, std::uint32_t offset) const noexcept;
    void store(unsigned engine, std::uint32_t offset, std::uint32_t value, nanoseconds now);

    /// True when nothing takes time.
    bool null() const noexcept { return plane_.timing.null(); }

    /// Lets everything happen that is due by `now` (on a null link, a large but bounded part of it).
    void advance(nanoseconds now);
    /// Lets the next thing happen if it is due by `now`: at most one burst is copied. False when
    /// nothing was due.
    bool advance_one(nanoseconds now);
    /// Machines with machine_config::real_time: takes note of what is published in the lists by `now`. An
    /// element has been published when it was first seen, and its time on the link starts no earlier, however
    /// late advance() is called. So a caller looks whenever it is about to be late. Otherwise lists hold at
    /// any event what the walker finds there.
    void look(nanoseconds now);
    /// When the next thing happens, rounded up; none when the machine is at rest.
    std::optional<nanoseconds> next_event() const noexcept;

    /// How late what happens may become visible without costing a driver throughput: a quarter of
    /// the time the link needs for what the least busy kind of channel has taken up.
    nanoseconds patience() const noexcept;

    /// Memory the engine at an end reaches on its own bus.
    address_map& own(port_end end) noexcept { return plane_.own(end); }
    /// Memory an end answers for when requests come in over the link.
    address_map& inbound(port_end end) noexcept { return plane_.inbound(end); }

    /// Has `who` see every event from now on.
    void witness(event_witness& who) noexcept { witness_ = &who; }

    /// Takes the link down or brings it up again. Engines across it lose their state.
    void set_link(bool up, nanoseconds now);
    /// What a reset of the function does: engines across the link lose their state.
    void reset(nanoseconds now);
    const activity& counted() const noexcept { return plane_.counted; }
    bool link_up() const noexcept { return plane_.link_up; }
    faults& injected() noexcept { return plane_.injected; }
    journal& violations() noexcept { return plane_.notes; }

private:
    struct station; // an engine and its register face

    bool nothing_due(nanoseconds now) const noexcept;
    void dispatch(const event& e);
    void store_arrived(const event& e);
    void load_arrived(const event& e);

    backplane plane_;
    signal_sink& sink_;
    event_witness* witness_ = nullptr;
    std::vector<std::unique_ptr<station>> stations_;
};

} // namespace cf::model
