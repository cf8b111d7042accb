// SPDX-License-Identifier: MIT
//
// Feeds: a block's header, as records have it, then its payload.
#include <counterflow/feed.hpp>

#include "record/format.hpp"

#include <counterflow/error.hpp>
#include <counterflow/socket.hpp>

#include <algorithm>
#include <sys/socket.h>

namespace cf {
namespace {

/// Below this looking up pages costs more than a copy.
constexpr std::size_t worth_no_copy = 16'384;

task<> send_all(const file_descriptor& socket, std::span<const std::byte> what, bool without_copy, int flags)
{
    while (!what.empty()) {
        std::size_t sent = 0;
        if (without_copy)
            sent = co_await send_zc(socket, what);
        else
            sent = co_await send(socket, what, flags);
        what = what.subspan(sent);
    }
}

/// Fewer than asked for only when the peer has shut down.
task<std::size_t> receive_all(const file_descriptor& socket, std::span<std::byte> into)
{
    std::size_t got = 0;
    while (got < into.size()) {
        const std::size_t more = co_await receive(socket, into.subspan(got));
        if (more == 0) break;
        got += more;
    }
    co_return got;
}

std::string name_of(const record_block& block)
{
    return "feed: block " + std::to_string(block.sequence) + " of " + std::to_string(block.payload.size()) +
           " bytes";
}

} // namespace

task<> feed_sender::send(record_block block)
{
    if (block.payload.empty()) throw error(errc::zero_length, name_of(block));
    if (block.payload.size() > record::block_bytes_max) throw error(errc::out_of_range, name_of(block));
    if (broken_) throw error(errc::bad_record, name_of(block) + " behind one that was not sent whole");
    broken_ = true; // until all of it is sent
    record::block_header header = record::header_of(block);
    record::seal(header);
    try {
        co_await send_all(socket_, std::as_bytes(std::span(&header, 1)), false, MSG_MORE);
        co_await send_all(socket_, block.payload, block.payload.size() >= worth_no_copy, 0);
    } catch (const error& e) {
        throw error(failure{e.code(), name_of(block) + ": " + e.detail()});
    }
    broken_ = false;
}

task<> feed_sender::finish()
{
    record::block_header last;
    last.kind = record::kind::end;
    record::seal(last);
    co_await send_all(socket_, std::as_bytes(std::span(&last, 1)), false, 0);
    co_await shutdown(socket_, SHUT_WR);
}

task<std::optional<feed_block>> feed_receiver::receive(std::span<std::byte> into)
{
    const std::string where = "feed: frame " + std::to_string(received_);
    record::block_header header;
    const std::size_t headed = co_await receive_all(socket_, std::as_writable_bytes(std::span(&header, 1)));
    if (headed != sizeof header)
        throw error(errc::bad_record, where + " (the peer is gone in the middle of the feed)");
    if (!record::is_whole(header)) throw error(errc::bad_record, where + " (no frame, or a damaged one)");
    if (header.kind == record::kind::end) co_return std::nullopt;
    if (header.kind != record::kind::block || header.bytes > into.size())
        throw error(errc::bad_record, where + " of " + std::to_string(header.bytes) +
                                          " bytes for memory of " + std::to_string(into.size()));
    const std::size_t got = co_await receive_all(socket_, into.first(header.bytes));
    if (got != header.bytes)
        throw error(errc::bad_record, where + " (the peer is gone after " + std::to_string(got) + " of " +
                                          std::to_string(header.bytes) + " bytes)");
    ++received_;
    if (record::checksum(into.first(got)) != header.payload_checksum)
        throw error(errc::verification_failed, where + ", block " + std::to_string(header.sequence));
    co_return feed_block{header.sequence, header.time_ns, header.bytes, header.lost};
}

} // namespace cf
