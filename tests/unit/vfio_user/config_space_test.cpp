// SPDX-License-Identifier: MIT
//
// The configuration space as firmware and drivers walk it.
#include "catch.hpp"
#include "vfio_user/config_space.hpp"

#include <cstring>
#include <map>

using namespace cf::vfio_user;

namespace {

template <class Word>
Word read(const config_space& space, std::size_t offset)
{
    Word value;
    space.read(offset, std::as_writable_bytes(std::span(&value, 1)));
    return value;
}

template <class Word>
void write(config_space& space, std::size_t offset, Word value)
{
    space.write(offset, std::as_bytes(std::span(&value, 1)));
}

/// Offsets of capabilities by their number, in the order of the chain.
std::map<unsigned, std::size_t> capabilities(const config_space& space)
{
    std::map<unsigned, std::size_t> found;
    for (std::size_t at = read<std::uint8_t>(space, 0x34); at != 0; at = read<std::uint8_t>(space, at + 1)) {
        REQUIRE(found.size() < 48);
        found[read<std::uint8_t>(space, at)] = at;
    }
    return found;
}

function_layout with_msix(unsigned vectors)
{
    function_layout layout;
    layout.msix = vectors;
    return layout;
}

} // namespace

TEST_CASE("the function is 16c3:edda", "[config]")
{
    const config_space space({});
    CHECK(read<std::uint32_t>(space, 0) == 0xedda'16c3);
    CHECK(read<std::uint8_t>(space, 0x0e) == 0); // an ordinary header
    CHECK(read<std::uint8_t>(space, 0x3d) == 0); // no INTx pin
}

TEST_CASE("BARs say their size when ones are written", "[config]")
{
    config_space space(with_msix(4));
    const auto sized = [&](std::size_t at) {
        write(space, at, ~std::uint32_t{0});
        return read<std::uint32_t>(space, at);
    };
    CHECK(sized(0x10) == 0xffff'c000);
    CHECK(sized(0x14) == 0);
    CHECK(sized(0x18) == 0xfc00'000c); // 64 MiB, 64 bit, prefetchable
    CHECK(sized(0x1c) == 0xffff'ffff);
    CHECK(sized(0x20) == 0xffff'f000);
    CHECK(sized(0x24) == 0);
    CHECK(sized(0x30) == 0); // no ROM
    write(space, 0x18, std::uint64_t{0x12'3400'0000});
    CHECK(space.bar2() == 0x12'3400'0000);
}

TEST_CASE("capabilities are there when asked for", "[config]")
{
    const config_space plain({});
    CHECK(capabilities(plain).size() == 3);
    CHECK(capabilities(plain).count(0x11) == 0);
    CHECK(read<std::uint32_t>(plain, 0x100) == 0);
    CHECK(read<std::uint32_t>(plain, 0x20) == 0);

    const config_space msix(with_msix(4));
    const auto found = capabilities(msix);
    REQUIRE(found.count(0x11) == 1);
    CHECK(read<std::uint16_t>(msix, found.at(0x11) + 2) == 3); // N - 1
    CHECK(read<std::uint32_t>(msix, found.at(0x11) + 4) == 4); // table at BAR4 + 0
    CHECK(read<std::uint32_t>(msix, found.at(0x11) + 8) == (0x800 | 4));

    function_layout layout;
    layout.vendor_capability = true;
    layout.wr = 4;
    layout.rd = 3;
    const config_space vendor(layout);
    CHECK(read<std::uint32_t>(vendor, 0x100) == 0x0001'000b);
    CHECK(read<std::uint32_t>(vendor, 0x104) == (0x18u << 20 | 6));
    CHECK(read<std::uint32_t>(vendor, 0x108) == 1); // unrolled, BAR0
    CHECK(read<std::uint32_t>(vendor, 0x10c) == (3u << 16 | 4));
    CHECK(read<std::uint64_t>(vendor, 0x110) == register_offset);
}

TEST_CASE("the express capability says the link", "[config]")
{
    function_layout layout;
    layout.link.generation = 4;
    layout.link.lanes = 8;
    layout.link.mps_bytes = 512;
    layout.link.mrrs_bytes = 1024;
    const config_space space(layout);
    const std::size_t at = capabilities(space).at(0x10);
    CHECK((read<std::uint32_t>(space, at + 4) & 7) == 2);         // payload of 512
    CHECK((read<std::uint16_t>(space, at + 8) >> 12 & 7) == 3);   // read requests of 1024
    CHECK((read<std::uint32_t>(space, at + 12) & 0x3ff) == 0x84); // x8, 16 GT/s
    CHECK(read<std::uint16_t>(space, at + 18) == 0x84);
    CHECK(read<std::uint32_t>(space, at + 44) == 0x1e);
}

TEST_CASE("only what can be written is", "[config]")
{
    config_space space({});
    const config_space before({});
    for (std::size_t at = 0; at < config_space::size; at += 4) write(space, at, std::uint32_t{0});
    CHECK(read<std::uint32_t>(space, 0) == read<std::uint32_t>(before, 0));
    CHECK(capabilities(space) == capabilities(before));
    write(space, 4, std::uint16_t{0xffff});
    CHECK(space.memory_enabled());
    CHECK(space.bus_master());
    CHECK((read<std::uint16_t>(space, 4) & 1) == 0); // there is no I/O space
    write(space, 0x18, std::uint32_t{0xf800'0000});
    space.reset();
    CHECK_FALSE(space.memory_enabled());
    CHECK_FALSE(space.bus_master());
    CHECK(space.bar2() == 0xf800'0000); // QEMU does not write it again
    space.power_on();
    CHECK(space.bar2() == 0);
}

TEST_CASE("MSI is as it was set up", "[config]")
{
    config_space space({});
    const std::size_t at = capabilities(space).at(0x05);
    CHECK_FALSE(space.msi().enabled);
    CHECK((read<std::uint16_t>(space, at + 2) >> 1 & 7) == 4); // 16 vectors
    write(space, at + 4, std::uint64_t{0x1'fee0'0003});
    write(space, at + 12, std::uint16_t{0x4041});
    write(space, at + 16, ~std::uint32_t{0});
    write(space, at + 2, std::uint16_t{1 | 2 << 4});
    const msi_state msi = space.msi();
    CHECK(msi.enabled);
    CHECK(msi.vectors == 4);
    CHECK(msi.address == 0x1'fee0'0000);
    CHECK(msi.data == 0x4041);
    CHECK(msi.mask == 0xffff);
    write(space, at + 2, std::uint16_t{1 | 7 << 4}); // more than it is capable of
    CHECK(space.msi().vectors == 16);
    space.show_pending(5);
    CHECK(read<std::uint32_t>(space, at + 20) == 5);
}

TEST_CASE("a function level reset is asked for once", "[config]")
{
    config_space space({});
    const std::size_t at = capabilities(space).at(0x10);
    CHECK((read<std::uint32_t>(space, at + 4) & 1u << 28) != 0);
    CHECK_FALSE(space.take_reset_request());
    write(space, at + 8, std::uint16_t{0x8000});
    CHECK((read<std::uint16_t>(space, at + 8) & 0x8000) == 0);
    CHECK(space.take_reset_request());
    CHECK_FALSE(space.take_reset_request());
}
