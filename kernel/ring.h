/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ring back end: drives a DesignWare eDMA's registers itself. Each channel has an endless list, `slots` data
 * elements and a link that toggles the cycle bit and leads back to the first; the doorbell is rung only when
 * the engine has stopped, and what is done is read from the list position (LLP), never counted from interrupts.
 *
 * In a batch all elements are valid but the first, which is published last, with one store. So the engine can
 * run out of work, and stop, only between batches, and the last element of each interrupts: while the
 * engine is inside a batch, an interrupt is certain to come. Only where it is found at the start of one has
 * CONTROL1 to tell whether it still runs.
 */
#ifndef CF_RING_H
#define CF_RING_H

#include "counterflow.h"

#include <linux/bits.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/workqueue.h>

/* ---- the engine's registers; the names are those of src/edma/registers.hpp ---- */

#define RING_CONTROL 0x008 /* [3:0] WR channels, [19:16] RD channels */
#define RING_SPACE 0x1200

/* What each kind of channel has once. */
struct ring_registers {
	u32 engine_enable; /* [0] enable; reads 0 once a disable has taken effect */
	u32 doorbell;	   /* [2:0] channel, [31] stop */
	u32 int_status;	   /* [7:0] done, [23:16] abort; set even when masked */
	u32 int_mask;
	u32 int_clear;
	u32 err_low;  /* WR: [7:0] local read error, RD: local write error; [23:16] list fetch error */
	u32 err_high; /* RD only: [7:0] UR, [15:8] CA, [23:16] completion timeout, [31:24] poisoned */
	u32 done_imwr, abort_imwr; /* address of the message that is posted, low and high */
	u32 imwr_data;		   /* four registers of two channels each */
	u32 list_err_enable;	   /* [7:0] abort message, [23:16] abort interrupt */
	u32 context;
};

#define RING_CONTEXT_STRIDE 0x200
#define RING_CH_CONTROL1 0x00
#define RING_CH_LLP_LOW 0x1c
#define RING_CH_LLP_HIGH 0x20

#define RING_ENGINE_ON BIT(0)
#define RING_DOORBELL_STOP BIT(31)
#define RING_ALL_INTS 0x00ff00ffu
#define RING_ALL_ONES 0xffffffffu /* nobody answers */

/* CH_CONTROL1, and the control word of an element */
#define RING_CYCLE BIT(0)
#define RING_TOGGLE BIT(1)
#define RING_LINK BIT(2)
#define RING_LOCAL_INT BIT(3)
#define RING_REMOTE_INT BIT(4)
#define RING_CONSUMER_CYCLE BIT(8)
#define RING_LIST_ENABLE BIT(9)

#define RING_STATUS(control1) ((control1) >> 5 & 3)
#define RING_RUNNING 1
#define RING_HALTED 2

#define RING_ELEMENT 24 /* bytes: control, size, sar low and high, dar low and high */
#define RING_LINK_BYTES 16
#define RING_MIN_SLOTS 4
#define RING_MAX_SLOTS 4096

/* ---- choices ---- */

#define RING_MODERATION SZ_64K	       /* bytes from one interrupting element of a batch to the next */
#define RING_RECHECK_NS (100 * NSEC_PER_USEC) /* the doorbell may have been lost: look so soon */
#define RING_WATCHDOG_NS (5 * NSEC_PER_MSEC)  /* the interrupt may have been lost */
#define RING_BACK_OFF 8
#define RING_STOP_MS 20	 /* a stop that is not proven by then is none */
#define RING_LINK_MS 100 /* how often a downed link is tried */

struct ring_device;
struct ring_bank;

/* One slot of a list: what its element belongs to. */
struct ring_entry {
	struct cf_request *request;
	u32 size;
	bool last;	   /* of its request */
	bool starts_batch; /* the engine may have met it before it was published */
};

/* One hardware channel. All that changes is under base.lock. */
struct ring_channel {
	struct cf_channel base;
	struct ring_bank *bank;
	unsigned int number; /* the hardware's */
	u32 context;
	void __iomem *list;
	u64 list_address; /* of slot 0, as the engine sees it */
	u32 slots;
	struct ring_entry *entries;
	struct hrtimer look;

	/*
	 * [tail, head) is the engine's; at most slots - 1, because a full ring and an empty one would have the same
	 * position.
	 */
	u64 head, tail;
	u32 head_slot, tail_slot;
	u32 head_cycle;
	s64 until_wake; /* bytes to the next interrupting element */
	struct cf_request *feeding; /* the active request that is not fully in the list */
	bool running; /* the engine was told of everything before head */
	bool held;    /* recovery has it: nothing is fed, nothing is reaped */
	bool stop_sent;
	u8 cause; /* status of an abort whose bit has been cleared; 0: none */
	u8 errors;
	u64 look_ns;   /* distance of the looks */
	u64 look_tail; /* tail when the timer was armed */
};

enum ring_phase {
	RING_UP,
	RING_DOWN, /* nobody answers; tried again */
	RING_GONE, /* could not be proven stopped */
};

/* One direction of the engine. `phase` changes in the recovery work only, with every channel held. */
struct ring_bank {
	struct ring_device *ring;
	const struct ring_registers *at;
	enum ring_phase phase;
	bool restart; /* recovery is to disable and enable it */
	unsigned int count;
	struct ring_channel channels[CF_MAX_CHANNELS];
};

/* One engine. Freed by its cf_engine's release. */
struct ring_device {
	struct cf_engine engine;
	void __iomem *registers;
	int irq;
	bool messages; /* interrupts are messages the engine posts itself */
	struct ring_bank banks[2]; /* WR, RD */
	struct delayed_work recovery;
};

#define for_each_ring_channel(channel, bank) \
	for ((channel) = (bank)->channels; (channel) < (bank)->channels + (bank)->count; (channel)++)

/* Whether what RING_CONTROL reads can be an engine's. */
static inline bool ring_plausible(u32 control)
{
	unsigned int wr = control & 0xf, rd = control >> 16 & 0xf;

	return control != RING_ALL_ONES && wr + rd && wr <= CF_MAX_CHANNELS &&
	       rd <= CF_MAX_CHANNELS;
}

static inline struct ring_channel *to_ring_channel(struct cf_channel *channel)
{
	return container_of(channel, struct ring_channel, base);
}

static inline u32 ring_load(struct ring_device *ring, u32 offset)
{
	atomic64_inc(&ring->engine.statistics.register_loads);
	return readl(ring->registers + offset);
}

static inline void ring_store(struct ring_device *ring, u32 offset, u32 value)
{
	atomic64_inc(&ring->engine.statistics.register_stores);
	writel(value, ring->registers + offset);
}

static inline u32 ring_channel_load(struct ring_channel *channel, u32 offset)
{
	return ring_load(channel->bank->ring, channel->context + offset);
}

static inline void ring_channel_store(struct ring_channel *channel, u32 offset, u32 value)
{
	ring_store(channel->bank->ring, channel->context + offset, value);
}

/* ring_channel.c: the list */
enum ring_look {
	RING_FINE,
	RING_VERIFY, /* it may stand still with work pending */
	RING_LOST,   /* its position makes no sense */
};

int ring_channel_init(struct ring_channel *channel, void __iomem *list, u64 address, size_t bytes);
void ring_channel_destroy(struct ring_channel *channel);
void ring_lay(struct ring_channel *channel);
void ring_feed(struct cf_channel *base, struct list_head *reports);
enum ring_look ring_reap(struct ring_channel *channel, struct list_head *reports);
void ring_doorbell(struct ring_channel *channel);

/* ring_irq.c: looking at it */
irqreturn_t ring_interrupt(int irq, void *data);
enum hrtimer_restart ring_look(struct hrtimer *timer);
void ring_expect(struct ring_channel *channel, u64 distance_ns);

/* ring_bank.c: a direction as a whole */
void ring_banks_init(struct ring_device *ring, u32 control);
void ring_bank_start(struct ring_bank *bank);
void ring_bank_quiet(struct ring_bank *bank);
bool ring_bank_prove_stopped(struct ring_bank *bank);
u32 ring_cause(struct ring_bank *bank, unsigned int number, u8 *errors);

/* ring_recovery.c: when something is wrong */
void ring_hold(struct ring_channel *channel);
void ring_recover_soon(struct ring_device *ring);
void ring_abandon(struct cf_channel *base, struct cf_request *request, struct list_head *reports);
void ring_recovery(struct work_struct *work);
bool ring_stop_for_good(struct ring_device *ring);

/* ring_engine.c: the same for every bus */
struct ring_device *ring_engine_alloc(struct device *owner, struct device *dev, u32 side);
int ring_engine_start(struct ring_device *ring, u32 control, void __iomem *lists, u64 address,
		      size_t stride, size_t bytes);
int ring_engine_register(struct ring_device *ring);

#endif /* CF_RING_H */
