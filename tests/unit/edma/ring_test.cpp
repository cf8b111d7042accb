// SPDX-License-Identifier: MIT
//
// The list's geometry: what memory it takes, and which LLP values are places in it.
#include "catch.hpp"
#include "edma/ring.hpp"
#include <counterflow/error.hpp>

#include <array>
#include <vector>

using namespace cf;
using namespace cf::edma;

namespace {

errc refusal(const shared_memory& memory, std::uint32_t limit = 0)
{
    try {
        list_ring ring(memory, limit, true);
    } catch (const error& e) {
        return static_cast<errc>(e.code().value());
    }
    return errc{};
}

} // namespace

TEST_CASE("a list takes as many elements as fit beside a link, or fewer on request")
{
    alignas(8) std::array<std::byte, 2048> memory;
    const std::uint64_t at = 0x1000;
    CHECK(list_ring({memory.data(), at, 2048}, 0, true).slots() == 84); // what Linux gets from 2 KiB
    CHECK(list_ring({memory.data(), at, 24 * 2 + 16}, 0, true).slots() == 2);
    CHECK(list_ring({memory.data(), at, 24 * 2 + 15 + 24}, 0, true).slots() == 2);
    CHECK(list_ring({memory.data(), at, 2048}, 10, true).slots() == 10);
    CHECK(list_ring({memory.data(), at, 2048}, 1000, true).slots() == 84);
}

TEST_CASE("memory that cannot be a list is refused with its reason")
{
    alignas(8) std::array<std::byte, 256> memory;
    CHECK(refusal({memory.data(), 0x1000, 24 + 16}) == errc::bad_argument);
    CHECK(refusal({memory.data(), 0x1000, 8}) == errc::bad_argument);
    CHECK(refusal({memory.data(), 0x1000, 256}, 1) == errc::bad_argument);
    CHECK(refusal({memory.data() + 4, 0x1000, 240}) == errc::misaligned);
    CHECK(refusal({memory.data(), 0x1004, 256}) == errc::misaligned);
    CHECK(refusal({nullptr, 0x1000, 256}) == errc::misaligned);
    CHECK(refusal({memory.data(), 0x1000, 256}) == errc{});
}

TEST_CASE("every place an engine can stand at is a slot, everything else is none")
{
    alignas(8) std::array<std::byte, 24 * 5 + 16> memory;
    const std::uint64_t at = 0x7'ffff'ff00; // ends well before the next 4 GiB
    const list_ring ring({memory.data(), at, memory.size()}, 0, true);
    REQUIRE(ring.slots() == 5);
    for (std::uint32_t s = 0; s < 5; ++s)
        CHECK(ring.slot_at(static_cast<std::uint32_t>(ring.address(s))) == s);
    CHECK(ring.slot_at(static_cast<std::uint32_t>(ring.address(5))) == 0); // on the link: slot 0 next
    CHECK(ring.slot_at(static_cast<std::uint32_t>(ring.address(6))) == list_ring::no_slot);
    CHECK(ring.slot_at(static_cast<std::uint32_t>(at) - 24) == list_ring::no_slot);
    CHECK(ring.slot_at(static_cast<std::uint32_t>(at) + 8) == list_ring::no_slot);
    CHECK(ring.slot_at(0) == list_ring::no_slot); // after a reset
    CHECK(ring.slot_at(all_ones) == list_ring::no_slot);
}

TEST_CASE("a list never crosses 4 GiB and never starts where a reset engine stands")
{
    alignas(8) std::array<std::byte, 1024> memory;
    const list_ring below({memory.data(), 0x2'0000'0000 - 768, 1024}, 0, true);
    CHECK(below.address(0) == 0x2'0000'0000 - 768);
    CHECK(below.slots() == (768 - 16) / 24);
    const list_ring above({memory.data(), 0x2'0000'0000 - 256, 1024}, 0, true);
    CHECK(above.address(0) == 0x2'0000'0008);
    CHECK(above.slots() == (768 - 8 - 16) / 24);
    above.write(0, 0, 1, 2, 3);
    CHECK(memory[256 + 8 + 4] == std::byte{3}); // the CPU's side moved along
    const list_ring zero({memory.data(), 0, 1024}, 0, true);
    CHECK(zero.address(0) == 8);
    CHECK(zero.slot_at(0) == list_ring::no_slot);
}
