// SPDX-License-Identifier: MIT
//
// For tests of what works on stream sockets: both ends of a connection.
#pragma once

#include "catch.hpp"

#include <counterflow/file_descriptor.hpp>
#include <counterflow/socket.hpp>
#include <counterflow/when_all.hpp>

#include <utility>

#include <sys/socket.h>

namespace test {

struct connection {
    cf::file_descriptor a, b;
};

inline connection make_pair()
{
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    return {cf::file_descriptor(ends[0]), cf::file_descriptor(ends[1])};
}

inline const cf::socket_address loopback = cf::socket_address::parse("tcp:127.0.0.1:0");

/// Both ends of a new connection to somebody who listens at `address`.
inline cf::task<connection> make_connection(cf::socket_address address)
{
    const cf::file_descriptor listening = cf::listen(address);
    const cf::socket_address bound = cf::socket_address::of(listening.get());
    connection ends;
    ends.a = cf::make_socket(bound);
    auto [accepted, nothing] = co_await cf::when_all(cf::accept(listening), cf::connect(ends.a, bound));
    (void)nothing;
    ends.b = std::move(accepted);
    co_return ends;
}

} // namespace test
