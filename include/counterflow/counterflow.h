// SPDX-License-Identifier: MIT
//
// counterflow for C and for other languages: devices, buffers and transfers, without coroutines and without
// an event loop. docs/c-api.md has a program.
//
// Everything here is of a device. Open one, register memory, submit transfers, each with a tag of yours, and
// poll for completions. Nothing waits: counterflow_fd() is for whatever loop you have.
//
// THREADS. A device belongs to the thread that first calls counterflow_submit() or counterflow_poll() for it;
// every function that takes the device or a buffer of it is for that thread, but counterflow_open() may have
// been called on another one before. Different devices may be used on different threads.
// counterflow_strerror() and counterflow_last_error() may be called anywhere.
//
// ERRORS. Functions return 0 or a count, or the negative of an enum counterflow_error. No C++ exception
// leaves them. Arguments that are pointers must be valid; a null pointer where one is needed is
// COUNTERFLOW_BAD_ARGUMENT.
//
// COMPATIBILITY. Structures begin with their size, which the caller sets to sizeof. The library reads and
// writes no more than that, and takes what a caller's older structure does not have as zero. Fields are only
// ever added at the end, and enumerators keep their values. Reserved fields must be zero.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COUNTERFLOW_EXPORT __attribute__((visibility("default")))

/// An opened device.
typedef struct counterflow_device counterflow_device;
/// Memory that a device may reach.
typedef struct counterflow_buffer counterflow_buffer;

/// What can go wrong; functions return the negative. counterflow_strerror() says what it means and what to
/// do.
enum counterflow_error {
    COUNTERFLOW_OK = 0,
    COUNTERFLOW_BAD_SPEC = 1,
    COUNTERFLOW_BAD_ARGUMENT = 2,
    COUNTERFLOW_ZERO_LENGTH = 3,
    COUNTERFLOW_OUT_OF_RANGE = 4,
    COUNTERFLOW_MISALIGNED = 5,
    COUNTERFLOW_NOT_REGISTERED = 6,
    COUNTERFLOW_NOT_SUPPORTED = 7,
    COUNTERFLOW_NO_SUCH_DEVICE = 8,
    COUNTERFLOW_NO_SUCH_WINDOW = 9,
    COUNTERFLOW_NO_SUCH_CHANNEL = 10,
    COUNTERFLOW_BUSY = 11,
    COUNTERFLOW_NOT_SET_UP = 12,
    COUNTERFLOW_MEMLOCK_EXCEEDED = 13,
    COUNTERFLOW_NO_MEMORY = 14,
    COUNTERFLOW_IO_URING_REFUSED = 15,
    COUNTERFLOW_CANCELED = 16,
    COUNTERFLOW_TIMED_OUT = 17,
    COUNTERFLOW_UNSUPPORTED_REQUEST = 18,
    COUNTERFLOW_COMPLETER_ABORT = 19,
    COUNTERFLOW_COMPLETION_TIMEOUT = 20,
    COUNTERFLOW_DATA_POISONED = 21,
    COUNTERFLOW_LOCAL_BUS_ERROR = 22,
    COUNTERFLOW_LIST_FETCH_ERROR = 23,
    COUNTERFLOW_ABORTED = 24,
    COUNTERFLOW_LINK_DOWN = 25,
    COUNTERFLOW_DEVICE_GONE = 26,
    COUNTERFLOW_VERIFICATION_FAILED = 27,
    COUNTERFLOW_BAD_RING = 28,
    COUNTERFLOW_OVERRUN = 29,
    COUNTERFLOW_OUT_OF_STEP = 30,
    COUNTERFLOW_BAD_RECORD = 31,
    /// Behind this: an error of the system, whose errno is the difference.
    COUNTERFLOW_SYSTEM = 1000
};

/// What `error`, positive or negative, means, and what to do about it. Never null; lasts as long as the
/// process.
COUNTERFLOW_EXPORT const char* counterflow_strerror(int error);

/// The sentence of the calling thread's last failed call: which value was wrong, and where. Empty before
/// there was one; lasts until the thread's next failed call.
COUNTERFLOW_EXPORT const char* counterflow_last_error(void);

/// For counterflow_open(). All zero but the size: the defaults.
struct counterflow_options {
    uint32_t size;          ///< sizeof(struct counterflow_options)
    uint32_t transfers_max; ///< submitted and not yet taken from counterflow_poll(), 1..1048576; 0: 1024
};

/// Opens `spec` ("/dev/counterflow0", "vfio:0000:01:00.0", "model:gen3x1", ...; docs/specs.md) and stores the
/// device, to be closed by counterflow_close(). `options` may be null. Memory for `transfers_max` transfers
/// is allocated here, and none later.
///
/// Errors: BAD_SPEC, NO_SUCH_DEVICE, NOT_SUPPORTED, NOT_SET_UP, BUSY, LINK_DOWN, MEMLOCK_EXCEEDED, NO_MEMORY,
/// IO_URING_REFUSED, BAD_ARGUMENT for options out of range.
COUNTERFLOW_EXPORT int counterflow_open(const char* spec, const struct counterflow_options* options,
                                        counterflow_device** device);

/// Stops the device's engines, waits until they are proven stopped, and frees the device. Transfers that
/// have not completed end without a completion, and completions not yet taken are lost. Buffers stay valid
/// memory until they are freed. Null is allowed.
COUNTERFLOW_EXPORT void counterflow_close(counterflow_device* device);

/// What a device is.
struct counterflow_info {
    uint32_t size;              ///< sizeof(struct counterflow_info), set by the caller
    uint32_t windows;           ///< how many windows of far memory there are
    uint32_t write_channels;    ///< hardware channels for COUNTERFLOW_WRITE
    uint32_t read_channels;     ///< and for COUNTERFLOW_READ
    uint64_t alignment;         ///< of addresses, offsets and sizes of transfers, bytes
    uint64_t write_bytes_per_s; ///< ceiling of writes while reads run too, 0: not known
    uint64_t read_bytes_per_s;  ///< ceiling of reads while writes run too, 0: not known
};

/// Fills in `info` as far as its size goes.
COUNTERFLOW_EXPORT int counterflow_get_info(counterflow_device* device, struct counterflow_info* info);

/// A range of far memory that the device or an administrator has declared.
struct counterflow_window {
    uint32_t size;    ///< sizeof(struct counterflow_window), set by the caller
    uint32_t index;   ///< what transfers call it
    uint64_t bytes;   ///< its length
    const char* name; ///< lasts until the device is closed
};

/// Finds a window by its name. Errors: NO_SUCH_WINDOW.
COUNTERFLOW_EXPORT int counterflow_find_window(counterflow_device* device, const char* name,
                                               struct counterflow_window* window);
/// The window `index`, 0 to counterflow_info.windows - 1. Errors: NO_SUCH_WINDOW.
COUNTERFLOW_EXPORT int counterflow_get_window(counterflow_device* device, uint32_t index,
                                              struct counterflow_window* window);

/// Allocates `bytes` of zeroed memory, pinned and mapped for the device, to be freed by
/// counterflow_buffer_free(). Errors: ZERO_LENGTH, NO_MEMORY, MEMLOCK_EXCEEDED.
COUNTERFLOW_EXPORT int counterflow_buffer_allocate(counterflow_device* device, size_t bytes,
                                                   counterflow_buffer** buffer);
/// The same with memory of the caller's, which stays mapped until the buffer is freed and its transfers have
/// ended. It may begin and end anywhere in a page.
COUNTERFLOW_EXPORT int counterflow_buffer_add(counterflow_device* device, void* memory, size_t bytes,
                                              counterflow_buffer** buffer);
/// Where the memory is, and its length in bytes. Null and 0 for a null buffer.
COUNTERFLOW_EXPORT void* counterflow_buffer_data(const counterflow_buffer* buffer);
COUNTERFLOW_EXPORT size_t counterflow_buffer_size(const counterflow_buffer* buffer);
/// Frees a buffer. Allowed while transfers of it are under way: its memory is released, or that of the caller
/// unpinned, when the last of them has ended. Null is allowed.
COUNTERFLOW_EXPORT void counterflow_buffer_free(counterflow_buffer* buffer);

enum counterflow_kind {
    COUNTERFLOW_WRITE = 0, ///< near memory to the far end
    COUNTERFLOW_READ = 1   ///< far memory to here
};

/// Priorities share the link 16 : 4 : 1 while all of them have transfers waiting.
enum counterflow_priority { COUNTERFLOW_NORMAL = 0, COUNTERFLOW_HIGH = 1, COUNTERFLOW_LOW = 2 };

/// One transfer to be made.
struct counterflow_transfer {
    uint32_t size;                    ///< sizeof(struct counterflow_transfer)
    uint32_t kind;                    ///< enum counterflow_kind
    uint64_t tag;                     ///< comes back with the completion; need not be unique
    const counterflow_buffer* buffer; ///< of the same device
    uint64_t buffer_offset;           ///< bytes from the buffer's start
    uint64_t bytes;                   ///< how much to move, at least 1
    uint64_t window_offset;           ///< bytes from the window's start
    uint32_t window;                  ///< counterflow_window.index
    uint32_t priority;                ///< enum counterflow_priority
    uint64_t deadline_ns;             ///< from now; 0: none. Then it ends with TIMED_OUT
};

/// Starts `count` transfers, which stand in an array of structures of transfers[0].size bytes, and hands them
/// to the engine together. They run in any order, both kinds at once. Returns how many were started: fewer
/// than `count` when there is no room before completions have been taken, and 0 when there is none at all.
/// What is wrong with a single transfer (OUT_OF_RANGE, MISALIGNED, ...) comes as its completion.
///
/// Errors, with nothing started: BAD_ARGUMENT for a size or kind that this library does not know, or on
/// another thread than the first time.
COUNTERFLOW_EXPORT int counterflow_submit(counterflow_device* device,
                                          const struct counterflow_transfer* transfers, unsigned count);

/// How a transfer has ended. This structure never changes.
struct counterflow_completion {
    uint64_t tag;      ///< of the transfer
    uint64_t bytes;    ///< moved: all that were asked for, or 0 with an error
    int32_t error;     ///< COUNTERFLOW_OK, or a negative enum counterflow_error
    uint32_t kind;     ///< enum counterflow_kind
    uint64_t reserved; ///< 0
};

/// Looks what has ended, without waiting, and stores up to `most` completions in the order in which they
/// came. Returns how many; fewer than `most` means that there are no more at the moment. Each transfer
/// completes exactly once, when the engine cannot touch its memory any more (with DEVICE_GONE: when the
/// device itself can no longer be asked). After CANCELED, TIMED_OUT or an abort any part of the destination
/// may have been written.
///
/// To be called when counterflow_fd() is readable, until it returns fewer than `most`. On a `sim:` device
/// time passes in here and in counterflow_submit(), as far as it takes for everything submitted to end.
///
/// Errors: BAD_ARGUMENT on another thread than the first time.
COUNTERFLOW_EXPORT int counterflow_poll(counterflow_device* device,
                                        struct counterflow_completion* completions, unsigned most);

/// A descriptor that is readable (POLLIN, EPOLLIN, edge- or level-triggered) when there is something for
/// counterflow_poll(). The device's; never read or close it. Waiting for it may end with EINTR.
COUNTERFLOW_EXPORT int counterflow_fd(const counterflow_device* device);

/// Stops all transfers with this tag, in time that grows with the number under way. They complete with
/// CANCELED: at the next poll where the engine has none of them, else when it is proven past them; or as they
/// would have, when they were faster. Returns how many there were.
///
/// Errors: BAD_ARGUMENT on another thread than the first time.
COUNTERFLOW_EXPORT int counterflow_cancel(counterflow_device* device, uint64_t tag);

#ifdef __cplusplus
}
#endif
