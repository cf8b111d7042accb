// SPDX-License-Identifier: MIT
//
// feed: blocks to a peer over a stream socket, TCP or Unix, as they come: a live feed of a stream. Each is
// framed with its number, length and checksums, as docs/record.md has it.
#pragma once

#include <counterflow/detail/export.hpp>
#include <counterflow/file_descriptor.hpp>
#include <counterflow/record.hpp>
#include <counterflow/task.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace cf {

/// Sends blocks over a connected socket. One send at a time. Thread rule: one runtime's thread.
class CF_API feed_sender {
public:
    /// Of a connected stream socket.
    explicit feed_sender(file_descriptor socket) noexcept : socket_(std::move(socket)) {}

    /// Sends one block out of its own memory, without a copy where the socket can; ends when the payload is
    /// the caller's again. Waits for as long as the peer takes nothing: see timeout(). Throws cf::error with
    /// the block in its text: zero_length, out_of_range beyond 1 GiB, and what the socket says. After a
    /// failure or a stop request the feed is broken, and sends throw errc::bad_record.
    task<> send(record_block block);

    /// Tells the peer that the feed is complete.
    task<> finish();

private:
    file_descriptor socket_;
    bool broken_ = false;
};

/// A block that has arrived: all but the payload.
struct feed_block {
    std::uint64_t sequence = 0;
    std::uint64_t time_ns = 0; ///< by the sender's clock
    std::size_t bytes = 0;
    std::uint32_t lost = 0;
};

/// Receives what a feed_sender sends. One receive at a time. Thread rule: one runtime's thread.
class CF_API feed_receiver {
public:
    explicit feed_receiver(file_descriptor socket) noexcept : socket_(std::move(socket)) {}

    /// Waits for the next block, whose payload comes into the first `bytes` of `into`; empty when the sender
    /// has finished. Throws cf::error: bad_record for what is no frame, one that is larger than `into`, or a
    /// feed that ends in the middle or without a finish(); verification_failed when a checksum says that the
    /// payload is not what was sent, after which the next block can be received; and what the socket says.
    /// `into` is not touched once this has ended.
    task<std::optional<feed_block>> receive(std::span<std::byte> into);

private:
    file_descriptor socket_;
    std::uint64_t received_ = 0;
};

} // namespace cf
