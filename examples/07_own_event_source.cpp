// SPDX-License-Identifier: MIT
//
// An event source of one's own on the same ring: a thread, a device driver or another library
// signals an eventfd; the program awaits it beside its transfers, in the same loop.
//
//     07_own_event_source [DEVICE]
#include "example.hpp"

#include <counterflow/counterflow.hpp>

#include <cstdint>
#include <cstdio>
#include <system_error>
#include <thread>

#include <sys/eventfd.h>
#include <unistd.h>

using namespace cf::literals;

constexpr std::uint64_t triggers = 5;

// [own-event]
cf::task<> on_trigger(cf::device& dev, int trigger)
{
    cf::buffer block = dev.allocate(64_KiB);
    cf::window far = dev.window("ram");
    for (std::uint64_t seen = 0; seen < triggers;) {
        const std::uint64_t count = co_await cf::read_eventfd(trigger); // sleeps in the kernel until then
        seen += count;
        co_await dev.read(block, far.at(0));
        std::printf("%llu of %llu triggers\n", static_cast<unsigned long long>(seen),
                    static_cast<unsigned long long>(triggers));
    }
}
// [/own-event]

cf::task<> program(cf::device& dev)
{
    const int trigger = ::eventfd(0, EFD_CLOEXEC);
    if (trigger < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
    std::jthread source([trigger] {
        for (std::uint64_t i = 0; i < triggers; ++i) ::eventfd_write(trigger, 1);
    });
    co_await on_trigger(dev, trigger);
    source.join();
    ::close(trigger);
}

int main(int argc, char** argv) { return example::run(argc, argv, program); }
