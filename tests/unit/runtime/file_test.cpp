// SPDX-License-Identifier: MIT
//
// Opening, reserving and closing files through the ring, and in virtual time.
#include "allocation_count.hpp"
#include "coroutines.hpp"
#include "folder.hpp"
#include "system.hpp"

#include <counterflow/as_result.hpp>
#include <counterflow/file.hpp>
#include <counterflow/scope.hpp>

#include <sys/stat.h>

#include <array>
#include <cstring>
#include <memory>

namespace {

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

off_t size_of(int fd)
{
    struct stat found {};
    REQUIRE(::fstat(fd, &found) == 0);
    return found.st_size;
}

std::vector<cf::runtime_options> levels_and_virtual_time()
{
    auto all = test::feature_levels();
    all.emplace_back().time = cf::time_mode::simulated;
    return all;
}

} // namespace

TEST_CASE("a file is made, reserved, written, synchronised, closed and opened again", "[file]")
{
    for (const auto& options : levels_and_virtual_time()) {
        const folder files;
        const std::string path = files / "data";
        test::run(
            [&]() -> cf::task<> {
                cf::file_descriptor file =
                    co_await cf::open_file(path.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600);
                co_await cf::fallocate(file, 0, 0, 1 << 16);
                CHECK(size_of(file.get()) == 1 << 16);
                const std::size_t written = co_await cf::write_at(file, bytes("counterflow"), 4096);
                CHECK(written == 11);
                co_await cf::fdatasync(file);
                co_await cf::fsync(file);
                const int fd = file.get();
                CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
                co_await cf::close(std::move(file));
                CHECK_FALSE(is_open(fd));

                const cf::file_descriptor again = co_await cf::open_file(path.c_str(), O_RDONLY);
                std::array<std::byte, 11> got{};
                const std::size_t read = co_await cf::read_at(again, got, 4096);
                CHECK(read == 11);
                CHECK(std::memcmp(got.data(), "counterflow", 11) == 0);
            },
            options);
    }
}

TEST_CASE("a file that cannot be opened is named", "[file]")
{
    for (const auto& options : levels_and_virtual_time()) {
        test::run(
            []() -> cf::task<> {
                const auto none = co_await cf::as_result(cf::open_file("/no/such/file", O_RDONLY));
                REQUIRE_FALSE(none);
                CHECK(none.error().code == std::errc::no_such_file_or_directory);
                CHECK(none.error().detail == "open of /no/such/file");
            },
            options);
    }
}

TEST_CASE("a path is relative to the directory that is given", "[file]")
{
    const folder files;
    write_text(files / "here", "x");
    test::run([&]() -> cf::task<> {
        const cf::file_descriptor directory =
            co_await cf::open_file((files / "").c_str(), O_RDONLY | O_DIRECTORY);
        const cf::file_descriptor file = co_await cf::open_file(directory.get(), "here", O_RDONLY);
        CHECK(size_of(file.get()) == 1);
    });
}

TEST_CASE("O_DIRECT moves aligned blocks, where the file system has it", "[file]")
{
    const folder files;
    constexpr std::size_t block = 4096;
    const std::unique_ptr<std::byte, decltype(&std::free)> memory(
        static_cast<std::byte*>(std::aligned_alloc(block, block)), &std::free);
    const std::span<std::byte> aligned(memory.get(), block);
    std::memset(aligned.data(), 7, block);
    test::run([&]() -> cf::task<> {
        auto file =
            co_await cf::as_result(cf::open_file((files / "direct").c_str(), O_RDWR | O_CREAT | O_DIRECT));
        if (!file) { // a file system in memory
            CHECK(file.error().code == std::errc::invalid_argument);
            co_return;
        }
        const std::size_t written = co_await cf::write_at(*file, aligned, block);
        CHECK(written == block);
        std::memset(aligned.data(), 0, block);
        const std::size_t read = co_await cf::read_at(*file, aligned, block);
        CHECK(read == block);
        CHECK(std::ranges::all_of(aligned, [](std::byte b) { return b == std::byte{7}; }));
    });
}

TEST_CASE("reserving fails with the range that was asked for", "[file]")
{
    const auto pipe = test::make_pipe();
    test::run([&]() -> cf::task<> {
        const auto ended = co_await cf::as_result(cf::fallocate(pipe.in, 0, 8, 16));
        REQUIRE_FALSE(ended);
        CHECK(ended.error().detail ==
              "fallocate of 16 bytes at offset 8 of descriptor " + std::to_string(int(pipe.in)));
    });
}

TEST_CASE("a close that is stopped before it began still closes", "[file]")
{
    for (const auto& options : levels_and_virtual_time()) {
        const folder files;
        const std::string path = files / "data";
        int fd = -1;
        std::error_code how;
        test::run(
            [&]() -> cf::task<> {
                cf::file_descriptor file = co_await cf::open_file(path.c_str(), O_RDWR | O_CREAT);
                fd = file.get();
                cf::scope all;
                all.request_stop();
                all.spawn([](cf::file_descriptor owned, std::error_code& ended) -> cf::task<> {
                    const auto closed = co_await cf::as_result(cf::close(std::move(owned)));
                    if (!closed) ended = closed.error().code;
                }(std::move(file), how));
                co_await all.join();
            },
            options);
        CHECK(how == cf::errc::canceled);
        CHECK_FALSE(is_open(fd));
    }
}

TEST_CASE("a close of nothing is an error, as is one of what is closed", "[file]")
{
    test::run([]() -> cf::task<> {
        const auto none = co_await cf::as_result(cf::close(cf::file_descriptor()));
        REQUIRE_FALSE(none);
        CHECK(none.error().code == std::errc::bad_file_descriptor);
    });
}

TEST_CASE("virtual time: nothing but regular files is opened", "[file]")
{
    const folder files;
    const std::string path = files / "pipe";
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    cf::runtime_options simulated;
    simulated.time = cf::time_mode::simulated;
    test::run(
        [&]() -> cf::task<> {
            const auto opened = co_await cf::as_result(cf::open_file(path.c_str(), O_RDONLY));
            REQUIRE_FALSE(opened);
            CHECK(opened.error().code == cf::errc::not_supported);
            CHECK(has(opened.error().message(), "open of " + path + " in virtual time"));
        },
        simulated);
}

TEST_CASE("warm file operations allocate nothing", "[file]")
{
    const folder files;
    const std::string path = files / "data";
    test::run([&]() -> cf::task<> {
        std::uint64_t before = 0;
        for (int round = 0; round < 20; ++round) {
            if (round == 10) before = test::allocations();
            cf::file_descriptor file = co_await cf::open_file(path.c_str(), O_RDWR | O_CREAT);
            co_await cf::fallocate(file, 0, 0, 4096);
            co_await cf::fdatasync(file);
            co_await cf::close(std::move(file));
        }
        CHECK(test::allocations() == before);
    });
}
