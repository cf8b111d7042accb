// SPDX-License-Identifier: MIT
//
// Where the outcome of a run goes: text or JSON on stdout, and the report and trace files.
#pragma once

#include "cli/json.hpp"
#include "cli/options.hpp"
#include "cli/output_file.hpp"
#include "cli/run_record.hpp"

#include <optional>
#include <string>

namespace cf::cli {

/// The files are begun at construction, so that a path that cannot be written is found out before
/// the run; they take their places in deliver(). Throws cf::error.
class outputs {
public:
    explicit outputs(const common_options& options);

    /// Writes everything. `extra` holds what the command adds to the JSON object, `lines` what it adds
    /// to the text. Returns the exit code. Throws cf::error when a file cannot be written.
    int deliver(const run_record& run, const json& extra = json::object(), const std::string& lines = "");

private:
    const common_options& options_;
    std::optional<output_file> report_;
    std::optional<output_file> trace_;
};

/// The run as a table for people.
std::string text_table(const run_record& run);

} // namespace cf::cli
