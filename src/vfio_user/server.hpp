// SPDX-License-Identifier: MIT
//
// The server: one client after another on a socket, the control socket beside them. One thread.
#pragma once

#include "vfio_user/control_port.hpp"
#include "vfio_user/endpoint.hpp"
#include "vfio_user/listener.hpp"

#include <optional>
#include <string>

namespace cf::vfio_user {

struct server_options {
    std::string socket;
    std::string control; ///< empty = none
    bool once = false;   ///< end with the first client
};

class server {
public:
    /// Listens when it returns. Throws cf::error.
    server(const server_options& options, endpoint& device);

    enum class ending { stopped, client_gone, vanished };
    /// Serves until `stop` becomes readable, the only client has gone, or the endpoint has vanished.
    ending run(int stop);

private:
    listener listener_;
    std::optional<control_port> control_;
    endpoint& device_;
    bool once_;
};

} // namespace cf::vfio_user
