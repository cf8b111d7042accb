// SPDX-License-Identifier: MIT
//
// A BAR that is taken away under its user: a file stands in for it.
#include "catch.hpp"

#include "vfio/mapped_bar.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

using cf::vfio::mapped_bar;

TEST_CASE("what takes the place of a BAR reads as ones, and the BAR is not held any more", "[vfio]")
{
    constexpr std::size_t size = 8192;
    const int file = ::memfd_create("bar", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    REQUIRE(::ftruncate(file, size) == 0);
    mapped_bar bar(::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0), size, 4096 + 0x40);
    volatile std::uint32_t* const words = bar.words();
    words[0] = 42;
    CHECK(words[0] == 42);

    mapped_bar moved(std::move(bar));
    CHECK(moved.words() == words);
    REQUIRE(moved.become_ones());
    CHECK(words[0] == 0xffff'ffff);
    CHECK(words[100] == 0xffff'ffff);
    words[0] = 0; // a store hurts nobody
    std::uint32_t in_file = 0;
    REQUIRE(::pread(file, &in_file, sizeof in_file, 4096 + 0x40) == sizeof in_file);
    CHECK(in_file == 42);
    // Refused as long as the file is mapped for writing.
    CHECK(::fcntl(file, F_ADD_SEALS, F_SEAL_WRITE) == 0);
    ::close(file);
}
