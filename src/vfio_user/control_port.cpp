// SPDX-License-Identifier: MIT
//
// Lines in, lines out.
#include "vfio_user/control_port.hpp"

#include "vfio_user/control.hpp"
#include <counterflow/error.hpp>

#include <array>
#include <cerrno>
#include <sys/socket.h>

namespace cf::vfio_user {

void control_port::watch(std::vector<pollfd>& polled) const
{
    polled.push_back({listener_.socket(), POLLIN, 0});
    for (const client& c : clients_) polled.push_back({c.socket.get(), POLLIN, 0});
}

void control_port::serve()
{
    while (file_descriptor next = listener_.accept()) clients_.push_back({std::move(next), {}});
    std::erase_if(clients_, [&](client& c) { return !serve(c); });
}

/// False when the client has gone, or writes a line without an end.
bool control_port::serve(client& c)
{
    std::array<char, 1024> bytes;
    for (;;) {
        const ssize_t got = ::recv(c.socket.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
        if (got < 0) return errno == EAGAIN || errno == EINTR;
        if (got == 0) return false;
        c.line.append(bytes.data(), static_cast<std::size_t>(got));
        for (std::size_t end; (end = c.line.find('\n')) != std::string::npos; c.line.erase(0, end + 1))
            if (!answer(c, std::string_view(c.line).substr(0, end))) return false;
        if (c.line.size() > line_bytes_max) return false;
    }
}

bool control_port::answer(client& c, std::string_view line)
{
    if (line.ends_with('\r')) line.remove_suffix(1);
    std::string text;
    try {
        text = execute(device_, line) + "\n";
    } catch (const error& e) {
        text = std::string("error: ") + e.what() + "\n";
    }
    const ssize_t sent = ::send(c.socket.get(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent == static_cast<ssize_t>(text.size());
}

} // namespace cf::vfio_user
