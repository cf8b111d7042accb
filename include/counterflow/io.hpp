// SPDX-License-Identifier: MIT
//
// Awaits on file descriptors, through the ring of the runtime the coroutine runs on. A await
// throws cf::error when the operation fails; as_result() (as_result.hpp) makes it return a
// cf::result instead. A stop request ends it with errc::canceled, once the kernel has let go of
// the buffer; an operation that was not started when the request came is never started.
#pragma once

#include <counterflow/detail/io_operation.hpp>
#include <counterflow/file_descriptor.hpp>
#include <counterflow/result.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>

namespace cf {

/// Offset for streams, pipes and sockets, which have no positions: the file's own.
inline constexpr std::uint64_t current_position = ~std::uint64_t{0};

namespace detail {

/// What the operation was asked to do, for the error message.
struct io_description {
    const char* verb;
    file_ref file;
    std::uint64_t bytes;  ///< 0: does not move bytes
    std::uint64_t offset; ///< current_position: none
};

[[gnu::cold]] CF_API failure io_failure(std::int32_t result, const io_description& what);
[[gnu::cold]] CF_API failure io_failure(std::int32_t result, std::string what);

/// Says in an entry which file is meant.
[[gnu::always_inline]] inline void set_file(io_uring_sqe& entry, file_ref file) noexcept
{
    entry.fd = file.number();
    entry.flags = file.is_registered() ? IOSQE_FIXED_FILE : std::uint8_t{0};
}

/// The two ways of resuming. Derived has `describe() const`, an io_description or a string, and, unless Value
/// is void, `Value value(std::int32_t result) const`. It can be copied.
template <class Derived, class Value>
class io_awaiter_of : public io_awaiter<Derived> {
public:
    [[gnu::always_inline]] Value await_resume() const
    {
        if (this->result() < 0) [[unlikely]]
            fail(derived());
        if constexpr (!std::is_void_v<Value>) return derived().value(this->result());
    }

    /// The form as_result() uses.
    cf::result<Value> await_resume_result() const
    {
        if (this->result() < 0) [[unlikely]]
            return io_failure(this->result(), derived().describe());
        if constexpr (std::is_void_v<Value>) {
            return {};
        } else {
            return derived().value(this->result());
        }
    }

private:
    // By value, so that the common path need not form an address.
    [[gnu::cold, gnu::noinline, noreturn]] static void fail(Derived failed)
    {
        throw error(io_failure(failed.result(), failed.describe()));
    }
    const Derived& derived() const noexcept { return static_cast<const Derived&>(*this); }
};

struct nop_awaiter : io_awaiter_of<nop_awaiter, void> {
    void prepare(io_uring_sqe& entry) const noexcept { entry.opcode = IORING_OP_NOP; }
    io_description describe() const noexcept { return {"no-op", -1, 0, current_position}; }
};

/// The kernel moves at most this much at once; more would be a short count anyway.
inline std::uint32_t io_length(std::size_t bytes) noexcept
{
    constexpr std::size_t most = 0x7ffff000;
    return static_cast<std::uint32_t>(bytes < most ? bytes : most);
}

/// Moves bytes between memory and a place in a file. The operation is one of four; `buffer` counts for those
/// on registered memory.
template <std::uint8_t Opcode, class Byte>
class move_awaiter : public io_awaiter_of<move_awaiter<Opcode, Byte>, std::size_t> {
public:
    move_awaiter(file_ref file, std::span<Byte> memory, std::uint64_t offset, unsigned buffer = 0) noexcept
        : memory_(memory), offset_(offset), file_(file), buffer_(buffer)
    {
    }
    void prepare(io_uring_sqe& entry) const noexcept
    {
        entry.opcode = Opcode;
        set_file(entry, file_);
        entry.addr = reinterpret_cast<std::uintptr_t>(memory_.data());
        entry.len = io_length(memory_.size());
        entry.off = offset_;
        entry.buf_index = static_cast<std::uint16_t>(buffer_);
    }
    io_description describe() const noexcept { return {verb, file_, memory_.size(), offset_}; }
    std::size_t value(std::int32_t result) const noexcept { return static_cast<std::size_t>(result); }

private:
    static constexpr const char* verb = Opcode == IORING_OP_READ         ? "read"
                                        : Opcode == IORING_OP_WRITE      ? "write"
                                        : Opcode == IORING_OP_READ_FIXED ? "read into registered memory"
                                                                         : "write of registered memory";

    std::span<Byte> memory_;
    std::uint64_t offset_;
    file_ref file_;
    unsigned buffer_;
};

using read_awaiter = move_awaiter<IORING_OP_READ, std::byte>;
using write_awaiter = move_awaiter<IORING_OP_WRITE, const std::byte>;
using read_fixed_awaiter = move_awaiter<IORING_OP_READ_FIXED, std::byte>;
using write_fixed_awaiter = move_awaiter<IORING_OP_WRITE_FIXED, const std::byte>;

class poll_awaiter : public io_awaiter_of<poll_awaiter, std::uint32_t> {
public:
    poll_awaiter(int fd, std::uint32_t events) noexcept : fd_(fd), events_(events) {}
    void prepare(io_uring_sqe& entry) const noexcept
    {
        entry.opcode = IORING_OP_POLL_ADD;
        entry.fd = fd_;
        entry.poll32_events = events_;
    }
    io_description describe() const noexcept { return {"poll", fd_, 0, current_position}; }
    std::uint32_t value(std::int32_t result) const noexcept { return static_cast<std::uint32_t>(result); }

private:
    int fd_;
    std::uint32_t events_;
};

class read_eventfd_awaiter : public io_awaiter_of<read_eventfd_awaiter, std::uint64_t> {
public:
    explicit read_eventfd_awaiter(int fd) noexcept : fd_(fd) {}
    void prepare(io_uring_sqe& entry) const noexcept
    {
        entry.opcode = IORING_OP_READ;
        entry.fd = fd_;
        entry.addr = reinterpret_cast<std::uintptr_t>(&counter_);
        entry.len = sizeof counter_;
        entry.off = current_position;
    }
    io_description describe() const noexcept
    {
        return {"read of eventfd", fd_, sizeof counter_, current_position};
    }
    std::uint64_t value(std::int32_t) const noexcept { return counter_; }

private:
    int fd_;
    mutable std::uint64_t counter_ = 0; // the kernel's until the completion
};

class fsync_awaiter : public io_awaiter_of<fsync_awaiter, void> {
public:
    fsync_awaiter(file_ref file, bool data_only) noexcept : file_(file), data_only_(data_only) {}
    void prepare(io_uring_sqe& entry) const noexcept
    {
        entry.opcode = IORING_OP_FSYNC;
        set_file(entry, file_);
        entry.fsync_flags = data_only_ ? IORING_FSYNC_DATASYNC : 0;
    }
    io_description describe() const noexcept
    {
        return {data_only_ ? "fdatasync" : "fsync", file_, 0, current_position};
    }

private:
    file_ref file_;
    bool data_only_;
};

} // namespace detail

/// Goes through the ring and back without doing anything.
[[nodiscard]] inline auto nop() noexcept { return detail::nop_awaiter(); }

/// Reads up to into.size() bytes of `file` at byte `offset`, or where the file stands. Yields the number of
/// bytes read: 0 at the end of the file, and possibly fewer than asked for anywhere (a short read);
/// reading on is the caller's business. `into` must live until the await has ended.
[[nodiscard]] inline auto read_at(file_ref file, std::span<std::byte> into, std::uint64_t offset) noexcept
{
    return detail::read_awaiter(file, into, offset);
}

/// Writes up to from.size() bytes to `file` at byte `offset`. Yields the number of bytes written, which can
/// be fewer than asked for. `from` must live until the await has ended.
[[nodiscard]] inline auto write_at(file_ref file, std::span<const std::byte> from,
                                   std::uint64_t offset) noexcept
{
    return detail::write_awaiter(file, from, offset);
}

/// Waits until one of `events` (POLLIN, POLLOUT, ... of poll.h) holds for `fd`; yields those that do.
[[nodiscard]] inline auto poll(int fd, std::uint32_t events) noexcept
{
    return detail::poll_awaiter(fd, events);
}

/// Waits until an eventfd's counter is not zero, takes it and yields it.
[[nodiscard]] inline auto read_eventfd(int fd) noexcept { return detail::read_eventfd_awaiter(fd); }

/// Waits until everything written to `file` is on its disk.
[[nodiscard]] inline auto fsync(file_ref file) noexcept { return detail::fsync_awaiter(file, false); }

/// The same, but for what is not needed to read the data back, such as the time of the last change.
[[nodiscard]] inline auto fdatasync(file_ref file) noexcept { return detail::fsync_awaiter(file, true); }

} // namespace cf
