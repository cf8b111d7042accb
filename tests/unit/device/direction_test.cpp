// SPDX-License-Identifier: MIT
//
// The vocabulary's one table: who pushes, who pulls, and which way the bytes go.
#include "catch.hpp"
#include <counterflow/direction.hpp>

using cf::channel_kind;
using cf::direction;
using cf::engine_side;
using cf::port_end;
using cf::transfer_kind;

TEST_CASE("a local engine pushes writes and pulls reads, a remote one the other way round", "[direction]")
{
    CHECK(cf::channel_for(transfer_kind::write, engine_side::local) == channel_kind::wr);
    CHECK(cf::channel_for(transfer_kind::read, engine_side::local) == channel_kind::rd);
    CHECK(cf::channel_for(transfer_kind::write, engine_side::remote) == channel_kind::rd);
    CHECK(cf::channel_for(transfer_kind::read, engine_side::remote) == channel_kind::wr);
}

TEST_CASE("a write leaves the near end and a read arrives there", "[direction]")
{
    CHECK(cf::direction_of(transfer_kind::write, port_end::root_port) == direction::rp_to_ep);
    CHECK(cf::direction_of(transfer_kind::read, port_end::root_port) == direction::ep_to_rp);
    CHECK(cf::direction_of(transfer_kind::write, port_end::endpoint) == direction::ep_to_rp);
    CHECK(cf::direction_of(transfer_kind::read, port_end::endpoint) == direction::rp_to_ep);
    CHECK(cf::outbound(port_end::root_port) == direction::rp_to_ep);
    CHECK(cf::outbound(port_end::endpoint) == direction::ep_to_rp);
}

TEST_CASE("whoever serves it, the payload of a transfer goes the same way", "[direction]")
{
    // A WR channel's payload leaves its own end, an RD channel's arrives there.
    for (const port_end near : {port_end::root_port, port_end::endpoint}) {
        for (const transfer_kind kind : {transfer_kind::write, transfer_kind::read}) {
            for (const engine_side side : {engine_side::local, engine_side::remote}) {
                const port_end engine = side == engine_side::local ? near : cf::opposite(near);
                const direction leaves = cf::outbound(engine);
                const bool pushes = cf::channel_for(kind, side) == channel_kind::wr;
                CHECK((pushes ? leaves : cf::opposite(leaves)) == cf::direction_of(kind, near));
            }
        }
    }
}

TEST_CASE("names are those of the documents", "[direction]")
{
    CHECK(to_string(direction::rp_to_ep) == "rp_to_ep");
    CHECK(to_string(direction::ep_to_rp) == "ep_to_rp");
    CHECK(to_string(port_end::root_port) == "rp");
    CHECK(to_string(port_end::endpoint) == "ep");
    CHECK(to_string(transfer_kind::write) == "write");
    CHECK(to_string(transfer_kind::read) == "read");
    CHECK(to_string(engine_side::local) == "local");
    CHECK(to_string(engine_side::remote) == "remote");
    CHECK(to_string(channel_kind::wr) == "WR");
    CHECK(to_string(channel_kind::rd) == "RD");
}
