// SPDX-License-Identifier: MIT
//
// plan: what happens in one campaign, made from a seed before it starts. A list of events is all that goes
// wrong, so that a plan that finds a bug can be made smaller by leaving events out.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cf::torture {

/// What can go wrong. The rows of the fault table that need neither a kernel nor another process.
enum class fault : std::uint8_t {
    // Of the hardware.
    abort,              ///< an element ends with a decoded cause, some of its bytes moved
    lost_interrupt,     ///< interrupts or messages do not arrive
    repeated_interrupt, ///< they arrive several times
    late_interrupt,     ///< they arrive after their transfer's place is in use again
    late_start,         ///< a doorbell takes effect late
    late_stop,          ///< a channel looks busy when it has stopped: doorbells are lost
    late_completion,    ///< data first, then status and interrupt: channels overtake each other
    late_position,      ///< the list position shows after the interrupt
    hang,               ///< a channel stands still and ignores its stop
    link_down,          ///< for a while
    unplug,             ///< for good: the device has to be opened again
    // Of the program.
    close,       ///< the device is closed with transfers in flight
    cancel,      ///< a stop request, before, while or after
    deadline,    ///< one that may pass
    bad_request, ///< a range, size or window that cannot be
    lease,       ///< a channel taken for one transfer
    // Of nobody: proves that the oracle sees what it is for. Never among "all".
    corruption, ///< a byte of far memory is changed behind everybody's back
};
inline constexpr std::size_t fault_count = 17;

std::string_view name_of(fault f) noexcept;

/// A set of faults, a bit each.
using fault_set = std::uint32_t;
constexpr fault_set only(fault f) noexcept { return fault_set{1} << static_cast<unsigned>(f); }
inline constexpr fault_set all_faults = only(fault::corruption) - 1;

/// "all", or names with commas between. Throws cf::error (bad_argument) with the name and what there is.
fault_set parse_faults(std::string_view text);

/// One thing that goes wrong, with numbers for whoever makes it happen.
struct event {
    fault what;
    std::uint64_t at;    ///< just before the transfer of this number
    std::uint64_t lasts; ///< hardware: transfers until all is well again; 0 = as long as it takes
    std::uint64_t a, b, c;
    unsigned number; ///< in the plan that its seed gives
};

struct plan {
    std::uint64_t seed = 0;
    std::string device; ///< its spec
    unsigned tasks = 1;
    std::uint64_t transfers = 0;
    std::uint32_t list_elements = 0; ///< room of each channel's list
    std::size_t share = 0;           ///< bytes of near memory and of the window that each task has to itself
    std::vector<event> events;       ///< in order of `at`
};

plan make_plan(std::uint64_t seed, std::uint64_t transfers, fault_set faults);

/// For people: "2: abort at 17 for 5 transfers, a=3 b=0 c=118".
std::string describe(const event& e);

} // namespace cf::torture
