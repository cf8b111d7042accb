// SPDX-License-Identifier: MIT
//
// Places on the command line: what is one, what is a file, what is neither.
#include "catch.hpp"

#include "cli/place.hpp"

#include <counterflow/error.hpp>

using cf::cli::parse_place;

TEST_CASE("a place has a device, a window and an offset", "[place]")
{
    const auto p = parse_place("model:gen3x1,wr=1/ram@4KiB");
    REQUIRE(p);
    CHECK(p->device.text == "model:gen3x1,wr=1");
    CHECK(p->device.model.wr == 1);
    CHECK(p->window == "ram");
    CHECK(p->offset == 4096);
    const auto node = parse_place("/dev/counterflow0/ram@18446744073709551615");
    REQUIRE(node);
    CHECK(node->device.kernel.path == "/dev/counterflow0");
    CHECK(node->offset == ~std::uint64_t{0});
}

TEST_CASE("a path in the spec is not cut", "[place]")
{
    const auto p = parse_place("model:gen3x1,backing=/tmp/a@b/far.mem/ram@0");
    REQUIRE(p);
    CHECK(p->device.model.backing == "/tmp/a@b/far.mem");
    CHECK(p->window == "ram");
}

TEST_CASE("everything else is a file", "[place]")
{
    for (const char* text : {"file", "/tmp/ram@0", "./model:gen3x1/ram@0", "/dev/null", "", "models/ram@0"})
        CHECK_FALSE(parse_place(text));
}

TEST_CASE("half a place is an error", "[place]")
{
    for (const char* text : {"model:gen3x1", "model:gen3x1/ram", "model:gen3x1/@0", "model:gen3x1/ram@",
                             "model:gen3x1,backing=/tmp/a@b/far", "/dev/counterflow0", "model:gen3x1/ram@x",
                             "model:gen3x1/ram@-1"}) {
        CAPTURE(text);
        try {
            parse_place(text);
            FAIL("accepted");
        } catch (const cf::error& e) {
            CHECK(e.code() == cf::errc::bad_argument);
            CHECK(std::string(e.what()).find(text) != std::string::npos);
        }
    }
    CHECK_THROWS_AS(parse_place("model:gen9x1/ram@0"), cf::error);
}
