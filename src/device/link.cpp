// SPDX-License-Identifier: MIT
//
// Link arithmetic: line coding, the share that link-layer packets take, and the overhead of
// every transaction packet. For the device's ceilings, the model's pacing and `info`.
#include <counterflow/link.hpp>

#include <algorithm>
#include <array>
#include <limits>

namespace cf {
namespace {

/// Transfers a second and lane, before line coding, of generations 1 to 5.
constexpr std::array transfers_per_second{2.5e9, 5e9, 8e9, 16e9, 32e9};

/// The interval, in symbol times (= bytes on a lane), at which the PCI Express base
/// specification wants data packets acknowledged: the unmodified form of its tables 3-7 to 3-9
/// (revision 5.0), which are ((MPS + 28) * AckFactor / lanes) + internal delay. The tables of
/// recommended flow control updates (2-46 to 2-48) hold the same values.
double update_interval(const link_parameters& link) noexcept
{
    const bool small = link.mps_bytes <= 256;
    unsigned factor_tenths = small ? 14 : 10; // of x1 to x4
    if (link.lanes == 8 && small) factor_tenths = 25;
    if (link.lanes == 16) factor_tenths = small ? 30 : 20;
    const unsigned internal_delay = link.generation == 1 ? 19 : link.generation == 2 ? 70 : 115;
    constexpr unsigned tlp_overhead = 28;
    // The tables are rounded down to whole symbols.
    const unsigned symbols = (link.mps_bytes + tlp_overhead) * factor_tenths / (10 * link.lanes);
    return symbols + internal_delay;
}

} // namespace

double raw_bandwidth(const link_parameters& link) noexcept
{
    if (link.null()) return std::numeric_limits<double>::infinity();
    const double coding = link.generation <= 2 ? 8.0 / 10.0 : 128.0 / 130.0;
    return transfers_per_second[link.generation - 1] * coding / 8.0 * link.lanes;
}

double packet_bandwidth(const link_parameters& link) noexcept
{
    if (link.null()) return std::numeric_limits<double>::infinity();
    constexpr double dllp = 8;                // bytes of an ACK or flow control packet
    constexpr double skip_share = 4.0 / 1538; // a skip set every 1538 symbols
    return raw_bandwidth(link) * (1 - 2 * dllp / update_interval(link) - skip_share);
}

unsigned completion_payload(const link_parameters& link) noexcept
{
    const unsigned most = std::min(link.mps_bytes, link.mrrs_bytes);
    return link.completion_bytes != 0 ? std::min(most, link.completion_bytes) : most;
}

ceilings link_ceilings(const link_parameters& link, traffic rp_to_ep, traffic ep_to_rp) noexcept
{
    if (link.null()) {
        constexpr double unlimited = std::numeric_limits<double>::infinity();
        return {rp_to_ep == traffic::none ? 0 : unlimited, ep_to_rp == traffic::none ? 0 : unlimited};
    }
    const double packets = packet_bandwidth(link);
    const double payload = link.mps_bytes;
    const double completion = completion_payload(link);
    // Bytes on the wire for each byte of payload.
    const double write_cost = (payload + write_overhead) / payload;
    const double completion_cost = (completion + completion_overhead) / completion;
    const double request_cost = static_cast<double>(request_bytes) / link.mrrs_bytes; // the other way

    if (rp_to_ep == traffic::completions && ep_to_rp == traffic::completions) {
        // Each direction carries its completions and the requests for the other's.
        const double each = packets / (completion_cost + request_cost);
        return {each, each};
    }
    const auto alone = [&](traffic kind) {
        if (kind == traffic::none) return 0.0;
        return packets / (kind == traffic::posted ? write_cost : completion_cost);
    };
    ceilings limits{alone(rp_to_ep), alone(ep_to_rp)};
    // Completions keep their rate, as the requests for them take room from the posted writes.
    if (rp_to_ep == traffic::completions && ep_to_rp == traffic::posted)
        limits.ep_to_rp = (packets - limits.rp_to_ep * request_cost) / write_cost;
    if (ep_to_rp == traffic::completions && rp_to_ep == traffic::posted)
        limits.rp_to_ep = (packets - limits.ep_to_rp * request_cost) / write_cost;
    return limits;
}

} // namespace cf
