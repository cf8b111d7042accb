// SPDX-License-Identifier: MIT
//
// A plan in words and as an HTML page that needs nothing else.
#pragma once

#include "cli/survey.hpp"

#include <iosfwd>
#include <string>
#include <vector>

namespace cf::cli {

/// One or two sentences: what to choose, and what stands in the way of less. `chosen` is one of `points`.
std::string advice(const std::vector<plan_point>& points, const plan_point& chosen);

void write_plan_report(std::ostream& out, const device_spec& spec, const std::vector<plan_point>& points,
                       const plan_point& chosen);

} // namespace cf::cli
