// SPDX-License-Identifier: MIT
//
// The loop around poll.
#include "vfio_user/server.hpp"

#include "log/log.hpp"
#include "vfio_user/session.hpp"

#include <algorithm>
#include <poll.h>
#include <vector>

namespace cf::vfio_user {

server::server(const server_options& options, endpoint& device)
    : listener_(options.socket), device_(device), once_(options.once)
{
    if (!options.control.empty()) control_.emplace(options.control, device);
}

server::ending server::run(int stop)
{
    std::optional<session> client;
    std::vector<pollfd> polled;
    while (!device_.doomed()) {
        // A second client waits in the listener's queue until the first has gone.
        polled = {{stop, POLLIN, 0}, {client ? client->socket() : listener_.socket(), POLLIN, 0}};
        if (control_) control_->watch(polled);
        if (::poll(polled.data(), polled.size(), -1) < 0) continue; // a signal of no interest
        if (polled[0].revents != 0) return ending::stopped;
        const bool asked = std::any_of(polled.begin() + 2, polled.end(),
                                       [](const pollfd& each) { return each.revents != 0; });
        if (asked) control_->serve();
        if (polled[1].revents == 0 || device_.doomed()) continue;
        if (!client) {
            if (file_descriptor next = listener_.accept()) client.emplace(std::move(next), device_);
            log::info(log::part::model, "vfio-user client connected");
        } else if (!client->serve()) {
            client.reset();
            log::info(log::part::model, "vfio-user client gone");
            if (once_ && !device_.doomed()) return ending::client_gone;
        }
    }
    return ending::vanished;
}

} // namespace cf::vfio_user
