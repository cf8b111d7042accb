// SPDX-License-Identifier: MIT
//
// function: one PCI function opened over VFIO's group and container interface, and nothing of what it does.
// The kernel has reset it by the time it is open, where it can be reset, and does so again when it is closed.
#pragma once

#include "vfio/facts.hpp"
#include "vfio/mapped_bar.hpp"
#include <counterflow/file_descriptor.hpp>

#include <linux/vfio.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace cf::vfio {

class function {
public:
    /// Opens what nothing is in the way of. `spec` is for messages. Throws cf::error.
    function(const facts& f, std::string spec);

    const std::string& bdf() const noexcept { return bdf_; }
    const std::string& spec() const noexcept { return spec_; }

    /// The configuration space as VFIO shows it: messages of interrupts are not in it.
    std::vector<std::byte> config() const;
    /// Lets the function be reached; and reach memory itself, or not. Throws cf::error.
    void enable(bool mastering);

    /// Bytes of a BAR that this process can map; 0 when it cannot.
    std::uint64_t bar_size(unsigned bar) const;
    /// Whether a table of MSI-X in it may be mapped, which takes Linux 4.16.
    bool bar_shows_messages(unsigned bar) const;
    /// Maps [offset, offset + size) of a BAR that has so much. Throws cf::error.
    mapped_bar map_bar(unsigned bar, std::uint64_t offset, std::size_t size) const;

    /// How many interrupts it has of one of VFIO's kinds (VFIO_PCI_MSI_IRQ_INDEX, ...).
    unsigned interrupts(unsigned kind) const;
    /// From now on `event` counts the first of them. Throws cf::error.
    void connect(unsigned kind, int event);

    /// What addresses the IOMMU translates for the function.
    std::vector<address_range> iova_ranges() const;
    /// Pins [memory, memory + size), whole pages, and shows them to the function at `iova`. Throws cf::error.
    void map_memory(std::uint64_t iova, void* memory, std::size_t size);
    /// Returns when the function cannot reach them any more.
    void unmap_memory(std::uint64_t iova, std::size_t size) noexcept;

    /// Gives it back to the system: no memory is mapped for it any more once this has returned, unless a
    /// piece of a BAR is still mapped here, which holds it.
    void close() noexcept;

private:
    void join(const facts& f);
    vfio_region_info region(unsigned index) const;
    [[noreturn]] void fail(const std::string& what) const;

    std::string bdf_, spec_;
    file_descriptor container_, group_, device_; // closed in the opposite order
    vfio_region_info config_{};
};

} // namespace cf::vfio
