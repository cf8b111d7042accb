// SPDX-License-Identifier: MIT
//
// Addresses of sockets, from text and back.
#include <counterflow/socket_address.hpp>

#include <counterflow/error.hpp>

#include <arpa/inet.h>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <netinet/in.h>
#include <sys/un.h>

namespace cf {
namespace {

// The kernel's structures lie in the storage; copies keep within what the language allows.
template <class T>
T taken_from(const sockaddr_storage& storage) noexcept
{
    T one;
    std::memcpy(&one, &storage, sizeof one);
    return one;
}

template <class T>
socklen_t put_into(sockaddr_storage& storage, const T& one) noexcept
{
    static_assert(sizeof one <= sizeof storage);
    std::memcpy(&storage, &one, sizeof one);
    return sizeof one;
}

[[noreturn]] void refuse(std::string_view text, const char* why)
{
    throw error(errc::bad_argument,
                "address '" + std::string(text) + "' (" + why +
                    "; tcp:127.0.0.1:7000, tcp:[::1]:7000 and unix:/run/feed are addresses)");
}

std::uint16_t port_of(std::string_view text, std::string_view port)
{
    unsigned number = 0;
    const auto [end, wrong] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (wrong != std::errc() || end != port.data() + port.size() || number > 0xffff)
        refuse(text, "a port is a number, 0 to 65535");
    return static_cast<std::uint16_t>(number);
}

socklen_t parse_unix(std::string_view text, std::string_view path, sockaddr_storage& storage)
{
    sockaddr_un one{};
    one.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof one.sun_path) refuse(text, "a path has 1 to 107 bytes");
    path.copy(one.sun_path, path.size());
    put_into(storage, one);
    const std::size_t named = offsetof(sockaddr_un, sun_path) + path.size();
    if (path.front() != '@') return static_cast<socklen_t>(named + 1);
    reinterpret_cast<char*>(&storage)[offsetof(sockaddr_un, sun_path)] = '\0'; // the abstract namespace
    return static_cast<socklen_t>(named);
}

socklen_t parse_tcp(std::string_view text, std::string_view place, sockaddr_storage& storage)
{
    const std::size_t colon = place.rfind(':');
    if (colon == std::string_view::npos) refuse(text, "no port");
    const std::uint16_t port = htons(port_of(text, place.substr(colon + 1)));
    std::string host(place.substr(0, colon));
    if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
        host = host.substr(1, host.size() - 2);
        sockaddr_in6 one{};
        one.sin6_family = AF_INET6;
        one.sin6_port = port;
        if (::inet_pton(AF_INET6, host.c_str(), &one.sin6_addr) != 1) refuse(text, "not an IPv6 address");
        return put_into(storage, one);
    }
    sockaddr_in one{};
    one.sin_family = AF_INET;
    one.sin_port = port;
    if (::inet_pton(AF_INET, host.c_str(), &one.sin_addr) != 1)
        refuse(text, "not an IPv4 address; names are not looked up");
    return put_into(storage, one);
}

} // namespace

socket_address socket_address::parse(std::string_view text)
{
    socket_address parsed;
    if (text.starts_with("unix:")) {
        parsed.size_ = parse_unix(text, text.substr(5), parsed.storage_);
    } else if (text.starts_with("tcp:")) {
        parsed.size_ = parse_tcp(text, text.substr(4), parsed.storage_);
    } else {
        refuse(text, "no such kind");
    }
    return parsed;
}

socket_address socket_address::of(int fd)
{
    socket_address found;
    found.size_ = sizeof found.storage_;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&found.storage_), &found.size_) != 0)
        throw error(failure{{errno, std::system_category()}, "address of descriptor " + std::to_string(fd)});
    return found;
}

std::string socket_address::to_string() const
{
    char host[INET6_ADDRSTRLEN] = "";
    switch (family()) {
    case AF_INET: {
        const auto one = taken_from<sockaddr_in>(storage_);
        ::inet_ntop(AF_INET, &one.sin_addr, host, sizeof host);
        return "tcp:" + std::string(host) + ":" + std::to_string(ntohs(one.sin_port));
    }
    case AF_INET6: {
        const auto one = taken_from<sockaddr_in6>(storage_);
        ::inet_ntop(AF_INET6, &one.sin6_addr, host, sizeof host);
        return "tcp:[" + std::string(host) + "]:" + std::to_string(ntohs(one.sin6_port));
    }
    case AF_UNIX: {
        const auto one = taken_from<sockaddr_un>(storage_);
        constexpr std::size_t path_at = offsetof(sockaddr_un, sun_path);
        if (size_ <= path_at) return "unix:(unnamed)";
        if (one.sun_path[0] != '\0')
            return "unix:" + std::string(one.sun_path, ::strnlen(one.sun_path, size_ - path_at));
        return "unix:@" + std::string(one.sun_path + 1, size_ - path_at - 1);
    }
    default: return "(an address of family " + std::to_string(family()) + ")";
    }
}

} // namespace cf
