// SPDX-License-Identifier: MIT
//
// attached: a PCI endpoint's engine, driven from user space with no module of ours. Registers and list memory
// are BARs mapped through VFIO, near memory is what the IOMMU shows to the function, and nothing else is.
//
// The endpoint is laid out as Synopsys' own, 16c3:edda, or says in its vendor capability where its registers
// are: lists in the first 8 MiB of BAR 2, the window "ram" behind them, as the kernel module has it.
#pragma once

#include "device/attachment.hpp"
#include "edma/mapped_registers.hpp"
#include "vfio/config_space.hpp"
#include "vfio/function.hpp"
#include "vfio/iova_space.hpp"
#include <counterflow/spec.hpp>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace cf::vfio {

class attached final : public detail::attachment {
public:
    /// Opens the function, finds the engine and stops it. Throws cf::error.
    attached(const vfio_spec& spec, const std::string& text);
    ~attached() override;

    port_end near() const noexcept override { return port_end::root_port; }
    std::span<edma::port> engines() noexcept override { return {&port_, 1}; }
    std::span<const detail::far_window> windows() const noexcept override { return windows_; }
    link_parameters link() const noexcept override { return layout_.link; }
    bool pins() const noexcept override { return true; }
    std::uint64_t map(void* memory, std::size_t size) override;
    void unmap(std::uint64_t address, std::size_t size) noexcept override;
    int removal_fd() const noexcept override { return removal_.get(); }
    void let_go() noexcept override;

private:
    void find_registers();
    void place_lists();
    void connect_interrupt();
    void offer_completion_word();
    std::optional<edma::posted_interrupt> msi() const;
    std::optional<edma::posted_interrupt> msix() const;

    struct freed {
        void operator()(std::byte* memory) const noexcept { std::free(memory); }
    };

    std::unique_ptr<std::byte, freed> completion_page_; ///< outlives the function, which may write to it
    function function_;
    function_layout layout_;
    iova_space iovas_;
    bool open_ = true;

    mapped_bar register_bar_;
    mapped_bar list_bar_;
    file_descriptor interrupt_, removal_;
    std::unique_ptr<edma::mapped_registers> registers_;
    edma::port port_;
    std::vector<detail::far_window> windows_;
};

/// Opens a function. Throws cf::error: no_such_device, not_set_up with what to do, busy, not_supported,
/// link_down.
std::unique_ptr<attached> open_function(const vfio_spec& spec, const std::string& text);

} // namespace cf::vfio
