// SPDX-License-Identifier: MIT
//
// What a device is, in words: for `info` and for reports.
#pragma once

#include <counterflow/device.hpp>

#include <string>
#include <utility>
#include <vector>

namespace cf::cli {

/// Names and values, in the order in which to show them.
std::vector<std::pair<std::string, std::string>> device_facts(const device_info& info);

} // namespace cf::cli
