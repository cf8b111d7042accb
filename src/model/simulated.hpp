// SPDX-License-Identifier: MIT
//
// simulated: a modelled device in virtual time, `sim:`. Its machine is part of the simulation that the
// runtime's clock belongs to: a load stalls the program until it is answered, an interrupt waits until the
// program looks, and every event joins the clock's hash.
#pragma once

#include "model/on_board.hpp"
#include "runtime/virtual/clock.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace cf::model {

class simulated final : public on_board, private detail::virtual_hardware, private event_witness {
public:
    /// Tests change what a spec cannot say in `config`. `clock` outlives this.
    simulated(const model_spec& spec, const machine_config& config, detail::virtual_clock& clock);
    simulated(const model_spec& spec, detail::virtual_clock& clock) : simulated(spec, configure(spec), clock)
    {
    }
    ~simulated() override;

    void set_link(bool up) { machine_.set_link(up, clock_.now()); }
    /// While held, time passes and the hardware does nothing; what was due then happens late. The program
    /// must not load meanwhile.
    void hold(bool held) noexcept { held_ = held; }
    /// The system wants the device back: the program is told before this returns.
    void ask_back() const noexcept
    {
        if (removal_) removal_(removal_context_);
    }

    void on_removal(void (*notify)(void*) noexcept, void* context) noexcept override
    {
        removal_ = notify;
        removal_context_ = context;
    }

private:
    class space;

    std::optional<std::uint64_t> next_event() const noexcept override
    {
        return held_ ? std::nullopt : machine_.next_event();
    }
    void step(std::uint64_t now) override { machine_.advance_one(now); }
    void look(std::uint64_t now) override { machine_.look(now); }
    bool interrupts() const noexcept override { return interrupts_[0] || interrupts_[1]; }
    void deliver() noexcept override;

    void interrupt(unsigned engine) override { interrupts_[engine] = true; }
    void happened(const event& e) noexcept override;

    detail::virtual_clock& clock_;
    std::array<bool, 2> interrupts_{}; ///< by engine: not told yet
    std::vector<std::unique_ptr<space>> spaces_;
    bool held_ = false;
    void (*removal_)(void*) noexcept = nullptr;
    void* removal_context_ = nullptr;
};

} // namespace cf::model
