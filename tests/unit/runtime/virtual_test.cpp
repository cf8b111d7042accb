// SPDX-License-Identifier: MIT
//
// A runtime in virtual time: what coroutines see of its clock, of other threads and of files.
#include "catch.hpp"
#include "coroutines.hpp"

#include <counterflow/counterflow.hpp>
#include <counterflow/event.hpp>

#include <array>
#include <chrono>
#include <poll.h>
#include <stop_token>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace cf;
using namespace std::chrono_literals;

namespace {

runtime_options simulated()
{
    runtime_options options;
    options.time = time_mode::simulated;
    return options;
}

/// Nanoseconds of the clock that is current.
std::uint64_t ns_now() { return static_cast<std::uint64_t>(clock::now().time_since_epoch().count()); }

struct scratch_file {
    scratch_file() : file(std::tmpfile()) {}
    ~scratch_file() { std::fclose(file); }
    int fd() const { return fileno(file); }
    std::FILE* file;
};

} // namespace

TEST_CASE("virtual time: a day passes at once, and exactly")
{
    runtime loop(simulated());
    CHECK(to_string(loop.info()) == "virtual time");
    constexpr std::uint64_t day = 86'400'000'000'000;
    CHECK(loop.now() == 0);
    loop.run([]() -> task<> { co_await sleep_for(24h); }());
    CHECK(loop.now() >= day);
    CHECK(loop.now() < day + 1000);
}

TEST_CASE("virtual time: sleepers wake in the order of their times, and of their coming at the same one")
{
    runtime loop(simulated());
    std::vector<int> order;
    const auto sleeper = [&](std::chrono::nanoseconds until, int name) -> task<> {
        co_await sleep_until(clock::time_point(until));
        order.push_back(name);
    };
    loop.run([&]() -> task<> {
        scope all;
        all.spawn(sleeper(3s, 1));
        all.spawn(sleeper(1s, 2));
        all.spawn(sleeper(3s, 3));
        all.spawn(sleeper(2s, 4));
        co_await all.join();
    }());
    CHECK(order == std::vector{2, 4, 1, 3});
}

TEST_CASE("virtual time: a timeout ends what does not, at its time")
{
    runtime loop(simulated());
    event never;
    std::error_code ended;
    loop.run([&]() -> task<> {
        try {
            co_await timeout(5ms, [&]() -> task<> { co_await never; }());
        } catch (const error& e) {
            ended = e.code();
        }
        CHECK(ns_now() >= 5'000'000);
        CHECK(ns_now() < 5'001'000);
    }());
    CHECK(ended == errc::timed_out);
}

TEST_CASE("virtual time: other threads reach a runtime where nothing else happens")
{
    runtime loop(simulated());
    event set_by_post;
    std::thread poster([&] { loop.post([&] { set_by_post.set(); }); });
    loop.run([&]() -> task<> { co_await set_by_post; }());
    poster.join();
    CHECK(loop.now() < 1000);

    std::stop_source stop;
    event never;
    std::thread stopper([&] { stop.request_stop(); });
    std::error_code ended;
    try {
        loop.run([&]() -> task<> { co_await never; }(), stop.get_token());
    } catch (const error& e) {
        ended = e.code();
    }
    stopper.join();
    CHECK(ended == errc::canceled);
}

TEST_CASE("virtual time: regular files are read and written, and take none of it")
{
    runtime loop(simulated());
    const scratch_file file;
    std::array<std::byte, 3> put{std::byte{1}, std::byte{2}, std::byte{3}}, got{};
    loop.run([&]() -> task<> {
        co_await nop();
        const std::size_t written = co_await write_at(file.fd(), put, 4096);
        co_await cf::fsync(file.fd());
        const std::size_t read = co_await read_at(file.fd(), got, 4096);
        const std::size_t at_end = co_await read_at(file.fd(), got, 8192);
        CHECK(written == put.size());
        CHECK(read == put.size());
        CHECK(at_end == 0);
        const auto closed = co_await as_result(read_at(-1, got, 0));
        CHECK(closed.error().code == std::errc::bad_file_descriptor);
    }());
    CHECK(got == put);
    CHECK(loop.now() < 1000); // a nanosecond a turn
}

TEST_CASE("virtual time: what would end in real time is refused, and says so")
{
    runtime loop(simulated());
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    std::array<std::byte, 1> byte{};
    loop.run([&]() -> task<> {
        const auto read = co_await as_result(read_at(ends[0], byte, current_position));
        CHECK(read.error().code == errc::not_supported);
        CHECK(read.error().detail.find("in virtual time") != std::string::npos);
        const auto polled = co_await as_result(cf::poll(ends[0], POLLIN));
        CHECK(polled.error().code == errc::not_supported);
    }());
    CHECK_THROWS_AS(detail::fd_watch(
                        loop, ends[0], [](void*) noexcept {}, nullptr),
                    error);
    ::close(ends[0]);
    ::close(ends[1]);
}

TEST_CASE("virtual time: an operation that is stopped before its turn is not done")
{
    runtime loop(simulated());
    const scratch_file file;
    const std::array<std::byte, 1> byte{std::byte{7}};
    std::error_code ended;
    loop.run([&]() -> task<> {
        scope all;
        all.spawn([](int fd, std::span<const std::byte> from, std::error_code& how) -> task<> {
            auto put = co_await as_result(write_at(fd, from, 0));
            if (!put) how = put.error().code;
        }(file.fd(), byte, ended));
        all.request_stop();
        co_await all.join();
    }());
    CHECK(ended == errc::canceled);
    CHECK(::lseek(file.fd(), 0, SEEK_END) == 0);
}
