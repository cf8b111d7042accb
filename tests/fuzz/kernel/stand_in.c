// SPDX-License-Identifier: MIT
//
// The stand-in's state: what is held, allocated, queued and armed. See stand_in.h.
#include "stand_in.h"

#include <stdlib.h>

struct stand_in_balance stand_in_balance;
u8 stand_in_user[stand_in_user_bytes];
unsigned stand_in_user_end;
int stand_in_allocations_left;
unsigned stand_in_results_lost;
struct task_struct stand_in_task;

static struct {
    struct stand_in_lock* held[8];
    unsigned held_count;
    unsigned rcu, interrupts_nested;
    bool interrupts_off;
    u64 now_ns;
    bool plugged;
} world;

static LIST_HEAD(works);
static LIST_HEAD(task_works);
static LIST_HEAD(alarms);
static LIST_HEAD(plugs);

void stand_in_reset(void)
{
    stand_in_expect_idle();
    EXPECT(list_empty(&works) && list_empty(&task_works) && list_empty(&alarms) && list_empty(&plugs));
    memset(&stand_in_task, 0, sizeof(stand_in_task));
    memset(stand_in_user, 0, sizeof(stand_in_user));
    stand_in_user_end = stand_in_user_bytes;
    stand_in_allocations_left = -1;
    world.now_ns = 0;
}

// ---- contexts ----

static bool sleeps_never(void)
{
    for (unsigned i = 0; i < world.held_count; ++i)
        if (world.held[i]->spins) return true;
    return world.rcu != 0 || world.interrupts_off || world.interrupts_nested != 0;
}

void might_sleep(void) { EXPECT(!sleeps_never()); }

bool stand_in_interrupts(bool on)
{
    const bool before = !world.interrupts_off;
    world.interrupts_off = !on;
    return before;
}

void stand_in_enter_interrupt(void)
{
    EXPECT(!world.interrupts_off && world.interrupts_nested == 0);
    ++world.interrupts_nested;
    world.interrupts_off = true;
}

void stand_in_leave_interrupt(void)
{
    --world.interrupts_nested;
    world.interrupts_off = false;
}

void stand_in_expect_idle(void) { EXPECT(world.held_count == 0 && !sleeps_never()); }

void rcu_read_lock(void) { ++world.rcu; }

void rcu_read_unlock(void)
{
    EXPECT(world.rcu != 0);
    --world.rcu;
}

// ---- locks ----

static unsigned rank_of(const char* name)
{
    // The order of kernel/counterflow.h, outermost first.
    static const char* const order[] = {"&engine->lock", "&session->lock", "&channel->lock",
                                        "&session->table_lock", "&session->ring_lock"};
    for (unsigned i = 0; i < ARRAY_SIZE(order); ++i)
        if (strcmp(order[i], name) == 0) return i;
    fprintf(stderr, "where does %s belong?\n", name);
    EXPECT(false);
    return 0;
}

void stand_in_lock_init(struct stand_in_lock* lock, const char* name, bool spins)
{
    *lock = (struct stand_in_lock){.rank = rank_of(name), .spins = spins};
}

void stand_in_take(struct stand_in_lock* lock)
{
    EXPECT(!lock->held);
    // Interrupts take every spinlock of the module.
    EXPECT(!lock->spins || world.interrupts_off);
    for (unsigned i = 0; i < world.held_count; ++i) EXPECT(world.held[i]->rank < lock->rank);
    EXPECT(world.held_count < ARRAY_SIZE(world.held));
    lock->held = true;
    world.held[world.held_count++] = lock;
}

void stand_in_leave(struct stand_in_lock* lock)
{
    EXPECT(lock->held && world.held[world.held_count - 1] == lock);
    lock->held = false;
    --world.held_count;
}

// ---- waiting ----

void wait_for_completion(struct completion* completion)
{
    might_sleep();
    while (!completion->done) EXPECT(stand_in_turn(false, NULL)); // else it waits for ever
}

int wait_for_completion_interruptible(struct completion* completion)
{
    might_sleep();
    bool signaled = false;
    while (!completion->done && !signaled) EXPECT(stand_in_turn(true, &signaled));
    return completion->done ? 0 : -ERESTARTSYS;
}

// ---- work ----

bool queue_work(struct workqueue_struct* queue, struct work_struct* work)
{
    (void)queue;
    if (work->queued) return false;
    work->queued = true;
    list_add_tail(&work->node, &works);
    return true;
}

bool stand_in_work_queued(void) { return !list_empty(&works); }

bool stand_in_run_work(void)
{
    if (list_empty(&works)) return false;
    while (!list_empty(&works)) {
        struct work_struct* const work = list_first_entry(&works, struct work_struct, node);
        list_del(&work->node);
        work->queued = false;
        stand_in_expect_idle();
        work->function(work);
        stand_in_expect_idle();
    }
    return true;
}

struct task_work {
    struct list_head node;
    struct io_uring_cmd* cmd;
    void (*function)(struct io_uring_cmd*, unsigned);
};

void io_uring_cmd_do_in_task_lazy(struct io_uring_cmd* cmd, void (*function)(struct io_uring_cmd*, unsigned))
{
    struct task_work* const work = calloc(1, sizeof(*work));
    work->cmd = cmd;
    work->function = function;
    list_add_tail(&work->node, &task_works);
}

bool stand_in_run_task_work(void)
{
    if (list_empty(&task_works)) return false;
    while (!list_empty(&task_works)) {
        struct task_work* const work = list_first_entry(&task_works, struct task_work, node);
        list_del(&work->node);
        work->function(work->cmd, 0);
        free(work);
        stand_in_expect_idle();
    }
    return true;
}

// ---- batches ----

struct blk_plug_cb* blk_check_plugged(void (*callback)(struct blk_plug_cb*, bool), void* data, int bytes)
{
    struct blk_plug_cb* plug;
    if (!world.plugged) return NULL;
    list_for_each_entry(plug, &plugs, list) if (plug->callback == callback && plug->data == data) return plug;
    plug = kzalloc((size_t)bytes, GFP_NOWAIT);
    if (plug == NULL) return NULL;
    plug->callback = callback;
    plug->data = data;
    list_add_tail(&plug->list, &plugs);
    return plug;
}

void stand_in_unplug(bool begin)
{
    while (!list_empty(&plugs)) {
        struct blk_plug_cb* const plug = list_first_entry(&plugs, struct blk_plug_cb, list);
        list_del(&plug->list);
        plug->callback(plug, false);
    }
    world.plugged = begin;
}

// ---- time ----

u64 ktime_get_ns(void) { return world.now_ns; }

void stand_in_arm(struct stand_in_alarm* alarm, u64 expires_ns)
{
    struct stand_in_alarm* later;
    struct list_head* before = &alarms;
    alarm->armed = true;
    alarm->expires_ns = expires_ns;
    list_for_each_entry(later, &alarms, node)
    {
        if (later->expires_ns <= expires_ns) continue;
        before = &later->node;
        break;
    }
    list_add_tail(&alarm->node, before);
}

bool stand_in_disarm(struct stand_in_alarm* alarm)
{
    if (!alarm->armed) return false;
    alarm->armed = false;
    list_del(&alarm->node);
    return true;
}

static void go_off(struct stand_in_alarm* alarm)
{
    world.now_ns = max(world.now_ns, alarm->expires_ns);
    stand_in_disarm(alarm);
    stand_in_enter_interrupt();
    if (alarm->hard) {
        struct hrtimer* const timer = container_of(alarm, struct hrtimer, alarm);
        timer->function(timer);
    } else {
        struct timer_list* const timer = container_of(alarm, struct timer_list, alarm);
        timer->function(timer);
    }
    stand_in_leave_interrupt();
}

void stand_in_advance(u64 ns)
{
    const u64 end = world.now_ns + ns;
    while (!list_empty(&alarms)) {
        struct stand_in_alarm* const first = list_first_entry(&alarms, struct stand_in_alarm, node);
        if (first->expires_ns > end) break;
        go_off(first);
    }
    world.now_ns = end;
}

bool stand_in_advance_to_alarm(void)
{
    if (list_empty(&alarms)) return false;
    go_off(list_first_entry(&alarms, struct stand_in_alarm, node));
    return true;
}

// ---- memory ----

void* kzalloc(size_t bytes, gfp_t gfp)
{
    if (gfp & GFP_KERNEL) might_sleep();
    if (stand_in_allocations_left == 0) return NULL;
    if (stand_in_allocations_left > 0) --stand_in_allocations_left;
    ++stand_in_balance.allocations;
    return calloc(1, bytes);
}

void kfree(const void* memory)
{
    if (memory == NULL) return;
    --stand_in_balance.allocations;
    free((void*)(uintptr_t)memory);
}

struct kmem_cache* stand_in_cache(size_t bytes)
{
    struct kmem_cache* const cache = kzalloc(sizeof(*cache), GFP_KERNEL);
    cache->bytes = bytes;
    return cache;
}

void* xa_erase(struct xarray* array, unsigned long index)
{
    EXPECT(!world.interrupts_off);
    void* const entry = xa_load(array, index);
    if (entry != NULL) array->entries[index - 1] = NULL;
    return entry;
}

int xa_alloc(struct xarray* array, u32* index, void* entry, struct xa_limit limit, gfp_t gfp)
{
    EXPECT(!world.interrupts_off && limit.min == 1 && limit.max >= xarray_entries);
    void* const node = kzalloc(1, gfp);
    if (node == NULL) return -ENOMEM;
    kfree(node);
    for (u32 i = 0; i < xarray_entries; ++i) {
        if (array->entries[i] != NULL) continue;
        array->entries[i] = entry;
        *index = i + 1;
        return 0;
    }
    return -EBUSY;
}

// How many of the bytes are there; the kernel would find out at the first that is not.
static size_t user_there(const void* at, size_t bytes)
{
    const uintptr_t address = (uintptr_t)at, first = (uintptr_t)stand_in_user;
    might_sleep();
    if (address < first || address - first >= stand_in_user_end) return 0;
    return min(bytes, stand_in_user_end - (address - first));
}

int copy_struct_from_user(void* to, size_t known, const void* from, size_t bytes)
{
    const u8* const source = from;
    const size_t there = user_there(from, bytes), copied = min(known, bytes);
    for (size_t i = known; i < bytes; ++i) {
        if (i >= there) return -EFAULT;
        if (source[i] != 0) return -E2BIG;
    }
    if (there < copied) return -EFAULT;
    memcpy(to, from, copied);
    memset((u8*)to + copied, 0, known - copied);
    return 0;
}

unsigned long copy_to_user(void* to, const void* from, unsigned long bytes)
{
    const size_t there = user_there(to, bytes);
    if (there != 0) memcpy(to, from, there);
    stand_in_results_lost += there != bytes;
    return bytes - there;
}

// ---- modules and devices ----

void __module_get(void* module)
{
    (void)module;
    ++stand_in_balance.modules;
}

void module_put(void* module)
{
    (void)module;
    --stand_in_balance.modules;
}

void device_initialize(struct device* dev) { kref_init(&dev->ref); }

struct device* get_device(struct device* dev)
{
    kref_get(&dev->ref);
    return dev;
}

static void last_of_device(struct kref* ref)
{
    struct device* const dev = container_of(ref, struct device, ref);
    dev->release(dev);
}

void put_device(struct device* dev) { kref_put(&dev->ref, last_of_device); }

// ---- eventfds: of the descriptors 0 to 3, and only of them ----

struct eventfd_ctx {
    unsigned holders;
};
static struct eventfd_ctx eventfds[4];

struct eventfd_ctx* eventfd_ctx_fdget(int fd)
{
    might_sleep();
    if (fd < 0 || fd >= (int)ARRAY_SIZE(eventfds)) return ERR_PTR(-EBADF);
    ++stand_in_balance.eventfds;
    ++eventfds[fd].holders;
    return &eventfds[fd];
}

void eventfd_ctx_put(struct eventfd_ctx* context)
{
    EXPECT(context->holders != 0);
    --context->holders;
    --stand_in_balance.eventfds;
}

void eventfd_signal(struct eventfd_ctx* context) { EXPECT(context->holders != 0); }
