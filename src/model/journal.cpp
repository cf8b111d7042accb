// SPDX-License-Identifier: MIT
//
// Keeping violations.
#include "model/journal.hpp"

#include "log/log.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace cf::model {
namespace {

constexpr std::array<std::string_view, 13> names{
    "lost write",
    "lost message",
    "store to a reserved register",
    "no such channel",
    "doorbell while the engine is disabled",
    "stop while the channel does not run",
    "engine enabled before its disable took effect",
    "context store while the channel runs",
    "restart after a fatal abort without engine reset",
    "toggling link with the wrong cycle bit",
    "size of zero",
    "unaligned list address",
    "links without an end",
};

} // namespace

std::string_view to_string(violation_kind kind) noexcept { return names[static_cast<std::size_t>(kind)]; }

void journal::note(const violation& entry) noexcept
{
    if (!strict_ && entry.kind > violation_kind::lost_message) return;
    ++count_;
    if (entries_.size() == kept) return;
    entries_.push_back(entry);
    log::event(log::part::model, spdlog::level::warn, "violation", to_string(entry.kind),
               {{"engine", entry.engine},
                {entry.channel_of == channel_kind::wr ? "wr" : "rd", entry.channel},
                {"value", entry.value, true},
                {"at_ns", entry.at}});
}

std::uint64_t journal::count(violation_kind kind) const noexcept
{
    return static_cast<std::uint64_t>(
        std::count_if(entries_.begin(), entries_.end(), [&](const violation& v) { return v.kind == kind; }));
}

void journal::clear() noexcept
{
    entries_.clear();
    count_ = 0;
}

} // namespace cf::model
