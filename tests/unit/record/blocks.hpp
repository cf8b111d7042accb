// SPDX-License-Identifier: MIT
//
// What tests of records share: payload that tells which block it is of, and everything that can be read.
#pragma once

#include "catch.hpp"
#include "coroutines.hpp"
#include "folder.hpp"
#include "record/pages.hpp"

#include <counterflow/as_result.hpp>
#include <counterflow/record.hpp>
#include <counterflow/when_all.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace test {

/// The payload of block `sequence`, which lies where O_DIRECT wants it.
class payload {
public:
    payload(std::uint64_t sequence, std::size_t bytes) : memory_(bytes), bytes_(bytes)
    {
        for (std::size_t i = 0; i < bytes; ++i) memory_.at(0)[i] = value(sequence, i);
    }

    std::span<const std::byte> bytes() const noexcept { return memory_.bytes().first(bytes_); }

    static std::byte value(std::uint64_t sequence, std::size_t i) noexcept
    {
        return static_cast<std::byte>(sequence * 31 + i * 7 + i / 256);
    }
    static bool is(std::uint64_t sequence, std::span<const std::byte> found) noexcept
    {
        for (std::size_t i = 0; i < found.size(); ++i)
            if (found[i] != value(sequence, i)) return false;
        return true;
    }

private:
    cf::record::pages memory_;
    std::size_t bytes_;
};

/// Blocks `from` to `to`, one after the other.
inline cf::task<> write_blocks(cf::recorder& into, std::uint64_t from, std::uint64_t to, std::size_t bytes)
{
    for (std::uint64_t i = from; i < to; ++i) {
        const payload block(i, bytes);
        co_await into.write({block.bytes(), i, 1000 + i, 0});
    }
}

struct found {
    std::vector<cf::recorded_block> good;
    std::vector<cf::recorded_block> bad; ///< whose payload is not what was written
    std::vector<cf::record_damage> damage;
    bool closed = false;

    std::vector<std::uint64_t> sequences() const
    {
        std::vector<std::uint64_t> all;
        for (const auto& b : good) all.push_back(b.sequence);
        return all;
    }
};

/// What is left in `reader`; each payload is checked against what block it is said to be of.
template <class Reader>
cf::task<found> read_blocks(Reader& reader, std::size_t block_bytes)
{
    found all;
    std::vector<std::byte> into(block_bytes);
    for (;;) {
        const auto block = co_await reader.next();
        if (!block) break;
        const bool good = co_await reader.read(*block, into);
        (good ? all.good : all.bad).push_back(*block);
        if (good) CHECK(payload::is(block->sequence, std::span(into).first(block->bytes)));
    }
    co_return all;
}

/// Everything in the file.
inline cf::task<found> read_all(std::string path)
{
    cf::record_reader reader = co_await cf::record_reader::open(std::move(path));
    found all = co_await read_blocks(reader, reader.info().block_bytes);
    all.closed = reader.info().closed;
    all.damage = reader.damage();
    co_return all;
}

inline std::vector<std::uint64_t> numbers(std::uint64_t from, std::uint64_t to)
{
    std::vector<std::uint64_t> all;
    for (; from < to; ++from) all.push_back(from);
    return all;
}

inline cf::record_options small(std::size_t bytes)
{
    cf::record_options options;
    options.block_bytes = bytes;
    options.preallocate = 1 << 20;
    options.source = "test";
    return options;
}

} // namespace test
