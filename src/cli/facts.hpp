// SPDX-License-Identifier: MIT
//
// What a device is and what a run took, in words: for `info`, tables and reports.
#pragma once

#include "cli/run_record.hpp"
#include <counterflow/device.hpp>

#include <string>
#include <utility>
#include <vector>

namespace cf::cli {

/// Names and values, in the order in which to show them.
std::vector<std::pair<std::string, std::string>> device_facts(const device_info& info);

/// "12.3 % of a core for the program, ...": what the measured time took of processors.
std::string human_cpu(const run_record& run);
/// "1,234 with hash 0123456789abcdef, simulated in 1.2 s (34,567 transfers a second)", of a run in virtual
/// time.
std::string human_simulation(const run_record& run);

} // namespace cf::cli
