// SPDX-License-Identifier: MIT
//
// Blocks from a device to a NATS JetStream, and two consumers that replay them. Needs a server with JetStream
// (nats-server -js): 17_nats_feed nats://127.0.0.1:4222 [DEVICE].

// [nats]
#include <counterflow/counterflow.hpp>
#include <counterflow/nats.hpp>

#include <cstdio>

/// Every block once, in the order of the device.
cf::task<> publish(cf::device& dev, cf::nats::publisher& out, std::uint64_t blocks)
{
    cf::buffer memory = dev.allocate(64 * 1024);
    cf::window far = dev.window("ram");
    for (std::uint64_t sequence = 0; sequence < blocks; ++sequence) {
        co_await dev.read(memory, far.at(0));
        co_await out.publish(memory.bytes(), sequence);
    }
}

/// Possibly in several processes and at another time: the server knows how far each name has come.
cf::task<> consume(cf::nats::consumer& in, std::uint64_t last)
{
    for (std::uint64_t sequence = 0; sequence != last;) {
        cf::nats::message block = co_await in.next();
        sequence = block.sequence();
        std::printf("block %llu, %zu bytes\n", static_cast<unsigned long long>(sequence),
                    block.bytes().size());
        block.ack(); // it does not come again
    }
}
// [/nats]

int main(int count, char** words)
try {
    if (count < 2) {
        std::fprintf(stderr, "usage: %s URL [DEVICE]\n", words[0]);
        return 2;
    }
    constexpr std::uint64_t blocks = 20;
    cf::runtime loop;
    cf::device dev(loop, count > 2 ? words[2] : "model:gen3x1");
    const cf::nats::place where{.url = words[1], .stream = "example", .subject = "example.blocks"};
    cf::nats::publisher out(loop, where);
    loop.run(publish(dev, out, blocks));
    for (const char* name : {"archive", "display"}) {
        std::printf("%s:\n", name);
        cf::nats::consumer in(loop, where, name);
        loop.run(consume(in, blocks - 1));
    }
} catch (const cf::error& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
}
