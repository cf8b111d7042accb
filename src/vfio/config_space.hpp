// SPDX-License-Identifier: MIT
//
// What a function's configuration space says of where its engine is, how it interrupts, and of its link.
// Pure: from bytes that somebody has read.
#pragma once

#include "edma/port.hpp"
#include <counterflow/link.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace cf::vfio {

/// Where MSI-X has its first message.
struct msix_table {
    unsigned bar;
    std::uint64_t offset;
};

struct function_layout {
    unsigned register_bar = 0;
    std::vector<std::uint64_t> register_offsets; ///< where the engine may be in it, the likeliest first
    std::uint64_t memory_address = 0;            ///< of BAR 2, on the bus and for the engine
    std::optional<std::size_t> msi;              ///< the capability's place
    std::optional<msix_table> msix;
    link_parameters link; ///< the null link when the function does not say
};

/// BAR 2 is the endpoint's memory: lists first, behind them the window "ram".
inline constexpr unsigned memory_bar = 2;

/// `config` is 64 bytes or more; what lies behind its end is taken as absent. Throws cf::error,
/// not_supported, when the vendor's capability says that the registers are of another kind.
function_layout layout_of(std::span<const std::byte> config);

/// The message that an MSI capability at `at` is set to, if it is enabled.
std::optional<edma::posted_interrupt> msi_message(std::span<const std::byte> config, std::size_t at);

/// The command register's place, and the bits of it that let a function be reached and reach memory.
inline constexpr std::size_t command_register = 0x04;
inline constexpr std::uint16_t command_memory = 1u << 1;
inline constexpr std::uint16_t command_master = 1u << 2;

} // namespace cf::vfio
