// SPDX-License-Identifier: MIT
//
// Opening what is no device of the kernel module: the error says what to do.
#include "catch.hpp"
#include <counterflow/counterflow.hpp>

#include <string>

namespace {

cf::error refusal(const std::string& spec)
{
    cf::runtime loop;
    try {
        const cf::device dev(loop, spec);
    } catch (const cf::error& e) {
        return e;
    }
    FAIL(spec + " was opened");
    throw; // not reached
}

} // namespace

TEST_CASE("a device node that is not there", "[shim]")
{
    const cf::error e = refusal("/dev/counterflow-of-nobody");
    CHECK(e.code() == cf::errc::no_such_device);
    CHECK(std::string(e.what()).find("/dev/counterflow-of-nobody") != std::string::npos);
    CHECK(std::string(e.what()).find("counterflow.ko") != std::string::npos);
}

TEST_CASE("a device node that is something else", "[shim]")
{
    const cf::error e = refusal("/dev/null,complete=ring");
    CHECK(e.code() == cf::errc::not_supported);
    CHECK(std::string(e.what()).find("/dev/null") != std::string::npos);
}

TEST_CASE("virtual time has no kernel module", "[shim]")
{
    cf::runtime_options options;
    options.time = cf::time_mode::simulated;
    cf::runtime loop(options);
    CHECK_THROWS_AS(cf::device(loop, "/dev/null"), cf::error);
}
