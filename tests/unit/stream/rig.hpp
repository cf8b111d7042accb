// SPDX-License-Identifier: MIT
//
// What the tests of streams stand on: a simulated endpoint with its far memory and faults at hand, and
// programs at its far end.
#pragma once

#include "ledger.hpp"
#include "model/simulated.hpp"
#include "runtime/virtual/clock.hpp"
#include <counterflow/counterflow.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace rig {

using namespace std::chrono_literals;
using namespace cf::literals;

/// A device in virtual time whose model the test can reach.
struct simulation {
    explicit simulation(const std::string& text = "sim:gen3x4,wr=2,rd=2") : simulation(cf::parse_spec(text))
    {
    }
    explicit simulation(const cf::device_spec& spec)
        : loop(cf::options_for(spec)),
          attached(new cf::model::simulated(spec.model, *loop.simulation())),
          dev(loop, spec, std::unique_ptr<cf::model::simulated>(attached))
    {
    }

    std::span<std::byte> far() { return attached->far_memory(); }
    /// Of a byte of far memory, as the far end's engine sees it.
    std::uint64_t bus_address(std::uint64_t offset) const
    {
        return attached->windows()[0].own_address + offset;
    }
    cf::window_place ram(std::uint64_t offset = 0) { return dev.window("ram").at(offset); }

    cf::runtime loop;
    cf::model::simulated* attached; ///< owned by dev
    cf::device dev;
};

/// Payload that says which block it is, from its first word to its last.
inline void fill_block(std::span<std::byte> payload, std::uint64_t number)
{
    for (std::size_t at = 0; at + 8 <= payload.size(); at += 8) {
        const std::uint64_t word = number * 1'000'003 + at;
        std::memcpy(payload.data() + at, &word, 8);
    }
}
inline bool is_block(std::span<const std::byte> payload, std::uint64_t number)
{
    for (std::size_t at = 0; at + 8 <= payload.size(); at += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, payload.data() + at, 8);
        if (word != number * 1'000'003 + at) return false;
    }
    return true;
}

/// A source at the far end: a block every `period`, waiting for room if it is polite.
struct source {
    std::uint64_t blocks = 100;
    std::chrono::nanoseconds period{0};
    bool polite = true;
    std::size_t bytes = 0; ///< of each block; 0: all
};

inline cf::task<> produce(cf::ring_producer& ring, source s)
{
    for (std::uint64_t i = 0; i < s.blocks; ++i) {
        while (s.polite && !ring.has_room()) co_await cf::sleep_for(2us);
        const std::span<std::byte> payload = ring.claim();
        fill_block(payload, ring.produced());
        // Time in which whoever reads this slot reads a torn block.
        co_await cf::sleep_for(s.period / 2);
        ring.publish(s.bytes != 0 ? s.bytes : payload.size(), ring.produced() + 1000);
        co_await cf::sleep_for(s.period / 2);
    }
    ring.finish();
}

/// What came out of a read stream.
struct harvest {
    std::vector<std::uint64_t> numbers;
    std::vector<cf::stream_gap> gaps;
    bool right = true; ///< every block held what its number says
    std::uint64_t lost() const
    {
        std::uint64_t all = 0;
        for (const cf::stream_gap& gap : gaps) all += gap.blocks;
        return all;
    }
};

/// Takes blocks to the end of the stream, `pause` after each.
inline cf::task<> consume(cf::read_stream& stream, harvest& into, std::chrono::nanoseconds pause = 0ns)
{
    for (;;) {
        const std::optional<cf::block> b = co_await stream.next();
        if (!b) break;
        into.numbers.push_back(b->sequence());
        if (b->gap()) into.gaps.push_back(b->gap());
        if (!is_block(b->bytes(), b->sequence())) into.right = false;
        if (pause > 0ns) co_await cf::sleep_for(pause);
    }
}

} // namespace rig
