// SPDX-License-Identifier: MIT
//
// The page of a report.
#include "cli/report.hpp"

#include "cli/chart.hpp"
#include "cli/facts.hpp"
#include "cli/format.hpp"

#include <algorithm>
#include <cmath>
#include <ostream>
#include <string>
#include <string_view>

namespace cf::cli {
namespace {

constexpr std::string_view style = R"(
:root { --page: #f6f7f9; --card: #fff; --text: #1b1f24; --soft: #5b6470; --rule: #d9dee5;
  --rp: #1f5fd0; --ep: #c4570c; --good: #17743a; --bad: #b3261e; color-scheme: light dark; }
@media (prefers-color-scheme: dark) { :root { --page: #14171b; --card: #1c2026; --text: #e7eaee; --soft: #9aa4b1;
  --rule: #333a44; --rp: #7fb0ff; --ep: #ffab66; --good: #6fd694; --bad: #ff8b82; } }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1.25rem 3rem; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.05rem; margin: 0 0 .6rem; }
.soft { color: var(--soft); } .good { color: var(--good); } .bad { color: var(--bad); }
code { font: .92em ui-monospace, monospace; overflow-wrap: anywhere; }
section { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; padding: 1.1rem 1.25rem;
  margin-top: 1.1rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); gap: 1.1rem; margin-top: 1.1rem; }
.tiles section { margin: 0; }
.value { font-size: 1.9rem; font-weight: 650; line-height: 1.2; }
.meter { height: 7px; border-radius: 4px; background: var(--rule); margin: .6rem 0 .4rem; overflow: hidden; }
.meter div { height: 100%; } .meter .rp_to_ep { background: var(--rp); } .meter .ep_to_rp { background: var(--ep); }
h2.rp_to_ep { color: var(--rp); } h2.ep_to_rp { color: var(--ep); }
.legend { margin: 0 0 .4rem; } .legend span { margin-right: 1.4rem; white-space: nowrap; }
.legend i { display: inline-block; width: 1.5em; border-top: 3px solid; vertical-align: middle; margin-right: .5em; }
.legend i.rp_to_ep { color: var(--rp); } .legend i.ep_to_rp { color: var(--ep); }
.legend i.dashed { border-top: 2px dashed; color: var(--soft); }
svg { display: block; width: 100%; height: auto; }
svg text { font: 12.5px system-ui, sans-serif; fill: var(--soft); }
svg .grid { stroke: var(--rule); } svg .axis { stroke: var(--soft); }
svg .curve { fill: none; stroke-width: 2; stroke-linejoin: round; }
svg .area { stroke: none; fill-opacity: .16; }
svg .ceiling { stroke-width: 1.5; stroke-dasharray: 6 4; opacity: .8; }
svg .rp_to_ep { stroke: var(--rp); } svg .ep_to_rp { stroke: var(--ep); }
svg .area.rp_to_ep { fill: var(--rp); } svg .area.ep_to_rp { fill: var(--ep); }
svg .name { stroke: none; } svg .name.rp_to_ep { fill: var(--rp); } svg .name.ep_to_rp { fill: var(--ep); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .3rem .6rem; border-bottom: 1px solid var(--rule); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } th { font-weight: 600; color: var(--soft); }
.facts td { text-align: left; white-space: normal; vertical-align: top; } .facts td:first-child { white-space: nowrap; }
tr:last-child td { border-bottom: 0; }
footer { margin-top: 1.1rem; font-size: .87rem; }
)";

std::string name_of(direction d) { return std::string(to_string(d)); }

void write_tile(std::ostream& out, const run_record& run, direction d)
{
    const direction_record& r = *run.of(d);
    const double rate = r.rate();
    out << "<section><h2 class=\"" << name_of(d) << "\">" << name_of(d) << "</h2><div class=\"value\">"
        << human_rate(rate) << "</div>";
    if (std::isfinite(r.ceiling) && r.ceiling > 0) {
        const double share = std::clamp(rate / r.ceiling, 0.0, 1.0);
        out << "<div class=\"meter\"><div class=\"" << name_of(d)
            << "\" style=\"width:" << fixed(100 * share, 1) << "%\"></div></div><div class=\"soft\">"
            << human_share(rate, r.ceiling) << " of the ceiling, " << human_rate(r.ceiling) << "</div>";
    } else {
        out << "<div class=\"soft\">no ceiling</div>";
    }
    out << "</section>\n";
}

void write_verdict(std::ostream& out, const run_record& run)
{
    out << "<section><h2>Data</h2>";
    if (!run.verified)
        out << "<div class=\"value\">not checked</div>";
    else if (*run.verified)
        out << "<div class=\"value good\">&#10003; verified</div>";
    else
        out << "<div class=\"value bad\">&#10007; differs</div>";
    out << "<div class=\"soft\">" << grouped(run.transfers()) << " transfers of "
        << human_size(run.transfer_bytes) << ", " << (run.errors ? grouped(run.errors) : std::string("no"))
        << " error" << (run.errors == 1 ? "" : "s") << "</div></section>\n";
}

void write_chart(std::ostream& out, const run_record& run, std::string_view title, const std::string& chart,
                 bool ceilings)
{
    if (chart.empty()) return;
    out << "<section><h2>" << title << "</h2>\n<p class=\"legend\">";
    for (const direction d : both_directions)
        if (run.of(d)) out << "<span><i class=\"" << name_of(d) << "\"></i>" << name_of(d) << "</span>";
    if (ceilings) out << "<span class=\"soft\"><i class=\"dashed\"></i>its ceiling</span>";
    out << "</p>\n" << chart << "</section>\n";
}

template <class F>
void write_row(std::ostream& out, const run_record& run, std::string_view name, F&& cell)
{
    out << "<tr><td>" << name << "</td>";
    for (const direction d : both_directions)
        if (run.of(d)) out << "<td>" << cell(*run.of(d)) << "</td>";
    out << "</tr>\n";
}

void write_numbers(std::ostream& out, const run_record& run)
{
    using record = direction_record;
    out << "<section><h2>Numbers</h2><div class=\"wide\"><table>\n<tr><th></th>";
    for (const direction d : both_directions)
        if (run.of(d)) out << "<th>" << name_of(d) << "</th>";
    out << "</tr>\n";
    write_row(out, run, "Throughput", [&](const record& r) { return human_rate(r.rate()); });
    write_row(out, run, "Ceiling", [](const record& r) { return human_rate(r.ceiling); });
    write_row(out, run, "Utilisation", [&](const record& r) { return human_share(r.rate(), r.ceiling); });
    write_row(out, run, "Payload", [](const record& r) { return grouped(r.bytes) + " B"; });
    write_row(out, run, "Transfers", [](const record& r) { return grouped(r.transfers); });
    struct quantile {
        std::string_view name;
        double fraction;
    };
    for (const quantile q : {quantile{"Latency, median", 0.5},
                             {"Latency, 90 %", 0.9},
                             {"Latency, 99 %", 0.99},
                             {"Latency, 99.9 %", 0.999}})
        write_row(out, run, q.name, [&](const record& r) {
            return human_time(static_cast<double>(r.latency.quantile(q.fraction)));
        });
    write_row(out, run, "Latency, longest",
              [](const record& r) { return human_time(static_cast<double>(r.latency.max())); });
    out << "</table></div></section>\n";
}

void write_fact(std::ostream& out, std::string_view name, const std::string& value)
{
    out << "<tr><td class=\"soft\">" << escaped(name) << "</td><td>" << escaped(value) << "</td></tr>\n";
}

void write_facts(std::ostream& out, const run_record& run)
{
    out << "<section><h2>Device and run</h2><table class=\"facts\">\n";
    write_fact(out, "Device", run.device);
    write_fact(out, "Link", human_link(run.link));
    for (const auto& [name, value] : run.facts) write_fact(out, name, value);
    write_fact(out, "Transfers",
               human_size(run.transfer_bytes) + ", " + std::to_string(run.outstanding) +
                   " outstanding a direction");
    write_fact(out, "Measured time", human_time(run.seconds * 1e9) + (run.simulation ? " (virtual)" : ""));
    if (run.seconds > 0) write_fact(out, "CPU", human_cpu(run));
    if (run.simulation) write_fact(out, "Events", human_simulation(run));
    out << "</table></section>\n";
}

} // namespace

std::string escaped(std::string_view text)
{
    std::string out;
    for (const char c : text) {
        switch (c) {
        case '&': out += "&amp;"; break;
        case '<': out += "&lt;"; break;
        case '>': out += "&gt;"; break;
        case '"': out += "&quot;"; break;
        default: out += c;
        }
    }
    return out;
}

void write_page_start(std::ostream& out, std::string_view title, std::string_view heading,
                      std::string_view soft)
{
    out << "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
           "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>"
        << escaped(title) << "</title>\n<style>" << style << "</style>\n</head>\n<body>\n<main>\n<h1>"
        << escaped(heading) << "</h1>\n<div class=\"soft\"><code>" << escaped(soft) << "</code></div>\n";
}

void write_page_end(std::ostream& out, std::string_view note)
{
    out << "<footer class=\"soft\">" << note << " counterflow " << escaped(COUNTERFLOW_VERSION)
        << "</footer>\n</main>\n</body>\n</html>\n";
}

void write_report(std::ostream& out, const run_record& run)
{
    write_page_start(out, "counterflow " + run.command + ": " + run.device, "counterflow " + run.command,
                     run.device + ", " + run.started);
    out << "<div class=\"tiles\">\n";
    for (const direction d : both_directions)
        if (run.of(d)) write_tile(out, run, d);
    write_verdict(out, run);
    out << "</div>\n";
    write_chart(out, run, "Throughput over time", throughput_chart(run), !run.link.null());
    write_chart(out, run, "Latency: share of transfers by time", latency_chart(run), false);
    write_numbers(out, run);
    write_facts(out, run);
    write_page_end(out, "GB is 10&#8313; bytes. rp_to_ep is traffic from the root port to the endpoint, "
                        "ep_to_rp the other way. A ceiling is what the link can carry at most with both "
                        "directions as they ran.");
}

} // namespace cf::cli
