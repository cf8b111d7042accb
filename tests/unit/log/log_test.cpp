// SPDX-License-Identifier: MIT
//
// Levels by part, what reaches stderr, and the ring of last events.
#include "catch.hpp"

#include "log/log.hpp"
#include <counterflow/error.hpp>
#include <counterflow/log.hpp>

#include <spdlog/sinks/ostream_sink.h>

#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

namespace {

using cf::log::part;
using spdlog::level::level_enum;

constexpr part all_parts[] = {part::runtime, part::device, part::edma, part::model, part::cli};

std::size_t count(const std::string& text, const std::string& what)
{
    std::size_t n = 0;
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
    return n;
}

/// Catches what one part logs.
class listener {
public:
    explicit listener(part p) : logger_(cf::log::logger(p)), old_(logger_.sinks())
    {
        logger_.sinks() = {std::make_shared<spdlog::sinks::ostream_sink_mt>(text_)};
        logger_.set_pattern("%l %n: %v");
    }
    ~listener()
    {
        logger_.sinks() = old_;
        cf::set_log_level("warn");
    }

    std::string text() const { return text_.str(); }

private:
    std::ostringstream text_;
    spdlog::logger& logger_;
    std::vector<spdlog::sink_ptr> old_;
};

/// Counts how often it is formatted.
struct counted {
    int* formatted;
};

} // namespace

template <>
struct spdlog::fmt_lib::formatter<counted> {
    constexpr auto parse(spdlog::fmt_lib::format_parse_context& text) { return text.begin(); }
    auto format(const counted& c, spdlog::fmt_lib::format_context& out) const
    {
        return spdlog::fmt_lib::format_to(out.out(), "{}", ++*c.formatted);
    }
};

TEST_CASE("a level for all parts and levels by part", "[log]")
{
    cf::set_log_level("info");
    for (const part p : all_parts) CHECK(cf::log::logger(p).level() == level_enum::info);

    cf::set_log_level("edma=debug,model=off");
    CHECK(cf::log::logger(part::edma).level() == level_enum::debug);
    CHECK(cf::log::logger(part::model).level() == level_enum::off);
    CHECK(cf::log::logger(part::device).level() == level_enum::info);

    cf::set_log_level("cli=trace,error");
    CHECK(cf::log::logger(part::cli).level() == level_enum::trace);
    CHECK(cf::log::logger(part::edma).level() == level_enum::err);
    cf::set_log_level("warn");
}

TEST_CASE("a wrong level names itself and changes nothing", "[log]")
{
    cf::set_log_level("warn");
    for (const char* text :
         {"", "loud", "edma=", "edma=loud", "edma=info,", "disk=info", "=info", "info,disk=warn"}) {
        CAPTURE(text);
        CHECK_THROWS_AS(cf::set_log_level(text), cf::error);
    }
    for (const part p : all_parts) CHECK(cf::log::logger(p).level() == level_enum::warn);
    try {
        cf::set_log_level("disk=info");
    } catch (const cf::error& e) {
        CHECK(e.code() == cf::errc::bad_argument);
        CHECK(std::string(e.what()).find("'disk'") != std::string::npos);
        CHECK(std::string(e.what()).find("runtime, device, edma, model, cli") != std::string::npos);
    }
}

TEST_CASE("nothing is formatted below the level", "[log]")
{
    listener heard(part::edma);
    int formatted = 0;
    cf::set_log_level("info");
    cf::log::debug(part::edma, "doorbell channel={}", counted{&formatted});
    CHECK(formatted == 0);
    CHECK(heard.text().empty());
    cf::set_log_level("edma=debug");
    cf::log::debug(part::edma, "doorbell channel={}", counted{&formatted});
    CHECK(formatted == 1);
    CHECK(heard.text() == "debug edma: doorbell channel=1\n");
}

TEST_CASE("events are kept whatever the level, and logged when it is on", "[log]")
{
    listener heard(part::device);
    cf::set_log_level("off");
    cf::log::event(part::device, level_enum::warn, "abort", "remote RD1",
                   {{"element", 12}, {"llp", 0x1000, true}});
    CHECK(heard.text().empty());
    const std::string line = "device abort subject=\"remote RD1\" element=12 llp=0x1000\n";
    CHECK(count(cf::last_events(), line) == 1);

    cf::set_log_level("device=warn");
    cf::log::event(part::device, level_enum::warn, "link down", "");
    CHECK(heard.text() == "warning device: link down\n");
    CHECK(cf::last_events().find(line) < cf::last_events().find("device link down\n"));
}

TEST_CASE("the ring keeps the last 256 events, cut to size", "[log]")
{
    cf::set_log_level("off");
    for (std::uint64_t i = 0; i < 300; ++i)
        cf::log::event(part::model, level_enum::info, "step", std::string(100, 's'),
                       {{"i", i}, {"a", 1}, {"b", 2}, {"c", 3}, {"d", 4}});
    const std::string text = cf::last_events();
    CHECK(count(text, "\n") == 256);
    CHECK(count(text, " i=43 ") == 0);
    CHECK(count(text, " i=44 ") == 1);
    CHECK(count(text, " i=299 ") == 1);
    CHECK(count(text, "subject=\"" + std::string(39, 's') + "\"") == 256);
    CHECK(count(text, " c=3\n") == 256);
    cf::set_log_level("warn");
}

TEST_CASE("threads share the ring", "[log]")
{
    cf::set_log_level("off");
    std::vector<std::thread> threads;
    for (std::uint64_t t = 0; t < 4; ++t)
        threads.emplace_back([t] {
            for (std::uint64_t i = 0; i < 64; ++i)
                cf::log::event(part::runtime, level_enum::info, "tick", "", {{"thread", t}, {"i", i}});
        });
    for (std::thread& t : threads) t.join();
    const std::string text = cf::last_events();
    CHECK(count(text, "\n") == 256);
    for (unsigned t = 0; t < 4; ++t) CHECK(count(text, "thread=" + std::to_string(t) + " ") == 64);
    cf::set_log_level("warn");
}

TEST_CASE("a log line takes the place of progress on the terminal", "[log]")
{
    char name[] = "/tmp/counterflow-log-XXXXXX";
    const int file = mkstemp(name), kept = dup(STDERR_FILENO);
    REQUIRE((file >= 0 && kept >= 0));
    unlink(name);
    cf::set_log_level("info");
    dup2(file, STDERR_FILENO);
    cf::log::info(part::cli, "alone");
    cf::log::overwrite_last_line(true);
    cf::log::info(part::cli, "over progress");
    cf::log::overwrite_last_line(false);
    cf::log::info(part::cli, "alone again");
    dup2(kept, STDERR_FILENO);
    close(kept);
    std::string text(1000, '\0');
    const ssize_t size = pread(file, text.data(), text.size(), 0);
    close(file);
    REQUIRE(size > 0);
    text.resize(static_cast<std::size_t>(size));
    CHECK(count(text, "\n") == 3);
    CHECK(count(text, "\r\x1b[K") == 1);
    CHECK(count(text, "alone\n\r\x1b[K") == 1);
    cf::set_log_level("warn");
}

TEST_CASE("the dump has a heading", "[log]")
{
    cf::log::event(part::cli, level_enum::debug, "start", "duplex");
    char* text = nullptr;
    std::size_t size = 0;
    std::FILE* const memory = open_memstream(&text, &size);
    REQUIRE(memory);
    cf::dump_last_events(memory);
    std::fclose(memory);
    const std::string dump(text, size);
    std::free(text);
    CHECK(dump.find("last events:\n") == 0);
    CHECK(dump.find("cli start subject=\"duplex\"\n") != std::string::npos);
}
