// SPDX-License-Identifier: MIT
//
// What the module owes, and what a call may change, in the fuzz target `kernel`. See ledger.h.
#include "ledger.h"

#include "stand_in.h"

struct back_end* back_end;
struct opened opened[rig_sessions];
u64 accepted, decided;

// ---- the ledger ----

static struct opened* opened_of(const struct cf_session* session)
{
    for (unsigned i = 0; i < rig_sessions; ++i)
        if (opened[i].session == session) return &opened[i];
    return NULL;
}

static void settle(struct opened* of, const struct cf_completion* completion)
{
    EXPECT(completion->status <= CF_STATUS_NO_MEMORY && completion->reserved == 0);
    EXPECT((completion->bytes != 0) == (completion->status == CF_STATUS_OK));
    EXPECT(completion->channel < back_end_channels || completion->channel == CF_NO_CHANNEL);
    for (unsigned i = 0; i < of->expected_count; ++i)
        if (of->expected[i] == completion->tag) {
            of->expected[i] = of->expected[--of->expected_count];
            return;
        }
    EXPECT(false); // reported twice, or never accepted
}

void ledger_look(struct opened* of)
{
    const struct cf_session* const session = of->session;
    if (session == NULL || session->ring == NULL) return;
    const struct cf_completion* const entries =
        (const struct cf_completion*)((const u8*)session->ring + CF_RING_HEADER_BYTES);
    EXPECT(session->ring_tail - of->seen <= session->ring_entries);
    EXPECT(of->spoiled || session->ring->tail == session->ring_tail);
    for (; of->seen != session->ring_tail; ++of->seen)
        settle(of, &entries[of->seen & (session->ring_entries - 1)]);
}

void stand_in_traced(const char* name, const void* object)
{
    const struct cf_request* const request = object;
    if (strcmp(name, "cf_complete") == 0) {
        ++decided;
        return;
    }
    ++accepted;
    if (request->sink != CF_SINK_RING) return;
    struct opened* const of = opened_of(request->session);
    EXPECT(of != NULL && of->expected_count < ARRAY_SIZE(of->expected));
    ledger_look(of);
    const struct cf_ring* const ring = request->session->ring;
    EXPECT(request->session->ring_tail - ring->head + of->expected_count < request->session->ring_entries);
    of->expected[of->expected_count++] = request->result.tag;
}

// ---- a refused call changes nothing ----

struct state {
    struct {
        u64 slots, ring, tail, promised, eventfd, event_count, event_delay, in_flight, buffers, leases;
    } sessions[rig_sessions];
    u64 holders[CF_WAYS][back_end_channels], loads[CF_WAYS][back_end_channels];
    struct stand_in_balance balance;
    u64 accepted;
    u8 user[stand_in_user_bytes];
};

static u64 entries_of(struct xarray* array)
{
    u64 which = 0;
    for (unsigned i = 0; i < xarray_entries; ++i) which |= (u64)(array->entries[i] != NULL) << i;
    return which;
}

static struct state state(void)
{
    struct state now;
    memset(&now, 0, sizeof(now));
    for (unsigned i = 0; i < rig_sessions; ++i) {
        struct cf_session* const session = opened[i].session;
        if (session == NULL) continue;
        now.sessions[i].slots = (uintptr_t)session->slots;
        now.sessions[i].ring = (uintptr_t)session->ring;
        now.sessions[i].tail = session->ring_tail;
        now.sessions[i].promised = session->ring_promised;
        now.sessions[i].eventfd = (uintptr_t)session->eventfd;
        now.sessions[i].event_count = session->event_count;
        now.sessions[i].event_delay = session->event_delay_ns;
        now.sessions[i].in_flight = session->in_flight;
        now.sessions[i].buffers = entries_of(&session->buffers);
        now.sessions[i].leases = entries_of(&session->leases);
    }
    for (unsigned way = 0; way < CF_WAYS; ++way)
        for (unsigned i = 0; i < back_end->engine.channel_count[way]; ++i) {
            now.holders[way][i] = (uintptr_t)back_end->engine.channels[way][i]->holder;
            now.loads[way][i] = back_end->engine.channels[way][i]->load;
        }
    now.balance = stand_in_balance;
    now.accepted = accepted;
    memcpy(now.user, stand_in_user, sizeof(now.user));
    return now;
}

static struct state before;
static bool compares;

void call_begins(void)
{
    // What is freed late may be freed meanwhile.
    compares = !stand_in_work_queued();
    stand_in_results_lost = 0;
    before = state();
}

void call_ends(long result, bool answers)
{
    stand_in_allocations_left = -1;
    if (!compares || result >= 0 || result == -EIOCBQUEUED || stand_in_results_lost != 0 ||
        accepted != before.accepted)
        return;
    stand_in_run_work();
    struct state after = state();
    if (answers) memcpy(after.user, before.user, sizeof(after.user));
    EXPECT(memcmp(&before, &after, sizeof(after)) == 0);
}
