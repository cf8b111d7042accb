// SPDX-License-Identifier: MIT
//
// What the contenders of the no-op benchmark have in common: the job, and what they report.
#pragma once

namespace bench {

/// The job: `count` no-ops through io_uring and back, each result looked at by the task it belongs to, by
/// `tasks` tasks at a time. Returns how many results were looked at.
struct job {
    long count;
    long tasks;
    bool nested = false; ///< each no-op in a task of its own, awaited by the one that counts
    bool scoped = false; ///< in a scope, so that a stop request would reach it; more than one task are anyway
    bool limited = false; ///< under a timeout, so that a timer is armed
};

long awaited(const job& j);
long by_hand(const job& j);
long by_hand_bare(const job& j);
long plain(const job& j);
long on_liburing(const job& j);

} // namespace bench
