// SPDX-License-Identifier: MIT
//
// Places in far memory.
#include "cli/place.hpp"

#include <counterflow/error.hpp>

#include <algorithm>
#include <array>
#include <limits>

namespace cf::cli {

std::optional<place> parse_place(std::string_view text)
{
    constexpr std::array<std::string_view, 4> devices{"model:", "sim:", "vfio:", "/dev/counterflow"};
    if (std::ranges::none_of(devices, [&](std::string_view d) { return text.starts_with(d); }))
        return std::nullopt;

    // The last slash: a spec may hold a path itself (backing=).
    const std::size_t slash = text.rfind('/');
    const std::size_t at = text.rfind('@');
    if (slash == std::string_view::npos || at == std::string_view::npos || at < slash || at == slash + 1 ||
        at + 1 == text.size())
        throw error(errc::bad_argument, std::string(text) +
                                            " names no place; write DEV/WINDOW@OFFSET, such as "
                                            "model:gen3x1,backing=far.mem/ram@0");
    place p;
    p.device = parse_spec(text.substr(0, slash));
    p.window = text.substr(slash + 1, at - slash - 1);
    p.offset = parse_size(text.substr(at + 1), "offset in " + std::string(text));
    return p;
}

fixed_place places_in_span(window_place first, std::uint64_t block_bytes, const std::string& span)
{
    constexpr std::uint64_t most = std::numeric_limits<std::uint32_t>::max();
    const std::uint64_t bytes = span.empty() ? block_bytes : parse_size(span, "--span");
    if (bytes < block_bytes || bytes / block_bytes > most)
        throw error(errc::bad_argument,
                    "--span is " + span + ", for blocks of " + std::to_string(block_bytes) + " bytes");
    fixed_place made{.place = first};
    made.block_bytes = static_cast<std::uint32_t>(block_bytes);
    made.slots = static_cast<std::uint32_t>(bytes / block_bytes);
    return made;
}

} // namespace cf::cli
