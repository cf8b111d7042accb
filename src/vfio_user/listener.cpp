// SPDX-License-Identifier: MIT
//
// bind, listen, accept.
#include "vfio_user/listener.hpp"

#include <counterflow/error.hpp>

#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <system_error>
#include <utility>

namespace cf::vfio_user {
namespace {

[[noreturn]] void fail(const std::string& path, const std::string& what, int code)
{
    throw error(failure{std::error_code(code, std::system_category()), "socket " + path + ": " + what});
}

sockaddr_un address_of(const std::string& path)
{
    sockaddr_un address{};
    if (path.empty() || path.size() >= sizeof address.sun_path)
        throw error(errc::bad_argument, "socket '" + path + "': its path must have 1 to " +
                                            std::to_string(sizeof address.sun_path - 1) + " bytes");
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

const sockaddr* generic(const sockaddr_un& address) { return reinterpret_cast<const sockaddr*>(&address); }

/// Removes the name of a socket whose server has gone without removing it. Files that are no sockets refuse
/// connections, too.
void remove_abandoned(const sockaddr_un& address)
{
    struct stat found {};
    if (::lstat(address.sun_path, &found) != 0 || !S_ISSOCK(found.st_mode)) return;
    const file_descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(probe.get(), generic(address), sizeof address) != 0 && errno == ECONNREFUSED)
        ::unlink(address.sun_path);
}

} // namespace

listener::listener(std::string path)
    : path_(std::move(path)), socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0))
{
    const sockaddr_un address = address_of(path_);
    if (!socket_) fail(path_, "socket", errno);
    remove_abandoned(address);
    if (::bind(socket_.get(), generic(address), sizeof address) != 0)
        fail(path_,
             errno == EADDRINUSE ? "somebody listens there, or it is a file; name another place" : "bind",
             errno);
    if (::listen(socket_.get(), SOMAXCONN) != 0) fail(path_, "listen", errno);
}

listener::~listener() { ::unlink(path_.c_str()); }

file_descriptor listener::accept() const
{
    return file_descriptor(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
}

} // namespace cf::vfio_user
