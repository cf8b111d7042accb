// SPDX-License-Identifier: MIT
//
// A runtime inside of another loop: its descriptor says when there is something to drain, and drain() never
// waits.
#include "allocation_count.hpp"
#include "coroutines.hpp"
#include "system.hpp"

#include <counterflow/counterflow.hpp>

#include <array>
#include <cerrno>
#include <chrono>
#include <poll.h>
#include <thread>

using namespace std::chrono_literals;

namespace {

bool readable(cf::runtime& loop, int milliseconds)
{
    pollfd waited{loop.descriptor(), POLLIN, 0};
    for (;;) {
        const int found = ::poll(&waited, 1, milliseconds);
        if (found >= 0) return found == 1;
        REQUIRE(errno == EINTR); // the kernel may run a completion's work in the waiting thread
    }
}

cf::runtime_options drained(cf::runtime_options options = {})
{
    options.drained = true;
    return options;
}

constexpr int long_enough = 30'000;

/// What an outer loop does until `over`; how often it was woken.
template <class Over>
unsigned wait_and_drain(cf::runtime& loop, Over over)
{
    unsigned wakes = 0;
    for (loop.drain(); !over(); loop.drain(), ++wakes) REQUIRE(readable(loop, long_enough));
    return wakes;
}

cf::task<> read_once(int fd, char& into)
{
    co_await cf::read_at(fd, std::as_writable_bytes(std::span(&into, 1)), cf::current_position);
}

} // namespace

TEST_CASE("drain: what is ready is done, and what is not keeps nobody waiting")
{
    for (const cf::runtime_options& options : test::feature_levels()) {
        cf::runtime loop(drained(options));
        const test::pipe_ends pipe = test::make_pipe();
        char got = 0;
        bool ended = false;
        cf::start(loop, read_once(pipe.out, got), [&](cf::result<> r) { ended = r.has_value(); });
        CHECK_FALSE(ended);
        loop.drain();
        loop.drain();
        CHECK_FALSE(ended);
        CHECK_FALSE(readable(loop, 0));
        pipe.write('x');
        wait_and_drain(loop, [&] { return ended; });
        CHECK(got == 'x');
        CHECK_FALSE(readable(loop, 0));
    }
}

TEST_CASE("drain: an alarm is told to the kernel")
{
    cf::runtime loop(drained());
    bool rung = false;
    const std::uint64_t before = loop.now();
    cf::start(loop, cf::sleep_for(20ms), [&](cf::result<>) { rung = true; });
    const unsigned wakes = wait_and_drain(loop, [&] { return rung; });
    CHECK(loop.now() - before >= 20'000'000);
    CHECK(wakes <= 3); // the alarm, and its completion
}

TEST_CASE("drain: posts of other threads make the descriptor readable, each round of them")
{
    for (const cf::runtime_options& options : test::feature_levels()) {
        cf::runtime loop(drained(options));
        loop.drain();
        int called = 0;
        for (int round = 1; round <= 3; ++round) {
            std::jthread other([&] { loop.post([&] { ++called; }); });
            wait_and_drain(loop, [&] { return called == round; });
        }
        CHECK_FALSE(readable(loop, 0));
    }
}

TEST_CASE("drain: watched descriptors wake an outer loop, however often")
{
    cf::runtime loop(drained());
    const test::descriptor event = test::make_eventfd();
    unsigned told = 0;
    const cf::detail::fd_watch watch(
        loop, event, [](void* count) noexcept { ++*static_cast<unsigned*>(count); }, &told);
    loop.drain();
    for (unsigned i = 1; i <= 1000; ++i) {
        REQUIRE(::eventfd_write(event, 1) == 0);
        wait_and_drain(loop, [&] { return told >= i; });
    }
}

TEST_CASE("drain: nothing that comes between a look and the wait is missed")
{
    cf::runtime loop(drained());
    loop.drain();
    constexpr int posts = 20'000;
    int called = 0;
    std::jthread other([&] {
        for (int i = 0; i < posts; ++i) loop.post([&] { ++called; });
    });
    wait_and_drain(loop, [&] { return called == posts; });
}

TEST_CASE("drain: is bounded, and calls for the next one")
{
    cf::runtime loop(drained());
    std::uint64_t turns = 0;
    bool over = false;
    cf::start(
        loop,
        [](std::uint64_t& n, const bool& end) -> cf::task<> {
            while (!end) {
                ++n;
                co_await cf::nop();
            }
        }(turns, over),
        [](cf::result<>) {});
    loop.drain();
    CHECK(turns > 0);
    const std::uint64_t before = turns;
    CHECK(readable(loop, 0));
    loop.drain();
    CHECK(turns > before);
    over = true;
    loop.drain();
    loop.drain();
    CHECK_FALSE(readable(loop, 0));
}

TEST_CASE("drain: an idle runtime is not woken, and a called one allocates nothing")
{
    cf::runtime loop(drained());
    for (int i = 0; i < 3; ++i) { // warm
        cf::start(loop, cf::nop(), [](cf::result<>) {});
        loop.drain();
    }
    CHECK_FALSE(readable(loop, 0));
    const auto before = loop.statistics();
    const std::uint64_t allocated = test::allocations();
    for (int i = 0; i < 100; ++i) loop.drain();
    CHECK(loop.statistics().enters == before.enters);
    bool done = false;
    cf::start(loop, cf::nop(), [&](cf::result<>) { done = true; });
    loop.drain();
    CHECK(done);
    CHECK(test::allocations() == allocated);
}

TEST_CASE("drain: refuses what cannot be")
{
    cf::runtime loop(drained());
    loop.drain();
    std::jthread([&] { CHECK_THROWS_AS(loop.drain(), cf::error); }).join();
    std::error_code refused;
    loop.post([&] {
        try {
            loop.drain();
        } catch (const cf::error& e) {
            refused = e.code();
        }
    });
    loop.drain();
    CHECK(refused == cf::errc::busy);
    CHECK_THROWS_AS(loop.run(cf::nop()), cf::error);

    cf::runtime other;
    CHECK_THROWS_AS(other.drain(), cf::error);
    CHECK_THROWS_AS(other.descriptor(), cf::error);
}

TEST_CASE("drain: a watch may end any other, also one that has been told of")
{
    cf::runtime loop(drained());
    struct pair {
        std::array<cf::detail::fd_watch, 2> watches;
        int told = 0;
    } both;
    const std::array events{test::make_eventfd(), test::make_eventfd()};
    for (std::size_t i = 0; i < 2; ++i)
        both.watches[i] = cf::detail::fd_watch(
            loop, events[i],
            [](void* context) noexcept {
                auto& p = *static_cast<pair*>(context);
                ++p.told;
                p.watches = {};
            },
            &both);
    for (const int event : events) REQUIRE(::eventfd_write(event, 1) == 0);
    loop.drain();
    loop.drain();
    CHECK(both.told == 1);
}

TEST_CASE("drain: devices finish their transfers in an outer loop")
{
    for (const char* wake : {"irq", "poll"}) {
        cf::runtime loop(drained());
        cf::device dev(loop, std::string("model:gen3x4,wr=2,rd=2,wake=") + wake);
        cf::buffer block = dev.allocate(65536);
        int moved = 0;
        for (int i = 0; i < 10; ++i)
            cf::start(loop, dev.write(block, dev.window("ram").at(0)),
                      [&](cf::result<std::size_t> r) { moved += r.has_value() ? 1 : 0; });
        wait_and_drain(loop, [&] { return moved == 10; });
    }
}

TEST_CASE("drain: in a simulation all that happens has happened")
{
    const cf::device_spec spec = cf::parse_spec("sim:gen3x1,seed=3");
    cf::runtime loop(drained(cf::options_for(spec)));
    cf::device dev(loop, spec);
    cf::buffer block = dev.allocate(1 << 20);
    int ended = 0;
    const auto count = [&](auto) { ++ended; };
    cf::start(loop, dev.write(block, dev.window("ram").at(0)), count);
    cf::start(loop, cf::sleep_for(1h), count);
    loop.drain();
    CHECK(ended == 2);
    CHECK(loop.now() >= 3'600'000'000'000);
    CHECK_FALSE(readable(loop, 0));
    std::jthread([&] { loop.post([&] { ++ended; }); }).join();
    CHECK(readable(loop, long_enough));
    loop.drain();
    CHECK(ended == 3);
}
