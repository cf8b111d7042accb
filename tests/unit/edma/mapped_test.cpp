// SPDX-License-Identifier: MIT
//
// Registers in a mapped BAR, and engines at an offset of a larger space: where the driver's loads and
// stores go, and that all of it works on the model behind such an offset.
#include "edma/mapped_registers.hpp"
#include "model_rig.hpp"

#include <array>

using namespace cf;
using namespace cf::edma;
using namespace cf::edma::test;

namespace {

/// A BAR that is an array: it keeps what is stored, and answers with it.
struct array_bar {
    explicit array_bar(std::uint32_t at) : words((at + 2 * reg::space_size) / 4), base(at) {}

    std::uint32_t& operator[](std::uint32_t offset) { return words[(base + offset) / 4]; }
    /// True when nothing outside the engine's registers was touched.
    bool rest_untouched() const
    {
        for (std::size_t n = 0; n < words.size(); ++n)
            if ((4 * n < base || 4 * n >= base + reg::space_size) && words[n] != 0) return false;
        return true;
    }

    std::vector<std::uint32_t> words;
    std::uint32_t base;
};

/// A BAR with one modelled engine in it, and nothing else.
class bar_around final : public register_space {
public:
    bar_around(register_space& engine, std::uint32_t at) : engine_(engine), at_(at) {}
    int interrupt_fd() const noexcept override { return engine_.interrupt_fd(); }
    bool link_is_up() override { return engine_.link_is_up(); }

private:
    std::uint32_t inside(std::uint32_t offset) const
    {
        REQUIRE(offset >= at_);
        REQUIRE(offset < at_ + reg::space_size);
        return offset - at_;
    }
    std::uint32_t load_slow(std::uint32_t offset) override { return engine_.load(inside(offset)); }
    void store_slow(std::uint32_t offset, std::uint32_t value) override
    {
        engine_.store(inside(offset), value);
    }

    register_space& engine_;
    std::uint32_t at_;
};

constexpr std::uint32_t offsets[] = {0, 0x1000, 0x2'0000, 0x38'0000};

} // namespace

TEST_CASE("the driver on a mapped BAR, at any offset of it")
{
    for (const std::uint32_t offset : offsets) {
        array_bar bar(offset);
        bar[reg::control] = 1 | 1 << 16;
        mapped_registers mapped(bar.words.data(), 7);
        register_window window(mapped, offset);
        CHECK(window.interrupt_fd() == 7);
        CHECK(window.link_is_up());

        alignas(8) std::array<std::byte, 0x200> list{};
        port p;
        p.registers = &window;
        p.side = engine_side::local;
        p.wr_lists.push_back({list.data(), 0x8000'0000, list.size()});
        p.lists_write_combined = offset != 0; // as far as this can be seen: the same list
        engine e(p, {});
        CHECK(bar[reg::wr.engine_enable] == engine_on);
        CHECK(bar[reg::rd.engine_enable] == engine_on);
        CHECK(bar[reg::channel(channel_kind::wr, 0, reg::ch_llp_low)] == 0x8000'0000);
        CHECK(bar[reg::channel(channel_kind::wr, 0, reg::ch_control1)] ==
              (ctl::list_enable | ctl::consumer_cycle));

        bar[reg::wr.doorbell] = 99;
        std::vector<outcome> outcomes;
        auto sink = [&](void*, outcome o) { outcomes.push_back(o); };
        e.at(channel_kind::wr, 0).push({0x1000, 0x2000, 64, nullptr});
        e.at(channel_kind::wr, 0).flush(0);
        CHECK(bar[reg::wr.doorbell] == 0);
        data_element first{};
        std::memcpy(&first, list.data(), sizeof first);
        CHECK(first.control == (ctl::cycle | ctl::local_int));
        CHECK(first.size == 64);
        CHECK(first.sar_low == 0x1000);
        CHECK(first.dar_low == 0x2000);

        bar[reg::channel(channel_kind::wr, 0, reg::ch_llp_low)] += sizeof(data_element); // it is done
        CHECK(e.poll(0, sink));
        CHECK(outcomes == std::vector{outcome::done});
        CHECK(bar.rest_untouched());
    }
}

TEST_CASE("the driver on the model behind an offset")
{
    for (const engine_choice side : {engine_choice::remote, engine_choice::local}) {
        for (const std::uint32_t offset : offsets) {
            for (const bool lists : {true, false}) {
                model_spec spec = strict_model();
                spec.engine = side;
                model::stepped dev(spec);
                bar_around bar(*dev.engines()[0].registers, offset);
                register_window window(bar, offset);
                dev.engines()[0].registers = &window;
                std::vector<std::byte> near(spec.ram_bytes);
                port p = dev.engines()[0];
                if (!lists) {
                    p.wr_lists.clear();
                    p.rd_lists.clear();
                }
                ledger book({near.data(), dev.map(near.data(), near.size()), dev.far_memory().data(),
                             dev.windows()[0].address_for(p.side), near.size()},
                            p.side);
                engine driver(p, {});
                for (unsigned n = 0; n < 8; ++n) {
                    book.push(driver.at(n % 2 == 0 ? channel_kind::wr : channel_kind::rd, n / 4), {3000, 20});
                    for (const channel_kind kind : {channel_kind::wr, channel_kind::rd})
                        driver.at(kind, n / 4).flush(dev.now());
                }
                for (unsigned turns = 0; book.reported() < book.pushed(); ++turns) {
                    REQUIRE(turns < 100'000);
                    if (!dev.step()) dev.advance_to(std::max(dev.now(), driver.next_deadline()));
                    if (dev.take_interrupts() != 0 || driver.next_deadline() <= dev.now())
                        driver.service(dev.now(), book);
                }
                book.check_complete();
                CHECK(dev.violations().count() == 0);
                for (const transfer& t : book.transfers()) CHECK(t.all(outcome::done));
            }
        }
    }
}
