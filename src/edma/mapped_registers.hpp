// SPDX-License-Identifier: MIT
//
// Where an engine's registers lie: in a BAR mapped into this process, and at some offset of it or of
// any other register space (DBI + 0x380000, a Tegra's 0x20000, BAR0 + 0x1000 of an EDDA endpoint). For
// attachments, which make them and hand them to the driver in a port.
#pragma once

#include "edma/register_space.hpp"

namespace cf::edma {

/// A mapped BAR, uncached, which its owner unmaps after this is gone. `interrupt` is an eventfd of the
/// owner's that counts the engine's interrupts, or -1.
class mapped_registers final : public register_space {
public:
    explicit mapped_registers(volatile std::uint32_t* bar, int interrupt = -1) noexcept
        : register_space(bar), interrupt_(interrupt)
    {
    }
    int interrupt_fd() const noexcept override { return interrupt_; }

private:
    std::uint32_t load_slow(std::uint32_t) override { return ~0u; } // never: it is mapped
    void store_slow(std::uint32_t, std::uint32_t) override {}

    int interrupt_;
};

/// One engine within a larger register space, which outlives this. Of a mapped one it is mapped too.
class register_window final : public register_space {
public:
    /// `offset` is a multiple of 4.
    register_window(register_space& whole, std::uint32_t offset) noexcept
        : register_space(whole, offset), whole_(whole), offset_(offset)
    {
    }
    int interrupt_fd() const noexcept override { return whole_.interrupt_fd(); }
    bool link_is_up() override { return whole_.link_is_up(); }

private:
    std::uint32_t load_slow(std::uint32_t offset) override { return whole_.load(offset_ + offset); }
    void store_slow(std::uint32_t offset, std::uint32_t value) override
    {
        whole_.store(offset_ + offset, value);
    }
    void read_back_slow(const std::byte* word) override { whole_.read_back(word); }

    register_space& whole_;
    std::uint32_t offset_;
};

} // namespace cf::edma
