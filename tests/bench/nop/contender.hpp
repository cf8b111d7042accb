// SPDX-License-Identifier: MIT
//
// What the contenders of the no-op benchmark have in common: the job, and what they report.
#pragma once

#include <string_view>

namespace bench {

/// The job: `count` no-ops through io_uring and back, each result looked at by the task it belongs to, by
/// `tasks` tasks at a time. Returns how many results were looked at.
struct job {
    long count;
    long tasks;
    bool nested; ///< each no-op in a task of its own, awaited by the one that counts
};

long awaited(const job& j);
long by_hand(const job& j);
long by_hand_bare(const job& j);
long on_liburing(const job& j);

} // namespace bench
