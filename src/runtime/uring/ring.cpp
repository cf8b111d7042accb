// SPDX-License-Identifier: MIT
//
// Setting up io_uring by trying: what the kernel refuses is left out, down to Linux 5.10.
#include "runtime/uring/ring.hpp"

#include <counterflow/error.hpp>

#include <cerrno>
#include <cstring>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>

// Newer than the kernel headers of the systems we build on.
#ifndef IORING_REGISTER_RING_FDS
#define IORING_REGISTER_RING_FDS 20
#define IORING_UNREGISTER_RING_FDS 21
#endif
#ifndef IORING_ENTER_REGISTERED_RING
#define IORING_ENTER_REGISTERED_RING (1U << 4)
#endif
#ifndef IORING_SETUP_COOP_TASKRUN
#define IORING_SETUP_COOP_TASKRUN (1U << 8)
#define IORING_SETUP_TASKRUN_FLAG (1U << 9)
#endif
#ifndef IORING_SETUP_SINGLE_ISSUER
#define IORING_SETUP_SINGLE_ISSUER (1U << 12)
#endif
#ifndef IORING_SETUP_DEFER_TASKRUN
#define IORING_SETUP_DEFER_TASKRUN (1U << 13)
#endif

namespace cf::detail {
namespace {

constexpr unsigned most_entries = 32768;

int setup(unsigned entries, io_uring_params& params) noexcept
{
    const long fd = ::syscall(__NR_io_uring_setup, entries, &params);
    return fd < 0 ? -errno : static_cast<int>(fd);
}

int do_register(int fd, unsigned operation, const void* argument, unsigned count) noexcept
{
    const long result = ::syscall(__NR_io_uring_register, fd, operation, argument, count);
    return result < 0 ? -errno : static_cast<int>(result);
}

[[noreturn]] void refuse(int error_number, const runtime_options& options)
{
    const std::string what = "io_uring_setup with " + std::to_string(options.entries) +
                             " entries: " + std::system_category().message(error_number);
    switch (error_number) {
    case ENOSYS:
    case EPERM:
    case EACCES: throw error(errc::io_uring_refused, what);
    case ENOMEM: throw error(errc::memlock_exceeded, what);
    case EINVAL: throw error(errc::io_uring_refused, what + " (older than Linux 5.10?)");
    default: throw error(failure{std::error_code(error_number, std::system_category()), what});
    }
}

unsigned setup_flags(const runtime_features& features) noexcept
{
    unsigned flags = IORING_SETUP_R_DISABLED; // the thread that runs it enables it
    if (features.single_issuer) flags |= IORING_SETUP_SINGLE_ISSUER;
    if (features.defer_taskrun) flags |= IORING_SETUP_DEFER_TASKRUN;
    if (features.coop_taskrun) flags |= IORING_SETUP_COOP_TASKRUN;
    if (features.defer_taskrun || features.coop_taskrun) flags |= IORING_SETUP_TASKRUN_FLAG;
    return flags;
}

// The newest feature goes first. False when none is left to give up.
bool give_up_one(runtime_features& features) noexcept
{
    for (bool* feature : {&features.defer_taskrun, &features.single_issuer, &features.coop_taskrun}) {
        if (std::exchange(*feature, false)) return true;
    }
    return false;
}

} // namespace

mapping::mapping(int fd, std::size_t bytes, unsigned long long offset) : bytes_(bytes)
{
    start_ = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd,
                    static_cast<off_t>(offset));
    if (start_ == MAP_FAILED) {
        const int why = errno;
        throw error(why == ENOMEM || why == EAGAIN ? errc::memlock_exceeded : errc::io_uring_refused,
                    "mapping " + std::to_string(bytes) +
                        " bytes of rings: " + std::system_category().message(why));
    }
}

mapping& mapping::operator=(mapping&& other) noexcept
{
    std::swap(start_, other.start_);
    std::swap(bytes_, other.bytes_);
    return *this;
}

mapping::~mapping()
{
    if (start_ != nullptr) ::munmap(start_, bytes_);
}

ring::descriptor::~descriptor()
{
    if (value >= 0) ::close(value);
}

ring::ring(const runtime_options& options)
    : features(options.features), wants_place_(options.features.registered_ring)
{
    if (options.entries == 0 || options.entries > most_entries) {
        throw error(errc::bad_argument,
                    "runtime_options::entries is " + std::to_string(options.entries) + ", range 1 to 32768");
    }
    if (options.completions != 0 &&
        (options.completions < options.entries || options.completions > 2 * most_entries)) {
        throw error(errc::bad_argument, "runtime_options::completions is " +
                                            std::to_string(options.completions) + ", range " +
                                            std::to_string(options.entries) + " to 65536, or 0");
    }
    features.defer_taskrun = features.defer_taskrun && features.single_issuer;
    io_uring_params params;
    int fd;
    do {
        std::memset(&params, 0, sizeof params);
        params.flags = setup_flags(features);
        if (options.completions != 0) {
            params.flags |= IORING_SETUP_CQSIZE;
            params.cq_entries = options.completions;
        }
        fd = setup(options.entries, params);
    } while (fd == -EINVAL && give_up_one(features));
    if (fd < 0) refuse(-fd, options);
    fd_.value = enter_fd = fd;
    constexpr unsigned needed = IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE;
    if ((params.features & needed) != needed) {
        throw error(errc::io_uring_refused, "this kernel's io_uring is older than Linux 5.10's");
    }
    // Neither has a feature bit of its own; both came in the release of this one.
    registers_in_flight_ = (params.features & IORING_FEAT_RSRC_TAGS) != 0;
    features.multishot_poll = features.multishot_poll && registers_in_flight_;
    probe_operations();
    map(params);
}

void ring::probe_operations() noexcept
{
    constexpr unsigned most = 256;
    alignas(io_uring_probe) std::byte memory[sizeof(io_uring_probe) + most * sizeof(io_uring_probe_op)]{};
    const auto* const answer = reinterpret_cast<const io_uring_probe*>(memory);
    const bool known = do_register(fd_.value, IORING_REGISTER_PROBE, memory, most) >= 0;
    const auto has = [&](unsigned opcode) {
        return known && opcode < answer->ops_len && (answer->ops[opcode].flags & IO_URING_OP_SUPPORTED) != 0;
    };
    features.shutdown = features.shutdown && has(IORING_OP_SHUTDOWN);
    features.send_zc = features.send_zc && has(IORING_OP_SEND_ZC);
}

void ring::map(const io_uring_params& params)
{
    const std::size_t sq_bytes = params.sq_off.array + params.sq_entries * sizeof(unsigned);
    const std::size_t cq_bytes = params.cq_off.cqes + params.cq_entries * sizeof(io_uring_cqe);
    rings_ = mapping(fd_.value, sq_bytes > cq_bytes ? sq_bytes : cq_bytes, IORING_OFF_SQ_RING);
    entries_ = mapping(fd_.value, params.sq_entries * sizeof(io_uring_sqe), IORING_OFF_SQES);
    sq_head = rings_.at<unsigned>(params.sq_off.head);
    sq_tail = rings_.at<unsigned>(params.sq_off.tail);
    sq_flags = rings_.at<unsigned>(params.sq_off.flags);
    cq_head = rings_.at<unsigned>(params.cq_off.head);
    cq_tail = rings_.at<unsigned>(params.cq_off.tail);
    cqes = rings_.at<io_uring_cqe>(params.cq_off.cqes);
    sqes = entries_.at<io_uring_sqe>(0);
    sq_entries = params.sq_entries;
    cq_entries = params.cq_entries;
    unsigned* const array = rings_.at<unsigned>(params.sq_off.array);
    for (unsigned i = 0; i < sq_entries; ++i) array[i] = i; // entry i is always slot i
}

void ring::enable()
{
    if (!enabled_) {
        const int result = do_register(fd_.value, IORING_REGISTER_ENABLE_RINGS, nullptr, 0);
        if (result < 0) {
            throw error(errc::io_uring_refused,
                        "enabling the ring: " + std::system_category().message(-result));
        }
        enabled_ = true;
    }
    if (wants_place_) register_descriptor();
}

int ring::register_resource(unsigned what, const void* argument, unsigned count) noexcept
{
    // Once it is enabled there is always an operation: the watch for posts.
    if (enabled_ && !registers_in_flight_) return -EBUSY;
    return do_register(fd_.value, what, argument, count);
}

// Saves the kernel looking up the descriptor at each enter. A thread has 16 places; whoever
// finds none works without.
void ring::register_descriptor() noexcept
{
    io_uring_rsrc_update update{};
    update.offset = ~0U;
    update.data = static_cast<__u64>(fd_.value);
    features.registered_ring = do_register(fd_.value, IORING_REGISTER_RING_FDS, &update, 1) == 1;
    if (!features.registered_ring) return;
    enter_fd = static_cast<int>(update.offset);
    enter_flags = IORING_ENTER_REGISTERED_RING;
}

// Not in the destructor: places belong to threads, and that may run on another one.
void ring::give_back_place() noexcept
{
    if (enter_flags == 0) return;
    io_uring_rsrc_update update{};
    update.offset = static_cast<__u32>(enter_fd);
    do_register(fd_.value, IORING_UNREGISTER_RING_FDS, &update, 1);
    enter_fd = fd_.value;
    enter_flags = 0;
}

} // namespace cf::detail
