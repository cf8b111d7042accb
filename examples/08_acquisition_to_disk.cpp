// SPDX-License-Identifier: MIT
//
// Acquisition to disk: a place that the device refreshes every 200 us goes to a file for a while, without a
// copy. The source does not wait for the disk; what was missed is known to the block.
//
//     08_acquisition_to_disk [DEVICE]
#include "example.hpp"

#include <counterflow/counterflow.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <fcntl.h>
#include <unistd.h>

using namespace std::chrono_literals;

// [acquire]
cf::task<> acquire(cf::device& dev, int file, std::uint64_t blocks)
{
    cf::read_stream in(dev, cf::fixed_place{dev.window("ram").at(0), 65536, 200us},
                       {.in_flight = 2, .blocks = 32, .mode = cf::stream_mode::acquisition});
    for (std::uint64_t i = 0; i < blocks; ++i) {
        const std::optional<cf::block> b = co_await in.next();
        if (b->gap())
            std::printf("%llu blocks from %llu on are missing\n",
                        static_cast<unsigned long long>(b->gap().blocks),
                        static_cast<unsigned long long>(b->gap().first));
        co_await cf::write_at(file, b->bytes(), i * in.block_bytes());
    }
    const cf::stream_remains left = co_await in.close(cf::stream_end::abort);
    std::printf("%llu blocks were read and not wanted any more\n",
                static_cast<unsigned long long>(left.waiting.blocks + left.in_flight.blocks));
}
// [/acquire]

cf::task<> program(cf::device& dev)
{
    std::string path = "/tmp/counterflow-acquisition-XXXXXX";
    const int file = ::mkstemp(path.data());
    if (file < 0) throw std::system_error(errno, std::generic_category(), path);
    ::unlink(path.c_str());
    co_await acquire(dev, file, 500);
    ::close(file);
}

int main(int argc, char** argv) { return example::run(argc, argv, program); }
