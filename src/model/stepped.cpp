// SPDX-License-Identifier: MIT
//
// The clock moved by hand.
#include "model/stepped.hpp"

namespace cf::model {

class stepped::space final : public edma::register_space {
public:
    space(stepped& owner, unsigned engine) noexcept : owner_(owner), engine_(engine) {}
    int interrupt_fd() const noexcept override { return -1; }
    bool link_is_up() override { return owner_.hardware().link_up(); }

private:
    std::uint32_t load_slow(std::uint32_t offset) override
    {
        register_load wanted{engine_, offset};
        owner_.hardware().advance(owner_.now_);
        owner_.hardware().send_load(wanted, owner_.now_);
        while (!wanted.answered) owner_.step();
        return wanted.value;
    }
    void store_slow(std::uint32_t offset, std::uint32_t value) override
    {
        owner_.hardware().advance(owner_.now_);
        owner_.hardware().send_store(engine_, offset, value, owner_.now_);
    }

    stepped& owner_;
    unsigned engine_;
};

stepped::stepped(const model_spec& spec, const machine_config& config) : on_board(spec, config)
{
    for (unsigned engine = 0; engine < board_.ports().size(); ++engine) {
        spaces_.push_back(std::make_unique<space>(*this, engine));
        board_.ports()[engine].registers = spaces_.back().get();
    }
}

stepped::~stepped() = default;

bool stepped::step()
{
    const auto next = hardware().next_event();
    if (!next) return false;
    now_ = std::max(now_, *next);
    hardware().advance_one(now_);
    return true;
}

void stepped::advance_to(nanoseconds time)
{
    now_ = std::max(now_, time);
    hardware().advance(now_);
}

bool stepped::run_until_idle(std::uint64_t most)
{
    for (std::uint64_t n = 0; n < most; ++n)
        if (!step()) return true;
    return !hardware().next_event();
}

} // namespace cf::model
