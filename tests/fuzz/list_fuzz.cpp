// SPDX-License-Identifier: MIT
//
// The list walker and the registers of the model under a driver that does anything at all: random elements
// and links, stores to every register, unmapped memory, a link that comes and goes. Memory outside of what is
// mapped is never touched (the address sanitizer watches), and an engine that is disabled comes to rest.
#include "input.hpp"

#include "edma/registers.hpp"
#include "model/stepped.hpp"

#include <array>
#include <cstring>
#include <vector>

namespace {

namespace reg = cf::edma::reg;
namespace ctl = cf::edma::ctl;
using cf::channel_kind;

constexpr std::size_t near_bytes = 16u << 10;
constexpr std::uint32_t slots = 16; // of a list, that the driver bothers with
constexpr std::uint32_t slot_bytes = sizeof(cf::edma::data_element);

cf::model_spec device_of(cf::fuzz::input& choices)
{
    cf::model_spec spec;
    const std::uint8_t kind = choices.take<std::uint8_t>();
    spec.link.generation = kind % 4; // 0: nothing takes time
    spec.link.lanes = 4;
    spec.wr = spec.rd = 2;
    spec.engine = (kind & 4) != 0 ? cf::engine_choice::local : cf::engine_choice::remote;
    spec.strict = (kind & 8) != 0;
    spec.ram_bytes = 64u << 10;
    return spec;
}

class driver {
public:
    explicit driver(cf::fuzz::input& choices) : choices_(choices), device_(device_of(choices)) { map(); }
    ~driver() { unmap(); }

    void act()
    {
        switch (choices_.below(10)) {
        case 0: return element();
        case 1:
            return registers().store(choices_.below(reg::space_size) & ~3u, choices_.take<std::uint32_t>());
        case 2: return static_cast<void>(registers().load(choices_.below(reg::space_size) & ~3u));
        case 3: return steps(choices_.take<std::uint8_t>());
        case 4: return device_.advance_to(device_.now() + choices_.take<std::uint16_t>());
        case 5: return start();
        case 6: return doorbell(choices_.take<std::uint8_t>());
        case 7: return garbage();
        case 8: return device_.set_link((choices_.take<std::uint8_t>() & 7) != 0);
        case 9: return near_address_ != 0 ? unmap() : map();
        }
    }

    /// Ends what was begun.
    void rest()
    {
        device_.set_link(true);
        registers().store(reg::wr.engine_enable, 0);
        registers().store(reg::rd.engine_enable, 0);
        FUZZ_CHECK(device_.run_until_idle());
    }

private:
    cf::edma::port& port() { return device_.engines()[0]; }
    cf::edma::register_space& registers() { return *port().registers; }
    channel_kind any_kind() { return choices_.below(2) == 0 ? channel_kind::wr : channel_kind::rd; }
    cf::edma::shared_memory& any_list()
    {
        auto& lists = any_kind() == channel_kind::wr ? port().wr_lists : port().rd_lists;
        return lists[choices_.below(2)];
    }

    void map() { near_address_ = device_.map(near_.data(), near_.size()); }
    void unmap()
    {
        if (near_address_ != 0) device_.unmap(near_address_, near_.size());
        near_address_ = 0;
    }

    /// Mostly one that leads somewhere.
    std::uint64_t any_address()
    {
        const std::uint32_t offset = choices_.below(1u << 15);
        switch (choices_.below(4)) {
        case 0: return near_address_ + offset;
        case 1: return device_.windows()[0].address_for(port().side) + offset;
        case 2: return any_list().engine + offset % slots * slot_bytes;
        default: return choices_.take<std::uint64_t>();
        }
    }

    void put(const cf::edma::shared_memory& list, std::size_t offset, const void* what, std::size_t size)
    {
        if (offset + size <= list.size) std::memcpy(list.cpu + offset, what, size);
    }

    void element()
    {
        const cf::edma::shared_memory& list = any_list();
        const std::size_t at = choices_.below(slots) * slot_bytes;
        const std::uint32_t control = choices_.take<std::uint8_t>();
        const std::uint64_t source = any_address(), destination = any_address();
        const cf::edma::data_element e{control,
                                       choices_.take<std::uint16_t>(),
                                       static_cast<std::uint32_t>(source),
                                       static_cast<std::uint32_t>(source >> 32),
                                       static_cast<std::uint32_t>(destination),
                                       static_cast<std::uint32_t>(destination >> 32)};
        put(list, at, &e, sizeof e);
    }

    void garbage()
    {
        const auto word = choices_.take<std::uint64_t>();
        put(any_list(), choices_.below(slots * slot_bytes), &word, sizeof word);
    }

    void steps(unsigned count)
    {
        while (count-- != 0 && device_.step()) {
        }
    }

    void start()
    {
        const channel_kind kind = any_kind();
        const unsigned number = choices_.below(2);
        const auto set = [&](std::uint32_t field, std::uint64_t value) {
            registers().store(reg::channel(kind, number, field), static_cast<std::uint32_t>(value));
        };
        registers().store(reg::of(kind).engine_enable, cf::edma::engine_on);
        const bool cycle = choices_.below(2) != 0;
        set(reg::ch_control1, ctl::list_enable | (cycle ? ctl::consumer_cycle : 0));
        const std::uint64_t list = any_address();
        set(reg::ch_llp_low, list);
        set(reg::ch_llp_high, list >> 32);
        registers().store(reg::of(kind).doorbell, number);
    }

    void doorbell(std::uint8_t how)
    {
        registers().store(reg::of(any_kind()).doorbell,
                          (how & 7u) | ((how & 8) != 0 ? cf::edma::doorbell_stop : 0));
    }

    cf::fuzz::input& choices_;
    cf::model::stepped device_;
    std::vector<std::byte> near_ = std::vector<std::byte>(near_bytes);
    std::uint64_t near_address_ = 0;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    constexpr std::size_t actions_max = 200;
    cf::fuzz::input choices({reinterpret_cast<const std::byte*>(data), size});
    driver anything(choices);
    for (std::size_t i = 0; i < actions_max && !choices.empty(); ++i) anything.act();
    anything.rest();
    return 0;
}
