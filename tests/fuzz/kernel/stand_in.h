// SPDX-License-Identifier: MIT
//
// As much of Linux as kernel/*.c needs to run in a process, for the fuzz target `kernel`. Every <linux/...>
// header that the module includes is this one (headers.sh).
//
// One processor does one thing at a time. Interrupts, timers and work happen when the fuzzer says so, between
// two calls or while one waits; allocations fail and memory faults where it says so. Everything is counted.
// Not modelled: concurrency, memory order, speculation, and what a kernel does with the pages of a mapping.
#ifndef STAND_IN_H
#define STAND_IN_H

#include "files.h"

/// The fuzzer's next decision, in [0, end); 0 when it has none left.
u32 fuzz_below(u32 end);
bool fuzz_decides(void);

/// What was allocated or taken and not given back. All are 0 when an input has been run.
struct stand_in_balance {
    u64 allocations, modules, eventfds, pinned, mapped;
};
extern struct stand_in_balance stand_in_balance;

/// Memory of the process: `stand_in_user` is all there is of it, up to `stand_in_user_end`.
enum { stand_in_user_bytes = 16 << 10 };
extern u8 stand_in_user[stand_in_user_bytes];
extern unsigned stand_in_user_end;
/// The allocation after so many that still succeed fails, and then all; negative: none does.
extern int stand_in_allocations_left;
/// Results that were not taken by the process, because its memory is not there.
extern unsigned stand_in_results_lost;

void stand_in_reset(void);
/// In an interrupt nobody sleeps and no other comes.
void stand_in_enter_interrupt(void);
void stand_in_leave_interrupt(void);
/// Between calls nothing is held and everything may come.
void stand_in_expect_idle(void);
bool stand_in_work_queued(void);
/// Runs what is queued; whether there was something.
bool stand_in_run_work(void);
bool stand_in_run_task_work(void);
void stand_in_unplug(bool begin);
/// Time goes on, timers go off on the way.
void stand_in_advance(u64 ns);
/// Until the next timer goes off; false: there is none.
bool stand_in_advance_to_alarm(void);

#endif
