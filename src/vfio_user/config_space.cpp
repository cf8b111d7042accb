// SPDX-License-Identifier: MIT
//
// The registers of a PCI function, and which of their bits can be written.
#include "vfio_user/config_space.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace cf::vfio_user {
namespace {

// Places in the header.
constexpr std::size_t at_ids = 0x00, at_command = 0x04, at_status = 0x06, at_class = 0x08, at_bar0 = 0x10,
                      at_bar2 = 0x18, at_bar4 = 0x20, at_subsystem = 0x2c, at_capabilities = 0x34;
// Capabilities, each at a place of its own.
constexpr std::size_t at_pm = 0x40, at_msi = 0x50, at_express = 0x70, at_msix = 0xb0, at_vendor = 0x100;
constexpr std::uint8_t id_pm = 0x01, id_msi = 0x05, id_express = 0x10, id_msix = 0x11;

constexpr std::uint32_t vendor = 0x16c3, device = 0xedda;
constexpr std::uint32_t class_dma_controller = 0x0801'0000;
constexpr std::uint16_t command_memory = 1u << 1, command_master = 1u << 2;
constexpr std::uint16_t command_writable = command_memory | command_master | 1u << 6 | 1u << 8 | 1u << 10;
constexpr std::uint16_t status_capabilities = 1u << 4;
constexpr std::uint32_t bar_64_bit = 4, bar_prefetchable = 8;

constexpr std::uint16_t msi_enable = 1, msi_granted = 7u << 4, msi_64_bit = 1u << 7, msi_maskable = 1u << 8;
constexpr std::size_t msi_control = at_msi + 2, msi_address = at_msi + 4, msi_data = at_msi + 12,
                      msi_mask = at_msi + 16, msi_pending = at_msi + 20;
constexpr std::uint16_t msix_writable = 3u << 14; ///< enable, and the mask of all vectors
constexpr std::uint32_t msix_bar = 4, msix_pending_offset = 0x800;

constexpr std::size_t express_device_control = at_express + 8;
constexpr std::uint32_t express_reset_capable = 1u << 28, express_role_based_errors = 1u << 15;
constexpr std::uint16_t express_reset = 1u << 15;

constexpr std::uint32_t bits_for(std::uint64_t bar_size) noexcept
{
    return static_cast<std::uint32_t>(~(bar_size - 1));
}

/// 128 as 0, 256 as 1, ...
constexpr std::uint32_t payload_code(unsigned bytes) noexcept
{
    return static_cast<std::uint32_t>(std::bit_width(bytes) - 8);
}

} // namespace

template <class Word>
Word config_space::get(std::size_t offset) const noexcept
{
    Word value;
    std::memcpy(&value, now_.data() + offset, sizeof value);
    return value;
}

template <class Word>
void config_space::set(std::size_t offset, Word value) noexcept
{
    std::memcpy(now_.data() + offset, &value, sizeof value);
}

template <class Word>
void config_space::define(std::size_t offset, Word value, Word writable) noexcept
{
    set(offset, value);
    std::memcpy(writable_.data() + offset, &writable, sizeof writable);
}

void config_space::chain(std::size_t capability, std::uint8_t id) noexcept
{
    define<std::uint8_t>(last_link_, static_cast<std::uint8_t>(capability));
    define<std::uint8_t>(capability, id);
    last_link_ = capability + 1;
}

config_space::config_space(const function_layout& layout)
{
    add_header();
    if (layout.msix != 0) define(at_bar4, std::uint32_t{0}, bits_for(bar4_size));
    last_link_ = at_capabilities;
    add_power_management();
    add_msi();
    add_express(layout.link);
    if (layout.msix != 0) add_msix(layout.msix);
    if (layout.vendor_capability) add_vendor_capability(layout);
    initial_ = now_;
}

void config_space::add_header()
{
    define(at_ids, device << 16 | vendor);
    define(at_command, std::uint16_t{0}, command_writable);
    define(at_status, status_capabilities);
    define(at_class, class_dma_controller);
    define(at_bar0, std::uint32_t{0}, bits_for(bar0_size));
    define(at_bar2, bar_64_bit | bar_prefetchable, bits_for(bar2_size));
    define(at_bar2 + 4, std::uint32_t{0}, ~std::uint32_t{0});
    define(at_subsystem, device << 16 | vendor);
}

void config_space::add_power_management()
{
    constexpr std::uint16_t version = 3, keeps_state_in_d3 = 1u << 3, power_state = 3;
    chain(at_pm, id_pm);
    define(at_pm + 2, version);
    define(at_pm + 4, keeps_state_in_d3, power_state);
}

void config_space::add_msi()
{
    constexpr auto capable = static_cast<std::uint16_t>((std::bit_width(msi_vectors) - 1) << 1);
    chain(at_msi, id_msi);
    define<std::uint16_t>(msi_control, msi_maskable | msi_64_bit | capable, msi_enable | msi_granted);
    define(msi_address, std::uint64_t{0}, ~std::uint64_t{3});
    define(msi_data, std::uint16_t{0}, std::uint16_t{0xffff});
    define(msi_mask, std::uint32_t{0}, (1u << msi_vectors) - 1);
}

void config_space::add_express(const link_parameters& link)
{
    const std::uint32_t speed = link.null() ? 1 : link.generation;
    const std::uint32_t width = link.null() ? 1 : link.lanes;
    const std::uint32_t payload = payload_code(link.mps_bytes);
    constexpr std::uint16_t version = 2; // of an endpoint, whose type is 0
    chain(at_express, id_express);
    define(at_express + 2, version);
    define(at_express + 4, express_reset_capable | express_role_based_errors | payload);
    define(express_device_control,
           static_cast<std::uint16_t>(payload << 5 | payload_code(link.mrrs_bytes) << 12),
           std::uint16_t{0x7fff});
    define(at_express + 12, width << 4 | speed);
    define(at_express + 16, std::uint16_t{0}, std::uint16_t{0x01fb});
    define(at_express + 18, static_cast<std::uint16_t>(width << 4 | speed));
    define(at_express + 44, ((1u << speed) - 1) << 1); // all speeds up to the link's
    define(at_express + 48, static_cast<std::uint16_t>(speed), std::uint16_t{0xf});
}

void config_space::add_msix(unsigned vectors)
{
    chain(at_msix, id_msix);
    define(at_msix + 2, static_cast<std::uint16_t>(vectors - 1), msix_writable);
    define(at_msix + 4, msix_bar);
    define(at_msix + 8, msix_pending_offset | msix_bar);
}

/// The one that Linux's dw-edma-pcie reads: where the registers are, and of which kind.
void config_space::add_vendor_capability(const function_layout& layout)
{
    constexpr std::uint32_t extended_id = 0x000b, extended_version = 1u << 16;
    constexpr std::uint32_t dma_id = 6, length = 0x18u << 20;
    constexpr std::uint32_t unrolled = 1, bar0 = 0u << 8;
    define(at_vendor, extended_version | extended_id);
    define(at_vendor + 4, length | dma_id);
    define(at_vendor + 8, bar0 | unrolled);
    define(at_vendor + 12, layout.rd << 16 | layout.wr);
    define(at_vendor + 16, std::uint64_t{register_offset});
}

void config_space::read(std::size_t offset, std::span<std::byte> out) const noexcept
{
    std::memcpy(out.data(), now_.data() + offset, out.size());
}

void config_space::write(std::size_t offset, std::span<const std::byte> in) noexcept
{
    constexpr std::size_t reset_byte = express_device_control + 1; // the bit reads 0: it is not writable
    for (std::size_t i = 0; i < in.size(); ++i) {
        const std::size_t at = offset + i;
        if (at == reset_byte && (in[i] & std::byte{express_reset >> 8}) != std::byte{0}) reset_asked_ = true;
        now_[at] = (now_[at] & ~writable_[at]) | (in[i] & writable_[at]);
    }
}

void config_space::reset() noexcept
{
    const registers before = std::exchange(now_, initial_);
    constexpr std::size_t bars = 6 * sizeof(std::uint32_t);
    std::memcpy(now_.data() + at_bar0, before.data() + at_bar0, bars);
}

bool config_space::memory_enabled() const noexcept
{
    return (get<std::uint16_t>(at_command) & command_memory) != 0;
}

bool config_space::bus_master() const noexcept
{
    return (get<std::uint16_t>(at_command) & command_master) != 0;
}

std::uint64_t config_space::bar2() const noexcept { return get<std::uint64_t>(at_bar2) & ~(bar2_size - 1); }

msi_state config_space::msi() const noexcept
{
    const auto control = get<std::uint16_t>(msi_control);
    const unsigned granted = std::min(1u << ((control & msi_granted) >> 4), msi_vectors);
    return {.enabled = (control & msi_enable) != 0,
            .vectors = granted,
            .address = get<std::uint64_t>(msi_address),
            .data = get<std::uint16_t>(msi_data),
            .mask = get<std::uint32_t>(msi_mask)};
}

void config_space::show_pending(std::uint32_t msi_bits) noexcept { set(msi_pending, msi_bits); }

bool config_space::take_reset_request() noexcept { return std::exchange(reset_asked_, false); }

} // namespace cf::vfio_user
