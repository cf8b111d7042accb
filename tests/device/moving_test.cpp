// SPDX-License-Identifier: MIT
//
// Bytes in both directions on any device, what it says of itself, and what it refuses.
#include "any_device.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <limits>

using namespace any;
using cf::errc;

namespace {

/// Both directions at once: what was written before is read while something else is written beside it.
cf::task<> cross(opened& o, cf::buffer& out, cf::buffer& in)
{
    co_await o.dev.write(out.slice(0, 1_MiB), o.ram.at(0));
    co_await cf::when_all(o.dev.write(out.slice(1_MiB, 1_MiB), o.ram.at(2_MiB)),
                          o.dev.read(in.slice(0, 1_MiB), o.ram.at(0)));
    co_await o.dev.read(in.slice(1_MiB, 1_MiB), o.ram.at(2_MiB));
}

/// Blocks of one direction, all at once, each with a place of its own.
cf::task<> all_at_once(opened& o, cf::buffer& memory, cf::transfer_kind kind, std::uint64_t at, ledger& book)
{
    cf::scope tasks;
    for (std::size_t i = 0; i < book.resumed.size(); ++i) {
        const cf::buffer_slice slice = memory.slice(i * block, block);
        const cf::window_place place = o.ram.at(at + i * block);
        tasks.spawn(
            note(kind == cf::transfer_kind::write ? o.dev.write(slice, place) : o.dev.read(slice, place),
                 book, i));
    }
    co_await tasks.join();
}

cf::task<> many(opened& o, cf::buffer& out, cf::buffer& in, ledger& sent, ledger& received)
{
    co_await cf::when_all(all_at_once(o, out, cf::transfer_kind::write, 0, sent),
                          all_at_once(o, in, cf::transfer_kind::read, 16_MiB, received));
}

/// While it lives no more than this may be pinned. The limit does not bind root, who steps aside.
struct memlock_limit {
    explicit memlock_limit(rlim_t bytes)
    {
        ::getrlimit(RLIMIT_MEMLOCK, &before);
        rlimit now = before;
        now.rlim_cur = allowed = std::min(bytes, now.rlim_max);
        changed = ::setrlimit(RLIMIT_MEMLOCK, &now) == 0 && (!root || ::seteuid(65534) == 0);
    }
    ~memlock_limit() { changed = (!root || ::seteuid(0) == 0) && ::setrlimit(RLIMIT_MEMLOCK, &before) == 0; }
    const bool root = ::geteuid() == 0;
    bool changed = false;
    rlim_t allowed = 0;
    rlimit before{};
};

} // namespace

TEST_CASE("a device tells what it is")
{
    opened o;
    const cf::device_info& info = o.dev.info();
    CHECK(info.spec == spec());
    CHECK(o.ram.size() >= 32_MiB);
    for (const cf::transfer_kind kind : {cf::transfer_kind::write, cf::transfer_kind::read})
        CHECK(std::ranges::count(info.channels, kind, &cf::channel_info::serves) >= 1);
    CHECK(info.kernel.has_value() == spec().starts_with("/dev/"));
    const std::size_t wanted = spec().find("complete=");
    if (wanted != std::string::npos) CHECK(to_string(info.kernel->way) == spec().substr(wanted + 9));
    if (info.kernel) CHECK(info.kernel->function == "0000:01:00.0");
}

TEST_CASE("bytes arrive in both directions at once, and nothing beside them")
{
    opened o;
    cf::buffer out = o.dev.allocate(2_MiB);
    cf::buffer in = o.dev.allocate(2_MiB + block);
    fill(out.bytes(), 1);
    std::ranges::fill(in.bytes(), std::byte{0xee});
    o.loop.run(cross(o, out, in));
    CHECK(std::ranges::equal(out.bytes(), in.bytes().first(2_MiB)));
    CHECK(std::ranges::all_of(in.bytes().last(block), [](std::byte b) { return b == std::byte{0xee}; }));
}

TEST_CASE("every size that the alignment allows, at any place")
{
    opened o;
    const std::size_t unit = o.dev.info().alignment;
    cf::buffer out = o.dev.allocate(1_MiB);
    cf::buffer in = o.dev.allocate(1_MiB);
    fill(out.bytes(), 2);
    for (const std::size_t units : {1u, 2u, 3u, 63u, 64u, 65u, 1023u, 4097u}) {
        const std::size_t size = units * unit;
        std::ranges::fill(in.bytes(), std::byte{0xee});
        o.loop.run(round_trip(o, out.slice(5 * unit, size), in.slice(9 * unit, size), 77 * unit));
        CHECK(std::ranges::equal(out.bytes().subspan(5 * unit, size), in.bytes().subspan(9 * unit, size)));
        CHECK(in.bytes()[9 * unit - 1] == std::byte{0xee});
        CHECK(in.bytes()[9 * unit + size] == std::byte{0xee});
    }
}

TEST_CASE("a transfer larger than a segment arrives whole")
{
    opened o;
    cf::buffer out = o.dev.allocate(20_MiB);
    cf::buffer in = o.dev.allocate(20_MiB);
    fill(out.bytes(), 3);
    o.loop.run(round_trip(o, out, in, 4096));
    CHECK(std::ranges::equal(out.bytes(), in.bytes()));
}

TEST_CASE("thousands of transfers, more than the device takes at once, each resume once")
{
    opened o;
    constexpr std::size_t count = 1500;
    cf::buffer out = o.dev.allocate(count * block);
    cf::buffer in = o.dev.allocate(count * block);
    cf::buffer there = o.dev.allocate(count * block);
    fill(there.bytes(), 4);
    fill(out.bytes(), 5);
    REQUIRE(outcome_of(o, o.dev.write(there, o.ram.at(16_MiB))) == std::error_code{});
    ledger sent(count), received(count);
    o.loop.run(many(o, out, in, sent, received));
    CHECK(sent.each_once());
    CHECK(received.each_once());
    CHECK(sent.count({}) == count);
    CHECK(received.count({}) == count);
    CHECK(std::ranges::equal(in.bytes(), there.bytes()));
    REQUIRE(outcome_of(o, o.dev.read(there, o.ram.at(0))) == std::error_code{});
    CHECK(std::ranges::equal(out.bytes(), there.bytes()));
    const cf::device_statistics counted = o.dev.statistics();
    CHECK(counted.write.completed == count + 1);
    CHECK(counted.read.completed == count + 1);
    std::uint64_t bytes = 0;
    for (const cf::channel_statistics& c : counted.channels) bytes += c.bytes;
    CHECK(bytes == counted.write.bytes + counted.read.bytes);
}

TEST_CASE("memory of the program's own, wherever it lies in its pages")
{
    opened o;
    const std::size_t unit = o.dev.info().alignment;
    std::vector<std::byte> memory(64_KiB);
    const std::span<std::byte> odd = std::span(memory).subspan(unit, 10 * block);
    cf::buffer registered = o.dev.add(odd);
    cf::buffer in = o.dev.allocate(odd.size());
    fill(odd, 6);
    o.loop.run(round_trip(o, registered, in, 0));
    CHECK(std::ranges::equal(in.bytes(), odd));
    CHECK(outcome_of(o, o.dev.write(odd.subspan(0, block), o.ram.at(0))) == std::error_code{});
    CHECK(outcome_of(o, o.dev.write(std::span(memory).subspan(20 * block, unit), o.ram.at(0))) ==
          errc::not_registered);
}

TEST_CASE("what cannot be is refused and touches nothing")
{
    opened o;
    cf::buffer b = o.dev.allocate(block);
    CHECK(outcome_of(o, o.dev.write(b.slice(0, 0), o.ram.at(0))) == errc::zero_length);
    CHECK(outcome_of(o, o.dev.write(b.slice(64, block), o.ram.at(0))) == errc::out_of_range);
    CHECK(outcome_of(o, o.dev.read(b, o.ram.at(o.ram.size()))) == errc::out_of_range);
    CHECK(outcome_of(o, o.dev.read(b, o.ram.at(std::numeric_limits<std::uint64_t>::max() - 63))) ==
          errc::out_of_range);
    CHECK_THROWS_AS(o.dev.window("nowhere"), cf::error);
    CHECK(o.dev.statistics().write.started == 0);
}

TEST_CASE("memory beyond the limit says what is needed and what is allowed")
{
    opened o;
    const memlock_limit limit(1_MiB);
    REQUIRE(limit.changed);
    try {
        const cf::buffer b = o.dev.allocate(8_MiB);
        FAIL("more was pinned than the limit allows");
    } catch (const cf::error& e) {
        CHECK(e.code() == errc::memlock_exceeded);
        CHECK(e.detail().find("8388608 bytes") != std::string::npos);
        CHECK(e.detail().find(std::to_string(limit.allowed) + " bytes") != std::string::npos);
    }
}

TEST_CASE("a leased channel is for its owner alone")
{
    opened o;
    const auto& channels = o.dev.info().channels;
    // The last of the kind that has more than one.
    for (unsigned i = static_cast<unsigned>(channels.size()); i-- > 0;) {
        const auto serves = channels[i].serves;
        if (std::ranges::count(channels, serves, &cf::channel_info::serves) < 2) continue;
        cf::buffer b = o.dev.allocate(block);
        const auto move = [&](const cf::channel_lease& lease) {
            return outcome_of(o, serves == cf::transfer_kind::write ? lease.write(b, o.ram.at(0))
                                                                    : lease.read(b, o.ram.at(0)));
        };
        {
            const cf::channel_lease lease = o.dev.lease(i);
            CHECK(move(lease) == std::error_code{});
            CHECK_THROWS_AS(o.dev.lease(i), cf::error);
            CHECK(outcome_of(o, o.dev.write(b, o.ram.at(0))) == std::error_code{});
            CHECK(outcome_of(o, o.dev.read(b, o.ram.at(0))) == std::error_code{});
            if (o.dev.info().kernel) { // another program
                opened other;
                CHECK_THROWS_AS(other.dev.lease(i), cf::error);
                cf::buffer theirs = other.dev.allocate(block);
                CHECK(outcome_of(other, other.dev.read(theirs, other.ram.at(0))) == std::error_code{});
            }
        }
        CHECK(move(o.dev.lease(i)) == std::error_code{});
        return;
    }
    FAIL("no kind of transfer has two channels");
}
