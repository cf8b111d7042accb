// SPDX-License-Identifier: MIT
//
// Both directions at once: one task sends while it receives. The engine's two kinds of channel
// work independently, so this takes as long as the slower of the two, not their sum.
//
//     02_both_directions [DEVICE]
#include "example.hpp"

#include <counterflow/counterflow.hpp>

#include <chrono>
#include <cstdio>

using namespace cf::literals;

// [both-directions]
cf::task<> exchange(cf::device& dev, cf::buffer& out, cf::buffer& in)
{
    cf::window far = dev.window("ram");
    auto [sent, received] = co_await cf::when_all(dev.write(out, far.at(0)),     // rp_to_ep
                                                  dev.read(in, far.at(16_MiB))); // ep_to_rp, at the same time
    std::printf("sent %zu bytes, received %zu\n", sent, received);
}
// [/both-directions]

cf::task<> compare(cf::device& dev)
{
    cf::buffer out = dev.allocate(16_MiB);
    cf::buffer in = dev.allocate(16_MiB);
    const auto seconds = [](auto duration) { return std::chrono::duration<double>(duration).count(); };
    using clock = std::chrono::steady_clock;

    const auto start = clock::now();
    co_await dev.write(out, dev.window("ram").at(0));
    const auto one_way = clock::now();
    co_await exchange(dev, out, in);
    const auto both_ways = clock::now();
    std::printf("16 MiB out alone: %.1f ms; 16 MiB out and 16 MiB in together: %.1f ms\n",
                1e3 * seconds(one_way - start), 1e3 * seconds(both_ways - one_way));
}

int main(int argc, char** argv) { return example::run(argc, argv, compare); }
