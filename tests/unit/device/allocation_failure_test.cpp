// SPDX-License-Identifier: MIT
//
// When memory runs out: each allocation of an operation fails in turn, the first, the second and so on, until
// the operation passes. Each time it must have thrown, have left everything as it was, and leak nothing.
#include "allocation_count.hpp"

#include "catch.hpp"

#include "device/pinned_pages.hpp"
#include <counterflow/counterflow.hpp>

#include <cstring>
#include <memory>
#include <new>
#include <string>

using cf::errc;
using namespace cf::literals;

namespace {

/// Whether `what` throws for want of memory when its n-th allocation fails. False: it has no n-th one.
template <class What>
bool fails(std::uint64_t n, What&& what)
{
    static_cast<void>(test::fail_allocation(n));
    bool threw = false;
    try {
        what();
    } catch (const std::bad_alloc&) {
        threw = true;
    } catch (const cf::error& e) {
        threw = e.code() == errc::no_memory;
    }
    const bool failed = test::fail_allocation(0);
    if (failed && !threw) FAIL_CHECK("allocation " << n << " failed and nobody was told");
    return failed;
}

/// Runs `what` with each of its allocations failing, and `check` after each. Returns how many there were.
template <class What, class Check>
std::uint64_t fail_each(What&& what, Check&& check)
{
    what(); // what is kept for ever is made now
    check();
    const std::int64_t before = test::live_allocations();
    std::uint64_t n = 0;
    while (fails(n + 1, what)) {
        ++n;
        if (const auto leaked = test::live_allocations() - before; leaked != 0)
            FAIL("allocation " << n << " failed, and " << leaked << " others were leaked");
        check();
    }
    CHECK(test::live_allocations() == before);
    return n;
}

bool nothing_pinned() { return cf::detail::pinned_pages::of_process().empty(); }

/// A device with one buffer that was there before.
struct bench {
    explicit bench(const std::string& text)
        : spec(cf::parse_spec(text)), loop(cf::options_for(spec)), dev(loop, spec), mine(dev.allocate(8_KiB))
    {
    }

    /// The device and the buffer work as before.
    void check()
    {
        std::memset(mine.data(), ++value, 4_KiB);
        loop.run([](bench& b) -> cf::task<> {
            const cf::window_place far = b.dev.window("ram").at(0);
            co_await b.dev.write(b.mine.slice(0, 4_KiB), far);
            co_await b.dev.read(b.mine.slice(4_KiB, 4_KiB), far);
        }(*this));
        if (std::memcmp(mine.data(), mine.data() + 4_KiB, 4_KiB) != 0) FAIL("bytes are lost");
    }

    cf::device_spec spec;
    cf::runtime loop;
    cf::device dev;
    cf::buffer mine;
    unsigned char value = 0;
};

const std::string kinds[] = {"sim:gen3x8,wr=2,rd=2", "model:null,wr=2,rd=2"};

} // namespace

TEST_CASE("a device that cannot be opened for want of memory leaves nothing behind", "[memory]")
{
    for (const std::string& text : kinds) {
        INFO(text);
        const cf::device_spec spec = cf::parse_spec(text);
        cf::runtime loop(cf::options_for(spec));
        CHECK(fail_each([&] { const cf::device dev(loop, spec); },
                        [] {
                            if (!nothing_pinned()) FAIL("pages stay pinned");
                        }) > 10);
    }
}

TEST_CASE("a buffer that cannot be had leaves the device and the other buffers as they were", "[memory]")
{
    for (const std::string& text : kinds) {
        INFO(text);
        bench b(text);
        const auto check = [&] { b.check(); };
        CHECK(fail_each([&] { const cf::buffer more = b.dev.allocate(64_KiB); }, check) >= 2);
        const std::unique_ptr<std::byte[]> memory(new std::byte[32_KiB]);
        CHECK(fail_each([&] { const cf::buffer more = b.dev.add({memory.get(), 32_KiB}); }, check) >= 2);
        // At an address where another buffer starts, and over the end of one.
        CHECK(fail_each([&] { const cf::buffer more = b.dev.add(b.mine.bytes()); }, check) >= 2);
        CHECK(fail_each([&] { const cf::buffer more = b.dev.add(b.mine.bytes().first(100)); }, check) >= 2);
    }
    CHECK(nothing_pinned());
}

TEST_CASE("a task that cannot be spawned leaves its scope to be joined, and what runs there running",
          "[memory]")
{
    bench b(kinds[0]);
    const auto spawn = [&] {
        b.loop.run([](bench& on) -> cf::task<> {
            co_await cf::with_scope([&on](cf::scope& all) -> cf::task<> {
                const cf::window_place far = on.dev.window("ram").at(0);
                for (std::size_t i = 0; i < 2; ++i)
                    all.spawn([](bench& of, cf::window_place to, std::size_t at) -> cf::task<> {
                        std::byte frame[16 * 1024]; // larger than what is kept of frames at hand
                        std::memset(frame, 1, sizeof frame);
                        co_await of.dev.write(of.mine.slice(at, 1_KiB), to);
                        std::memset(of.mine.data(), static_cast<int>(frame[at]), 1);
                    }(on, far, i * 1024));
                co_await all.join();
            });
        }(b));
    };
    fail_each(spawn, [&] { b.check(); });
}

TEST_CASE("an await whose failure cannot be put into words has ended all the same, once", "[memory]")
{
    bench b(kinds[0]);
    std::uint64_t resumed = 0, asked = 0;
    const auto refused = [&] {
        ++asked;
        b.loop.run([](bench& on, std::uint64_t& times) -> cf::task<> {
            struct at_exit {
                std::uint64_t& count;
                ~at_exit() { ++count; }
            } const counted{times};
            auto done = co_await cf::as_result(
                on.dev.write(on.mine.slice(0, 4_KiB), on.dev.window("ram").at(1ull << 40)));
            if (done || done.error().code != errc::out_of_range) FAIL("out of range is not seen");
        }(b, resumed));
    };
    fail_each(refused, [&] { b.check(); });
    CHECK(resumed >= asked - 2); // a task whose frame could not be had never began
    CHECK(resumed <= asked);
}
