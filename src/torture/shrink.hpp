// SPDX-License-Identifier: MIT
//
// Makes a plan that finds trouble smaller, for the one who has to understand it.
#pragma once

#include "torture/plan.hpp"
#include "torture/tally.hpp"

#include <functional>

namespace cf::torture {

/// The smallest plan it comes to that still finds trouble: fewer transfers, and only the events that it
/// takes. `run` runs a plan (run_in_child), `found` is what it said of `p`.
plan shrink(plan p, const tally& found, const std::function<tally(const plan&)>& run);

} // namespace cf::torture
