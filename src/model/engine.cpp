// SPDX-License-Identifier: MIT
//
// The life of a channel: doorbell, elements becoming done in order, stop, abort, reset.
#include "model/engine.hpp"

#include <algorithm>

namespace cf::model {
namespace {

constexpr std::uint32_t default_quantum = 4096;
/// A null link gives no turns away: elements move whole, so far as one copy stays short.
constexpr std::uint32_t null_quantum = 1u << 20;
constexpr std::size_t null_bursts = 64;

/// Bytes of one turn. Smaller ones where few tags or credits are to be had, so that the window of what is
/// outstanding moves smoothly.
std::uint32_t turn_bytes(channel_kind kind, const link_timing& timing, std::uint32_t wanted)
{
    if (timing.null()) return wanted ? wanted : null_quantum;
    const std::uint64_t packet = kind == channel_kind::wr ? timing.write_size() : timing.request_size();
    const std::uint64_t turn =
        wanted ? wanted : std::max<std::uint64_t>(default_quantum, timing.request_size());
    const posted_credits granted = timing.granted();
    const std::uint64_t eighth = kind == channel_kind::rd ? timing.tags() / 8 * packet
                                                          : std::min(granted.headers / 8 * packet,
                                                                     granted.data / 8 * std::uint64_t{16});
    // Whole packets, one at least. A turn that was asked for is at most that long.
    const std::uint64_t most = std::max(packet, eighth / packet * packet);
    return static_cast<std::uint32_t>(kind == channel_kind::rd ? std::clamp(turn, packet, most)
                                                               : std::min(turn, most));
}

} // namespace

engine::engine(backplane& plane, unsigned index, const engine_config& config, std::uint32_t quantum)
    : plane_(plane),
      index_(index),
      at_(config.at),
      lists_across_link_(config.lists_across_link),
      banks_{bank(channel_kind::wr, config.wr, plane.timing.null() ? null_bursts : 1,
                  turn_bytes(channel_kind::wr, plane.timing, quantum)),
             bank(channel_kind::rd, config.rd, plane.timing.null() ? null_bursts : plane.timing.tags(),
                  turn_bytes(channel_kind::rd, plane.timing, quantum))}
{
}

unsigned engine::channels(channel_kind kind) const noexcept
{
    return static_cast<unsigned>(of(kind).channels.size());
}

channel_registers& engine::registers(channel_kind kind, unsigned number) noexcept
{
    return of(kind).channels[number].registers;
}

channel_state engine::state(channel_kind kind, unsigned number) const noexcept
{
    return of(kind).channels[number].state;
}

bool engine::enabled(channel_kind kind) const noexcept { return of(kind).enabled; }

void engine::set_weight(channel_kind kind, unsigned number, unsigned weight) noexcept
{
    bank& b = of(kind);
    if (number < b.channels.size()) b.channels[number].weight = std::max(weight, 1u);
}

unsigned engine::number_of(const bank& b, const channel& c) const noexcept
{
    return static_cast<unsigned>(&c - b.channels.data());
}

void engine::schedule(event_kind kind, const bank& b, const channel& c, picoseconds at)
{
    plane_.events.push({.at = at,
                        .subject = c.epoch,
                        .kind = kind,
                        .engine = static_cast<std::uint8_t>(index_),
                        .of = b.kind,
                        .channel = static_cast<std::uint8_t>(number_of(b, c))});
}

void engine::note(violation_kind kind, const bank& b, const channel& c, std::uint64_t value, picoseconds now)
{
    plane_.notes.note({kind, static_cast<std::uint8_t>(index_), b.kind,
                       static_cast<std::uint8_t>(number_of(b, c)), value, now / ps_per_ns});
}

void engine::enable(channel_kind kind, picoseconds now)
{
    bank& b = of(kind);
    if (b.disabling) {
        note(violation_kind::enable_while_disabling, b, b.channels[0], 1, now);
        return;
    }
    b.enabled = true;
}

void engine::disable(channel_kind kind, picoseconds now)
{
    bank& b = of(kind);
    if (!b.enabled) return;
    b.disabling = true;
    finish_disable(b, now);
}

void engine::finish_disable(bank& b, picoseconds now)
{
    const bool stuck = std::any_of(b.channels.begin(), b.channels.end(),
                                   [](const channel& c) { return c.hung && c.hung_for_good; });
    if (!b.disabling || !b.bursts.empty() || stuck) return;
    for (channel& c : b.channels) {
        if (c.running()) {
            retire(b, c, now, true);
            throw_away(c);
            c.state = channel_state::stopped;
        }
        c.registers.shown_position.reset();
        c.hung = false;
        c.fatal = false;
    }
    b.enabled = b.disabling = false;
    b.turn = b.turn_left = 0;
}

void engine::doorbell(channel_kind kind, unsigned number, picoseconds now)
{
    bank& b = of(kind);
    channel& c = b.channels[number];
    if (!b.enabled || b.disabling) return note(violation_kind::doorbell_while_disabled, b, c, number, now);
    if (c.running()) return;
    if (c.fatal) note(violation_kind::restart_after_fatal_abort, b, c, number, now);
    c.state = channel_state::running;
    c.walking = walk::fetching;
    c.next = c.registers.position;
    c.next_cycle = c.registers.cycle;
    c.links = 0;
    ++plane_.counted.doorbells;
    const nanoseconds lag = plane_.injected.start_lag(index_, kind, number);
    if (plane_.real_time && c.registers.list_mode && lag == 0) look_ahead(c, now);
    schedule(event_kind::doorbell, b, c, now + lag * ps_per_ns);
}

void engine::stop(channel_kind kind, unsigned number, picoseconds now)
{
    bank& b = of(kind);
    channel& c = b.channels[number];
    if (!c.running()) {
        // From across the link nobody can know that it has stopped meanwhile.
        if (!across_link() || plane_.timing.null())
            note(violation_kind::stop_while_not_running, b, c, number, now);
        return;
    }
    if (c.hung) return;
    c.stopping = true;
    settle(b, c, now);
}

void engine::link_changed(picoseconds now)
{
    for (bank& b : banks_) {
        for (channel& c : b.channels) {
            if (across_link()) {
                throw_away(c);
                c.registers = {};
                c.state = channel_state::fresh;
                c.hung = c.fatal = false;
                c.weight = 1;
            } else if (c.running() && !plane_.link_up) {
                abort(b, c,
                      b.kind == channel_kind::rd ? abort_cause::completion_timeout : abort_cause::unnamed,
                      now);
            }
        }
        if (across_link()) b.enabled = b.disabling = false;
        // Nothing that was on its way arrives; events of these bursts no longer find them. Posted
        // cargo learns of it when it would have landed.
        for (std::uint64_t n = b.bursts.first(); n != b.bursts.end(); ++n)
            if (b.bursts[n].answered) b.cargo.give_back(b.bursts[n].held);
        b.bursts.clear();
        b.tags_used = 0;
        b.credits_used = {};
        ++b.credits_epoch;
        for (channel& c : b.channels) c.bursts = 0;
        finish_disable(b, now);
    }
}

void engine::handle(const event& e)
{
    bank& b = of(e.of);
    switch (e.kind) {
    case event_kind::request_arrived: return requests_arrived(b, e.subject, e.at);
    case event_kind::burst_sent: return burst_sent(b, e.subject, e.at);
    case event_kind::burst_arrived: return burst_arrived(b, e.subject, e.at);
    case event_kind::landed: return land(b, e.subject, e.at);
    case event_kind::credits: return credits_back(b, e);
    default: break;
    }
    channel& c = b.channels[e.channel];
    if (e.kind == event_kind::position) return c.registers.shown_position.reset();
    if (e.subject != c.epoch) return;
    switch (e.kind) {
    case event_kind::doorbell: return start(b, c, e.at);
    case event_kind::list_read: return read_list(b, c, e.at);
    case event_kind::list_request: return request_list(b, c, e.at);
    case event_kind::list_answer: return answer_list(b, c, e.at);
    case event_kind::fetched: return element_arrived(b, c, e.at);
    case event_kind::retire: return retire(b, c, e.at);
    case event_kind::stop: return rest(b, c, e.at);
    default: return;
    }
}

/// Makes the elements at the front that have moved, and whose time has come, visible as done.
void engine::retire(bank& b, channel& c, picoseconds now, bool at_once)
{
    while (!c.elements.empty() && c.elements.front().all_moved) {
        const element done = c.elements.front();
        if (!at_once && done.shows_at > now) return;
        c.elements.pop();
        if (c.registers.list_mode) {
            if (plane_.injected.delays_positions() && !at_once) delay_position(b, c, now);
            c.registers.position = done.after;
            c.registers.cycle = done.after_cycle;
        } else {
            throw_away(c);
            c.state = channel_state::stopped;
        }
        show_front(c);
        ++plane_.counted.elements;
        listener_->element_done(b.kind, number_of(b, c), done.control, now);
        if (!c.registers.list_mode) listener_->stopped(b.kind, number_of(b, c), now);
        if (c.walking == walk::full || c.walking == walk::ended) fetch_next(b, c, now);
    }
    if (!at_once && !c.elements.empty() && c.elements.front().fetch_failed)
        return abort(b, c, abort_cause::list_fetch_error, now);
    if (!at_once) settle(b, c, now);
}

/// Lets the position read as it is for a while, whatever becomes of it meanwhile, the channel's stop
/// included. What is proven stopped by an abort or a disable shows at once.
void engine::delay_position(bank& b, channel& c, picoseconds now)
{
    const nanoseconds lag = plane_.injected.position_lag(index_, b.kind, number_of(b, c));
    if (lag == 0 || c.registers.shown_position) return;
    c.registers.shown_position = c.registers.position;
    schedule(event_kind::position, b, c, now + lag * ps_per_ns);
}

/// Shows the oldest element in the channel's registers.
void engine::show_front(channel& c) noexcept
{
    if (c.elements.empty()) {
        c.registers.size = 0;
        return;
    }
    const element& e = c.elements.front();
    if (e.fetch_failed) return;
    c.registers.size = e.size - e.moved;
    c.registers.source = e.source;
    c.registers.destination = e.destination;
}

void engine::abort(bank& b, channel& c, abort_cause cause, picoseconds now)
{
    retire(b, c, now, true); // what lies before the fault is done, however late it was to show
    throw_away(c);
    c.registers.shown_position.reset();
    c.state = cause == abort_cause::stopped ? channel_state::stopped : channel_state::halted;
    c.fatal = c.fatal || cause == abort_cause::list_fetch_error || cause == abort_cause::local_bus_error ||
              cause == abort_cause::poisoned;
    if (cause != abort_cause::stopped) ++plane_.counted.aborts;
    listener_->aborted(b.kind, number_of(b, c), cause, now);
}

/// Forgets the elements taken up: the channel's position stays at the first that is not done.
void engine::throw_away(channel& c) noexcept
{
    if (!c.elements.empty() && c.registers.list_mode) {
        c.registers.position = c.elements.front().position;
        c.registers.cycle = c.elements.front().cycle;
    }
    c.elements.clear();
    c.seen.clear();
    ++c.epoch;
    c.walking = walk::idle;
    c.stopping = false;
}

/// Lets a channel come to rest when nothing of it is on its way any more.
void engine::settle(bank& b, channel& c, picoseconds now)
{
    if (b.disabling) return finish_disable(b, now);
    if (!c.running()) return;
    if (c.stopping && c.bursts == 0) return abort(b, c, abort_cause::stopped, now);
    if (c.walking != walk::ended || !c.elements.empty()) return;
    c.walking = walk::idle;
    const nanoseconds lag = plane_.injected.stop_lag(index_, b.kind, number_of(b, c));
    if (lag != 0) return schedule(event_kind::stop, b, c, now + lag * ps_per_ns);
    rest(b, c, now);
}

void engine::rest(bank& b, channel& c, picoseconds now)
{
    throw_away(c);
    c.state = channel_state::stopped;
    listener_->stopped(b.kind, number_of(b, c), now);
}

bool engine::running(channel_kind kind) const noexcept
{
    const bank& b = of(kind);
    return std::any_of(b.channels.begin(), b.channels.end(), [](const channel& c) { return c.running(); });
}

std::uint64_t engine::backlog(channel_kind kind) const noexcept
{
    std::uint64_t bytes = 0;
    for (const channel& c : of(kind).channels) {
        for (std::uint64_t n = c.elements.first(); n != c.elements.end(); ++n)
            bytes += c.elements[n].size - c.elements[n].moved;
    }
    return bytes;
}

} // namespace cf::model
