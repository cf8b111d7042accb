// SPDX-License-Identifier: MIT
//
// `counterflow torture --explore`: every order of a few acts, and the command that repeats one.
#pragma once

#include "cli/options.hpp"

#include <string>

namespace CLI {
class App;
}

namespace cf::cli {

struct explore_options {
    unsigned depth = 0; ///< 0: not asked for
    std::string world;  ///< empty: all
    std::string path;   ///< empty: all up to depth

    bool wanted() const noexcept { return depth != 0 || !path.empty(); }
};

void add_explore_options(CLI::App& command, explore_options& options);

/// The exit code.
int explore_command(const explore_options& options, unsigned processes, const common_options& common);

} // namespace cf::cli
