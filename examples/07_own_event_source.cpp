// SPDX-License-Identifier: MIT
//
// Event sources of one's own in the same loop: a thread, a device driver or another library
// signals an eventfd, or calls back; the program awaits that beside its transfers.
//
//     07_own_event_source [DEVICE]
#include "example.hpp"

#include <counterflow/counterflow.hpp>

#include <cstdint>
#include <cstdio>
#include <memory>
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

// [callback]
// Asks a library that answers with a callback, on a thread of its own.
cf::task<int> ask(std::jthread& library)
{
    struct reply {
        cf::event arrived;
        int value = 0;
    };
    // Shared, because the callback comes even when a stop request has ended the await before.
    auto answer = std::make_shared<reply>();
    library = std::jthread([answer, &loop = cf::runtime::current()] {
        loop.post([answer] {
            answer->value = 42;
            answer->arrived.set();
        });
    });
    co_await answer->arrived;
    co_return answer->value;
}
// [/callback]

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

    std::jthread library;
    const int answer = co_await ask(library);
    std::printf("the library called back with %d\n", answer);
}

int main(int argc, char** argv) { return example::run(argc, argv, program); }
