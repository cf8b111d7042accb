// SPDX-License-Identifier: MIT
//
// The engine of the fuzz target `kernel`, and the module's remains (main.c, sysfs.c). See back_end.h.
#include "back_end.h"

#include "stand_in.h"

// ---- main.c, sysfs.c ----

struct workqueue_struct* cf_workqueue;
struct class* cf_class;
const struct attribute_group* cf_engine_groups[] = {NULL};

int cf_devt_get(dev_t* devt)
{
    *devt = 0;
    return 0;
}
void cf_devt_put(dev_t devt) { (void)devt; }
u64 cf_default_timeout_ns(void) { return 10 * NSEC_PER_SEC; }

// ---- what the hardware has ----

static struct cf_request* held[512];
static unsigned held_count;

struct cf_request* back_end_held(unsigned i) { return i < held_count ? held[i] : NULL; }

static void let_go(struct cf_request* request)
{
    for (unsigned i = 0; i < held_count; ++i)
        if (held[i] == request) {
            held[i] = held[--held_count];
            return;
        }
    EXPECT(false);
}

// What no engine may ever be asked to do: leave the buffer, leave the window, or go the wrong way.
static void expect_inside(struct cf_request* request)
{
    const enum cf_way way = request->channel->way;
    const u32 needed = way == CF_WAY_WRITE ? CF_WINDOW_WRITABLE : CF_WINDOW_READABLE;
    bool inside = false;
    for (unsigned i = 0; i < back_end_windows; ++i) {
        const struct cf_window* const window = back_end_window[i];
        if (window == NULL || request->window != window) continue;
        inside |= (window->flags & needed) != 0 && (!window->privileged || request->session->privileged) &&
                  request->far >= window->address && request->far - window->address <= window->size &&
                  request->length <= window->size - (request->far - window->address);
    }
    EXPECT(inside);
    EXPECT(request->length != 0 && request->length <= CF_MAX_TRANSFER);
    EXPECT(request->buffer->access & (way == CF_WAY_WRITE ? CF_ACCESS_WRITE : CF_ACCESS_READ));
    EXPECT(((request->far | request->length | request->buffer_offset) &
            (request->session->engine->alignment - 1)) == 0);
    EXPECT(!request->channel->holder || request->channel->holder == request->session);

    unsigned hint = 0;
    for (u64 done = 0; done < request->length;) {
        dma_addr_t address;
        u64 part = cf_buffer_piece(request->buffer, request->buffer_offset + done, &hint, &address);
        EXPECT(part != 0);
        part = min(part, request->length - done);
        EXPECT(back_end_reaches(request->buffer, address, part));
        done += part;
    }
}

// ---- the engine ----

static struct back_end* to_back_end(struct cf_channel* channel)
{
    return container_of(channel->engine, struct back_end, engine);
}

static unsigned length_of(const struct list_head* list)
{
    unsigned count = 0;
    for (const struct list_head* at = list->next; at != list; at = at->next) ++count;
    return count;
}

static void feed(struct cf_channel* channel, struct list_head* reports)
{
    struct back_end* const back_end = to_back_end(channel);
    EXPECT(!channel->closed);
    while (length_of(&channel->active) < back_end->depth) {
        struct cf_request* const request = cf_request_next(channel);
        if (request == NULL) return;
        expect_inside(request);
        if (fuzz_below(16) == 15) {
            cf_request_over(request, CF_STATUS_NO_MEMORY, 0, reports);
            continue;
        }
        EXPECT(held_count < ARRAY_SIZE(held));
        held[held_count++] = request;
    }
}

static void end(struct cf_request* request, u32 status, struct list_head* reports)
{
    let_go(request);
    cf_request_over(request, status, status == CF_STATUS_OK ? 0 : CF_ERROR_LOCAL_BUS, reports);
}

static void abandon(struct cf_channel* channel, struct cf_request* request, struct list_head* reports)
{
    EXPECT(request->state == CF_REQUEST_ACTIVE && !request->reported && request->unwanted != 0);
    if (fuzz_below(2) == 0)
        end(request, request->unwanted, reports);
    else if (request->unwanted == CF_STATUS_TIMED_OUT && !(channel->engine->ops->features & CF_FEATURE_STOP))
        cf_request_limbo(request, CF_STATUS_TIMED_OUT, reports);
    // Else the interrupt that ends it is still to come.
}

static const struct cf_engine_ops back_end_ops[] = {
    {.backend = CF_BACKEND_RING,
     .features = CF_FEATURE_CAUSE | CF_FEATURE_STOP,
     .feed = feed,
     .abandon = abandon},
    {.backend = CF_BACKEND_DMAENGINE, .features = 0, .feed = feed, .abandon = abandon},
};

// Something happens to one that is active. False: the engine leaves it alone.
static bool step(struct back_end* back_end, struct cf_request* request, struct list_head* reports)
{
    if (request->unwanted != 0 && fuzz_below(2) == 0) {
        end(request, request->unwanted, reports);
        return true;
    }
    if (back_end->idle && request->unwanted == 0) return false;
    switch (fuzz_below(8)) {
    case 0: cf_request_limbo(request, CF_STATUS_LINK_DOWN, reports); break;
    case 1: end(request, 1 + fuzz_below(CF_STATUS_LINK_DOWN), reports); break;
    default: end(request, CF_STATUS_OK, reports);
    }
    return true;
}

static struct cf_request* any_of(struct list_head* list)
{
    unsigned skip = length_of(list);
    struct list_head* at = list->next;
    if (skip == 0) return NULL;
    for (skip = fuzz_below(skip); skip != 0; --skip) at = at->next;
    return list_entry(at, struct cf_request, node);
}

bool back_end_interrupt(struct back_end* back_end)
{
    struct cf_engine* const engine = &back_end->engine;
    const unsigned writes = engine->channel_count[CF_WAY_WRITE];
    const unsigned which = fuzz_below(writes + engine->channel_count[CF_WAY_READ]);
    struct cf_channel* const channel = which < writes ? engine->channels[CF_WAY_WRITE][which]
                                                      : engine->channels[CF_WAY_READ][which - writes];
    unsigned long flags;
    bool something = false;
    LIST_HEAD(reports);

    stand_in_enter_interrupt();
    spin_lock_irqsave(&channel->lock, flags);
    struct cf_request* const stuck = any_of(&channel->limbo);
    struct cf_request* const running = any_of(&channel->active);
    if (stuck != NULL && (running == NULL || fuzz_below(2) == 0)) {
        let_go(stuck);
        if (fuzz_below(2) == 0)
            cf_request_release(stuck);
        else
            cf_request_over(stuck, CF_STATUS_OK, 0, &reports); // too late to be heard of
        something = true;
    } else if (running != NULL) {
        something = step(back_end, running, &reports);
    }
    if (!channel->closed && !list_empty(&channel->waiting)) feed(channel, &reports);
    spin_unlock_irqrestore(&channel->lock, flags);
    cf_reports_send(&reports);
    stand_in_leave_interrupt();
    return something;
}

static void finish_channel(struct cf_channel* channel, enum back_end_finish how)
{
    struct cf_request *request, *next;
    unsigned long flags;
    LIST_HEAD(reports);

    stand_in_enter_interrupt();
    spin_lock_irqsave(&channel->lock, flags);
    do {
        list_for_each_entry_safe(request, next, &channel->active, node)
        {
            if (how == back_end_lost && fuzz_below(2) != 0)
                cf_request_limbo(request, CF_STATUS_DEVICE_GONE, &reports);
            else if (how == back_end_lost)
                end(request, CF_STATUS_DEVICE_GONE, &reports);
            else if (how != back_end_unwanted || request->unwanted != 0)
                end(request, request->unwanted, &reports); // 0 is CF_STATUS_OK
        }
        if (!channel->closed && !list_empty(&channel->waiting)) feed(channel, &reports);
    } while (how != back_end_unwanted && !list_empty(&channel->active));
    if (how == back_end_proven) list_for_each_entry_safe(request, next, &channel->limbo, node)
        {
            let_go(request);
            cf_request_release(request);
        }
    spin_unlock_irqrestore(&channel->lock, flags);
    cf_reports_send(&reports);
    stand_in_leave_interrupt();
}

void back_end_finish(struct back_end* back_end, enum back_end_finish how)
{
    for (unsigned way = 0; way < CF_WAYS; ++way)
        for (unsigned i = 0; i < back_end->engine.channel_count[way]; ++i)
            finish_channel(back_end->engine.channels[way][i], how);
}

void back_end_remove(struct back_end* back_end)
{
    cf_engine_close(&back_end->engine);
    back_end_finish(back_end, back_end_lost);
    cf_engine_unregister(&back_end->engine);
}

// ---- its life ----

static void last_of_parent(struct device* dev) { kfree(dev); }

static void release(struct cf_engine* engine)
{
    struct back_end* const back_end = container_of(engine, struct back_end, engine);
    EXPECT(held_count == 0);
    kfree(back_end);
}

struct back_end* back_end_new(void)
{
    struct back_end* const back_end = kzalloc(sizeof(*back_end), GFP_KERNEL);
    struct device* const parent = kzalloc(sizeof(*parent), GFP_KERNEL);
    struct cf_engine* const engine = &back_end->engine;

    device_initialize(parent);
    parent->release = last_of_parent;
    cf_engine_init(engine, &back_end_ops[fuzz_below(2)], parent, parent, release);
    put_device(parent);
    engine->side = CF_SIDE_REMOTE;
    engine->alignment = 1u << fuzz_below(7);
    back_end->depth = 1 + fuzz_below(4);
    back_end->idle = fuzz_below(4) == 3;
    // One of the directions may have no channel at all.
    const unsigned counts[CF_WAYS] = {1 + fuzz_below(back_end_channels), fuzz_below(back_end_channels + 1)};
    for (unsigned way = 0; way < CF_WAYS; ++way)
        for (unsigned i = 0; i < counts[way]; ++i)
            cf_channel_init(&back_end->channels[way][i], engine, (enum cf_way)way);
    engine->maps_windows = fuzz_below(2) == 1;
    engine->reserved[engine->reserved_count++] = (struct cf_range){back_end_lists_at, 4096};
    back_end_declare_first(engine);
    EXPECT(cf_engine_register(engine) == 0);
    return back_end;
}
