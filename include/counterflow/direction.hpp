// SPDX-License-Identifier: MIT
//
// The vocabulary of ends, directions and channels, and the one function that maps the
// program's view (write or read) to the engine's (WR or RD channel). Everything that has to
// decide "which way" includes this file; nothing else decides it again.
#pragma once

#include <cstdint>
#include <string_view>

namespace cf {

/// One end of the link.
enum class port_end : std::uint8_t { root_port, endpoint };

/// A direction of traffic, named by the ends and not by who asks: see transfer_kind for that.
enum class direction : std::uint8_t { rp_to_ep, ep_to_rp };

/// The program's view of a transfer: `write` moves near memory to the far end, `read` brings
/// far memory here. Near is the end the program runs on.
enum class transfer_kind : std::uint8_t { write, read };

/// Where an engine sits as the program sees it: `local` in the near controller, `remote` in
/// the far one and driven across the link.
enum class engine_side : std::uint8_t { local, remote };

/// The engine's two kinds of hardware channel. WR pushes posted writes onto the link, RD
/// pulls with read requests.
enum class channel_kind : std::uint8_t { wr, rd };

/// The other end of the link.
constexpr port_end opposite(port_end end) noexcept
{
    return end == port_end::root_port ? port_end::endpoint : port_end::root_port;
}

/// The other direction of the link.
constexpr direction opposite(direction d) noexcept
{
    return d == direction::rp_to_ep ? direction::ep_to_rp : direction::rp_to_ep;
}

/// The direction in which traffic sent by `end` flows.
constexpr direction outbound(port_end end) noexcept
{
    return end == port_end::root_port ? direction::rp_to_ep : direction::ep_to_rp;
}

/// The direction the payload of a transfer flows in when the program runs at `near`.
constexpr direction direction_of(transfer_kind kind, port_end near) noexcept
{
    return kind == transfer_kind::write ? outbound(near) : opposite(outbound(near));
}

/// Which kind of channel serves a transfer. An engine sees its own end's memory as local, so
/// a remote engine has the program's view turned round: a program's write is the far engine's
/// read.
constexpr channel_kind channel_for(transfer_kind kind, engine_side side) noexcept
{
    const bool pushes = (kind == transfer_kind::write) == (side == engine_side::local);
    return pushes ? channel_kind::wr : channel_kind::rd;
}

constexpr std::string_view to_string(port_end end) noexcept
{
    return end == port_end::root_port ? "rp" : "ep";
}
constexpr std::string_view to_string(direction d) noexcept
{
    return d == direction::rp_to_ep ? "rp_to_ep" : "ep_to_rp";
}
constexpr std::string_view to_string(transfer_kind kind) noexcept
{
    return kind == transfer_kind::write ? "write" : "read";
}
constexpr std::string_view to_string(engine_side side) noexcept
{
    return side == engine_side::local ? "local" : "remote";
}
constexpr std::string_view to_string(channel_kind kind) noexcept
{
    return kind == channel_kind::wr ? "WR" : "RD";
}

} // namespace cf
