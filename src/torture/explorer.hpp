// SPDX-License-Identifier: MIT
//
// explorer: follows every path of a world up to a depth. No state is stored: each path starts anew, and which
// acts are possible behind it is what the next paths are made of. Shorter paths come first, so the first
// trouble is one of the shortest.
#pragma once

#include "torture/world.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace cf::torture {

inline constexpr unsigned depth_max = 16;

/// What was found in one world. Plain data: it lies in memory that the exploring child shares.
struct exploration {
    std::uint64_t paths = 0;  ///< of the full depth, or that ended before
    std::uint64_t states = 0; ///< places on these paths where acts were chosen from, each once
    std::array<std::uint64_t, act_count> acts{}; ///< on these paths
    std::array<std::uint64_t, 256> outcomes{};   ///< of both transfers: see ending
    std::array<act, depth_max> path{};           ///< the last one that was followed
    unsigned length = 0;                         ///< of it
    ending end;                                  ///< of it, once it has ended
    bool over = false;

    bool good() const noexcept { return over && end.good(); }
    std::span<const act> last_path() const noexcept { return {path.data(), length}; }
};

/// Explores in a process of its own, to the first trouble: a crash, and no end within a minute, are told like
/// any other.
exploration explore(const world_plan& plan, unsigned depth);
/// All of `plans`, `processes` at a time. In their order.
std::vector<exploration> explore(std::span<const world_plan* const> plans, unsigned depth,
                                 unsigned processes);

/// Follows one path in a process of its own. Throws cf::error (bad_argument) when an act is not possible
/// where it stands.
exploration follow(const world_plan& plan, std::span<const act> path);

} // namespace cf::torture
