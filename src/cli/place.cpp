// SPDX-License-Identifier: MIT
//
// Places in far memory.
#include "cli/place.hpp"

#include <counterflow/error.hpp>

#include <algorithm>
#include <array>

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

} // namespace cf::cli
