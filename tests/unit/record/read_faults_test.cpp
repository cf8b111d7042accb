// SPDX-License-Identifier: MIT
//
// Reading a record from a disk that cannot read some of it, or gives less than was asked for.
#include "blocks.hpp"

#include "record/find_end.hpp"
#include "record/reading.hpp"

#include <filesystem>

namespace {

/// Cannot read bytes `from` to `to`, and gives at most `most` bytes at a time.
struct failing_disk : cf::record::disk {
    cf::task<std::size_t> read(int fd, std::span<std::byte> into, std::uint64_t offset)
    {
        into = into.first(std::min(into.size(), most));
        if (offset < to && offset + into.size() > from)
            throw cf::error(cf::failure{{error_number, std::system_category()}, "read"});
        const std::size_t got = co_await disk::read(fd, into, offset);
        co_return got;
    }

    std::uint64_t from = 0, to = 0;
    std::size_t most = SIZE_MAX;
    int error_number = EIO;
};

failing_disk without_bytes(std::uint64_t from, std::uint64_t to)
{
    failing_disk made;
    made.from = from, made.to = to;
    return made;
}
failing_disk by_pieces(std::size_t most)
{
    failing_disk made;
    made.most = most;
    return made;
}

using reading = cf::record::reading<failing_disk>;

constexpr std::size_t payload_bytes = 5000;
constexpr std::uint64_t stride = 12'288;
constexpr std::uint64_t header_of(std::uint64_t block) { return 4096 + block * stride; }
std::error_code eio() { return {EIO, std::system_category()}; }

cf::task<> record_ten(std::string path)
{
    cf::recorder out = co_await cf::recorder::open(std::move(path), test::small(8192));
    co_await test::write_blocks(out, 0, 10, payload_bytes);
    co_await out.close();
}

cf::task<test::found> read_all(reading& from, std::string path)
{
    co_await from.open(std::move(path));
    test::found all = co_await test::read_blocks(from, from.info.block_bytes);
    all.damage = from.damage;
    all.closed = from.info.closed;
    co_return all;
}

std::vector<std::uint64_t> without(std::uint64_t block)
{
    std::vector<std::uint64_t> all = test::numbers(0, 10);
    all.erase(all.begin() + static_cast<std::ptrdiff_t>(block));
    return all;
}

} // namespace

TEST_CASE("a place that the disk cannot read costs the block it is in, and is said", "[read faults]")
{
    const folder files;
    test::run([&]() -> cf::task<> {
        co_await record_ten(files / "file");
        for (const std::uint64_t block : {0u, 4u, 9u}) {
            const std::uint64_t header = header_of(block);
            reading no_header(without_bytes(header, header + 512));
            const test::found first = co_await read_all(no_header, files / "file");
            CHECK(first.sequences() == without(block));
            CHECK(first.bad.empty());
            REQUIRE(first.damage.size() == 1);
            CHECK(first.damage[0].offset == header);
            CHECK(first.damage[0].bytes == stride);
            CHECK(first.damage[0].cause == eio());

            reading no_payload(without_bytes(header + 8192, header + 8193));
            const test::found second = co_await read_all(no_payload, files / "file");
            CHECK(second.sequences() == without(block));
            CHECK(second.bad.size() == 1);
            REQUIRE(second.damage.size() == 1);
            CHECK(second.damage[0].offset == header + 4096);
            CHECK(second.damage[0].bytes == payload_bytes);
            CHECK(second.damage[0].cause == eio());
            CHECK(no_payload.damaged == 1);
        }
    });
}

TEST_CASE("a disk that reads nothing from a place on: the blocks before it, and the cause", "[read faults]")
{
    const folder files;
    test::run([&]() -> cf::task<> {
        co_await record_ten(files / "file");
        reading half(without_bytes(header_of(6), UINT64_MAX));
        const test::found found = co_await read_all(half, files / "file");
        CHECK(found.sequences() == test::numbers(0, 6));
        CHECK_FALSE(found.closed); // its index is not to be had
        REQUIRE(found.damage.size() == 1);
        CHECK(found.damage[0].offset == header_of(6));
        CHECK(found.damage[0].cause == eio());
        const auto more = co_await half.next();
        CHECK_FALSE(more);
        CHECK(half.damaged == 1);

        reading nothing(without_bytes(0, 1));
        const auto refused = co_await cf::as_result(nothing.open(files / "file"));
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == eio());
        CHECK(has(refused.error().detail, "the header of " + (files / "file")));
    });
}

TEST_CASE("an index that cannot be read takes no block along, and is said", "[read faults]")
{
    const folder files;
    test::run([&]() -> cf::task<> {
        co_await record_ten(files / "file");
        const std::uint64_t size = std::filesystem::file_size(files / "file");
        // Its header, its payload, and the page at the end that leads to it.
        for (const std::uint64_t at : {header_of(10), header_of(10) + 4096, size - 4096}) {
            reading no_index(without_bytes(at, at + 1));
            const test::found found = co_await read_all(no_index, files / "file");
            CHECK(found.sequences() == test::numbers(0, 10));
            CHECK_FALSE(found.closed);
            REQUIRE(found.damage.size() == 1);
            CHECK(found.damage[0].offset == at);
            CHECK(found.damage[0].cause == eio());
            const auto more = co_await no_index.next();
            CHECK_FALSE(more);
            CHECK(no_index.damaged == 1);
        }
    });
}

TEST_CASE("what is not the disk's failure is thrown", "[read faults]")
{
    const folder files;
    test::run([&]() -> cf::task<> {
        co_await record_ten(files / "file");
        failing_disk short_of_memory = without_bytes(header_of(3), header_of(3) + 1);
        short_of_memory.error_number = ENOMEM;
        reading from(short_of_memory);
        const auto failed = co_await cf::as_result(read_all(from, files / "file"));
        REQUIRE_FALSE(failed);
        CHECK(failed.error().code == std::errc::not_enough_memory);
    });
}

TEST_CASE("a recording is resumed behind what can be read, never over what cannot", "[read faults]")
{
    const folder files;
    test::run([&]() -> cf::task<> {
        co_await record_ten(files / "file");
        const auto end = [&](std::uint64_t from, std::uint64_t to) {
            return cf::as_result(
                cf::record::find_end<failing_disk>(files / "file", 8192, without_bytes(from, to)));
        };
        // In the midst, and of the index, which is written anew.
        for (const std::uint64_t at : {header_of(4), header_of(4) + 4096, header_of(10) + 4096}) {
            const auto found = co_await end(at, at + 1);
            REQUIRE(found);
            CHECK(found->end == header_of(10));
            CHECK(found->blocks == 10);
        }
        for (const std::uint64_t at : {header_of(9), header_of(9) + 4096}) {
            const auto refused = co_await end(at, at + 1);
            REQUIRE_FALSE(refused);
            CHECK(refused.error().code == eio());
            CHECK(has(refused.error().detail, "reading " + (files / "file") + " at offset "));
        }
    });
}

TEST_CASE("short reads are gone on with", "[read faults]")
{
    const folder files;
    test::run([&]() -> cf::task<> {
        co_await record_ten(files / "file");
        for (const std::size_t most : {1u, 7u, 4096u}) {
            reading slow(by_pieces(most));
            const test::found found = co_await read_all(slow, files / "file");
            CHECK(found.sequences() == test::numbers(0, 10));
            CHECK(found.closed);
            CHECK(found.damage.empty());
        }
    });
}
