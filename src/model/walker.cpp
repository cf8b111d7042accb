// SPDX-License-Identifier: MIT
//
// The list walker. One element is fetched ahead: as soon as the last burst of an element is on
// its way, the walker asks for the next, as hardware does. When it meets the end of the list
// while earlier elements are under way it looks again each time one of them is done, and the
// channel stops when the last is done and there is still nothing.
#include "model/engine.hpp"

#include "edma/registers.hpp"

#include <atomic>
#include <cstring>

namespace cf::model {
namespace {

using edma::data_element;
using edma::link_element;
namespace ctl = edma::ctl;

/// Links in a row without a data element between them. A list that needs more goes nowhere.
constexpr unsigned most_links = 64;

constexpr std::uint64_t address_of(std::uint32_t low, std::uint32_t high) noexcept
{
    return std::uint64_t{high} << 32 | low;
}

/// Reads an element's control word. Whoever published the element stored it last and with
/// release order, so the rest of the element may be read after it.
std::uint32_t acquire_control(const std::byte* element) noexcept
{
    auto* const word = reinterpret_cast<std::uint32_t*>(const_cast<std::byte*>(element));
    return std::atomic_ref(*word).load(std::memory_order_acquire);
}

bool aligned(const std::byte* element) noexcept
{
    return reinterpret_cast<std::uintptr_t>(element) % alignof(std::uint32_t) == 0;
}

template <class T>
T read_as(const std::byte* memory) noexcept
{
    T value;
    std::memcpy(&value, memory, sizeof value);
    return value;
}

} // namespace

void engine::start(bank& b, channel& c, picoseconds now)
{
    if (!c.registers.list_mode) return schedule(event_kind::fetched, b, c, now);
    fetch_next(b, c, now);
}

void engine::fetch_next(bank& b, channel& c, picoseconds now)
{
    c.walking = walk::fetching;
    if (plane_.timing.null()) return read_list(b, c, now);
    const memory_range* const range = plane_.own(at_).find(c.next);
    if (range && range->across_link)
        schedule(event_kind::list_request, b, c, now);
    else
        read_list(b, c, now);
}

/// A list on the engine's own bus is read at once, and at the walker a little later: what is
/// published in between is not seen.
void engine::read_list(bank& b, channel& c, picoseconds now)
{
    if (latch(b, c, event_kind::list_read, now)) schedule(event_kind::fetched, b, c, now + plane_.list_fetch);
}

/// A list across the link costs a read request there and a short completion back. It is read when
/// the request arrives.
void engine::request_list(bank& b, channel& c, picoseconds now)
{
    schedule(event_kind::list_answer, b, c,
             plane_.cross(outbound_way(), now, plane_.timing.request(0, sizeof(data_element))));
}

void engine::answer_list(bank& b, channel& c, picoseconds now)
{
    if (!latch(b, c, event_kind::list_answer, now)) return;
    const picoseconds length = plane_.timing.completion(0, sizeof(data_element));
    schedule(event_kind::fetched, b, c,
             plane_.cross(opposite(outbound_way()), now, length) + plane_.list_fetch);
}

/// Reads the element at the walker's place. False when it was published only after this event was
/// due, and is `again` read when it was there.
bool engine::latch(bank& b, channel& c, event_kind again, picoseconds now)
{
    c.found = read_element(c);
    if (!plane_.real_time || c.found.is != found_element::what::data) return true;
    if (c.seen.empty()) look_ahead(c, plane_.reached + list_lag());
    if (c.seen.empty()) // taken back between two looks: as if it had never been there
        c.found.is = found_element::what::other_lap;
    else if (c.seen.front() > now) {
        schedule(again, b, c, c.seen.front());
        return false;
    }
    return true;
}

/// What lies at the walker's place. Of an element of another lap only the control word is looked
/// at: its owner may be writing the rest.
engine::found_element engine::read_element(channel& c) noexcept
{
    using what = found_element::what;
    address_map& map = plane_.own(at_);
    const std::byte* const at = map.translate(c.next, sizeof(link_element), access::read);
    if (!at || !aligned(at)) return {};
    found_element found{.control = acquire_control(at)};
    const bool fits = ((found.control & ctl::cycle) != 0) == c.next_cycle;
    const bool is_link = (found.control & ctl::link) != 0;
    // A toggling link is followed whatever its cycle bit: drivers write all kinds into it.
    if (!fits && !(is_link && (found.control & ctl::toggle_cycle))) {
        found.is = what::other_lap;
    } else if (is_link) {
        const auto link = read_as<link_element>(at);
        found.is = what::link;
        found.source = address_of(link.llp_low, link.llp_high);
    } else if (map.translate(c.next, sizeof(data_element), access::read)) {
        const auto data = read_as<data_element>(at);
        found.is = what::data;
        found.size = data.size;
        found.source = address_of(data.sar_low, data.sar_high);
        found.destination = address_of(data.dar_low, data.dar_high);
    }
    return found;
}

/// What a program writes into the list of an engine across the link gets there by posted writes.
void engine::look(picoseconds now)
{
    const picoseconds landed = now + list_lag();
    for (bank& b : banks_)
        for (channel& c : b.channels)
            if (c.running() && c.registers.list_mode) look_ahead(c, landed);
}

/// Walks on from what has been seen, without taking anything up.
void engine::look_ahead(channel& c, picoseconds now)
{
    if (c.seen.empty()) {
        c.seen_to = c.next;
        c.seen_cycle = c.next_cycle;
    }
    for (unsigned links = 0; !c.seen.full() && links <= most_links;) {
        std::byte* const at = plane_.own(at_).translate(c.seen_to, sizeof(link_element), access::read);
        if (!at || !aligned(at)) return;
        const std::uint32_t control = acquire_control(at);
        const bool fits = ((control & ctl::cycle) != 0) == c.seen_cycle;
        if (!fits && (control & (ctl::link | ctl::toggle_cycle)) != (ctl::link | ctl::toggle_cycle)) return;
        if ((control & ctl::link) == 0) {
            c.seen.push(now);
            c.seen_to += sizeof(data_element);
            continue;
        }
        const auto link = read_as<link_element>(at);
        if (control & ctl::toggle_cycle) c.seen_cycle = !c.seen_cycle;
        c.seen_to = address_of(link.llp_low & ~3u, link.llp_high);
        ++links;
    }
}

void engine::element_arrived(bank& b, channel& c, picoseconds now)
{
    if (b.disabling || c.stopping) {
        c.walking = walk::idle;
        return settle(b, c, now);
    }
    const channel_registers& r = c.registers;
    if (!r.list_mode) {
        c.walking = walk::idle;
        return take_up(
            b, c, {.control = r.control, .size = r.size, .source = r.source, .destination = r.destination},
            now);
    }
    if (c.elements.full()) {
        c.walking = walk::full;
        return;
    }
    const found_element& found = c.found;
    switch (found.is) {
    case found_element::what::unreadable: return fail_fetch(b, c, now);
    case found_element::what::other_lap: c.walking = walk::ended; return settle(b, c, now);
    case found_element::what::link: return follow_link(b, c, found, now);
    case found_element::what::data: break;
    }
    if (!c.seen.empty()) c.seen.pop();
    const element e{.position = c.next,
                    .after = c.next + sizeof(data_element),
                    .cycle = c.next_cycle,
                    .after_cycle = c.next_cycle,
                    .control = found.control,
                    .size = found.size,
                    .source = found.source,
                    .destination = found.destination};
    c.next = e.after;
    c.links = 0;
    c.walking = walk::idle;
    take_up(b, c, e, now);
}

void engine::follow_link(bank& b, channel& c, const found_element& link, picoseconds now)
{
    if (++c.links > most_links) {
        note(violation_kind::link_loop, b, c, c.next, now);
        return fail_fetch(b, c, now);
    }
    if (link.source % 4 != 0) note(violation_kind::unaligned_list, b, c, link.source & 0xffff'ffff, now);
    if (link.control & ctl::toggle_cycle) {
        c.next_cycle = !c.next_cycle;
        if (((link.control & ctl::cycle) != 0) != c.next_cycle)
            note(violation_kind::toggle_link_cycle, b, c, c.next, now);
    }
    c.next = link.source & ~std::uint64_t{3};
    // The position moves over the link together with the element before it.
    if (c.elements.empty()) {
        c.registers.position = c.next;
        c.registers.cycle = c.next_cycle;
    } else {
        c.elements.back().after = c.next;
        c.elements.back().after_cycle = c.next_cycle;
    }
    fetch_next(b, c, now);
}

/// The element at the walker cannot be had: the channel aborts there once all before it is done.
void engine::fail_fetch(bank& b, channel& c, picoseconds now)
{
    c.walking = walk::idle;
    c.elements.push({.position = c.next, .cycle = c.next_cycle, .all_issued = true, .fetch_failed = true});
    retire(b, c, now);
}

void engine::take_up(bank& b, channel& c, element e, picoseconds now)
{
    const unsigned number = number_of(b, c);
    if (const auto planned = plane_.injected.plan(index_, b.kind, number, e.source, e.destination, e.size)) {
        e.aborts = true;
        e.abort_after = static_cast<std::uint32_t>(planned->after_bytes);
        e.cause = planned->cause;
    }
    if (const auto hang = plane_.injected.hangs(index_, b.kind, number)) {
        c.hung = true;
        c.hung_for_good = hang->survives_reset;
    }
    if (e.size == 0) {
        note(violation_kind::zero_size, b, c, e.position, now);
        e.all_issued = e.all_moved = !e.aborts;
    }
    c.elements.push(e);
    if (c.elements.size() == 1) show_front(c);
    if (!e.all_moved) return issue(b, now);
    if (c.registers.list_mode) fetch_next(b, c, now);
    retire(b, c, now);
}

} // namespace cf::model
