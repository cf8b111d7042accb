// SPDX-License-Identifier: MIT
//
// `counterflow plan`: what to choose for a link, as a table, JSON and a report.
#include "cli/format.hpp"
#include "cli/json.hpp"
#include "cli/live_line.hpp"
#include "cli/options.hpp"
#include "cli/output_file.hpp"
#include "cli/plan_report.hpp"
#include "cli/print.hpp"
#include "cli/survey.hpp"

#include <counterflow/error.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <unistd.h>

namespace cf::cli {
namespace {

struct plan_options {
    std::string device;
    std::vector<std::string> sizes{"4KiB", "16KiB", "64KiB", "256KiB", "1MiB"};
    std::vector<unsigned> outstanding{1, 2, 4, 8, 16, 64};
    std::vector<unsigned> channels;
};

/// More in flight than this says nothing new, and takes long.
constexpr std::uint64_t in_flight_max = std::uint64_t{16} << 20;

survey_axes axes_of(const plan_options& options, const model_spec& model)
{
    survey_axes axes{.sizes = {}, .outstanding = options.outstanding, .channels = options.channels};
    for (const std::string& text : options.sizes) {
        const std::uint64_t size = parse_size(text, "--size");
        if (size == 0 || size > in_flight_max)
            throw error(errc::bad_argument, "--size is " + text + "; it must be 1 byte to 16MiB");
        axes.sizes.push_back(size);
    }
    const unsigned most = std::max(model.wr, model.rd);
    if (axes.channels.empty())
        for (const unsigned n : {1u, 2u, 4u, 8u})
            if (n <= most) axes.channels.push_back(n);
    for (const unsigned n : axes.channels)
        if (n > most)
            throw error(errc::bad_argument, "--channels is " + std::to_string(n) + ", and the spec has " +
                                                std::to_string(most) + "; write wr= and rd=");
    return axes;
}

std::vector<plan_point> survey(const device_spec& spec, const survey_axes& axes, bool show)
{
    std::vector<plan_point> points;
    const std::size_t all = axes.sizes.size() * axes.outstanding.size() * axes.channels.size();
    std::size_t done = 0;
    for (const unsigned channels : axes.channels) {
        for (const std::uint64_t size : axes.sizes) {
            for (const unsigned outstanding : axes.outstanding) {
                ++done;
                if (size * outstanding > in_flight_max && outstanding > 1) continue;
                if (show) std::fprintf(stderr, "\r%zu of %zu points", done, all);
                points.push_back(examine(spec, size, outstanding, channels));
            }
        }
    }
    if (show) std::fputs("\r                              \r", stderr);
    return points;
}

json point_json(const plan_point& p)
{
    json out{{"transfer_bytes", p.size}, {"outstanding", p.outstanding}, {"channels", p.channels}};
    for (const direction d : {direction::rp_to_ep, direction::ep_to_rp}) {
        const auto i = static_cast<std::size_t>(d);
        out[std::string(to_string(d))] = {{"gbytes_per_s", p.rate[i] / 1e9},
                                          {"utilisation", p.utilisation[i]}};
    }
    out["latency_ns"] = p.latency_ns;
    out["cpu_share"] = p.cpu_share;
    out["limit"] = to_string(p.held_by);
    return out;
}

std::string table_of(const std::vector<plan_point>& points)
{
    table rows{{"size", "outstanding", "channels", "rp_to_ep", "ep_to_rp", "latency", "CPU", "limit"}};
    for (const plan_point& p : points)
        rows.push_back({human_size(p.size), std::to_string(p.outstanding), std::to_string(p.channels),
                        human_share(p.utilisation[0], 1), human_share(p.utilisation[1], 1),
                        human_time(p.latency_ns), fixed(100 * p.cpu_share, 0) + " %",
                        std::string(to_string(p.held_by))});
    return aligned(rows);
}

int plan(const plan_options& options, const common_options& common)
{
    const device_spec spec = parse_spec(options.device);
    if (spec.kind != device_spec::kind_t::simulation || spec.model.link.null())
        throw error(errc::bad_argument, "DEV is " + options.device +
                                            "; only a simulated link can be planned: sim:gen4x8, for one");
    const survey_axes axes = axes_of(options, spec.model);
    std::optional<output_file> report;
    if (!common.report.empty()) report.emplace(common.report, output_file::order::front);
    const std::vector<plan_point> points = survey(spec, axes, !common.quiet && ::isatty(2) == 1);
    const plan_point& chosen = choice_of(points);
    if (report) {
        report->write_text([&](std::ostream& out) { write_plan_report(out, spec, points, chosen); });
        report->commit();
    }
    if (common.json) {
        json all = json::array();
        for (const plan_point& p : points) all.push_back(point_json(p));
        print(text_of(json{{"command", "plan"},
                           {"device", spec.text},
                           {"link", to_json(spec.model.link)},
                           {"choice", point_json(chosen)},
                           {"points", all}}));
    } else {
        print(spec.text + "  (" + human_link(spec.model.link) + ")\n\n" + table_of(points) + "\n" +
              advice(points, chosen) + "\n" + (report ? "report    " + report->path() + "\n" : ""));
    }
    return done;
}

} // namespace

void add_plan(CLI::App& app, common_options& common, chosen_command& chosen)
{
    CLI::App* const command = app.add_subcommand("plan", "Say what to choose for a link, by simulating it");
    command->footer(
        "Both directions run at once. A point below 98 % of a ceiling is simulated again with one\n"
        "limit after the other taken away; the one that helps most is named. More than 16 MiB in\n"
        "flight a direction is left out.");
    auto options = std::make_shared<plan_options>();
    command->add_option("DEV", options->device, "Device spec, of a sim: device")->required();
    command->add_option("--size", options->sizes, "Bytes a transfer, several")
        ->capture_default_str()
        ->delimiter(',');
    command->add_option("--outstanding", options->outstanding, "Transfers in flight a direction, several")
        ->check(CLI::Range(1u, 4096u))
        ->capture_default_str()
        ->delimiter(',');
    command
        ->add_option("--channels", options->channels,
                     "Channels of each kind, several (default: 1, 2, 4 and 8, as far as the spec has them)")
        ->check(CLI::Range(1u, 8u))
        ->delimiter(',');
    command->add_option("--report", common.report, "Draw the plan into this HTML file");
    command->add_flag("-q,--quiet", common.quiet, "Show no progress");
    add_output_options(*command, common);
    command->callback(
        [options, &common, &chosen] { chosen = [options, &common] { return plan(*options, common); }; });
}

} // namespace cf::cli
