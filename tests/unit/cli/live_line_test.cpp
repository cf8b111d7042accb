// SPDX-License-Identifier: MIT
//
// The live line: what it shows, how it fits, when it keeps quiet.
#include "catch.hpp"

#include "cli/live_line.hpp"

#include <cstdlib>
#include <limits>
#include <string>

using namespace cf::cli;

namespace {

progress halfway()
{
    progress now;
    now.elapsed_s = 12.34;
    now.done = 0.5;
    now.rate = {0.874e9, 0.4e9};
    now.ceiling = {0.882e9, 0.8e9};
    now.runs = {true, true};
    return now;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// Columns of a UTF-8 text.
std::size_t columns(const std::string& text)
{
    std::size_t n = 0;
    for (const char c : text) n += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    return n;
}

/// What a live line writes into a file, which is no terminal.
class captured {
public:
    captured() : file(open_memstream(&text_, &size_)) {}
    ~captured()
    {
        std::fclose(file);
        std::free(text_);
    }
    captured(const captured&) = delete;
    captured& operator=(const captured&) = delete;

    std::string text()
    {
        std::fflush(file);
        return {text_, size_};
    }

private:
    char* text_ = nullptr;
    std::size_t size_ = 0;

public:
    std::FILE* file;
};

} // namespace

TEST_CASE("both directions, rates and shares", "[live]")
{
    const std::string line = render(halfway(), terminal{});
    CHECK(has(line, "rp_to_ep 0.874 GB/s  99.1 %"));
    CHECK(has(line, "ep_to_rp 0.400 GB/s  50.0 %"));
    CHECK(has(line, "12.3 s"));
    CHECK(has(line, "50 %"));
    CHECK_FALSE(has(line, "\x1b"));
}

TEST_CASE("a direction that does not run is not shown", "[live]")
{
    progress now = halfway();
    now.runs[0] = false;
    CHECK_FALSE(has(render(now, terminal{}), "rp_to_ep"));
    CHECK_FALSE(has(render(now, terminal{true, true, true, 120}), "rp_to_ep"));
}

TEST_CASE("without ceiling or end there are no shares", "[live]")
{
    progress now = halfway();
    now.ceiling.fill(std::numeric_limits<double>::infinity());
    now.done = -1;
    CHECK_FALSE(has(render(now, terminal{}), "%"));
}

TEST_CASE("the line fits its terminal", "[live]")
{
    progress full = halfway();
    full.elapsed_s = 12345.6;
    full.done = 1;
    full.rate = {52.73e9, 49.72e9};
    full.ceiling = full.rate;
    for (const bool utf8 : {false, true}) {
        for (unsigned width = 1; width <= 200; ++width) {
            CAPTURE(width, utf8);
            // One column stays free: a line that fills the last one may be broken there.
            CHECK(columns(render(full, terminal{true, false, utf8, width})) < width);
            CHECK(columns(render(halfway(), terminal{true, false, utf8, width})) < width);
        }
    }
}

TEST_CASE("bars show the share", "[live]")
{
    const std::string ascii = render(halfway(), terminal{true, false, false, 200});
    CHECK(has(ascii, "rp_to_ep #################### "));
    CHECK(has(ascii, "ep_to_rp ##########.......... "));
    const std::string utf8 = render(halfway(), terminal{true, false, true, 200});
    CHECK(has(utf8, "ep_to_rp ██████████           "));
}

TEST_CASE("colour only where wanted", "[live]")
{
    CHECK(has(render(halfway(), terminal{true, true, true, 200}), "\x1b[34m"));
    CHECK_FALSE(has(render(halfway(), terminal{true, false, true, 200}), "\x1b["));
}

TEST_CASE("off a terminal a plain line a second", "[live]")
{
    captured out;
    {
        live_line live(live_line::mode::automatic, out.file);
        progress now = halfway();
        for (int tenth = 0; tenth <= 35; ++tenth) {
            now.elapsed_s = tenth / 10.0;
            live.show(now);
        }
    }
    const std::string text = out.text();
    CHECK(std::count(text.begin(), text.end(), '\n') == 3);
    CHECK(text.find('\r') == std::string::npos);
    CHECK(text.find('\x1b') == std::string::npos);
    CHECK(has(text, "1.0 s"));
    CHECK(has(text, "3.0 s"));
}

TEST_CASE("quiet modes say nothing", "[live]")
{
    captured out;
    for (const live_line::mode m : {live_line::mode::off, live_line::mode::terminal_only}) {
        live_line live(m, out.file);
        progress now = halfway();
        now.elapsed_s = 1e6;
        CHECK_FALSE(live.due(now.elapsed_s));
        live.show(now);
    }
    CHECK(out.text().empty());
}
