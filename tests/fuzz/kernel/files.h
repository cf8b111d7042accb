// SPDX-License-Identifier: MIT
//
// Part of stand_in.h: files and what is done with them, io_uring's commands, devices, and the module itself.
#ifndef STAND_IN_FILES_H
#define STAND_IN_FILES_H

#include "memory.h"

// ---- the task ----

#define PF_EXITING 4u
#define CAP_SYS_ADMIN 21
struct task_struct {
    unsigned flags;
    void* files;
    struct mm_struct* mm;
    bool administrator;
};
extern struct task_struct stand_in_task;
#define current (&stand_in_task)
#define capable(capability) ((void)(capability), current->administrator)

// ---- modules and their tracepoints ----

#define THIS_MODULE NULL
void __module_get(void* module);
void module_put(void* module);
#define MODULE_IMPORT_NS(name)
#define MODULE_PARM_DESC(name, text)
#define module_param_array_named(name, array, type, count, mode)

/// A tracepoint calls this with its name and what it is about.
void stand_in_traced(const char* name, const void* object);
#define TP_PROTO(...) __VA_ARGS__
#define TP_ARGS(first, ...) first
#define DECLARE_EVENT_CLASS(name, ...)
#define DEFINE_EVENT(class, name, proto, args)                                                               \
    static inline void trace_##name(proto) { stand_in_traced(#name, args); }
#define TRACE_EVENT(name, proto, args, ...) DEFINE_EVENT(, name, TP_PROTO(proto), args)

// ---- devices ----

struct class;
struct attribute_group;
struct device {
    struct class* class;
    struct device* parent;
    void (*release)(struct device*);
    const struct attribute_group** groups;
    dev_t devt;
    struct kref ref;
};
void device_initialize(struct device* dev);
struct device* get_device(struct device* dev);
void put_device(struct device* dev);
#define dev_name(dev) ((void)(dev), "0000:01:00.0")
#define dev_set_name(dev, ...) ((void)(dev), 0)
#define dev_info(dev, ...) ((void)(dev))
#define dev_err(dev, ...) ((void)(dev))
#define dev_crit(dev, ...) ((void)(dev))
#define MINOR(devt) ((unsigned)(devt))

struct cdev {
    void* owner;
};
struct inode {
    struct cdev* i_cdev;
};
#define cdev_init(cdev, operations) ((void)(operations), (cdev)->owner = NULL)
#define cdev_device_add(cdev, dev) ((void)(cdev), (void)(dev), 0)
#define cdev_device_del(cdev, dev) ((void)(cdev), (void)(dev))

// ---- files ----

#define FMODE_NOWAIT 1u
struct file {
    void* private_data;
    unsigned f_mode;
};

#define EPOLLIN 1u
#define EPOLLERR 8u
#define EPOLLHUP 16u
#define EPOLLRDNORM 64u
typedef struct poll_table_struct poll_table;
#define poll_wait(file, queue, table) ((void)(file), (void)(queue), (void)(table))

#define IOCB_NOWAIT 1
struct kiocb {
    struct file* ki_filp;
    loff_t ki_pos;
    int ki_flags;
    void (*ki_complete)(struct kiocb*, long result); // NULL: the caller waits
};
#define is_sync_kiocb(iocb) ((iocb)->ki_complete == NULL)

/// One segment as such, as many as `segments`, or memory of the kernel.
struct iov_iter {
    enum { stand_in_ubuf, stand_in_iovec, stand_in_kvec } type;
    unsigned segments;
    void* ubuf;
    size_t iov_offset, count;
};
#define iter_is_ubuf(iter) ((iter)->type == stand_in_ubuf)
#define iter_is_iovec(iter) ((iter)->type == stand_in_iovec)
#define iov_iter_count(iter) ((iter)->count)
#define iov_iter_single_seg_count(iter) ((iter)->count / (iter)->segments)
#define iter_iov_addr(iter) ((void*)((uintptr_t)(iter)->ubuf + (iter)->iov_offset))

struct io_uring_cmd;
struct file_operations {
    void* owner;
    int (*open)(struct inode*, struct file*);
    int (*flush)(struct file*, fl_owner_t);
    int (*release)(struct inode*, struct file*);
    __poll_t (*poll)(struct file*, poll_table*);
    int (*mmap)(struct file*, struct vm_area_struct*);
    long (*unlocked_ioctl)(struct file*, unsigned, unsigned long);
    long (*compat_ioctl)(struct file*, unsigned, unsigned long);
    ssize_t (*read_iter)(struct kiocb*, struct iov_iter*);
    ssize_t (*write_iter)(struct kiocb*, struct iov_iter*);
    loff_t (*llseek)(struct file*, loff_t, int);
    int (*uring_cmd)(struct io_uring_cmd*, unsigned);
};
#define compat_ptr_ioctl NULL
#define noop_llseek NULL

struct eventfd_ctx;
struct eventfd_ctx* eventfd_ctx_fdget(int fd);
void eventfd_ctx_put(struct eventfd_ctx* context);
void eventfd_signal(struct eventfd_ctx* context);

// ---- batches ----

struct blk_plug_cb {
    struct list_head list;
    void (*callback)(struct blk_plug_cb*, bool from_schedule);
    void* data;
};
struct blk_plug_cb* blk_check_plugged(void (*callback)(struct blk_plug_cb*, bool), void* data, int bytes);

// ---- io_uring ----

#define IO_URING_F_NONBLOCK 1u
#define IO_URING_F_UNLOCKED 2u
#define IO_URING_F_SQE128 4u
#define IO_URING_F_CQE32 8u
#define IO_URING_F_CANCEL 16u
struct io_uring_sqe {
    const void* cmd; // as many bytes as there are, so that reading more is noticed
};
struct io_uring_cmd {
    struct file* file;
    const struct io_uring_sqe* sqe;
    u32 cmd_op;
    u32 flags;
    u8 pdu[32]; // at a multiple of 8
};
#define io_uring_sqe_cmd(sqe) ((sqe)->cmd)
void io_uring_cmd_done(struct io_uring_cmd* cmd, s32 result, u64 extra, unsigned issue_flags);
void io_uring_cmd_do_in_task_lazy(struct io_uring_cmd* cmd, void (*work)(struct io_uring_cmd*, unsigned));
void io_uring_cmd_mark_cancelable(struct io_uring_cmd* cmd, unsigned issue_flags);

#endif
