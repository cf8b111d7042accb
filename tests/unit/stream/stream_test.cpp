// SPDX-License-Identifier: MIT
//
// Streams of both directions under what may happen to any: bad options, cancellation, a link that goes down,
// a device that goes away, sources that jump, and ten virtual seconds of mixed load.
#include "catch.hpp"
#include "rig.hpp"

using namespace rig;
using cf::errc;

namespace {

constexpr cf::ring_geometry ring_of_8{.block_bytes = 4096, .slots = 8};

template <class Make>
std::error_code refusal(Make make)
{
    try {
        make();
    } catch (const cf::error& e) {
        return e.code();
    }
    return {};
}

} // namespace

TEST_CASE("stream: options and places outside their range are refused")
{
    simulation s;
    const auto with = [&](const cf::stream_options& o) {
        return refusal([&] { cf::read_stream(s.dev, cf::fixed_place{s.ram(), 4096}, o); });
    };
    CHECK(with({}) == std::error_code());
    CHECK(with({.in_flight = 0}) == errc::bad_argument);
    CHECK(with({.in_flight = 1025}) == errc::bad_argument);
    CHECK(with({.in_flight = 8, .blocks = 7}) == errc::bad_argument);
    CHECK(with({.poll = 0ns}) == errc::bad_argument);
    const auto at = [&](std::uint64_t offset, std::uint32_t bytes) {
        return refusal([&] { cf::write_stream(s.dev, cf::fixed_place{s.ram(offset), bytes}); });
    };
    CHECK(at(0, 0) == errc::bad_argument);
    CHECK(at(64_MiB, 4096) == errc::out_of_range);
    CHECK(at(~std::uint64_t{0} - 63, 64) == errc::out_of_range);
    CHECK(refusal([&] { cf::write_stream(s.dev, cf::fixed_place{s.ram(), 64, 1us}); }) == errc::bad_argument);
    const auto slots = [&](std::uint32_t n) {
        return refusal([&] { cf::read_stream(s.dev, cf::fixed_place{s.ram(), 4096, 0us, n}); });
    };
    CHECK(slots(16384) == std::error_code()); // all of the window
    CHECK(slots(0) == errc::bad_argument);
    CHECK(slots(16385) == errc::out_of_range);
}

TEST_CASE("stream: a stop request ends a wait and not the stream")
{
    simulation s;
    cf::ring_producer far_end(s.far(), ring_of_8);
    s.loop.run([](simulation& t, cf::ring_producer& far) -> cf::task<> {
        cf::read_stream in(t.dev, co_await cf::open_ring(t.dev, t.ram()));
        for (int i = 0; i < 3; ++i) {
            const auto none = co_await cf::as_result(cf::timeout(1ms, in.next()));
            CHECK(none.error().code == errc::timed_out);
        }
        fill_block(far.claim(), 0);
        far.publish(4096);
        const auto b = co_await in.next();
        CHECK(is_block(b->bytes(), 0));
        CHECK(in.statistics().now.leased.blocks == 1);
    }(s, far_end));
}

TEST_CASE("stream: aborted at any moment, it says what was left and returns everything")
{
    for (int at = 0; at < 60; ++at) {
        simulation s;
        cf::ring_producer far_end(s.far(), ring_of_8);
        s.loop.run([](simulation& t, cf::ring_producer& far, int moment) -> cf::task<> {
            cf::read_stream in(t.dev, co_await cf::open_ring(t.dev, t.ram()), {.in_flight = 3});
            cf::write_stream out(t.dev, co_await cf::make_ring(t.dev, t.ram(1_MiB), ring_of_8),
                                 {.in_flight = 3});
            const auto send = [](cf::write_stream& o) -> cf::task<> {
                for (;;) o.send(co_await o.acquire());
            };
            harvest h;
            co_await cf::when_any(cf::sleep_for(moment * 777ns), produce(far, {.blocks = 1000}),
                                  consume(in, h), send(out));
            const auto how = moment % 2 != 0 ? cf::stream_end::abort : cf::stream_end::drain;
            const cf::stream_remains read = co_await in.close(how);
            const cf::stream_remains sent = co_await out.close(cf::stream_end::abort);
            CHECK(read.leased.blocks == 0);
            CHECK(sent.leased.blocks == 0);
            CHECK(read.in_flight.blocks <= 3);
            CHECK(sent.in_flight.blocks <= 3);
            // Drained, what was read is still there; then there is no more.
            std::uint64_t more = 0;
            for (auto b = co_await in.next(); b; b = co_await in.next()) ++more;
            if (how == cf::stream_end::drain)
                CHECK(more == read.in_flight.blocks + read.waiting.blocks);
            else
                CHECK(more == 0);
            CHECK(h.right);
            const cf::stream_remains now = in.statistics().now;
            CHECK(now.in_flight.blocks + now.waiting.blocks + now.leased.blocks == 0);
        }(s, far_end, at));
    }
}

TEST_CASE("stream: a link that goes down ends it, or is waited for")
{
    for (const auto rule : {cf::stream_error::stop, cf::stream_error::go_on}) {
        simulation s;
        cf::ring_producer far_end(s.far(), ring_of_8);
        s.loop.run([](simulation& t, cf::ring_producer& far, cf::stream_error r) -> cf::task<> {
            cf::read_stream in(t.dev, co_await cf::open_ring(t.dev, t.ram()), {.on_error = r});
            harvest h;
            const auto fail_link = [](simulation& sim) -> cf::task<> {
                co_await cf::sleep_for(200us);
                sim.attached->set_link(false);
                co_await cf::sleep_for(3ms);
                sim.attached->set_link(true);
            };
            const auto end = co_await cf::as_result(
                cf::when_all(produce(far, {.blocks = 300}), consume(in, h), fail_link(t)));
            CHECK(h.right);
            CHECK(in.statistics().lost == 0);
            if (r == cf::stream_error::go_on) {
                CHECK(end);
                CHECK(h.numbers.size() == 300);
            } else {
                REQUIRE_FALSE(end);
                CHECK(end.error().code == errc::link_down);
            }
            const cf::stream_remains left = co_await in.close(cf::stream_end::abort);
            CHECK(left.leased.blocks == 0);
        }(s, far_end, rule));
    }
}

TEST_CASE("stream: a device that is closed ends it, whatever the rule")
{
    auto s = std::make_unique<simulation>();
    cf::ring_producer far_end(s->far(), ring_of_8);
    s->loop.run([](simulation& t, cf::ring_producer& far) -> cf::task<> {
        cf::read_stream in(t.dev, co_await cf::open_ring(t.dev, t.ram()),
                           {.on_error = cf::stream_error::go_on});
        for (int i = 0; i < 8; ++i) {
            fill_block(far.claim(), static_cast<std::uint64_t>(i));
            far.publish(4096);
        }
        const std::optional<cf::block> kept = co_await in.next();
        const auto close = [](simulation& sim) -> cf::task<> {
            co_await cf::sleep_for(50us);
            const cf::device gone = std::move(sim.dev);
        };
        const auto read_on = [](cf::read_stream& stream) -> cf::task<> {
            for (auto b = co_await stream.next(); b; b = co_await stream.next()) {
            }
        };
        const auto end = co_await cf::as_result(cf::when_all(close(t), read_on(in)));
        REQUIRE_FALSE(end);
        CHECK((end.error().code == errc::device_gone || end.error().code == errc::no_such_device));
        CHECK(is_block(kept->bytes(), 0));
    }(*s, far_end));
}

TEST_CASE("stream: a source that jumps back, jumps ahead or writes nonsense is reported, and can be followed")
{
    struct jump {
        const char* what;
        std::uint64_t produced, claimed, check_error;
    };
    for (const jump& j :
         {jump{"back", 2, 2, 0}, jump{"ahead", 5000, 5000, 0}, jump{"claims too much", 20, 900, 0},
          jump{"claims less than it has", 20, 3, 0}, jump{"never whole", 21, 21, 1}}) {
        for (const auto rule : {cf::stream_error::stop, cf::stream_error::go_on}) {
            INFO(j.what << (rule == cf::stream_error::stop ? ", stop" : ", go on"));
            simulation s;
            cf::ring_producer far_end(s.far(), ring_of_8);
            s.loop.run([](simulation& t, cf::ring_producer& far, jump to, cf::stream_error r) -> cf::task<> {
                cf::read_stream in(t.dev, co_await cf::open_ring(t.dev, t.ram()), {.on_error = r});
                for (std::uint64_t i = 0; i < 20; ++i) {
                    fill_block(far.claim(), i);
                    far.publish(4096);
                    const auto b = co_await in.next();
                    CHECK(b->sequence() == i);
                }
                const std::uint64_t line[4] = {to.produced, to.claimed, 0,
                                               ~(to.produced ^ to.claimed) ^ to.check_error};
                std::memcpy(t.far().data() + 64, line, sizeof line);
                const auto next = co_await cf::as_result(cf::timeout(2ms, in.next()));
                const cf::stream_statistics c = in.statistics();
                CHECK(c.torn_positions + c.stale_positions + c.impossible_positions >= 4);
                if (r == cf::stream_error::stop) {
                    CHECK(next.error().code == errc::out_of_step);
                    CHECK(next.error().detail.find("block 20") != std::string::npos);
                    co_return;
                }
                CHECK(next.error().code == errc::timed_out);
                CHECK((c.resyncs > 0) == (to.check_error == 0));
                // Whatever it was, the source goes on from there.
                const std::uint64_t p = to.check_error != 0 ? 20 : to.produced;
                fill_block(t.far().subspan(4096 + p % 8 * 4096, 4096), p);
                const std::uint64_t good[4] = {p + 1, p + 1, 0, ~std::uint64_t{0}};
                std::memcpy(t.far().data() + 64, good, sizeof good);
                const auto b = co_await cf::timeout(5ms, in.next());
                REQUIRE(b);
                CHECK(b->sequence() == p);
                CHECK(is_block(b->bytes(), p));
                if (to.check_error == 0) CHECK(b->gap().cause == errc::out_of_step);
            }(s, far_end, j, rule));
        }
    }
}

TEST_CASE("stream: a block with another block's number is no block of this stream")
{
    simulation s;
    cf::ring_producer far_end(s.far(), {.block_bytes = 4096, .slots = 8, .block_headers = true});
    s.loop.run([](simulation& t, cf::ring_producer& far) -> cf::task<> {
        cf::read_stream in(t.dev, co_await cf::open_ring(t.dev, t.ram()),
                           {.on_error = cf::stream_error::go_on});
        for (std::uint64_t i = 0; i < 5; ++i) {
            fill_block(far.claim(), i);
            far.publish(4096);
            if (i == 2) {
                const std::uint64_t wrong = 7;
                std::memcpy(t.far().data() + 4096 + 2 * (4096 + 64), &wrong, 8);
            }
        }
        far.finish();
        harvest h;
        co_await consume(in, h);
        CHECK(h.numbers == std::vector<std::uint64_t>{0, 1, 3, 4});
        REQUIRE(h.gaps.size() == 1);
        CHECK(h.gaps[0].first == 2);
        CHECK(h.gaps[0].cause == errc::out_of_step);
    }(s, far_end));
}

namespace {

/// Sends and receives on one pair of streams until told to stop, counting what arrives.
struct pair_of_streams {
    cf::write_stream out;
    cf::read_stream in;
    std::uint64_t sent = 0, received = 0;
};

cf::task<> keep_sending(pair_of_streams& p, const bool& stop)
{
    while (!stop) {
        p.out.send(co_await p.out.acquire());
        p.sent = p.out.statistics().moved.blocks;
    }
    co_await p.out.close();
}
cf::task<> keep_receiving(pair_of_streams& p)
{
    for (;;) {
        const auto b = co_await p.in.next();
        if (!b) break;
        p.received = b->sequence() + 1;
    }
}

} // namespace

TEST_CASE(
    "stream: pairs of mixed block sizes and priorities for ten virtual seconds, and none of them starves")
{
    simulation s("sim:gen2x1,wr=2,rd=2");
    s.loop.run([](simulation& t) -> cf::task<> {
        std::vector<pair_of_streams> pairs;
        std::uint64_t place = 0;
        for (const auto& [bytes, priority] : {std::pair{4096u, cf::priority::high},
                                              {65536u, cf::priority::normal},
                                              {16384u, cf::priority::normal},
                                              {262144u, cf::priority::low}}) {
            const cf::ring_geometry g{.block_bytes = bytes, .slots = 8};
            const cf::far_ring ring = co_await cf::make_ring(t.dev, t.ram(place), g);
            place += 4_MiB;
            const cf::stream_options o{.in_flight = 2, .priority = priority, .poll = 50us};
            pairs.push_back({cf::write_stream(t.dev, ring, o), cf::read_stream(t.dev, ring, o)});
        }
        bool stop = false;
        cf::scope all;
        for (pair_of_streams& p : pairs) {
            all.spawn(keep_sending(p, stop));
            all.spawn(keep_receiving(p));
        }
        co_await cf::sleep_for(20ms); // until all of them are under way
        std::uint64_t write_before = 0, read_before = 0;
        std::vector<std::pair<std::uint64_t, std::uint64_t>> before(pairs.size());
        int idle_ms = 0, starved = 0;
        for (int ms = 1; ms <= 10'000; ++ms) {
            co_await cf::sleep_for(1ms);
            std::uint64_t written = 0, read = 0;
            for (const auto& channel : t.dev.statistics().channels)
                (channel.serves == cf::transfer_kind::write ? written : read) += channel.bytes;
            if (written == write_before || read == read_before) ++idle_ms;
            write_before = written;
            read_before = read;
            if (ms % 100 != 0) continue;
            for (std::size_t i = 0; i < pairs.size(); ++i) {
                const std::pair now{pairs[i].sent, pairs[i].received};
                if (now.first == before[i].first || now.second == before[i].second) ++starved;
                before[i] = now;
            }
        }
        CHECK(idle_ms == 0);
        CHECK(starved == 0);
        stop = true;
        co_await all.join();
    }(s));
}
