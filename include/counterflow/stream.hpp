// SPDX-License-Identifier: MIT
//
// stream: what read streams and write streams have in common: options, rules for errors, counters, and
// what a shutdown leaves.
#pragma once

#include <counterflow/transfer.hpp>
#include <counterflow/window.hpp>

#include <chrono>
#include <cstdint>

namespace cf {

/// Who waits when the other side is slow.
enum class stream_mode : std::uint8_t {
    /// The source. No block is lost: positions in the ring say what is free.
    back_pressure,
    /// Nobody: the source overwrites. What was overwritten before it was read is counted and located.
    acquisition,
};

/// What a stream does when a transfer of it has failed for good, or its peer's position makes no sense.
enum class stream_error : std::uint8_t {
    /// It ends with that error, behind the blocks before.
    stop,
    /// It goes on: a read stream with the next block, the missing one reported as a gap; a write stream by
    /// trying again. While the link is down, both wait for it.
    go_on,
};

struct stream_options {
    unsigned in_flight = 8; ///< blocks on the link at once, 1 to 1024
    unsigned blocks = 0;    ///< in near memory, at least in_flight; 0: twice as many
    stream_mode mode = stream_mode::back_pressure;
    stream_error on_error = stream_error::stop;
    unsigned retries = 0; ///< how often a failed transfer is repeated before that rule applies
    cf::priority priority = cf::priority::normal; ///< of the blocks; positions are always high
    /// How long after a position without news it is asked for again, at least 1 us. It also takes this long
    /// until a failed transfer is repeated.
    std::chrono::nanoseconds poll = std::chrono::microseconds(20);
};

/// Far memory without a ring: blocks are moved from, or to, one place or several in turns.
struct fixed_place {
    window_place place;
    std::uint32_t block_bytes = 65536;
    /// From one block to the next, for a place that the device refreshes; zero: as fast as it goes. In
    /// acquisition mode a block whose place is refreshed before it was read is lost, in back-pressure mode it
    /// comes late.
    std::chrono::nanoseconds period{0};
    std::uint32_t slots = 1; ///< such places, one behind another; 1 or more
};

/// A number of blocks and their payload.
struct block_count {
    std::uint64_t blocks = 0;
    std::uint64_t bytes = 0;

    bool operator==(const block_count&) const = default;
};

/// Blocks of a stream by what they are doing.
struct stream_remains {
    block_count in_flight; ///< on the link
    block_count waiting;   ///< read and not taken by anyone; or sent and not on the link yet
    block_count leased;    ///< in somebody's hands
};

/// Counters of a stream since it was made.
struct stream_statistics {
    block_count moved;                      ///< handed out in order; or sent and told to the far end
    std::uint64_t lost = 0;                 ///< blocks missing in what was handed out
    std::uint64_t gaps = 0;                 ///< places at which they are missing
    std::uint64_t overruns = 0;             ///< of the lost blocks: overwritten before they were read
    std::uint64_t torn = 0;                 ///< of the overruns: while they were read
    std::uint64_t failed = 0;               ///< transfers of blocks, repetitions included
    std::uint64_t position_reads = 0;       ///< of the far end's line
    std::uint64_t position_writes = 0;      ///< of ours
    std::uint64_t position_failures = 0;    ///< of these transfers
    std::uint64_t torn_positions = 0;       ///< lines read while they were written
    std::uint64_t stale_positions = 0;      ///< lines that went backwards
    std::uint64_t impossible_positions = 0; ///< lines beyond what the ring can hold
    std::uint64_t resyncs = 0;              ///< times the stream took such a position as its new one
    stream_remains now;
};

/// How a stream is closed.
enum class stream_end : std::uint8_t {
    drain, ///< what has begun is finished: reads on the link; everything that was sent
    abort, ///< as little as possible is done any more
};

} // namespace cf
