// SPDX-License-Identifier: MIT
//
// Signals on their way: interrupts to the program and IMWr messages into memory. They are posted
// writes of one word, so they take their place on the link and arrive behind the data.
#include "model/backplane.hpp"

#include <atomic>

namespace cf::model {

backplane::backplane(const machine_config& config, double packet_bytes_per_s)
    : timing(config.link, packet_bytes_per_s, config.completion_bytes),
      near(config.near),
      list_fetch(timing.null() ? 0 : config.list_fetch_ns * ps_per_ns),
      interrupt_time(config.interrupt_ns * ps_per_ns),
      real_time(config.real_time),
      unclaimed_writes_abort(config.unclaimed_writes_abort),
      notes(config.strict)
{
    for (std::size_t i = 0; i < config.engines.size(); ++i) engine_at_[i] = config.engines[i].at;
}

void backplane::raise_interrupt(unsigned engine, picoseconds now)
{
    const faults::delivery delivery = injected.deliver_interrupt(engine);
    const bool crosses = engine_at_[engine] != near && !timing.null();
    const picoseconds at = now + delivery.delay * ps_per_ns + (crosses ? 0 : interrupt_time);
    for (unsigned copy = 0; copy < delivery.copies; ++copy)
        events.push({.at = at + copy * delivery.apart * ps_per_ns,
                     .kind = crosses ? event_kind::interrupt_sent : event_kind::interrupt,
                     .engine = static_cast<std::uint8_t>(engine)});
}

void backplane::post_message(unsigned engine, std::uint64_t address, std::uint32_t data, picoseconds now)
{
    const faults::delivery delivery = injected.deliver_message(engine);
    for (unsigned copy = 0; copy < delivery.copies; ++copy)
        events.push({.at = now + (delivery.delay + copy * delivery.apart) * ps_per_ns,
                     .subject = address,
                     .data = data,
                     .kind = timing.null() ? event_kind::message : event_kind::message_sent,
                     .engine = static_cast<std::uint8_t>(engine)});
}

void backplane::handle_signal(const event& e, signal_sink& sink)
{
    const port_end from = engine_at_[e.engine];
    event next = e;
    const auto cross = [&] {
        return way(outbound(from)).slip_in(e.at, timing.word(), timing.longest_packet()) + timing.flight();
    };
    switch (e.kind) {
    case event_kind::interrupt_sent:
        if (!link_up) return;
        next.kind = event_kind::interrupt;
        next.at = cross() + interrupt_time;
        return events.push(next);
    case event_kind::message_sent:
        if (!link_up) return;
        next.kind = event_kind::message;
        next.at = cross();
        return events.push(next);
    case event_kind::interrupt: return sink.interrupt(e.engine);
    default: break;
    }
    if (!link_up) return;
    const port_end to = opposite(from);
    std::byte* const word = inbound(to).translate(e.subject, sizeof e.data, access::write);
    if (word && reinterpret_cast<std::uintptr_t>(word) % sizeof e.data == 0)
        std::atomic_ref(*reinterpret_cast<std::uint32_t*>(word)).store(e.data, std::memory_order_release);
    else if (!sink.message(to, e.subject, e.data))
        notes.note(
            {violation_kind::lost_message, e.engine, channel_kind::wr, 0, e.subject, e.at / ps_per_ns});
}

} // namespace cf::model
