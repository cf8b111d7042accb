// SPDX-License-Identifier: MIT
//
// Errors: an await throws cf::error, or returns a cf::result when it is asked to. Every error
// says what was wrong, where, and what to do.
//
//     05_errors [DEVICE]
#include "example.hpp"

#include <counterflow/counterflow.hpp>

#include <cstdio>

using namespace cf::literals;

cf::task<> mistakes(cf::device& dev)
{
    cf::buffer data = dev.allocate(64_KiB);
    cf::window far = dev.window("ram");

    // [errors]
    try {
        co_await dev.write(data, far.at(far.size() - 1)); // leaves the window
    } catch (const cf::error& e) {
        std::printf("thrown: %s\n", e.what());
    }

    // Without exceptions: the same failure as a value.
    cf::result<std::size_t> none = co_await cf::as_result(dev.read(data.slice(0, 0), far.at(0)));
    if (!none && none.error().code == cf::errc::zero_length)
        std::printf("returned: %s\n", none.error().message().c_str());
    // [/errors]

    std::byte stranger[64]{};
    auto unknown = co_await cf::as_result(dev.read(stranger, far.at(0)));
    std::printf("returned: %s\n", unknown.error().message().c_str());
}

int main(int argc, char** argv) { return example::run(argc, argv, mistakes); }
