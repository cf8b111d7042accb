// SPDX-License-Identifier: MIT
//
// Stream sockets as awaits. Making one and listening do not wait and are plain functions. What Linux 5.10
// lacks is done in another way there: shutdown (5.11) by the system call, sending without a copy (6.0) by
// sending. None of it exists in virtual time (errc::not_supported), where nobody is at the other end.
#pragma once

#include <counterflow/file_descriptor.hpp>
#include <counterflow/io.hpp>
#include <counterflow/socket_address.hpp>
#include <counterflow/task.hpp>

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace cf {

namespace detail {

class connect_awaiter : public io_awaiter_of<connect_awaiter, void> {
public:
    connect_awaiter(file_ref socket, const socket_address& to) noexcept : to_(to), socket_(socket) {}
    void prepare(io_uring_sqe& entry) const noexcept
    {
        entry.opcode = IORING_OP_CONNECT;
        set_file(entry, socket_);
        entry.addr = reinterpret_cast<std::uintptr_t>(to_.data());
        entry.off = to_.size();
    }
    std::string describe() const { return "connect to " + to_.to_string(); }

private:
    socket_address to_;
    file_ref socket_;
};

class accept_awaiter : public io_awaiter_of<accept_awaiter, file_descriptor> {
public:
    explicit accept_awaiter(file_ref socket) noexcept : socket_(socket) {}
    void prepare(io_uring_sqe& entry) const noexcept
    {
        entry.opcode = IORING_OP_ACCEPT;
        set_file(entry, socket_);
        entry.accept_flags = SOCK_CLOEXEC;
    }
    io_description describe() const noexcept { return {"accept", socket_, 0, current_position}; }
    file_descriptor value(std::int32_t result) const noexcept { return file_descriptor(result); }

private:
    file_ref socket_;
};

class send_awaiter : public io_awaiter_of<send_awaiter, std::size_t> {
public:
    send_awaiter(file_ref socket, std::span<const std::byte> from, int flags) noexcept
        : from_(from), socket_(socket), flags_(flags)
    {
    }
    void prepare(io_uring_sqe& entry) const noexcept
    {
        entry.opcode = IORING_OP_SEND;
        set_file(entry, socket_);
        entry.addr = reinterpret_cast<std::uintptr_t>(from_.data());
        entry.len = io_length(from_.size());
        entry.msg_flags = static_cast<std::uint32_t>(flags_ | MSG_NOSIGNAL);
    }
    io_description describe() const noexcept { return {"send", socket_, from_.size(), current_position}; }
    std::size_t value(std::int32_t result) const noexcept { return static_cast<std::size_t>(result); }

private:
    std::span<const std::byte> from_;
    file_ref socket_;
    int flags_;
};

class receive_awaiter : public io_awaiter_of<receive_awaiter, std::size_t> {
public:
    receive_awaiter(file_ref socket, std::span<std::byte> into, int flags) noexcept
        : into_(into), socket_(socket), flags_(flags)
    {
    }
    void prepare(io_uring_sqe& entry) const noexcept
    {
        entry.opcode = IORING_OP_RECV;
        set_file(entry, socket_);
        entry.addr = reinterpret_cast<std::uintptr_t>(into_.data());
        entry.len = io_length(into_.size());
        entry.msg_flags = static_cast<std::uint32_t>(flags_);
    }
    io_description describe() const noexcept { return {"receive", socket_, into_.size(), current_position}; }
    std::size_t value(std::int32_t result) const noexcept { return static_cast<std::size_t>(result); }

private:
    std::span<std::byte> into_;
    file_ref socket_;
    int flags_;
};

} // namespace detail

/// A stream socket that can be connected to an address like `address`. Throws cf::error.
CF_API file_descriptor make_socket(const socket_address& address);

/// A socket that listens at `address`, with room for `backlog` that were not accepted yet. A Unix socket's
/// path must not exist, and stays when the socket is closed. Throws cf::error naming the address.
CF_API file_descriptor listen(const socket_address& address, int backlog = 16);

/// Connects `socket`. After a failure or a stop request the socket is of no use any more: close it.
[[nodiscard]] inline auto connect(file_ref socket, const socket_address& to) noexcept
{
    return detail::connect_awaiter(socket, to);
}

/// Waits for somebody who connects to a listening socket; yields the owner of the new socket.
[[nodiscard]] inline auto accept(file_ref listening) noexcept { return detail::accept_awaiter(listening); }

/// Sends up to from.size() bytes; yields how many, which can be fewer. Waits while the peer takes nothing. A
/// peer that is gone is EPIPE or ECONNRESET, never a signal. `flags` are those of send(2). `from` must live
/// until the await has ended.
[[nodiscard]] inline auto send(file_ref socket, std::span<const std::byte> from, int flags = 0) noexcept
{
    return detail::send_awaiter(socket, from, flags);
}

/// Receives up to into.size() bytes; yields how many, 0 when the peer has shut down its side. `flags` are
/// those of recv(2). `into` must live until the await has ended.
[[nodiscard]] inline auto receive(file_ref socket, std::span<std::byte> into, int flags = 0) noexcept
{
    return detail::receive_awaiter(socket, into, flags);
}

/// Like send(), but the network takes the bytes from where they lie: nothing is copied where the kernel has
/// IORING_OP_SEND_ZC and the socket can (TCP); otherwise this is send(). Ends when the kernel is done with
/// `from`, which is when the peer has acknowledged it, and not earlier for a stop request. Worth it from some
/// 10 KB on. `from` must live until the await has ended.
CF_API task<std::size_t> send_zc(file_ref socket, std::span<const std::byte> from);

/// The same out of memory that is registered with the runtime, as read_fixed() of registered.hpp names it;
/// the kernel need not look up its pages.
CF_API task<std::size_t> send_zc_fixed(file_ref socket, std::span<const std::byte> from, unsigned buffer);

/// Ends one direction of a connection, or both: `how` is SHUT_RD, SHUT_WR or SHUT_RDWR. A peer's receive()
/// yields 0 when all sent before has arrived.
CF_API task<> shutdown(file_ref socket, int how);

} // namespace cf
