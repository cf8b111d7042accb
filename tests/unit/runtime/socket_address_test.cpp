// SPDX-License-Identifier: MIT
//
// Addresses are what their text says, and say it again.
#include "catch.hpp"
#include "folder.hpp"

#include <counterflow/file_descriptor.hpp>
#include <counterflow/socket_address.hpp>

#include <sys/socket.h>

TEST_CASE("an address survives its text", "[socket_address]")
{
    for (const char* text :
         {"tcp:127.0.0.1:7000", "tcp:0.0.0.0:0", "tcp:[::1]:65535", "unix:/run/feed", "unix:@counterflow"}) {
        CHECK(cf::socket_address::parse(text).to_string() == text);
    }
    CHECK(cf::socket_address::parse("tcp:[::1]:1").family() == AF_INET6);
    CHECK(cf::socket_address::parse("unix:x").family() == AF_UNIX);
}

TEST_CASE("what is no address is refused with the reason", "[socket_address]")
{
    const auto why = [](const std::string& text) {
        return refusal([&] { cf::socket_address::parse(text); }, cf::errc::bad_argument);
    };
    CHECK(has(why("udp:1.2.3.4:5"), "'udp:1.2.3.4:5' (no such kind"));
    CHECK(has(why("tcp:127.0.0.1"), "no port"));
    CHECK(has(why("tcp:127.0.0.1:65536"), "a port is a number, 0 to 65535"));
    CHECK(has(why("tcp:127.0.0.1:"), "a port is a number"));
    CHECK(has(why("tcp:127.0.0.1:80x"), "a port is a number"));
    CHECK(has(why("tcp:localhost:80"), "names are not looked up"));
    CHECK(has(why("tcp:[::g]:80"), "not an IPv6 address"));
    CHECK(has(why("unix:"), "a path has 1 to 107 bytes"));
    CHECK(has(why("unix:" + std::string(108, 'x')), "a path has 1 to 107 bytes"));
    CHECK(cf::socket_address::parse("unix:" + std::string(107, 'x')).to_string().size() == 112);
}

TEST_CASE("a socket tells its address", "[socket_address]")
{
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    const cf::file_descriptor a(ends[0]);
    const cf::file_descriptor b(ends[1]);
    CHECK(cf::socket_address::of(a.get()).to_string() == "unix:(unnamed)");
    refusal([] { cf::socket_address::of(99'999); }, std::errc::bad_file_descriptor);
}
