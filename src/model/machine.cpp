// SPDX-License-Identifier: MIT
//
// The event loop of a machine and the way from a register access to its engine.
#include "model/machine.hpp"

#include "edma/registers.hpp"
#include <counterflow/error.hpp>

#include <algorithm>
#include <limits>
#include <string>

namespace cf::model {
namespace {

/// Events that may follow at once on a null link. A list that runs in circles takes no time there, so
/// the machine stops here and goes on at the next call. So it does behind as many bytes: a caller holds
/// the machine's lock meanwhile.
constexpr unsigned null_events = 1u << 18;
constexpr std::uint64_t null_bytes = std::uint64_t{64} << 20;

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
        : core(plane, index, config, quantum), face(config.face(core, plane))
    {
    }
    engine core;
    std::unique_ptr<register_face> face;
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
    return at.face->load(offset);
}

void machine::store(unsigned engine, std::uint32_t offset, std::uint32_t value, nanoseconds now)
{
    station& at = *stations_[engine];
    if (!plane_.link_up && at.core.across_link()) return;
    at.face->store(offset, value, now * ps_per_ns);
    if (plane_.timing.null()) advance(now);
}

bool machine::nothing_due(nanoseconds now) const noexcept
{
    return plane_.events.empty() || plane_.events.top().at > now * ps_per_ns;
}

/// A store on its way: the offset in the event's subject, below the epoch of the link it belongs to.
void machine::send_store(unsigned engine, std::uint32_t offset, std::uint32_t value, nanoseconds now)
{
    const station& at = *stations_[engine];
    if (null() || (!at.core.across_link() && nothing_due(now))) return store(engine, offset, value, now);
    if (at.face->starts_work(offset)) ++plane_.starts_on_way;
    plane_.events.push({.at = at.core.across_link()
                                  ? plane_.cross(outbound(plane_.near), now * ps_per_ns, plane_.timing.word())
                                  : now * ps_per_ns,
                        .subject = std::uint64_t{plane_.link_epoch} << 32 | offset,
                        .data = value,
                        .kind = event_kind::store,
                        .engine = static_cast<std::uint8_t>(engine)});
}

void machine::store_arrived(const event& e)
{
    station& at = *stations_[e.engine];
    const auto offset = static_cast<std::uint32_t>(e.subject);
    if (at.face->starts_work(offset)) --plane_.starts_on_way;
    if (at.core.across_link() && (!plane_.link_up || e.subject >> 32 != plane_.link_epoch)) return;
    at.face->store(offset, e.data, e.at);
}

/// A load on its way: the address of the caller's record in the event's subject, the epoch in its data.
void machine::send_load(register_load& wanted, nanoseconds now)
{
    const bool across = stations_[wanted.engine]->core.across_link();
    wanted.answered = null() || (!across && nothing_due(now));
    if (wanted.answered) {
        wanted.value = load(wanted.engine, wanted.offset);
        return;
    }
    plane_.events.push({.at = across ? plane_.cross(outbound(plane_.near), now * ps_per_ns,
                                                    plane_.timing.request(0, sizeof wanted.value))
                                     : now * ps_per_ns,
                        .subject = reinterpret_cast<std::uintptr_t>(&wanted),
                        .data = plane_.link_epoch,
                        .kind = event_kind::load,
                        .engine = static_cast<std::uint8_t>(wanted.engine)});
}

void machine::load_arrived(const event& e)
{
    auto& wanted = *reinterpret_cast<register_load*>(e.subject);
    const bool across = stations_[e.engine]->core.across_link();
    const bool lost = across && (!plane_.link_up || e.data != plane_.link_epoch);
    wanted.value = lost ? edma::all_ones : load(wanted.engine, wanted.offset);
    event answer = e;
    answer.kind = event_kind::load_answer;
    if (lost)
        answer.at = e.at + plane_.timing.flight();
    else if (across)
        answer.at = plane_.cross(opposite(outbound(plane_.near)), e.at, plane_.timing.short_completion());
    plane_.events.push(answer);
}

void machine::advance(nanoseconds now)
{
    const std::uint64_t enough = plane_.copied + null_bytes;
    for (unsigned n = 0; !null() || (n < null_events && plane_.copied < enough); ++n)
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
    if (witness_) witness_->happened(e);
    switch (e.kind) {
    case event_kind::store: return store_arrived(e);
    case event_kind::load: return load_arrived(e);
    case event_kind::load_answer: reinterpret_cast<register_load*>(e.subject)->answered = true; return;
    case event_kind::interrupt:
    case event_kind::message_sent:
    case event_kind::message:
    case event_kind::message_taken: return plane_.handle_signal(e, sink_);
    default: return stations_[e.engine]->core.handle(e);
    }
}

nanoseconds machine::patience() const noexcept
{
    if (plane_.starts_on_way != 0) return 0;
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
    if (!up) ++plane_.link_epoch;
    for (const auto& at : stations_) {
        if (at->core.across_link()) at->face->reset();
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
