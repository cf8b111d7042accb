// SPDX-License-Identifier: MIT
//
// A run as the JSON object that --json prints. Rates are in GB/s of 10^9 bytes, times in
// nanoseconds; what is not known or did not happen is null.
#pragma once

#include "cli/run_record.hpp"

#include <nlohmann/json.hpp>

#include <string>

namespace cf::cli {

using json = nlohmann::ordered_json;

/// The keys that every measuring command shares; commands add their own.
json to_json(const run_record& run);

json to_json(const link_parameters& link);

/// As it is printed: indented, a line feed at the end, and \ufffd for what is not UTF-8.
std::string text_of(const json& object);

} // namespace cf::cli
