// SPDX-License-Identifier: MIT
//
// Awaits on descriptors: what they yield, how they fail, that they allocate nothing, and that they
// work on rings of any size and kernels of any age.
#include "allocation_count.hpp"
#include "coroutines.hpp"
#include "system.hpp"

#include <counterflow/as_result.hpp>
#include <counterflow/io.hpp>
#include <counterflow/scope.hpp>
#include <counterflow/when_all.hpp>

#include <poll.h>
#include <sys/mman.h>

#include <cstring>
#include <string>

namespace {

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }
std::string text_of(std::span<const std::byte> bytes)
{
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

test::descriptor make_file() { return test::descriptor(::memfd_create("test", MFD_CLOEXEC)); }

cf::task<> many_nops(int count, int& done)
{
    for (int i = 0; i < count; ++i) {
        co_await cf::nop();
        ++done;
    }
}

} // namespace

TEST_CASE("files are read and written at offsets", "[io]")
{
    const auto file = make_file();
    test::run([&]() -> cf::task<> {
        const std::size_t written = co_await cf::write_at(file, bytes_of("hello world"), 0);
        CHECK(written == 11);
        std::array<std::byte, 5> block;
        const std::size_t got = co_await cf::read_at(file, block, 6);
        CHECK(got == 5);
        CHECK(text_of(block) == "world");
        co_await cf::fsync(file);
    });
}

TEST_CASE("a read past the end is short, and empty at the end", "[io]")
{
    const auto file = make_file();
    test::run([&]() -> cf::task<> {
        co_await cf::write_at(file, bytes_of("abc"), 0);
        std::array<std::byte, 8> block;
        const std::size_t part = co_await cf::read_at(file, block, 1);
        CHECK(part == 2);
        const std::size_t end = co_await cf::read_at(file, block, 3);
        CHECK(end == 0);
        const std::size_t position = co_await cf::read_at(file, block, cf::current_position);
        CHECK(position == 3);
    });
}

TEST_CASE("a failure names the operation, the value and the cause", "[io]")
{
    test::run([]() -> cf::task<> {
        std::array<std::byte, 8> block{};
        const auto bad = co_await cf::as_result(cf::write_at(99'999, block, 4096));
        REQUIRE_FALSE(bad);
        CHECK(bad.error().code == std::errc::bad_file_descriptor);
        CHECK(bad.error().detail == "write of 8 bytes at offset 4096 of descriptor 99999");
        bool thrown = false;
        try {
            co_await cf::read_at(99'999, block, 0);
        } catch (const cf::error& e) {
            thrown = true;
            CHECK(e.code() == std::errc::bad_file_descriptor);
        }
        CHECK(thrown);
    });
}

TEST_CASE("an eventfd yields its count", "[io]")
{
    const auto event = test::make_eventfd();
    test::run([&]() -> cf::task<> {
        ::eventfd_write(event, 3);
        ::eventfd_write(event, 4);
        const std::uint64_t count = co_await cf::read_eventfd(event);
        CHECK(count == 7);
        auto writes = [](int fd) -> cf::task<> {
            co_await cf::nop();
            ::eventfd_write(fd, 1);
        };
        const auto [later, nothing] = co_await cf::when_all(cf::read_eventfd(event), writes(event));
        CHECK(later == 1);
        (void)nothing;
    });
}

TEST_CASE("poll yields the events that hold", "[io]")
{
    const auto pipe = test::make_pipe();
    test::run([&]() -> cf::task<> {
        const std::uint32_t writable = co_await cf::poll(pipe.in, POLLOUT);
        CHECK((writable & POLLOUT) != 0);
        pipe.write('x');
        const std::uint32_t readable = co_await cf::poll(pipe.out, POLLIN);
        CHECK((readable & POLLIN) != 0);
    });
}

TEST_CASE("operations complete on every feature level and every size of ring", "[io]")
{
    for (auto options : test::feature_levels()) {
        for (const unsigned entries : {1u, 2u, 4u, 256u}) {
            options.entries = entries;
            cf::runtime runtime(options);
            int done = 0;
            runtime.run([](int& count) -> cf::task<> {
                cf::scope all;
                for (int i = 0; i < 50; ++i) all.spawn(many_nops(20, count));
                co_await all.join();
            }(done));
            CHECK(done == 1000);
            CHECK(runtime.statistics().submitted >= 1000);
            CHECK(runtime.statistics().completions >= 1000);
        }
    }
}

TEST_CASE("more completions than the queue holds are all delivered, once", "[io]")
{
    for (auto options : test::feature_levels()) {
        options.entries = 4;
        options.completions = 8;
        cf::runtime runtime(options);
        CHECK(runtime.info().completions == 8);
        int done = 0;
        runtime.run([](int& count) -> cf::task<> {
            cf::scope all;
            for (int i = 0; i < 1000; ++i) all.spawn(many_nops(2, count)); // 1000 in flight at a time
            co_await all.join();
        }(done));
        CHECK(done == 2000);
    }
}

TEST_CASE("a queue that is full while the kernel is busy is waited for", "[io]")
{
    cf::runtime_options options;
    options.entries = 2;
    cf::runtime runtime(options);
    test::pretend_busy(runtime, 200);
    int done = 0;
    runtime.run([](int& count) -> cf::task<> {
        cf::scope all;
        for (int i = 0; i < 100; ++i) all.spawn(many_nops(3, count));
        co_await all.join();
    }(done));
    CHECK(done == 300);
}

TEST_CASE("a warm operation allocates nothing, in a scope or not", "[io]")
{
    test::run([]() -> cf::task<> {
        int done = 0;
        co_await many_nops(1000, done); // around the ring more than once
        const std::uint64_t before = test::allocations();
        co_await many_nops(10'000, done);
        CHECK(test::allocations() == before);

        cf::scope all;
        for (int i = 0; i < 32; ++i) all.spawn(many_nops(100, done));
        co_await all.join();
        const std::uint64_t spawned = test::allocations();
        for (int i = 0; i < 32; ++i) all.spawn(many_nops(100, done));
        co_await all.join();
        CHECK(test::allocations() == spawned);
    });
}

TEST_CASE("one task's operations are completed in its own order", "[io]")
{
    const auto pipe = test::make_pipe();
    test::run([&]() -> cf::task<> {
        std::string got;
        for (const char c : std::string_view("counterflow")) {
            pipe.write(c);
            std::array<std::byte, 1> block;
            co_await cf::read_at(pipe.out, block, cf::current_position);
            got += text_of(block);
        }
        CHECK(got == "counterflow");
    });
}
