// SPDX-License-Identifier: MIT
//
// result<T>: a value or a failure, never both and never neither.
#include "catch.hpp"
#include <counterflow/result.hpp>

#include <memory>
#include <string>

using cf::errc;

namespace {

cf::failure busy() { return {make_error_code(errc::busy), "channel 3"}; }

} // namespace

TEST_CASE("a result holds a value", "[result]")
{
    cf::result<std::string> r = std::string("here");
    REQUIRE(r.has_value());
    CHECK(static_cast<bool>(r));
    CHECK(*r == "here");
    CHECK(r->size() == 4);
    CHECK(r.value() == "here");
    r.value() += "!";
    CHECK(std::as_const(r).value() == "here!");
}

TEST_CASE("or a failure, which value() throws whole", "[result]")
{
    cf::result<int> r = busy();
    REQUIRE_FALSE(r);
    CHECK(r.error().code == errc::busy);
    try {
        (void)r.value();
        FAIL("no error");
    } catch (const cf::error& e) {
        CHECK(e.code() == errc::busy);
        CHECK(e.detail() == "channel 3");
    }
}

TEST_CASE("a value that can only be moved is moved out", "[result]")
{
    cf::result<std::unique_ptr<int>> r = std::make_unique<int>(7);
    const std::unique_ptr<int> taken = std::move(r).value();
    CHECK(*taken == 7);
}

TEST_CASE("a result of nothing is a success unless it is told otherwise", "[result]")
{
    const cf::result<> good;
    CHECK(good);
    CHECK_NOTHROW(good.value());
    const cf::result<> bad = busy();
    CHECK_FALSE(bad);
    CHECK_THROWS_AS(bad.value(), cf::error);
}

TEST_CASE("the value of a result that goes can be moved out", "[result]")
{
    cf::result<std::unique_ptr<int>> r = std::make_unique<int>(7);
    const std::unique_ptr<int> taken = *std::move(r);
    CHECK(*taken == 7);
}
