// SPDX-License-Identifier: MIT
//
// The two drawings of a report as inline SVG. Colours come from the page's style sheet, by
// class: the direction's name, `ceiling`, `grid`, `axis`.
#pragma once

#include "cli/run_record.hpp"

#include <string>

namespace cf::cli {

/// Throughput of both directions over time, each with its ceiling. Empty without samples.
std::string throughput_chart(const run_record& run);

/// How often which latency occurred, by direction, on a logarithmic axis. Empty without transfers.
std::string latency_chart(const run_record& run);

} // namespace cf::cli
