// SPDX-License-Identifier: MIT
//
// The control socket: a line is a command, and is answered by a line. Several clients may be connected.
#pragma once

#include "vfio_user/endpoint.hpp"
#include "vfio_user/listener.hpp"
#include <counterflow/file_descriptor.hpp>

#include <poll.h>
#include <string>
#include <string_view>
#include <vector>

namespace cf::vfio_user {

class control_port {
public:
    static constexpr std::size_t line_bytes_max = 4096;

    control_port(std::string path, endpoint& device) : listener_(std::move(path)), device_(device) {}

    /// Adds what is to be polled for.
    void watch(std::vector<pollfd>& polled) const;
    /// Answers whatever has arrived. Never waits for a client.
    void serve();

private:
    struct client {
        file_descriptor socket;
        std::string line; ///< as much of it as has arrived
    };

    bool serve(client& c);
    bool answer(client& c, std::string_view line);

    listener listener_;
    endpoint& device_;
    std::vector<client> clients_;
};

} // namespace cf::vfio_user
