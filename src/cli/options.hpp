// SPDX-License-Identifier: MIT
//
// What the sub-commands share on the command line, and how each of them joins the command.
#pragma once

#include <functional>
#include <string>

namespace CLI {
class App;
}

namespace cf::cli {

/// Options that several sub-commands have.
struct common_options {
    bool json = false;
    bool quiet = false;
    std::string log_level;
    std::string report; ///< path, or empty
    std::string trace;  ///< path, or empty
};

/// Exit codes of the command.
enum exit_code : int { done = 0, failed = 1, usage = 2 };

/// Set by the sub-command that was named: does its work and returns the exit code.
using chosen_command = std::function<int()>;

// Each adds one sub-command. What it keeps references to outlives the parsing and the run.
void add_list(CLI::App& app, common_options& common, chosen_command& chosen);
void add_info(CLI::App& app, common_options& common, chosen_command& chosen);
void add_bench(CLI::App& app, common_options& common, chosen_command& chosen);
void add_copy(CLI::App& app, common_options& common, chosen_command& chosen);
void add_duplex(CLI::App& app, common_options& common, chosen_command& chosen);
void add_plan(CLI::App& app, common_options& common, chosen_command& chosen);
void add_record(CLI::App& app, common_options& common, chosen_command& chosen);
void add_records(CLI::App& app, common_options& common, chosen_command& chosen);
void add_replay(CLI::App& app, common_options& common, chosen_command& chosen);
void add_serve(CLI::App& app, common_options& common, chosen_command& chosen);
void add_torture(CLI::App& app, common_options& common, chosen_command& chosen);

/// --json and --log-level.
void add_output_options(CLI::App& command, common_options& common);
/// --report, --trace and --quiet.
void add_run_options(CLI::App& command, common_options& common);

} // namespace cf::cli
