// SPDX-License-Identifier: MIT
//
// What the tests of asio.hpp share: a modelled device in an io_context, memory, and a place in far memory.
#pragma once

#include "catch.hpp"

#include <counterflow/asio.hpp>
#include <counterflow/counterflow.hpp>

#include <boost/asio.hpp>

#include <cstddef>
#include <cstring>

namespace test {

namespace net = boost::asio;
using error_code = boost::system::error_code;

constexpr std::size_t block_bytes = 64 * 1024;

struct rig {
    explicit rig(const char* spec = "model:gen3x4,wr=2,rd=2") : dev(io, spec) {}

    /// Starts so many writes that most of them wait for their turn, and calls `each` for each end.
    template <class F>
    void flood(int count, F each)
    {
        for (int i = 0; i < count; ++i) dev.async_write(memory, far.at(0), each);
    }

    net::io_context io{1};
    cf::asio::device dev;
    cf::buffer memory = dev.allocate(block_bytes);
    cf::window far = dev.window("ram");
};

} // namespace test
