// SPDX-License-Identifier: MIT
//
// The scheduler seen from outside: turns between priorities, leased channels under load, what an
// observer is told, and transfers an engine cannot take.
#include "catch.hpp"
#include "model/stepped.hpp"
#include "rig.hpp"

#include <algorithm>
#include <array>
#include <vector>

using namespace cf::literals;
using cf::errc;
using rig::device_on_model;

namespace {

struct recorder final : cf::transfer_observer {
    void on_segment(const cf::segment_event& event) noexcept override { events.push_back(event); }
    std::vector<cf::segment_event> events;
};

cf::task<> await(cf::transfer moved) { co_await std::move(moved); }

cf::task<> note(cf::transfer moved, std::vector<std::error_code>& codes)
{
    auto done = co_await cf::as_result(std::move(moved));
    codes.push_back(done ? std::error_code{} : done.error().code);
}

/// Sizes that tell the priorities apart.
constexpr std::array<std::size_t, 3> size_of{4096, 4097, 4098};

/// The same transfer `times` times, one after the other.
cf::task<> repeat(cf::device& dev, cf::buffer_slice from, cf::priority priority, int times)
{
    for (int i = 0; i < times; ++i)
        co_await dev.write(from, dev.window("ram").at(0), {.priority = priority, .deadline = {}});
}

/// What long transfers moved while 100 tasks moved 40 times 4 KiB each, beside `tasks` that move
/// `long_bytes` at a time.
std::uint64_t moved_beside_short_ones(cf::priority short_ones, cf::priority long_ones, int tasks,
                                      std::size_t long_bytes)
{
    device_on_model r("model:gen1x1,wr=1,rd=1");
    cf::buffer memory = r.dev.allocate(long_bytes);
    recorder record;
    r.dev.observe(&record);
    const auto program = [&](cf::device& dev, cf::buffer& b) -> cf::task<> {
        cf::scope of_short;
        cf::scope of_long;
        for (int i = 0; i < 100; ++i) of_short.spawn(repeat(dev, b.slice(0, 4_KiB), short_ones, 40));
        for (int i = 0; i < tasks; ++i) of_long.spawn(repeat(dev, b, long_ones, 1'000'000));
        co_await of_short.join();
        of_long.request_stop();
        co_await of_long.join();
    };
    r.loop.run(program(r.dev, memory));
    std::uint64_t bytes = 0;
    std::uint64_t since_short = 0;
    for (const cf::segment_event& e : record.events) {
        since_short += e.bytes;
        if (e.bytes != 4_KiB) continue;
        bytes += since_short - e.bytes;
        since_short = 0;
    }
    return bytes;
}

/// The modelled endpoint with an engine that moves multiples of 64 bytes only.
class aligned final : public cf::detail::attachment {
public:
    explicit aligned(const cf::model_spec& spec) : inner_(cf::model::open_model(spec)) {}
    cf::port_end near() const noexcept override { return inner_->near(); }
    std::span<cf::edma::port> engines() noexcept override { return inner_->engines(); }
    std::span<const cf::detail::far_window> windows() const noexcept override { return inner_->windows(); }
    cf::link_parameters link() const noexcept override { return inner_->link(); }
    std::size_t alignment() const noexcept override { return 64; }
    std::uint64_t map(void* memory, std::size_t size) override { return inner_->map(memory, size); }
    void unmap(std::uint64_t address, std::size_t size) noexcept override { inner_->unmap(address, size); }

private:
    std::unique_ptr<cf::model::in_process> inner_;
};

} // namespace

TEST_CASE("priorities share a busy engine 16 : 4 : 1", "[scheduler]")
{
    // 256 KiB are given to the engine at once; everything behind
    // that waits and is served in turns.
    device_on_model r("model:gen1x1,wr=1,rd=1");
    cf::buffer memory = r.dev.allocate(8_KiB);
    recorder record;
    r.dev.observe(&record);
    const auto program = [](cf::device& dev, cf::buffer& b) -> cf::task<> {
        cf::scope all;
        for (int i = 0; i < 200; ++i)
            for (std::size_t p = 0; p < 3; ++p)
                all.spawn(await(dev.write(b.slice(0, size_of[p]), dev.window("ram").at(0),
                                          {.priority = static_cast<cf::priority>(p), .deadline = {}})));
        co_await all.join();
    };
    r.loop.run(program(r.dev, memory));

    REQUIRE(record.events.size() == 600);
    const auto ahead = record.events.begin() + 256_KiB / 4096 + 1;
    for (auto round = ahead; round + 21 <= ahead + 6 * 21; round += 21)
        for (std::size_t p = 0; p < 3; ++p)
            CHECK(std::count_if(round, round + 21, [&](const auto& e) { return e.bytes == size_of[p]; }) ==
                  std::array{16, 4, 1}[p]);
}

TEST_CASE("what is shared is bytes and not turns", "[scheduler]")
{
    constexpr std::uint64_t short_bytes = 100 * 40 * 4_KiB;
    const std::uint64_t low = moved_beside_short_ones(cf::priority::high, cf::priority::low, 8, 1_MiB);
    CHECK(low < short_bytes / 8);
    CHECK(low > short_bytes / 32);

    // A short transfer waits for its turn and then for what is ahead of it in the engine, so a task
    // that has one at a time cannot use quite its share.
    const std::uint64_t alike = moved_beside_short_ones(cf::priority::normal, cf::priority::normal, 5, 1_MiB);
    CHECK(alike / 5 < 3 * short_bytes / 100);
    CHECK(alike / 5 > short_bytes / 100 / 2);
}

TEST_CASE("a transfer is split at places as aligned as itself", "[scheduler]")
{
    for (const char* link : {"gen1x1", "gen3x1", "gen3x8", "gen5x16"}) {
        device_on_model r(std::string("model:") + link);
        CHECK(r.dev.info().segment_bytes_max % 4096 == 0);
        CHECK(r.dev.info().segment_bytes_max >= 64_KiB);
    }
}

TEST_CASE("elements found done in one look carry one time", "[scheduler]")
{
    cf::runtime loop;
    // Beside the program, so that looking at the engine takes no time.
    const cf::device_spec spec = cf::parse_spec("model:gen3x4,wr=1,rd=1,wake=poll,engine=local");
    auto attached = std::make_unique<cf::model::stepped>(spec.model);
    cf::model::stepped& hardware = *attached;
    cf::device dev(loop, spec, std::move(attached));
    cf::buffer memory = dev.allocate(4_KiB);
    recorder record;
    dev.observe(&record);
    const auto program = [&]() -> cf::task<> {
        cf::scope all;
        for (int i = 0; i < 32; ++i) all.spawn(await(dev.write(memory, dev.window("ram").at(0))));
        while (!hardware.hardware().next_event()) co_await cf::nop(); // until the doorbell has rung
        hardware.run_until_idle();
        co_await all.join();
    };
    loop.run(program());
    REQUIRE(record.events.size() == 32);
    for (const cf::segment_event& e : record.events) CHECK(e.done_ns == record.events.front().done_ns);
}

TEST_CASE("an observer is told of every list element, in order, by channel", "[scheduler]")
{
    device_on_model r("model:gen4x4,wr=2,rd=2,ram=8MiB");
    cf::buffer memory = r.dev.allocate(8_MiB);
    recorder record;
    r.dev.observe(&record);
    r.loop.run(await(r.dev.write(memory, r.dev.window("ram").at(0))));
    const std::size_t written = record.events.size();
    r.loop.run(await(r.dev.read(memory.slice(0, 100), r.dev.window("ram").at(0))));
    REQUIRE(record.events.size() == written + 1);

    std::uint64_t bytes = 0;
    for (const cf::segment_event& e : record.events) {
        CHECK(e.queued_ns <= e.done_ns);
        CHECK_FALSE(e.error);
        CHECK(r.dev.info().channels[e.channel].serves == e.kind);
        if (e.kind == cf::transfer_kind::write) bytes += e.bytes;
    }
    CHECK(bytes == memory.size());
    CHECK(record.events.back().bytes == 100);

    r.dev.observe(nullptr);
    r.loop.run(await(r.dev.read(memory.slice(0, 100), r.dev.window("ram").at(0))));
    CHECK(record.events.size() == written + 1);
}

TEST_CASE("an observer is told the cause of an abort", "[scheduler]")
{
    device_on_model r("model:null,wr=1,rd=1");
    cf::buffer memory = r.dev.allocate(4_KiB);
    recorder record;
    r.dev.observe(&record);
    r.inject(
        [](cf::model::faults& f) { f.add({.at = {}, .cause = cf::model::abort_cause::completer_abort}); });
    std::vector<std::error_code> codes;
    r.loop.run(note(r.dev.write(memory, r.dev.window("ram").at(0)), codes));
    REQUIRE(record.events.size() == 1);
    CHECK(record.events[0].error == errc::completer_abort);
    CHECK(codes.front() == errc::completer_abort);
}

TEST_CASE("more through a leased channel than it takes at once waits for that channel", "[scheduler]")
{
    device_on_model r("model:gen1x1,wr=2,rd=2");
    cf::buffer memory = r.dev.allocate(2_MiB);
    std::vector<std::error_code> codes;
    const auto program = [&codes](cf::device& dev, cf::buffer& b) -> cf::task<> {
        cf::channel_lease lease = dev.lease(1);
        cf::scope all;
        for (int i = 0; i < 3; ++i) all.spawn(note(lease.write(b, dev.window("ram").at(0)), codes));
        while (dev.statistics().write.queued == 0) co_await cf::nop();
        co_await all.join();
    };
    r.loop.run(program(r.dev, memory));
    CHECK(codes == std::vector<std::error_code>(3));
    CHECK(r.dev.statistics().channels[0].segments == 0);
    CHECK(r.dev.statistics().channels[1].bytes == 6_MiB);

    codes.clear();
    cf::buffer large = r.dev.allocate(64_MiB);
    const auto stopped = [&codes](cf::device& dev, cf::buffer& b) -> cf::task<> {
        cf::channel_lease lease = dev.lease(1);
        cf::scope all;
        for (int i = 0; i < 3; ++i) all.spawn(note(lease.write(b, dev.window("ram").at(0)), codes));
        while (dev.statistics().write.queued == 0) co_await cf::nop();
        all.request_stop();
        co_await all.join();
    };
    r.loop.run(stopped(r.dev, large));
    CHECK(codes == std::vector<std::error_code>(3, errc::canceled));
    CHECK(r.dev.statistics().write.queued == 0);
}

TEST_CASE("what an engine cannot align is refused, never rounded", "[scheduler]")
{
    cf::runtime loop;
    const cf::device_spec spec = cf::parse_spec("model:null,ram=64KiB");
    cf::device dev(loop, spec, std::make_unique<aligned>(spec.model));
    CHECK(dev.info().alignment == 64);
    cf::buffer memory = dev.allocate(4_KiB);
    cf::window ram = dev.window("ram");
    for (std::size_t off = 0; off < 64; ++off) {
        std::vector<std::error_code> codes;
        loop.run(note(dev.write(memory.slice(off, 128), ram.at(0)), codes));
        loop.run(note(dev.write(memory.slice(0, 128 + off), ram.at(0)), codes));
        loop.run(note(dev.write(memory.slice(0, 128), ram.at(off)), codes));
        const std::error_code expected = off == 0 ? std::error_code{} : make_error_code(errc::misaligned);
        CHECK(codes == std::vector<std::error_code>(3, expected));
    }
}
