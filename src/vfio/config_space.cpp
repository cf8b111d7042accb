// SPDX-License-Identifier: MIT
//
// Walks over capabilities, which are lists that a broken function may have closed to a circle.
#include "vfio/config_space.hpp"

#include <counterflow/error.hpp>

#include <cstring>
#include <string>

namespace cf::vfio {
namespace {

using bytes = std::span<const std::byte>;

constexpr std::size_t at_status = 0x06, at_bars = 0x10, at_capabilities = 0x34, at_extended = 0x100;
constexpr std::uint16_t status_capabilities = 1u << 4;
constexpr std::uint8_t id_msi = 0x05, id_express = 0x10, id_msix = 0x11;
constexpr std::uint32_t id_vendor = 0x000b;

// Synopsys' capability: which kind of registers, and where.
constexpr std::uint32_t vendor_dma_id = 6, vendor_dma_length = 0x18;
constexpr std::uint32_t map_unrolled = 1, map_hdma_compatible = 5;

// Where an endpoint without it has them. Linux looks at the BAR's start from 5.11 on, and endpoints have
// followed.
constexpr std::uint64_t usual_offset = 0x1000, other_offset = 0;

/// Zero behind the end.
template <class Word>
Word get(bytes config, std::size_t offset) noexcept
{
    Word value{};
    if (offset <= config.size() && sizeof value <= config.size() - offset)
        std::memcpy(&value, config.data() + offset, sizeof value);
    return value;
}

std::optional<std::size_t> find_capability(bytes config, std::uint8_t id)
{
    constexpr unsigned most = 48; // as many as there is room for
    if ((get<std::uint16_t>(config, at_status) & status_capabilities) == 0) return std::nullopt;
    std::size_t at = get<std::uint8_t>(config, at_capabilities) & ~3u;
    for (unsigned hops = 0; at != 0 && hops < most; ++hops) {
        if (get<std::uint8_t>(config, at) == id) return at;
        at = get<std::uint8_t>(config, at + 1) & ~3u;
    }
    return std::nullopt;
}

std::optional<std::size_t> find_vendor_dma(bytes config)
{
    constexpr unsigned most = (4096 - at_extended) / 8;
    std::size_t at = at_extended;
    for (unsigned hops = 0; at >= at_extended && hops < most; ++hops) {
        const auto header = get<std::uint32_t>(config, at);
        const auto vendor = get<std::uint32_t>(config, at + 4);
        if ((header & 0xffff) == id_vendor && (vendor & 0xffff) == vendor_dma_id &&
            vendor >> 20 == vendor_dma_length)
            return at;
        at = header >> 20 & ~3u;
    }
    return std::nullopt;
}

void read_vendor_dma(bytes config, std::size_t at, function_layout& layout)
{
    const auto kind = get<std::uint32_t>(config, at + 8);
    const std::uint32_t map = kind & 7;
    if (map != map_unrolled && map != map_hdma_compatible)
        throw error(errc::not_supported, "the function says that its engine has register map " +
                                             std::to_string(map) +
                                             ": only unrolled eDMA (1 and 5) can be driven");
    layout.register_bar = kind >> 8 & 7;
    layout.register_offsets = {get<std::uint64_t>(config, at + 0x10)};
}

std::uint64_t bar_address(bytes config, unsigned bar)
{
    constexpr std::uint32_t is_io = 1, type = 6, is_64_bit = 4, attributes = 0xf;
    const auto low = get<std::uint32_t>(config, at_bars + std::size_t{4} * bar);
    if ((low & is_io) != 0) return 0;
    const std::uint64_t high =
        (low & type) == is_64_bit ? get<std::uint32_t>(config, at_bars + std::size_t{4} * (bar + 1)) : 0;
    return high << 32 | (low & ~attributes);
}

link_parameters link_of(bytes config, std::optional<std::size_t> express)
{
    link_parameters link;
    link.generation = 0;
    if (!express) return link;
    const auto control = get<std::uint16_t>(config, *express + 8);
    const auto status = get<std::uint16_t>(config, *express + 18);
    const unsigned generation = status & 0xf, lanes = status >> 4 & 0x3f;
    const bool known = generation >= 1 && generation <= 5 && lanes >= 1 && lanes <= 16;
    if (!known) return link;
    link.generation = generation;
    link.lanes = lanes;
    link.mps_bytes = 128u << (control >> 5 & 7);
    link.mrrs_bytes = 128u << (control >> 12 & 7);
    return link;
}

} // namespace

function_layout layout_of(bytes config)
{
    function_layout layout;
    layout.register_offsets = {usual_offset};
    if (const auto vendor = find_vendor_dma(config)) read_vendor_dma(config, *vendor, layout);
    layout.register_offsets.push_back(other_offset);
    layout.memory_address = bar_address(config, memory_bar);
    layout.msi = find_capability(config, id_msi);
    if (const auto msix = find_capability(config, id_msix)) {
        const auto place = get<std::uint32_t>(config, *msix + 4);
        layout.msix = {place & 7, place & ~7u};
    }
    layout.link = link_of(config, find_capability(config, id_express));
    return layout;
}

std::optional<edma::posted_interrupt> msi_message(bytes config, std::size_t at)
{
    constexpr std::uint16_t enabled = 1u << 0, is_64_bit = 1u << 7;
    const auto control = get<std::uint16_t>(config, at + 2);
    if ((control & enabled) == 0) return std::nullopt;
    const bool wide = (control & is_64_bit) != 0;
    const std::uint64_t high = wide ? get<std::uint32_t>(config, at + 8) : 0;
    const std::uint64_t address = high << 32 | get<std::uint32_t>(config, at + 4);
    return edma::posted_interrupt{address, get<std::uint16_t>(config, at + (wide ? 12 : 8))};
}

} // namespace cf::vfio
