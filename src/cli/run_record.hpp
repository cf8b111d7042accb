// SPDX-License-Identifier: MIT
//
// Everything that is known of one run, as plain data: bench, copy and duplex fill it in; the
// human table, the JSON object, the report and the trace are made from it and nothing else.
#pragma once

#include "cli/histogram.hpp"
#include <counterflow/direction.hpp>
#include <counterflow/link.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace cf::cli {

/// What one direction did in the measured time.
struct direction_record {
    std::uint64_t bytes = 0;     ///< payload of completed transfers
    std::uint64_t transfers = 0; ///< completed
    double ceiling = 0;          ///< bytes/s; infinity on a null link
    double seconds = 0; ///< in which they moved: the measured time, or the direction's own part of it
    histogram latency;  ///< of transfers, start of the await to its end, ns

    /// Bytes a second.
    double rate() const noexcept { return seconds > 0 ? static_cast<double>(bytes) / seconds : 0; }
};

/// Payload that crossed in a slice of the run, for the throughput chart.
struct rate_sample {
    double end_s = 0;                     ///< since the start of the measured time
    double span_s = 0;                    ///< > 0
    std::array<std::uint64_t, 2> bytes{}; ///< by direction

    double rate(direction d) const noexcept
    {
        return static_cast<double>(bytes[static_cast<std::size_t>(d)]) / span_s;
    }
};

/// One list element's life on its channel, for the trace.
struct segment_record {
    std::uint64_t queued_ns = 0; ///< handed to the engine; the clock is the run's own
    std::uint64_t done_ns = 0;   ///< known to be done
    std::uint64_t bytes = 0;
    unsigned channel = 0; ///< index into run_record::channels
    transfer_kind kind = transfer_kind::write;
    bool failed = false;
};

/// Of a run in virtual time.
struct simulation_record {
    std::uint64_t events = 0; ///< since the device was opened
    std::uint64_t hash = 0;   ///< of all of them: the same run has the same
    double wall_seconds = 0;  ///< of real time in which the measured time was simulated
};

struct run_record {
    std::string command; ///< "bench", "copy", "duplex"
    std::string device;  ///< the spec
    std::string started; ///< local time, ISO 8601
    link_parameters link;
    port_end near = port_end::root_port;
    std::vector<std::string> channels;                      ///< by index: "remote WR0"
    std::vector<std::pair<std::string, std::string>> facts; ///< of the device and the run, for people

    std::uint64_t transfer_bytes = 0;
    unsigned outstanding = 0;                    ///< transfers in flight a direction
    double seconds = 0;                          ///< measured time, on the device's clock
    std::optional<simulation_record> simulation; ///< in virtual time only
    double cpu_seconds = 0;         ///< of the application's thread, in the measured time and on its clock
    double process_cpu_seconds = 0; ///< of all threads, a modelled device included; in real time only

    std::array<std::optional<direction_record>, 2> directions; ///< none: did not run
    std::optional<bool> verified;                              ///< none: was not checked
    std::uint64_t errors = 0;

    std::vector<rate_sample> samples;
    std::vector<segment_record> segments; ///< in order of completion
    std::uint64_t segments_dropped = 0;   ///< beyond what the recording holds
    std::uint64_t trace_start_ns = 0;     ///< zero of the trace, on the segments' clock

    const std::optional<direction_record>& of(direction d) const noexcept
    {
        return directions[static_cast<std::size_t>(d)];
    }
    std::optional<direction_record>& of(direction d) noexcept
    {
        return directions[static_cast<std::size_t>(d)];
    }

    std::uint64_t transfers() const noexcept
    {
        std::uint64_t n = 0;
        for (const auto& d : directions)
            if (d) n += d->transfers;
        return n;
    }

    /// Utilisation of the emptier direction over that of the fuller one, 1 when both are alike; none when
    /// not both ran. Without ceilings the rates themselves are compared.
    std::optional<double> fairness() const noexcept
    {
        if (!directions[0] || !directions[1]) return std::nullopt;
        std::array<double, 2> used{directions[0]->rate(), directions[1]->rate()};
        for (std::size_t i = 0; i < 2; ++i)
            if (std::isfinite(directions[i]->ceiling)) used[i] /= directions[i]->ceiling;
        const double most = std::max(used[0], used[1]);
        if (!(most > 0)) return std::nullopt;
        return std::min(used[0], used[1]) / most;
    }

    double cpu_ns_per_transfer() const noexcept
    {
        const std::uint64_t n = transfers();
        return n ? cpu_seconds * 1e9 / static_cast<double>(n) : 0;
    }
};

inline constexpr std::array both_directions{direction::rp_to_ep, direction::ep_to_rp};

} // namespace cf::cli
