// SPDX-License-Identifier: MIT
//
// Address maps: borders, overlaps, wrap-around, permissions, and copies across range borders.
#include "rig.hpp"

#include "model/mapped_memory.hpp"
#include "model/memory.hpp"
#include <counterflow/error.hpp>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <limits>

using namespace cf;
using namespace cf::model;

namespace {

constexpr std::uint64_t top = std::numeric_limits<std::uint64_t>::max();

} // namespace

TEST_CASE("a map finds exactly the addresses of its ranges", "[memory]")
{
    std::array<std::byte, 300> bytes{};
    address_map map;
    map.add({.address = 1000, .size = 100, .host = bytes.data()});
    map.add({.address = 500, .size = 100, .host = bytes.data() + 100});
    map.add({.address = 1100, .size = 100, .host = bytes.data() + 200});
    for (const std::uint64_t outside : {std::uint64_t{0}, std::uint64_t{499}, std::uint64_t{600},
                                        std::uint64_t{999}, std::uint64_t{1200}, top})
        CHECK(map.find(outside) == nullptr);
    CHECK(map.find(500)->host == bytes.data() + 100);
    CHECK(map.find(599)->host == bytes.data() + 100);
    CHECK(map.find(1099)->host == bytes.data());
    CHECK(map.find(1100)->host == bytes.data() + 200);
    CHECK(map.translate(1000, 100, access::both) == bytes.data());
    CHECK(map.translate(1099, 1, access::both) == bytes.data() + 99);
    CHECK(map.translate(1099, 2, access::both) == nullptr); // crosses into another range
    CHECK(map.translate(1050, top, access::read) == nullptr);
}

TEST_CASE("a map refuses ranges that overlap, wrap or are empty", "[memory]")
{
    std::byte byte{};
    address_map map;
    map.add({.address = 1000, .size = 100, .host = &byte});
    const auto refused = [&](std::uint64_t address, std::uint64_t size) {
        try {
            map.add({.address = address, .size = size, .host = &byte});
        } catch (const error& e) {
            return e.code() == make_error_code(errc::bad_argument);
        }
        return false;
    };
    CHECK(refused(1000, 100));
    CHECK(refused(999, 2));
    CHECK(refused(1099, 1));
    CHECK(refused(900, 1000));
    CHECK(refused(5000, 0));
    CHECK(refused(top - 9, 11));
    map.add({.address = top - 9, .size = 10, .host = &byte}); // up to the last byte is fine
    CHECK(map.find(top) != nullptr);
    map.add({.address = 900, .size = 100, .host = &byte});
    map.add({.address = 1100, .size = 100, .host = &byte});
}

TEST_CASE("a removed range is gone at once", "[memory]")
{
    std::byte byte{};
    address_map map;
    map.add({.address = 1000, .size = 100, .host = &byte});
    REQUIRE(map.find(1050) != nullptr); // remembered as the last one found
    CHECK_FALSE(map.remove(1000, 99));
    CHECK_FALSE(map.remove(1001, 100));
    CHECK(map.remove(1000, 100));
    CHECK(map.find(1050) == nullptr);
    CHECK_FALSE(map.remove(1000, 100));
}

TEST_CASE("permissions are asked on both sides of a copy", "[memory]")
{
    std::array<std::byte, 64> a{}, b{};
    address_map from, to;
    from.add({.address = 0, .size = 64, .host = a.data(), .allowed = access::write});
    to.add({.address = 0, .size = 64, .host = b.data(), .allowed = access::read});
    CHECK(from.translate(0, 1, access::read) == nullptr);
    const copied done = copy_between(from, 0, to, 0, 64);
    CHECK(done.bytes == 0);
    CHECK(done.source_refused);
    CHECK(done.destination_refused);
}

TEST_CASE("a copy crosses range borders and stops at the first byte refused", "[memory]")
{
    std::array<std::byte, 100> source{}, destination{};
    test::fill(source, 3);
    address_map from, to;
    from.add({.address = 10, .size = 30, .host = source.data()});
    from.add({.address = 40, .size = 50, .host = source.data() + 30});
    to.add({.address = 1000, .size = 45, .host = destination.data()});
    to.add({.address = 1045, .size = 20, .host = destination.data() + 45});
    const copied done = copy_between(from, 10, to, 1000, 80);
    CHECK(done.bytes == 65);
    CHECK(done.destination_refused);
    CHECK_FALSE(done.source_refused);
    CHECK(std::equal(source.begin(), source.begin() + 65, destination.begin()));
    CHECK(std::ranges::all_of(std::span(destination).subspan(65),
                              [](std::byte b) { return b == std::byte{}; }));
    CHECK(copy_between(from, 89, to, 1000, 2).bytes == 1);
    CHECK(copy_between(from, 10, to, 1000, 0).bytes == 0);
}

TEST_CASE("data does not move through an outbound window", "[memory]")
{
    std::array<std::byte, 64> bytes{};
    address_map from, to;
    from.add({.address = 0, .size = 64, .host = bytes.data(), .across_link = true});
    to.add({.address = 0, .size = 64, .host = bytes.data()});
    CHECK(copy_between(from, 0, to, 0, 64).source_refused);
}

namespace {

/// The path of a file that is not there, and will not be.
struct file_name {
    file_name()
        : path((std::filesystem::temp_directory_path() / ("cf-backing-" + std::to_string(::getpid())))
                   .string())
    {
        std::filesystem::remove(path);
    }
    file_name(const file_name&) = delete;
    file_name& operator=(const file_name&) = delete;
    ~file_name() { std::filesystem::remove(path); }

    std::string path;
};

std::string refusal_of(const std::string& file, std::size_t size)
{
    try {
        mapped_memory::file(file, size);
    } catch (const error& e) {
        return e.what();
    }
    return {};
}

bool has(const std::string& text, const std::string& part)
{
    INFO(text);
    return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("a backing file is created, kept, and found again", "[memory]")
{
    const file_name file;
    {
        auto memory = mapped_memory::file(file.path, 8192);
        REQUIRE(memory.size() == 8192);
        CHECK(memory.data()[8191] == std::byte{});
        memory.keep();
        memory.data()[8191] = std::byte{'e'};
    }
    CHECK(std::filesystem::file_size(file.path) == 8192);
    CHECK(mapped_memory::file(file.path, 8192).data()[8191] ==
          std::byte{'e'}); // there before: nothing to undo
    CHECK(std::filesystem::file_size(file.path) == 8192);
}

TEST_CASE("a backing file that was not used is taken back", "[memory]")
{
    const file_name file;
    {
        auto memory = mapped_memory::file(file.path, 8192);
        auto moved = std::move(memory);
        CHECK(std::filesystem::file_size(file.path) == 8192);
    }
    CHECK_FALSE(std::filesystem::exists(file.path));
    std::ofstream(file.path).flush();
    CHECK(mapped_memory::file(file.path, 8192).size() == 8192);
    CHECK(std::filesystem::file_size(file.path) == 0);
    // More than any disk has.
    CHECK(has(refusal_of(file.path, std::size_t{1} << 62), file.path));
    CHECK(std::filesystem::file_size(file.path) == 0);
    std::filesystem::remove(file.path);
    CHECK(has(refusal_of(file.path, std::size_t{1} << 62), file.path));
    CHECK_FALSE(std::filesystem::exists(file.path));
}

TEST_CASE("a backing file is refused with its name", "[memory]")
{
    const file_name file;
    std::ofstream(file.path) << "seed";
    for (const std::size_t size : {2u, 8192u}) {
        const std::string said = refusal_of(file.path, size);
        CHECK(has(said, file.path + " has 4 bytes, and the window ram " + std::to_string(size)));
        CHECK(std::filesystem::file_size(file.path) == 4);
    }
    CHECK(has(refusal_of("/nonexistent/file", 4096), "/nonexistent/file"));
    CHECK(has(refusal_of("/dev/null", 4096), "not a regular file"));
}
