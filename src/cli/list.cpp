// SPDX-License-Identifier: MIT
//
// `counterflow list`: the devices of this system.
#include "cli/json.hpp"
#include "cli/options.hpp"
#include "cli/print.hpp"
#include "vfio/facts.hpp"

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace cf::cli {
namespace {

struct listed {
    std::string spec;
    std::string what;
    bool usable; ///< by this build
};

std::vector<listed> devices()
{
    std::vector<listed> all{
        {"model:gen3x1", "modelled endpoint in this process; any link, see docs/specs.md", true},
        {"sim:gen3x1", "the same in virtual time", true}};
    for (const std::string& name : vfio::names_in("/dev"))
        if (name.starts_with("counterflow"))
            all.push_back({"/dev/" + name, "engine behind the kernel module", true});
    for (const std::string& bdf : vfio::candidates("/")) {
        const auto obstacle = vfio::obstacle_of(vfio::look_at("/", bdf));
        all.push_back({"vfio:" + bdf,
                       obstacle ? "not yet usable: " + obstacle->cause + "; " + obstacle->remedy
                                : "PCI function given to programs; whether it has an eDMA, info says",
                       !obstacle});
    }
    return all;
}

int list(const common_options& common)
{
    const std::vector<listed> all = devices();
    if (common.json) {
        json found = json::array();
        for (const listed& d : all)
            found.push_back({{"spec", d.spec}, {"description", d.what}, {"usable", d.usable}});
        print(text_of(json{{"devices", found}}));
    } else {
        std::string text;
        for (const listed& d : all) {
            const std::string pad(d.spec.size() < 22 ? 22 - d.spec.size() : 0, ' ');
            text += d.spec + pad + " " + d.what + "\n";
        }
        print(text);
    }
    return done;
}

} // namespace

void add_list(CLI::App& app, common_options& common, chosen_command& chosen)
{
    CLI::App* const command = app.add_subcommand("list", "List the devices of this system");
    add_output_options(*command, common);
    command->callback([&common, &chosen] { chosen = [&common] { return list(common); }; });
}

} // namespace cf::cli
