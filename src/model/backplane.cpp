// SPDX-License-Identifier: MIT
//
// Signals on their way: an engine's line to the program beside it, and IMWr messages, which are
// posted writes of one word: they take their place on the link and arrive behind the data. Where
// no memory answers to its address, a message is an interrupt.
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

void backplane::raise_line(unsigned engine, picoseconds now)
{
    if (engine_at_[engine] != near) return;
    const faults::delivery delivery = injected.deliver_interrupt(engine);
    for (unsigned copy = 0; copy < delivery.copies; ++copy)
        events.push({.at = now + (delivery.delay + copy * delivery.apart) * ps_per_ns + interrupt_time,
                     .kind = event_kind::interrupt,
                     .engine = static_cast<std::uint8_t>(engine)});
}

void backplane::post_message(unsigned engine, std::uint64_t address, std::uint32_t data, picoseconds now)
{
    const bool memory = inbound(opposite(engine_at_[engine])).find(address) != nullptr;
    const faults::delivery delivery =
        memory ? injected.deliver_message(engine) : injected.deliver_interrupt(engine);
    for (unsigned copy = 0; copy < delivery.copies; ++copy)
        events.push({.at = now + (delivery.delay + copy * delivery.apart) * ps_per_ns,
                     .subject = address,
                     .data = data,
                     .kind = timing.null() ? event_kind::message : event_kind::message_sent,
                     .engine = static_cast<std::uint8_t>(engine)});
}

void backplane::handle_signal(const event& e, signal_sink& sink)
{
    if (e.kind == event_kind::interrupt) return sink.interrupt(e.engine);
    const port_end from = engine_at_[e.engine];
    const port_end to = opposite(from);
    event next = e;
    if (e.kind == event_kind::message_taken) {
        if (!sink.message(to, e.subject, e.data))
            notes.note(
                {violation_kind::lost_message, e.engine, channel_kind::wr, 0, e.subject, e.at / ps_per_ns});
        return;
    }
    if (!link_up) return;
    if (e.kind == event_kind::message_sent) {
        next.kind = event_kind::message;
        next.at = way(outbound(from)).slip_in(e.at, timing.word(), timing.longest_packet()) + timing.flight();
        return events.push(next);
    }
    std::byte* const word = inbound(to).translate(e.subject, sizeof e.data, access::write);
    if (word && reinterpret_cast<std::uintptr_t>(word) % sizeof e.data == 0) {
        std::atomic_ref(*reinterpret_cast<std::uint32_t*>(word)).store(e.data, std::memory_order_release);
        return;
    }
    next.kind = event_kind::message_taken;
    next.at = e.at + interrupt_time;
    events.push(next);
}

} // namespace cf::model
