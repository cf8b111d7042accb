// SPDX-License-Identifier: MIT
//
// simulated: a modelled device in virtual time, `sim:`. Its machine is part of the simulation that the
// runtime's clock belongs to: a load stalls the program until it is answered, an interrupt waits until the
// program looks, and every event joins the clock's hash.
#pragma once

#include "model/board.hpp"
#include "runtime/virtual/clock.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace cf::model {

class simulated final : public detail::attachment,
                        private detail::virtual_hardware,
                        private signal_sink,
                        private event_witness {
public:
    /// Tests change what a spec cannot say in `config`. `clock` outlives this.
    simulated(const model_spec& spec, const machine_config& config, detail::virtual_clock& clock);
    simulated(const model_spec& spec, detail::virtual_clock& clock) : simulated(spec, configure(spec), clock)
    {
    }
    ~simulated() override;

    port_end near() const noexcept override { return board_.near(); }
    std::span<edma::port> engines() noexcept override { return board_.ports(); }
    std::span<const detail::far_window> windows() const noexcept override { return board_.windows(); }
    link_parameters link() const noexcept override { return board_.link(); }
    std::uint64_t map(void* memory, std::size_t size) override { return board_.map(memory, size); }
    void unmap(std::uint64_t address, std::size_t size) noexcept override { board_.unmap(address, size); }

    machine& hardware() noexcept { return machine_; }
    faults& injected() noexcept { return machine_.injected(); }
    journal& violations() noexcept { return machine_.violations(); }
    void set_link(bool up) { machine_.set_link(up, clock_.now()); }
    /// What the window "ram" shows.
    std::span<std::byte> far_memory() const noexcept { return board_.far_memory(); }

private:
    class space;

    std::optional<std::uint64_t> next_event() const noexcept override { return machine_.next_event(); }
    void step(std::uint64_t now) override { machine_.advance_one(now); }
    void look(std::uint64_t now) override { machine_.look(now); }
    bool interrupts() const noexcept override { return interrupts_[0] || interrupts_[1]; }
    void deliver() noexcept override;

    void interrupt(unsigned engine) override { interrupts_[engine] = true; }
    bool message(port_end end, std::uint64_t address, std::uint32_t data) override;
    void happened(const event& e) noexcept override;

    detail::virtual_clock& clock_;
    std::array<bool, 2> interrupts_{}; ///< by engine: not told yet
    machine machine_;
    board board_;
    std::vector<std::unique_ptr<space>> spaces_;
};

} // namespace cf::model
