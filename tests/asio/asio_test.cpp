// SPDX-License-Identifier: MIT
//
// asio.hpp: operations with each kind of completion token, errors, and when the io_context runs.
#include "rig.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>

#include <chrono>
#include <future>
#include <memory>
#include <system_error>
#include <thread>
#include <tuple>
#include <vector>

using namespace std::chrono_literals;
using test::error_code;
using test::rig;
namespace net = boost::asio;

TEST_CASE("asio: bytes go there and back, and callbacks come later")
{
    rig r;
    cf::buffer back = r.dev.allocate(test::block_bytes);
    std::memset(r.memory.data(), 0x5a, test::block_bytes);
    std::vector<std::size_t> moved;
    r.dev.async_write(r.memory, r.far.at(0), [&](error_code failed, std::size_t bytes) {
        REQUIRE_FALSE(failed);
        moved.push_back(bytes);
        r.dev.async_read(back, r.far.at(0), [&](error_code again, std::size_t more) {
            REQUIRE_FALSE(again);
            moved.push_back(more);
        });
        CHECK(moved.size() == 1);
    });
    CHECK(moved.empty());
    r.io.run();
    CHECK(moved == std::vector{test::block_bytes, test::block_bytes});
    CHECK(std::memcmp(back.data(), r.memory.data(), test::block_bytes) == 0);
}

TEST_CASE("asio: use_awaitable, deferred and as_tuple")
{
    rig r;
    bool ended = false;
    net::co_spawn(
        r.io,
        [](rig& on) -> net::awaitable<void> {
            const std::size_t plain =
                co_await on.dev.async_write(on.memory, on.far.at(0), net::use_awaitable);
            CHECK(plain == test::block_bytes);
            auto later = on.dev.async_write(on.memory.slice(0, 4096), on.far.at(0), net::deferred);
            const std::size_t deferred = co_await std::move(later)(net::use_awaitable);
            CHECK(deferred == 4096);
            const auto [failed, bytes] = co_await on.dev.async_read(on.memory, on.far.at(on.far.size()),
                                                                    net::as_tuple(net::use_awaitable));
            CHECK(failed == cf::errc::out_of_range);
            CHECK(bytes == 0);
        }(r),
        [&](std::exception_ptr e) { ended = e == nullptr; });
    r.io.run();
    CHECK(ended);
}

TEST_CASE("asio: use_future, from a thread that does not run the io_context")
{
    rig r;
    std::future<std::size_t> good = r.dev.async_write(r.memory, r.far.at(0), net::use_future);
    std::future<std::size_t> bad = r.dev.async_write(r.memory, r.far.at(r.far.size()), {}, net::use_future);
    std::jthread other([&] { r.io.run(); });
    CHECK(good.get() == test::block_bytes);
    try {
        bad.get();
        FAIL("a transfer outside of the window was done");
    } catch (const boost::system::system_error& e) {
        CHECK(e.code() == cf::errc::out_of_range);
    }
}

TEST_CASE("asio: errors are counterflow's, and compare with std::errc")
{
    rig r;
    error_code ended;
    cf::transfer_options options;
    options.deadline = 1ns;
    rig slow("model:gen1x1,wr=1,rd=1");
    slow.dev.async_write(slow.memory, slow.far.at(0), options, [&](error_code e, std::size_t) { ended = e; });
    slow.io.run();
    CHECK(ended == cf::errc::timed_out);
    CHECK(ended == std::errc::timed_out);
    CHECK(ended == boost::system::errc::timed_out);
    CHECK(std::error_code(ended).category() == cf::category());
    CHECK(ended.message() == cf::make_error_code(cf::errc::timed_out).message());
}

TEST_CASE("asio: a request that is wrong completes later too")
{
    rig r;
    error_code ended;
    r.dev.async_write(r.memory.slice(0, 0), r.far.at(0), [&](error_code e, std::size_t) { ended = e; });
    CHECK_FALSE(ended);
    r.io.run();
    CHECK(ended == cf::errc::zero_length);
}

TEST_CASE("asio: run() returns when nothing is under way, and may be called again")
{
    rig r;
    int ended = 0;
    for (int round = 1; round <= 3; ++round) {
        CHECK(r.io.run() == 0);
        r.io.restart();
        r.flood(10, [&](error_code e, std::size_t) { ended += e ? 0 : 1; });
        r.io.run();
        CHECK(ended == 10 * round);
        r.io.restart();
    }
}

TEST_CASE("asio: poll() makes progress without waiting")
{
    rig r;
    bool ended = false;
    r.dev.async_write(r.memory, r.far.at(0), [&](error_code, std::size_t) { ended = true; });
    while (!ended) r.io.poll();
}

TEST_CASE("asio: beside other I/O of the program, in one io_context")
{
    rig r;
    net::readable_pipe out(r.io);
    net::writable_pipe in(r.io);
    net::connect_pipe(out, in);
    int left = 200;
    char ball = 0;
    struct game {
        rig& r;
        net::readable_pipe& out;
        net::writable_pipe& in;
        int& left;
        char& ball;
        void play()
        {
            if (left-- == 0) return;
            r.dev.async_write(r.memory.slice(0, 4096), r.far.at(0), [this](error_code, std::size_t) {
                net::async_write(in, net::buffer(&ball, 1), [this](error_code, std::size_t) {
                    net::async_read(out, net::buffer(&ball, 1), [this](error_code, std::size_t) { play(); });
                });
            });
        }
    } pair{r, out, in, left, ball};
    pair.play();
    r.io.run();
    CHECK(left == -1);
}

TEST_CASE("asio: a waiting io_context sleeps")
{
    rig r;
    bool rung = false;
    cf::asio::async_await(r.io, cf::sleep_for(50ms), [&](error_code e) { rung = !e; });
    r.io.run();
    CHECK(rung);
    CHECK(r.dev.native().loop().statistics().enters < 20);
}

TEST_CASE("asio: tasks of counterflow are operations as well")
{
    rig r;
    std::unique_ptr<int> got;
    error_code failed;
    cf::asio::async_await(
        r.io,
        [](rig& on) -> cf::task<std::unique_ptr<int>> {
            const std::size_t bytes = co_await on.dev.native().write(on.memory, on.far.at(0));
            co_return std::make_unique<int>(static_cast<int>(bytes));
        }(r),
        [&](error_code e, std::unique_ptr<int> value) {
            failed = e;
            got = std::move(value);
        });
    CHECK_FALSE(got);
    r.io.run();
    CHECK_FALSE(failed);
    REQUIRE(got);
    CHECK(*got == static_cast<int>(test::block_bytes));

    r.io.restart();
    cf::asio::async_await(r.io.get_executor(), r.dev.native().write(r.memory, r.far.at(r.far.size())),
                          [&](error_code e, std::size_t) { failed = e; });
    r.io.run();
    CHECK(failed == cf::errc::out_of_range);
}

TEST_CASE("asio: simulated devices run in virtual time")
{
    rig r("sim:gen3x1,seed=7");
    std::uint64_t over = 0;
    r.flood(8, [&](error_code e, std::size_t) {
        REQUIRE_FALSE(e);
        over = r.dev.native().loop().now();
    });
    r.io.run();
    CHECK(over > 8 * test::block_bytes); // at 0.9 bytes a nanosecond
    CHECK_THROWS_AS(cf::asio::device(r.io, "model:null"), cf::error);
}

TEST_CASE("asio: devices share their io_context's runtime")
{
    rig r;
    cf::asio::device second(r.io, "model:null");
    CHECK(&second.native().loop() == &r.dev.native().loop());
    CHECK_THROWS_AS(cf::asio::device(r.io, "model:nonsense"), cf::error);
}

TEST_CASE("asio: executors can be rebound, and tokens be defaults")
{
    rig r;
    using awaited = net::use_awaitable_t<>::as_default_on_t<cf::asio::device>;
    awaited dev(r.io, "model:null");
    static_assert(std::is_same_v<cf::asio::device::rebind_executor<net::io_context::executor_type>::other,
                                 cf::asio::basic_device<net::io_context::executor_type>>);
    cf::buffer memory = dev.allocate(4096);
    bool ended = false;
    net::co_spawn(
        r.io,
        [](awaited& d, cf::buffer& b) -> net::awaitable<void> {
            co_await d.async_write(b, d.window("ram").at(0));
            co_await d.async_read(b, d.window("ram").at(0), cf::transfer_options{});
        }(dev, memory),
        [&](std::exception_ptr e) { ended = e == nullptr; });
    r.io.run();
    CHECK(ended);
}
