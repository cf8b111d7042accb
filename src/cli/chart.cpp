// SPDX-License-Identifier: MIT
//
// The drawings of a report.
#include "cli/chart.hpp"

#include "cli/format.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace cf::cli {
namespace {

// The drawing's own units; the page scales it.
constexpr double width = 900, height = 306;
constexpr double left = 64, right = 790, top = 30, bottom = 276;

std::string number(double v) { return fixed(v, 1); }

std::string element(std::string_view name, const std::string& attributes, const std::string& content)
{
    return "<" + std::string(name) + " " + attributes + ">" + content + "</" + std::string(name) + ">\n";
}

std::string line(std::string_view css, double x1, double y1, double x2, double y2)
{
    return "<line class=\"" + std::string(css) + "\" x1=\"" + number(x1) + "\" y1=\"" + number(y1) +
           "\" x2=\"" + number(x2) + "\" y2=\"" + number(y2) + "\"/>\n";
}

std::string label(std::string_view css, double x, double y, std::string_view anchor, const std::string& text)
{
    return element("text",
                   "class=\"" + std::string(css) + "\" x=\"" + number(x) + "\" y=\"" + number(y) +
                       "\" text-anchor=\"" + std::string(anchor) + "\"",
                   text);
}

/// 1, 2 or 5 times a power of ten, so that about `count` steps make `range`.
double nice_step(double range, int count)
{
    const double rough = range / count;
    const double power = std::pow(10.0, std::floor(std::log10(rough)));
    for (const double factor : {1.0, 2.0, 5.0})
        if (rough <= factor * power) return factor * power;
    return 10 * power;
}

/// As many decimals as a multiple of `step` needs.
std::string tick_text(double value, double step)
{
    return fixed(value, std::max(0, static_cast<int>(std::ceil(-std::log10(step) - 1e-9))));
}

struct linear_axis {
    double high; ///< the axis starts at 0
    double from, to;

    double operator()(double v) const { return from + (to - from) * v / high; }
};

/// Horizontal lines with their values, and the axis itself.
std::string vertical_grid(const linear_axis& y, const std::string& unit)
{
    std::string out;
    const double step = nice_step(y.high, 5);
    for (double v = 0; v <= y.high * 1.0001; v += step) {
        out += line(v == 0 ? "axis" : "grid", left, y(v), right, y(v));
        out += label("tick", left - 8, y(v) + 4, "end", tick_text(v, step));
    }
    return out + label("tick", left - 8, top - 14, "end", unit);
}

std::string drawing(const std::string& title, const std::string& content)
{
    return element("svg",
                   "viewBox=\"0 0 " + number(width) + " " + number(height) + "\" role=\"img\" aria-label=\"" +
                       title + "\"",
                   "\n" + content);
}

/// At most `count` samples: neighbours are added up, and a last piece too short to say anything
/// joins the one before it.
std::vector<rate_sample> thinned(const std::vector<rate_sample>& samples, std::size_t count)
{
    const std::size_t group = (samples.size() + count - 1) / count;
    std::vector<rate_sample> out;
    const auto join = [](rate_sample& into, const rate_sample& s) {
        into.end_s = s.end_s;
        into.span_s += s.span_s;
        for (std::size_t d = 0; d < 2; ++d) into.bytes[d] += s.bytes[d];
    };
    for (std::size_t i = 0; i < samples.size(); ++i) {
        const bool stub = i + 1 == samples.size() && i > 0 && samples[i].span_s < samples[i - 1].span_s / 2;
        if (i % group == 0 && !stub)
            out.push_back(samples[i]);
        else
            join(out.back(), samples[i]);
    }
    return out;
}

/// Names at the right edge, moved apart where they would overlap.
struct edge_label {
    double y;
    std::string css;
    std::string text;
};

std::string edge_labels(std::vector<edge_label> labels)
{
    constexpr double gap = 15;
    std::sort(labels.begin(), labels.end(), [](const auto& a, const auto& b) { return a.y < b.y; });
    std::string out;
    double free_from = top;
    for (const edge_label& l : labels) {
        const double y = std::max(l.y + 4, free_from);
        free_from = y + gap;
        out += label(l.css, right + 6, y, "start", l.text);
    }
    return out;
}

/// Histogram counts in forty steps a decade, which are wider than the histogram's buckets.
struct latency_bins {
    static constexpr int per_decade = 40;
    std::vector<double> share; ///< of all transfers, by bin

    static double position(double ns) { return std::log10(std::max(ns, 1.0)) * per_decade; }

    explicit latency_bins(const histogram& h) : share(static_cast<std::size_t>(20 * per_decade), 0.0)
    {
        h.for_each([&](std::uint64_t low, std::uint64_t high, std::uint64_t count) {
            // A bucket counts where its middle lies; buckets are far narrower than bins.
            const double middle = (static_cast<double>(low) + static_cast<double>(high)) / 2;
            share[static_cast<std::size_t>(position(middle))] +=
                static_cast<double>(count) / static_cast<double>(h.count());
        });
    }
};

} // namespace

std::string throughput_chart(const run_record& run)
{
    if (run.samples.empty()) return "";
    const std::vector<rate_sample> samples = thinned(run.samples, 360);
    double highest = 1e-6;
    for (const direction d : both_directions) {
        if (!run.of(d)) continue;
        if (std::isfinite(run.of(d)->ceiling)) highest = std::max(highest, run.of(d)->ceiling / 1e9);
        for (const rate_sample& s : samples) highest = std::max(highest, s.rate(d) / 1e9);
    }
    const linear_axis x{samples.back().end_s, left, right};
    const linear_axis y{highest * 1.08, bottom, top};

    std::string out = vertical_grid(y, "GB/s");
    const double step = nice_step(x.high, 8);
    for (double v = 0; v <= x.high * 1.0001; v += step)
        out += label("tick", x(v), bottom + 22, "middle", v == 0 ? "0" : tick_text(v, step) + " s");

    std::vector<edge_label> labels;
    for (const direction d : both_directions) {
        if (!run.of(d)) continue;
        const std::string name(to_string(d));
        const double ceiling = run.of(d)->ceiling / 1e9;
        if (std::isfinite(ceiling)) {
            out += line("ceiling " + name, left, y(ceiling), right, y(ceiling));
            labels.push_back({y(ceiling), "name " + name, fixed(ceiling, 3) + " ceiling"});
        }
        std::string path;
        for (const rate_sample& s : samples) {
            const double level = y(s.rate(d) / 1e9);
            path += (path.empty() ? "M" : "L") + number(x(s.end_s - s.span_s)) + " " + number(level) + "L" +
                    number(x(s.end_s)) + " " + number(level);
        }
        const std::string mean = human_rate(run.of(d)->rate());
        out += element("path", "class=\"curve " + name + "\" d=\"" + path + "\"",
                       element("title", "", name + ": " + mean + " on average"));
    }
    return drawing("Throughput of both directions over time", out + edge_labels(std::move(labels)));
}

std::string latency_chart(const run_record& run)
{
    double low = 1e30, high = 0, highest = 0;
    for (const direction d : both_directions) {
        if (!run.of(d) || run.of(d)->latency.count() == 0) continue;
        const histogram& h = run.of(d)->latency;
        low = std::min(low, latency_bins::position(static_cast<double>(h.min())));
        high = std::max(high, latency_bins::position(static_cast<double>(h.max())));
        for (const double s : latency_bins(h).share) highest = std::max(highest, s);
    }
    if (highest == 0) return "";
    const int first = static_cast<int>(low) - 1, last = static_cast<int>(high) + 2; // bins shown
    const auto x = [&](double bin) { return left + (right - left) * (bin - first) / (last - first); };
    const linear_axis y{highest * 108, bottom, top};

    std::string out = vertical_grid(y, "%");
    const bool narrow = last - first < latency_bins::per_decade;
    for (int decade = 0; decade < 20; ++decade) {
        for (const int factor : {1, 2, 3, 5, 7}) {
            if (!narrow && (factor == 3 || factor == 7)) continue;
            const double ns = factor * std::pow(10.0, decade);
            const double bin = latency_bins::position(ns);
            if (bin < first || bin > last) continue;
            out += line("grid", x(bin), top, x(bin), bottom);
            out += label("tick", x(bin), bottom + 22, "middle",
                         ns < 1e3   ? fixed(ns, 0) + " ns"
                         : ns < 1e6 ? fixed(ns / 1e3, 0) + " us"
                         : ns < 1e9 ? fixed(ns / 1e6, 0) + " ms"
                                    : fixed(ns / 1e9, 0) + " s");
        }
    }
    for (const direction d : both_directions) {
        if (!run.of(d) || run.of(d)->latency.count() == 0) continue;
        const latency_bins bins(run.of(d)->latency);
        std::string path = "M" + number(x(first)) + " " + number(bottom);
        for (int bin = std::max(first, 0); bin < last; ++bin) {
            const double level = y(100 * bins.share[static_cast<std::size_t>(bin)]);
            path +=
                "L" + number(x(bin)) + " " + number(level) + "L" + number(x(bin + 1)) + " " + number(level);
        }
        path += "L" + number(x(last)) + " " + number(bottom);
        const std::string name(to_string(d));
        out += "<path class=\"area " + name + "\" d=\"" + path + "Z\"/>\n";
        out += "<path class=\"curve " + name + "\" d=\"" + path + "\"/>\n";
    }
    return drawing("Latency of transfers", out);
}

} // namespace cf::cli
