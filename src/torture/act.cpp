// SPDX-License-Identifier: MIT
//
// Names of acts, and paths as text.
#include "torture/act.hpp"

#include <counterflow/error.hpp>

#include <algorithm>
#include <array>

namespace cf::torture {
namespace {

constexpr std::array<std::string_view, act_count> names{
    "submit-a",    "submit-b", "cancel-a", "cancel-b", "deadline-a", "deadline-b", "abort",
    "fatal-abort", "stop",     "remove",   "close",    "engine",     "turn",       "corruption"};

act act_named(std::string_view name)
{
    const auto* const found = std::ranges::find(names, name);
    if (found != names.end()) return static_cast<act>(found - names.begin());
    std::string known;
    for (const std::string_view n : names) known += (known.empty() ? "" : ", ") + std::string(n);
    throw error(errc::bad_argument, "there is no act '" + std::string(name) + "'; there are " + known);
}

} // namespace

std::string_view name_of(act a) noexcept { return names[static_cast<std::size_t>(a)]; }

std::vector<act> parse_path(std::string_view text)
{
    std::vector<act> path;
    for (std::size_t start = 0; start <= text.size();) {
        const std::size_t end = std::min(text.find(',', start), text.size());
        path.push_back(act_named(text.substr(start, end - start)));
        start = end + 1;
    }
    return path;
}

std::string to_text(std::span<const act> path)
{
    std::string text;
    for (const act a : path) text += (text.empty() ? "" : ",") + std::string(name_of(a));
    return text;
}

} // namespace cf::torture
