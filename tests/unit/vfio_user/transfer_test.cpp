// SPDX-License-Identifier: MIT
//
// Data through the function: lists in BAR2, memory of the client, and what goes wrong between them. Waits
// are for an interrupt or a register, never for a time.
#include "rig.hpp"

#include <algorithm>

using namespace cf;
using namespace cf::vfio_user;
using namespace cf::vfio_user::test;

namespace {

constexpr std::uint64_t data_at = 1u << 20; ///< in BAR2, behind the lists

/// Cuts the first MiB of client memory and of BAR2's data into a list of elements of odd sizes.
void scatter(rig& r, channel_kind kind, std::uint32_t last_control)
{
    constexpr std::uint32_t total = 1u << 20, piece = 5003;
    for (std::uint32_t at = 0; at < total; at += piece) {
        const std::uint32_t size = std::min(piece, total - at);
        const std::uint32_t control = ctl::cycle | (at + size == total ? last_control : 0);
        const std::uint64_t near = rig::ram_at + at, far = rig::bar2_at + data_at + at;
        r.element(control, size, kind == channel_kind::wr ? far : near,
                  kind == channel_kind::wr ? near : far);
    }
}

bool moved(rig& r, std::size_t size)
{
    return std::ranges::equal(r.ram->bytes().first(size), r.bar2->bytes().subspan(data_at, size));
}

std::uint32_t status(rig& r, channel_kind kind) { return r.load(reg::of(kind).int_status); }

/// Keeps a channel busy with the first MiB of client memory, until some of it has moved.
void start_endless(rig& r, channel_kind kind)
{
    const bool wr = kind == channel_kind::wr;
    r.element(ctl::cycle, 1u << 20, wr ? rig::bar2_at + data_at : rig::ram_at,
              wr ? rig::ram_at : rig::bar2_at + data_at);
    r.link_back();
    r.start(kind);
    const std::uint32_t left = reg::channel(kind, 0, reg::ch_size);
    for (std::uint32_t size = 0; size == 0 || size == 1u << 20;) size = r.load(left);
}

} // namespace

TEST_CASE("a list moves data each way and interrupts", "[transfer]")
{
    for (const bool timed : {false, true}) {
        for (const channel_kind kind : {channel_kind::wr, channel_kind::rd}) {
            const event e;
            rig r(timed ? paced() : null_link());
            r.bring_up(e);
            r.ram->fill(1);
            r.bar2->fill(2);
            scatter(r, kind, tell);
            r.start(kind);
            REQUIRE(e.wait());
            CHECK(e.count() == 1);
            CHECK(status(r, kind) == edma::done_bit(0));
            CHECK(moved(r, 1u << 20));
        }
    }
}

TEST_CASE("both directions run at once", "[transfer]")
{
    const event e;
    rig r(paced());
    r.bring_up(e);
    r.ram->fill(1);
    const std::uint64_t half = 1u << 19;
    r.element(ctl::cycle | tell, 1u << 19, rig::bar2_at + data_at, rig::ram_at);
    r.start(channel_kind::wr);
    // The reading channel's list lies behind the other's.
    r.list_end = 4096;
    r.element(ctl::cycle | tell, 1u << 19, rig::ram_at + half, rig::bar2_at + data_at + half);
    r.element(0, 0, 0, 0);
    r.store(reg::rd.engine_enable, edma::engine_on);
    r.store(reg::rd.int_mask, 0);
    r.store(reg::channel(channel_kind::rd, 0, reg::ch_control1), ctl::list_enable | ctl::consumer_cycle);
    r.store(reg::channel(channel_kind::rd, 0, reg::ch_llp_low), rig::bar2_at + 4096);
    r.store(reg::rd.doorbell, 0);
    while (status(r, channel_kind::wr) == 0 || status(r, channel_kind::rd) == 0) REQUIRE(e.wait());
    CHECK(moved(r, 1u << 20));
}

TEST_CASE("memory that is not mapped aborts, and says so", "[transfer]")
{
    const event e;
    rig r;
    r.bring_up(e);
    SECTION("a write into it")
    {
        r.element(ctl::cycle | tell, 4096, rig::bar2_at + data_at, rig::ram_at + rig::ram_size);
        r.start(channel_kind::wr);
        CHECK(status(r, channel_kind::wr) == edma::abort_bit(0));
    }
    SECTION("a read from it")
    {
        r.element(ctl::cycle | tell, 4096, rig::ram_at - 4096, rig::bar2_at + data_at);
        r.start(channel_kind::rd);
        CHECK(status(r, channel_kind::rd) == edma::abort_bit(0));
        CHECK(r.load(reg::rd.err_high) == 1); // unsupported request
    }
    SECTION("when only its end sticks out, what lies before has moved")
    {
        r.bar2->fill(2);
        const std::size_t inside = 1000;
        r.element(ctl::cycle, 4096, rig::bar2_at + data_at, rig::ram_at + rig::ram_size - inside);
        r.start(channel_kind::wr);
        CHECK(status(r, channel_kind::wr) == edma::abort_bit(0));
        CHECK(std::ranges::equal(r.ram->bytes().last(inside), r.bar2->bytes().subspan(data_at, inside)));
    }
    SECTION("when it may only be read")
    {
        REQUIRE(r.dma_unmap(rig::ram_at, rig::ram_size).error() == 0);
        const std::array files{r.ram->file()};
        const auto map = bytes_of(dma_map_payload{32, dma_readable, 0, rig::ram_at, rig::ram_size});
        REQUIRE(r.client_.ask(command::dma_map, map, files).error() == 0);
        r.element(ctl::cycle, 64, rig::bar2_at + data_at, rig::ram_at);
        r.start(channel_kind::wr);
        CHECK(status(r, channel_kind::wr) == edma::abort_bit(0));
    }
    SECTION("when the function may not master the bus")
    {
        REQUIRE(r.write(region_config, 0x04, std::uint16_t{2}) == 0);
        r.element(ctl::cycle, 64, rig::bar2_at + data_at, rig::ram_at);
        r.start(channel_kind::wr);
        CHECK(status(r, channel_kind::wr) == edma::abort_bit(0));
    }
    CHECK(e.count() == 1);
}

TEST_CASE("after an unmap is answered the engine no longer touches the memory", "[transfer]")
{
    for (unsigned round = 0; round < 10; ++round) {
        const event e;
        rig r(paced());
        r.bring_up(e);
        r.bar2->fill(round);
        start_endless(r, channel_kind::wr);
        REQUIRE(r.dma_unmap(rig::ram_at, rig::ram_size).as<dma_unmap_payload>().size == rig::ram_size);
        r.ram->fill(99);
        const std::vector<std::byte> before(r.ram->bytes().begin(), r.ram->bytes().end());
        REQUIRE(e.wait()); // the abort
        CHECK(status(r, channel_kind::wr) == edma::abort_bit(0));
        CHECK(std::ranges::equal(r.ram->bytes(), before));
    }
}

TEST_CASE("BAR2 is where the client has put it", "[transfer]")
{
    const event e;
    rig r;
    r.bring_up(e);
    const auto run = [&] {
        r.store(reg::wr.int_clear, edma::all_int_bits);
        r.element(ctl::cycle | tell, 64, rig::bar2_at + data_at, rig::ram_at);
        r.start(channel_kind::wr);
        return status(r, channel_kind::wr);
    };
    CHECK(run() == edma::done_bit(0));
    REQUIRE(r.write(region_config, 0x18, rig::bar2_at + bar2_size) == 0);
    CHECK(run() == edma::abort_bit(0)); // the list cannot be fetched
    CHECK(r.load(reg::wr.err_low) == 1u << 16);
    REQUIRE(r.write(region_config, 0x18, rig::bar2_at) == 0);
    r.store(reg::wr.engine_enable, 0);
    CHECK(run() == edma::done_bit(0));
}

TEST_CASE("a reset stops the engine and forgets the registers, not the memory", "[transfer]")
{
    const bool by_capability = GENERATE(false, true);
    const event e;
    rig r(paced());
    r.bring_up(e);
    start_endless(r, channel_kind::wr);
    if (by_capability)
        REQUIRE(r.write(region_config, 0x78, std::uint16_t{0x8000}) == 0);
    else
        REQUIRE(r.client_.ask(command::device_reset, {}).error() == 0);
    const std::vector<std::byte> before(r.ram->bytes().begin(), r.ram->bytes().end());
    CHECK(r.load(reg::wr.engine_enable) == 0);
    CHECK(r.load(reg::channel(channel_kind::wr, 0, reg::ch_llp_low)) == 0);
    CHECK(r.read<std::uint16_t>(region_config, 0x04) == 0);
    CHECK((r.read<std::uint32_t>(region_config, 0x18) & ~0xfu) ==
          rig::bar2_at); // QEMU would not write it again
    REQUIRE(r.write(region_config, 0x04, std::uint16_t{6}) == 0);
    r.set_up_msi();
    r.tell_engine();
    CHECK(std::ranges::equal(r.ram->bytes(), before));
    r.element(ctl::cycle | tell, 64, rig::bar2_at + data_at, rig::ram_at);
    r.start(channel_kind::wr);
    REQUIRE(e.wait()); // neither the memory nor the eventfd has to be given again
    CHECK(status(r, channel_kind::wr) == edma::done_bit(0));
}

TEST_CASE("a client that goes in the middle of a transfer takes its memory along", "[transfer]")
{
    const event e;
    rig r(paced());
    r.bring_up(e);
    start_endless(r, channel_kind::wr);
    r.client_.hang_up();
    CHECK_FALSE(r.session_->serve());
    r.session_.reset();
    r.ram->fill(99);
    const std::vector<std::byte> before(r.ram->bytes().begin(), r.ram->bytes().end());
    bool resting = false;
    while (!resting) r.device.with_machine([&](model::machine& m, auto) { resting = !m.next_event(); });
    CHECK(std::ranges::equal(r.ram->bytes(), before));
}

TEST_CASE("across a dead link everything reads as ones and nothing is written", "[transfer]")
{
    const event e;
    rig r;
    r.bring_up(e);
    const auto set_link = [&](bool up) {
        r.device.with_machine([&](model::machine& m, model::nanoseconds now) { m.set_link(up, now); });
    };
    r.store(reg::wr.engine_enable, edma::engine_on);
    set_link(false);
    CHECK(r.load(reg::control) == edma::all_ones);
    CHECK(r.read<std::uint32_t>(region_config, 0) == edma::all_ones);
    CHECK(r.read<std::uint32_t>(region_bar2, 0) == edma::all_ones);
    CHECK(r.write(region_config, 0x04, std::uint16_t{0}) == 0);
    r.store(reg::wr.doorbell, 0);
    CHECK(e.count() == 0);
    set_link(true);
    CHECK(r.load(reg::wr.engine_enable) == 0); // the engine has lost its state, the configuration has not
    CHECK(r.read<std::uint16_t>(region_config, 0x04) == 6);
    r.tell_engine();
    r.element(ctl::cycle | tell, 64, rig::bar2_at + data_at, rig::ram_at);
    r.start(channel_kind::wr);
    CHECK(e.count() == 1);
}
