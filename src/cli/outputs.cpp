// SPDX-License-Identifier: MIT
//
// The outcome of a run, delivered.
#include "cli/outputs.hpp"

#include "cli/facts.hpp"
#include "cli/format.hpp"
#include "cli/print.hpp"
#include "cli/report.hpp"
#include "cli/trace.hpp"

#include <algorithm>
#include <vector>

namespace cf::cli {
std::string text_table(const run_record& run)
{
    std::string out = run.device + "  (" + human_link(run.link) + ")\n" + human_size(run.transfer_bytes) +
                      " a transfer, " + std::to_string(run.outstanding) + " outstanding a direction, " +
                      human_time(run.seconds * 1e9) + "\n\n";
    table rows{{"", "rate", "ceiling", "utilisation", "transfers", "median", "99 %", "99.9 %"}};
    double sum = 0, sum_ceiling = 0;
    for (const direction d : both_directions) {
        if (!run.of(d)) continue;
        const direction_record& r = *run.of(d);
        const auto latency = [&](double q) { return human_time(static_cast<double>(r.latency.quantile(q))); };
        rows.push_back({std::string(to_string(d)), human_rate(r.rate()), human_rate(r.ceiling),
                        human_share(r.rate(), r.ceiling), grouped(r.transfers), latency(0.5), latency(0.99),
                        latency(0.999)});
        sum += r.rate();
        sum_ceiling += r.ceiling;
    }
    if (run.directions[0] && run.directions[1])
        rows.push_back({"both", human_rate(sum), human_rate(sum_ceiling), human_share(sum, sum_ceiling),
                        grouped(run.transfers()), "", "", ""});
    out += aligned(rows);
    out += "\nCPU       " + human_cpu(run) + "\n";
    if (run.simulation) out += "events    " + human_simulation(run) + "\n";
    out += std::string("data      ") +
           (!run.verified   ? "not checked"
            : *run.verified ? "verified"
                            : "DIFFERS") +
           "\n";
    if (run.errors) out += "errors    " + grouped(run.errors) + "\n";
    return out;
}

outputs::outputs(const common_options& options) : options_(options)
{
    if (!options.report.empty()) report_.emplace(options.report, output_file::order::front);
    if (!options.trace.empty()) trace_.emplace(options.trace, output_file::order::front);
}

int outputs::deliver(const run_record& run, const json& extra, const std::string& lines)
{
    if (report_) {
        report_->write_text([&](std::ostream& out) { write_report(out, run); });
        report_->commit();
    }
    if (trace_) {
        trace_->write_text([&](std::ostream& out) { write_trace(out, run); });
        trace_->commit();
    }
    if (options_.json) {
        json object = to_json(run);
        object.update(extra);
        print(text_of(object));
    } else {
        std::string text = text_table(run) + lines;
        if (report_) text += "report    " + report_->path() + "\n";
        if (trace_) text += "trace     " + trace_->path() + "\n";
        if (run.segments_dropped)
            text += "          the trace holds the first " + grouped(run.segments.size()) +
                    " list elements; " + grouped(run.segments_dropped) + " more are not in it\n";
        print(text);
    }
    return run.errors == 0 && run.verified.value_or(true) ? done : failed;
}

} // namespace cf::cli
