// SPDX-License-Identifier: MIT
//
// Blocks on a NATS JetStream, for consumers that outgrow one machine: a publisher stores blocks with their
// sequence numbers, any number of named consumers replay them and acknowledge what they are done with. In a
// library of its own, libcounterflow-nats (pkg-config: counterflow-nats), which is built where libnats is
// there.
//
// libnats has threads of its own; what they hear comes to the runtime as posts. It copies what it sends.
#pragma once

#include <counterflow/detail/export.hpp>
#include <counterflow/runtime.hpp>
#include <counterflow/task.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace cf::nats {

/// Where blocks are kept. Both ends say the same, and whichever comes first makes the stream: in files,
/// without limits.
struct place {
    std::string url = "nats://127.0.0.1:4222"; ///< several, separated by commas, of one cluster
    std::string stream = "counterflow";        ///< name of the JetStream stream
    std::string subject = "counterflow.blocks";
};

struct publisher_options {
    /// Names the counting that the sequence numbers belong to. A block that the stream has from this source
    /// already, under this number, is not stored again (as long as the server remembers: two minutes, unless
    /// the stream says otherwise). Empty: a new name each time.
    std::string source;
    /// How long one publication may take, lost connections and restarts of the server included. At least 1
    /// ms.
    std::chrono::milliseconds patience{30'000};
    /// After how long without an answer it is sent again. At least 1 ms.
    std::chrono::milliseconds resend{2'000};
};

struct publisher_statistics {
    std::uint64_t published = 0;  ///< stored by the server, as its answers say
    std::uint64_t duplicates = 0; ///< of those: the answer to an earlier try had been lost
    std::uint64_t resent = 0;
};

/// Publishes blocks.
///
/// Lifetime: the runtime outlives it, and it outlives its awaits. Thread rule: the runtime's thread. The
/// constructor blocks while it connects, at most some seconds.
class CF_API publisher {
public:
    /// Throws cf::error: std::errc::connection_refused when no server answers, errc::not_supported when it
    /// has no JetStream, errc::bad_argument for names it does not take.
    publisher(runtime& loop, place where, publisher_options options = {});
    publisher(const publisher&) = delete;
    publisher& operator=(const publisher&) = delete;
    ~publisher();

    /// Resumes when the server has stored the block; yields its place in the JetStream stream, from 1. Any
    /// number may be awaited at once; how many is what bounds the memory. `bytes` must live until the await
    /// has ended. Fails with errc::bad_argument when the server takes no messages of that size,
    /// errc::timed_out when patience is over, errc::canceled on a stop request (after the last two the block
    /// may be stored all the same).
    task<std::uint64_t> publish(std::span<const std::byte> bytes, std::uint64_t sequence,
                                std::uint64_t time_ns = 0);

    const publisher_statistics& statistics() const noexcept;

private:
    struct state;
    std::unique_ptr<state> state_;
};

/// A block as a consumer gets it. Move-only; one that is destroyed without ack() comes again.
class CF_API message {
public:
    message(message&&) noexcept;
    message& operator=(message&&) noexcept;
    ~message();

    std::span<const std::byte> bytes() const noexcept;
    std::uint64_t sequence() const noexcept; ///< the publisher's
    std::uint64_t time_ns() const noexcept;  ///< the publisher's
    std::uint64_t position() const noexcept; ///< in the JetStream stream, from 1
    bool again() const noexcept;             ///< it was delivered before

    /// Done with it: the consumer of this name never gets it again. Tells the server without waiting for it;
    /// should the connection fail before it has heard, the block does come again.
    void ack() noexcept;

private:
    friend class consumer;
    struct state;
    explicit message(std::unique_ptr<state> taken) noexcept;
    std::unique_ptr<state> state_;
};

struct consumer_options {
    /// Blocks that were delivered and not acknowledged: no more are sent then. 1..65536.
    unsigned unacknowledged = 64;
    /// After how long without ack() a block comes again, to whoever then consumes under that name. At least 1
    /// ms.
    std::chrono::milliseconds redelivery{30'000};
};

/// Gets the blocks of a stream from its beginning. The server keeps the position under `name`: a later
/// consumer of the same name, in another process too, goes on behind what was acknowledged. One at a time may
/// have a name. What a consumer was given and did not acknowledge before it was destroyed comes first; when
/// its process was killed, after `redelivery`, and then possibly behind later blocks.
///
/// Lifetime and thread rule as of publisher. Messages may outlive it; their ack() does nothing then.
class CF_API consumer {
public:
    /// `name` has no blanks, dots, `*` or `>`. Throws as publisher does, and errc::busy when another consumes
    /// under that name.
    consumer(runtime& loop, const place& where, const std::string& name, consumer_options options = {});
    consumer(const consumer&) = delete;
    consumer& operator=(const consumer&) = delete;
    ~consumer();

    /// The next block, waiting for it when there is none. One await at a time. A lost connection is waited
    /// out.
    task<message> next();

private:
    struct state;
    std::unique_ptr<state> state_;
};

} // namespace cf::nats
