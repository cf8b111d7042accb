// SPDX-License-Identifier: MIT
//
// The seam between engine and registers: another face in front of the same engine, one that
// hears of stops as an HDMA's would, and lets each channel be enabled by itself.
#include "rig.hpp"

using namespace cf;
using namespace cf::model;
using namespace cf::model::test;

namespace {

/// What channels of the engine under test have gone through, in order.
std::vector<std::string>& heard()
{
    static std::vector<std::string> events;
    return events;
}

/// Registers by channel, two WR channels 16 bytes apart: enable, doorbell, list address, list mode.
class by_channel final : public register_face {
public:
    enum : std::uint32_t { enable = 0, doorbell = 4, list = 8, walks = 12, stride = 16 };

    by_channel(engine& behind, backplane&) : engine_(behind) { behind.listen(*this); }
    static std::unique_ptr<register_face> make(engine& behind, backplane& plane)
    {
        return std::make_unique<by_channel>(behind, plane);
    }

    std::uint32_t load(std::uint32_t offset) const noexcept override
    {
        const unsigned channel = offset / stride;
        if (channel >= enabled_.size()) return edma::all_ones;
        return static_cast<std::uint32_t>(engine_.state(channel_kind::wr, channel));
    }
    void store(std::uint32_t offset, std::uint32_t value, picoseconds now) override
    {
        const unsigned channel = offset / stride;
        if (channel >= enabled_.size()) return;
        channel_registers& r = engine_.registers(channel_kind::wr, channel);
        switch (offset % stride) {
        case enable:
            enabled_[channel] = value != 0;
            engine_.enable(channel_kind::wr, now);
            return;
        case doorbell:
            if (enabled_[channel]) engine_.doorbell(channel_kind::wr, channel, now);
            return;
        case list: r.position = r.position >> 32 << 32 | value; return;
        default:
            r.list_mode = value != 0;
            r.cycle = true;
            r.position = std::uint64_t{value} << 32 | low(r.position);
            return;
        }
    }
    bool starts_work(std::uint32_t offset) const noexcept override
    {
        return offset / stride < enabled_.size() && offset % stride == doorbell;
    }
    void reset() noexcept override { enabled_ = {}; }

    void element_done(channel_kind, unsigned channel, std::uint32_t, picoseconds) override
    {
        heard().push_back("done " + std::to_string(channel));
    }
    void stopped(channel_kind kind, unsigned channel, picoseconds) override
    {
        CHECK(engine_.state(kind, channel) == channel_state::stopped);
        heard().push_back("stopped " + std::to_string(channel));
    }
    void aborted(channel_kind, unsigned channel, abort_cause, picoseconds) override
    {
        heard().push_back("aborted " + std::to_string(channel));
    }

private:
    engine& engine_;
    std::array<bool, 2> enabled_{};
};

machine_config with_face(const model_spec& spec)
{
    machine_config config = configure(spec);
    for (engine_config& engine : config.engines) engine.face = by_channel::make;
    return config;
}

void start(rig& r, unsigned channel)
{
    const std::uint64_t list = r.port.wr_lists[channel].engine;
    r.port.registers->store(channel * by_channel::stride + by_channel::list, low(list));
    r.port.registers->store(channel * by_channel::stride + by_channel::walks, high(list));
    r.port.registers->store(channel * by_channel::stride + by_channel::doorbell, 1);
}

} // namespace

TEST_CASE("a machine has the registers its configuration asks for", "[face]")
{
    for (const bool timed : {false, true}) {
        const model_spec spec = timed ? paced(3, 1) : null_link();
        rig r(spec, with_face(spec));
        heard().clear();
        channel_driver second(r.port, channel_kind::wr, 1);
        for (channel_driver* c : {&r.wr, &second}) {
            c->list().data(ctl::cycle, 64, r.far(0), r.near.address());
            c->list().data(ctl::cycle, 64, r.far(64), r.near.address() + 64);
            c->list().data(0, 0, 0, 0);
        }
        r.port.registers->store(1 * by_channel::stride + by_channel::enable, 1);
        start(r, 0); // not enabled
        start(r, 1);
        REQUIRE(r.device.run_until_idle());
        CHECK(heard() == std::vector<std::string>{"done 1", "done 1", "stopped 1"});
        CHECK(r.near_equals_far(0, 0, 128));
    }
}

TEST_CASE("a channel that is stopped by a fault's lag says so when it stops, and an abort is no stop",
          "[face]")
{
    const model_spec spec = paced(3, 1);
    rig r(spec, with_face(spec));
    heard().clear();
    r.port.registers->store(by_channel::enable, 1);
    r.wr.list().data(ctl::cycle, 64, r.far(0), r.near.address());
    const auto second = r.wr.list().data(0, 64, 0xdead'0000'0000, r.near.address());
    r.device.injected().late_stop({}, 20'000);
    start(r, 0);
    r.device.advance_to(10'000);
    CHECK(heard() == std::vector<std::string>{"done 0"});
    REQUIRE(r.device.run_until_idle());
    CHECK(heard() == std::vector<std::string>{"done 0", "stopped 0"});
    r.wr.list().control(second, ctl::cycle);
    heard().clear();
    r.port.registers->store(by_channel::doorbell, 1);
    REQUIRE(r.device.run_until_idle());
    CHECK(heard() == std::vector<std::string>{"aborted 0"});
}
