// SPDX-License-Identifier: MIT
//
// socket_address: where a stream socket listens or is connected to, TCP or Unix.
#pragma once

#include <counterflow/detail/export.hpp>

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace cf {

/// An address of a TCP socket (IPv4, IPv6) or of a Unix socket. A value.
class CF_API socket_address {
public:
    /// From text: `tcp:127.0.0.1:7000`, `tcp:[::1]:7000` or `unix:/run/feed`; `unix:@name` is an address in
    /// the abstract namespace. Hosts are given by number: looking names up blocks, and is the caller's
    /// business. Throws cf::error (errc::bad_argument) naming the text and what is wrong with it.
    static socket_address parse(std::string_view text);

    /// Where the socket `fd` listens or stands; tells the port that was chosen for port 0. Throws cf::error.
    static socket_address of(int fd);

    /// As parse() takes it.
    std::string to_string() const;

    const sockaddr* data() const noexcept { return reinterpret_cast<const sockaddr*>(&storage_); }
    socklen_t size() const noexcept { return size_; }
    int family() const noexcept { return storage_.ss_family; } ///< AF_INET, AF_INET6 or AF_UNIX

private:
    socket_address() = default;

    sockaddr_storage storage_{};
    socklen_t size_ = 0;
};

} // namespace cf
