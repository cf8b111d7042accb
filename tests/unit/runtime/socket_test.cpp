// SPDX-License-Identifier: MIT
//
// Stream sockets through the ring: both kinds, on kernels of every age, with peers that are slow, gone or
// never there.
#include "allocation_count.hpp"
#include "connection.hpp"
#include "coroutines.hpp"
#include "folder.hpp"
#include "system.hpp"

#include <counterflow/as_result.hpp>
#include <counterflow/file.hpp>
#include <counterflow/registered.hpp>
#include <counterflow/scope.hpp>
#include <counterflow/socket.hpp>
#include <counterflow/time.hpp>
#include <counterflow/when_all.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using test::loopback;
using test::make_connection;
using test::make_pair;

namespace {

enum class way { send, send_zc, send_zc_fixed };

cf::task<> send_all(const cf::file_descriptor& socket, std::span<const std::byte> what, way how)
{
    while (!what.empty()) {
        std::size_t sent = 0;
        switch (how) {
        case way::send: sent = co_await cf::send(socket, what); break;
        case way::send_zc: sent = co_await cf::send_zc(socket, what); break;
        case way::send_zc_fixed: sent = co_await cf::send_zc_fixed(socket, what, 0); break;
        }
        what = what.subspan(sent);
    }
    co_await cf::shutdown(socket, SHUT_WR);
}

cf::task<> receive_all(const cf::file_descriptor& socket, std::vector<std::byte>& into)
{
    std::vector<std::byte> block(10'000);
    for (;;) {
        const std::size_t got = co_await cf::receive(socket, block);
        if (got == 0) co_return;
        into.insert(into.end(), block.begin(), block.begin() + static_cast<std::ptrdiff_t>(got));
    }
}

std::vector<std::byte> pattern(std::size_t bytes)
{
    std::vector<std::byte> made(bytes);
    for (std::size_t i = 0; i < bytes; ++i) made[i] = static_cast<std::byte>(i * 7 + i / 251);
    return made;
}

} // namespace

TEST_CASE("what is sent arrives, each way, over TCP and Unix sockets, on every feature level", "[socket]")
{
    for (const auto& options : test::feature_levels()) {
        const folder files;
        for (const auto& address : {loopback, cf::socket_address::parse("unix:" + (files / "socket"))}) {
            for (const way how : {way::send, way::send_zc, way::send_zc_fixed}) {
                cf::runtime loop(options);
                std::vector<std::byte> sent = pattern(300'000);
                const std::array<std::span<std::byte>, 1> memory{sent};
                const cf::registered_buffers registered(loop, memory);
                std::vector<std::byte> received;
                loop.run([](const cf::socket_address& at, std::span<const std::byte> out, way by,
                            std::vector<std::byte>& in) -> cf::task<> {
                    const test::connection ends = co_await make_connection(at);
                    co_await cf::when_all(send_all(ends.a, out, by), receive_all(ends.b, in));
                }(address, sent, how, received));
                CHECK(received == sent);
                if (address.family() == AF_UNIX) std::filesystem::remove(files / "socket");
            }
        }
    }
}

TEST_CASE("a send without a copy ends when its memory is free, and a stop request does not hasten that",
          "[socket]")
{
    test::run([]() -> cf::task<> {
        const test::connection ends = co_await make_connection(loopback);
        // Stopped at every stage: not begun, in the queue, with the kernel, done.
        for (int turns = 0; turns < 6; ++turns) {
            std::vector<std::byte> block(20'000, static_cast<std::byte>(turns)); // fits the peer's window
            std::size_t sent = 0;
            bool ended = false;
            cf::scope all;
            all.spawn([](const test::connection& p, std::span<const std::byte> what, std::size_t& n,
                         bool& end) -> cf::task<> {
                const auto r = co_await cf::as_result(cf::send_zc(p.a, what));
                if (r) n = *r;
                if (!r) CHECK(r.error().code == cf::errc::canceled);
                end = true;
            }(ends, block, sent, ended));
            for (int i = 0; i < turns; ++i) co_await cf::nop();
            all.request_stop();
            co_await all.join();
            CHECK(ended);
            // Ours again: what the peer has is what was there before.
            std::ranges::fill(block, std::byte{0xff});
            std::vector<std::byte> got(block.size());
            std::size_t received = 0;
            while (received < sent)
                received += co_await cf::receive(ends.b, std::span(got).subspan(received, sent - received));
            CHECK(std::ranges::count(got, static_cast<std::byte>(turns)) >=
                  static_cast<std::ptrdiff_t>(sent));
        }
    });
}

TEST_CASE("nobody who listens is named by the address", "[socket]")
{
    test::run([]() -> cf::task<> {
        cf::socket_address gone = loopback;
        {
            const cf::file_descriptor listening = cf::listen(loopback);
            gone = cf::socket_address::of(listening.get());
        }
        const cf::file_descriptor socket = cf::make_socket(gone);
        const auto refused = co_await cf::as_result(cf::connect(socket, gone));
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == std::errc::connection_refused);
        CHECK(refused.error().detail == "connect to " + gone.to_string());
    });
}

TEST_CASE("an address that is taken, or a path that cannot be, is named", "[socket]")
{
    const cf::file_descriptor first = cf::listen(loopback);
    const cf::socket_address taken = cf::socket_address::of(first.get());
    CHECK(
        has(refusal([&] { cf::listen(taken); }, std::errc::address_in_use), "bind to " + taken.to_string()));
    const auto nowhere = cf::socket_address::parse("unix:/no/such/folder/socket");
    CHECK(has(refusal([&] { cf::listen(nowhere); }, std::errc::no_such_file_or_directory),
              "bind to unix:/no/such/folder/socket"));
}

TEST_CASE("a peer that is gone is an error, and no signal", "[socket]")
{
    for (const way how : {way::send, way::send_zc}) {
        test::run([&]() -> cf::task<> {
            test::connection ends = make_pair();
            ends.b = cf::file_descriptor();
            const auto sent = co_await cf::as_result(send_all(ends.a, bytes("hello"), how));
            REQUIRE_FALSE(sent);
            CHECK(sent.error().code == std::errc::broken_pipe);
            std::array<std::byte, 8> block{};
            const std::size_t end = co_await cf::receive(ends.a, block);
            CHECK(end == 0);
        });
    }
}

TEST_CASE("a peer that resets the connection ends what waits for it", "[socket]")
{
    test::run([]() -> cf::task<> {
        test::connection ends = co_await make_connection(loopback);
        const linger at_once{1, 0};
        REQUIRE(::setsockopt(ends.b.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
        std::array<std::byte, 8> block{};
        const auto reset = [](test::connection& p) -> cf::task<> {
            co_await cf::nop();
            co_await cf::close(std::move(p.b));
        };
        const auto [got, nothing] =
            co_await cf::when_all(cf::as_result(cf::receive(ends.a, block)), reset(ends));
        (void)nothing;
        REQUIRE_FALSE(got);
        CHECK(got.error().code == std::errc::connection_reset);
        CHECK(got.error().detail == "receive of 8 bytes of descriptor " + std::to_string(ends.a.get()));
    });
}

TEST_CASE("a peer that takes nothing holds a send up, until a timeout", "[socket]")
{
    for (const auto& options : test::feature_levels()) {
        for (const way how : {way::send, way::send_zc}) {
            test::run(
                [&]() -> cf::task<> {
                    const test::connection ends = make_pair();
                    const std::vector<std::byte> much(8 << 20);
                    const auto sent = co_await cf::as_result(cf::timeout(5ms, send_all(ends.a, much, how)));
                    REQUIRE_FALSE(sent);
                    CHECK(sent.error().code == cf::errc::timed_out);
                },
                options);
        }
    }
}

TEST_CASE("waits for a connection and for data are stopped", "[socket]")
{
    for (const auto& options : test::feature_levels()) {
        test::run(
            []() -> cf::task<> {
                const cf::file_descriptor listening = cf::listen(loopback);
                const test::connection ends = make_pair();
                std::array<std::byte, 8> block{};
                cf::scope all;
                int canceled = 0;
                const auto count = [&](auto what) -> cf::task<> {
                    const bool c = co_await test::is_canceled(std::move(what));
                    canceled += c ? 1 : 0;
                };
                all.spawn(count(cf::accept(listening)));
                all.spawn(count(cf::receive(ends.a, block)));
                co_await cf::nop();
                co_await cf::nop();
                all.request_stop();
                co_await all.join();
                CHECK(canceled == 2);
            },
            options);
    }
}

TEST_CASE("virtual time: there are no sockets", "[socket]")
{
    cf::runtime_options simulated;
    simulated.time = cf::time_mode::simulated;
    const test::connection ends = make_pair();
    const cf::file_descriptor listening = cf::listen(loopback);
    test::run(
        [&]() -> cf::task<> {
            std::array<std::byte, 8> block{};
            const auto refused = [](const auto& r) {
                return !r && r.error().code == cf::errc::not_supported &&
                       has(r.error().detail, "in virtual time");
            };
            const auto sent = co_await cf::as_result(cf::send(ends.a, block));
            CHECK(refused(sent));
            const auto zero_copy = co_await cf::as_result(cf::send_zc(ends.a, block));
            CHECK(refused(zero_copy));
            const auto received = co_await cf::as_result(cf::receive(ends.a, block));
            CHECK(refused(received));
            const auto accepted = co_await cf::as_result(cf::accept(listening));
            CHECK(refused(accepted));
            const auto connected =
                co_await cf::as_result(cf::connect(ends.a, cf::socket_address::of(listening.get())));
            CHECK(refused(connected));
            const auto ended = co_await cf::as_result(cf::shutdown(ends.a, SHUT_WR));
            CHECK(refused(ended));
        },
        simulated);
}

TEST_CASE("warm sockets allocate nothing", "[socket]")
{
    test::run([]() -> cf::task<> {
        const test::connection ends = co_await make_connection(loopback);
        std::array<std::byte, 4096> block{};
        std::uint64_t before = 0;
        for (int round = 0; round < 40; ++round) {
            if (round == 20) before = test::allocations();
            const std::size_t sent = co_await cf::send(ends.a, block);
            const std::size_t zero_copy = co_await cf::send_zc(ends.a, block);
            for (std::size_t left = sent + zero_copy; left != 0;)
                left -= co_await cf::receive(ends.b, std::span(block).first(std::min(left, block.size())));
        }
        CHECK(test::allocations() == before);
    });
}
