// SPDX-License-Identifier: MIT
//
// What the command says. Everything that reaches stdout and stderr goes through here, but for the live
// line and the log: written or known not to be, and without what a terminal would obey.
#pragma once

#include <string>
#include <string_view>

namespace cf::cli {

/// To be called first. A descriptor from 0 to 2 that the caller closed would be given to the next file
/// that is opened, and what is printed would go there; it gets one that refuses to be used instead.
void guard_standard_streams();

/// Prints to stdout. Control characters other than line feeds become '?': specs and paths come from
/// who knows where. Throws cf::error when stdout does not take all of it.
void print(std::string_view text);

/// Prints "counterflow: <text>" and a line feed to stderr, likewise; errors there have nowhere to go.
void complain(std::string_view text);

} // namespace cf::cli
