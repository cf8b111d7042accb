// SPDX-License-Identifier: MIT
//
// act: one thing that can happen next in a world, and paths made of them, as people write them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cf::torture {

enum class act : std::uint8_t {
    submit_a, ///< the transfer is awaited
    submit_b,
    cancel_a, ///< a stop request through a token, also before the transfer is awaited
    cancel_b,
    deadline_a, ///< time passes to its deadline, and hardware does nothing meanwhile
    deadline_b,
    abort,       ///< the next element an engine takes up ends half-way with an unsupported request
    fatal_abort, ///< with a local bus error, after which the engine has to be started anew
    stop,        ///< the scope of both is asked to stop
    remove,      ///< the system takes the device back: engines are stopped, the device stays open
    close,       ///< the buffers and the device are destroyed
    engine,      ///< hardware goes on until it has come further in a way that a program could notice
    turn,        ///< the program's loop takes a turn
    corruption,  ///< a byte beside a's memory is changed. Only ever followed: proves that the judge sees
};
inline constexpr std::size_t act_count = 14;

std::string_view name_of(act a) noexcept;

/// Names with commas between. Throws cf::error (bad_argument) with the name and what there is.
std::vector<act> parse_path(std::string_view text);
/// The same way back.
std::string to_text(std::span<const act> path);

} // namespace cf::torture
