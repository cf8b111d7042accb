/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * The ABI between /dev/counterflowN and its users: kernel/ implements it, src/shim and C programs use it.
 * docs/kernel-abi.md explains it; what a reader must know to use one object is at that object.
 *
 * Rules that hold everywhere:
 *  - An open file is a session. It owns its buffers, leases, rings and transfers.
 *  - Structures have the same layout on 32 and 64 bit, in C and C++. All of them may grow at the end: the
 *    size a program was built with is part of the ioctl number, the kernel reads missing bytes as zero, and
 *    refuses bytes it does not know with E2BIG unless they are zero.
 *  - Reserved fields and unknown flags must be zero, else EINVAL.
 *  - Far memory is named (window, offset), near memory (buffer, offset). No bus, physical or MMIO
 *    address crosses this interface in either direction.
 */
#ifndef COUNTERFLOW_UAPI_H
#define COUNTERFLOW_UAPI_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define CF_ABI_VERSION 1

/* ---- what a device is ------------------------------------------------------------------------------ */

#define CF_NAME_BYTES 32 /* of every name, terminating zero included */

/* cf_info.backend */
#define CF_BACKEND_RING 1      /* the module owns the engine's registers: endless lists */
#define CF_BACKEND_DMAENGINE 2 /* a client of the kernel's dmaengine channels */

/* cf_info.side: where the engine sits */
#define CF_SIDE_LOCAL 1  /* in the near controller */
#define CF_SIDE_REMOTE 2 /* in the far one */

/* cf_info.near_port: which end of the link this machine is */
#define CF_PORT_UNKNOWN 0
#define CF_PORT_ROOT 1
#define CF_PORT_ENDPOINT 2

/* cf_info.features */
#define CF_FEATURE_URING_CMD (1ull << 0)    /* IORING_OP_URING_CMD is served */
#define CF_FEATURE_URING_CANCEL (1ull << 1) /* and such a command can be cancelled by io_uring */
#define CF_FEATURE_ASYNC_RW (1ull << 2)     /* IORING_OP_READ and _WRITE complete without a thread */
#define CF_FEATURE_DMABUF (1ull << 3)       /* CF_BUFFER_DMABUF is served */
#define CF_FEATURE_CAUSE (1ull << 4) /* aborts carry their cause; without it all are CF_STATUS_ABORTED */
#define CF_FEATURE_STOP (1ull << 5)  /* running transfers can be pulled out of the engine */

/* What the device and its driver are. Constant while the session lives, but for windows that are taken away.
 */
struct cf_info {
    __u32 abi_version;
    __u32 backend;
    __u64 features;
    __u32 side;
    __u32 near_port;
    __u32 wr_channels;
    __u32 rd_channels;
    __u32 windows;       /* indices 0 .. windows-1; one that was taken away is ENOENT */
    __u32 alignment;     /* addresses and lengths must be multiples of this power of two */
    __u64 max_transfer;  /* bytes */
    __u32 max_in_flight; /* transfers a session may have outstanding */
    __u32 max_buffers;   /* a session */
    __u32 max_slots;
    __u32 max_completions;
    __u64 default_timeout_ns; /* of a transfer that names none */
    __u64 max_timeout_ns;
    __u32 link_generation; /* 0: not known */
    __u32 link_lanes;
    __u32 link_mps_bytes;
    __u32 link_mrrs_bytes;
    __u8 device[CF_NAME_BYTES]; /* the kernel's name of the function, "0000:01:00.0" */
    __u64 reserved[2];
};

/* cf_window_info.flags */
#define CF_WINDOW_READABLE (1u << 0) /* by this session */
#define CF_WINDOW_WRITABLE (1u << 1)

/* One window, by its index: of those that were there when the session was opened. ENOENT: none, or no more.
 */
struct cf_window_info {
    __u32 window; /* in */
    __u32 flags;  /* out */
    __u64 size;   /* out: bytes */
    __u8 name[CF_NAME_BYTES];
    __u64 reserved[2];
};

/* ---- near memory ----------------------------------------------------------------------------------- */

/* cf_buffer_add.kind */
#define CF_BUFFER_USER 1   /* memory of this process, writable; pinned, counted against RLIMIT_MEMLOCK */
#define CF_BUFFER_KERNEL 2 /* allocated here, zeroed; mmap() it at mmap_offset; counted likewise */
#define CF_BUFFER_DMABUF 3 /* somebody else's, by a dma-buf descriptor */

/* cf_buffer_add.access: what transfers may do with it, at least one */
#define CF_ACCESS_WRITE (1u << 0) /* be the source of writes */
#define CF_ACCESS_READ (1u << 1)  /* be the destination of reads */

/* Registers memory once, for any number of transfers. The handle is the session's. */
struct cf_buffer_add {
    __u32 kind;
    __u32 access;
    __u64 address;     /* CF_BUFFER_USER: any alignment; else 0 */
    __u64 length;      /* bytes; CF_BUFFER_DMABUF: 0 takes the whole */
    __s32 fd;          /* CF_BUFFER_DMABUF; else 0 */
    __u32 flags;       /* 0 */
    __u32 buffer;      /* out: its handle, never 0 */
    __u32 pieces;      /* out: contiguous pieces as the engine sees it; 1 behind most IOMMUs */
    __u64 mmap_offset; /* out: CF_BUFFER_KERNEL */
    __u64 reserved[2];
};

/* CF_IOC_BUFFER_REMOVE and CF_IOC_LEASE_END. A buffer's handle is dead at once; its memory stays pinned
 * until the engine is proven past the last transfer that uses it. ESTALE: no such handle. */
struct cf_handle {
    __u32 handle;
    __u32 flags; /* 0 */
};

/* ---- channels -------------------------------------------------------------------------------------- */

/* The program's view: write moves near memory to the far end, read brings far memory here. */
#define CF_WRITE 1
#define CF_READ 2

/* cf_lease.flags */
#define CF_LEASE_EXCLUSIVE (1u << 0) /* nobody else's transfers on this channel; EBUSY when it is in use */

#define CF_ANY_CHANNEL 0xffffffffu

/* A channel of one's own choice. Not needed: transfers without a lease go to the channel with the least
 * to do among those that nobody holds exclusively. */
struct cf_lease {
    __u32 direction; /* CF_WRITE or CF_READ */
    __u32 channel;   /* in: index, or CF_ANY_CHANNEL; out: the one that was taken */
    __u32 flags;
    __u32 lease; /* out: handle, never 0 */
    __u64 reserved[2];
};

/* ---- transfers ------------------------------------------------------------------------------------- */

/* One transfer, however it is submitted. */
struct cf_transfer {
    __u16 direction;
    __u16 flags; /* 0 */
    __u32 lease; /* 0: none */
    __u32 buffer;
    __u32 window;
    __u64 buffer_offset;
    __u64 window_offset;
    __u64 length;     /* bytes, 1 .. max_transfer */
    __u64 timeout_ns; /* 0: the default. Never none: a hung engine must not hold a process */
    __u64 tag;        /* comes back; what CF_IOC_CANCEL names */
    __u64 reserved;
};

/* How a transfer ended. Where only an errno fits (a CQE, read(), CF_IOC_TRANSFER) it is the one given here,
 * and the two can be translated both ways. */
#define CF_STATUS_OK 0
#define CF_STATUS_UNSUPPORTED_REQUEST 1 /* ENXIO: nobody at the far end decodes the address */
#define CF_STATUS_COMPLETER_ABORT 2     /* EREMOTEIO: the far end refused */
#define CF_STATUS_COMPLETION_TIMEOUT 3  /* ETIMEDOUT: no completion for a read request */
#define CF_STATUS_DATA_POISONED 4       /* EBADMSG */
#define CF_STATUS_LOCAL_BUS_ERROR 5     /* ECOMM: the engine's own bus answered with an error */
#define CF_STATUS_LIST_FETCH_ERROR 6    /* EBADSLT: the engine could not fetch its list */
#define CF_STATUS_ABORTED 7             /* EIO: the engine gave no cause */
#define CF_STATUS_LINK_DOWN 8           /* ENOLINK */
#define CF_STATUS_DEVICE_GONE 9         /* ENODEV */
#define CF_STATUS_TIMED_OUT 10          /* ETIME: the deadline passed */
#define CF_STATUS_CANCELED 11           /* ECANCELED */
#define CF_STATUS_NO_MEMORY 12          /* ENOMEM: the provider of the channel had none for a descriptor */

/* cf_completion.errors: the engine's error bits of that channel, as read */
#define CF_ERROR_LOCAL_BUS (1u << 0)
#define CF_ERROR_LIST_FETCH (1u << 1)
#define CF_ERROR_UNSUPPORTED_REQUEST (1u << 2)
#define CF_ERROR_COMPLETER_ABORT (1u << 3)
#define CF_ERROR_COMPLETION_TIMEOUT (1u << 4)
#define CF_ERROR_DATA_POISONED (1u << 5)

#define CF_NO_CHANNEL 0xffu /* cf_completion.channel: it never reached one */

/* The outcome of a transfer. With any status but OK the destination's range is undefined; the engine
 * does not touch it any more, except after LINK_DOWN, DEVICE_GONE, and TIMED_OUT without CF_FEATURE_STOP:
 * then the memory stays pinned until the engine is proven past it, or for good. */
struct cf_completion {
    __u64 tag;
    __u64 bytes;   /* the length, or 0 */
    __u64 time_ns; /* CLOCK_MONOTONIC, when it was seen done */
    __u32 status;
    __u8 channel;
    __u8 reserved;
    __u16 errors;
};

/* CF_IOC_SUBMIT: queues `count` transfers, whose outcomes go to the completion ring; never waits. Stops
 * at the first that is refused: the ioctl fails only when that is the first of all, else `submitted` tells.
 * EAGAIN: no place in the ring. A place is taken when a transfer is submitted, so that the ring cannot
 * overflow. */
struct cf_submit {
    __u64 transfers; /* address of the first struct cf_transfer */
    __u32 count;
    __u32 stride;    /* bytes from one to the next: sizeof(struct cf_transfer) */
    __u32 flags;     /* 0 */
    __u32 submitted; /* out */
    __u64 reserved;
};

/* CF_IOC_TRANSFER: one transfer, waited for. Fails with the status's errno, `completion` filled in all the
 * same; EINTR after a signal, once the transfer is cancelled and over. Needs no ring. */
struct cf_transfer_wait {
    struct cf_transfer transfer;
    struct cf_completion completion; /* out */
};

/* cf_cancel.flags */
#define CF_CANCEL_ALL (1u << 0) /* every transfer of the session; `tag` must be 0 */

/* CF_IOC_CANCEL: asks the session's transfers of that tag to end. Each still ends once: CANCELED when it was
 * not complete, and only when the engine is proven past it. */
struct cf_cancel {
    __u64 tag;
    __u32 flags;
    __u32 matched; /* out */
};

/* ---- submission slots and the completion ring ------------------------------------------------------- */

/* CF_IOC_SETUP, once a session: makes what there is to mmap(). Either count may be 0. */
struct cf_setup {
    __u32 slots;       /* struct cf_transfer to submit by number; a power of two */
    __u32 completions; /* places of the ring; a power of two */
    __u32 flags;       /* 0 */
    __u32 reserved;
    __u64 slots_offset; /* out: for mmap() */
    __u64 slots_bytes;
    __u64 ring_offset;
    __u64 ring_bytes;
};

/* cf_ring.quiet */
#define CF_RING_QUIET 1u /* no eventfd now: the program is at it. After clearing it, look at `tail` again */

/* The start of the mmap()ed ring; the completions begin at CF_RING_HEADER_BYTES. Entry i is at index
 * i & (entries - 1). The kernel stores a completion, then `tail` (release); the program loads `tail`
 * (acquire), reads up to it, then stores `head` (release). Both only grow, and wrap at 2^32. */
struct cf_ring {
    __u32 head;  /* program */
    __u32 quiet; /* program */
    __u32 program_pad[14];
    __u32 tail; /* kernel */
    __u32 entries;
    __u32 kernel_pad[14];
};
#define CF_RING_HEADER_BYTES 128

/* CF_IOC_EVENTFD: signals an eventfd when completions arrive in the ring: at once, or when `count` have
 * gathered or `delay_us` went by since the first. */
struct cf_eventfd {
    __s32 fd;       /* -1: none any more */
    __u32 count;    /* 0 and 1: at once */
    __u32 delay_us; /* with count > 1: at least 1 */
    __u32 flags;    /* 0 */
};

/* ---- io_uring -------------------------------------------------------------------------------------- */

/* Commands for sqe->cmd_op. The CQE's res is the byte count or a negative errno (see the status list). Rings
 * with 32-byte CQEs also get the last 8 bytes of struct cf_completion. */

/* The payload of an ordinary SQE: the transfer stands in slot `slot` and is copied from there when the
 * command is issued, which for linked, drained or offloaded commands is later. Leave the slot alone until the
 * CQE. */
struct cf_uring_slot {
    __u32 slot;
    __u32 flags; /* 0 */
    __u64 reserved;
};

/* The payload of a 128-byte SQE: no slot needed. */
struct cf_uring_inline {
    struct cf_transfer transfer;
    __u64 reserved[2];
};

/* ---- read() and write() ---------------------------------------------------------------------------- */

/* pread(), pwrite(), IORING_OP_READ and _WRITE move between CF_BUFFER_USER memory, named by its address, and
 * the place in far memory that the file position names. */
#define CF_POSITION_SHIFT 48
#define CF_POSITION(window, offset) (((__u64)(window) << CF_POSITION_SHIFT) | (__u64)(offset))

/* ---- numbers --------------------------------------------------------------------------------------- */

#define CF_IOC_MAGIC 0xCF
#define CF_IOC_INFO _IOR(CF_IOC_MAGIC, 0x00, struct cf_info)
#define CF_IOC_WINDOW _IOWR(CF_IOC_MAGIC, 0x01, struct cf_window_info)
#define CF_IOC_BUFFER_ADD _IOWR(CF_IOC_MAGIC, 0x02, struct cf_buffer_add)
#define CF_IOC_BUFFER_REMOVE _IOW(CF_IOC_MAGIC, 0x03, struct cf_handle)
#define CF_IOC_LEASE _IOWR(CF_IOC_MAGIC, 0x04, struct cf_lease)
#define CF_IOC_LEASE_END _IOW(CF_IOC_MAGIC, 0x05, struct cf_handle)
#define CF_IOC_SETUP _IOWR(CF_IOC_MAGIC, 0x06, struct cf_setup)
#define CF_IOC_EVENTFD _IOW(CF_IOC_MAGIC, 0x07, struct cf_eventfd)
#define CF_IOC_SUBMIT _IOWR(CF_IOC_MAGIC, 0x08, struct cf_submit)
#define CF_IOC_TRANSFER _IOWR(CF_IOC_MAGIC, 0x09, struct cf_transfer_wait)
#define CF_IOC_CANCEL _IOWR(CF_IOC_MAGIC, 0x0a, struct cf_cancel)

#define CF_URING_SLOT _IOW(CF_IOC_MAGIC, 0x40, struct cf_uring_slot)
#define CF_URING_INLINE _IOW(CF_IOC_MAGIC, 0x41, struct cf_uring_inline)

/* ---- the layout, proven on every compiler that reads this -------------------------------------------- */

#ifdef __cplusplus
#define CF_ABI_ASSERT(condition) static_assert(condition, #condition)
#else
#define CF_ABI_ASSERT(condition) _Static_assert(condition, #condition)
#endif

CF_ABI_ASSERT(sizeof(struct cf_info) == 144);
CF_ABI_ASSERT(__builtin_offsetof(struct cf_info, max_transfer) == 40);
CF_ABI_ASSERT(__builtin_offsetof(struct cf_info, default_timeout_ns) == 64);
CF_ABI_ASSERT(__builtin_offsetof(struct cf_info, device) == 96);
CF_ABI_ASSERT(sizeof(struct cf_window_info) == 64);
CF_ABI_ASSERT(sizeof(struct cf_buffer_add) == 64);
CF_ABI_ASSERT(__builtin_offsetof(struct cf_buffer_add, mmap_offset) == 40);
CF_ABI_ASSERT(sizeof(struct cf_handle) == 8);
CF_ABI_ASSERT(sizeof(struct cf_lease) == 32);
CF_ABI_ASSERT(sizeof(struct cf_transfer) == 64);
CF_ABI_ASSERT(__builtin_offsetof(struct cf_transfer, buffer_offset) == 16);
CF_ABI_ASSERT(sizeof(struct cf_completion) == 32);
CF_ABI_ASSERT(__builtin_offsetof(struct cf_completion, status) == 24);
CF_ABI_ASSERT(sizeof(struct cf_submit) == 32);
CF_ABI_ASSERT(sizeof(struct cf_transfer_wait) == 96);
CF_ABI_ASSERT(sizeof(struct cf_cancel) == 16);
CF_ABI_ASSERT(sizeof(struct cf_setup) == 48);
CF_ABI_ASSERT(sizeof(struct cf_ring) == CF_RING_HEADER_BYTES);
CF_ABI_ASSERT(__builtin_offsetof(struct cf_ring, tail) == 64);
CF_ABI_ASSERT(sizeof(struct cf_eventfd) == 16);
CF_ABI_ASSERT(sizeof(struct cf_uring_slot) == 16);
CF_ABI_ASSERT(sizeof(struct cf_uring_inline) == 80);

#endif /* COUNTERFLOW_UAPI_H */
