// SPDX-License-Identifier: MIT
//
// Bytes really move, exactly where they should: random lists on all channels of every arrangement
// of engines, checked against a shadow of both memories; and the arbiter that shares the engine.
#include "rig.hpp"

#include <numeric>

using namespace cf;
using namespace cf::model;
using namespace cf::model::test;
using edma::channel_status;

namespace {

constexpr std::size_t slice = 1u << 17; ///< memory of one channel, so that channels do not overlap

/// Fills one channel's list with random elements inside its slice, and does the same to the shadows.
void random_list(rig& r, edma::port& port, channel_kind kind, unsigned channel, std::size_t base,
                 std::mt19937& random, std::vector<std::byte>& near, std::vector<std::byte>& far)
{
    channel_driver c(port, kind, channel);
    const std::uint64_t far_base = r.device.windows()[0].address_for(port.side);
    const bool to_far = (kind == channel_kind::wr) == (port.side == engine_side::local);
    const auto below = [&](std::size_t limit) {
        return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
    };
    const std::size_t count = 1 + below(20);
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t size = 1 + below(below(3) == 0 ? 30'000 : 300);
        const std::size_t near_at = base + below(slice - size), far_at = base + below(slice - size);
        const std::uint64_t near_address = r.near.address() + near_at, far_address = far_base + far_at;
        c.list().data(ctl::cycle | (i + 1 == count ? ctl::local_int : 0), static_cast<std::uint32_t>(size),
                      to_far ? near_address : far_address, to_far ? far_address : near_address);
        if (to_far)
            std::copy_n(near.begin() + static_cast<std::ptrdiff_t>(near_at), size,
                        far.begin() + static_cast<std::ptrdiff_t>(far_at));
        else
            std::copy_n(far.begin() + static_cast<std::ptrdiff_t>(far_at), size,
                        near.begin() + static_cast<std::ptrdiff_t>(near_at));
    }
    c.list().data(0, 0, 0, 0);
}

void run_random(model_spec spec, unsigned seed)
{
    rig r(spec);
    std::mt19937 random(seed);
    std::vector<std::byte> near(r.near.inside().begin(), r.near.inside().end());
    std::vector<std::byte> far(r.device.far_memory().begin(), r.device.far_memory().end());
    struct used {
        edma::port* port;
        channel_kind kind;
        unsigned channel;
    };
    std::vector<used> channels;
    std::size_t base = 0;
    for (edma::port& port : r.device.engines()) {
        for (unsigned i = 0; i < 2; ++i) {
            for (const channel_kind kind : {channel_kind::wr, channel_kind::rd}) {
                random_list(r, port, kind, i, base, random, near, far);
                channels.push_back({&port, kind, i});
                base += slice;
            }
        }
    }
    for (const used& u : channels) channel_driver(*u.port, u.kind, u.channel).start();
    REQUIRE(r.device.run_until_idle());
    for (const used& u : channels) {
        channel_driver c(*u.port, u.kind, u.channel);
        CHECK(c.status() == channel_status::stopped);
        CHECK(c.done());
        CHECK_FALSE(c.aborted());
    }
    CHECK(std::ranges::equal(r.near.inside(), near));
    CHECK(std::ranges::equal(r.device.far_memory(), far));
    CHECK(r.near.untouched_outside(0, r.near.size()));
    CHECK(r.device.violations().count() == 0);
}

/// Runs channels of one kind with elements of `size` until `stop_at`; bytes moved by channel.
std::vector<double> shares(rig& r, channel_kind kind, unsigned channels, std::uint32_t size,
                           const std::vector<std::uint32_t>& weights)
{
    const reg::bank& bank = reg::of(kind);
    std::uint32_t word = 0;
    for (unsigned i = 0; i < channels; ++i) word |= weights[i] << (5 * i);
    r.port.registers->store(bank.weight_low, word);
    std::vector<channel_driver> drivers;
    constexpr unsigned count = 4000;
    for (unsigned i = 0; i < channels; ++i) {
        channel_driver& c = drivers.emplace_back(r.port, kind, i);
        for (unsigned n = 0; n < count; ++n) {
            if (kind == channel_kind::wr)
                c.list().data(ctl::cycle, size, r.far(0), r.near.address() + i * 65536);
            else
                c.list().data(ctl::cycle, size, r.near.address(), r.far(i * 65536));
        }
        c.start();
    }
    while (std::ranges::all_of(drivers, [](auto& c) { return c.position_offset() < 24 * (count / 2); }))
        REQUIRE(r.device.step());
    std::vector<double> result;
    for (auto& c : drivers) result.push_back(static_cast<double>(c.position_offset() / 24) * size);
    const double sum = std::accumulate(result.begin(), result.end(), 0.0);
    for (double& each : result) each /= sum;
    return result;
}

bool close(double value, double expected) { return value > expected * 0.98 && value < expected * 1.02; }

} // namespace

TEST_CASE("random lists move exactly their bytes in every arrangement", "[movement]")
{
    for (unsigned seed = 1; seed <= 8; ++seed) {
        for (const engine_choice engine :
             {engine_choice::remote, engine_choice::local, engine_choice::both}) {
            for (const port_end near : {port_end::root_port, port_end::endpoint}) {
                model_spec spec = seed % 2 ? paced(1 + seed % 5, 4) : null_link();
                spec.engine = engine;
                spec.near = near;
                spec.link.tags = seed % 3 ? 0 : 2;
                spec.link.posted_data = seed % 4 == 1 ? spec.link.mps_bytes / 16 : 0;
                INFO("seed " << seed << " engine " << static_cast<int>(engine));
                run_random(spec, seed);
            }
        }
    }
}

TEST_CASE("addresses differ between all views of the same memory", "[movement]")
{
    rig r;
    const auto& ram = r.device.windows()[0];
    CHECK(ram.name == "ram");
    CHECK(ram.size == r.device.far_memory().size());
    CHECK(ram.bus_address != ram.own_address);
    CHECK(ram.own_address != reinterpret_cast<std::uintptr_t>(r.device.far_memory().data()));
    CHECK(r.near.address() != reinterpret_cast<std::uintptr_t>(r.near.data()));
    CHECK(r.near.address() % 4096 == reinterpret_cast<std::uintptr_t>(r.near.data()) % 4096);
}

TEST_CASE("equal weights share an engine equally, whatever the element sizes", "[arbiter]")
{
    for (const channel_kind kind : {channel_kind::wr, channel_kind::rd}) {
        for (const std::uint32_t size : {512u, 4096u, 20000u}) {
            rig r(paced(3, 4));
            const unsigned channels = kind == channel_kind::wr ? 4 : 2;
            for (const double share : shares(r, kind, channels, size, {1, 1, 1, 1}))
                CHECK(close(share, 1.0 / channels));
        }
    }
}

TEST_CASE("weights give turns in proportion", "[arbiter]")
{
    rig r(paced(3, 4));
    const auto share = shares(r, channel_kind::wr, 4, 32768, {1, 2, 4, 1});
    CHECK(close(share[0], 1.0 / 8));
    CHECK(close(share[1], 2.0 / 8));
    CHECK(close(share[2], 4.0 / 8));
    CHECK(close(share[3], 1.0 / 8));
}

TEST_CASE("a channel with nothing to do gives its turns away", "[arbiter]")
{
    rig r(paced(3, 4));
    r.port.registers->store(reg::wr.weight_low, 31); // channel 0 has a large weight and no work
    const auto share = [&] {
        channel_driver a(r.port, channel_kind::wr, 1), b(r.port, channel_kind::wr, 2);
        for (channel_driver* c : {&a, &b}) {
            for (unsigned n = 0; n < 400; ++n) c->list().data(ctl::cycle, 8192, r.far(0), r.near.address());
            c->start();
        }
        while (a.position_offset() < 200 * 24) REQUIRE(r.device.step());
        return static_cast<double>(b.position_offset()) / static_cast<double>(a.position_offset());
    }();
    CHECK(close(share, 1.0));
}

TEST_CASE("WR and RD channels do not slow each other down beyond the link", "[arbiter]")
{
    // Alone, and together with the other kind: what one loses is the read requests' room.
    const auto time_of = [](bool with_reads) {
        rig r(paced(3, 4));
        r.wr.list().data(ctl::cycle, 1u << 19, r.far(0), r.near.address());
        r.wr.list().data(0, 0, 0, 0);
        r.rd.list().data(ctl::cycle, 1u << 19, r.near.address() + (1u << 19), r.far(1u << 19));
        r.rd.list().data(0, 0, 0, 0);
        r.wr.start();
        if (with_reads) r.rd.start();
        while (r.wr.position_offset() == 0) REQUIRE(r.device.step());
        return static_cast<double>(r.device.now());
    };
    const double alone = time_of(false), together = time_of(true);
    CHECK(together > alone);
    CHECK(together < alone * 1.055); // 24 bytes of request for each 512 of data
}

TEST_CASE("a list across the link works, costs a round trip an element, and link time", "[movement]")
{
    model_spec spec = paced(3, 1);
    spec.engine = engine_choice::local;
    rig r(spec);
    // The engine's list lies at the far end, behind an outbound window of its own bus.
    constexpr std::uint64_t window = 0x5'0000'0000;
    std::vector<std::uint32_t> far_list(6 * 64);
    r.device.hardware().own(spec.near).add({.address = window,
                                            .size = far_list.size() * 4,
                                            .host = reinterpret_cast<std::byte*>(far_list.data()),
                                            .allowed = access::read,
                                            .across_link = true});
    list_builder far_builder({reinterpret_cast<std::byte*>(far_list.data()), window, far_list.size() * 4});
    const auto run = [&](list_builder& list, std::uint64_t at) {
        for (unsigned i = 0; i < 20; ++i) list.data(ctl::cycle, 64, r.near.address() + 64 * i, r.far(64 * i));
        list.data(0, 0, 0, 0);
        r.wr.enable();
        r.wr.point_at(at, true);
        const nanoseconds start = r.device.now();
        r.wr.doorbell();
        REQUIRE(r.device.run_until_idle());
        CHECK(r.wr.position() == at + 20 * 24);
        CHECK(r.near_equals_far(0, 0, 20 * 64));
        return r.device.now() - start;
    };
    const nanoseconds local = run(r.wr.list(), r.wr.list().at(0));
    const nanoseconds across = run(far_builder, window);
    CHECK(across > local + 20 * default_round_trip_ns);
}

TEST_CASE("the same accesses give the same run, event for event", "[movement]")
{
    const auto trace = [] {
        rig r(paced(4, 8));
        std::mt19937 random(7);
        std::vector<std::byte> near(r.near.size()), far(r.device.far_memory().size());
        for (const channel_kind kind : {channel_kind::wr, channel_kind::rd})
            for (unsigned i = 0; i < 2; ++i) {
                random_list(r, r.port, kind, i, (2 * i + index_of(kind)) * slice, random, near, far);
                channel_driver(r.port, kind, i).start();
            }
        std::vector<std::uint64_t> times;
        while (r.device.step())
            times.push_back(r.device.now() * 1'000'003 + r.wr.position() + r.rd.position());
        return times;
    };
    const auto first = trace();
    CHECK(first.size() > 100);
    CHECK(first == trace());
}

TEST_CASE("looked at late, an element starts no earlier than it was seen", "[movement]")
{
    machine_config config = configure(paced(1, 1));
    config.real_time = true;
    constexpr std::uint32_t size = 16384; // some 80 us on this link
    const auto finish = [&](nanoseconds published, bool look) {
        rig r(paced(1, 1), config);
        auto& list = r.wr.list();
        list.data(ctl::cycle, size, r.far(0), r.near.address());
        const auto second = list.data(0, size, r.far(size), r.near.address() + size);
        list.data(0, 0, 0, 0);
        r.wr.start();
        machine& m = r.device.hardware();
        const auto llp = [&] {
            return m.load(0, reg::channel(channel_kind::wr, 0, reg::ch_llp_low)) & 0xffff;
        };
        list.control(second, ctl::cycle);
        if (look) m.look(published);
        // The thread that plays the hardware sleeps until 500 us, and only then finds all this due.
        while (llp() < 48 && m.advance_one(500'000)) {
        }
        if (llp() == 48) return nanoseconds{500'000};
        nanoseconds at = 0;
        while (llp() < 48) {
            REQUIRE(m.next_event());
            m.advance_one(at = *m.next_event());
        }
        return at;
    };
    CHECK(finish(20'000, true) == 500'000);  // was there in time: the link carried it meanwhile
    CHECK(finish(400'000, true) == 500'000); // later, but early enough
    CHECK(finish(450'000, true) > 450'000 + 70'000);
    CHECK(finish(500'000, false) > 500'000 + 70'000); // first seen now, so it starts now
}

TEST_CASE("what is written into the list of an engine across the link is there a flight later", "[movement]")
{
    const auto finish = [](engine_choice engine) {
        model_spec spec = paced(1, 1);
        spec.engine = engine;
        spec.link.round_trip_ns = 40'000;
        machine_config config = configure(spec);
        config.real_time = true;
        rig r(spec, config);
        const bool near = engine == engine_choice::local;
        const std::uint64_t source = near ? r.near.address() : r.far(0);
        const std::uint64_t destination = near ? r.far(0) : r.near.address();
        r.wr.list().data(ctl::cycle, 16384, source, destination);
        const auto second = r.wr.list().data(0, 64, source, destination);
        r.wr.list().data(0, 0, 0, 0);
        r.wr.start();
        machine& m = r.device.hardware();
        // The walker met the end long ago and looks again when the first element is done, at some 75 us.
        nanoseconds now = 0;
        while (now < 65'000) m.advance_one(now += 1'000);
        r.wr.list().control(second, ctl::cycle);
        m.look(now);
        while (m.next_event()) m.advance_one(now = std::max(now, *m.next_event()));
        CHECK(m.load(0, reg::channel(channel_kind::wr, 0, reg::ch_llp_low)) == low(r.wr.list().at(48)));
        return now;
    };
    // Seen at 65 us, there at 85: the far engine finds it that much later than it looked.
    const nanoseconds near = finish(engine_choice::local), far = finish(engine_choice::remote);
    CHECK(far > near + 5'000);
    CHECK(far < near + 20'000);
}
