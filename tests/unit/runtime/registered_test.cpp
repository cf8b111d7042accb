// SPDX-License-Identifier: MIT
//
// Memory and files that a runtime's ring knows: they are used by number, once a runtime at a time.
#include "coroutines.hpp"
#include "folder.hpp"
#include "system.hpp"

#include <counterflow/as_result.hpp>
#include <counterflow/registered.hpp>

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <memory>

namespace {

test::descriptor make_file() { return test::descriptor(::memfd_create("test", MFD_CLOEXEC)); }

cf::runtime_options simulated()
{
    cf::runtime_options options;
    options.time = cf::time_mode::simulated;
    return options;
}

struct two_buffers {
    std::vector<std::byte> out = std::vector<std::byte>(4096, std::byte{3});
    std::vector<std::byte> in = std::vector<std::byte>(4096);
    std::array<std::span<std::byte>, 2> both() { return {out, in}; }
};

cf::task<> there_and_back(cf::file_ref file, two_buffers& memory)
{
    const std::size_t written =
        co_await cf::write_fixed(file, std::span(memory.out).subspan(96, 4000), 100, 0);
    CHECK(written == 4000);
    const std::size_t read = co_await cf::read_fixed(file, memory.in, 100, 1);
    CHECK(read == 4000);
    CHECK(std::ranges::count(memory.in, std::byte{3}) == 4000);
}

} // namespace

TEST_CASE("registered memory goes to a file and back", "[registered]")
{
    auto levels = test::feature_levels();
    levels.push_back(simulated());
    for (const auto& options : levels) {
        const auto file = make_file();
        two_buffers memory;
        const auto both = memory.both();
        cf::runtime loop(options);
        const cf::registered_buffers registered(loop, both);
        loop.run(there_and_back(int(file), memory));
    }
}

TEST_CASE("memory that is not in the named buffer is refused by the kernel", "[registered]")
{
    const auto file = make_file();
    two_buffers memory;
    const auto both = memory.both();
    cf::runtime loop;
    const cf::registered_buffers registered(loop, both);
    loop.run([](int fd, two_buffers& m) -> cf::task<> {
        const auto ended = co_await cf::as_result(cf::write_fixed(fd, m.out, 0, 1));
        REQUIRE_FALSE(ended);
        CHECK(ended.error().code == std::errc::bad_address);
        CHECK(ended.error().detail ==
              "write of registered memory of 4096 bytes at offset 0 of descriptor " + std::to_string(fd));
    }(file, memory));
}

TEST_CASE("a runtime has one set of buffers at a time", "[registered]")
{
    two_buffers memory;
    const auto both = memory.both();
    cf::runtime loop;
    {
        const cf::registered_buffers first(loop, both);
        refusal([&] { const cf::registered_buffers second(loop, both); }, cf::errc::busy);
    }
    const cf::registered_buffers again(loop, both);
}

TEST_CASE("no buffers and impossible ones are refused", "[registered]")
{
    cf::runtime loop;
    refusal([&] { const cf::registered_buffers none(loop, {}); }, cf::errc::bad_argument);
    const std::array<std::span<std::byte>, 1> nowhere{
        std::span(reinterpret_cast<std::byte*>(std::uintptr_t{4096}), 4096)};
    refusal([&] { const cf::registered_buffers bad(loop, nowhere); }, cf::errc::bad_argument);
}

TEST_CASE("a registered file stays open without its descriptor", "[registered]")
{
    for (const auto& options : test::feature_levels()) {
        cf::runtime loop(options);
        std::optional<test::descriptor> file(make_file());
        const std::array<int, 1> descriptors{*file};
        const cf::registered_files files(loop, descriptors);
        file.reset();
        loop.run([](cf::file_ref f) -> cf::task<> {
            const std::size_t written = co_await cf::write_at(f, bytes("hello"), 0);
            CHECK(written == 5);
            std::array<std::byte, 5> got{};
            const std::size_t read = co_await cf::read_at(f, got, 0);
            CHECK(read == 5);
            co_await cf::fsync(f);
        }(files[0]));
    }
}

TEST_CASE("a registered file that is none is named by its number", "[registered]")
{
    cf::runtime loop;
    const auto file = make_file();
    const std::array<int, 1> descriptors{file};
    const cf::registered_files files(loop, descriptors);
    loop.run([](cf::file_ref f) -> cf::task<> {
        std::array<std::byte, 5> into{};
        const auto ended = co_await cf::as_result(cf::read_at(f, into, 0));
        REQUIRE_FALSE(ended);
        CHECK(ended.error().detail == "read of 5 bytes at offset 0 of registered file 7");
    }(cf::registered_file{7}));
    const std::array<int, 1> closed{99'999};
    cf::runtime other;
    refusal([&] { const cf::registered_files none(other, closed); }, std::errc::bad_file_descriptor);
}

TEST_CASE("virtual time: files are not registered", "[registered]")
{
    cf::runtime loop(simulated());
    const auto file = make_file();
    const std::array<int, 1> descriptors{file};
    CHECK(has(refusal([&] { const cf::registered_files none(loop, descriptors); }, cf::errc::not_supported),
              "in virtual time"));
}
