// SPDX-License-Identifier: MIT
//
// A Unix socket in the file system that clients connect to.
#pragma once

#include <counterflow/file_descriptor.hpp>

#include <string>

namespace cf::vfio_user {

/// Owns the socket and its name in the file system.
class listener {
public:
    /// Takes the place of a socket that nobody listens on any more. Throws cf::error that names the path.
    explicit listener(std::string path);
    listener(const listener&) = delete;
    listener& operator=(const listener&) = delete;
    ~listener();

    /// Readable when a client waits.
    int socket() const noexcept { return socket_.get(); }
    /// The connection of a waiting client, or none.
    file_descriptor accept() const;

private:
    std::string path_;
    file_descriptor socket_;
};

} // namespace cf::vfio_user
