// SPDX-License-Identifier: MIT
//
// A run as one HTML page that needs nothing else: no network, no script, light and dark.
#pragma once

#include "cli/run_record.hpp"

#include <iosfwd>

namespace cf::cli {

void write_report(std::ostream& out, const run_record& run);

} // namespace cf::cli
