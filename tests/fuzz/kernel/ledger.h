// SPDX-License-Identifier: MIT
//
// The books of the fuzz target `kernel`, which rig.c keeps: every transfer that the module has accepted is
// reported once, the completion ring has a place for each, and a call that is refused changes nothing.
#ifndef LEDGER_H
#define LEDGER_H

#include "back_end.h"
#include "rig.h"

/// One file, and the process's view of it.
struct opened {
    struct file file;
    struct cf_session* session; // NULL: released
    unsigned refs;              // of the file
    bool open, spoiled;
    u32 seen;                       // of the ring: up to where the ledger has looked
    u64 expected[CF_MAX_IN_FLIGHT]; // the tags of transfers that the ring owes
    unsigned expected_count;
};

extern struct back_end* back_end;
extern struct opened opened[rig_sessions];
/// Transfers of this input: accepted by the module; their outcome decided.
extern u64 accepted, decided;

/// Takes down what has arrived in the ring, wherever the program's head stands.
void ledger_look(struct opened* of);
/// Around each call. `answers`: a refusal writes into the process's memory, too.
void call_begins(void);
void call_ends(long result, bool answers);

#endif
