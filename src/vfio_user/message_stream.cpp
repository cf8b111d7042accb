// SPDX-License-Identifier: MIT
//
// recvmsg and sendmsg. A message is read header first and never beyond its end, so that descriptors are
// known to belong to it.
#include "vfio_user/message_stream.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <utility>

namespace cf::vfio_user {
namespace {

constexpr time_t send_patience_s = 5;

/// Room for the control message that carries descriptors.
template <std::size_t Files>
struct alignas(cmsghdr) control_space {
    std::array<std::byte, CMSG_SPACE(Files * sizeof(int))> bytes{};
};

void adopt_files(msghdr& from, std::vector<file_descriptor>& into)
{
    for (const cmsghdr* each = CMSG_FIRSTHDR(&from); each;
         each = CMSG_NXTHDR(&from, const_cast<cmsghdr*>(each))) {
        if (each->cmsg_level != SOL_SOCKET || each->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t count = (each->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int fd;
            std::memcpy(&fd, CMSG_DATA(each) + i * sizeof fd, sizeof fd);
            into.emplace_back(fd);
        }
    }
}

void attach_file(msghdr& to, control_space<1>& space, int file)
{
    to.msg_control = space.bytes.data();
    to.msg_controllen = space.bytes.size();
    cmsghdr* const header = CMSG_FIRSTHDR(&to);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof file);
    std::memcpy(CMSG_DATA(header), &file, sizeof file);
}

} // namespace

message_stream::message_stream(file_descriptor socket) : socket_(std::move(socket))
{
    const timeval patience{send_patience_s, 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

std::optional<message> message_stream::receive()
{
    while (!over_) {
        if (have_ < sizeof(header)) {
            if (!receive_some(sizeof(header))) return std::nullopt;
            continue;
        }
        const header h = read_header(incoming_.bytes);
        over_ = !plausible(h);
        if (over_) return std::nullopt;
        if (have_ == h.size) {
            have_ = 0;
            return std::exchange(incoming_, {});
        }
        if (!receive_some(h.size)) return std::nullopt;
    }
    return std::nullopt;
}

/// Reads towards `wanted` bytes of the message; false when there is nothing to read now.
bool message_stream::receive_some(std::size_t wanted)
{
    incoming_.bytes.resize(wanted);
    iovec rest{incoming_.bytes.data() + have_, wanted - have_};
    control_space<max_fds> control;
    msghdr header{};
    header.msg_iov = &rest;
    header.msg_iovlen = 1;
    header.msg_control = control.bytes.data();
    header.msg_controllen = control.bytes.size();
    ssize_t got;
    do got = ::recvmsg(socket_.get(), &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got < 0 && errno == EAGAIN) return false;
    if (got > 0) adopt_files(header, incoming_.files);
    over_ = got <= 0 || (header.msg_flags & MSG_CTRUNC) != 0 || incoming_.files.size() > max_fds;
    if (!over_) have_ += static_cast<std::size_t>(got);
    return !over_;
}

void message_stream::send(std::span<const std::byte> bytes, int file)
{
    while (!over_ && !bytes.empty()) {
        iovec part{const_cast<std::byte*>(bytes.data()), bytes.size()};
        control_space<1> control;
        msghdr header{};
        header.msg_iov = &part;
        header.msg_iovlen = 1;
        if (file >= 0) attach_file(header, control, std::exchange(file, -1));
        const ssize_t sent = ::sendmsg(socket_.get(), &header, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        over_ = sent <= 0;
        if (!over_) bytes = bytes.subspan(static_cast<std::size_t>(sent));
    }
}

} // namespace cf::vfio_user
