// SPDX-License-Identifier: MIT
//
// The link in time: how long packets take on the wire, and the queue in front of each
// direction. The arithmetic counts packets one by one as they would be cut and knows nothing of
// cf::link_ceilings(), so that the two can be held against each other.
#pragma once

#include <counterflow/link.hpp>

#include <cstdint>

namespace cf::model {

/// Time inside the machine, in picoseconds since it was made: a packet of generation 5 x16 is
/// over in 5 ns. Wraps after 213 days.
using picoseconds = std::uint64_t;
/// Time at the machine's border, since it was made.
using nanoseconds = std::uint64_t;

inline constexpr picoseconds ps_per_ns = 1000;

/// Flow control credits that posted writes take, or that their receiver grants.
struct posted_credits {
    std::uint32_t headers = 0; ///< one a packet
    std::uint32_t data = 0;    ///< one for each 16 bytes of a packet's payload, or less at its end
};

/// How packets are cut and how long they take. Sizes in bytes, addresses as on the link.
class link_timing {
public:
    /// `bytes_per_second` is what a direction carries of packets, headers included, when link-layer
    /// packets have had their share; ignored on a null link. `completion_bytes` is the largest payload
    /// of a completion, 0 = the maximum payload size (a root complex may chop at 64).
    link_timing(const link_parameters& link, double bytes_per_second, unsigned completion_bytes);

    bool null() const noexcept { return null_; }
    unsigned tags() const noexcept { return tags_; }
    unsigned request_size() const noexcept { return mrrs_; }
    unsigned write_size() const noexcept { return mps_; }

    /// What the receiver of writes grants; ~0 of what it has no end of. Credits are back a round trip after
    /// the last packet of their turn has left. Requests have none but their tags, and completions none, as
    /// endpoints and root ports may not hold them up. Single words, such as doorbells and messages, are taken
    /// to find room.
    posted_credits granted() const noexcept { return granted_; }
    bool grants_all() const noexcept { return granted_.headers == unlimited && granted_.data == unlimited; }
    /// What the writes for [address, address + size) take.
    posted_credits credits(std::uint64_t address, std::uint64_t size) const noexcept;
    /// Bytes from `address` to where its page ends, which no packet crosses.
    static std::uint32_t to_page_end(std::uint64_t address) noexcept;

    /// Read requests that [address, address + size) needs: none crosses 4 KiB or MRRS.
    std::uint64_t requests(std::uint64_t address, std::uint64_t size) const noexcept;

    /// Posted memory writes of that range.
    picoseconds write(std::uint64_t address, std::uint64_t size) const noexcept;
    /// The read requests for that range.
    picoseconds request(std::uint64_t address, std::uint64_t size) const noexcept;
    /// The completions with the data of that range.
    picoseconds completion(std::uint64_t address, std::uint64_t size) const noexcept;
    /// A completion that carries no data, or a register's.
    picoseconds short_completion() const noexcept { return wire(completion_overhead + 4); }
    /// A posted write of one word: a doorbell, an MSI or IMWr message.
    picoseconds word() const noexcept { return wire(write_overhead + 4); }
    /// The longest packet something small has to wait for.
    picoseconds longest_packet() const noexcept { return wire(write_overhead + mps_); }
    /// From the end of a packet at one end to its effect at the other: half the round trip.
    picoseconds flight() const noexcept { return flight_; }

    /// Time that `bytes` on the wire take.
    picoseconds wire(std::uint64_t bytes) const noexcept { return (bytes * ps_per_byte_) >> fraction_bits; }

private:
    static constexpr unsigned write_overhead = 24;      // framing 8, header with 64-bit address 16
    static constexpr unsigned request_overhead = 24;    // the same, no payload
    static constexpr unsigned completion_overhead = 20; // framing 8, header 12
    static constexpr unsigned fraction_bits = 20;
    static constexpr std::uint32_t unlimited = ~0u;

    bool null_;
    unsigned mps_, mrrs_, completion_payload_, tags_;
    std::uint64_t ps_per_byte_ = 0; // with fraction_bits binary places
    picoseconds flight_ = 0;
    posted_credits granted_{unlimited, unlimited};
};

/// One direction's wire: a queue served in order of arrival. Bursts of data are booked as a
/// whole; single packets (requests, messages, register accesses) slip in between a burst's packets,
/// wait for at most one of them, and make everything booked behind them late by their own length.
///
/// That is round robin by packet between the data and all the rest: the rest never starves, and two
/// directions under load are fair to each other by this rule. Hardware may arbitrate otherwise, and
/// read requests have been seen to starve behind posted writes; the model does not show that.
class lane {
public:
    /// A booked burst. `settle()` decides whether it is really over.
    struct booking {
        picoseconds end = 0;
        picoseconds pushed = 0; ///< the lane's delay when `end` was computed
    };

    /// Books `length` behind everything booked before.
    booking book(picoseconds now, picoseconds length) noexcept;
    /// True when the burst has ended by booking.end; otherwise moves booking.end to where single packets
    /// have pushed it meanwhile.
    bool settle(booking& burst) const noexcept;
    /// Sends single packets of `length` in all; returns when the last one has left.
    picoseconds slip_in(picoseconds now, picoseconds length, picoseconds longest_packet) noexcept;

private:
    picoseconds free_at_ = 0;        // end of the last booking
    picoseconds single_free_at_ = 0; // end of the last single packet
    picoseconds pushed_ = 0;         // sum of all delays single packets have caused
};

} // namespace cf::model
