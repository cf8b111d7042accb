// SPDX-License-Identifier: MIT
//
// The arbiter and the movement of bursts. WR keeps one burst in the link's queue and takes the
// next turn when its last packet has left; RD sends requests as long as tags are free, and its
// data has moved when the completions have arrived.
#include "model/engine.hpp"

#include <algorithm>

namespace cf::model {

bool engine::has_work(const channel& c) const noexcept
{
    return c.running() && !c.stopping && !c.hung && !c.elements.empty() && !c.elements.back().all_issued;
}

/// Weighted round robin: a channel keeps its turn for as many bursts as its weight says.
engine::channel* engine::choose(bank& b) noexcept
{
    if (b.credit != 0 && has_work(b.channels[b.turn])) return &b.channels[b.turn];
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
    if (number != b.turn || b.credit == 0) {
        b.turn = number;
        b.credit = c.weight;
    }
    --b.credit;
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

/// Sends the next burst of a channel on its way; false when too few tags are free for it.
bool engine::issue_burst(bank& b, channel& c, picoseconds now)
{
    element& e = c.elements.back();
    burst next{.channel = static_cast<std::uint8_t>(number_of(b, c)),
               .epoch = c.epoch,
               .element = c.elements.end() - 1,
               .source = e.source + e.issued,
               .destination = e.destination + e.issued,
               .size = std::min(b.quantum, e.size - e.issued)};
    if (e.aborts && e.issued + std::uint64_t{next.size} >= e.abort_after) {
        next.size = e.abort_after - e.issued;
        next.aborts = true;
    }
    const link_timing& timing = plane_.timing;
    const bool reads = b.kind == channel_kind::rd;
    // What aborts before its first byte still takes a request to find out.
    const std::uint32_t asked = std::max(next.size, 1u);
    if (reads && !timing.null()) {
        next.tags = static_cast<std::uint32_t>(timing.requests(next.source, asked));
        if (b.tags_used != 0 && b.tags_used + next.tags > timing.tags()) return false;
        b.tags_used += next.tags;
    }
    e.issued += next.size;
    e.all_issued = next.aborts || e.issued == e.size;
    charge_turn(b, c);
    ++c.bursts;

    event sent{.at = now,
               .subject = b.bursts.end(),
               .kind = event_kind::burst_arrived,
               .engine = static_cast<std::uint8_t>(index_),
               .of = b.kind};
    lane& way = plane_.way(outbound_way());
    if (!timing.null() && reads) {
        sent.kind = event_kind::request_arrived;
        sent.at =
            way.slip_in(now, timing.request(next.source, asked), timing.longest_packet()) + timing.flight();
    } else if (!timing.null()) {
        next.booked = way.book(now, timing.write(next.destination, next.size));
        sent.kind = event_kind::burst_sent;
        sent.at = next.booked.end;
    }
    b.bursts.push(next);
    plane_.events.push(sent);
    if (e.all_issued && !next.aborts && c.registers.list_mode) fetch_next(b, c, now);
    return true;
}

/// The far end answers a burst's requests: with data, or with one short completion that says no.
void engine::requests_arrived(bank& b, std::uint64_t number, picoseconds now)
{
    if (!b.bursts.holds(number)) return;
    burst& asked = b.bursts[number];
    const memory_range* const range = plane_.inbound(opposite(at_)).find(asked.source);
    const bool refused = asked.size == 0 || !range || !permits(range->allowed, access::read);
    const picoseconds length =
        refused ? plane_.timing.short_completion() : plane_.timing.completion(asked.source, asked.size);
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
    // A posted write is done for its engine when it has left; nothing can overtake it.
    if (!reads) return burst_arrived(b, number, now);
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
    settle(b, c, now);
    issue(b, now);
}

/// Copies a burst's bytes; false when that has aborted the channel.
bool engine::move(bank& b, channel& c, const burst& on_way, picoseconds now)
{
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

} // namespace cf::model
