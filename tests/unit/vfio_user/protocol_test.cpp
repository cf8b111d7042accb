// SPDX-License-Identifier: MIT
//
// The decoder on its own: everything a stranger can send is refused or means exactly one thing.
#include "client.hpp"

#include <cerrno>
#include <limits>
#include <random>

using namespace cf::vfio_user;
using test::bytes_of;
using test::client;

namespace {

int refused(command what, const std::vector<std::byte>& payload)
{
    const auto result = decode(client::message(what, payload));
    const auto* const why = std::get_if<refusal>(&result);
    return why ? why->error : 0;
}

template <class Request>
Request decoded(command what, const std::vector<std::byte>& payload)
{
    const auto bytes = client::message(what, payload);
    const auto result = decode(bytes);
    REQUIRE(std::holds_alternative<any_request>(result));
    const auto* const request = std::get_if<Request>(&std::get<any_request>(result));
    REQUIRE(request);
    return *request;
}

constexpr std::uint64_t top = std::numeric_limits<std::uint64_t>::max();

} // namespace

TEST_CASE("a payload that is cut short or too long is refused", "[protocol]")
{
    const std::vector<std::pair<command, std::vector<std::byte>>> whole{
        {command::version, bytes_of(version_payload{0, 1})},
        {command::dma_map, bytes_of(dma_map_payload{32, 3, 0, 4096, 4096})},
        {command::dma_unmap, bytes_of(dma_unmap_payload{24, 0, 4096, 4096})},
        {command::device_get_info, bytes_of(device_info_payload{16, 0, 0, 0})},
        {command::device_get_region_info, bytes_of(region_info_payload{32, 0, 0, 0, 0, 0})},
        {command::device_get_irq_info, bytes_of(irq_info_payload{16, 0, 0, 0})},
        {command::device_set_irqs, bytes_of(set_irqs_payload{20, 33, 1, 0, 0})},
        {command::region_read, bytes_of(region_payload{0, 0, 4})},
        {command::region_write, bytes_of(region_payload{0, 0, 4}, std::uint32_t{0})},
    };
    for (const auto& [what, payload] : whole) {
        INFO("command " << static_cast<int>(what));
        CHECK(refused(what, payload) == 0);
        for (std::size_t length = 0; length < payload.size(); ++length)
            CHECK(refused(what, {payload.begin(), payload.begin() + static_cast<std::ptrdiff_t>(length)}) ==
                  EINVAL);
    }
    CHECK(refused(command::device_reset, {}) == 0);
    CHECK(refused(command::device_reset, bytes_of('x')) == EINVAL);
    CHECK(refused(command::dma_map, bytes_of(dma_map_payload{32, 3, 0, 4096, 4096}, 'x')) == EINVAL);
    CHECK(refused(command::region_write, bytes_of(region_payload{0, 0, 3}, std::uint32_t{0})) == EINVAL);
}

TEST_CASE("commands that are none, or not ours to answer, are not supported", "[protocol]")
{
    for (const unsigned number : {0u, 6u, 11u, 12u, 14u, 15u, 0xffffu})
        CHECK(refused(static_cast<command>(number), {}) == ENOTSUP);
}

TEST_CASE("less than a header is refused", "[protocol]")
{
    const auto bytes = client::message(command::device_reset, {});
    for (std::size_t length = 0; length < bytes.size(); ++length)
        CHECK(std::holds_alternative<refusal>(decode(std::span(bytes).first(length))));
}

TEST_CASE("ranges that are empty or wrap are refused", "[protocol]")
{
    const auto map = [](std::uint64_t offset, std::uint64_t address, std::uint64_t size) {
        return refused(command::dma_map, bytes_of(dma_map_payload{32, 3, offset, address, size}));
    };
    CHECK(map(0, 0, 0) == EINVAL);
    CHECK(map(0, top - 4095, 4096) == 0);
    CHECK(map(0, top - 4094, 4096) == EINVAL);
    CHECK(map(top - 4094, 0, 4096) == EINVAL);
    const auto unmap = [](std::uint32_t flags, std::uint64_t address, std::uint64_t size) {
        return refused(command::dma_unmap, bytes_of(dma_unmap_payload{24, flags, address, size}));
    };
    CHECK(unmap(0, 0, top) == 0);
    CHECK(unmap(0, 1, top) == 0);
    CHECK(unmap(0, 2, top) == EINVAL);
    CHECK(unmap(0, 0, 0) == EINVAL);
    CHECK(unmap(unmap_all, 0, 0) == 0);
    CHECK(unmap(unmap_all, 0, 4096) == EINVAL);
    CHECK(unmap(1, 0, 4096) == EINVAL); // dirty bitmaps are not known here
    CHECK(refused(command::region_read, bytes_of(region_payload{top, 0, 4})) == EINVAL);
    CHECK(refused(command::region_read, bytes_of(region_payload{0, 0, max_transfer + 1})) == EINVAL);
}

TEST_CASE("flags that contradict each other are refused", "[protocol]")
{
    const auto irqs = [](std::uint32_t flags, std::uint32_t count, const std::vector<std::byte>& data = {}) {
        const auto payload = test::joined(bytes_of(set_irqs_payload{20, flags, 1, 0, count}), data);
        return refused(command::device_set_irqs, payload);
    };
    CHECK(irqs(data_none | action_trigger, 1) == 0);
    CHECK(irqs(data_none | data_bool | action_trigger, 1, bytes_of('x')) == EINVAL);
    CHECK(irqs(data_none, 1) == EINVAL);
    CHECK(irqs(action_trigger, 1) == EINVAL);
    CHECK(irqs(data_none | action_mask | action_unmask, 1) == EINVAL);
    CHECK(irqs(data_none | action_trigger | 64, 1) == EINVAL);
    CHECK(irqs(data_bool | action_trigger, 2, bytes_of('x', 'y')) == 0);
    CHECK(irqs(data_bool | action_trigger, 2, bytes_of('x')) == EINVAL);
    CHECK(irqs(data_bool | action_trigger, 0xffff'ffff) == EINVAL);
    CHECK(refused(command::dma_map, bytes_of(dma_map_payload{32, 0, 0, 4096, 4096})) == EINVAL);
    CHECK(refused(command::dma_map, bytes_of(dma_map_payload{32, 4, 0, 4096, 4096})) == EINVAL);
    CHECK(refused(command::dma_map, bytes_of(dma_map_payload{31, 3, 0, 4096, 4096})) == EINVAL);
}

TEST_CASE("what was meant comes out", "[protocol]")
{
    const auto map =
        decoded<request::dma_map>(command::dma_map, bytes_of(dma_map_payload{32, dma_readable, 1, 2, 3}));
    CHECK((map.offset == 1 && map.address == 2 && map.size == 3 && map.readable && !map.writable));
    const auto bytes =
        client::message(command::region_write, bytes_of(region_payload{8, 2, 4}, std::uint32_t{0x01020304}));
    const auto result = decode(bytes);
    const auto& write = std::get<request::region_write>(std::get<any_request>(result));
    CHECK((write.offset == 8 && write.region == 2 && write.data.size() == 4));
    CHECK(write.data[3] == std::byte{1});
}

TEST_CASE("a version has text that ends, or none", "[protocol]")
{
    CHECK(refused(command::version, bytes_of(version_payload{0, 1}, "{}")) == 0);
    CHECK(refused(command::version, bytes_of(version_payload{0, 1}, '{', '}')) == EINVAL);
}

TEST_CASE("random bytes never lead outside of the message", "[protocol]")
{
    std::minstd_rand random(1);
    for (unsigned round = 0; round < 20'000; ++round) {
        std::vector<std::byte> bytes(16 + random() % 64);
        for (std::byte& each : bytes) each = static_cast<std::byte>(random() >> 8);
        const auto number = static_cast<std::uint16_t>(random() % 16);
        std::memcpy(bytes.data() + 2, &number, sizeof number);
        const auto result = decode(bytes);
        const auto* const request = std::get_if<any_request>(&result);
        if (!request) continue;
        if (const auto* const write = std::get_if<request::region_write>(request)) {
            CHECK(write->data.data() >= bytes.data());
            CHECK(write->data.data() + write->data.size() == bytes.data() + bytes.size());
        }
    }
}
