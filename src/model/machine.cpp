// SPDX-License-Identifier: MIT
//
// The event loop of a machine and the way from a register access to its engine.
#include "model/machine.hpp"

#include "edma/registers.hpp"
#include "model/edma_v0.hpp"
#include <counterflow/error.hpp>

#include <algorithm>
#include <limits>
#include <string>

namespace cf::model {
namespace {

/// Events that may follow at once on a null link. A list that runs in circles takes no time there, so
/// the machine stops here and goes on at the next call.
constexpr unsigned null_events = 1u << 18;

void check_channels(const char* kind, unsigned count)
{
    if (count >= 1 && count <= edma::max_channels) return;
    throw error(errc::bad_argument,
                std::string("engine with ") + std::to_string(count) + " " + kind + " channels (1..8)");
}

const machine_config& checked(const machine_config& config)
{
    if (config.engines.empty() || config.engines.size() > 2)
        throw error(errc::bad_argument,
                    "machine with " + std::to_string(config.engines.size()) + " engines (1 or 2)");
    for (const engine_config& engine : config.engines) {
        check_channels("WR", engine.wr);
        check_channels("RD", engine.rd);
    }
    return config;
}

} // namespace

struct machine::station {
    station(backplane& plane, unsigned index, const engine_config& config, std::uint32_t quantum)
        : core(plane, index, config, quantum), face(core, plane)
    {
    }
    engine core;
    edma_v0 face;
};

machine::machine(const machine_config& config, signal_sink& sink)
    : plane_(checked(config),
             config.packet_bytes_per_s != 0 ? config.packet_bytes_per_s : packet_bandwidth(config.link)),
      sink_(sink)
{
    for (unsigned i = 0; i < config.engines.size(); ++i)
        stations_.push_back(std::make_unique<station>(plane_, i, config.engines[i], config.quantum));
}

machine::~machine() = default;

std::uint32_t machine::load(unsigned engine, std::uint32_t offset) const noexcept
{
    const station& at = *stations_[engine];
    if (!plane_.link_up && at.core.across_link()) return edma::all_ones;
    return at.face.load(offset);
}

void machine::store(unsigned engine, std::uint32_t offset, std::uint32_t value, nanoseconds now)
{
    station& at = *stations_[engine];
    if (!plane_.link_up && at.core.across_link()) return;
    at.face.store(offset, value, now * ps_per_ns);
    if (plane_.timing.null()) advance(now);
}

void machine::advance(nanoseconds now)
{
    const bool null = plane_.timing.null();
    for (unsigned n = 0; !null || n < null_events; ++n)
        if (!advance_one(now)) return;
}

bool machine::advance_one(nanoseconds now)
{
    if (plane_.events.empty() || plane_.events.top().at > now * ps_per_ns) return false;
    plane_.reached = now * ps_per_ns;
    dispatch(plane_.events.pop());
    return true;
}

void machine::look(nanoseconds now)
{
    if (!plane_.real_time) return;
    for (const auto& at : stations_) at->core.look(now * ps_per_ns);
}

std::optional<nanoseconds> machine::next_event() const noexcept
{
    if (plane_.events.empty()) return std::nullopt;
    return (plane_.events.top().at + ps_per_ns - 1) / ps_per_ns;
}

void machine::dispatch(const event& e)
{
    switch (e.kind) {
    case event_kind::interrupt_sent:
    case event_kind::interrupt:
    case event_kind::message_sent:
    case event_kind::message: return plane_.handle_signal(e, sink_);
    default: return stations_[e.engine]->core.handle(e);
    }
}

nanoseconds machine::patience() const noexcept
{
    std::uint64_t least = std::numeric_limits<std::uint64_t>::max();
    for (const auto& at : stations_)
        for (const channel_kind kind : {channel_kind::wr, channel_kind::rd})
            if (at->core.running(kind)) least = std::min(least, at->core.backlog(kind));
    if (least == std::numeric_limits<std::uint64_t>::max()) return 0;
    return plane_.timing.wire(least) / ps_per_ns / 4;
}

void machine::set_link(bool up, nanoseconds now)
{
    if (plane_.link_up == up) return;
    plane_.link_up = up;
    for (const auto& at : stations_) {
        if (at->core.across_link()) at->face.reset();
        at->core.link_changed(now * ps_per_ns);
    }
    if (plane_.timing.null()) advance(now);
}

void machine::reset(nanoseconds now)
{
    const bool up = plane_.link_up;
    set_link(false, now);
    set_link(up, now);
}

} // namespace cf::model
