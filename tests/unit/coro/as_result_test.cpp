// SPDX-License-Identifier: MIT
//
// as_result: every await in its form that does not throw.
#include "catch.hpp"
#include "coroutines.hpp"

#include <counterflow/as_result.hpp>
#include <counterflow/io.hpp>
#include <counterflow/time.hpp>
#include <counterflow/when_all.hpp>

#include <array>
#include <chrono>
#include <memory>
#include <stdexcept>

using namespace std::chrono_literals;

TEST_CASE("as_result yields the value", "[as_result]")
{
    test::run([]() -> cf::task<> {
        auto owner = []() -> cf::task<std::unique_ptr<int>> { co_return std::make_unique<int>(7); };
        auto got = co_await cf::as_result(owner());
        REQUIRE(got);
        CHECK(**got == 7);
        const auto nothing = co_await cf::as_result(cf::nop());
        CHECK(nothing);
        auto tuple = co_await cf::as_result(cf::when_all(cf::nop(), test::foreign_value{4}));
        REQUIRE(tuple);
        CHECK(std::get<1>(*tuple) == 4);
    });
}

TEST_CASE("as_result of a reference refers to the same object", "[as_result]")
{
    test::run([]() -> cf::task<> {
        int place = 1;
        auto refers = [](int& p) -> cf::task<int&> { co_return p; };
        const auto got = co_await cf::as_result(refers(place));
        REQUIRE(got);
        CHECK(&got->get() == &place);
    });
}

TEST_CASE("as_result turns errors into failures, with cause and value", "[as_result]")
{
    test::run([]() -> cf::task<> {
        auto ours = []() -> cf::task<int> {
            throw cf::error(cf::errc::busy, "channel 3");
            co_return 0;
        };
        const auto busy = co_await cf::as_result(ours());
        REQUIRE_FALSE(busy);
        CHECK(busy.error().code == cf::errc::busy);
        CHECK(busy.error().detail == "channel 3");

        auto systems = []() -> cf::task<> {
            co_await cf::nop();
            throw std::system_error(EBADF, std::system_category(), "there");
        };
        const auto bad = co_await cf::as_result(systems());
        REQUIRE_FALSE(bad);
        CHECK(bad.error().code == std::errc::bad_file_descriptor);
        CHECK(bad.error().detail == "there");
        CHECK(bad.error().message() == "there: " + std::system_category().message(EBADF));

        std::array<std::byte, 8> block;
        const auto read = co_await cf::as_result(cf::read_at(-1, block, 16));
        REQUIRE_FALSE(read);
        CHECK(read.error().code == std::errc::bad_file_descriptor);
        CHECK(read.error().detail == "read of 8 bytes at offset 16");

        const auto late = co_await cf::as_result(cf::timeout(1ns, cf::sleep_for(24h)));
        REQUIRE_FALSE(late);
        CHECK(late.error().code == cf::errc::timed_out);
    });
}

TEST_CASE("as_result lets other exceptions through", "[as_result]")
{
    auto fails = []() -> cf::task<> {
        throw std::logic_error("a bug");
        co_return;
    };
    CHECK_THROWS_AS(cf::sync_wait(cf::as_result(fails())), std::logic_error);
}
