// SPDX-License-Identifier: MIT
//
// The board: what a model spec describes around a machine. The memory of both ends at addresses
// that differ as they would on hardware, the window "ram" and the ports a driver is given. The
// attachments below it (in_process, stepped) own the machine and give it a clock.
#pragma once

#include "device/attachment.hpp"
#include "edma/port.hpp"
#include "model/machine.hpp"
#include "model/mapped_memory.hpp"
#include <counterflow/spec.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace cf::model {

/// The machine that `spec` asks for. Tests change what a spec cannot say before they build it.
machine_config configure(const model_spec& spec);

/// Not synchronised, like its machine.
class board {
public:
    /// `hardware` was made from `config` and outlives this. Throws cf::error when the spec cannot be
    /// had (memory, backing file).
    board(const model_spec& spec, const machine_config& config, machine& hardware);

    port_end near() const noexcept { return near_; }
    link_parameters link() const noexcept { return link_; }
    /// One port an engine, in the machine's order; the owner fills in their registers.
    std::span<edma::port> ports() noexcept { return ports_; }
    std::span<const detail::far_window> windows() const noexcept { return windows_; }
    /// What the window "ram" shows.
    std::span<std::byte> far_memory() const noexcept { return far_ram_.bytes(); }

    /// Makes near memory reachable, at an address that is never given out again.
    std::uint64_t map(void* memory, std::size_t size);
    void unmap(std::uint64_t address, std::size_t size) noexcept;

private:
    struct alignas(64) completion_block {
        std::array<std::byte, 64> bytes{};
    };

    void add_port(unsigned engine, const engine_config& config);

    port_end near_;
    link_parameters link_;
    machine& machine_;
    mapped_memory far_ram_;
    std::vector<mapped_memory> lists_;                 ///< by engine
    std::array<completion_block, 2> completion_words_; ///< by engine
    std::vector<edma::port> ports_;
    std::vector<detail::far_window> windows_;
    std::uint64_t next_address_;
};

} // namespace cf::model
