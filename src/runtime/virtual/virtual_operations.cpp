// SPDX-License-Identifier: MIT
//
// What becomes of io_uring operations in virtual time. Those on regular files are done at once and take no
// virtual time, so that a program can read its input and keep its result. All others would end when the world
// outside says so, and are refused.
#include "runtime/virtual/virtual_reactor.hpp"

#include "runtime/io_operation.hpp"
#include "runtime/watch_operation.hpp"

#include <counterflow/detail/io_operation.hpp>
#include <counterflow/error.hpp>

#include <cerrno>
#include <fcntl.h>
#include <new>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

namespace cf::detail {
namespace {

bool is_regular(int fd) noexcept
{
    struct stat of {};
    return ::fstat(fd, &of) != 0 || S_ISREG(of.st_mode); // what is no descriptor fails by itself
}

std::int32_t answer(long result) noexcept { return result < 0 ? -errno : static_cast<std::int32_t>(result); }

std::int32_t open_regular(const io_uring_sqe& entry) noexcept
{
    const auto* const path = reinterpret_cast<const char*>(static_cast<std::uintptr_t>(entry.addr));
    // O_NONBLOCK: the other end of a named pipe is not waited for.
    const int fd = ::openat(entry.fd, path, static_cast<int>(entry.open_flags) | O_NONBLOCK, entry.len);
    if (fd < 0 || is_regular(fd)) return answer(fd);
    ::close(fd);
    return not_in_virtual_time;
}

std::int32_t perform(const io_uring_sqe& entry) noexcept
{
    if (entry.opcode == IORING_OP_NOP) return 0;
    if (entry.opcode == IORING_OP_OPENAT) return open_regular(entry);
    if (!is_regular(entry.fd)) return not_in_virtual_time;
    auto* const memory = reinterpret_cast<void*>(static_cast<std::uintptr_t>(entry.addr));
    const auto offset = static_cast<off_t>(entry.off);
    const bool here = offset == -1; // where the file stands
    switch (entry.opcode) {
    case IORING_OP_READ:
    case IORING_OP_READ_FIXED:
        return answer(here ? ::read(entry.fd, memory, entry.len)
                           : ::pread(entry.fd, memory, entry.len, offset));
    case IORING_OP_WRITE:
    case IORING_OP_WRITE_FIXED:
        return answer(here ? ::write(entry.fd, memory, entry.len)
                           : ::pwrite(entry.fd, memory, entry.len, offset));
    case IORING_OP_WRITEV:
        return answer(
            ::pwritev(entry.fd, static_cast<const iovec*>(memory), static_cast<int>(entry.len), offset));
    case IORING_OP_FSYNC: return answer(::fsync(entry.fd));
    case IORING_OP_FALLOCATE:
        return answer(
            ::fallocate(entry.fd, static_cast<int>(entry.len), offset, static_cast<off_t>(entry.addr)));
    case IORING_OP_CLOSE: return answer(::close(entry.fd));
    default: return not_in_virtual_time;
    }
}

/// In an entry: the coroutine was stopped first.
constexpr std::uint8_t canceled_opcode = 0xff;

} // namespace

io_uring_sqe* virtual_reactor::take_entry() noexcept
{
    try {
        io_uring_sqe* const entry = &operations_.emplace_back();
        attention_ |= loop::has_requests;
        return entry;
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}

void virtual_reactor::cancel_operation_of(promise_base& coroutine) noexcept
{
    for (io_uring_sqe& entry : operations_)
        if (entry.user_data == reinterpret_cast<std::uintptr_t>(coroutine.frame()))
            entry.opcode = canceled_opcode;
}

/// Those that are there now: who is resumed may come back with another one, for the next tick.
void virtual_reactor::run_operations() noexcept
{
    if ((attention_ & loop::has_requests) == 0) return;
    const std::size_t count = operations_.size();
    for (std::size_t i = 0; i < count; ++i) {
        const io_uring_sqe entry = operations_[i];
        operations_[i].user_data = 0; // of nobody: the frame may be used again
        const std::int32_t result = entry.opcode == canceled_opcode ? -ECANCELED : perform(entry);
        ++counted_.submitted;
        ++counted_.completions;
        this_thread.answer = {result, 0};
        std::coroutine_handle<>::from_address(reinterpret_cast<void*>(entry.user_data)).resume();
        run_transfers();
    }
    operations_.erase(operations_.begin(), operations_.begin() + static_cast<std::ptrdiff_t>(count));
    if (operations_.empty()) attention_ &= ~loop::has_requests;
}

// Memory need not be pinned for operations that are done at once; and no operation names a file otherwise.
int virtual_reactor::register_resource(unsigned what, const void*, unsigned) noexcept
{
    const bool memory = what == IORING_REGISTER_BUFFERS || what == IORING_UNREGISTER_BUFFERS;
    return memory ? 0 : -EOPNOTSUPP;
}

void virtual_reactor::start_watch(watch_operation& operation)
{
    const int fd = operation.fd;
    delete &operation;
    throw error(errc::not_supported, "watching descriptor " + std::to_string(fd) +
                                         " in virtual time, where nothing outside the simulation happens");
}

} // namespace cf::detail
