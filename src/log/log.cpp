// SPDX-License-Identifier: MIT
//
// One spdlog logger a part, all on stderr, and the ring of last events. spdlog's global
// registry is left to the application: counterflow's loggers are not in it.
#include "log/log.hpp"

#include <counterflow/error.hpp>

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <span>
#include <string>

namespace cf {
namespace log {
namespace {

using level = spdlog::level::level_enum;

constexpr std::array<std::string_view, 5> part_names{"runtime", "device", "edma", "model", "cli"};
constexpr std::size_t parts = part_names.size();

struct level_name {
    std::string_view name;
    level value;
};

constexpr std::array<level_name, 6> level_names{{{"trace", level::trace},
                                                 {"debug", level::debug},
                                                 {"info", level::info},
                                                 {"warn", level::warn},
                                                 {"error", level::err},
                                                 {"off", level::off}}};

using levels = std::array<std::optional<level>, parts>;

level parse_level(std::string_view text, std::string_view whole)
{
    for (const level_name& l : level_names)
        if (l.name == text) return l.value;
    throw error(errc::bad_argument, "log level '" + std::string(text) + "' in '" + std::string(whole) +
                                        "' is none of trace, debug, info, warn, error, off");
}

/// Entries of one part beat those of all parts, wherever they stand.
levels parse_levels(std::string_view whole)
{
    std::optional<level> all;
    levels named;
    std::string_view rest = whole;
    for (bool more = true; more;) {
        const std::size_t comma = rest.find(',');
        more = comma != std::string_view::npos;
        const std::string_view item = rest.substr(0, comma);
        if (more) rest.remove_prefix(comma + 1);

        const std::size_t equals = item.find('=');
        if (equals == std::string_view::npos) {
            all = parse_level(item, whole);
            continue;
        }
        const auto name = std::find(part_names.begin(), part_names.end(), item.substr(0, equals));
        if (name == part_names.end())
            throw error(errc::bad_argument, "log part '" + std::string(item.substr(0, equals)) + "' in '" +
                                                std::string(whole) +
                                                "' is none of runtime, device, edma, model, cli");
        named[static_cast<std::size_t>(name - part_names.begin())] =
            parse_level(item.substr(equals + 1), whole);
    }
    for (std::optional<level>& l : named)
        if (!l) l = all;
    return named;
}

struct kept_event {
    std::timespec time; ///< of the wall clock
    part where;
    std::uint8_t field_count;
    const char* what;
    std::array<char, 40> subject; ///< ends in a zero
    std::array<field, 4> fields;
};

std::string describe(const char* what, const char* subject, const field* fields, std::size_t count)
{
    std::string text = what;
    if (*subject) text += spdlog::fmt_lib::format(" subject=\"{}\"", subject);
    for (const field& f : std::span(fields, count))
        text += f.hex ? spdlog::fmt_lib::format(" {}={:#x}", f.key, f.value)
                      : spdlog::fmt_lib::format(" {}={}", f.key, f.value);
    return text;
}

/// The last events. A mutex is right here: events are rare and come from several threads.
class event_ring {
public:
    void keep(const kept_event& e) noexcept
    {
        const std::lock_guard lock(mutex_);
        events_[count_++ % events_.size()] = e;
    }

    std::string text()
    {
        const std::lock_guard lock(mutex_);
        std::string out;
        for (std::uint64_t i = count_ - std::min<std::uint64_t>(count_, events_.size()); i < count_; ++i) {
            const kept_event& e = events_[i % events_.size()];
            std::tm local{};
            localtime_r(&e.time.tv_sec, &local);
            out += spdlog::fmt_lib::format(
                "{:02}:{:02}:{:02}.{:06} {} {}\n", local.tm_hour, local.tm_min, local.tm_sec,
                e.time.tv_nsec / 1000, part_names[static_cast<std::size_t>(e.where)],
                describe(e.what, e.subject.data(), e.fields.data(), e.field_count));
        }
        return out;
    }

private:
    std::mutex mutex_;
    std::array<kept_event, 256> events_;
    std::uint64_t count_ = 0; ///< ever kept
};

std::atomic<bool> last_line_is_progress{false};

/// Where a log line begins: on a clean line.
class line_start final : public spdlog::custom_flag_formatter {
public:
    void format(const spdlog::details::log_msg&, const std::tm&, spdlog::memory_buf_t& to) override
    {
        constexpr std::string_view erase = "\r\x1b[K";
        if (last_line_is_progress.load(std::memory_order_relaxed))
            to.append(erase.data(), erase.data() + erase.size());
    }
    std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<line_start>(); }
};

struct state {
    state()
    {
        auto sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
        const char* const no_color = std::getenv("NO_COLOR");
        if (no_color && *no_color) sink->set_color_mode(spdlog::color_mode::never);
        auto format = std::make_unique<spdlog::pattern_formatter>();
        format->add_flag<line_start>('*').set_pattern("%*%Y-%m-%dT%H:%M:%S.%f %^%l%$ %n: %v");
        sink->set_formatter(std::move(format));
        for (std::size_t i = 0; i < parts; ++i) {
            loggers[i] = std::make_unique<spdlog::logger>(std::string(part_names[i]), sink);
            loggers[i]->set_level(level::warn);
        }
        if (const char* const wanted = std::getenv("COUNTERFLOW_LOG")) try {
                set(wanted);
            } catch (const error& e) {
                loggers[0]->warn("COUNTERFLOW_LOG ignored: {}", e.detail());
            }
    }

    void set(std::string_view text)
    {
        const levels wanted = parse_levels(text);
        for (std::size_t i = 0; i < parts; ++i)
            if (wanted[i]) loggers[i]->set_level(*wanted[i]);
    }

    std::array<std::unique_ptr<spdlog::logger>, parts> loggers;
    event_ring events;
};

/// Never destroyed: threads may log while the process exits.
state& the_state()
{
    static state* const instance = new state;
    return *instance;
}

} // namespace

spdlog::logger& logger(part p) noexcept { return *the_state().loggers[static_cast<std::size_t>(p)]; }

void overwrite_last_line(bool on) noexcept { last_line_is_progress.store(on, std::memory_order_relaxed); }

void event(part p, level at, const char* what, std::string_view subject,
           std::initializer_list<field> fields) noexcept
{
    kept_event e{};
    std::timespec_get(&e.time, TIME_UTC);
    e.where = p;
    e.what = what;
    const std::string_view kept = subject.substr(0, e.subject.size() - 1);
    std::copy(kept.begin(), kept.end(), e.subject.begin());
    e.field_count = static_cast<std::uint8_t>(std::min(fields.size(), e.fields.size()));
    std::copy_n(fields.begin(), e.field_count, e.fields.begin());
    the_state().events.keep(e);
    spdlog::logger& out = logger(p);
    if (out.should_log(at)) try {
            out.log(at, describe(what, e.subject.data(), e.fields.data(), e.field_count));
        } catch (const std::bad_alloc&) {
            // The event itself is kept; only its log line is lost.
        }
}

} // namespace log

void set_log_level(std::string_view levels) { log::the_state().set(levels); }

std::string last_events() { return log::the_state().events.text(); }

void dump_last_events(std::FILE* out)
{
    const std::string text = last_events();
    if (!text.empty()) std::fprintf(out, "last events:\n%s", text.c_str());
}

} // namespace cf
