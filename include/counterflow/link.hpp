// SPDX-License-Identifier: MIT
//
// The arithmetic of a PCIe link: what each direction can carry at most, by generation, width,
// payload and request size. Every utilisation counterflow prints is measured against these
// ceilings. Sources: the pcie-bench model (SIGCOMM 2018), Xilinx WP350, Intel AN 456/690.
#pragma once

#include <counterflow/detail/export.hpp>
#include <counterflow/direction.hpp>

#include <cstdint>

namespace cf {

/// A link as configured by enumeration.
struct link_parameters {
    unsigned generation = 3;         ///< 1..5; 0 is the null link: no ceiling, no time
    unsigned lanes = 1;              ///< 1, 2, 4, 8 or 16
    unsigned mps_bytes = 256;        ///< maximum payload size: 128..4096, a power of two
    unsigned mrrs_bytes = 512;       ///< maximum read request size: 128..4096, a power of two
    unsigned completion_bytes = 0;   ///< largest completion the completers send: 64..4096, a power of two;
                                     ///< 0 = as much as MPS allows
    std::uint64_t round_trip_ns = 0; ///< request to first byte of completion; 0 = the default
    unsigned tags = 0;               ///< outstanding read requests of one engine, 1..768; 0 = the default

    // Flow control credits that a receiver of writes grants; 0 = enough for any link.
    unsigned posted_headers = 0; ///< packets, 1..2032
    unsigned posted_data = 0;    ///< units of 16 bytes of their payload, mps_bytes / 16..32752

    bool null() const noexcept { return generation == 0; }
};

/// How the payload of a direction crosses the link, which decides its overhead.
enum class traffic : std::uint8_t {
    none,        ///< nothing
    posted,      ///< memory writes by a WR channel at the sending end
    completions, ///< completions to read requests of an RD channel at the receiving end
};

/// What the two directions carry at most, in bytes of payload a second.
struct ceilings {
    double rp_to_ep = 0; ///< bytes/s; infinity on a null link, 0 when nothing flows
    double ep_to_rp = 0;

    double of(direction d) const noexcept { return d == direction::rp_to_ep ? rp_to_ep : ep_to_rp; }
};

/// Bytes a second and direction that the lanes carry after line coding, before any packet
/// overhead: GT/s times 8/10 (generations 1 and 2) or 128/130 (3 to 5).
CF_API double raw_bandwidth(const link_parameters& link) noexcept;

/// raw_bandwidth less the share that ACK and flow control packets and skip sets take at the rates
/// the base specification recommends: raw * (1 - 8/AckLimit - 8/FCGuide - 4/1538).
CF_API double packet_bandwidth(const link_parameters& link) noexcept;

// Bytes that each transaction packet adds on the wire: framing, sequence number and link CRC
// (8), and a header of 12 bytes or, with the 64-bit addresses assumed here, 16.
inline constexpr unsigned write_overhead = 24;      ///< of a memory write, beside its payload
inline constexpr unsigned completion_overhead = 20; ///< of a completion, beside its payload
inline constexpr unsigned request_bytes = 24;       ///< of a read request, which has no payload

/// Payload of a full completion: the MPS, or what completers send or a whole request where that is smaller.
CF_API unsigned completion_payload(const link_parameters& link) noexcept;

/// The ceilings when both directions run at once with the given kinds of traffic. Read
/// requests take room in the direction opposite to their completions. `link` holds values in
/// their documented ranges.
CF_API ceilings link_ceilings(const link_parameters& link, traffic rp_to_ep, traffic ep_to_rp) noexcept;

/// Default round trip when a spec does not say: 1 us.
inline constexpr std::uint64_t default_round_trip_ns = 1000;
/// Default number of outstanding read requests when a spec does not say.
inline constexpr unsigned default_tags = 256;

} // namespace cf
