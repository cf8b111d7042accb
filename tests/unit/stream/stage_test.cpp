// SPDX-License-Identifier: MIT
//
// Stages: what each does, that they compose, that they return every block when they are stopped, and that a
// block costs them no allocation.
#include "allocation_count.hpp"
#include "catch.hpp"
#include "rig.hpp"

#include <stop_token>
#include <thread>

using namespace rig;
using cf::errc;

namespace {

constexpr cf::ring_geometry ring_of_8{.block_bytes = 4096, .slots = 8};

/// Runs `body(read_stream&)` with a far end that produces `blocks`.
template <class Body>
void with_source(std::uint64_t blocks, Body body, std::chrono::nanoseconds period = 0ns)
{
    simulation s;
    cf::ring_producer far_end(s.far(), ring_of_8);
    s.loop.run([](simulation& t, cf::ring_producer& far, source what, Body& b) -> cf::task<> {
        cf::read_stream in(t.dev, co_await cf::open_ring(t.dev, t.ram()));
        co_await cf::when_all(produce(far, what), b(in));
        CHECK(in.statistics().now.leased.blocks == 0);
    }(s, far_end, {.blocks = blocks, .period = period}, body));
}

} // namespace

TEST_CASE("stage: transform, tee and into compose in one expression, and await what they are given")
{
    std::uint64_t seen = 0, sum = 0;
    with_source(40, [&](cf::read_stream& in) -> cf::task<> {
        const auto mark = [](cf::block& b) -> cf::task<> {
            co_await cf::sleep_for(1us);
            b.bytes()[0] = std::byte{42};
            b.shrink(100);
        };
        const auto count = [&](const cf::block& b) { seen += b.size(); };
        co_await (in | cf::transform(mark) | cf::tee(count) | cf::into([&](cf::block b) {
                      CHECK(b.bytes()[0] == std::byte{42});
                      sum += b.sequence();
                  }));
    });
    CHECK(seen == 40 * 100);
    CHECK(sum == 39 * 40 / 2);
}

TEST_CASE("stage: batches, the last of them shorter")
{
    std::vector<std::size_t> sizes;
    with_source(10, [&](cf::read_stream& in) -> cf::task<> {
        co_await (in | cf::batch(4) |
                  cf::into([&](std::span<cf::block> blocks) { sizes.push_back(blocks.size()); }));
    });
    CHECK(sizes == std::vector<std::size_t>{4, 4, 2});
}

TEST_CASE("stage: parts by size and by time")
{
    std::vector<std::uint32_t> parts;
    const auto note = [&](const cf::block& b) { parts.push_back(b.part()); };
    with_source(7, [&](cf::read_stream& in) -> cf::task<> {
        co_await (in | cf::split_by_bytes(3 * 4096 + 1) | cf::into([&](cf::block b) { note(b); }));
    });
    CHECK(parts == std::vector<std::uint32_t>{0, 0, 0, 1, 1, 1, 2});
    parts.clear();
    with_source(
        20,
        [&](cf::read_stream& in) -> cf::task<> {
            co_await (in | cf::split_by_time(500us) | cf::into([&](cf::block b) { note(b); }));
        },
        100us);
    CHECK(parts.front() == 0);
    CHECK((parts.back() == 3 || parts.back() == 4));
}

TEST_CASE("stage: one on another thread's runtime, in real time")
{
    const cf::device_spec spec = cf::parse_spec("model:null,wr=1,rd=1,ram=1MiB");
    cf::runtime loop;
    cf::device dev(loop, spec);
    cf::runtime other;
    std::stop_source end;
    std::jthread worker([&] { other.run(cf::until_stop(), end.get_token()); });
    std::thread::id ran_on;
    loop.run([](cf::device& d, cf::runtime& there, std::thread::id& where) -> cf::task<> {
        cf::read_stream in(d, cf::fixed_place{d.window("ram").at(0), 4096});
        std::uint64_t taken = 0;
        const auto work = [&](cf::block& b) {
            where = std::this_thread::get_id();
            b.bytes()[1] = std::byte{7};
        };
        const auto take = [&](cf::block b) {
            CHECK(b.bytes()[1] == std::byte{7});
            if (++taken == 20) throw cf::error(errc::canceled, "enough");
        };
        const auto stopped = co_await cf::as_result(in | cf::transform_on(there, work) | cf::into(take));
        CHECK(stopped.error().detail == "enough");
        CHECK(in.statistics().now.leased.blocks == 0);
    }(dev, other, ran_on));
    CHECK(ran_on == worker.get_id());
    end.request_stop();
}

TEST_CASE("stage: a stop request at any moment returns every block")
{
    for (int moment = 1; moment < 40; ++moment) {
        with_source(100, [&](cf::read_stream& in) -> cf::task<> {
            const auto slow = [](const cf::block&) { return cf::sleep_for(3us); };
            const auto done = co_await cf::as_result(
                cf::timeout(moment * 2us, in | cf::tee(slow) | cf::split_by_bytes(8192) | cf::batch(3) |
                                              cf::into([](auto) { return cf::sleep_for(2us); })));
            CHECK_FALSE(done);
            CHECK(in.statistics().now.leased.blocks == 0);
            // The stream is whole: the rest can still be had.
            co_await (in | cf::into([](cf::block) {}));
        });
    }
}

TEST_CASE("stage: a block costs no allocation, and forwarding none either")
{
    std::optional<std::uint64_t> before, after;
    simulation s;
    cf::ring_producer far_end(s.far(), ring_of_8);
    s.loop.run([](simulation& t, cf::ring_producer& far, auto& first, auto& last) -> cf::task<> {
        cf::read_stream in(t.dev, co_await cf::open_ring(t.dev, t.ram()));
        cf::write_stream out(t.dev, cf::fixed_place{t.ram(1_MiB), 4096});
        const auto count = [&](const cf::block& b) {
            if (b.sequence() == 1000) first = test::allocations();
            if (b.sequence() == 1900) last = test::allocations();
        };
        co_await cf::when_all(produce(far, {.blocks = 2000}),
                              in | cf::transform([](cf::block& b) { b.bytes()[0] = {}; }) | cf::tee(count) |
                                  cf::split_by_bytes(1_MiB) | cf::into(out));
        co_await out.close();
    }(s, far_end, before, after));
    REQUIRE(before);
    CHECK(after == before);
}
