// SPDX-License-Identifier: MIT
//
// The words, the drawings and the page of a plan.
#include "cli/plan_report.hpp"

#include "cli/format.hpp"
#include "cli/report.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <ostream>
#include <set>

namespace cf::cli {
namespace {

// The drawing's own units; the page scales it.
constexpr double width = 900, height = 320, left = 64, right = 780, top = 20, bottom = 280;

std::string place(double v) { return fixed(v, 1); }

/// A hue for the n-th of several curves, readable on light and dark.
std::string colour(std::size_t n, std::size_t of)
{
    return "hsl(" + std::to_string(210 + 300 * n / std::max<std::size_t>(of, 1)) + " 65% 50%)";
}

std::string text(double x, double y, std::string_view anchor, const std::string& what)
{
    return "<text class=\"tick\" x=\"" + place(x) + "\" y=\"" + place(y) + "\" text-anchor=\"" +
           std::string(anchor) + "\">" + what + "</text>\n";
}

/// The emptier direction by size, a curve for each number outstanding, of one number of channels.
std::string utilisation_chart(const std::vector<plan_point>& points, unsigned channels)
{
    std::map<unsigned, std::map<std::uint64_t, double>> curves;
    std::set<std::uint64_t> sizes;
    for (const plan_point& p : points) {
        if (p.channels != channels) continue;
        curves[p.outstanding][p.size] = p.least();
        sizes.insert(p.size);
    }
    const double low = std::log2(static_cast<double>(*sizes.begin()));
    const double high = std::max(std::log2(static_cast<double>(*sizes.rbegin())), low + 1);
    const auto x = [&](std::uint64_t size) {
        return left + (right - left) * (std::log2(static_cast<double>(size)) - low) / (high - low);
    };
    const auto y = [](double share) { return bottom - (bottom - top) * std::min(share, 1.0); };

    std::string out = "<svg viewBox=\"0 0 " + place(width) + " " + place(height) +
                      "\" role=\"img\" aria-label=\"Utilisation by size, " + std::to_string(channels) +
                      " channels\">\n";
    for (int percent = 0; percent <= 100; percent += 20) {
        out += "<line class=\"grid\" x1=\"" + place(left) + "\" y1=\"" + place(y(percent / 100.0)) +
               "\" x2=\"" + place(right) + "\" y2=\"" + place(y(percent / 100.0)) + "\"/>\n";
        out += text(left - 8, y(percent / 100.0) + 4, "end", std::to_string(percent) + " %");
    }
    for (const std::uint64_t size : sizes) out += text(x(size), bottom + 22, "middle", human_size(size));
    std::size_t n = 0;
    for (const auto& [outstanding, curve] : curves) {
        const std::string stroke = colour(n++, curves.size());
        std::string path;
        for (const auto& [size, share] : curve)
            path += (path.empty() ? "M" : "L") + place(x(size)) + " " + place(y(share));
        out += "<path class=\"curve\" style=\"stroke:" + stroke + "\" d=\"" + path + "\"/>\n";
        for (const auto& [size, share] : curve)
            out += "<circle cx=\"" + place(x(size)) + "\" cy=\"" + place(y(share)) +
                   "\" r=\"3\" style=\"fill:" + stroke + "\"><title>" + human_size(size) + ", " +
                   std::to_string(outstanding) + " outstanding: " + human_share(share, 1) +
                   "</title></circle>\n";
        const double level = top + 16 * static_cast<double>(n);
        out += "<line style=\"stroke-width:3;stroke:" + stroke + "\" x1=\"" + place(right + 14) + "\" y1=\"" +
               place(level) + "\" x2=\"" + place(right + 34) + "\" y2=\"" + place(level) + "\"/>\n";
        out += text(right + 40, level + 4, "start", std::to_string(outstanding) + " outstanding");
    }
    return out + "</svg>\n";
}

std::string in_words(const plan_point& p)
{
    return std::to_string(p.outstanding) + " transfers of " + human_size(p.size) +
           " in flight a direction on " + std::to_string(p.channels) +
           (p.channels == 1 ? " channel" : " channels") + " of each kind";
}

std::string_view explained(limit l)
{
    switch (l) {
    case limit::link: return "the link";
    case limit::software: return "the processor time of software";
    case limit::wake_up: return "the time from an interrupt to the program";
    case limit::tags: return "the number of outstanding read requests (tags)";
    case limit::credits: return "the flow control credits of posted writes (ph, pd)";
    case limit::gap: return "the gap between one descriptor and the next";
    case limit::fetch: return "the time in which the engine fetches list elements";
    case limit::in_flight: return "too little in flight for the round trip";
    }
    __builtin_unreachable();
}

void write_table(std::ostream& out, const std::vector<plan_point>& points, const plan_point& chosen)
{
    out << "<section><h2>All points</h2><div "
           "class=\"wide\"><table>\n<tr><th>Transfer</th><th>outstanding</th>"
           "<th>channels</th><th>rp_to_ep</th><th></th><th>ep_to_rp</th><th></th><th>latency</th><th>CPU</th>"
           "<th>limit</th></tr>\n";
    for (const plan_point& p : points) {
        out << "<tr><td>" << human_size(p.size) << (&p == &chosen ? " &#9664;" : "") << "</td><td>"
            << p.outstanding << "</td><td>" << p.channels << "</td>";
        for (std::size_t d = 0; d < 2; ++d)
            out << "<td>" << human_rate(p.rate[d]) << "</td><td>" << human_share(p.utilisation[d], 1)
                << "</td>";
        out << "<td>" << human_time(p.latency_ns) << "</td><td>" << fixed(100 * p.cpu_share, 0)
            << " %</td><td>" << to_string(p.held_by) << "</td></tr>\n";
    }
    out << "</table></div></section>\n";
}

} // namespace

std::string advice(const std::vector<plan_point>& points, const plan_point& chosen)
{
    if (chosen.least() < full_link)
        return "No point fills the link. The fullest is " + in_words(chosen) + ", with " +
               human_share(chosen.least(), 1) +
               " of the emptier direction's ceiling; what holds it back is " +
               std::string(explained(chosen.held_by)) + ".";
    std::string said = "Choose " + in_words(chosen) + ": " + human_share(chosen.utilisation[0], 1) + " and " +
                       human_share(chosen.utilisation[1], 1) + " of the ceilings, " +
                       human_time(chosen.latency_ns) + " a transfer, " + fixed(100 * chosen.cpu_share, 0) +
                       " % of a core.";
    const auto half = std::ranges::find_if(points, [&](const plan_point& p) {
        return p.size == chosen.size && p.channels == chosen.channels &&
               2 * p.outstanding == chosen.outstanding;
    });
    if (half != points.end())
        said += " Half as many outstanding reach " + human_share(half->least(), 1) + ", held back by " +
                std::string(explained(half->held_by)) + ".";
    return said;
}

void write_plan_report(std::ostream& out, const device_spec& spec, const std::vector<plan_point>& points,
                       const plan_point& chosen)
{
    write_page_start(out, "counterflow plan: " + spec.text, "counterflow plan",
                     spec.text + ", " + human_link(spec.model.link));
    out << "<section><h2>What to choose</h2><p>" << escaped(advice(points, chosen)) << "</p></section>\n";
    std::set<unsigned> channels;
    for (const plan_point& p : points) channels.insert(p.channels);
    for (const unsigned n : channels)
        out << "<section><h2>Share of its ceiling that the emptier direction reaches, " << n
            << (n == 1 ? " channel" : " channels") << " of each kind</h2>\n"
            << utilisation_chart(points, n) << "</section>\n";
    write_table(out, points, chosen);
    write_page_end(
        out, "GB is 10&#8313; bytes. Simulated with both directions at once. A limit is what helps most "
             "when it is taken away.");
}

} // namespace cf::cli
