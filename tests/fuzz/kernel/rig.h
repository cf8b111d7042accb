// SPDX-License-Identifier: MIT
//
// The fuzz target `kernel` as its program sees it: two sessions of one device, what can be called on them,
// and what may happen meanwhile. Whatever the module promises and only its inside shows is checked behind
// these calls, in rig.c: every accepted transfer is reported once, a refused call changes nothing, the ring
// does not overflow, and in the end nothing is left.
#ifndef RIG_H
#define RIG_H

#include <counterflow/uapi.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { rig_sessions = 2, rig_user_bytes = 16 << 10 };

void rig_begin(void);
/// Ends whatever is still there, and expects that nothing is left. Before the last deadlines: the files may
/// be closed, the device removed. After them: the engine may be proven past what is stuck.
void rig_end(bool closes, bool removes, bool proves);

/// The process's memory; what lies beyond `end` faults.
uint8_t* rig_user(void);
void rig_user_ends(unsigned end);
/// So many allocations succeed, then none until the next call; negative: all.
void rig_allocations(int left);

/// Opens a session; one that is open is closed first. `administrator`: windows with privileges are its too.
void rig_open(unsigned session, bool administrator);
/// `exiting`: because the process dies. What is under way keeps the file, as a mapping does.
void rig_close(unsigned session, bool exiting);
bool rig_is_open(unsigned session);

/// The calls on a file. The session is open.
long rig_ioctl(unsigned session, unsigned command, unsigned long argument);
long rig_mmap(unsigned session, unsigned long page_offset, bool shared);
void rig_fork(void);   // the oldest mapping is there twice
void rig_munmap(void); // the oldest mapping is gone
void rig_poll(unsigned session);

struct rig_io {
    bool write, waits, nowait;
    unsigned iterator, segments;
    unsigned long address;
    size_t length;
    __u64 position;
};
long rig_read_write(unsigned session, const struct rig_io* io);

/// Commands of one io_uring_enter(): between begin and end they are a batch. The payload has 16 bytes, or 80
/// if wide.
void rig_enter(bool begin);
long rig_command(unsigned session, unsigned operation, const void* payload, bool wide, bool cqe32);
/// Some command that io_uring may cancel is cancelled.
void rig_cancel_command(void);
/// A command or an asynchronous read or write is over: the program is told. In kernel_fuzz.cpp.
void rig_told(long result);

/// What a session shares; null, or as many as there are slots.
struct cf_ring* rig_ring(unsigned session);
struct cf_transfer* rig_slots(unsigned session, unsigned* count);
/// The program has written something into the ring that is the kernel's.
void rig_spoiled_ring(unsigned session);

/// What happens by itself.
void rig_interrupt(void);
void rig_time(__u64 ns);
void rig_work(void);
void rig_window(bool declares); // an administrator declares one or takes one away
void rig_task_work(void);
void rig_remove(void);

#ifdef __cplusplus
}
#endif

#endif
