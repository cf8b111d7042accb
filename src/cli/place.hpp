// SPDX-License-Identifier: MIT
//
// Places in far memory as they are written on the command line: DEV/WINDOW@OFFSET.
#pragma once

#include <counterflow/spec.hpp>
#include <counterflow/stream.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cf::cli {

struct place {
    device_spec device;
    std::string window;
    std::uint64_t offset = 0;
};

/// The place that `text` names, or nothing when it names a file: what starts like a device spec is a
/// place, and a file of such a name can be written as ./NAME. Throws cf::error: bad_spec,
/// bad_argument.
std::optional<place> parse_place(std::string_view text);

/// As many places for blocks of `block_bytes`, one behind another from `first` on, as the --span of `span`
/// bytes holds; one when it is empty. Throws cf::error (bad_argument).
fixed_place places_in_span(window_place first, std::uint64_t block_bytes, const std::string& span);

} // namespace cf::cli
