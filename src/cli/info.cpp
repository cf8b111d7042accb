// SPDX-License-Identifier: MIT
//
// `counterflow info`: what a device is and what its link can carry.
#include "cli/facts.hpp"
#include "cli/format.hpp"
#include "cli/json.hpp"
#include "cli/options.hpp"
#include "cli/print.hpp"

#include <counterflow/device.hpp>
#include <counterflow/runtime.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cmath>
#include <memory>

namespace cf::cli {
namespace {

json gigabytes(double bytes_per_second)
{
    return std::isfinite(bytes_per_second) ? json(bytes_per_second / 1e9) : json(nullptr);
}

json ceilings_json(const ceilings& c)
{
    return {{"rp_to_ep", gigabytes(c.rp_to_ep)}, {"ep_to_rp", gigabytes(c.ep_to_rp)}};
}

/// Null when this process drives the engine.
json kernel_json(const std::optional<kernel_info>& kernel)
{
    if (!kernel) return nullptr;
    return {{"function", kernel->function},
            {"complete", to_string(kernel->way)},
            {"tells_causes", kernel->causes},
            {"stops_transfers", kernel->stops}};
}

json info_json(const device& dev)
{
    const device_info& info = dev.info();
    json channels = json::array(), windows = json::array();
    for (const channel_info& c : info.channels)
        channels.push_back({{"name", c.name},
                            {"serves", to_string(c.serves)},
                            {"direction", to_string(direction_of(c.serves, info.near))},
                            {"list_elements", c.list_elements}});
    for (const window_info& w : info.windows) windows.push_back({{"name", w.name}, {"bytes", w.size}});
    const bool write_is_down = direction_of(transfer_kind::write, info.near) == direction::rp_to_ep;
    return {{"device", info.spec},
            {"near", to_string(info.near)},
            {"link", to_json(info.link)},
            {"kernel", kernel_json(info.kernel)},
            {"channels", channels},
            {"windows", windows},
            {"alignment_bytes", info.alignment},
            {"element_bytes_max", info.segment_bytes_max},
            {"ceilings_gbytes_per_s",
             {{"raw", gigabytes(raw_bandwidth(info.link))},
              {"both", ceilings_json(dev.ceilings())},
              {"rp_to_ep_alone", gigabytes(dev.ceilings(write_is_down, !write_is_down).rp_to_ep)},
              {"ep_to_rp_alone", gigabytes(dev.ceilings(!write_is_down, write_is_down).ep_to_rp)}}},
            {"runtime", to_string(dev.loop().info())}};
}

std::string info_text(const device& dev)
{
    std::string text;
    const auto line = [&text](std::string name, const std::string& value) {
        name.resize(std::max<std::size_t>(name.size(), 14), ' ');
        text += name + value + "\n";
    };
    const device_info& info = dev.info();
    line("Device", info.spec);
    line("Link",
         info.kernel && info.link.null() ? "the kernel module does not know it" : human_link(info.link));
    for (const auto& [name, value] : device_facts(info)) line(name, value);
    line("Alignment", std::to_string(info.alignment) + (info.alignment == 1 ? " byte" : " bytes"));
    line(info.kernel ? "Segment" : "List element", "up to " + human_size(info.segment_bytes_max));
    const ceilings both = dev.ceilings();
    const bool write_is_down = direction_of(transfer_kind::write, info.near) == direction::rp_to_ep;
    line("Raw", human_rate(raw_bandwidth(info.link)) + " a direction");
    line("Ceilings", "rp_to_ep " + human_rate(both.rp_to_ep) + ", ep_to_rp " + human_rate(both.ep_to_rp) +
                         " at the same time");
    line("", "rp_to_ep " + human_rate(dev.ceilings(write_is_down, !write_is_down).rp_to_ep) + ", ep_to_rp " +
                 human_rate(dev.ceilings(!write_is_down, write_is_down).ep_to_rp) + " alone");
    line("Runtime", to_string(dev.loop().info()));
    return text;
}

int info(const std::string& spec, const common_options& common)
{
    device_spec parsed = parse_spec(spec);
    parsed.model.backing.clear(); // to look at a device is not to make its memory
    runtime loop(options_for(parsed));
    const device dev(loop, parsed);
    print(common.json ? text_of(info_json(dev)) : info_text(dev));
    return done;
}

} // namespace

void add_info(CLI::App& app, common_options& common, chosen_command& chosen)
{
    CLI::App* const command = app.add_subcommand("info", "Show what a device is and what its link can carry");
    auto spec = std::make_shared<std::string>();
    command->add_option("DEV", *spec, "Device spec")->required();
    add_output_options(*command, common);
    command->callback([spec, &common, &chosen] { chosen = [spec, &common] { return info(*spec, common); }; });
}

} // namespace cf::cli
