// SPDX-License-Identifier: MIT
//
// survey: one link simulated at many points, size by outstanding transfers by channels, and for each what it
// reaches and what holds it back. For `counterflow plan`.
#pragma once

#include <counterflow/link.hpp>
#include <counterflow/spec.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace cf::cli {

/// What keeps a point from its ceilings: what helps most when it is taken away.
enum class limit : std::uint8_t {
    link,      ///< nothing: both directions carry 98 % of their ceilings or more
    software,  ///< processor time a transfer and a turn of the loop
    wake_up,   ///< the time from an interrupt to the program
    tags,      ///< outstanding read requests
    credits,   ///< flow control credits of posted writes
    gap,       ///< one descriptor at a time
    fetch,     ///< list elements
    in_flight, ///< none of these: too little is in flight for the round trip
};
std::string_view to_string(limit l) noexcept;

/// How much of the link's time a point has to fill to count as limited by it.
inline constexpr double full_link = 0.98;

struct plan_point {
    std::uint64_t size = 0; ///< bytes a transfer
    unsigned outstanding = 0, channels = 0;
    std::array<double, 2> rate{};        ///< bytes/s, by direction
    std::array<double, 2> utilisation{}; ///< of the ceiling, by direction
    double latency_ns = 0;               ///< mean of a transfer
    double cpu_share = 0;                ///< of a core, as the simulation charges
    limit held_by = limit::link;

    /// Of the emptier direction.
    double least() const noexcept
    {
        return utilisation[0] < utilisation[1] ? utilisation[0] : utilisation[1];
    }
};

struct survey_axes {
    std::vector<std::uint64_t> sizes;
    std::vector<unsigned> outstanding;
    std::vector<unsigned> channels; ///< of each kind and engine; at most what the spec has
};

/// Both directions at once with `outstanding` transfers of `size` bytes each, until enough of them have gone.
/// Does not name the limit. Throws what opening the device throws.
plan_point simulate(const device_spec& spec, std::uint64_t size, unsigned outstanding);

/// Simulates a point, and again with one limit after the other taken away while it does not fill the link.
plan_point examine(const device_spec& spec, std::uint64_t size, unsigned outstanding, unsigned channels);

/// The point to choose: of those that fill the link, the one with the least bytes in flight, then the
/// smallest transfers, then the fewest channels. When none does, the fullest. `points` is not empty.
const plan_point& choice_of(const std::vector<plan_point>& points);

} // namespace cf::cli
