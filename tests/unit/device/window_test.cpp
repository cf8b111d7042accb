// SPDX-License-Identifier: MIT
//
// A window names far memory: its size is the device's, its places are offsets, and two handles of one window
// are the same memory.
#include "catch.hpp"
#include "rig.hpp"

#include <algorithm>

using namespace cf::literals;
using rig::device_on_model;

namespace {

cf::task<> through(cf::device& dev, cf::buffer& out, cf::buffer& in, cf::window a, cf::window b)
{
    co_await dev.write(out, a.at(12_KiB));
    co_await dev.read(in, b.at(12_KiB));
}

} // namespace

TEST_CASE("a window has the name it was asked for by and the size the device declares", "[window]")
{
    device_on_model r("model:null,ram=256KiB");
    const cf::window ram = r.dev.window("ram");
    CHECK(ram.name() == "ram");
    CHECK(ram.size() == 256_KiB);
}

TEST_CASE("offsets count from the window's start, through every handle of it", "[window]")
{
    device_on_model r("model:null,ram=64KiB");
    cf::buffer out = r.dev.allocate(4_KiB);
    cf::buffer in = r.dev.allocate(4_KiB);
    rig::fill(out.bytes(), 5);
    const cf::window one = r.dev.window("ram");
    const cf::window copy = one;
    r.loop.run(through(r.dev, out, in, copy, r.dev.window("ram")));
    CHECK(std::ranges::equal(in.bytes(), out.bytes()));
    CHECK(std::ranges::equal(r.model->far_memory().subspan(12_KiB, 4_KiB), out.bytes()));
}

TEST_CASE("a place may be named anywhere; it is the transfer that is checked", "[window]")
{
    device_on_model r("model:null,ram=64KiB");
    const cf::window_place place = r.dev.window("ram").at(UINT64_MAX);
    CHECK(place.offset == UINT64_MAX);
}
