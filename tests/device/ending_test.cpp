// SPDX-License-Identifier: MIT
//
// The other ways a transfer ends, on any device: canceled, late, its buffer or its device gone. Each await
// resumes once, and memory is reusable then.
#include "any_device.hpp"

#include <chrono>
#include <optional>

using namespace any;
using namespace std::chrono_literals;
using cf::errc;

namespace {

/// Starts many writes and asks half of them to stop when the first has ended.
cf::task<> stop_half(opened& o, cf::buffer& memory, ledger& kept, ledger& stopped)
{
    cf::scope keep, stop;
    for (std::size_t i = 0; i < kept.resumed.size(); ++i) {
        keep.spawn(note(o.dev.write(memory.slice(2 * i * block, block), o.ram.at(2 * i * block)), kept, i));
        stop.spawn(note(o.dev.write(memory.slice((2 * i + 1) * block, block), o.ram.at((2 * i + 1) * block)),
                        stopped, i));
    }
    co_await o.dev.read(memory.slice(memory.size() - block, block), o.ram.at(0));
    stop.request_stop();
    co_await cf::when_all(keep.join(), stop.join());
}

/// Stops what was started in the same turn of the loop.
cf::task<> stop_at_once(opened& o, cf::buffer& memory, ledger& book)
{
    cf::scope tasks;
    for (std::size_t i = 0; i < book.resumed.size(); ++i)
        tasks.spawn(note(o.dev.read(memory.slice(i * block, block), o.ram.at(i * block)), book, i));
    tasks.request_stop();
    co_await tasks.join();
}

cf::task<> late(opened& o, cf::buffer& memory, ledger& book)
{
    cf::scope tasks;
    for (std::size_t i = 0; i < book.resumed.size(); ++i)
        tasks.spawn(
            note(o.dev.write(memory, o.ram.at(0), {.deadline = std::chrono::nanoseconds(i * 200'000 + 1)}),
                 book, i));
    co_await tasks.join();
}

cf::task<> close_under_way(std::optional<cf::device>& dev, cf::buffer& memory, ledger& book)
{
    cf::window ram = dev->window("ram");
    cf::scope tasks;
    for (std::size_t i = 0; i < book.resumed.size(); ++i)
        tasks.spawn(note(dev->write(memory.slice(i * block, block), ram.at(i * block)), book, i));
    co_await dev->read(memory.slice(0, block), ram.at(0));
    dev.reset();
    co_await tasks.join();
}

bool ended_or(const std::error_code& code, errc other) { return code == std::error_code{} || code == other; }

/// The device still moves what it is given.
void check_it_works(opened& o)
{
    cf::buffer out = o.dev.allocate(256_KiB), in = o.dev.allocate(256_KiB);
    fill(out.bytes(), 77);
    o.loop.run(round_trip(o, out, in, 8_MiB));
    CHECK(std::ranges::equal(out.bytes(), in.bytes()));
}

} // namespace

TEST_CASE("transfers that are stopped end once, and the others move their bytes")
{
    opened o;
    constexpr std::size_t count = 700;
    cf::buffer memory = o.dev.allocate((2 * count + 1) * block);
    fill(memory.bytes(), 1);
    ledger kept(count), stopped(count);
    o.loop.run(stop_half(o, memory, kept, stopped));
    CHECK(kept.each_once());
    CHECK(stopped.each_once());
    CHECK(kept.count({}) == count);
    CHECK(std::ranges::all_of(stopped.code, [](auto c) { return ended_or(c, errc::canceled); }));
    check_it_works(o);
}

TEST_CASE("transfers that are stopped before the engine has seen them")
{
    opened o;
    cf::buffer memory = o.dev.allocate(64 * block);
    ledger book(64);
    o.loop.run(stop_at_once(o, memory, book));
    CHECK(book.each_once());
    CHECK(std::ranges::all_of(book.code, [](auto c) { return ended_or(c, errc::canceled); }));
    check_it_works(o);
}

TEST_CASE("deadlines")
{
    opened o;
    cf::buffer memory = o.dev.allocate(8_MiB);
    ledger book(20);
    o.loop.run(late(o, memory, book));
    CHECK(book.each_once());
    CHECK(std::ranges::all_of(book.code, [](auto c) { return ended_or(c, errc::timed_out); }));
    CHECK(book.code[0] == errc::timed_out);
    check_it_works(o);
}

TEST_CASE("a buffer may go while transfers on it run")
{
    opened o;
    ledger book(32);
    const auto program = [](opened& d, ledger& b) -> cf::task<> {
        cf::scope tasks;
        {
            cf::buffer memory = d.dev.allocate(32 * 16 * block);
            for (std::size_t i = 0; i < 32; ++i)
                tasks.spawn(
                    note(d.dev.read(memory.slice(i * 16 * block, 16 * block), d.ram.at(i * block)), b, i));
            co_await cf::yield();
        }
        co_await tasks.join();
    };
    o.loop.run(program(o, book));
    CHECK(book.each_once());
    CHECK(book.count({}) == 32);
    check_it_works(o);
}

TEST_CASE("a device that is closed ends its transfers")
{
    cf::runtime loop;
    std::optional<cf::device> dev(std::in_place, loop, spec());
    std::vector<std::byte> memory(900 * block);
    cf::buffer registered = dev->add(memory);
    ledger book(900);
    loop.run(close_under_way(dev, registered, book));
    CHECK(book.each_once());
    CHECK(std::ranges::all_of(book.code, [](auto c) { return ended_or(c, errc::device_gone); }));
    // The same runtime goes on with another.
    cf::device again(loop, spec());
    cf::buffer out = again.allocate(block);
    CHECK(loop.run(again.write(out, again.window("ram").at(0))) == block);
}

TEST_CASE("two devices on one runtime")
{
    cf::runtime loop;
    cf::device first(loop, spec()), second(loop, spec());
    cf::buffer a = first.allocate(1_MiB), b = second.allocate(1_MiB);
    const auto program = [&]() -> cf::task<> {
        for (int lap = 0; lap < 10; ++lap)
            co_await cf::when_all(
                first.write(a, first.window("ram").at(0)), second.read(b, second.window("ram").at(4_MiB)),
                first.read(a, first.window("ram").at(4_MiB)), second.write(b, second.window("ram").at(0)));
    };
    loop.run(program());
    CHECK(first.statistics().write.completed == 10);
    CHECK(second.statistics().read.completed == 10);
    // A transfer belongs to the device whose buffer and window it names.
    const auto crossed = [&]() -> cf::task<std::error_code> {
        auto done = co_await cf::as_result(first.write(b, first.window("ram").at(0)));
        co_return done ? std::error_code{} : done.error().code;
    };
    CHECK(loop.run(crossed()) == errc::not_registered);
}
