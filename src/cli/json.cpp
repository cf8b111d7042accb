// SPDX-License-Identifier: MIT
//
// A run as JSON.
#include "cli/json.hpp"

#include "cli/format.hpp"

#include <cmath>

namespace cf::cli {
namespace {

/// JSON has no infinity.
json finite(double value) { return std::isfinite(value) ? json(value) : json(nullptr); }

json quantiles(const histogram& h)
{
    if (h.count() == 0) return nullptr;
    return {{"min", h.min()},         {"mean", h.mean()},        {"p50", h.quantile(0.5)},
            {"p90", h.quantile(0.9)}, {"p99", h.quantile(0.99)}, {"p999", h.quantile(0.999)},
            {"max", h.max()}};
}

json simulation_json(const run_record& run)
{
    if (!run.simulation) return nullptr;
    const simulation_record& s = *run.simulation;
    return {{"events", s.events},
            {"event_hash", hexadecimal(s.hash)},
            {"wall_seconds", s.wall_seconds},
            {"transfers_per_wall_second",
             s.wall_seconds > 0 ? json(static_cast<double>(run.transfers()) / s.wall_seconds) : nullptr}};
}

json direction_json(const std::optional<direction_record>& d)
{
    if (!d) return nullptr;
    const double rate = d->rate();
    return {{"bytes", d->bytes},
            {"transfers", d->transfers},
            {"seconds", d->seconds},
            {"gbytes_per_s", rate / 1e9},
            {"ceiling_gbytes_per_s", finite(d->ceiling / 1e9)},
            {"utilisation", std::isfinite(d->ceiling) && d->ceiling > 0 ? json(rate / d->ceiling) : nullptr},
            {"latency_ns", quantiles(d->latency)}};
}

} // namespace

json to_json(const link_parameters& link)
{
    if (link.null())
        return {{"generation", 0}, {"lanes", nullptr}, {"mps_bytes", nullptr}, {"mrrs_bytes", nullptr}};
    return {{"generation", link.generation},
            {"lanes", link.lanes},
            {"mps_bytes", link.mps_bytes},
            {"mrrs_bytes", link.mrrs_bytes}};
}

json to_json(const run_record& run)
{
    json out;
    out["command"] = run.command;
    out["version"] = COUNTERFLOW_VERSION;
    out["device"] = run.device;
    out["started"] = run.started;
    out["link"] = to_json(run.link);
    out["transfer_bytes"] = run.transfer_bytes;
    out["outstanding"] = run.outstanding;
    out["seconds"] = run.seconds;
    out["virtual_time"] = run.simulation.has_value();
    for (const direction d : both_directions) out[std::string(to_string(d))] = direction_json(run.of(d));
    const std::optional<double> fairness = run.fairness();
    out["fairness"] = fairness ? json(*fairness) : json(nullptr);
    out["cpu_ns_per_transfer"] = run.transfers() ? json(run.cpu_ns_per_transfer()) : json(nullptr);
    out["cpu_share"] = run.seconds > 0 ? json(run.cpu_seconds / run.seconds) : json(nullptr);
    out["process_cpu_share"] =
        run.seconds > 0 && !run.simulation ? json(run.process_cpu_seconds / run.seconds) : json(nullptr);
    out["simulation"] = simulation_json(run);
    out["verified"] = run.verified ? json(*run.verified) : json(nullptr);
    out["errors"] = run.errors;
    return out;
}

std::string text_of(const json& object)
{
    return object.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

} // namespace cf::cli
