// SPDX-License-Identifier: MIT
//
// The arbiter and the movement of bursts. WR keeps one burst in the link's queue and takes the
// next turn when its last packet has left and the receiver has credits for another: its writes are posted,
// so for the engine they are done then, though they land later. RD sends requests as long as tags are free,
// and its data has moved when the completions have arrived. Bytes are what their memory held when they left
// it.
#include "model/engine.hpp"

#include <algorithm>
#include <cassert>

namespace cf::model {
namespace {

/// What aborts before its first byte still takes a request to find out.
constexpr std::uint32_t asked_for(std::uint32_t size) noexcept { return std::max(size, 1u); }

/// A burst that wants more than there is at all gets it when nothing else is in use.
constexpr bool fits(std::uint32_t in_use, std::uint32_t more, std::uint32_t granted) noexcept
{
    return in_use == 0 || std::uint64_t{in_use} + more <= granted;
}

} // namespace

bool engine::has_work(const channel& c) const noexcept
{
    return c.running() && !c.stopping && !c.hung && !c.elements.empty() && !c.elements.back().all_issued;
}

/// Weighted round robin: a channel keeps its turn for as many bursts as its weight says.
engine::channel* engine::choose(bank& b) noexcept
{
    if (b.turn_left != 0 && has_work(b.channels[b.turn])) return &b.channels[b.turn];
    const auto count = static_cast<unsigned>(b.channels.size());
    for (unsigned step = 1; step <= count; ++step) {
        channel& c = b.channels[(b.turn + step) % count];
        if (has_work(c)) return &c;
    }
    return nullptr;
}

void engine::charge_turn(bank& b, const channel& c) noexcept
{
    const unsigned number = number_of(b, c);
    if (number != b.turn || b.turn_left == 0) {
        b.turn = number;
        b.turn_left = c.weight;
    }
    --b.turn_left;
}

void engine::issue(bank& b, picoseconds now)
{
    while (!b.disabling && !b.bursts.full()) {
        channel* const c = choose(b);
        if (!c) return;
        if (!plane_.link_up) {
            abort(b, *c, b.kind == channel_kind::rd ? abort_cause::completion_timeout : abort_cause::unnamed,
                  now);
            continue;
        }
        if (!issue_burst(b, *c, now)) return;
    }
}

bool engine::take_tags(bank& b, burst& next) noexcept
{
    next.tags = static_cast<std::uint32_t>(plane_.timing.requests(next.source, asked_for(next.size)));
    if (!fits(b.tags_used, next.tags, plane_.timing.tags())) return false;
    b.tags_used += next.tags;
    return true;
}

bool engine::take_credits(bank& b, burst& next) noexcept
{
    const link_timing& timing = plane_.timing;
    if (timing.grants_all()) return true;
    next.credits = timing.credits(next.destination, next.size);
    posted_credits& used = b.credits_used;
    if (!fits(used.headers, next.credits.headers, timing.granted().headers) ||
        !fits(used.data, next.credits.data, timing.granted().data))
        return false;
    used.headers += next.credits.headers;
    used.data += next.credits.data;
    return true;
}

void engine::send_credits_back(const bank& b, const posted_credits& credits, picoseconds now)
{
    if (plane_.timing.grants_all()) return;
    plane_.events.push({.at = now + 2 * plane_.timing.flight(),
                        .subject = std::uint64_t{credits.headers} << 32 | credits.data,
                        .data = b.credits_epoch,
                        .kind = event_kind::credits,
                        .engine = static_cast<std::uint8_t>(index_),
                        .of = b.kind});
}

void engine::credits_back(bank& b, const event& e)
{
    if (e.data != b.credits_epoch) return;
    const posted_credits back{static_cast<std::uint32_t>(e.subject >> 32),
                              static_cast<std::uint32_t>(e.subject)};
    assert(b.credits_used.headers >= back.headers && b.credits_used.data >= back.data);
    b.credits_used.headers -= back.headers;
    b.credits_used.data -= back.data;
    issue(b, e.at);
}

/// Sends the next burst of a channel on its way; false when too few tags or credits are free for it.
bool engine::issue_burst(bank& b, channel& c, picoseconds now)
{
    element& e = c.elements.back();
    burst next{.channel = static_cast<std::uint8_t>(number_of(b, c)),
               .epoch = c.epoch,
               .element = c.elements.end() - 1,
               .source = e.source + e.issued,
               .destination = e.destination + e.issued,
               .size = std::min(b.quantum, e.size - e.issued)};
    const link_timing& timing = plane_.timing;
    // Where packets end anyway; so a turn of one packet never takes the credits of two.
    if (b.kind == channel_kind::wr && !timing.grants_all())
        next.size = std::min<std::uint32_t>(next.size, timing.to_page_end(next.destination));
    if (e.aborts && e.issued + std::uint64_t{next.size} >= e.abort_after) {
        next.size = e.abort_after - e.issued;
        next.aborts = true;
    }
    const bool reads = b.kind == channel_kind::rd;
    if (!timing.null() && !(reads ? take_tags(b, next) : take_credits(b, next))) return false;
    e.issued += next.size;
    e.all_issued = next.aborts || e.issued == e.size;
    charge_turn(b, c);
    ++c.bursts;

    event sent{.at = now,
               .subject = b.bursts.end(),
               .kind = event_kind::burst_arrived,
               .engine = static_cast<std::uint8_t>(index_),
               .of = b.kind};
    if (!timing.null() && reads) {
        sent.kind = event_kind::request_arrived;
        sent.at = plane_.cross(outbound_way(), now, timing.request(next.source, asked_for(next.size)));
    } else if (!timing.null()) {
        next.booked = plane_.way(outbound_way()).book(now, timing.write(next.destination, next.size));
        sent.kind = event_kind::burst_sent;
        sent.at = next.booked.end;
    }
    b.bursts.push(next);
    plane_.events.push(sent);
    if (e.all_issued && !next.aborts && c.registers.list_mode) fetch_next(b, c, now);
    return true;
}

/// The far end answers a burst's requests: with the data its memory holds now, and one short
/// completion that says no for what it may not read.
void engine::requests_arrived(bank& b, std::uint64_t number, picoseconds now)
{
    if (!b.bursts.holds(number)) return;
    burst& asked = b.bursts[number];
    asked.held = b.cargo.take();
    asked.answered = true;
    cargo_hold::piece& data = b.cargo[asked.held];
    data.size = static_cast<std::uint32_t>(
        read_from(plane_.inbound(opposite(at_)), asked.source, data.bytes.get(), asked.size));
    picoseconds length = plane_.timing.completion(asked.source, data.size);
    if (data.size == 0 || data.size < asked.size) length += plane_.timing.short_completion();
    asked.booked = plane_.way(opposite(outbound_way())).book(now, length);
    plane_.events.push({.at = asked.booked.end,
                        .subject = number,
                        .kind = event_kind::burst_sent,
                        .engine = static_cast<std::uint8_t>(index_),
                        .of = b.kind});
}

void engine::burst_sent(bank& b, std::uint64_t number, picoseconds now)
{
    if (!b.bursts.holds(number)) return;
    burst& on_way = b.bursts[number];
    const bool reads = b.kind == channel_kind::rd;
    lane& way = plane_.way(reads ? opposite(outbound_way()) : outbound_way());
    event next{.at = on_way.booked.end,
               .subject = number,
               .kind = event_kind::burst_sent,
               .engine = static_cast<std::uint8_t>(index_),
               .of = b.kind};
    if (!way.settle(on_way.booked)) {
        next.at = on_way.booked.end;
        return plane_.events.push(next);
    }
    if (!reads) {
        send_credits_back(b, on_way.credits, now);
        // Nothing can overtake a posted write, so for its engine it is done when it has left.
        return burst_arrived(b, number, now);
    }
    next.kind = event_kind::burst_arrived;
    next.at = now + plane_.timing.flight();
    plane_.events.push(next);
}

void engine::burst_arrived(bank& b, std::uint64_t number, picoseconds now)
{
    if (!b.bursts.holds(number)) return;
    const burst arrived = b.bursts.front();
    b.bursts.pop();
    b.tags_used -= arrived.tags;
    channel& c = b.channels[arrived.channel];
    --c.bursts;
    if (arrived.epoch == c.epoch && move(b, c, arrived, now)) {
        element& e = c.elements[arrived.element];
        e.moved += arrived.size;
        if (arrived.element == c.elements.first()) c.registers.size = e.size - e.moved;
        if (arrived.aborts) {
            abort(b, c, e.cause, now);
        } else if (e.moved == e.size) {
            e.all_moved = true;
            e.shows_at = now + plane_.injected.completion_lag(index_, b.kind, arrived.channel) * ps_per_ns;
            if (e.shows_at > now) schedule(event_kind::retire, b, c, e.shows_at);
            retire(b, c, now);
        }
    }
    if (arrived.answered) b.cargo.give_back(arrived.held);
    settle(b, c, now);
    issue(b, now);
}

/// Takes a burst's bytes a step on; false when that has aborted the channel.
bool engine::move(bank& b, channel& c, const burst& on_way, picoseconds now)
{
    if (plane_.timing.null()) return copy(b, c, on_way, now);
    return b.kind == channel_kind::wr ? post(b, c, on_way, now) : unload(b, c, on_way, now);
}

/// Without a link to cross, bytes go from memory to memory.
bool engine::copy(bank& b, channel& c, const burst& on_way, picoseconds now)
{
    plane_.copied += on_way.size;
    address_map& here = plane_.own(at_);
    address_map& there = plane_.inbound(opposite(at_));
    if (b.kind == channel_kind::wr) {
        const copied done = copy_between(here, on_way.source, there, on_way.destination, on_way.size);
        if (done.source_refused) {
            abort(b, c, abort_cause::local_bus_error, now);
            return false;
        }
        if (!done.destination_refused) return true;
        // Nobody answers a posted write, so the engine does not learn that nobody wanted it.
        note(violation_kind::lost_write, b, c, on_way.destination + done.bytes, now);
        if (plane_.unclaimed_writes_abort) abort(b, c, abort_cause::unnamed, now);
        return !plane_.unclaimed_writes_abort;
    }
    const copied done = copy_between(there, on_way.source, here, on_way.destination, on_way.size);
    if (done.bytes == on_way.size) return true;
    abort(b, c, done.source_refused ? abort_cause::unsupported_request : abort_cause::local_bus_error, now);
    return false;
}

/// Picks up the bytes of a WR burst that has left: the program may reuse their memory now.
bool engine::post(bank& b, channel& c, const burst& leaving, picoseconds now)
{
    if (plane_.unclaimed_writes_abort) {
        const std::uint64_t claimed =
            permitted(plane_.inbound(opposite(at_)), leaving.destination, leaving.size, access::write);
        if (claimed != leaving.size) {
            note(violation_kind::lost_write, b, c, leaving.destination + claimed, now);
            abort(b, c, abort_cause::unnamed, now);
            return false;
        }
    }
    const std::uint32_t number = b.cargo.take();
    cargo_hold::piece& data = b.cargo[number];
    data.destination = leaving.destination;
    data.link_epoch = plane_.link_epoch;
    data.channel = leaving.channel;
    data.size = static_cast<std::uint32_t>(
        read_from(plane_.own(at_), leaving.source, data.bytes.get(), leaving.size));
    const bool complete = data.size == leaving.size;
    plane_.events.push({.at = now + plane_.timing.flight(),
                        .subject = number,
                        .kind = event_kind::landed,
                        .engine = static_cast<std::uint8_t>(index_),
                        .of = b.kind});
    if (!complete) abort(b, c, abort_cause::local_bus_error, now);
    return complete;
}

/// Memory that has been taken out of its map meanwhile is not written: nobody answers a posted
/// write, so the engine does not learn that nobody wanted it.
void engine::land(bank& b, std::uint64_t number, picoseconds now)
{
    const cargo_hold::piece& data = b.cargo[number];
    if (plane_.link_up && data.link_epoch == plane_.link_epoch) {
        const std::uint64_t written =
            write_to(plane_.inbound(opposite(at_)), data.destination, data.bytes.get(), data.size);
        if (written != data.size)
            note(violation_kind::lost_write, b, b.channels[data.channel], data.destination + written, now);
    }
    b.cargo.give_back(static_cast<std::uint32_t>(number));
}

/// Puts the bytes of a RD burst that have come into memory.
bool engine::unload(bank& b, channel& c, const burst& arrived, picoseconds now)
{
    const cargo_hold::piece& data = b.cargo[arrived.held];
    const std::uint64_t written = write_to(plane_.own(at_), arrived.destination, data.bytes.get(), data.size);
    if (written == arrived.size) return true;
    abort(b, c, written == data.size ? abort_cause::unsupported_request : abort_cause::local_bus_error, now);
    return false;
}

} // namespace cf::model
