// SPDX-License-Identifier: MIT
//
// on_board: what the attachments of one thread share, stepped and simulated: a machine, its board, and the
// way of a message to the engine whose interrupt it is. Who owns the clock adds the register spaces.
#pragma once

#include "model/board.hpp"

#include <cstdint>

namespace cf::model {

class on_board : public detail::attachment, protected signal_sink {
public:
    port_end near() const noexcept override { return board_.near(); }
    std::span<edma::port> engines() noexcept override { return board_.ports(); }
    std::span<const detail::far_window> windows() const noexcept override { return board_.windows(); }
    link_parameters link() const noexcept override { return board_.link(); }
    std::uint64_t map(void* memory, std::size_t size) override { return board_.map(memory, size); }
    void unmap(std::uint64_t address, std::size_t size) noexcept override { board_.unmap(address, size); }

    machine& hardware() noexcept { return machine_; }
    faults& injected() noexcept { return machine_.injected(); }
    journal& violations() noexcept { return machine_.violations(); }
    /// What the window "ram" shows.
    std::span<std::byte> far_memory() const noexcept { return board_.far_memory(); }

protected:
    on_board(const model_spec& spec, const machine_config& config)
        : machine_(config, *this), board_(spec, config, machine_)
    {
    }

    bool message(port_end end, std::uint64_t address, std::uint32_t) override
    {
        const auto engine = board_.interrupt_of(end, address);
        if (engine) interrupt(*engine);
        return engine.has_value();
    }

    machine machine_;
    board board_;
};

} // namespace cf::model
