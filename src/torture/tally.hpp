// SPDX-License-Identifier: MIT
//
// tally: what a campaign counted and found. Plain data, so that it goes through a pipe as it is.
#pragma once

#include "torture/plan.hpp"
#include <counterflow/error.hpp>

#include <array>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <type_traits>

namespace cf::torture {

/// Indexed by errc; 0 is a transfer that was done.
inline constexpr std::size_t outcome_count = static_cast<std::size_t>(errc::verification_failed) + 1;
/// "done", or as the enumerator is called.
std::string outcome_name(std::size_t outcome);

struct tally {
    std::uint64_t seed = 0;
    std::uint64_t transfers = 0; ///< that were awaited and resumed
    std::array<std::uint64_t, outcome_count> outcomes{};
    std::array<std::uint64_t, fault_count> faults{}; ///< events that happened
    std::uint64_t lost = 0;                          ///< awaits the device has ended, and that did not resume
    std::uint64_t double_resumes = 0; ///< awaits that resumed more often than the device ended them
    std::uint64_t corrupt = 0;        ///< times that memory was not what it had to be
    std::uint64_t unexpected = 0;     ///< outcomes that nothing in the plan explains
    std::uint64_t hung = 0;           ///< tasks without progress for a virtual second
    std::uint64_t crashed = 0;        ///< campaigns that ended their process
    std::uint64_t virtual_ns = 0;
    std::uint64_t hash = 0;        ///< of all events
    std::uint64_t first_at = 0;    ///< the transfer that showed the first trouble
    std::array<char, 200> first{}; ///< and what it was

    bool good() const noexcept { return lost + double_resumes + corrupt + unexpected + hung + crashed == 0; }

    /// Remembers the first trouble.
    void blame(std::uint64_t at, std::string_view what) noexcept
    {
        if (first[0] != '\0') return;
        first_at = at;
        std::snprintf(first.data(), first.size(), "%.*s", static_cast<int>(what.size()), what.data());
    }

    /// Adds up. The hash does not depend on the order in which campaigns are added.
    void add(const tally& other) noexcept
    {
        transfers += other.transfers;
        for (std::size_t i = 0; i < outcome_count; ++i) outcomes[i] += other.outcomes[i];
        for (std::size_t i = 0; i < fault_count; ++i) faults[i] += other.faults[i];
        lost += other.lost;
        double_resumes += other.double_resumes;
        corrupt += other.corrupt;
        unexpected += other.unexpected;
        hung += other.hung;
        crashed += other.crashed;
        virtual_ns += other.virtual_ns;
        hash += other.hash;
    }
};
static_assert(std::is_trivially_copyable_v<tally>);

} // namespace cf::torture
