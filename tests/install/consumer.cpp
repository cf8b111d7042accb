// SPDX-License-Identifier: MIT
//
// A program of somebody else: knows the installed headers and what pkg-config says, nothing more. Moves bytes
// to the far end and back in both directions at once, and catches an error thrown inside the library.
#include <counterflow/counterflow.hpp>

#include <algorithm>
#include <cstdio>

using namespace cf::literals;

namespace {

cf::task<bool> there_and_back(cf::device& dev)
{
    cf::buffer out = dev.allocate(1_MiB);
    cf::buffer in = dev.allocate(1_MiB);
    std::ranges::fill(out.bytes(), std::byte{42});
    cf::window far = dev.window("ram");
    co_await dev.write(out, far.at(0));
    co_await cf::when_all(dev.write(out, far.at(1_MiB)), dev.read(in, far.at(0)));
    co_return std::ranges::equal(out.bytes(), in.bytes());
}

bool refuses_nonsense(cf::runtime& loop)
{
    try {
        cf::device dev(loop, "model:gen9x1");
    } catch (const cf::error& e) {
        return e.code() == cf::errc::bad_spec;
    }
    return false;
}

} // namespace

int main()
{
    cf::runtime loop;
    cf::device dev(loop, "model:gen3x1,wr=4,rd=2");
    const bool same = loop.run(there_and_back(dev));
    const bool refused = refuses_nonsense(loop);
    std::printf("bytes came back: %d, a bad spec was refused: %d\n", same, refused);
    return same && refused ? 0 : 1;
}
