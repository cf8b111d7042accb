// SPDX-License-Identifier: MIT
//
// Logging for the parts of counterflow. Log lines are formatted only when their level is on;
// events are what an error report needs to tell its story, and are kept in a ring always. None
// of this belongs on the path of a transfer that goes well.
#pragma once

#include <counterflow/log.hpp>

#include <spdlog/logger.h>

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <utility>

namespace cf::log {

enum class part : std::uint8_t { runtime, device, edma, model, cli };

/// The logger of a part. Any thread.
spdlog::logger& logger(part p) noexcept;

// Texts are "verb or state key=value key=value", so that they can be searched.
template <class... Args>
void debug(part p, spdlog::format_string_t<Args...> text, Args&&... args)
{
    logger(p).debug(text, std::forward<Args>(args)...);
}

template <class... Args>
void info(part p, spdlog::format_string_t<Args...> text, Args&&... args)
{
    logger(p).info(text, std::forward<Args>(args)...);
}

template <class... Args>
void warn(part p, spdlog::format_string_t<Args...> text, Args&&... args)
{
    logger(p).warn(text, std::forward<Args>(args)...);
}

/// Says whether the last line on stderr, a terminal, is to be overwritten: progress that is redrawn. A
/// log line then takes its place instead of running into it. Any thread.
void overwrite_last_line(bool on) noexcept;

/// A key and its value in an event.
struct field {
    const char* key; ///< a literal: events keep the pointer
    std::uint64_t value;
    bool hex = false;
};

/// Keeps an event for last_events() and logs it at `level`. `what` is a literal ("abort",
/// "link down"), `subject` what it happened to ("remote WR0"): its first 39 bytes are copied.
/// At most four fields are kept. Any thread.
void event(part p, spdlog::level::level_enum level, const char* what, std::string_view subject,
           std::initializer_list<field> fields = {}) noexcept;

} // namespace cf::log
