// SPDX-License-Identifier: MIT
//
// stepped: a modelled device whose clock the caller moves by hand. For tests of a driver: every
// interleaving of driver and engine can be set up, and repeats exactly. One thread.
#pragma once

#include "model/board.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace cf::model {

class stepped final : public detail::attachment, private signal_sink {
public:
    explicit stepped(const model_spec& spec) : stepped(spec, configure(spec)) {}
    stepped(const model_spec& spec, const machine_config& config);
    ~stepped() override;

    port_end near() const noexcept override { return board_.near(); }
    std::span<edma::port> engines() noexcept override { return board_.ports(); }
    std::span<const detail::far_window> windows() const noexcept override { return board_.windows(); }
    link_parameters link() const noexcept override { return board_.link(); }
    std::uint64_t map(void* memory, std::size_t size) override { return board_.map(memory, size); }
    void unmap(std::uint64_t address, std::size_t size) noexcept override { board_.unmap(address, size); }

    /// Register accesses happen at this time, after everything due by it.
    nanoseconds now() const noexcept { return now_; }
    /// Moves the clock to the next event and lets it happen; false when the machine is at rest.
    bool step();
    /// Lets everything up to `time` happen; then it is `time`.
    void advance_to(nanoseconds time);
    /// Steps until the machine is at rest; false when it still was not after `most` steps.
    bool run_until_idle(std::uint64_t most = 1'000'000);

    /// Interrupts of an engine since the last call.
    std::uint64_t take_interrupts(unsigned engine = 0) noexcept
    {
        return std::exchange(interrupts_[engine], 0);
    }

    machine& hardware() noexcept { return machine_; }
    faults& injected() noexcept { return hardware().injected(); }
    journal& violations() noexcept { return hardware().violations(); }
    void set_link(bool up) { hardware().set_link(up, now_); }
    /// What the window "ram" shows.
    std::span<std::byte> far_memory() const noexcept { return board_.far_memory(); }

private:
    class space;

    void interrupt(unsigned engine) override { ++interrupts_[engine]; }

    nanoseconds now_ = 0;
    std::array<std::uint64_t, 2> interrupts_{};
    machine machine_;
    board board_;
    std::vector<std::unique_ptr<space>> spaces_;
};

} // namespace cf::model
