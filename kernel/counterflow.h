/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of counterflow.ko share: the objects, who owns them and which lock protects what.
 *
 * Locks, outermost first:
 *   cf_declarations_lock  mutex: what administrators declare, and the engines it is for
 *   engine->lock          mutex: sessions', buffers' and windows' lists, leases, `gone`
 *   session->lock         mutex: the session's set-up (slots, ring) and cancelling by tag
 *   channel->lock         spinlock, taken in interrupts: the requests on it and the hardware behind it
 *   session->table_lock   spinlock: the lists of requests and of registered addresses
 *   session->ring_lock    spinlock, taken in interrupts: completion ring and eventfd
 *
 * A request is reported to its submitter (exactly once) outside of channel->lock: what is over gathers on
 * a list of `reports`, and cf_reports_send() delivers it.
 */
#ifndef CF_COUNTERFLOW_H
#define CF_COUNTERFLOW_H

#include "compat.h"
#include "window.h"

#include <counterflow/uapi.h>

#include <linux/cdev.h>
#include <linux/completion.h>
#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/interval_tree_generic.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/scatterlist.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#define CF_MAX_CHANNELS 8 /* of each direction */
#define CF_MAX_TRANSFER SZ_1G /* an io_uring result is an s32 */
#define CF_MAX_IN_FLIGHT 4096
#define CF_MAX_BUFFERS 65536
#define CF_MAX_SLOTS 4096
#define CF_MAX_COMPLETIONS 65536
#define CF_MAX_TIMEOUT_NS (60 * NSEC_PER_SEC)

/*
 * A Synopsys endpoint shows its engine's registers and its lists in these BARs, unless it says otherwise; behind the
 * lists comes the memory that transfers may name.
 */
#define CF_ENDPOINT_REGISTERS 0
#define CF_ENDPOINT_BAR 2
#define CF_ENDPOINT_LISTS SZ_8M

struct cf_channel;
struct cf_engine;
struct cf_request;
struct pci_dev;
struct cf_session;

/* What a back end does. Everything is called with channel->lock held and interrupts off. */
struct cf_engine_ops {
	u32 backend;
	u64 features;
	/* There is something on channel->waiting: hand over what there is room for. */
	void (*feed)(struct cf_channel *channel, struct list_head *reports);
	/*
	 * `request` is with the hardware and nobody wants it any more: request->unwanted says why. The
	 * back end ends it with that status once the hardware is proven past it, unless it completes.
	 */
	void (*abandon)(struct cf_channel *channel, struct cf_request *request,
			struct list_head *reports);
};

/* Counters of an engine; approximate, each written under some lock or by one context. */
struct cf_statistics {
	atomic64_t transfers[CF_WAYS];
	atomic64_t bytes[CF_WAYS];
	atomic64_t failed;
	atomic64_t canceled;
	atomic64_t timed_out;
	atomic64_t interrupts;
	atomic64_t doorbells;
	atomic64_t rerings;	/* of those: found standing still with work pending */
	atomic64_t lost_interrupts; /* progress that only a timer noticed */
	atomic64_t restarts;	/* lists laid anew */
	atomic64_t register_loads;
	atomic64_t register_stores;
	atomic64_t pinned_pages;
	atomic64_t quarantined_pages;
};

/*
 * One hardware channel. Embedded in the back end's own structure, which owns it; lives as long as its engine.
 */
struct cf_channel {
	struct cf_engine *engine;
	enum cf_way way;
	u8 index; /* in engine->channels[way], and the number users see */

	spinlock_t lock; /* for all that follows */
	bool closed;	 /* nothing goes to the hardware any more, ever */
	struct cf_session *holder; /* has it exclusively; also under engine->lock */
	struct list_head waiting;  /* requests the hardware has not seen */
	struct list_head active;   /* those it has, in its order */
	/*
	 * Reported, but the hardware is not proven past them: they keep their buffers. Emptied when the
	 * proof comes; whatever is still here when the engine goes away is quarantined for good.
	 */
	struct list_head limbo;
	u64 load; /* bytes on waiting and active; read without the lock to compare channels */
};

/*
 * One engine and its char device. The back end allocates it and calls cf_engine_register(); from then on the
 * device's reference count owns it, and release() is called at its end.
 */
struct cf_engine {
	struct device dev;
	struct cdev cdev;
	struct work_struct work; /* frees it: the last reference may be dropped in an interrupt */
	const struct cf_engine_ops *ops;
	void (*release)(struct cf_engine *engine);
	struct device *dma_dev; /* what memory is mapped for; referenced */
	struct device *owner;	/* whose name administrators use; referenced */
	struct list_head node;	/* of all that are registered [cf_declarations_lock] */
	u32 side;		/* CF_SIDE_LOCAL or CF_SIDE_REMOTE */
	u32 near_port;
	bool cpu_addresses; /* takes far addresses as the CPU sees them, not as the bus does */
	bool maps_windows;  /* copies memory: a BAR has to be mapped for dma_dev like any other */
	u32 alignment;
	u32 link_generation, link_lanes, link_mps, link_mrrs;
	unsigned int channel_count[CF_WAYS];
	struct cf_channel *channels[CF_WAYS][CF_MAX_CHANNELS];
	struct cf_range own; /* the device's own memory; size 0: none */
	unsigned int reserved_count;
	struct cf_range reserved[2];
	struct cf_window __rcu *windows[CF_MAX_WINDOWS]; /* [lock to change] */
	struct cf_statistics statistics;

	struct mutex lock;
	bool gone;		  /* [lock] the hardware is not ours any more */
	struct list_head buffers; /* [lock] all that are mapped for dma_dev */
	struct list_head sessions; /* [lock] */
	struct list_head all_windows; /* [lock] closed ones too, until nobody uses them */
	u64 window_serial;	      /* [lock] of the latest */
};

/* A contiguous piece of a buffer as the engine sees it. */
struct cf_piece {
	u64 offset; /* in the buffer */
	dma_addr_t address;
	u64 length;
};

/*
 * Near memory, pinned and mapped once. References: one by the session's table, one by every request that
 * uses it until the hardware is proven past it. The last one gone, a work item unmaps and unpins.
 */
struct cf_buffer {
	struct kref ref;
	struct rcu_head rcu;
	struct work_struct work;
	struct cf_engine *engine; /* referenced */
	struct list_head node;	  /* engine->buffers */
	u32 handle;
	u32 kind;
	u32 access;
	enum dma_data_direction direction;
	u64 size;
	bool needs_sync;  /* caches or bounce buffers lie between it and the device */
	bool mapped;	  /* [engine->lock] */
	bool quarantined; /* [engine->lock] never to be unmapped or unpinned */

	/* CF_BUFFER_USER: where, in whose address space, and its place among the session's addresses */
	struct mm_struct *mm;
	unsigned long start, last;
	struct rb_node rb;
	unsigned long rb_last;

	unsigned long page_count; /* USER and KERNEL */
	struct page **pages;
	struct sg_table table;

	struct dma_buf *dmabuf; /* DMABUF */
	struct dma_buf_attachment *attachment;
	struct sg_table *dmabuf_table;

	unsigned int piece_count;
	struct cf_piece *pieces;
};

/* A session's right to one channel. Owned by session->leases. */
struct cf_lease_entry {
	struct rcu_head rcu;
	struct cf_channel *channel;
	bool exclusive;
};

/*
 * An open file. References: one by the file, one by every request until it is freed; all of them hold the module. Tables are read under
 * RCU; what they hold is torn down when the file is released.
 */
struct cf_session {
	struct kref ref;
	struct cf_engine *engine; /* referenced */
	struct list_head node;	  /* engine->sessions */
	fl_owner_t opener;	  /* whose exit cancels everything: see cf_flush() */
	bool privileged;
	u64 window_serial; /* windows up to this one are visible; so an index never changes its meaning */

	struct mutex lock;
	struct cf_transfer *slots; /* vmalloc_user(), set once with release */
	u32 slot_count;

	struct xarray buffers;
	struct xarray leases;

	spinlock_t table_lock;
	struct list_head requests; /* not reported yet */
	struct rb_root_cached addresses; /* CF_BUFFER_USER buffers by address */
	unsigned int in_flight;	  /* length of `requests` */

	spinlock_t ring_lock;
	struct cf_ring *ring; /* vmalloc_user() */
	u32 ring_entries;
	u32 ring_tail;	   /* what the shared one shows; never read back */
	u32 ring_promised; /* places taken by requests in flight */
	struct eventfd_ctx *eventfd;
	u32 event_count;     /* moderation */
	u64 event_delay_ns;
	u32 event_gathered;  /* completions since the last signal */
	struct hrtimer event_timer;
	wait_queue_head_t wait; /* poll() */
};

/* Who is told the outcome of a request. */
enum cf_sink { CF_SINK_RING, CF_SINK_URING, CF_SINK_KIOCB, CF_SINK_WAITER };

enum cf_request_state {
	CF_REQUEST_WAITING, /* on channel->waiting: the hardware has never seen it */
	CF_REQUEST_ACTIVE,  /* on channel->active */
	CF_REQUEST_LIMBO,   /* on channel->limbo, reported */
	CF_REQUEST_OVER,    /* on no list of the channel */
};

/*
 * One transfer. References: the channel's until it is OVER, its deadline's while that is armed, the report's until
 * that is delivered; a waiter or an io_uring command has one of its own.
 */
struct cf_request {
	refcount_t refs;
	struct list_head node; /* channel->waiting, ->active or ->limbo [channel->lock] */
	struct list_head report_node;
	struct list_head session_node; /* [session->table_lock] */
	struct list_head cancel_node;  /* [session->lock] */
	struct cf_session *session;
	struct cf_channel *channel;
	struct cf_buffer *buffer;
	struct cf_window *window; /* until the hardware is past it */
	u64 buffer_offset;
	u64 far;
	u64 length;
	u64 timeout_ns;
	struct timer_list deadline;
	struct cf_completion result;

	/* [channel->lock] */
	enum cf_request_state state;
	bool reported;
	u8 unwanted; /* CF_STATUS_CANCELED or _TIMED_OUT; 0: wanted */
	u8 failed;   /* back end: a piece failed with this status */
	u64 fed;     /* back end: bytes handed to the hardware */
	u64 done;    /* back end: bytes it is past */
	unsigned int piece; /* back end: where `fed` lies, a hint */
	unsigned int parts; /* back end: descriptors out */

	enum cf_sink sink;
	bool cqe32;
	union {
		struct io_uring_cmd *cmd;
		struct kiocb *iocb;
		struct completion *waiter;
	};
};

/* main.c */
extern struct workqueue_struct *cf_workqueue;
extern struct class *cf_class;
int cf_devt_get(dev_t *devt);
void cf_devt_put(dev_t devt);
u64 cf_default_timeout_ns(void);

/* engine.c */
void cf_engine_init(struct cf_engine *engine, const struct cf_engine_ops *ops,
		    struct device *owner, struct device *dma_dev,
		    void (*release)(struct cf_engine *));
void cf_channel_init(struct cf_channel *channel, struct cf_engine *engine, enum cf_way way);
int cf_engine_register(struct cf_engine *engine);
void cf_engine_close(struct cf_engine *engine);
void cf_engine_unregister(struct cf_engine *engine);

/* sysfs.c */
extern const struct attribute_group *cf_engine_groups[];

/* chardev.c */
extern const struct file_operations cf_fops;
void cf_session_put(struct cf_session *session);

/* ioctl.c, mmap.c */
long cf_ioctl(struct file *file, unsigned int command, unsigned long argument);
int cf_mmap(struct file *file, struct vm_area_struct *vma);
int cf_session_setup(struct cf_session *session, struct cf_setup *setup);
u64 cf_buffer_mmap_offset(const struct cf_buffer *buffer);

/* lease.c */
int cf_lease_take(struct cf_session *session, struct cf_lease *lease);
int cf_lease_end(struct cf_session *session, u32 handle);
void cf_leases_end(struct cf_session *session);
struct cf_channel *cf_channel_choose(struct cf_session *session, enum cf_way way, u32 lease);

/* buffer.c */
int cf_buffer_add(struct cf_session *session, struct cf_buffer_add *add);
int cf_buffer_remove(struct cf_session *session, u32 handle);
void cf_buffers_remove(struct cf_session *session);
struct cf_buffer *cf_buffer_get(struct cf_session *session, u32 handle);
struct cf_buffer *cf_buffer_at(struct cf_session *session, unsigned long address, u64 length,
			       u64 *offset);
void cf_buffer_put(struct cf_buffer *buffer);
void cf_buffer_unmap(struct cf_buffer *buffer);
void cf_buffer_quarantine(struct cf_buffer *buffer);
u64 cf_buffer_piece(struct cf_buffer *buffer, u64 offset, unsigned int *hint, dma_addr_t *address);
void cf_buffer_sync(struct cf_buffer *buffer, u64 offset, u64 length, bool for_device);

/* pin.c, dmabuf.c */
int cf_pin_user(struct cf_buffer *buffer, unsigned long address);
int cf_pin_kernel(struct cf_buffer *buffer);
void cf_unpin(struct cf_buffer *buffer);
int cf_dmabuf_import(struct cf_buffer *buffer, int fd);
void cf_dmabuf_release(struct cf_buffer *buffer);

/* request.c */
int cf_request_cache_create(void);
void cf_request_cache_destroy(void);
struct cf_request *cf_request_alloc(gfp_t gfp);
void cf_request_put(struct cf_request *request);
struct cf_request *cf_request_next(struct cf_channel *channel);
void cf_request_report(struct cf_request *request, u32 status, u32 errors,
		       struct list_head *reports);
void cf_request_over(struct cf_request *request, u32 status, u32 errors,
		     struct list_head *reports);
void cf_request_limbo(struct cf_request *request, u32 status, struct list_head *reports);
void cf_request_release(struct cf_request *request);
void cf_request_abandon(struct cf_request *request, u8 status);
void cf_channel_abandon(struct cf_channel *channel, const struct cf_window *window);
unsigned int cf_requests_cancel(struct cf_session *session, u64 tag, bool all);
void cf_channel_fail_waiting(struct cf_channel *channel, u32 status, struct list_head *reports);
int cf_status_errno(u32 status);

/* submit.c */
int cf_submit(struct cf_session *session, const struct cf_transfer *transfer,
	      struct cf_request *request, bool feed);
int cf_submit_at(struct cf_session *session, enum cf_way way, struct cf_buffer *buffer,
		 u64 buffer_offset, u64 position, u64 length, struct cf_request *request,
		 bool feed);
void cf_feed(struct cf_channel *channel);
void cf_feed_batched(struct cf_channel *channel);
int cf_submit_batch(struct cf_session *session, struct cf_submit *submit);
int cf_transfer_wait(struct cf_session *session, struct cf_transfer_wait *wait);

/* sink.c */
void cf_reports_send(struct list_head *reports);
int cf_ring_promise(struct cf_session *session);
void cf_ring_forgo(struct cf_session *session);
__poll_t cf_ring_poll(struct cf_session *session);
int cf_eventfd_set(struct cf_session *session, const struct cf_eventfd *event);
void cf_sink_init(struct cf_session *session);
void cf_sink_release(struct cf_session *session);

/* uring.c */
#ifdef CF_URING
int cf_uring_cmd(struct io_uring_cmd *cmd, unsigned int issue_flags);
void cf_uring_report(struct cf_request *request);
#else
static inline void cf_uring_report(struct cf_request *request)
{
	WARN_ON_ONCE(1); /* no request has this sink */
}
#endif

/* rw.c */
ssize_t cf_read_iter(struct kiocb *iocb, struct iov_iter *to);
ssize_t cf_write_iter(struct kiocb *iocb, struct iov_iter *from);

/* ring_pci.c */
int cf_ring_pci_init(void);
void cf_ring_pci_exit(void);

/* ring_port.c */
int cf_ring_port_init(void);
void cf_ring_port_exit(void);

/* dmae_find.c */
int cf_dmae_init(void);
void cf_dmae_exit(void);

#endif /* CF_COUNTERFLOW_H */
