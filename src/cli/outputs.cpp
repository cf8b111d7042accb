// SPDX-License-Identifier: MIT
//
// The outcome of a run, delivered.
#include "cli/outputs.hpp"

#include "cli/format.hpp"
#include "cli/report.hpp"
#include "cli/trace.hpp"

#include <counterflow/error.hpp>

#include <array>
#include <cerrno>
#include <cstdio>

namespace cf::cli {
namespace {

[[noreturn]] void throw_file_error(const std::string& path)
{
    throw error(failure{{errno ? errno : EIO, std::generic_category()}, path});
}

std::ofstream opened(const std::string& path)
{
    std::ofstream file;
    if (path.empty()) return file;
    errno = 0;
    file.open(path, std::ios::binary | std::ios::trunc);
    if (!file) throw_file_error(path);
    return file;
}

void closed(std::ofstream& file, const std::string& path)
{
    errno = 0;
    file.close();
    if (!file) throw_file_error(path);
}

/// Columns of equal width, all but the first aligned to the right.
std::string row(const std::array<std::string, 8>& cells)
{
    constexpr std::array<int, 8> widths{-10, 11, 11, 12, 12, 10, 10, 10};
    std::string out;
    for (std::size_t i = 0; i < cells.size(); ++i) {
        const auto width = static_cast<std::size_t>(std::abs(widths[i]));
        const std::string pad(cells[i].size() < width ? width - cells[i].size() : 0, ' ');
        out += widths[i] < 0 ? cells[i] + pad : pad + cells[i];
    }
    out.erase(out.find_last_not_of(' ') + 1);
    return out + "\n";
}

} // namespace

std::string text_table(const run_record& run)
{
    std::string out = run.device + "  (" + human_link(run.link) + ")\n" + human_size(run.transfer_bytes) +
                      " a transfer, " + std::to_string(run.outstanding) + " outstanding a direction, " +
                      human_time(run.seconds * 1e9) + "\n\n";
    out += row({"", "rate", "ceiling", "utilisation", "transfers", "median", "99 %", "99.9 %"});
    double sum = 0, sum_ceiling = 0;
    for (const direction d : both_directions) {
        if (!run.of(d)) continue;
        const direction_record& r = *run.of(d);
        const auto latency = [&](double q) { return human_time(static_cast<double>(r.latency.quantile(q))); };
        out += row({std::string(to_string(d)), human_rate(r.rate()), human_rate(r.ceiling),
                    human_share(r.rate(), r.ceiling), grouped(r.transfers), latency(0.5), latency(0.99),
                    latency(0.999)});
        sum += r.rate();
        sum_ceiling += r.ceiling;
    }
    if (run.directions[0] && run.directions[1])
        out += row({"both", human_rate(sum), human_rate(sum_ceiling), human_share(sum, sum_ceiling),
                    grouped(run.transfers()), "", "", ""});
    out += "\nCPU       " + human_share(run.cpu_seconds, run.seconds) + " of a core for the program, " +
           fixed(run.cpu_ns_per_transfer(), 0) + " ns a transfer; " +
           human_share(run.process_cpu_seconds, run.seconds) + " for the whole process\n";
    out += std::string("data      ") +
           (!run.verified   ? "not checked"
            : *run.verified ? "verified"
                            : "DIFFERS") +
           "\n";
    if (run.errors) out += "errors    " + grouped(run.errors) + "\n";
    return out;
}

outputs::outputs(const common_options& options)
    : options_(options), report_(opened(options.report)), trace_(opened(options.trace))
{
}

int outputs::deliver(const run_record& run, const json& extra, const std::string& lines)
{
    if (report_.is_open()) {
        write_report(report_, run);
        closed(report_, options_.report);
    }
    if (trace_.is_open()) {
        write_trace(trace_, run);
        closed(trace_, options_.trace);
    }
    if (options_.json) {
        json object = to_json(run);
        object.update(extra);
        std::printf("%s\n", object.dump(2, ' ', false, json::error_handler_t::replace).c_str());
    } else {
        std::printf("%s%s", text_table(run).c_str(), lines.c_str());
        if (!options_.report.empty()) std::printf("report    %s\n", options_.report.c_str());
        if (!options_.trace.empty()) std::printf("trace     %s\n", options_.trace.c_str());
        if (run.segments_dropped)
            std::printf("          the trace holds the first %s list elements; %s more are not in it\n",
                        grouped(run.segments.size()).c_str(), grouped(run.segments_dropped).c_str());
    }
    if (std::fflush(stdout) != 0) throw_file_error("standard output");
    return run.errors == 0 && run.verified.value_or(true) ? done : failed;
}

} // namespace cf::cli
