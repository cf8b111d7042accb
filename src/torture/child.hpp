// SPDX-License-Identifier: MIT
//
// Campaigns in processes of their own: one that crashes or hangs ends its process and not the command, and
// every processor has one.
#pragma once

#include "torture/plan.hpp"
#include "torture/tally.hpp"

#include <cstdint>
#include <functional>
#include <vector>

namespace cf::torture {

/// Runs one plan in a child. A crash, or no end within a minute of real time, is in the tally.
tally run_in_child(const plan& p);

struct seed_range {
    std::uint64_t first, last; ///< both included
};

/// Runs the campaigns of all seeds, `processes` at a time, and calls `ended` with each tally, in any order.
/// Ends early when `stop_fd` becomes readable.
void run_in_children(seed_range seeds, const std::function<plan(std::uint64_t)>& make, unsigned processes,
                     int stop_fd, const std::function<void(const tally&)>& ended);

} // namespace cf::torture
