// SPDX-License-Identifier: MIT
//
// Many transfers on few channels: ten thousand tasks await one transfer each. They share the
// engine's channels without a thread, a lock or an allocation a transfer; who waits costs
// nothing.
//
//     03_many_transfers [DEVICE]
#include "example.hpp"

#include <counterflow/counterflow.hpp>

#include <cstdio>

using namespace cf::literals;

constexpr std::size_t tasks = 10'000;
constexpr std::size_t block = 4_KiB;

cf::task<> send_block(cf::device& dev, cf::buffer_slice from, cf::window_place to)
{
    co_await dev.write(from, to);
}

cf::task<> many(cf::device& dev)
{
    cf::buffer data = dev.allocate(tasks * block);
    cf::window far = dev.window("ram");

    cf::scope all;
    for (std::size_t i = 0; i < tasks; ++i)
        all.spawn(send_block(dev, data.slice(i * block, block), far.at(i * block)));
    co_await all.join();

    const cf::device_statistics count = dev.statistics();
    std::printf("%llu transfers, %llu interrupts\n", static_cast<unsigned long long>(count.write.completed),
                static_cast<unsigned long long>(count.interrupts));
    for (const cf::channel_statistics& c : count.channels)
        if (c.segments > 0)
            std::printf("  %s: %llu elements, %llu doorbells\n", c.name.c_str(),
                        static_cast<unsigned long long>(c.segments),
                        static_cast<unsigned long long>(c.doorbells));
}

int main(int argc, char** argv) { return example::run(argc, argv, many); }
