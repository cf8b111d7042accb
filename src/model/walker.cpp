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
std::uint32_t acquire_control(std::byte* element) noexcept
{
    return std::atomic_ref(*reinterpret_cast<std::uint32_t*>(element)).load(std::memory_order_acquire);
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
    const memory_range* const range = plane_.own(at_).find(c.next);
    if (range && range->across_link && !plane_.timing.null())
        schedule(event_kind::list_request, b, c, now);
    else
        schedule(event_kind::fetched, b, c, now + plane_.list_fetch);
}

/// A list across the link costs a read request there and a short completion back.
void engine::request_list(bank& b, channel& c, picoseconds now)
{
    const link_timing& timing = plane_.timing;
    schedule(event_kind::list_answer, b, c,
             plane_.cross(outbound_way(), now, timing.request(0, sizeof(data_element))));
}

void engine::answer_list(bank& b, channel& c, picoseconds now)
{
    const link_timing& timing = plane_.timing;
    schedule(event_kind::fetched, b, c,
             plane_.cross(opposite(outbound_way()), now, timing.completion(0, sizeof(data_element))) +
                 plane_.list_fetch);
}

void engine::look(picoseconds now)
{
    for (bank& b : banks_)
        for (channel& c : b.channels)
            if (c.running() && c.registers.list_mode) look_ahead(c, now);
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
    std::byte* const at = plane_.own(at_).translate(c.next, sizeof(link_element), access::read);
    if (!at || !aligned(at)) return fail_fetch(b, c, now);
    const std::uint32_t control = acquire_control(at);
    if (control & ctl::link) return follow_link(b, c, control, at, now);
    if (((control & ctl::cycle) != 0) != c.next_cycle) {
        c.walking = walk::ended;
        return settle(b, c, now);
    }
    if (!plane_.own(at_).translate(c.next, sizeof(data_element), access::read)) return fail_fetch(b, c, now);
    if (plane_.real_time) {
        if (c.seen.empty()) look_ahead(c, plane_.reached);
        if (c.seen.empty()) { // taken back between two looks: as if it had never been there
            c.walking = walk::ended;
            return settle(b, c, now);
        }
        // Published after this event was due: the hardware would have found it only then.
        if (c.seen.front() > now) return schedule(event_kind::fetched, b, c, c.seen.front());
        c.seen.pop();
    }
    const auto data = read_as<data_element>(at);
    const element e{.position = c.next,
                    .after = c.next + sizeof(data_element),
                    .cycle = c.next_cycle,
                    .after_cycle = c.next_cycle,
                    .control = control,
                    .size = data.size,
                    .source = address_of(data.sar_low, data.sar_high),
                    .destination = address_of(data.dar_low, data.dar_high)};
    c.next = e.after;
    c.links = 0;
    c.walking = walk::idle;
    take_up(b, c, e, now);
}

/// A link with a cycle bit of the wrong lap is not followed, unless it toggles: drivers write
/// all kinds of cycle bit into the link that closes their ring, so there it does not count.
void engine::follow_link(bank& b, channel& c, std::uint32_t control, const std::byte* link, picoseconds now)
{
    const bool cycle = (control & ctl::cycle) != 0;
    const bool toggles = (control & ctl::toggle_cycle) != 0;
    if (!toggles && cycle != c.next_cycle) {
        c.walking = walk::ended;
        return settle(b, c, now);
    }
    if (++c.links > most_links) {
        note(violation_kind::link_loop, b, c, c.next, now);
        return fail_fetch(b, c, now);
    }
    const auto next = read_as<link_element>(link);
    if (next.llp_low % 4 != 0) note(violation_kind::unaligned_list, b, c, next.llp_low, now);
    if (toggles) {
        c.next_cycle = !c.next_cycle;
        if (cycle != c.next_cycle) note(violation_kind::toggle_link_cycle, b, c, c.next, now);
    }
    c.next = address_of(next.llp_low & ~3u, next.llp_high);
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
