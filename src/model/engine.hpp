// SPDX-License-Identifier: MIT
//
// The engine behind its registers: channels, the list walker, the arbiter and the movement of
// data over the link. It knows nothing of register offsets or interrupt bits; a register face
// (eDMA v0 today) drives it through the functions below and is told what happened.
#pragma once

#include "model/backplane.hpp"
#include "model/cargo.hpp"
#include "model/ring.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace cf::model {

/// What a channel is doing.
enum class channel_state : std::uint8_t {
    fresh,   ///< never started since reset
    running, ///< between its doorbell and its stop
    halted,  ///< aborted
    stopped, ///< at the end of its list, or told to stop
};

/// The registers of a channel that both sides see. The face stores to them only while the
/// channel does not run; the engine keeps them current while it does.
struct channel_registers {
    bool list_mode = false;        ///< walk the list at `position`, else move one transfer
    bool cycle = false;            ///< cycle bit of elements that belong to this lap
    std::uint32_t control = 0;     ///< register mode: interrupt enables as in an element
    std::uint32_t size = 0;        ///< bytes left of the current element
    std::uint64_t source = 0;      ///< of the current element
    std::uint64_t destination = 0; ///< of the current element
    std::uint64_t position = 0;    ///< first element that is not done
    /// What `position` reads as meanwhile, when it shows late.
    std::optional<std::uint64_t> shown_position{};
};

/// Told by the engine what happened to its channels.
class engine_listener {
public:
    /// An element is done; `control` is its control word.
    virtual void element_done(channel_kind kind, unsigned number, std::uint32_t control, picoseconds now) = 0;
    /// A channel has come to the end of its list, or of its register transfer, and rests.
    virtual void stopped(channel_kind kind, unsigned number, picoseconds now) = 0;
    virtual void aborted(channel_kind kind, unsigned number, abort_cause cause, picoseconds now) = 0;

protected:
    ~engine_listener() = default;
};

class engine {
public:
    engine(backplane& plane, unsigned index, const engine_config& config, std::uint32_t quantum);
    engine(const engine&) = delete;
    engine& operator=(const engine&) = delete;

    void listen(engine_listener& listener) noexcept { listener_ = &listener; }

    unsigned index() const noexcept { return index_; }
    port_end at() const noexcept { return at_; }
    /// How long what the program stores into this engine's lists is on its way to them.
    picoseconds list_lag() const noexcept
    {
        return across_link() != lists_across_link_ ? plane_.timing.flight() : 0;
    }
    /// True when the program reaches this engine only across the link.
    bool across_link() const noexcept { return at_ != plane_.near; }
    unsigned channels(channel_kind kind) const noexcept;
    channel_registers& registers(channel_kind kind, unsigned number) noexcept;
    channel_state state(channel_kind kind, unsigned number) const noexcept;

    /// True from enable() until a disable() has taken effect.
    bool enabled(channel_kind kind) const noexcept;
    void enable(channel_kind kind, picoseconds now);
    /// Takes effect when the bursts on their way are over; running channels then read as stopped.
    void disable(channel_kind kind, picoseconds now);
    void set_weight(channel_kind kind, unsigned number, unsigned weight) noexcept;
    /// Starts a channel. Without effect on one that runs, and when disabled.
    void doorbell(channel_kind kind, unsigned number, picoseconds now);
    /// Stops a channel once its bursts on their way are over; ends as abort_cause::stopped.
    void stop(channel_kind kind, unsigned number, picoseconds now);

    /// The link has gone down or come back: an engine across it loses its state, one on this side
    /// aborts what runs.
    void link_changed(picoseconds now);
    void handle(const event& e);
    /// See machine::look().
    void look(picoseconds now);

    /// Bytes of elements that channels of this kind have taken up and not moved; 0 when none runs.
    std::uint64_t backlog(channel_kind kind) const noexcept;
    bool running(channel_kind kind) const noexcept;

private:
    /// A list element, or a register transfer, between being fetched and being done.
    struct element {
        std::uint64_t position = 0, after = 0; ///< its place in the list, and where the walker goes next
        bool cycle = false, after_cycle = false;
        std::uint32_t control = 0, size = 0;
        std::uint64_t source = 0, destination = 0;
        std::uint32_t issued = 0, moved = 0;
        bool all_issued = false, all_moved = false;
        bool fetch_failed = false; ///< stands for an element that could not be read
        bool aborts = false;       ///< a planned abort after `abort_after` bytes
        std::uint32_t abort_after = 0;
        abort_cause cause{};
        picoseconds shows_at = 0;
    };

    /// What the walker found at its place, as the memory held it when it was read there.
    struct found_element {
        enum class what : std::uint8_t {
            unreadable,
            other_lap, ///< not published yet
            link,      ///< leads to `source`
            data,
        } is = what::unreadable;
        std::uint32_t control = 0, size = 0;
        std::uint64_t source = 0, destination = 0;
    };

    enum class walk : std::uint8_t {
        idle,
        fetching, ///< an event will bring the next element
        full,     ///< as many elements taken up as there is room for
        ended,    ///< met an element of another lap: looks again when one before it is done
    };

    struct channel {
        static constexpr std::size_t elements_in_flight = 128;

        channel_registers registers;
        channel_state state = channel_state::fresh;
        walk walking = walk::idle;
        std::uint64_t next = 0; ///< what the walker fetches next, and the cycle bit it expects
        bool next_cycle = false;
        found_element found;         ///< on its way to the walker
        unsigned links = 0;          ///< links followed since the last data element
        ring<picoseconds> seen{128}; ///< real time: when elements from `next` on were first seen
        std::uint64_t seen_to = 0;   ///< the place behind them, and the cycle bit expected there
        bool seen_cycle = false;
        ring<element> elements{elements_in_flight}; ///< in list order; only the last may be partly issued
        std::uint32_t bursts = 0;                   ///< on their way
        std::uint32_t epoch = 0; ///< grows when elements are thrown away; what carries an old one is void
        unsigned weight = 1;
        bool stopping = false;
        bool hung = false, hung_for_good = false;
        bool fatal = false; ///< aborted by something real hardware wants an engine reset for

        bool running() const noexcept { return state == channel_state::running; }
    };

    /// A turn's worth of one element on its way over the link.
    struct burst {
        std::uint8_t channel = 0;
        std::uint32_t epoch = 0;
        std::uint64_t element = 0; ///< its number
        std::uint64_t source = 0, destination = 0;
        std::uint32_t size = 0;
        std::uint32_t tags = 0;
        posted_credits credits{};
        std::uint32_t held = 0; ///< RD: its data's place in the hold once it is answered
        bool answered = false;
        bool aborts = false; ///< ends in the element's planned abort
        lane::booking booked{};
    };

    struct bank {
        bank(channel_kind of, unsigned count, std::size_t bursts_in_flight, std::uint32_t turn_bytes)
            : kind(of), channels(count), bursts(bursts_in_flight), cargo(turn_bytes), quantum(turn_bytes)
        {
        }
        channel_kind kind;
        std::vector<channel> channels;
        ring<burst> bursts; ///< in order of issue, which is the order of arrival; WR: until they have left
        cargo_hold cargo;   ///< WR: posted and on its way; RD: answered and on its way
        std::uint32_t quantum;
        std::uint32_t tags_used = 0;
        posted_credits credits_used{};
        std::uint32_t credits_epoch = 0; ///< grows when the link is trained anew; older ones do not come back
        bool enabled = false, disabling = false;
        unsigned turn = 0, turn_left = 0; ///< whose turn it is and how many bursts are left of it
    };

    bank& of(channel_kind kind) noexcept { return banks_[index_of(kind)]; }
    const bank& of(channel_kind kind) const noexcept { return banks_[index_of(kind)]; }
    unsigned number_of(const bank& b, const channel& c) const noexcept;
    direction outbound_way() const noexcept { return outbound(at_); }
    void schedule(event_kind kind, const bank& b, const channel& c, picoseconds at);
    void note(violation_kind kind, const bank& b, const channel& c, std::uint64_t value, picoseconds now);

    // Walking the list (walker.cpp).
    void start(bank& b, channel& c, picoseconds now);
    void fetch_next(bank& b, channel& c, picoseconds now);
    void read_list(bank& b, channel& c, picoseconds now);
    void request_list(bank& b, channel& c, picoseconds now);
    void answer_list(bank& b, channel& c, picoseconds now);
    bool latch(bank& b, channel& c, event_kind again, picoseconds now);
    found_element read_element(channel& c) noexcept;
    void element_arrived(bank& b, channel& c, picoseconds now);
    void look_ahead(channel& c, picoseconds now);
    void follow_link(bank& b, channel& c, const found_element& link, picoseconds now);
    void fail_fetch(bank& b, channel& c, picoseconds now);
    void take_up(bank& b, channel& c, element e, picoseconds now);

    // Moving data (mover.cpp).
    bool has_work(const channel& c) const noexcept;
    channel* choose(bank& b) noexcept;
    void charge_turn(bank& b, const channel& c) noexcept;
    void issue(bank& b, picoseconds now);
    bool issue_burst(bank& b, channel& c, picoseconds now);
    bool take_tags(bank& b, burst& next) noexcept;
    bool take_credits(bank& b, burst& next) noexcept;
    void send_credits_back(const bank& b, const posted_credits& credits, picoseconds now);
    void credits_back(bank& b, const event& e);
    void requests_arrived(bank& b, std::uint64_t number, picoseconds now);
    void burst_sent(bank& b, std::uint64_t number, picoseconds now);
    void burst_arrived(bank& b, std::uint64_t number, picoseconds now);
    bool move(bank& b, channel& c, const burst& on_way, picoseconds now);
    bool copy(bank& b, channel& c, const burst& on_way, picoseconds now);
    bool post(bank& b, channel& c, const burst& leaving, picoseconds now);
    bool unload(bank& b, channel& c, const burst& arrived, picoseconds now);
    void land(bank& b, std::uint64_t number, picoseconds now);

    // Ending elements and channels (engine.cpp).
    void retire(bank& b, channel& c, picoseconds now, bool at_once = false);
    void show_front(channel& c) noexcept;
    void delay_position(bank& b, channel& c, picoseconds now);
    void abort(bank& b, channel& c, abort_cause cause, picoseconds now);
    void throw_away(channel& c) noexcept;
    void settle(bank& b, channel& c, picoseconds now);
    void rest(bank& b, channel& c, picoseconds now);
    void finish_disable(bank& b, picoseconds now);

    backplane& plane_;
    engine_listener* listener_ = nullptr;
    unsigned index_;
    port_end at_;
    bool lists_across_link_;
    std::array<bank, 2> banks_; // by kind
};

} // namespace cf::model
