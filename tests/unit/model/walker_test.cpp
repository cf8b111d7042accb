// SPDX-License-Identifier: MIT
//
// The list walker on a null link, where a doorbell does everything at once: cycle bits, links,
// stops, and what becomes visible when.
#include "rig.hpp"

using namespace cf;
using namespace cf::model;
using namespace cf::model::test;
using edma::channel_status;

TEST_CASE("a list is walked to the first element of another lap", "[walker]")
{
    rig r;
    auto& list = r.wr.list();
    list.data(ctl::cycle, 4096, r.far(0), r.near.address());
    list.data(ctl::cycle | ctl::local_int, 100, r.far(8192), r.near.address() + 4096);
    const auto end = list.data(0, 4096, r.far(0), r.near.address() + 65536);
    CHECK(r.wr.status() == channel_status::reserved);
    r.wr.start();
    CHECK(r.wr.status() == channel_status::stopped);
    CHECK(r.wr.position_offset() == end);
    CHECK(r.wr.cycle());
    CHECK(r.wr.done());
    CHECK_FALSE(r.wr.aborted());
    CHECK(r.near_equals_far(0, 0, 4096));
    CHECK(r.near_equals_far(4096, 8192, 100));
    CHECK(r.near.untouched_outside(0, 4196));
    CHECK(r.device.take_interrupts() == 1);
    CHECK(r.device.violations().count() == 0);
}

TEST_CASE("RD channels pull near memory to the far end", "[walker]")
{
    rig r;
    r.rd.list().data(ctl::cycle, 5000, r.near.address() + 3, r.far(77));
    r.rd.list().data(0, 0, 0, 0);
    const std::vector<std::byte> before(r.far_bytes(0, 8192).begin(), r.far_bytes(0, 8192).end());
    r.rd.start();
    CHECK(r.near_equals_far(3, 77, 5000));
    CHECK(std::ranges::equal(r.far_bytes(0, 77), std::span(before).first(77)));
    CHECK(std::ranges::equal(r.far_bytes(5077, 3000), std::span(before).subspan(5077, 3000)));
}

TEST_CASE("the walker continues where it stopped", "[walker]")
{
    rig r;
    auto& list = r.wr.list();
    list.data(ctl::cycle, 64, r.far(0), r.near.address());
    const auto second = list.data(0, 64, r.far(64), r.near.address() + 64);
    list.data(0, 64, r.far(128), r.near.address() + 128);
    r.wr.start();
    CHECK(r.wr.position_offset() == second);
    list.control(second, ctl::cycle);
    r.wr.doorbell();
    CHECK(r.wr.position_offset() == second + 24);
    CHECK(r.near_equals_far(0, 0, 128));
    CHECK(r.near.untouched_outside(0, 128));
}

TEST_CASE("a toggling link closes the ring and starts the next lap", "[walker]")
{
    rig r;
    auto& list = r.wr.list();
    const auto first = list.data(ctl::cycle, 64, r.far(0), r.near.address());
    const auto second = list.data(ctl::cycle, 64, r.far(64), r.near.address() + 64);
    const auto link = list.link(ctl::toggle_cycle, list.at(first)); // its cycle bit is that of the next lap
    r.wr.start();
    CHECK(r.wr.status() == channel_status::stopped);
    CHECK(r.wr.position_offset() == first);
    CHECK_FALSE(r.wr.cycle());
    CHECK(r.near_equals_far(0, 0, 128));

    // The second lap expects a clear cycle bit, the third a set one again.
    list.control(link, ctl::link | ctl::toggle_cycle | ctl::cycle);
    list.seek(first);
    list.data(0, 32, r.far(1000), r.near.address() + 1000);
    r.wr.doorbell();
    CHECK(r.wr.position_offset() == second);
    CHECK_FALSE(r.wr.cycle());
    list.data(0, 32, r.far(2000), r.near.address() + 2000);
    r.wr.doorbell();
    CHECK(r.wr.position_offset() == first);
    CHECK(r.wr.cycle());
    CHECK(r.near_equals_far(1000, 1000, 32));
    CHECK(r.near_equals_far(2000, 2000, 32));
    CHECK(r.device.violations().count() == 0);
}

TEST_CASE("the cycle bit of a toggling link does not count", "[walker]")
{
    for (const std::uint32_t cycle : {0u, ctl::cycle}) {
        rig r;
        auto& list = r.wr.list();
        list.data(ctl::cycle, 64, r.far(0), r.near.address());
        list.link(ctl::toggle_cycle | cycle, list.at(4800));
        list.seek(4800);
        const auto next = list.data(0, 64, r.far(64), r.near.address() + 64);
        list.data(ctl::cycle, 64, 0, 0);
        r.wr.start();
        CHECK(r.wr.position_offset() == next + 24);
        CHECK(r.near_equals_far(0, 0, 128));
        CHECK(r.violations(violation_kind::toggle_link_cycle) == (cycle ? 1u : 0u));
    }
}

TEST_CASE("a link that does not toggle is followed only in its lap", "[walker]")
{
    rig r;
    auto& list = r.wr.list();
    const auto link = list.link(0, list.at(480));
    list.seek(480);
    const auto target = list.data(ctl::cycle, 64, r.far(0), r.near.address());
    list.data(0, 0, 0, 0);
    r.wr.start();
    CHECK(r.wr.status() == channel_status::stopped);
    CHECK(r.wr.position_offset() == link);
    list.control(link, ctl::link | ctl::cycle);
    r.wr.doorbell();
    CHECK(r.wr.position_offset() == target + 24);
    CHECK(r.near_equals_far(0, 0, 64));
}

TEST_CASE("links that lead nowhere end as a list fetch error", "[walker]")
{
    rig r;
    auto& list = r.wr.list();
    const auto first = list.data(ctl::cycle, 64, r.far(0), r.near.address());
    const auto link = list.link(ctl::cycle, list.at(first + 24));
    r.wr.start();
    CHECK(r.wr.status() == channel_status::halted);
    CHECK(r.wr.aborted());
    CHECK(r.wr.err_low() == 1u << 16);
    CHECK(r.wr.position_offset() == link);
    CHECK(r.near_equals_far(0, 0, 64)); // what came before is done
    CHECK(r.violations(violation_kind::link_loop) == 1);
}

TEST_CASE("toggling links that lead to themselves end as well", "[walker]")
{
    rig r;
    r.wr.list().link(ctl::toggle_cycle, r.wr.list().at(0));
    r.wr.start();
    CHECK(r.wr.status() == channel_status::halted);
    CHECK(r.wr.err_low() == 1u << 16);
}

TEST_CASE("a ring of data without an end does not hold a doorbell for ever", "[walker]")
{
    rig r;
    auto& list = r.wr.list();
    list.data(ctl::cycle, 64, r.far(0), r.near.address());
    list.link(ctl::cycle, list.at(0));
    r.wr.start();
    CHECK(r.wr.status() == channel_status::running);
    CHECK(r.device.hardware().next_event().has_value());
    r.wr.stop();
    CHECK(r.device.run_until_idle());
    CHECK(r.wr.status() == channel_status::stopped);
}

TEST_CASE("a list outside memory is a fetch error at its first element", "[walker]")
{
    rig r;
    r.wr.enable();
    r.wr.report_list_errors();
    r.wr.unmask();
    r.wr.point_at(0xdead'0000'0000, true);
    r.wr.doorbell();
    CHECK(r.wr.status() == channel_status::halted);
    CHECK(r.wr.err_low() == 1u << 16);
    CHECK(r.wr.position() == 0xdead'0000'0000);
    CHECK(r.device.take_interrupts() == 1);
}

TEST_CASE("a data element cut off by the end of list memory is a fetch error", "[walker]")
{
    rig r;
    const auto& memory = r.port.rd_lists.back(); // nothing is mapped behind the last one
    channel_driver last(r.port, channel_kind::rd, static_cast<unsigned>(r.port.rd_lists.size()) - 1);
    last.list().seek(memory.size - 16);
    last.list().control(memory.size - 16, ctl::cycle);
    last.enable();
    last.point_at(memory.engine + memory.size - 16, true);
    last.doorbell();
    CHECK(last.status() == channel_status::halted);
    CHECK(last.err_low() == 1u << (16 + r.port.rd_lists.size() - 1));
}

TEST_CASE("an element becomes visible as done when its last byte has left, in order", "[walker]")
{
    rig r(paced(1, 1));
    auto& list = r.wr.list();
    list.data(ctl::cycle | ctl::local_int, 8192, r.far(0), r.near.address());
    list.data(ctl::cycle | ctl::local_int, 4096, r.far(8192), r.near.address() + 8192);
    list.data(0, 0, 0, 0);
    r.wr.start();
    std::vector<std::uint64_t> positions{0};
    std::uint32_t left = ~0u;
    while (r.wr.status() == channel_status::running && r.device.step()) {
        const auto at = r.wr.position_offset();
        if (at != positions.back()) {
            positions.push_back(at);
            left = ~0u;
            CHECK(r.wr.done());
            r.wr.clear();
        }
        if (at == 0) CHECK_FALSE(r.wr.done());
        if (at < 48 && r.device.now() > 200) {
            const std::uint32_t now_left = r.wr.load(reg::ch_size);
            CHECK(now_left <= left); // counts down inside an element
            left = now_left;
        }
    }
    CHECK(positions == std::vector<std::uint64_t>{0, 24, 48});
    REQUIRE(r.device.run_until_idle()); // its bytes have left, and land a little later
    CHECK(r.near_equals_far(0, 0, 12288));
}

TEST_CASE("an element published while the last one is under way is found", "[walker]")
{
    for (const channel_kind kind : {channel_kind::wr, channel_kind::rd}) {
        rig r(paced(1, 1));
        channel_driver& c = kind == channel_kind::wr ? r.wr : r.rd;
        const auto put = [&](std::uint32_t control, std::uint64_t at) {
            const std::uint64_t far = r.far(at), near = r.near.address() + at;
            return kind == channel_kind::wr ? c.list().data(control, 4096, far, near)
                                            : c.list().data(control, 4096, near, far);
        };
        put(ctl::cycle, 0);
        put(ctl::cycle, 4096);
        const auto end = put(0, 8192);
        c.list().data(0, 0, 0, 0);
        c.start();
        // The walker has met the end by now, long before the last byte has moved.
        while (c.position_offset() == 0) REQUIRE(r.device.step());
        r.device.advance_to(r.device.now() + 5000);
        REQUIRE(c.position_offset() == 24);
        c.list().control(end, ctl::cycle);
        c.doorbell(); // ignored: the channel runs
        REQUIRE(r.device.run_until_idle());
        CHECK(c.status() == channel_status::stopped);
        CHECK(c.position_offset() == end + 24);
        CHECK(r.near_equals_far(0, 0, 12288));
        CHECK(r.device.violations().count() == 0);
    }
}

TEST_CASE("an element published in time needs no doorbell", "[walker]")
{
    rig r(paced(1, 1));
    auto& list = r.wr.list();
    list.data(ctl::cycle, 65536, r.far(0), r.near.address());
    const auto next = list.data(0, 64, r.far(65536), r.near.address() + 65536);
    list.data(0, 0, 0, 0);
    r.wr.start();
    r.device.advance_to(5000);
    list.control(next, ctl::cycle);
    REQUIRE(r.device.run_until_idle());
    CHECK(r.wr.position_offset() == next + 24);
    CHECK(r.near_equals_far(0, 0, 65600));
}

TEST_CASE("more elements in flight than a channel takes up wait their turn", "[walker]")
{
    model_spec spec = paced(5, 16);
    spec.link.round_trip_ns = 100'000; // far more elements than fit would be under way
    rig r(spec);
    auto& list = r.rd.list();
    constexpr unsigned count = 1000;
    for (unsigned i = 0; i < count; ++i)
        list.data(ctl::cycle | (i + 1 == count ? ctl::local_int : 0), 64, r.near.address() + 64 * i,
                  r.far(64 * i));
    list.data(0, 0, 0, 0);
    r.rd.start();
    REQUIRE(r.device.run_until_idle());
    CHECK(r.rd.position_offset() == count * 24);
    CHECK(r.near_equals_far(0, 0, 64 * count));
    CHECK(r.device.take_interrupts() == 1);
}

TEST_CASE("an element published while the walker's read of it is under way is not seen", "[walker]")
{
    constexpr nanoseconds fetch = 100; // machine_config's default
    for (const nanoseconds at : {nanoseconds{0}, fetch / 2, fetch}) {
        rig r(paced(3, 1));
        const auto first = r.wr.list().data(0, 64, r.far(0), r.near.address());
        r.wr.list().data(0, 0, 0, 0);
        r.wr.start();
        r.device.advance_to(at);
        r.wr.list().control(first, ctl::cycle);
        const bool running = r.wr.status() == channel_status::running;
        CHECK(running == (at < fetch));
        r.wr.doorbell(); // lost on a channel that still reads as running
        REQUIRE(r.device.run_until_idle());
        CHECK(r.wr.status() == channel_status::stopped);
        CHECK(r.wr.position_offset() == (running ? first : first + 24));
        r.wr.doorbell();
        REQUIRE(r.device.run_until_idle());
        CHECK(r.wr.position_offset() == first + 24);
    }
}

TEST_CASE("a list across the link is read when the request arrives there", "[walker]")
{
    constexpr nanoseconds flight = 5'000;
    for (const bool in_time : {true, false}) {
        model_spec spec = paced(3, 1);
        spec.engine = engine_choice::local;
        spec.link.round_trip_ns = 2 * flight;
        rig r(spec);
        constexpr std::uint64_t window = 0x5'0000'0000;
        std::vector<std::uint32_t> words(64);
        const edma::shared_memory memory{reinterpret_cast<std::byte*>(words.data()), window,
                                         words.size() * 4};
        r.device.hardware().own(spec.near).add({.address = window,
                                                .size = memory.size,
                                                .host = memory.cpu,
                                                .allowed = access::read,
                                                .across_link = true});
        list_builder list(memory);
        const auto first = list.data(0, 64, r.near.address(), r.far(0));
        list.data(0, 0, 0, 0);
        r.wr.enable();
        r.wr.point_at(window, true);
        r.wr.doorbell();
        r.device.advance_to(flight + (in_time ? 0 : 1'000)); // then the answer is on the wire
        list.control(first, ctl::cycle);
        REQUIRE(r.device.run_until_idle());
        CHECK(r.wr.position() == window + (in_time ? 24 : 0));
    }
}

TEST_CASE("a doorbell can be lost at some moment, and never silently", "[walker]")
{
    // Whatever the moment, the second element has moved, or the channel says that it stopped before it.
    unsigned lost = 0;
    for (nanoseconds at = 0; at < 2'000; at += 7) {
        rig r(paced(3, 1));
        r.wr.list().data(ctl::cycle, 64, r.far(0), r.near.address());
        const auto second = r.wr.list().data(0, 64, r.far(64), r.near.address() + 64);
        r.wr.list().data(0, 0, 0, 0);
        r.wr.start();
        r.device.advance_to(at);
        r.wr.list().control(second, ctl::cycle);
        r.wr.doorbell();
        REQUIRE(r.device.run_until_idle());
        CHECK(r.wr.status() == channel_status::stopped);
        if (r.wr.position_offset() == second) ++lost;
        r.wr.doorbell();
        REQUIRE(r.device.run_until_idle());
        CHECK(r.wr.position_offset() == second + 24);
    }
    CHECK(lost > 0);
}

TEST_CASE("a doorbell on a null link moves a bounded part of what it may", "[walker]")
{
    rig r;
    constexpr std::uint32_t size = 1u << 20, count = 100;
    for (unsigned i = 0; i < count; ++i) r.wr.list().data(ctl::cycle, size, r.far(0), r.near.address());
    r.wr.list().data(0, 0, 0, 0);
    r.wr.start();
    REQUIRE(r.device.hardware().next_event());
    const std::uint32_t at = r.device.hardware().load(0, reg::channel(channel_kind::wr, 0, reg::ch_llp_low));
    const std::uint32_t moved = (at - low(r.wr.list().at(0))) / 24;
    CHECK(moved >= 63);
    CHECK(moved < count);
    REQUIRE(r.device.run_until_idle());
    CHECK(r.wr.position_offset() == 24 * count);
}
