// SPDX-License-Identifier: MIT
//
// A run as one HTML page that needs nothing else: no network, no script, light and dark.
#pragma once

#include "cli/run_record.hpp"

#include <iosfwd>
#include <string>
#include <string_view>

namespace cf::cli {

// What pages are made of.
std::string escaped(std::string_view text);
/// Everything up to below the heading. `title` and `soft`, the line below it, are plain text.
void write_page_start(std::ostream& out, std::string_view title, std::string_view heading,
                      std::string_view soft);
/// `note` is HTML.
void write_page_end(std::ostream& out, std::string_view note);

void write_report(std::ostream& out, const run_record& run);

} // namespace cf::cli
