// SPDX-License-Identifier: MIT
//
// The configuration space of the endpoint's PCI function: 16c3:edda with its BARs and capabilities.
// Registers only; what follows from a write (memory that moves, interrupts that are let through) is
// the endpoint's business, which looks at the state below after each.
#pragma once

#include <counterflow/link.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace cf::vfio_user {

inline constexpr std::uint64_t bar0_size = 16u << 10; ///< registers
inline constexpr std::uint64_t bar2_size = 64u << 20; ///< list and data memory; Linux 5.10 maps that much
inline constexpr std::uint64_t bar4_size = 4u << 10;  ///< MSI-X table and pending bits
inline constexpr unsigned msi_vectors = 16;           ///< a message for each of 8 WR and 8 RD channels
inline constexpr unsigned msix_vectors_max = 32;
/// Where BAR0 shows the registers a second time; the vendor capability says this place.
inline constexpr std::uint32_t register_offset = 0x1000;

/// What a function can be asked to be.
struct function_layout {
    unsigned wr = 2, rd = 2; ///< channels, for the vendor capability
    unsigned msix = 0;       ///< MSI-X vectors, 0 = no such capability
    bool vendor_capability = false;
    link_parameters link;
};

/// MSI as software has set it up.
struct msi_state {
    bool enabled = false;
    unsigned vectors = 1; ///< granted to the function, a power of two
    std::uint64_t address = 0;
    std::uint32_t data = 0; ///< of vector 0
    std::uint32_t mask = 0; ///< a bit each vector
};

class config_space {
public:
    static constexpr std::size_t size = 4096;

    explicit config_space(const function_layout& layout);

    /// [offset, offset + out.size()) lies inside, as for write().
    void read(std::size_t offset, std::span<std::byte> out) const noexcept;
    /// Changes the bits that can be.
    void write(std::size_t offset, std::span<const std::byte> in) noexcept;
    /// Back to the values after power-on.
    void power_on() noexcept { now_ = initial_; }
    /// The same, but BARs stay where they are: a client shows its own copy of them to the driver, who finds
    /// nothing to restore there.
    void reset() noexcept;

    bool memory_enabled() const noexcept;
    bool bus_master() const noexcept;
    std::uint64_t bar2() const noexcept;
    msi_state msi() const noexcept;
    void show_pending(std::uint32_t msi_bits) noexcept;
    /// True once after software has asked for a function level reset.
    bool take_reset_request() noexcept;

private:
    using registers = std::array<std::byte, size>;

    void add_header();
    void add_power_management();
    void add_msi();
    void add_express(const link_parameters& link);
    void add_msix(unsigned vectors);
    void add_vendor_capability(const function_layout& layout);

    template <class Word>
    Word get(std::size_t offset) const noexcept;
    template <class Word>
    void set(std::size_t offset, Word value) noexcept;
    /// Gives a register its initial value and the bits software can change.
    template <class Word>
    void define(std::size_t offset, Word value, Word writable = 0) noexcept;
    void chain(std::size_t capability, std::uint8_t id) noexcept;

    registers now_{}, initial_{}, writable_{};
    std::size_t last_link_ = 0; ///< where the next capability's place is written
    bool reset_asked_ = false;
};

} // namespace cf::vfio_user
