// SPDX-License-Identifier: MIT
//
// Progress while something long runs: one line that is redrawn on a terminal, plain lines now
// and then elsewhere. It shows both directions, their rates and how close they are to their
// ceilings.
#pragma once

#include "cli/run_record.hpp"

#include <array>
#include <cstdio>
#include <string>

namespace cf::cli {

/// What one moment looks like.
struct progress {
    double elapsed_s = 0;
    double done = -1;                ///< share of the work, 0..1; negative: not known
    std::array<double, 2> rate{};    ///< bytes/s, by direction
    std::array<double, 2> ceiling{}; ///< bytes/s; infinity on a null link
    std::array<bool, 2> runs{};      ///< which directions take part
    std::string note{};              ///< what else there is to say, or nothing
};

/// How the output wants to be written to.
struct terminal {
    bool redraws = false; ///< a terminal, not a file or a pipe
    bool color = false;   ///< and NO_COLOR does not forbid it
    bool utf8 = false;
    unsigned width = 80; ///< columns

    static terminal of(std::FILE* out);
};

/// The line, without what erases the one before. Pure: for live_line and its tests.
std::string render(const progress& now, const terminal& to);

/// Shows progress on stderr or keeps quiet. One thread.
class live_line {
public:
    /// How progress is shown: as fits the output, only on a terminal, or never.
    enum class mode : std::uint8_t { automatic, terminal_only, off };

    explicit live_line(mode m, std::FILE* out = stderr);
    live_line(const live_line&) = delete;
    live_line& operator=(const live_line&) = delete;
    ~live_line() { finish(); }

    /// False when show() would do nothing at `elapsed_s`: ten lines a second on a terminal, one
    /// elsewhere.
    bool due(double elapsed_s) const noexcept { return elapsed_s >= next_s_; }
    void show(const progress& now);

    /// Erases the line, so that what is printed next starts on a clean one.
    void finish() noexcept;

private:
    std::FILE* out_;
    terminal terminal_;
    double next_s_;
    bool drawn_ = false;
};

} // namespace cf::cli
