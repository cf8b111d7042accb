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
#include <memory>
#include <vector>

namespace cf::model {

struct backplane;
class engine;
class register_face;

/// Makes the registers in front of an engine.
using face_maker = std::unique_ptr<register_face> (*)(engine&, backplane&);
std::unique_ptr<register_face> make_edma_v0(engine& behind, backplane& plane);

/// An engine of the machine.
struct engine_config {
    port_end at = port_end::endpoint; ///< the end it sits at
    unsigned wr = 4, rd = 2;          ///< channels, 1..8
    face_maker face = make_edma_v0;
    bool lists_across_link = false;     ///< what its lists lie in is memory of the other end
    std::uint32_t list_elements = 4096; ///< room of each channel's list, its link included; 3 or more
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
        100; ///< from asking for a list element to having it, list on the engine's bus
    nanoseconds interrupt_ns =
        0;               ///< from an interrupt's arrival, by line or message, to the program being told
    bool strict = false; ///< note what real hardware might refuse
    /// A posted write that nobody claims aborts its channel, as on a bus that reports it, instead of
    /// being lost.
    bool unclaimed_writes_abort = false;
    /// Lists are written while advance() is behind, or from where what is written takes time to arrive:
    /// see machine::look().
    bool real_time = false;
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
    /// The line of engine `engine`, which sits at the program's end, has risen.
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

struct event;

/// Sees everything that happens in a machine, in order. Called from inside: must not call it back.
class event_witness {
public:
    virtual void happened(const event& e) noexcept = 0;

protected:
    ~event_witness() = default;
};

enum class event_kind : std::uint8_t {
    store,           ///< a store to a register is at its engine
    load,            ///< a load of a register is at its engine
    load_answer,     ///< what a load found is at the program
    doorbell,        ///< a channel starts
    list_read,       ///< a list element is read on the engine's bus
    list_request,    ///< a list fetch across the link sets out
    list_answer,     ///< a list element is read at the far end, and its answer sets out
    fetched,         ///< a list element, or a register transfer, is at the engine
    request_arrived, ///< a burst's read requests are at the far end
    burst_sent,      ///< a burst's last packet may have left
    burst_arrived,   ///< a read burst's data is at the engine
    landed,          ///< a posted burst's data is at the other end
    credits,         ///< a posted burst's flow control credits are back
    retire,          ///< an element that was moved shows
    position,        ///< a channel's position shows
    stop,            ///< a channel that met the end of its list reads as stopped
    interrupt,       ///< the program is told of a line
    message_sent,    ///< an IMWr message sets out across the link
    message,         ///< an IMWr message has crossed it
    message_taken,   ///< the program is told of a message that is no memory's
};

struct event {
    picoseconds at = 0;
    std::uint64_t order = 0;   ///< among those of one time: first come, first served
    std::uint64_t subject = 0; ///< a burst's number, a channel's epoch, an address, or see machine.cpp
    std::uint32_t data = 0;    ///< the message's or the store's word, or the link's epoch
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

    /// The line of engine `engine` rises. It ends at the engine's own end: from a far one the program
    /// hears only by message.
    void raise_line(unsigned engine, picoseconds now);
    /// Engine `engine` posts `data` to `address` across the link.
    void post_message(unsigned engine, std::uint64_t address, std::uint32_t data, picoseconds now);
    /// Carries signals on: see event_kind.
    void handle_signal(const event& e, signal_sink& sink);

    lane& way(direction d) noexcept { return lanes[index_of(d)]; }
    /// Sends single packets of `length`; when the last of them is at the other end.
    picoseconds cross(direction d, picoseconds now, picoseconds length) noexcept
    {
        return way(d).slip_in(now, length, timing.longest_packet()) + timing.flight();
    }
    address_map& own(port_end end) noexcept { return own_maps[index_of(end)]; }
    address_map& inbound(port_end end) noexcept { return inbound_maps[index_of(end)]; }

    link_timing timing;
    port_end near;
    picoseconds list_fetch;
    picoseconds interrupt_time;
    bool real_time;              ///< see machine::look()
    picoseconds reached = 0;     ///< real time: the caller's clock, at or after the event at hand
    bool unclaimed_writes_abort; ///< see machine_config
    std::uint64_t copied = 0;    ///< null link: bytes moved so far
    bool link_up = true;
    std::uint32_t link_epoch = 0;            ///< grows when the link goes down: what was on its way is lost
    unsigned starts_on_way = 0;              ///< stores that may start a channel, and have not arrived
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
