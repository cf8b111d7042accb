// SPDX-License-Identifier: MIT
//
// What the tests stand on that run on any device: the one that the environment names.
#pragma once

#include "catch.hpp"
#include "ledger.hpp"
#include <counterflow/counterflow.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <system_error>

namespace any {

using namespace cf::literals;

using test::block;
using test::fill;
using test::ledger;
using test::note;

inline std::string spec()
{
    const char* const named = std::getenv("COUNTERFLOW_DEVICE");
    if (named == nullptr) throw cf::error(cf::errc::bad_spec, "COUNTERFLOW_DEVICE names no device");
    return named;
}

struct opened {
    cf::runtime loop;
    cf::device dev{loop, spec()};
    cf::window ram = dev.window("ram");
};

/// How a transfer ends.
inline std::error_code outcome_of(opened& o, cf::transfer t)
{
    ledger book(1);
    o.loop.run(note(std::move(t), book, 0));
    return book.code[0];
}

/// Bytes there and back again.
inline cf::task<> round_trip(opened& o, cf::buffer_slice out, cf::buffer_slice in, std::uint64_t offset)
{
    co_await o.dev.write(out, o.ram.at(offset));
    co_await o.dev.read(in, o.ram.at(offset));
}

} // namespace any
