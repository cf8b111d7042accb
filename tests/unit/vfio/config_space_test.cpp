// SPDX-License-Identifier: MIT
//
// Configuration spaces, well formed and not: where the engine is, the link, the interrupt.
#include "catch.hpp"

#include "vfio/config_space.hpp"
#include <counterflow/error.hpp>

#include <cstring>
#include <vector>

using namespace cf::vfio;

namespace {

class space {
public:
    explicit space(std::size_t size = 4096) : bytes(size) { put<std::uint16_t>(0x06, 1u << 4); }

    template <class Word>
    void put(std::size_t at, std::uint64_t value)
    {
        const auto word = static_cast<Word>(value);
        std::memcpy(bytes.data() + at, &word, sizeof word);
    }
    /// A capability, the first one or behind the one at `after`.
    void chain(std::size_t at, unsigned id, std::size_t after = 0)
    {
        put<std::uint8_t>(after == 0 ? 0x34 : after + 1, at);
        put<std::uint8_t>(at, id);
    }
    void vendor_dma(std::size_t at, unsigned map, unsigned bar, std::uint64_t offset)
    {
        put<std::uint32_t>(at, 1u << 16 | 0x000b);
        put<std::uint32_t>(at + 4, 0x18u << 20 | 6);
        put<std::uint32_t>(at + 8, bar << 8 | map);
        put<std::uint64_t>(at + 16, offset);
    }

    std::vector<std::byte> bytes;
};

} // namespace

TEST_CASE("a function that says nothing has its engine in the usual places", "[vfio]")
{
    const function_layout layout = layout_of(space(256).bytes);
    CHECK(layout.register_bar == 0);
    CHECK(layout.register_offsets == std::vector<std::uint64_t>{0x1000, 0});
    CHECK_FALSE(layout.msi);
    CHECK_FALSE(layout.msix);
    CHECK(layout.link.null());
}

TEST_CASE("the vendor's capability says where the registers are", "[vfio]")
{
    space s;
    s.put<std::uint32_t>(0x100, 0x140u << 20 | 1u << 16 | 0x0001); // another one before it
    s.vendor_dma(0x140, 1, 4, 0x1'2345'6000);
    const function_layout layout = layout_of(s.bytes);
    CHECK(layout.register_bar == 4);
    CHECK(layout.register_offsets.front() == 0x1'2345'6000);
}

TEST_CASE("an engine of another kind is refused by its number", "[vfio]")
{
    space s;
    s.vendor_dma(0x100, 7, 0, 0);
    try {
        layout_of(s.bytes);
        FAIL("it was taken");
    } catch (const cf::error& e) {
        CHECK(e.code() == cf::errc::not_supported);
        CHECK(std::string(e.what()).find("register map 7") != std::string::npos);
    }
}

TEST_CASE("BAR 2 on the bus, of 64 bits, of 32, and as I/O ports", "[vfio]")
{
    space s;
    s.put<std::uint32_t>(0x18, 0x0400'000c);
    s.put<std::uint32_t>(0x1c, 0x80);
    CHECK(layout_of(s.bytes).memory_address == 0x80'0400'0000);
    s.put<std::uint32_t>(0x18, 0xfe00'0000);
    CHECK(layout_of(s.bytes).memory_address == 0xfe00'0000);
    s.put<std::uint32_t>(0x18, 0xe001);
    CHECK(layout_of(s.bytes).memory_address == 0);
}

TEST_CASE("the link as it was trained", "[vfio]")
{
    space s;
    s.chain(0x70, 0x10);
    s.put<std::uint16_t>(0x70 + 8, 1u << 5 | 2u << 12);
    s.put<std::uint16_t>(0x70 + 18, 4u << 4 | 3u);
    cf::link_parameters link = layout_of(s.bytes).link;
    CHECK(link.generation == 3);
    CHECK(link.lanes == 4);
    CHECK(link.mps_bytes == 256);
    CHECK(link.mrrs_bytes == 512);
    s.put<std::uint16_t>(0x70 + 18, 0); // it is down
    CHECK(layout_of(s.bytes).link.null());
}

TEST_CASE("capabilities of interrupts", "[vfio]")
{
    space s;
    s.chain(0x40, 0x01);
    s.chain(0x50, 0x05, 0x40);
    s.chain(0xb0, 0x11, 0x50);
    s.put<std::uint32_t>(0xb4, 0x800u | 4u);
    const function_layout layout = layout_of(s.bytes);
    CHECK(layout.msi == 0x50);
    REQUIRE(layout.msix);
    CHECK(layout.msix->bar == 4);
    CHECK(layout.msix->offset == 0x800);

    CHECK_FALSE(msi_message(s.bytes, 0x50)); // not enabled
    s.put<std::uint16_t>(0x52, 1u << 7 | 1u);
    s.put<std::uint64_t>(0x54, 0x1'fee0'0318);
    s.put<std::uint16_t>(0x5c, 0x4021);
    CHECK(msi_message(s.bytes, 0x50)->address == 0x1'fee0'0318);
    CHECK(msi_message(s.bytes, 0x50)->data == 0x4021);
    s.put<std::uint16_t>(0x52, 1u); // 32 bits: the data is where the upper half was
    CHECK(msi_message(s.bytes, 0x50)->address == 0xfee0'0318);
    CHECK(msi_message(s.bytes, 0x50)->data == 1);
    // What others than root are shown ends before it.
    CHECK_FALSE(msi_message(std::span(s.bytes).first(64), 0x50));
}

TEST_CASE("lists that go round in a circle, or out of the space, come to an end", "[vfio]")
{
    space s;
    s.chain(0x40, 0x01);
    s.put<std::uint8_t>(0x41, 0x40);
    s.put<std::uint32_t>(0x100, 0x100u << 20 | 1u << 16 | 0x0001);
    CHECK_FALSE(layout_of(s.bytes).msi);
    s.bytes.resize(64);
    CHECK_FALSE(layout_of(s.bytes).msi);
    std::vector<std::byte> ones(4096, std::byte{0xff});
    CHECK(layout_of(ones).link.null());
}
