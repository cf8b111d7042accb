// SPDX-License-Identifier: MIT
//
// DMA to TCP: blocks of far memory to whoever connects, from the memory that the engine has written. A
// consumer that is slow holds the source up and costs no block. Brings a consumer of its own, which checks
// what comes.
//
//     15_dma_to_tcp [DEVICE]
#include "example.hpp"

#include <counterflow/counterflow.hpp>

#include <cstdint>
#include <cstdio>
#include <optional>
#include <utility>
#include <vector>

constexpr std::uint32_t block_bytes = 65536;
constexpr std::uint64_t blocks = 200;

// [to-tcp]
/// Serves one consumer; what it gets is what `in` reads.
cf::task<> serve(cf::read_stream& in, const cf::file_descriptor& listening)
{
    cf::feed_sender feed(co_await cf::accept(listening));
    for (std::uint64_t i = 0; i < blocks; ++i) {
        const std::optional<cf::block> b = co_await in.next();
        const auto came = static_cast<std::uint64_t>(b->timestamp().time_since_epoch().count());
        co_await feed.send({b->bytes(), b->sequence(), came, static_cast<std::uint32_t>(b->gap().blocks)});
    }
    co_await feed.finish();
}
// [/to-tcp]

/// Anywhere on the network, as a rule.
cf::task<> consume(cf::socket_address server)
{
    cf::file_descriptor socket = cf::make_socket(server);
    co_await cf::connect(socket, server);
    cf::feed_receiver feed(std::move(socket));
    std::vector<std::byte> into(block_bytes);
    std::uint64_t received = 0, lost = 0;
    for (;;) {
        const std::optional<cf::feed_block> b = co_await feed.receive(into); // its checksums are right
        if (!b) break;
        if (b->sequence != received++) throw cf::error(cf::errc::out_of_step, "the feed");
        lost += b->lost;
    }
    std::printf("%llu blocks received, %llu lost\n", static_cast<unsigned long long>(received),
                static_cast<unsigned long long>(lost));
}

cf::task<> program(cf::device& dev)
{
    const cf::file_descriptor listening = cf::listen(cf::socket_address::parse("tcp:127.0.0.1:0"));
    cf::read_stream in(dev, cf::fixed_place{dev.window("ram").at(0), block_bytes}, {.in_flight = 4});
    co_await cf::when_all(serve(in, listening), consume(cf::socket_address::of(listening.get())));
    co_await in.close(cf::stream_end::abort);
}

int main(int argc, char** argv) { return example::run(argc, argv, program); }
