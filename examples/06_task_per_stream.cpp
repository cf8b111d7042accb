// SPDX-License-Identifier: MIT
//
// A task per stream: independent loops, each with its own blocks, run side by side and share
// both directions fairly. Structured concurrency ends them all together.
//
//     06_task_per_stream [DEVICE]
#include "example.hpp"

#include <counterflow/counterflow.hpp>

#include <cstdio>

using namespace cf::literals;

constexpr std::size_t block = 64_KiB;
constexpr int blocks = 200;
constexpr std::size_t streams = 3;

// [stream]
cf::task<> send(cf::device& dev, cf::buffer_slice from, cf::window_place to)
{
    for (int i = 0; i < blocks; ++i) co_await dev.write(from, to);
}

cf::task<> receive(cf::device& dev, cf::buffer_slice into, cf::window_place from)
{
    for (int i = 0; i < blocks; ++i) co_await dev.read(into, from);
}

cf::task<> run_streams(cf::device& dev)
{
    cf::buffer memory = dev.allocate(2 * streams * block);
    cf::window far = dev.window("ram");
    cf::scope all;
    for (std::size_t i = 0; i < streams; ++i) {
        all.spawn(send(dev, memory.slice(i * block, block), far.at(i * block)));
        all.spawn(receive(dev, memory.slice((streams + i) * block, block), far.at((streams + i) * block)));
    }
    co_await all.join();
}
// [/stream]

cf::task<> program(cf::device& dev)
{
    co_await run_streams(dev);
    const cf::device_statistics count = dev.statistics();
    std::printf("%zu streams each way: %.1f MB out, %.1f MB in\n", streams,
                static_cast<double>(count.write.bytes) / 1e6, static_cast<double>(count.read.bytes) / 1e6);
}

int main(int argc, char** argv) { return example::run(argc, argv, program); }
