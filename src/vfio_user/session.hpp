// SPDX-License-Identifier: MIT
//
// A session: one client's connection to an endpoint, from its version message to its end.
#pragma once

#include "vfio_user/endpoint.hpp"
#include "vfio_user/message_stream.hpp"

#include <span>

namespace cf::vfio_user {

class session {
public:
    /// The endpoint is this session's alone, and forgets the client when it ends.
    session(file_descriptor socket, endpoint& device);
    session(const session&) = delete;
    session& operator=(const session&) = delete;
    ~session() { device_.forget_client(); }

    /// Readable when there is something to do.
    int socket() const noexcept { return stream_.socket(); }
    /// Answers what has arrived. False when the session is over: the client has gone, broke the
    /// protocol, or the endpoint has vanished.
    bool serve();

private:
    struct answer;

    answer handle(const message& asked, std::span<file_descriptor> files);
    answer handle(const request::version& v);
    answer handle(const request::dma_map& range, std::span<file_descriptor> files);
    answer handle(const request::dma_unmap& range);
    answer handle(const request::device_get_info& asked);
    answer handle(const request::region_info& asked);
    answer handle(const request::irq_info& asked);
    answer handle(const request::set_irqs& asked, std::span<file_descriptor> files);
    answer handle(const request::region_read& asked);
    answer handle(const request::region_write& asked);
    answer handle(const request::device_reset& asked);
    bool inside(std::uint32_t region, std::uint64_t offset, std::uint64_t size) const noexcept;
    void reply(const header& to, const answer& with);

    message_stream stream_;
    endpoint& device_;
    bool greeted_ = false; ///< the version is agreed upon
};

} // namespace cf::vfio_user
