// SPDX-License-Identifier: MIT
//
// The protocol with a client that behaves, and with one that does not.
#include "rig.hpp"

#include <cerrno>
#include <string>

using namespace cf;
using namespace cf::vfio_user;
using namespace cf::vfio_user::test;

namespace {

std::string text_of(const answer& a)
{
    return {reinterpret_cast<const char*>(a.payload.data()) + sizeof(version_payload),
            a.payload.size() - sizeof(version_payload)};
}

region_info_payload region_info(rig& r, std::uint32_t index, int* file = nullptr)
{
    const answer a =
        r.client_.ask(command::device_get_region_info, bytes_of(region_info_payload{32, 0, index, 0, 0, 0}));
    if (file)
        *file = a.file;
    else if (a.file >= 0)
        ::close(a.file);
    return a.as<region_info_payload>();
}

irq_info_payload irq_info(rig& r, std::uint32_t index)
{
    return r.client_.ask(command::device_get_irq_info, bytes_of(irq_info_payload{16, 0, index, 0}))
        .as<irq_info_payload>();
}

} // namespace

TEST_CASE("the version is agreed upon first, and once", "[session]")
{
    rig r;
    CHECK(r.client_.ask(command::device_get_info, bytes_of(device_info_payload{16, 0, 0, 0})).error() ==
          EPROTO);
    CHECK(r.client_.ask(command::version, bytes_of(version_payload{1, 0})).error() == ENOTSUP);
    const answer agreed = r.greet();
    CHECK(agreed.error() == 0);
    CHECK(agreed.as<version_payload>().major == 0);
    CHECK(text_of(agreed).find("\"max_msg_fds\":8") != std::string::npos);
    CHECK(text_of(agreed).back() == '\0');
    CHECK(r.greet().error() == EPROTO);
}

TEST_CASE("the device describes itself", "[session]")
{
    rig r(null_link(), {.msix = 4});
    r.greet();
    const auto info = r.client_.ask(command::device_get_info, bytes_of(device_info_payload{16, 0, 0, 0}))
                          .as<device_info_payload>();
    CHECK(info.flags == (device_resets | device_pci));
    CHECK(info.regions == 9);
    CHECK(info.irqs == 5);
    CHECK(region_info(r, region_bar0).size == bar0_size);
    CHECK((region_info(r, region_bar0).flags & region_mappable) == 0);
    CHECK(region_info(r, region_bar4).size == bar4_size);
    CHECK(region_info(r, region_config).size == 4096);
    for (const std::uint32_t absent : {1u, 3u, 5u, 6u, 8u}) CHECK(region_info(r, absent).size == 0);
    int file = -1;
    const auto bar2 = region_info(r, region_bar2, &file);
    CHECK(bar2.size == bar2_size);
    CHECK((bar2.flags & region_mappable) != 0);
    REQUIRE(file >= 0);
    const shared_memory memory(file, bar2_size);
    memory.data()[5] = std::byte{42};
    CHECK(r.read<std::uint8_t>(region_bar2, 5) == 42);
    CHECK(irq_info(r, irq_intx).count == 0);
    CHECK(irq_info(r, irq_msi).count == 16);
    CHECK(irq_info(r, irq_msix).count == 4);
    CHECK(r.client_.ask(command::device_get_irq_info, bytes_of(irq_info_payload{16, 0, 5, 0})).error() ==
          EINVAL);
    CHECK(r.client_.ask(command::device_get_region_info, bytes_of(region_info_payload{32, 0, 9, 0, 0, 0}))
              .error() == EINVAL);
}

TEST_CASE("regions end where they end", "[session]")
{
    rig r;
    r.greet();
    CHECK(r.read<std::uint32_t>(region_config, 0) == 0xedda'16c3);
    CHECK(r.read_region(region_config, 0, 4096).payload.size() == sizeof(region_payload) + 4096);
    CHECK(r.read_region(region_config, 0, 4097).error() == EINVAL);
    CHECK(r.read_region(region_config, 4095, 2).error() == EINVAL);
    CHECK(r.read_region(region_bar4, 0, 4).error() == EINVAL); // no MSI-X, no BAR4
    CHECK(r.read_region(100, 0, 4).error() == EINVAL);
    CHECK(r.write(region_bar0, bar0_size, std::uint32_t{0}) == EINVAL);
    CHECK(r.write(region_bar0, 2, std::uint32_t{0}) == EINVAL); // across two registers
    CHECK(r.write(region_bar0, 0, std::uint16_t{0}) == EINVAL); // half a register
    CHECK(r.read_region(region_bar2, bar2_size - 100'000, 100'000).payload.size() ==
          sizeof(region_payload) + 100'000);
}

TEST_CASE("registers are seen at the start of BAR0 and behind the offset", "[session]")
{
    rig r;
    r.greet();
    CHECK(r.load(reg::control) == (2u | 2u << 16));
    CHECK(r.load(0x1000 + reg::control) == (2u | 2u << 16));
    r.store(reg::wr.int_mask, 0x5);
    CHECK(r.load(0x1000 + reg::wr.int_mask) == 0x5);
    CHECK(r.read<std::uint64_t>(region_bar0, reg::control) == (2u | 2u << 16)); // two registers at once
}

TEST_CASE("a request that wants no reply gets none", "[session]")
{
    rig r;
    r.greet();
    const auto payload = bytes_of(region_payload{reg::wr.int_mask, region_bar0, 4}, std::uint32_t{7});
    r.client_.send_raw(client::message(command::region_write, payload, 1, flag_no_reply));
    CHECK(r.load(reg::wr.int_mask) == 7); // the next answer is this one's
}

TEST_CASE("a message may come in pieces, and several at once", "[session]")
{
    rig r;
    r.greet();
    const auto one = client::message(command::device_get_irq_info, bytes_of(irq_info_payload{16, 0, 1, 0}));
    for (const std::byte& each : one) {
        CHECK_FALSE(r.client_.take().arrived());
        r.client_.send_raw(std::span(&each, 1));
        REQUIRE(r.session_->serve());
    }
    CHECK(r.client_.take().as<irq_info_payload>().count == 16);
    std::vector<std::byte> three;
    for (int i = 0; i < 3; ++i) three.insert(three.end(), one.begin(), one.end());
    r.client_.send_raw(three);
    REQUIRE(r.session_->serve());
    for (int i = 0; i < 3; ++i) CHECK(r.client_.take().arrived());
    CHECK_FALSE(r.client_.take().arrived());
}

TEST_CASE("what cannot be a message ends the session", "[session]")
{
    const auto ends = [](const header& h) {
        rig r;
        r.greet();
        r.client_.send_raw(bytes_of(h));
        CHECK_FALSE(r.session_->serve());
        r.session_.reset();
        CHECK(r.client_.hung_up_on());
    };
    ends({1, 9, 15, 0, 0});              // shorter than its header
    ends({1, 9, max_message + 1, 0, 0}); // longer than any
    ends({1, 9, 0xffff'ffff, 0, 0});
    ends({1, 9, 16, type_reply, 0}); // a reply to nothing
}

TEST_CASE("descriptors are taken only where they belong", "[session]")
{
    rig r;
    r.greet();
    const shared_memory ram(1u << 20);
    const std::array<int, 2> two{ram.file(), ram.file()};
    const auto map = bytes_of(dma_map_payload{32, 3, 0, 0x1000, 0x1000});
    CHECK(r.client_.ask(command::dma_map, map, two).error() == EINVAL);
    CHECK(r.client_.ask(command::device_reset, {}, std::span(two).first(1)).error() == EINVAL);
    CHECK(r.set_irqs(data_eventfd | action_trigger, irq_msi, 0, 1, two) == EINVAL);
    CHECK(r.set_irqs(data_none | action_trigger, irq_msi, 0, 1, std::span(two).first(1)) == EINVAL);
    SECTION("more than a message may carry end the session")
    {
        std::vector<int> many(max_fds + 1, ram.file());
        r.client_.send_raw(client::message(command::dma_map, map), many);
        CHECK_FALSE(r.session_->serve());
    }
}

TEST_CASE("memory is mapped and unmapped by whole mappings", "[session]")
{
    rig r;
    r.greet();
    const shared_memory ram(1u << 20);
    CHECK(r.dma_map(0x10000, 0x10000, ram.file()) == 0);
    CHECK(r.dma_map(0x1ffff, 1, ram.file()) == EEXIST);
    CHECK(r.dma_map(0x0, 0x20000, ram.file()) == EEXIST);
    CHECK(r.dma_map(0x20000, 0x10000, ram.file(), 0x10000) == 0);
    CHECK(r.dma_map(0x30000, 0x10000, -1) == 0); // a ROM: known, not reachable
    CHECK(r.dma_map(0x40000, 0x1000, ram.file(), (1u << 20) - 0x800) == EINVAL); // beyond its file's end
    CHECK(r.dma_map(0x40000, 0x1000, ram.file(), 0x801) == EINVAL);              // no page begins there
    CHECK(r.dma_unmap(0x10000, 0x8000).error() == EINVAL);
    CHECK(r.dma_unmap(0x18000, 0x8000).error() == EINVAL);
    CHECK(r.dma_unmap(0x18000, 0x10000).error() == EINVAL);
    CHECK(r.dma_unmap(0x50000, 0x1000).as<dma_unmap_payload>().size == 0);
    CHECK(r.dma_unmap(0x0, 0x20000).as<dma_unmap_payload>().size == 0x10000);
    CHECK(r.dma_unmap(0, 0, unmap_all).as<dma_unmap_payload>().size == 0x20000);
    CHECK(r.dma_map(0x10000, 0x30000, ram.file()) == 0);
}

TEST_CASE("a message that is refused leaves the session in order", "[session]")
{
    rig r;
    r.greet();
    CHECK(r.client_.ask(command::region_read, bytes_of('x')).error() == EINVAL);
    CHECK(r.client_.ask(command::dma_read, {}).error() == ENOTSUP);
    CHECK(r.client_.ask(static_cast<command>(99), bytes_of('x', 'y')).error() == ENOTSUP);
    CHECK(r.read<std::uint32_t>(region_config, 0) == 0xedda'16c3);
}

TEST_CASE("a client that goes in the middle of a message ends the session", "[session]")
{
    rig r;
    r.greet();
    const auto whole = client::message(command::device_get_irq_info, bytes_of(irq_info_payload{16, 0, 1, 0}));
    r.client_.send_raw(std::span(whole).first(20));
    CHECK(r.session_->serve());
    r.client_.hang_up();
    CHECK_FALSE(r.session_->serve());
}
