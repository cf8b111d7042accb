// SPDX-License-Identifier: MIT
//
// Exploring, as text and as JSON.
#include "cli/explore.hpp"

#include "cli/format.hpp"
#include "cli/json.hpp"
#include "cli/print.hpp"
#include "torture/explorer.hpp"
#include "torture/tally.hpp"

#include <counterflow/error.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace cf::cli {
namespace {

using torture::act;
using torture::exploration;

/// What was explored, and what was found there.
struct explored {
    const torture::world_plan* world;
    exploration found;
};

std::string replay_of(const explored& e)
{
    return "counterflow torture --world " + std::string(e.world->name) + " --path " +
           torture::to_text(e.found.last_path());
}

std::uint64_t outcomes(const exploration& e, std::initializer_list<errc> which)
{
    std::uint64_t sum = 0;
    for (const errc code : which) sum += e.outcomes[static_cast<std::size_t>(code)];
    return sum;
}

std::string outcome_text(std::size_t outcome)
{
    if (outcome == torture::ending::never_awaited) return "never_awaited";
    if (outcome == torture::ending::never_resumed) return "never_resumed";
    return torture::outcome_name(outcome);
}

json to_json(const explored& e)
{
    json acts = json::object(), ended = json::object();
    for (std::size_t i = 0; i < torture::act_count; ++i)
        acts[std::string(torture::name_of(static_cast<act>(i)))] = e.found.acts[i];
    for (std::size_t i = 0; i < e.found.outcomes.size(); ++i)
        if (e.found.outcomes[i] != 0) ended[outcome_text(i)] = e.found.outcomes[i];
    json one{{"world", e.world->name}, {"device", e.world->device()},
             {"paths", e.found.paths}, {"states", e.found.states},
             {"acts", acts},           {"outcomes", ended}};
    one["trouble"] = e.found.good() ? json() : json(e.found.end.trouble.data());
    one["replay"] = e.found.good() ? json() : json(replay_of(e));
    return one;
}

std::string to_text(const std::vector<explored>& all, const std::string& title)
{
    table rows{{"world", "paths", "states", "done", "canceled", "late", "aborted", "device gone"}};
    std::uint64_t paths = 0, states = 0;
    for (const auto& [world, found] : all) {
        paths += found.paths;
        states += found.states;
        rows.push_back({std::string(world->name), grouped(found.paths), grouped(found.states),
                        grouped(outcomes(found, {errc{}})), grouped(outcomes(found, {errc::canceled})),
                        grouped(outcomes(found, {errc::timed_out})),
                        grouped(outcomes(found, {errc::unsupported_request, errc::local_bus_error})),
                        grouped(outcomes(found, {errc::device_gone}))});
    }
    std::string text =
        title + grouped(paths) + " paths through " + grouped(states) + " states\n\n" + aligned(rows);
    bool good = true;
    for (const explored& e : all) {
        if (e.found.good()) continue;
        good = false;
        text += "\n" + std::string(e.world->name) + ", " + e.found.end.trouble.data() + "\n  " +
                replay_of(e) + "\n  on " + e.world->device() + "\n";
    }
    return good ? text + "\nverdict   nothing lost, nothing resumed twice, nothing touched, nothing hung\n"
                : text;
}

std::vector<const torture::world_plan*> chosen_worlds(const explore_options& options)
{
    std::vector<const torture::world_plan*> chosen;
    if (!options.world.empty()) return {&torture::world_named(options.world)};
    for (const torture::world_plan& w : torture::worlds()) chosen.push_back(&w);
    return chosen;
}

std::vector<explored> explore_all(const explore_options& options, unsigned processes)
{
    const auto chosen = chosen_worlds(options);
    if (!options.path.empty()) {
        if (options.world.empty())
            throw error(errc::bad_argument, "--path needs the --world it leads through");
        return {{chosen[0], torture::follow(*chosen[0], torture::parse_path(options.path))}};
    }
    const std::vector<exploration> found = torture::explore(chosen, options.depth, processes);
    std::vector<explored> all;
    for (std::size_t i = 0; i < chosen.size(); ++i) all.push_back({chosen[i], found[i]});
    return all;
}

} // namespace

void add_explore_options(CLI::App& command, explore_options& options)
{
    command
        .add_option("--explore", options.depth,
                    "In place of seeds: every order of so many acts around two transfers")
        ->check(CLI::Range(1u, torture::depth_max));
    command.add_option("--world", options.world, "Explore this world only");
    command.add_option("--path", options.path,
                       "Follow this path through --world only: acts with commas between");
}

int explore_command(const explore_options& options, unsigned processes, const common_options& common)
{
    const std::vector<explored> all = explore_all(options, processes);
    const bool good = std::ranges::all_of(all, [](const explored& e) { return e.found.good(); });
    if (common.json) {
        json worlds = json::array();
        std::uint64_t paths = 0, states = 0;
        for (const explored& e : all) {
            worlds.push_back(to_json(e));
            paths += e.found.paths;
            states += e.found.states;
        }
        print(text_of(
            json{{"depth", options.depth}, {"paths", paths}, {"states", states}, {"worlds", worlds}}));
    } else {
        print(to_text(all, options.depth != 0 ? "depth " + std::to_string(options.depth) + ": " : ""));
    }
    return good ? done : failed;
}

} // namespace cf::cli
