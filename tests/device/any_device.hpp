// SPDX-License-Identifier: MIT
//
// What the tests stand on that run on any device: the one that the environment names.
#pragma once

#include "catch.hpp"
#include <counterflow/counterflow.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <span>
#include <string>
#include <system_error>
#include <vector>

namespace any {

using namespace cf::literals;

inline constexpr std::size_t block = 4096;

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

inline void fill(std::span<std::byte> memory, std::uint32_t seed)
{
    std::mt19937 random(seed);
    for (std::byte& b : memory) b = static_cast<std::byte>(random());
}

/// What became of a number of awaits: how often each resumed, and with what.
struct ledger {
    explicit ledger(std::size_t size) : resumed(size), code(size) {}
    std::vector<int> resumed;
    std::vector<std::error_code> code;

    bool each_once() const
    {
        return std::ranges::all_of(resumed, [](int n) { return n == 1; });
    }
    std::size_t count(std::error_code wanted) const
    {
        return static_cast<std::size_t>(std::ranges::count(code, wanted));
    }
};

inline cf::task<> note(cf::transfer moved, ledger& book, std::size_t entry)
{
    auto done = co_await cf::as_result(std::move(moved));
    ++book.resumed[entry];
    if (!done) book.code[entry] = done.error().code;
}

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
