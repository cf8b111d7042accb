// SPDX-License-Identifier: MIT
//
// Cancel and deadline: a transfer can be stopped from outside, can have a deadline of its own,
// and can lose a race. Each await still resumes exactly once, and only when the engine cannot
// touch the buffer any more.
//
//     04_cancel_and_deadline [DEVICE]
#include "example.hpp"

#include <counterflow/counterflow.hpp>

#include <chrono>
#include <cstdio>

using namespace cf::literals;
using namespace std::chrono_literals;

cf::task<> limits(cf::device& dev)
{
    cf::buffer large = dev.allocate(32_MiB);
    cf::window far = dev.window("ram");

    // [deadline]
    // A deadline of the transfer itself: no timer task, no allocation.
    auto late = co_await cf::as_result(dev.write(large, far.at(0), {.deadline = 2ms}));
    if (!late) std::printf("with a deadline: %s\n", late.error().message().c_str());

    // The same around any await, here a whole sequence.
    auto slow = co_await cf::as_result(cf::timeout(2ms, dev.read(large, far.at(0))));
    if (!slow) std::printf("with a timeout: %s\n", slow.error().message().c_str());
    // [/deadline]

    // Whoever loses when_any is stopped and joined before it returns.
    auto first = co_await cf::when_any(dev.write(large, far.at(0)), cf::sleep_for(1ms));
    std::printf("first to end: %s\n", first.index == 0 ? "the transfer" : "the timer");
}

int main(int argc, char** argv) { return example::run(argc, argv, limits); }
