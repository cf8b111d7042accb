// SPDX-License-Identifier: MIT
//
// What the module's front end stands on in the fuzz target `kernel`: an engine that does with requests
// whatever the fuzzer decides and is allowed to, and memory that is pinned and mapped on paper only.
#ifndef BACK_END_H
#define BACK_END_H

#include "counterflow.h"

enum { back_end_channels = 2, back_end_windows = 4, back_end_lists_at = 0x103000 };

struct back_end {
    struct cf_engine engine;
    struct cf_channel channels[CF_WAYS][back_end_channels];
    unsigned depth; // requests a channel has room for
    bool idle;      // completes nothing on its own account: everything ends by cancel or deadline
};

/// A new engine, as the fuzzer decides.
struct back_end* back_end_new(void);
/// One interrupt: something of one channel completes, fails, gets stuck, or is proven past. False: nothing
/// was there.
bool back_end_interrupt(struct back_end* back_end);
/// What the hardware has ends: what nobody wants; all that runs; what is stuck as well. Or the device is
/// lost.
enum back_end_finish { back_end_unwanted, back_end_running, back_end_proven, back_end_lost };
void back_end_finish(struct back_end* back_end, enum back_end_finish how);
/// The device disappears: as a back end's remove does it. What is stuck stays so.
void back_end_remove(struct back_end* back_end);
/// Requests the hardware may still be at, in no order; NULL: there are no more.
struct cf_request* back_end_held(unsigned i);

/// The windows in which transfers may begin; whoever declared them has a reference to each.
extern struct cf_window* back_end_window[back_end_windows];
/// An administrator declares those that are there from the beginning, or one more, or takes one away; perhaps
/// he waits until nobody uses it.
void back_end_declare_first(struct cf_engine* engine);
void back_end_declare(struct back_end* back_end);
void back_end_take_away(void);
/// The bytes [address, address + length) are this buffer's, and mapped.
bool back_end_reaches(struct cf_buffer* buffer, u64 address, u64 length);

#endif
