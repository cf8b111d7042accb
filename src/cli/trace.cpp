// SPDX-License-Identifier: MIT
//
// The trace-event writer. It streams: a trace may hold a million slices.
#include "cli/trace.hpp"

#include "cli/format.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <ostream>

namespace cf::cli {
namespace {

constexpr int process = 1;

std::string text(std::string_view value)
{
    return nlohmann::json(value).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// Nanoseconds as the format's microseconds, exactly.
std::string microseconds(std::uint64_t ns)
{
    const std::string digits = std::to_string(ns % 1000);
    return std::to_string(ns / 1000) + "." + std::string(3 - digits.size(), '0') + digits;
}

/// Events are written as the elements of one array, a line each.
class event_list {
public:
    explicit event_list(std::ostream& out) : out_(out) {}

    std::ostream& next() { return out_ << (std::exchange(first_, false) ? "\n" : ",\n"); }

    void metadata(std::string_view what, unsigned thread, std::string_view key, const std::string& value)
    {
        next() << R"({"ph":"M","pid":)" << process << R"(,"tid":)" << thread << R"(,"name":)" << text(what)
               << R"(,"args":{")" << key << "\":" << value << "}}";
    }

private:
    std::ostream& out_;
    bool first_ = true;
};

/// Threads are numbered from 1: zero is the process itself.
unsigned thread_of(unsigned channel) { return channel + 1; }

void write_slice(event_list& events, const trace_slice& s)
{
    std::string name = std::string(to_string(s.kind)) + " " + human_size(s.bytes);
    if (s.elements > 1) name += " in " + std::to_string(s.elements);
    if (s.failed) name += " failed";
    events.next() << R"({"ph":"X","pid":)" << process << R"(,"tid":)" << thread_of(s.channel) << R"(,"ts":)"
                  << microseconds(s.start_ns) << R"(,"dur":)" << microseconds(s.end_ns - s.start_ns)
                  << R"(,"cat":)" << text(s.failed ? "failed" : to_string(s.kind)) << R"(,"name":)"
                  << text(name) << R"(,"args":{"bytes":)" << s.bytes << R"(,"elements":)" << s.elements
                  << "}}";
}

void write_counters(event_list& events, const run_record& run)
{
    const auto put = [&](direction d, double at_s, double rate) {
        events.next() << R"({"ph":"C","pid":)" << process << R"(,"ts":)"
                      << microseconds(static_cast<std::uint64_t>(std::max(0.0, at_s) * 1e9)) << R"(,"name":)"
                      << text(std::string(to_string(d)) + " GB/s") << R"(,"args":{"GB/s":)"
                      << fixed(rate / 1e9, 6) << "}}";
    };
    for (const direction d : both_directions) {
        if (!run.of(d)) continue;
        for (const rate_sample& s : run.samples) put(d, s.end_s - s.span_s, s.rate(d));
        if (!run.samples.empty()) put(d, run.samples.back().end_s, 0);
    }
}

} // namespace

std::vector<trace_slice> trace_slices(const run_record& run)
{
    std::vector<trace_slice> slices;
    slices.reserve(run.segments.size());
    const auto since_start = [&](std::uint64_t ns) { return ns - std::min(ns, run.trace_start_ns); };
    // Index of each channel's last slice.
    std::vector<std::size_t> last(run.channels.size(), SIZE_MAX);
    for (const segment_record& s : run.segments) {
        if (s.channel >= last.size()) last.resize(s.channel + 1, SIZE_MAX);
        std::size_t& previous = last[s.channel];
        const std::uint64_t busy_until = previous == SIZE_MAX ? 0 : slices[previous].end_ns;
        const std::uint64_t start = std::max(since_start(s.queued_ns), busy_until);
        const std::uint64_t end = std::max(since_start(s.done_ns), start);
        if (end > start || previous == SIZE_MAX) {
            previous = slices.size();
            slices.push_back({start, std::max(end, start + 1), 0, 0, s.channel, s.kind, false});
        }
        trace_slice& slice = slices[previous];
        slice.bytes += s.bytes;
        ++slice.elements;
        slice.failed = slice.failed || s.failed;
    }
    return slices;
}

void write_trace(std::ostream& out, const run_record& run)
{
    out << R"({"displayTimeUnit":"ns","otherData":{"version":)" << text(COUNTERFLOW_VERSION)
        << R"(,"device":)" << text(run.device) << R"(,"started":)" << text(run.started)
        << R"(,"segments_dropped":)" << run.segments_dropped << R"(},"traceEvents":[)";
    event_list events(out);
    events.metadata("process_name", 0, "name", text("counterflow " + run.command + " " + run.device));
    for (unsigned i = 0; i < run.channels.size(); ++i) {
        events.metadata("thread_name", thread_of(i), "name", text(run.channels[i]));
        events.metadata("thread_sort_index", thread_of(i), "sort_index", std::to_string(i));
    }
    for (const trace_slice& s : trace_slices(run)) write_slice(events, s);
    write_counters(events, run);
    out << "\n]}\n";
}

} // namespace cf::cli
