// SPDX-License-Identifier: MIT
//
// What a device counts: every accepted transfer once, under exactly one outcome.
#include "catch.hpp"
#include "rig.hpp"

#include <chrono>
#include <vector>

using namespace cf::literals;
using namespace std::chrono_literals;
using rig::device_on_model;

namespace {

cf::task<> await(cf::transfer moved)
{
    auto done = co_await cf::as_result(std::move(moved));
    (void)done; // how it ended is for the statistics to say
}

} // namespace

TEST_CASE("statistics add up", "[statistics]")
{
    device_on_model r("model:gen3x4,wr=2,rd=2");
    cf::buffer memory = r.dev.allocate(1_MiB);
    for (int i = 0; i < 5; ++i) r.loop.run(await(r.dev.write(memory, r.dev.window("ram").at(0))));
    for (int i = 0; i < 3; ++i)
        r.loop.run(await(r.dev.read(memory.slice(0, 777), r.dev.window("ram").at(0))));
    const cf::device_statistics s = r.dev.statistics();
    CHECK(s.write.started == 5);
    CHECK(s.write.completed == 5);
    CHECK(s.write.bytes == 5_MiB);
    CHECK(s.read.bytes == 3 * 777);
    std::uint64_t bytes = 0;
    for (const cf::channel_statistics& c : s.channels) bytes += c.bytes;
    CHECK(bytes == s.write.bytes + s.read.bytes);
    CHECK(s.interrupts > 0);
    CHECK(s.register_stores > 0);
}

TEST_CASE("a transfer counts under the outcome it had, and only completed ones move bytes", "[statistics]")
{
    device_on_model r("model:null,wr=1,rd=1,hang=5ms");
    cf::buffer memory = r.dev.allocate(4_KiB);
    const cf::window ram = r.dev.window("ram");
    r.loop.run(await(r.dev.write(memory, ram.at(0))));

    // The engine takes it and never moves it: only its deadline ends it.
    r.inject([](cf::model::faults& f) { f.hang({}); });
    r.loop.run(await(r.dev.write(memory, ram.at(0), {.deadline = 1ms})));
    r.inject([](cf::model::faults& f) { f.clear(); });

    // Refused before it starts: no transfer at all.
    r.loop.run(await(r.dev.write(memory, ram.at(ram.size()))));

    const cf::transfer_statistics s = r.dev.statistics().write;
    CHECK(s.started == 2);
    CHECK(s.completed == 1);
    CHECK(s.timed_out == 1);
    CHECK(s.failed == 0);
    CHECK(s.canceled == 0);
    CHECK(s.queued == 0);
    CHECK(s.bytes == 4_KiB);
}
