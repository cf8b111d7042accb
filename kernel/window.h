/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Far memory: windows, and what administrators say of them. Part of counterflow.h, where the locks are described.
 */
#ifndef CF_WINDOW_H
#define CF_WINDOW_H

#include <counterflow/uapi.h>

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#define CF_MAX_WINDOWS 16

struct cf_engine;
struct cf_request;
struct cf_session;
struct pci_dev;

/* The program's view of a direction as an index. */
enum cf_way { CF_WAY_WRITE, CF_WAY_READ, CF_WAYS };

/*
 * A range of far memory. References: the table's, until it is closed; that of whoever declared it; one by every
 * transfer until the hardware is proven past it. The last one gone, a work item unmaps it.
 */
struct cf_window {
	struct kref ref;
	struct rcu_head rcu;
	struct work_struct work;
	struct cf_engine *engine; /* referenced */
	struct list_head node;	  /* engine->all_windows [engine->lock] */
	unsigned int index;
	u64 serial; /* who opened the device before it was there does not see it */
	char name[CF_NAME_BYTES];
	u64 size;
	u64 address; /* of its first byte, as the engine addresses it */
	u64 place;   /* the same before dma_map_resource() */
	u32 flags;   /* CF_WINDOW_READABLE, CF_WINDOW_WRITABLE */
	bool privileged; /* for sessions whose opener had CAP_SYS_ADMIN */
	bool own;	 /* the device's; gives way to what is declared */
	struct pci_dev *function; /* whose BAR it is in, to be compared only; NULL: nobody's */
	bool closed;	  /* [engine->lock to change] no transfer begins any more */
	bool mapped;	  /* [engine->lock] by dma_map_resource() */
	bool quarantined; /* [engine->lock] never to be unmapped */
};

/* A range that no window may touch: whoever reaches it has the engine. */
struct cf_range {
	u64 address;
	u64 size;
};

#define CF_PLACE_BYTES 64

/* What an administrator says of a window. */
struct cf_declaration {
	char name[CF_NAME_BYTES];
	char place[CF_PLACE_BYTES]; /* see cf_place_parse() */
	u64 size;
	u32 flags;
	bool privileged;
};

/* window.c */
int cf_window_add(struct cf_engine *engine, const struct cf_window *said, struct cf_window **added,
		  const char **why);
void cf_window_close(struct cf_window *window);
int cf_window_wait(struct cf_window *window);
void cf_windows_end(struct cf_engine *engine);
void cf_window_put(struct cf_window *window);
unsigned int cf_window_count(struct cf_session *session);
int cf_window_info(struct cf_session *session, struct cf_window_info *info);
int cf_window_resolve(struct cf_session *session, u32 index, enum cf_way way, u64 offset,
		      struct cf_request *request);

/* declare.c */
extern struct mutex cf_declarations_lock;
int cf_declarations_init(void);
void cf_declarations_exit(void);
int cf_place_check(const char *place);
int cf_permissions_parse(const char *text, struct cf_declaration *declaration);
int cf_declare(struct cf_engine *engine, const struct cf_declaration *declaration,
	       struct cf_window **window);
struct cf_engine *cf_engine_named(const char *name);
void cf_engine_is_endpoint(struct cf_engine *engine, struct pci_dev *pdev, unsigned int registers);
int cf_engine_declare(struct cf_engine *engine);
void cf_engine_undeclare(struct cf_engine *engine);

/* configfs.c */
#if IS_ENABLED(CONFIG_CONFIGFS_FS)
int cf_configfs_init(void);
void cf_configfs_exit(void);
unsigned int cf_configfs_declare(struct cf_engine *engine);
void cf_configfs_undeclare(struct cf_engine *engine);
#else
static inline int cf_configfs_init(void)
{
	return 0;
}
static inline void cf_configfs_exit(void)
{
}
static inline unsigned int cf_configfs_declare(struct cf_engine *engine)
{
	return 0;
}
static inline void cf_configfs_undeclare(struct cf_engine *engine)
{
}
#endif

#endif /* CF_WINDOW_H */
