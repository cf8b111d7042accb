// SPDX-License-Identifier: MIT
//
// The backplane: everything the engines of one machine share and are plugged into, which is the
// memory of both ends, the link between them, the order of events, faults and the journal.
#pragma once

#include "model/faults.hpp"
#include "model/journal.hpp"
#include "model/link.hpp"
#include "model/memory.hpp"
#include <counterflow/direction.hpp>
#include <counterflow/link.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

namespace cf::model {

/// An engine of the machine.
struct engine_config {
    port_end at = port_end::endpoint; ///< the end it sits at
    unsigned wr = 4, rd = 2;          ///< channels, 1..8
};

struct machine_config {
    std::vector<engine_config> engines; ///< one or two
    port_end near =
        port_end::root_port;       ///< where the program runs: registers of the others lie across the link
    link_parameters link;          ///< generation 0: everything happens at once
    double packet_bytes_per_s = 0; ///< 0 = cf::packet_bandwidth(link)
    unsigned completion_bytes = 0; ///< largest completion, 0 = the maximum payload size
    std::uint32_t quantum = 0;     ///< bytes a channel moves in its turn; 0 = a default
    nanoseconds list_fetch_ns =
        100;                      ///< from asking for a list element to having it, list on the engine's bus
    nanoseconds interrupt_ns = 0; ///< from the interrupt's arrival to the program being told
    bool strict = false;          ///< note what real hardware might refuse
    /// A posted write that nobody claims aborts its channel, as on a bus that reports it, instead of
    /// being lost.
    bool unclaimed_writes_abort = false;
    bool real_time = false; ///< advance() may be called late: see machine::look()
};

/// What a machine has done since it was made.
struct activity {
    std::uint64_t doorbells = 0; ///< that started a channel
    std::uint64_t elements = 0;  ///< done, register transfers included
    std::uint64_t aborts = 0;
};

/// Where a machine's signals go. Called from inside the machine: must not call it back.
class signal_sink {
public:
    /// An interrupt of engine `engine` reaches the program.
    virtual void interrupt(unsigned engine) = 0;
    /// A message to an address of `end` that no memory answers. True when it is taken, as an
    /// MSI address is by an interrupt controller.
    virtual bool message(port_end end, std::uint64_t address, std::uint32_t data)
    {
        static_cast<void>(end), static_cast<void>(address), static_cast<void>(data);
        return false;
    }

protected:
    ~signal_sink() = default;
};

enum class event_kind : std::uint8_t {
    doorbell,        ///< a doorbell has been rung at this time
    list_request,    ///< a list fetch across the link sets out
    list_answer,     ///< its answer sets out at the far end
    fetched,         ///< a list element, or a register transfer, is at the engine
    request_arrived, ///< a burst's read requests are at the far end
    burst_sent,      ///< a burst's last packet may have left
    burst_arrived,   ///< a read burst's data is at the engine
    retire,          ///< an element that was moved shows
    stop,            ///< a channel that met the end of its list reads as stopped
    interrupt_sent,  ///< an interrupt sets out across the link
    interrupt,       ///< an interrupt reaches the program
    message_sent,    ///< an IMWr message sets out across the link
    message,         ///< an IMWr message reaches memory
};

struct event {
    picoseconds at = 0;
    std::uint64_t order = 0;   ///< among those of one time: first come, first served
    std::uint64_t subject = 0; ///< the burst's number, the channel's epoch, or the message's address
    std::uint32_t data = 0;    ///< the message's word
    event_kind kind{};
    std::uint8_t engine = 0;
    channel_kind of{};
    std::uint8_t channel = 0;
};

/// Events by time, then by age. Allocates only until it has been as full as it gets.
class event_queue {
public:
    event_queue() { heap_.reserve(1024); }

    bool empty() const noexcept { return heap_.empty(); }
    const event& top() const noexcept { return heap_.front(); }
    void push(event e)
    {
        e.order = order_++;
        heap_.push_back(e);
        std::push_heap(heap_.begin(), heap_.end(), later);
    }
    event pop() noexcept
    {
        std::pop_heap(heap_.begin(), heap_.end(), later);
        const event result = heap_.back();
        heap_.pop_back();
        return result;
    }

private:
    static bool later(const event& a, const event& b) noexcept
    {
        return a.at != b.at ? a.at > b.at : a.order > b.order;
    }

    std::vector<event> heap_;
    std::uint64_t order_ = 0;
};

constexpr std::size_t index_of(port_end end) noexcept { return static_cast<std::size_t>(end); }
constexpr std::size_t index_of(direction d) noexcept { return static_cast<std::size_t>(d); }
constexpr std::size_t index_of(channel_kind kind) noexcept { return static_cast<std::size_t>(kind); }

struct backplane {
    backplane(const machine_config& config, double packet_bytes_per_s);

    /// Engine `engine` interrupts the program.
    void raise_interrupt(unsigned engine, picoseconds now);
    /// Engine `engine` posts `data` to `address` across the link.
    void post_message(unsigned engine, std::uint64_t address, std::uint32_t data, picoseconds now);
    /// Carries signals on: see event_kind.
    void handle_signal(const event& e, signal_sink& sink);

    lane& way(direction d) noexcept { return lanes[index_of(d)]; }
    address_map& own(port_end end) noexcept { return own_maps[index_of(end)]; }
    address_map& inbound(port_end end) noexcept { return inbound_maps[index_of(end)]; }

    link_timing timing;
    port_end near;
    picoseconds list_fetch;
    picoseconds interrupt_time;
    bool real_time;              ///< see machine::look()
    picoseconds reached = 0;     ///< real time: the caller's clock, at or after the event at hand
    bool unclaimed_writes_abort; ///< see machine_config
    bool link_up = true;
    std::array<lane, 2> lanes;               ///< by direction
    std::array<address_map, 2> own_maps;     ///< by end: what its engine reaches on its own bus
    std::array<address_map, 2> inbound_maps; ///< by end: what it answers for on the link
    event_queue events;
    faults injected;
    journal notes;
    activity counted;

private:
    std::array<port_end, 2> engine_at_{}; ///< by engine
};

} // namespace cf::model
