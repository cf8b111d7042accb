// SPDX-License-Identifier: MIT
//
// The live line.
#include "cli/live_line.hpp"

#include "cli/format.hpp"
#include "log/log.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string_view>

#include <sys/ioctl.h>
#include <unistd.h>

namespace cf::cli {
namespace {

/// An environment variable; empty when it is not set.
std::string_view environment(const char* name)
{
    const char* const value = std::getenv(name);
    return value ? value : "";
}

/// The locale's character set by the variables that decide it, in their order.
bool environment_is_utf8()
{
    for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
        const std::string_view value = environment(name);
        if (value.empty()) continue;
        return value.find("UTF-8") != std::string_view::npos || value.find("utf8") != std::string_view::npos;
    }
    return false;
}

/// `cells` columns, `share` of them filled, to an eighth of a column where UTF-8 allows it.
std::string bar(double share, unsigned cells, bool utf8)
{
    static constexpr std::string_view eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    share = std::clamp(share, 0.0, 1.0);
    const unsigned steps = utf8 ? 8 : 1; // of a column
    const unsigned filled = static_cast<unsigned>(std::lround(share * cells * steps)) * (8 / steps);
    std::string out;
    unsigned columns = filled / 8;
    for (unsigned i = 0; i < columns; ++i) out += utf8 ? "█" : "#";
    if (utf8 && filled % 8) {
        out += eighths[filled % 8];
        ++columns;
    }
    for (; columns < cells; ++columns) out += utf8 ? " " : ".";
    return out;
}

std::string painted(const std::string& text, direction d, bool color)
{
    if (!color) return text;
    return (d == direction::rp_to_ep ? "\x1b[34m" : "\x1b[33m") + text + "\x1b[0m";
}

unsigned width_of(int fd, unsigned otherwise)
{
    winsize size{};
    return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : otherwise;
}

std::string direction_part(const progress& now, direction d, const terminal& to, unsigned cells)
{
    const std::size_t i = static_cast<std::size_t>(d);
    std::string out(to_string(d));
    if (cells) {
        const double share =
            std::isfinite(now.ceiling[i]) && now.ceiling[i] > 0 ? now.rate[i] / now.ceiling[i] : 0;
        out += " " + painted(bar(share, cells, to.utf8), d, to.color);
    }
    out += " " + human_rate(now.rate[i]);
    const std::string share = human_share(now.rate[i], now.ceiling[i]);
    if (share != "-") out += " " + std::string(share.size() < 7 ? 7 - share.size() : 0, ' ') + share;
    return out;
}

} // namespace

terminal terminal::of(std::FILE* out)
{
    terminal t;
    const int fd = fileno(out);
    const char* const kind = std::getenv("TERM");
    const bool dumb = !kind || std::string_view(kind) == "dumb";
    t.redraws = fd >= 0 && isatty(fd) && !dumb;
    t.color = t.redraws && environment("NO_COLOR").empty();
    t.utf8 = environment_is_utf8();
    if (t.redraws) t.width = width_of(fd, t.width);
    return t;
}

std::string render(const progress& now, const terminal& to)
{
    std::string tail = fixed(now.elapsed_s, 1) + " s";
    if (now.done >= 0) tail += "  " + fixed(100 * std::min(now.done, 1.0), 0) + " %";
    if (!now.note.empty()) tail += "  " + now.note;
    if (to.redraws) {
        // Label, rate, share and the gaps take 30 columns a direction; the bars get the rest.
        // The last column stays free: some terminals break the line once it is taken.
        const unsigned width = to.width - 1;
        const unsigned taken = 2 * 30 + static_cast<unsigned>(tail.size()) + 4;
        const unsigned cells = width > taken ? std::min(20u, (width - taken) / 2) : 0;
        std::string out;
        for (const direction d : both_directions)
            if (now.runs[static_cast<std::size_t>(d)])
                out += direction_part(now, d, to, cells < 4 ? 0 : cells) + "   ";
        out += tail;
        // Without bars a column is a byte.
        return cells < 4 ? out.substr(0, width) : out;
    }
    std::string out = tail;
    for (const direction d : both_directions)
        if (now.runs[static_cast<std::size_t>(d)]) out += "   " + direction_part(now, d, to, 0);
    return out;
}

live_line::live_line(mode m, std::FILE* out) : out_(out), terminal_(terminal::of(out))
{
    const bool silent = m == mode::off || (m == mode::terminal_only && !terminal_.redraws);
    next_s_ = silent ? std::numeric_limits<double>::infinity() : terminal_.redraws ? 0.1 : 1;
}

void live_line::show(const progress& now)
{
    if (!due(now.elapsed_s)) return;
    next_s_ = now.elapsed_s + (terminal_.redraws ? 0.1 : 1);
    if (terminal_.redraws) terminal_.width = width_of(fileno(out_), terminal_.width);
    const std::string line = render(now, terminal_);
    if (terminal_.redraws) {
        std::fprintf(out_, "\r%s\x1b[K", line.c_str());
        drawn_ = true;
        log::overwrite_last_line(true);
    } else {
        std::fprintf(out_, "%s\n", line.c_str());
    }
    std::fflush(out_);
}

void live_line::finish() noexcept
{
    if (!drawn_) return;
    log::overwrite_last_line(false);
    std::fputs("\r\x1b[K", out_);
    std::fflush(out_);
    drawn_ = false;
}

} // namespace cf::cli
