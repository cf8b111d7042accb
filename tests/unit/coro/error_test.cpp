// SPDX-License-Identifier: MIT
//
// The error convention: every code has a message of its own, failures name where and what.
#include "catch.hpp"

#include <counterflow/error.hpp>
#include <counterflow/result.hpp>

#include <set>

using cf::errc;

TEST_CASE("every error code has a message of its own that says more than its name", "[error]")
{
    std::set<std::string> messages;
    for (int value = 1; value <= static_cast<int>(errc::out_of_step); ++value) {
        const std::string message = cf::category().message(value);
        CHECK(message.size() > 10);
        CHECK(message.find("unknown") == std::string::npos);
        CHECK(messages.insert(message).second);
    }
}

TEST_CASE("an error says where, what and what to do", "[error]")
{
    const cf::error e(errc::out_of_range, "read of 8 bytes at ram+0xffff");
    CHECK(e.code() == errc::out_of_range);
    CHECK(std::string(e.what()) ==
          "read of 8 bytes at ram+0xffff: " + cf::category().message(static_cast<int>(errc::out_of_range)));
    CHECK(std::string(e.code().category().name()) == "counterflow");
}

TEST_CASE("portable conditions match", "[error]")
{
    CHECK(make_error_code(errc::canceled) == std::errc::operation_canceled);
    CHECK(make_error_code(errc::timed_out) == std::errc::timed_out);
    CHECK(make_error_code(errc::zero_length) == std::errc::invalid_argument);
}
