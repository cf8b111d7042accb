// SPDX-License-Identifier: MIT
//
// Messages on a stream socket, each with the file descriptors that came with it.
#pragma once

#include "vfio_user/protocol.hpp"
#include <counterflow/file_descriptor.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace cf::vfio_user {

struct message {
    std::vector<std::byte> bytes; ///< of read_header(bytes).size, once complete
    std::vector<file_descriptor> files;
};

class message_stream {
public:
    explicit message_stream(file_descriptor socket);

    int socket() const noexcept { return socket_.get(); }

    /// The next whole message that has arrived, or none yet. Never waits.
    std::optional<message> receive();
    /// Nothing more will come: the peer has gone, or has sent what cannot be a message.
    bool over() const noexcept { return over_; }

    /// Sends one message, with a file descriptor beside it if not negative. Waits a few seconds for a
    /// peer that does not read, then gives up on it.
    void send(std::span<const std::byte> bytes, int file = -1);

private:
    bool receive_some(std::size_t wanted);

    file_descriptor socket_;
    message incoming_;
    std::size_t have_ = 0; ///< bytes of the incoming message
    bool over_ = false;
};

} // namespace cf::vfio_user
