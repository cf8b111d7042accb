// SPDX-License-Identifier: MIT
//
// The journal: what a program did that real hardware might refuse, or punish later, although the
// model let it pass. Tests ask it, the log names it. A correct driver leaves it empty.
#pragma once

#include "model/link.hpp"
#include <counterflow/direction.hpp>

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace cf::model {

enum class violation_kind : std::uint8_t {
    // Noted always: the data or message is lost and nobody else says so.
    lost_write,   ///< a posted write nobody claims at the far end; the engine cannot know
    lost_message, ///< an IMWr message to an address that is neither memory nor an interrupt

    // Noted by strict machines only.
    reserved_register,         ///< a store to an offset that names no register
    no_such_channel,           ///< a doorbell, or a context store, for a channel the engine lacks
    doorbell_while_disabled,   ///< a doorbell with the engine's enable bit clear
    stop_while_not_running,    ///< a stop for a channel that does not run
    enable_while_disabling,    ///< engine enable set before it read 0
    context_while_running,     ///< a store to the context of a running channel
    restart_after_fatal_abort, ///< a doorbell after a list fetch, local bus or poison abort, engine not reset
    toggle_link_cycle,         ///< a toggling link whose cycle bit is not that of the next lap
    zero_size,                 ///< an element, or a register transfer, of no bytes
    unaligned_list,            ///< a list address that is not a multiple of 4
    link_loop,                 ///< links that lead to links, without an end
};

std::string_view to_string(violation_kind kind) noexcept;

struct violation {
    violation_kind kind;
    std::uint8_t engine;
    channel_kind channel_of;
    std::uint8_t channel;
    std::uint64_t value; ///< the address, register offset or word at fault
    nanoseconds at;
};

class journal {
public:
    explicit journal(bool strict) : strict_(strict) { entries_.reserve(kept); }

    bool strict() const noexcept { return strict_; }
    /// Notes a violation. Strict ones are dropped by a machine that is not.
    void note(const violation& entry) noexcept;

    /// The first violations, at most `kept` of them, in order.
    std::span<const violation> entries() const noexcept { return entries_; }
    /// All that were noted, kept or not.
    std::uint64_t count() const noexcept { return count_; }
    std::uint64_t count(violation_kind kind) const noexcept;
    void clear() noexcept;

    static constexpr std::size_t kept = 256;

private:
    bool strict_;
    std::uint64_t count_ = 0;
    std::vector<violation> entries_;
};

} // namespace cf::model
