// SPDX-License-Identifier: MIT
//
// A vfio-user client as small as they come: it sends bytes, lets the server's side of the connection run
// when the test says so, and takes the answer. Requests that no honest client sends are as easy as others.
#pragma once

#include "catch.hpp"
#include "vfio_user/protocol.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace cf::vfio_user::test {

template <class T>
void append(std::vector<std::byte>& to, const T& value)
{
    const std::size_t at = to.size();
    to.resize(at + sizeof value);
    std::memcpy(to.data() + at, &value, sizeof value);
}

template <class... Parts>
std::vector<std::byte> bytes_of(const Parts&... parts)
{
    std::vector<std::byte> result;
    (append(result, parts), ...);
    return result;
}

inline std::vector<std::byte> joined(std::vector<std::byte> front, const std::vector<std::byte>& back)
{
    const std::size_t at = front.size();
    front.resize(at + back.size());
    std::copy(back.begin(), back.end(), front.data() + at);
    return front;
}

/// What came back.
struct answer {
    header head{};
    std::vector<std::byte> payload;
    int file = -1; ///< the caller's to close

    bool arrived() const { return head.size != 0; }
    int error() const { return (head.flags & flag_error) != 0 ? static_cast<int>(head.error) : 0; }
    template <class T>
    T as(std::size_t offset = 0) const
    {
        T value{};
        REQUIRE(payload.size() >= offset + sizeof value);
        std::memcpy(&value, payload.data() + offset, sizeof value);
        return value;
    }
};

class client {
public:
    /// Owns `socket`; `serve` makes the other side answer what it has been sent.
    client(int socket, std::function<void()> serve) : socket_(socket), serve_(std::move(serve)) {}
    client(const client&) = delete;
    client& operator=(const client&) = delete;
    ~client() { hang_up(); }

    void hang_up()
    {
        if (socket_ >= 0) ::close(socket_);
        socket_ = -1;
    }
    void end_sending() { ::shutdown(socket_, SHUT_WR); }

    void send_raw(std::span<const std::byte> bytes, std::span<const int> files = {})
    {
        iovec part{const_cast<std::byte*>(bytes.data()), bytes.size()};
        alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(64 * sizeof(int))> control{};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        if (!files.empty()) {
            message.msg_control = control.data();
            message.msg_controllen = CMSG_SPACE(files.size_bytes());
            cmsghdr* const header = CMSG_FIRSTHDR(&message);
            header->cmsg_level = SOL_SOCKET;
            header->cmsg_type = SCM_RIGHTS;
            header->cmsg_len = CMSG_LEN(files.size_bytes());
            std::memcpy(CMSG_DATA(header), files.data(), files.size_bytes());
        }
        REQUIRE(::sendmsg(socket_, &message, MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
    }

    static std::vector<std::byte> message(command what, const std::vector<std::byte>& payload,
                                          std::uint16_t id = 7, std::uint32_t flags = 0)
    {
        const header head{.id = id,
                          .command = static_cast<std::uint16_t>(what),
                          .size = static_cast<std::uint32_t>(sizeof(header) + payload.size()),
                          .flags = flags,
                          .error = 0};
        return joined(bytes_of(head), payload);
    }

    answer ask(command what, const std::vector<std::byte>& payload, std::span<const int> files = {})
    {
        const std::uint16_t id = ++id_;
        send_raw(message(what, payload, id), files);
        serve_();
        const answer got = take();
        if (got.arrived()) {
            CHECK(got.head.id == id);
            CHECK(got.head.command == static_cast<std::uint16_t>(what));
            CHECK((got.head.flags & type_mask) == type_reply);
        }
        return got;
    }

    /// An answer that has been sent; not arrived() when there is none, or the connection has ended.
    answer take()
    {
        answer got;
        if (!receive(std::as_writable_bytes(std::span(&got.head, 1)), &got.file)) return {};
        got.payload.resize(got.head.size - sizeof(header));
        if (!got.payload.empty()) REQUIRE(receive(got.payload, nullptr));
        return got;
    }
    bool hung_up_on()
    {
        std::byte byte;
        return ::recv(socket_, &byte, 1, MSG_DONTWAIT) == 0;
    }

private:
    bool receive(std::span<std::byte> into, int* file)
    {
        iovec part{into.data(), into.size()};
        alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        if (::recvmsg(socket_, &message, MSG_DONTWAIT) != static_cast<ssize_t>(into.size())) return false;
        const cmsghdr* const header = CMSG_FIRSTHDR(&message);
        if (file && header) std::memcpy(file, CMSG_DATA(header), sizeof *file);
        return true;
    }

    int socket_;
    std::function<void()> serve_;
    std::uint16_t id_ = 0;
};

} // namespace cf::vfio_user::test
