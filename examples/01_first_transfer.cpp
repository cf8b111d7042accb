// SPDX-License-Identifier: MIT
//
// The first transfer, as a whole program: a buffer goes to the far end and comes back.
//
//     01_first_transfer [DEVICE]

// [first-transfer]
#include <counterflow/counterflow.hpp>

#include <algorithm>
#include <cstdio>

using namespace cf::literals;

cf::task<> there_and_back(cf::device& dev)
{
    cf::buffer out = dev.allocate(1_MiB); // near memory, pinned and mapped for the engine
    cf::buffer in = dev.allocate(1_MiB);
    std::ranges::fill(out.bytes(), std::byte{42});

    cf::window far = dev.window("ram"); // far memory, by name
    co_await dev.write(out, far.at(0)); // near memory to the far end
    co_await dev.read(in, far.at(0));   // and back

    if (!std::ranges::equal(out.bytes(), in.bytes())) throw cf::error(cf::errc::verification_failed, "1 MiB");
    std::puts("what came back is what was sent");
}

int main(int argc, char** argv)
try {
    cf::runtime loop;
    cf::device dev(loop, argc > 1 ? argv[1] : "model:gen3x1");
    loop.run(there_and_back(dev));
} catch (const cf::error& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
}
// [/first-transfer]
