// SPDX-License-Identifier: MIT
//
// A recorder on a disk that fails: full, short, broken, at every write. And one whose process is killed.
#include "blocks.hpp"

#include "record/disk.hpp"
#include "record/writer.hpp"

#include <counterflow/runtime.hpp>
#include <counterflow/scope.hpp>

#include <csignal>
#include <cstdlib>

#include <sys/wait.h>
#include <unistd.h>

namespace {

/// A disk that does something else at the n-th write.
struct faulty_disk : cf::record::disk {
    enum class fault { none, error, short_write, nothing };

    cf::task<std::size_t> write(int fd, std::span<const iovec> from, std::uint64_t offset)
    {
        if (++writes == at) {
            if (kind == fault::error)
                throw cf::error(cf::failure{{error_number, std::system_category()}, "write"});
            if (kind == fault::nothing) co_return std::size_t{0};
        }
        if (kind == fault::short_write && writes >= at) {
            iovec part = from.front();
            part.iov_len = std::min<std::size_t>(part.iov_len, 4096);
            const std::array<iovec, 1> one{part};
            const std::size_t written = co_await disk::write(fd, one, offset);
            co_return written;
        }
        const std::size_t written = co_await disk::write(fd, from, offset);
        co_return written;
    }
    cf::task<> reserve(int fd, std::uint64_t offset, std::uint64_t bytes)
    {
        if (full) throw cf::error(cf::failure{{ENOSPC, std::system_category()}, "fallocate"});
        co_await disk::reserve(fd, offset, bytes);
    }

    fault kind = fault::none;
    int error_number = 0;
    unsigned at = 0;
    unsigned writes = 0;
    bool full = false;
};

using writer = cf::record::writer<faulty_disk>;

/// Writes ten blocks with three at a time; yields what the failing ones said, in order.
cf::task<std::vector<cf::failure>> write_ten(writer& out)
{
    std::vector<cf::failure> failures;
    cf::scope all;
    for (std::uint64_t lane = 0; lane < 3; ++lane) {
        all.spawn([](writer& w, std::uint64_t first, std::vector<cf::failure>& said) -> cf::task<> {
            for (std::uint64_t i = first; i < 10; i += 3) {
                const test::payload block(i, 8000); // leased until the write has ended
                const auto written = co_await cf::as_result(w.write({block.bytes(), i, i, 0}));
                if (!written) said.push_back(written.error());
            }
        }(out, lane, failures));
    }
    co_await all.join();
    co_return failures;
}

} // namespace

TEST_CASE("a disk that fails at any write: one clear error, and every complete block is readable", "[faults]")
{
    for (const int number : {ENOSPC, EIO}) {
        for (unsigned at = 2; at <= 11; ++at) { // the first is the file's header
            const folder files;
            faulty_disk disk;
            disk.kind = faulty_disk::fault::error;
            disk.error_number = number;
            disk.at = at;
            test::run([&]() -> cf::task<> {
                writer out(disk, files / "file", test::small(8192));
                co_await out.start(std::nullopt);
                const std::vector<cf::failure> failures = co_await write_ten(out);
                REQUIRE_FALSE(failures.empty());
                for (const cf::failure& f : failures) {
                    CHECK(f.code == std::error_code(number, std::system_category()));
                    CHECK(has(f.detail, "block "));
                    CHECK(has(f.detail, " at offset "));
                    CHECK(has(f.detail, files / "file"));
                }
                CHECK(out.statistics().blocks == 10 - failures.size());
                co_await out.close();
                const test::found found = co_await test::read_all(files / "file");
                CHECK(found.good.size() == 10 - failures.size());
                CHECK(found.bad.empty());
            });
        }
    }
}

TEST_CASE("a header that cannot be written is an error of opening", "[faults]")
{
    const folder files;
    faulty_disk disk;
    disk.kind = faulty_disk::fault::error;
    disk.error_number = ENOSPC;
    disk.at = 1;
    test::run([&]() -> cf::task<> {
        writer out(disk, files / "file", test::small(8192));
        const auto started = co_await cf::as_result(out.start(std::nullopt));
        REQUIRE_FALSE(started);
        CHECK(started.error().code == std::errc::no_space_on_device);
        CHECK(has(started.error().detail, "the header at offset 0 of " + (files / "file")));
    });
}

TEST_CASE("short writes are gone on with", "[faults]")
{
    for (const bool direct : {true, false}) {
        const folder files;
        faulty_disk disk;
        disk.kind = faulty_disk::fault::short_write;
        test::run([&]() -> cf::task<> {
            cf::record_options options = test::small(8192);
            options.direct = direct;
            writer out(disk, files / "file", options);
            co_await out.start(std::nullopt);
            const std::vector<cf::failure> failures = co_await write_ten(out);
            CHECK(failures.empty());
            co_await out.close();
            const test::found found = co_await test::read_all(files / "file");
            CHECK(found.good.size() == 10);
            CHECK(found.closed);
        });
    }
}

TEST_CASE("a disk that takes nothing is an error, and no endless loop", "[faults]")
{
    const folder files;
    faulty_disk disk;
    disk.kind = faulty_disk::fault::nothing;
    disk.at = 3;
    test::run([&]() -> cf::task<> {
        writer out(disk, files / "file", test::small(8192));
        co_await out.start(std::nullopt);
        const std::vector<cf::failure> failures = co_await write_ten(out);
        REQUIRE_FALSE(failures.empty());
        CHECK(failures.front().code == std::errc::io_error);
        co_await out.close();
    });
}

TEST_CASE("a disk that has no room to reserve is written to all the same", "[faults]")
{
    const folder files;
    faulty_disk disk;
    disk.full = true;
    test::run([&]() -> cf::task<> {
        writer out(disk, files / "file", test::small(8192));
        co_await out.start(std::nullopt);
        const std::vector<cf::failure> failures = co_await write_ten(out);
        CHECK(failures.empty());
        co_await out.close();
        const test::found found = co_await test::read_all(files / "file");
        CHECK(found.good.size() == 10);
    });
}

namespace {

/// In a process of its own: records until it is killed; tells of each block by its number when it is written.
[[noreturn]] void record_until_killed(const std::string& path, int tell)
{
    try {
        cf::runtime loop;
        loop.run([](std::string file, int to) -> cf::task<> {
            cf::record_options options = test::small(8192);
            options.preallocate = 256 * 1024;
            options.rotate_bytes = 0;
            cf::recorder out = co_await cf::recorder::open(std::move(file), options);
            cf::scope all;
            for (std::uint64_t lane = 0; lane < 4; ++lane) {
                all.spawn([](cf::recorder& r, std::uint64_t i, int fd) -> cf::task<> {
                    for (;; i += 4) {
                        const test::payload block(i, 6000);
                        co_await r.write({block.bytes(), i, i, 0});
                        if (::write(fd, &i, sizeof i) != sizeof i) co_return;
                    }
                }(out, lane, to));
            }
            co_await all.join();
        }(path, tell));
    } catch (...) {
    }
    ::_exit(1);
}

} // namespace

TEST_CASE("a process that is killed at any moment leaves every block that it had written", "[faults][kill]")
{
    cf::runtime loop;
    for (unsigned round = 0; round < 500; ++round) {
        const folder files;
        int ends[2];
        REQUIRE(::pipe(ends) == 0);
        const pid_t child = ::fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            ::close(ends[0]);
            record_until_killed(files / "file", ends[1]);
        }
        ::close(ends[1]);
        std::vector<std::uint64_t> told;
        std::uint64_t one = 0;
        const unsigned progress = 1 + round * 7 % 61; // then it dies, wherever it is
        while (told.size() < progress && ::read(ends[0], &one, sizeof one) == sizeof one) told.push_back(one);
        ::kill(child, SIGKILL);
        while (::read(ends[0], &one, sizeof one) == sizeof one) told.push_back(one);
        int status = 0;
        REQUIRE(::waitpid(child, &status, 0) == child);
        REQUIRE(WIFSIGNALED(status));
        ::close(ends[0]);

        const test::found found = loop.run(test::read_all(files / "file"));
        const std::vector<std::uint64_t> there = found.sequences();
        std::size_t missing = 0;
        for (const std::uint64_t i : told) missing += std::ranges::count(there, i) == 1 ? 0 : 1;
        INFO("round " << round << ", told of " << told.size() << ", found " << there.size());
        REQUIRE(missing == 0);
        REQUIRE(std::ranges::is_sorted(found.good, {}, &cf::recorded_block::number));
    }
}
