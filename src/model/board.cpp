// SPDX-License-Identifier: MIT
//
// The memory layout of a modelled pair of ends.
#include "model/board.hpp"

#include "edma/registers.hpp"
#include "log/log.hpp"
#include <counterflow/error.hpp>

#include <string>

namespace cf::model {
namespace {

// Every view of a byte has another address, and none is a pointer of this process, so that a
// driver that mixes them up is caught by its first transfer.
constexpr std::uint64_t far_ram_own = 0x8000'0000;       ///< the far end's own bus
constexpr std::uint64_t far_ram_bus = 0x60'0000'0000;    ///< the same memory behind its BAR
constexpr std::uint64_t list_own = 0x20'0000'0000;       ///< list memory on its engine's bus
constexpr std::uint64_t list_own_step = 0x1'0000'0000;   ///< from one engine's to the next one's
constexpr std::uint64_t completion_bus = 0x3f'0000'0000; ///< completion words, reached across the link
constexpr std::uint64_t interrupt_bus = 0xfee0'0000;     ///< the near end's interrupt controller
constexpr std::uint64_t interrupt_step = 0x1000;         ///< from one engine's message to the next one's
constexpr std::uint64_t near_address = 0x100'0000'0000;  ///< first address given to near memory
constexpr std::uint64_t near_granule = std::uint64_t{2} << 20;

static_assert(far_ram_own + model_spec::ram_bytes_max <= list_own);

} // namespace

machine_config configure(const model_spec& spec)
{
    machine_config config;
    config.near = spec.near;
    config.link = spec.link;
    config.interrupt_ns = spec.irq_ns;
    config.list_fetch_ns = spec.fetch_ns;
    config.completion_bytes = spec.link.completion_bytes;
    config.strict = spec.strict;
    const auto add_engine = [&](port_end at, list_place own) {
        const bool across = spec.lists != list_place::own && spec.lists != own;
        config.engines.push_back({.at = at, .wr = spec.wr, .rd = spec.rd, .lists_across_link = across});
    };
    if (spec.engine != engine_choice::remote) add_engine(spec.near, list_place::near);
    if (spec.engine != engine_choice::local) add_engine(opposite(spec.near), list_place::far);
    return config;
}

board::board(const model_spec& spec, const machine_config& config, machine& hardware)
    : near_(spec.near), link_(spec.link), machine_(hardware), next_address_(near_address)
{
    if (spec.ram_bytes == 0) throw error(errc::bad_argument, "modelled device with ram of 0 bytes");
    far_ram_ = spec.backing.empty() ? mapped_memory::anonymous(spec.ram_bytes)
                                    : mapped_memory::file(spec.backing, spec.ram_bytes);
    const port_end far = opposite(near_);
    machine_.own(far).add({.address = far_ram_own, .size = spec.ram_bytes, .host = far_ram_.data()});
    machine_.inbound(far).add({.address = far_ram_bus, .size = spec.ram_bytes, .host = far_ram_.data()});
    windows_.push_back(
        {.name = "ram", .size = spec.ram_bytes, .bus_address = far_ram_bus, .own_address = far_ram_own});
    for (unsigned engine = 0; engine < config.engines.size(); ++engine)
        add_port(engine, config.engines[engine]);
}

void board::add_port(unsigned engine, const engine_config& config)
{
    const bool remote = config.at != near_;
    const std::size_t channels = config.wr + config.rd;
    const std::uint64_t base = list_own + engine * list_own_step;
    const std::size_t list_bytes = config.list_elements * sizeof(edma::data_element);
    const mapped_memory& lists = lists_.emplace_back(mapped_memory::anonymous(channels * list_bytes));
    machine_.own(config.at).add({.address = base,
                                 .size = lists.size(),
                                 .host = lists.data(),
                                 .allowed = access::read,
                                 .across_link = config.lists_across_link});

    edma::port& port = ports_.emplace_back();
    port.side = remote ? engine_side::remote : engine_side::local;
    port.lists_across_link = remote != config.lists_across_link;
    for (std::size_t i = 0; i < channels; ++i) {
        auto& of_kind = i < config.wr ? port.wr_lists : port.rd_lists;
        of_kind.push_back({lists.data() + i * list_bytes, base + i * list_bytes, list_bytes});
    }
    // IMWr messages cross the link, so only a remote engine's reach near memory, or interrupt.
    if (!remote) return;
    port.message_interrupt = {interrupt_bus + engine * interrupt_step, static_cast<std::uint16_t>(engine)};
    completion_block& word = completion_words_[engine];
    const std::uint64_t address = completion_bus + engine * sizeof word;
    machine_.inbound(near_).add({.address = address, .size = sizeof word, .host = word.bytes.data()});
    port.completion_word = {word.bytes.data(), address, sizeof word};
}

std::optional<unsigned> board::interrupt_of(port_end end, std::uint64_t address) const noexcept
{
    if (end != near_) return std::nullopt;
    for (unsigned engine = 0; engine < ports_.size(); ++engine) {
        const auto& message = ports_[engine].message_interrupt;
        if (message && message->address == address) return engine;
    }
    return std::nullopt;
}

std::uint64_t board::map(void* memory, std::size_t size)
{
    far_ram_.keep(); // transfers are going to follow
    // The offset in the page survives, as it does in an IOMMU. A granule stays free behind each
    // mapping, so that running over its end never hits the next one.
    const std::uint64_t address = next_address_ + reinterpret_cast<std::uintptr_t>(memory) % 4096;
    const memory_range range{.address = address, .size = size, .host = static_cast<std::byte*>(memory)};
    machine_.own(near_).add(range);
    try {
        machine_.inbound(near_).add(range);
    } catch (...) {
        machine_.own(near_).remove(address, size);
        throw;
    }
    next_address_ += (size + 4096 + near_granule - 1) / near_granule * near_granule + near_granule;
    return address;
}

void board::unmap(std::uint64_t address, std::size_t size) noexcept
{
    const bool own = machine_.own(near_).remove(address, size);
    const bool inbound = machine_.inbound(near_).remove(address, size);
    if (!own || !inbound)
        log::event(log::part::model, spdlog::level::err, "unmap of what is not mapped", "near memory",
                   {{"address", address, true}, {"size", size}});
}

} // namespace cf::model
