// SPDX-License-Identifier: MIT
//
// What a user of the driver may choose, and what the driver counts.
#pragma once

#include "edma/outcome.hpp"
#include <counterflow/spec.hpp>

#include <array>
#include <cstdint>

namespace cf::edma {

/// Instants and durations are nanoseconds of one monotonic clock that the caller passes in.
using nanoseconds = std::uint64_t;
/// "No deadline".
inline constexpr nanoseconds never = ~nanoseconds{0};

struct engine_options {
    submit_mode submit = submit_mode::ring;
    wake_mode wake = wake_mode::interrupt;
    /// Besides the last segment of every flush, a segment asks for a wake-up (LIE or RIE) when
    /// this many bytes went by since the last one that did. 0: every segment.
    std::uint32_t moderation_bytes = 64 * 1024;
    /// List elements used of each channel's list memory; 0 = as many as it holds.
    std::uint32_t list_elements = 0;
    /// A channel with work that shows no progress for so long is stopped. Progress inside a segment
    /// counts where the engine's TRANSFER_SIZE counts down; else this must exceed the time the
    /// longest segment can take.
    nanoseconds hang_timeout_ns = 1'000'000'000;
    /// A channel with work is looked at this often even when no interrupt says so; at least four times
    /// in hang_timeout_ns.
    nanoseconds watchdog_ns = 5'000'000;
    /// How soon after a doorbell the driver looks whether it was lost. Repeated with growing
    /// distance until progress proves that it was not.
    nanoseconds recheck_ns = 5'000;
    /// How long a stop may take to be proven before the engine is given up as gone.
    nanoseconds stop_timeout_ns = 10'000'000;
    /// How often a downed link is tried.
    nanoseconds link_poll_ns = 1'000'000;
    /// Whether the owner of segments does not want them moved any more. Asked only while segments
    /// are taken out, never on the way of one that goes well. Once true of an owner it stays true
    /// until all its segments are reported. Null: everything is wanted.
    bool (*dropped)(const void* owner) noexcept = nullptr;
    /// A channel is stopped to get dropped segments out of it when at least so many of their bytes
    /// lie ahead of it; below that they run to their end. never_stop: always let them run.
    std::uint64_t drop_stop_bytes = 1024 * 1024;
    static constexpr std::uint64_t never_stop = ~std::uint64_t{0};
};

/// Counters of one channel since construction.
struct channel_statistics {
    std::uint64_t segments = 0; ///< reported, with any outcome
    std::uint64_t bytes = 0;    ///< of segments that are done
    std::uint64_t doorbells = 0;
    std::uint64_t rerings = 0;         ///< of those: work was pending and the channel found stopped
    std::uint64_t rechecks = 0;        ///< times CONTROL1 was read to find out
    std::uint64_t lost_interrupts = 0; ///< progress that only the watchdog found
    std::uint64_t restarts = 0;        ///< list laid out anew after an abort, a hang or a drop
    std::array<std::uint64_t, outcome_count> by_outcome{}; ///< segments, by how they ended
};

/// Counters of one engine since construction.
struct engine_statistics {
    std::uint64_t interrupts = 0;      ///< calls of service() that found a status bit
    std::uint64_t spurious = 0;        ///< calls of service() that found nothing and were not due
    std::uint64_t aborts = 0;          ///< channels found halted
    std::uint64_t engine_restarts = 0; ///< times one direction was disabled and enabled again
    std::uint64_t link_losses = 0;
    std::uint64_t loads = 0; ///< of registers
    std::uint64_t stores = 0;
};

} // namespace cf::edma
