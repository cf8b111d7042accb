// SPDX-License-Identifier: MIT
//
// A full-duplex pipeline: blocks come from one ring in far memory, are changed in place and go to another,
// both directions at once and without a copy. A stream of ours plays the far end's source.
//
//     09_duplex_pipeline [DEVICE]
#include "example.hpp"

#include <counterflow/counterflow.hpp>

#include <cstddef>
#include <cstdio>
#include <cstring>

using namespace cf::literals;

constexpr cf::ring_geometry geometry{.block_bytes = 65536, .slots = 32};
constexpr int blocks = 1000;

cf::task<> produce(cf::write_stream& source)
{
    for (int i = 0; i < blocks; ++i) {
        cf::block b = co_await source.acquire();
        std::memset(b.bytes().data(), i, b.size());
        source.send(std::move(b));
    }
    co_await source.close();
}

std::uint64_t bytes = 0;

void invert(cf::block& b)
{
    for (std::byte& value : b.bytes()) value = ~value;
}
void count(const cf::block& b) { bytes += b.size(); }

// [pipeline]
cf::task<> pipeline(cf::device& dev, const cf::far_ring& from, const cf::far_ring& to)
{
    cf::read_stream in(dev, from);
    cf::write_stream out(dev, to, {.mode = cf::stream_mode::acquisition});
    co_await (in | cf::transform(invert) | cf::tee(count) | cf::into(out));
    co_await out.close();
}
// [/pipeline]

cf::task<> program(cf::device& dev)
{
    const cf::window far = dev.window("ram");
    const cf::far_ring from = co_await cf::make_ring(dev, far.at(0), geometry);
    const cf::far_ring to = co_await cf::make_ring(dev, far.at(16_MiB), geometry);
    cf::write_stream source(dev, from);
    co_await cf::when_all(produce(source), pipeline(dev, from, to));
    std::printf("%.1f MB in, changed and out again\n", static_cast<double>(bytes) / 1e6);
}

int main(int argc, char** argv) { return example::run(argc, argv, program); }
