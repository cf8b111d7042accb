// SPDX-License-Identifier: MIT
//
// A run as a trace that Perfetto and chrome://tracing open: a track per channel, a counter per
// direction.
#pragma once

#include "cli/run_record.hpp"

#include <cstdint>
#include <iosfwd>
#include <vector>

namespace cf::cli {

/// What a channel's track shows: the time it was busy with one element, or with several whose
/// ends became known together.
struct trace_slice {
    std::uint64_t start_ns = 0;
    std::uint64_t end_ns = 0; ///< > start_ns
    std::uint64_t bytes = 0;
    std::uint64_t elements = 0;
    unsigned channel = 0;
    transfer_kind kind = transfer_kind::write;
    bool failed = false;
};

/// The slices of each channel in order. A channel works on one element at a time, in the order
/// they were queued: an element's slice starts when the one before it ended, so those of a
/// channel never overlap.
std::vector<trace_slice> trace_slices(const run_record& run);

/// Writes the trace-event JSON.
void write_trace(std::ostream& out, const run_record& run);

} // namespace cf::cli
