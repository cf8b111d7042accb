// SPDX-License-Identifier: MIT
//
// A machine on a virtual clock.
#include "model/simulated.hpp"

#include <utility>

namespace cf::model {

class simulated::space final : public edma::register_space {
public:
    space(simulated& owner, unsigned engine) noexcept : owner_(owner), engine_(engine) {}
    int interrupt_fd() const noexcept override { return -1; }
    bool link_is_up() override { return owner_.machine_.link_up(); }
    void on_interrupt(void (*notify)(void*) noexcept, void* context) noexcept override
    {
        notify_ = notify;
        context_ = context;
    }
    void tell() const noexcept
    {
        if (notify_) notify_(context_);
    }

private:
    std::uint32_t load_slow(std::uint32_t offset) override
    {
        register_load wanted{engine_, offset};
        owner_.machine_.send_load(wanted, owner_.clock_.now());
        owner_.clock_.stall([&wanted] { return wanted.answered; });
        return wanted.value;
    }
    void store_slow(std::uint32_t offset, std::uint32_t value) override
    {
        owner_.machine_.look(owner_.clock_.now());
        owner_.machine_.send_store(engine_, offset, value, owner_.clock_.now());
    }

    simulated& owner_;
    unsigned engine_;
    void (*notify_)(void*) noexcept = nullptr;
    void* context_ = nullptr;
};

namespace {

/// The program writes lists at times of its own, which the walker must not see earlier.
machine_config with_looks(machine_config config)
{
    config.real_time = true;
    return config;
}

} // namespace

simulated::simulated(const model_spec& spec, const machine_config& config, detail::virtual_clock& clock)
    : on_board(spec, with_looks(config)), clock_(clock)
{
    for (unsigned engine = 0; engine < board_.ports().size(); ++engine) {
        spaces_.push_back(std::make_unique<space>(*this, engine));
        board_.ports()[engine].registers = spaces_.back().get();
    }
    machine_.witness(*this);
    clock_.stir(spec.seed);
    clock_.set_turn(spec.turn_ns);
    clock_.join(*this);
}

simulated::~simulated() { clock_.leave(*this); }

void simulated::deliver() noexcept
{
    for (unsigned engine = 0; engine < spaces_.size(); ++engine)
        if (std::exchange(interrupts_[engine], false)) spaces_[engine]->tell();
}

void simulated::happened(const event& e) noexcept
{
    // The subject of a load is where its caller stands, which is no part of what happens.
    const bool placeless = e.kind == event_kind::load || e.kind == event_kind::load_answer;
    const std::uint64_t what = std::uint64_t{e.data} << 32 | static_cast<std::uint64_t>(e.kind) << 24 |
                               std::uint64_t{e.engine} << 16 | index_of(e.of) << 8 | e.channel;
    clock_.note(e.at ^ (placeless ? 0 : e.subject << 20 | e.subject >> 44), what);
}

} // namespace cf::model
