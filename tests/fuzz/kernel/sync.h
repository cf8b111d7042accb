// SPDX-License-Identifier: MIT
//
// Part of stand_in.h: locks, references, waiting, work and timers of one processor that does one thing at a
// time. They do not exclude anybody; they notice misuse: an order that is not the module's, sleeping where
// nobody may, a lock that interrupts take and that is taken with interrupts on.
#ifndef STAND_IN_SYNC_H
#define STAND_IN_SYNC_H

#include "list.h"

// ---- locks ----

struct stand_in_lock {
    unsigned rank; // in the order that kernel/counterflow.h gives; stand_in.c has it
    bool spins, held;
};
typedef struct stand_in_lock spinlock_t;
struct mutex {
    struct stand_in_lock base;
};

void stand_in_lock_init(struct stand_in_lock* lock, const char* name, bool spins);
void stand_in_take(struct stand_in_lock* lock);
void stand_in_leave(struct stand_in_lock* lock);
/// What might wait says so first.
void might_sleep(void);
bool stand_in_interrupts(bool on); // what they were

#define spin_lock_init(lock) stand_in_lock_init(lock, #lock, true)
#define spin_lock(lock) stand_in_take(lock)
#define spin_unlock(lock) stand_in_leave(lock)
#define spin_lock_irq(lock)                                                                                  \
    do {                                                                                                     \
        EXPECT(stand_in_interrupts(false));                                                                  \
        stand_in_take(lock);                                                                                 \
    } while (0)
#define spin_unlock_irq(lock)                                                                                \
    do {                                                                                                     \
        stand_in_leave(lock);                                                                                \
        stand_in_interrupts(true);                                                                           \
    } while (0)
#define spin_lock_irqsave(lock, flags)                                                                       \
    do {                                                                                                     \
        flags = stand_in_interrupts(false);                                                                  \
        stand_in_take(lock);                                                                                 \
    } while (0)
#define spin_unlock_irqrestore(lock, flags)                                                                  \
    do {                                                                                                     \
        stand_in_leave(lock);                                                                                \
        stand_in_interrupts(flags);                                                                          \
    } while (0)

#define mutex_init(mutex) stand_in_lock_init(&(mutex)->base, #mutex, false)
#define mutex_destroy(mutex) EXPECT(!(mutex)->base.held)
static inline void mutex_lock(struct mutex* mutex)
{
    might_sleep();
    stand_in_take(&mutex->base);
}
static inline void mutex_unlock(struct mutex* mutex) { stand_in_leave(&mutex->base); }

#define lockdep_assert_held(lock) EXPECT(((const struct stand_in_lock*)(lock))->held)
#define cond_resched() might_sleep()

/// Nobody may sleep in between; there is nobody else whose reading freeing would have to wait for.
void rcu_read_lock(void);
void rcu_read_unlock(void);
#define kfree_rcu(pointer, member) kfree(pointer)
#define rcu_dereference(place) READ_ONCE(place)
#define rcu_access_pointer(place) READ_ONCE(place)
#define rcu_assign_pointer(place, value) WRITE_ONCE(place, value)
#define RCU_INIT_POINTER(place, value) WRITE_ONCE(place, value)

// ---- references ----

typedef struct {
    int count;
} refcount_t;
struct kref {
    refcount_t refcount;
};
struct rcu_head {
    char nothing;
};

static inline void refcount_set(refcount_t* refs, int count) { refs->count = count; }
static inline void refcount_add(int more, refcount_t* refs)
{
    EXPECT(refs->count > 0);
    refs->count += more;
}
static inline void refcount_inc(refcount_t* refs) { refcount_add(1, refs); }
static inline bool refcount_dec_and_test(refcount_t* refs)
{
    EXPECT(refs->count > 0);
    return --refs->count == 0;
}

static inline void kref_init(struct kref* ref) { refcount_set(&ref->refcount, 1); }
static inline int kref_read(const struct kref* ref) { return ref->refcount.count; }
static inline void kref_get(struct kref* ref) { refcount_inc(&ref->refcount); }
static inline bool kref_get_unless_zero(struct kref* ref)
{
    if (ref->refcount.count == 0) return false;
    kref_get(ref);
    return true;
}
static inline int kref_put(struct kref* ref, void (*last)(struct kref*))
{
    if (!refcount_dec_and_test(&ref->refcount)) return 0;
    last(ref);
    return 1;
}

// ---- waiting ----

struct completion {
    bool done;
};
#define DECLARE_COMPLETION_ONSTACK(name) struct completion name = {false}

static inline void complete(struct completion* completion)
{
    EXPECT(!completion->done);
    completion->done = true;
}
/// While it waits the rest of the world goes on: see stand_in_turn().
void wait_for_completion(struct completion* completion);
int wait_for_completion_interruptible(struct completion* completion);

/// Somebody always sleeps on it.
typedef struct {
    unsigned woken;
} wait_queue_head_t;
#define init_waitqueue_head(queue) ((queue)->woken = 0)
#define DECLARE_WAIT_QUEUE_HEAD(name) wait_queue_head_t name = {0}
#define wq_has_sleeper(queue) ((void)(queue), true)
#define wake_up_interruptible_poll(queue, events) ((queue)->woken += (events) != 0)
#define wake_up_all(queue) (++(queue)->woken)
#define wake_up_interruptible_all(queue) (++(queue)->woken)

/// Like the completions; how long it waits is up to those that end what it waits for.
#define wait_event_killable_timeout(queue, condition, ticks)                                                 \
    ({                                                                                                       \
        (void)(queue).woken;                                                                                 \
        might_sleep();                                                                                       \
        bool signaled = false, going = true;                                                                 \
        while (!(condition) && !signaled && going) going = stand_in_turn(true, &signaled);                   \
        (condition) ? 1l : signaled ? -ERESTARTSYS : 0l;                                                     \
    })
/// One call waits: something has to happen. Returns whether anything could. `interruptible`: a signal may
/// come, then *signaled is set. In rig.c.
bool stand_in_turn(bool interruptible, bool* signaled);

// ---- work ----

struct workqueue_struct;
struct work_struct {
    struct list_head node;
    void (*function)(struct work_struct*);
    bool queued;
};
#define INIT_WORK(work, what) (*(work) = (struct work_struct){.function = (what)})
bool queue_work(struct workqueue_struct* queue, struct work_struct* work);

// ---- timers ----

/// What both kinds of timer are. `expires_ns` counts on the stand-in's clock.
struct stand_in_alarm {
    struct list_head node;
    u64 expires_ns;
    bool armed, hard; // hard: goes off with interrupts disabled
};
void stand_in_arm(struct stand_in_alarm* alarm, u64 expires_ns);
bool stand_in_disarm(struct stand_in_alarm* alarm);
u64 ktime_get_ns(void);

#define HZ 250
#define jiffies (ktime_get_ns() / (NSEC_PER_SEC / HZ))
#define nsecs_to_jiffies64(ns) ((ns) / (NSEC_PER_SEC / HZ))

struct timer_list {
    struct stand_in_alarm alarm;
    void (*function)(struct timer_list*);
    unsigned long expires;
};
#define timer_container_of(object, pointer, member) container_of(pointer, __typeof__(*(object)), member)
#define timer_setup(timer, what, flags) (*(timer) = (struct timer_list){.function = (what)})
static inline void add_timer(struct timer_list* timer)
{
    EXPECT(!timer->alarm.armed);
    stand_in_arm(&timer->alarm, timer->expires * (NSEC_PER_SEC / HZ));
}
static inline int timer_delete(struct timer_list* timer) { return stand_in_disarm(&timer->alarm); }

typedef s64 ktime_t;
#define ns_to_ktime(ns) ((ktime_t)(ns))
#define CLOCK_MONOTONIC 1
enum hrtimer_mode { HRTIMER_MODE_REL };
enum hrtimer_restart { HRTIMER_NORESTART };
struct hrtimer {
    struct stand_in_alarm alarm;
    enum hrtimer_restart (*function)(struct hrtimer*);
};
#define hrtimer_setup(timer, what, clock, mode)                                                              \
    ((void)(mode), *(timer) = (struct hrtimer){.alarm.hard = true, .function = (what)})
static inline void hrtimer_start(struct hrtimer* timer, ktime_t delay, enum hrtimer_mode mode)
{
    EXPECT(mode == HRTIMER_MODE_REL && delay >= 0);
    stand_in_disarm(&timer->alarm);
    stand_in_arm(&timer->alarm, ktime_get_ns() + (u64)delay);
}
static inline void hrtimer_cancel(struct hrtimer* timer)
{
    might_sleep();
    stand_in_disarm(&timer->alarm);
}

#endif
