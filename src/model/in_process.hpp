// SPDX-License-Identifier: MIT
//
// in_process: the modelled device in this process and against the real clock.
#pragma once

#include "model/board.hpp"
#include "model/paced_machine.hpp"

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace cf::model {

/// Register accesses, map() and unmap() may come from any thread.
class in_process final : public detail::attachment, private signal_listener {
public:
    explicit in_process(const model_spec& spec);
    ~in_process() override;

    port_end near() const noexcept override { return board_.near(); }
    std::span<edma::port> engines() noexcept override { return board_.ports(); }
    std::span<const detail::far_window> windows() const noexcept override { return board_.windows(); }
    link_parameters link() const noexcept override { return board_.link(); }
    std::uint64_t map(void* memory, std::size_t size) override;
    /// Copies run under the lock this takes, so none is left when it returns.
    void unmap(std::uint64_t address, std::size_t size) noexcept override;

    /// Calls `use(machine&, now)` while the hardware stands still: for faults, violations and the
    /// link. Must not touch a register space.
    template <class Use>
    void with_machine(Use&& use)
    {
        machine_.with(std::forward<Use>(use));
    }
    /// What the window "ram" shows.
    std::span<std::byte> far_memory() const noexcept { return board_.far_memory(); }

private:
    class space;

    void raise(unsigned line, std::uint64_t count) noexcept override;

    paced_machine machine_;
    board board_; // changed with the machine standing still
    std::vector<std::unique_ptr<space>> spaces_;
};

/// Opens a modelled device. Throws cf::error.
std::unique_ptr<in_process> open_model(const model_spec& spec);

} // namespace cf::model
