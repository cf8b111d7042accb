// SPDX-License-Identifier: MIT
//
// stepped: a modelled device whose clock the caller moves by hand. For tests of a driver: every
// interleaving of driver and engine can be set up, and repeats exactly. One thread.
#pragma once

#include "model/on_board.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace cf::model {

class stepped final : public on_board {
public:
    explicit stepped(const model_spec& spec) : stepped(spec, configure(spec)) {}
    stepped(const model_spec& spec, const machine_config& config);
    ~stepped() override;

    /// Register accesses set out at this time, after everything due by it; a load across the link
    /// moves the clock to its answer.
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

    void set_link(bool up) { machine_.set_link(up, now_); }

private:
    class space;

    void interrupt(unsigned engine) override { ++interrupts_[engine]; }

    nanoseconds now_ = 0;
    std::array<std::uint64_t, 2> interrupts_{};
    std::vector<std::unique_ptr<space>> spaces_;
};

} // namespace cf::model
