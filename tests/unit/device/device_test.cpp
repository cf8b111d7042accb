// SPDX-License-Identifier: MIT
//
// The device façade: what it says of itself, bytes in both directions, and every request that
// must be refused before anything is touched.
#include "catch.hpp"
#include "rig.hpp"

#include <algorithm>
#include <limits>
#include <vector>

using namespace cf::literals;
using cf::errc;
using rig::device_on_model;

namespace {

/// How a transfer ends when it is awaited: its failure's code and words.
cf::failure outcome_of(device_on_model& r, cf::transfer t)
{
    const auto program = [](cf::transfer moved) -> cf::task<cf::failure> {
        auto done = co_await cf::as_result(std::move(moved));
        co_return done ? cf::failure{} : done.error();
    };
    return r.loop.run(program(std::move(t)));
}

cf::task<> round_trip(cf::device& dev, cf::buffer_slice out, cf::buffer_slice in, std::uint64_t offset)
{
    cf::window ram = dev.window("ram");
    co_await dev.write(out, ram.at(offset));
    co_await dev.read(in, ram.at(offset));
}

} // namespace

TEST_CASE("a device tells what it is", "[device]")
{
    device_on_model r("model:gen4x8,wr=3,rd=2,ram=1MiB");
    const cf::device_info& info = r.dev.info();
    CHECK(info.spec == "model:gen4x8,wr=3,rd=2,ram=1MiB");
    CHECK(info.link.generation == 4);
    CHECK(info.link.lanes == 8);
    REQUIRE(info.channels.size() == 5);
    // A remote engine: the program's writes are its reads.
    CHECK(std::ranges::count(info.channels, cf::transfer_kind::write, &cf::channel_info::serves) == 2);
    CHECK(info.channels[0].name == "remote RD0");
    CHECK(info.channels[0].serves == cf::transfer_kind::write);
    REQUIRE(info.windows.size() == 1);
    CHECK(info.windows[0].name == "ram");
    CHECK(info.windows[0].size == 1_MiB);
    CHECK(r.dev.window("ram").size() == 1_MiB);
}

TEST_CASE("bytes arrive where they were sent, for every engine, end, wake and submit mode", "[device]")
{
    for (const char* engine : {"remote", "local", "both"})
        for (const char* near : {"rp", "ep"})
            for (const char* how : {"wake=irq", "wake=imwr", "wake=poll", "submit=descriptor"}) {
                const std::string spec = std::string("model:gen3x8,wr=2,rd=2,ram=1MiB,strict,engine=") +
                                         engine + ",near=" + near + "," + how;
                INFO(spec);
                if (std::string_view(how) == "wake=imwr" && std::string_view(engine) != "remote") {
                    // A near engine's message goes out across the link: it cannot reach near memory.
                    CHECK_THROWS_AS(device_on_model(spec), cf::error);
                    continue;
                }
                device_on_model r(spec);
                cf::buffer out = r.dev.allocate(300'001);
                cf::buffer in = r.dev.allocate(300'001);
                rig::fill(out.bytes(), 3);
                r.loop.run(round_trip(r.dev, out, in, 4321));
                CHECK(std::ranges::equal(out.bytes(), in.bytes()));
                CHECK(std::ranges::equal(out.bytes(), r.model->far_memory().subspan(4321, out.size())));
                CHECK(r.violations() == 0);
            }
}

TEST_CASE("nothing beside the range is written", "[device]")
{
    device_on_model r;
    cf::buffer out = r.dev.allocate(8_KiB);
    cf::buffer in = r.dev.allocate(8_KiB);
    rig::fill(out.bytes(), 4);
    std::ranges::fill(in.bytes(), std::byte{0xee});
    std::ranges::fill(r.model->far_memory(), std::byte{0xcc});
    for (const std::size_t size : {1u, 2u, 3u, 63u, 64u, 65u, 255u, 4096u, 4097u}) {
        r.loop.run(round_trip(r.dev, out.slice(5, size), in.slice(9, size), 77));
        CHECK(std::ranges::equal(out.bytes().subspan(5, size), in.bytes().subspan(9, size)));
        CHECK(in.bytes()[8] == std::byte{0xee});
        CHECK(in.bytes()[9 + size] == std::byte{0xee});
        CHECK(r.model->far_memory()[76] == std::byte{0xcc});
        CHECK(r.model->far_memory()[77 + size] == std::byte{0xcc});
    }
}

TEST_CASE("a transfer larger than a segment is split over channels and arrives whole", "[device]")
{
    device_on_model r("model:gen5x16,wr=3,rd=3,ram=64MiB");
    cf::buffer out = r.dev.allocate(48_MiB + 17);
    cf::buffer in = r.dev.allocate(48_MiB + 17);
    rig::fill(out.bytes(), 5);
    r.loop.run(round_trip(r.dev, out, in, 1));
    CHECK(std::ranges::equal(out.bytes(), in.bytes()));
    const cf::device_statistics count = r.dev.statistics();
    for (const cf::channel_statistics& c : count.channels) CHECK(c.segments > 1);
    CHECK(count.write.completed == 1);
    CHECK(count.write.bytes == out.size());
}

TEST_CASE("a request outside its buffer or window is refused, 64-bit wrap included", "[device]")
{
    device_on_model r("model:null,ram=64KiB");
    cf::buffer b = r.dev.allocate(4_KiB);
    cf::window ram = r.dev.window("ram");
    constexpr std::uint64_t top = std::numeric_limits<std::uint64_t>::max();

    CHECK(outcome_of(r, r.dev.write(b, ram.at(64_KiB - 4_KiB))).code == std::error_code{});
    for (const std::uint64_t offset :
         {std::uint64_t{64_KiB - 4_KiB + 1}, std::uint64_t{64_KiB}, top, top - 4_KiB + 1})
        CHECK(outcome_of(r, r.dev.write(b, ram.at(offset))).code == errc::out_of_range);
    CHECK(outcome_of(r, r.dev.read(b.slice(1, 4_KiB), ram.at(0))).code == errc::out_of_range);
    CHECK(outcome_of(r, r.dev.read(b.slice(4_KiB + 1, 1), ram.at(0))).code == errc::out_of_range);
    CHECK(outcome_of(r, r.dev.read(b.slice(SIZE_MAX, 2), ram.at(0))).code == errc::out_of_range);
    CHECK(outcome_of(r, r.dev.read(b.slice(2, SIZE_MAX), ram.at(0))).code == errc::out_of_range);
    CHECK(outcome_of(r, r.dev.read(b.slice(7, 0), ram.at(0))).code == errc::zero_length);

    const std::string text = outcome_of(r, r.dev.read(b.slice(16, 4_KiB), ram.at(99))).message();
    for (const char* part : {"read of 4096 bytes", "ram@99", "65536", "buffer offset 16", "leaves"})
        CHECK(text.find(part) != text.npos);

    const cf::device_statistics count = r.dev.statistics();
    CHECK(count.write.started == 1);
    CHECK(count.read.started == 0);
}

TEST_CASE("memory that no buffer of the device covers is refused", "[device]")
{
    device_on_model r;
    device_on_model other;
    cf::buffer b = r.dev.allocate(8_KiB);
    cf::buffer foreign = other.dev.allocate(8_KiB);
    std::vector<std::byte> stranger(100);
    cf::window ram = r.dev.window("ram");

    CHECK(outcome_of(r, r.dev.write(std::span<const std::byte>(stranger), ram.at(0))).code ==
          errc::not_registered);
    CHECK(outcome_of(r, r.dev.write(foreign, ram.at(0))).code == errc::not_registered);
    CHECK(outcome_of(r, r.dev.write(cf::buffer(), ram.at(0))).code == errc::not_registered);
    CHECK(outcome_of(r, r.dev.read(b.bytes().subspan(100, 200), ram.at(0))).code == std::error_code{});
    CHECK(outcome_of(r, r.dev.read({b.data() + 1, b.size()}, ram.at(0))).code == errc::not_registered);
}

TEST_CASE("a place elsewhere and a handle that was moved from are named as what they are", "[device]")
{
    device_on_model r;
    device_on_model other;
    cf::buffer b = r.dev.allocate(4_KiB);
    const cf::failure elsewhere = outcome_of(r, r.dev.write(b, other.dev.window("ram").at(0)));
    CHECK(elsewhere.code == errc::no_such_window);
    CHECK(elsewhere.detail == "write of 4096 bytes at a window of another device, buffer offset 0");
    const cf::failure nowhere = outcome_of(r, r.dev.read(b, {}));
    CHECK(nowhere.code == errc::no_such_window);
    CHECK(nowhere.detail == "read of 4096 bytes at no window, buffer offset 0");

    cf::channel_lease lease = r.dev.lease(0);
    const cf::channel_lease holder = std::move(lease);
    const cf::failure moved = outcome_of(r, lease.write(b, r.dev.window("ram").at(0)));
    CHECK(moved.code == errc::no_such_channel);
    CHECK(moved.detail == "write of 4096 bytes by a lease that was moved from");
    CHECK_FALSE(outcome_of(r, holder.write(b, r.dev.window("ram").at(0))).code);
}

TEST_CASE("every size of far memory that a spec takes can be had", "[device]")
{
    // Nothing of it is touched but the last page.
    for (const char* ram : {"1GiB", "27GiB", "28GiB", "64GiB"})
        for (const char* engine : {"remote", "local", "both"}) {
            INFO(ram << ", " << engine);
            device_on_model r(std::string("model:null,ram=") + ram + ",engine=" + engine);
            cf::buffer b = r.dev.allocate(4_KiB);
            rig::fill(b.bytes(), 8);
            const cf::window far = r.dev.window("ram");
            CHECK_FALSE(outcome_of(r, r.dev.write(b, far.at(far.size() - b.size()))).code);
            CHECK(std::ranges::equal(b.bytes(), r.model->far_memory().last(b.size())));
        }
}

TEST_CASE("an unknown window is named together with the known ones", "[device]")
{
    device_on_model r;
    try {
        (void)r.dev.window("rom");
        FAIL("no error");
    } catch (const cf::error& e) {
        CHECK(e.code() == errc::no_such_window);
        CHECK(std::string(e.what()).find("ram") != std::string::npos);
    }
}

TEST_CASE("a leased channel carries its owner's transfers and nobody else's", "[device]")
{
    device_on_model r("model:null,wr=2,rd=2");
    cf::buffer b = r.dev.allocate(64_KiB);
    cf::window ram = r.dev.window("ram");
    const auto segments = [&](unsigned channel) { return r.dev.statistics().channels[channel].segments; };
    {
        cf::channel_lease lease = r.dev.lease(0);
        CHECK_THROWS_AS(r.dev.lease(0), cf::error);
        CHECK_THROWS_AS(r.dev.lease(1), cf::error); // the last one for writes
        CHECK_THROWS_AS(r.dev.lease(4), cf::error);
        for (int i = 0; i < 10; ++i) CHECK_FALSE(outcome_of(r, r.dev.write(b, ram.at(0))).code);
        CHECK(segments(0) == 0);
        CHECK(segments(1) == 10);
        CHECK_FALSE(outcome_of(r, lease.write(b, ram.at(0))).code);
        CHECK(segments(0) == 1);
        CHECK(outcome_of(r, lease.read(b, ram.at(0))).code == errc::not_supported);
    }
    for (int i = 0; i < 10; ++i) CHECK_FALSE(outcome_of(r, r.dev.write(b, ram.at(0))).code);
    CHECK(segments(0) == 6);
}

TEST_CASE("a channel is given back when the last transfer of its lease has ended", "[device]")
{
    device_on_model r("model:gen1x1,wr=2,rd=2");
    cf::buffer memory = r.dev.allocate(8_MiB);
    const auto send = [](cf::transfer moved, int& ended) -> cf::task<> {
        co_await std::move(moved);
        ++ended;
    };
    const auto leasable = [](cf::device& dev) {
        try {
            (void)dev.lease(0);
            return true;
        } catch (const cf::error& e) {
            return e.code() != errc::busy;
        }
    };
    const auto program = [&](cf::device& dev, cf::buffer& b) -> cf::task<> {
        const cf::window ram = dev.window("ram");
        int ended = 0;
        cf::scope all;
        {
            const cf::channel_lease lease = dev.lease(0);
            all.spawn(send(lease.write(b, ram.at(0)), ended));
            all.spawn(send(lease.write(b.slice(0, 4_KiB), ram.at(0)), ended));
            while (dev.statistics().write.started < 2) co_await cf::nop();
        }
        while (dev.statistics().write.completed < 2) {
            if (leasable(dev)) FAIL_CHECK("leasable while a transfer of the last lease runs");
            co_await cf::nop();
        }
        CHECK(leasable(dev));
        co_await all.join();
        CHECK(ended == 2);
    };
    r.loop.run(program(r.dev, memory));
}
