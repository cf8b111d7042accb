// SPDX-License-Identifier: MIT
//
// Sockets: making them, and the operations that take more than one completion or another way on old kernels.
#include <counterflow/socket.hpp>

#include "runtime/io_operation.hpp"

#include <counterflow/detail/loop.hpp>

#include <cerrno>
#include <coroutine>

namespace cf {
namespace {

[[noreturn]] void fail(const char* what, const socket_address& address)
{
    throw error(failure{{errno, std::system_category()}, std::string(what) + " " + address.to_string()});
}

/// Submits a send without a copy. It has two completions, and its coroutine is resumed by each: the second
/// one, which comes when the memory is free again, is awaited by `notification`.
class send_zc_awaiter : public detail::io_awaiter<send_zc_awaiter> {
public:
    static constexpr int no_buffer = -1;

    send_zc_awaiter(file_ref socket, std::span<const std::byte> from, int buffer) noexcept
        : from_(from), socket_(socket), buffer_(buffer)
    {
    }
    void prepare(io_uring_sqe& entry) const noexcept
    {
        entry.opcode = IORING_OP_SEND_ZC;
        detail::set_file(entry, socket_);
        entry.addr = reinterpret_cast<std::uintptr_t>(from_.data());
        entry.len = detail::io_length(from_.size());
        entry.msg_flags = MSG_NOSIGNAL;
        if (buffer_ == no_buffer) return;
        entry.ioprio = IORING_RECVSEND_FIXED_BUF;
        entry.buf_index = static_cast<std::uint16_t>(buffer_);
    }
    detail::io_answer await_resume() const noexcept { return detail::this_thread.answer; }

private:
    std::span<const std::byte> from_;
    file_ref socket_;
    int buffer_;
};

/// Waits for another completion of the operation that this coroutine has submitted last. Nothing else resumes
/// it: a stop request finds no operation that it could cancel.
struct notification {
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<>) const noexcept {}
    void await_resume() const noexcept {}
};

task<std::size_t> send_zero_copy(file_ref socket, std::span<const std::byte> from, int buffer)
{
    if (detail::loop::current().has_operation(IORING_OP_SEND_ZC)) {
        const detail::io_answer sent = co_await send_zc_awaiter(socket, from, buffer);
        if ((sent.flags & IORING_CQE_F_MORE) != 0) co_await notification();
        if (sent.value >= 0) co_return static_cast<std::size_t>(sent.value);
        // EOPNOTSUPP: sockets that always copy, such as Unix ones.
        if (sent.value != -EOPNOTSUPP)
            throw error(
                detail::io_failure(sent.value, detail::io_description{"send without a copy", socket,
                                                                      from.size(), current_position}));
    }
    const std::size_t copied = co_await send(socket, from);
    co_return copied;
}

class shutdown_awaiter : public detail::io_awaiter_of<shutdown_awaiter, void> {
public:
    shutdown_awaiter(file_ref socket, int how) noexcept : socket_(socket), how_(how) {}
    void prepare(io_uring_sqe& entry) const noexcept
    {
        entry.opcode = IORING_OP_SHUTDOWN;
        detail::set_file(entry, socket_);
        entry.len = static_cast<std::uint32_t>(how_);
    }
    detail::io_description describe() const noexcept { return {"shutdown", socket_, 0, current_position}; }

private:
    file_ref socket_;
    int how_;
};

} // namespace

file_descriptor make_socket(const socket_address& address)
{
    file_descriptor made(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!made) fail("socket for", address);
    return made;
}

file_descriptor listen(const socket_address& address, int backlog)
{
    file_descriptor made = make_socket(address);
    const int on = 1;
    // Otherwise a port cannot be used for minutes after who had it is gone.
    if (address.family() != AF_UNIX &&
        ::setsockopt(made.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)
        fail("setting SO_REUSEADDR for", address);
    if (::bind(made.get(), address.data(), address.size()) != 0) fail("bind to", address);
    if (::listen(made.get(), backlog) != 0) fail("listen at", address);
    return made;
}

task<std::size_t> send_zc(file_ref socket, std::span<const std::byte> from)
{
    return send_zero_copy(socket, from, send_zc_awaiter::no_buffer);
}

task<std::size_t> send_zc_fixed(file_ref socket, std::span<const std::byte> from, unsigned buffer)
{
    return send_zero_copy(socket, from, static_cast<int>(buffer));
}

task<> shutdown(file_ref socket, int how)
{
    if (detail::loop::current().has_operation(IORING_OP_SHUTDOWN)) {
        co_await shutdown_awaiter(socket, how);
        co_return;
    }
    const detail::io_description what{"shutdown", socket, 0, current_position};
    if (detail::loop::current().simulation() != nullptr)
        throw error(detail::io_failure(detail::not_in_virtual_time, what));
    if (socket.is_registered()) throw error(detail::io_failure(-EOPNOTSUPP, what));
    if (::shutdown(socket.number(), how) != 0) throw error(detail::io_failure(-errno, what)); // never waits
}

} // namespace cf
