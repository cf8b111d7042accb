// SPDX-License-Identifier: MIT
//
// A modelled device on a clock moved by hand, with a mapped near buffer between guard zones and
// the addresses both sides of a transfer need.
#pragma once

#include "catch.hpp"
#include "list_builder.hpp"
#include "model/stepped.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <random>
#include <vector>

namespace cf::model::test {

inline model_spec null_link()
{
    model_spec spec;
    spec.link.generation = 0;
    spec.ram_bytes = 2u << 20;
    spec.strict = true;
    return spec;
}

inline model_spec paced(unsigned generation, unsigned lanes)
{
    model_spec spec = null_link();
    spec.link.generation = generation;
    spec.link.lanes = lanes;
    return spec;
}

inline void fill(std::span<std::byte> memory, unsigned seed)
{
    std::minstd_rand random(seed);
    for (std::byte& each : memory) each = static_cast<std::byte>(random() >> 8);
}

/// Near memory filled with a pattern; `inside` is what is mapped, at a page border, between guards.
class guarded_buffer {
public:
    static constexpr std::size_t guard = 64, page = 4096;

    guarded_buffer(detail::attachment& device, std::size_t size, unsigned seed)
        : device_(device), bytes_(size + 2 * guard + page), size_(size)
    {
        const auto at = reinterpret_cast<std::uintptr_t>(bytes_.data() + guard);
        first_ = guard + (page - at % page) % page;
        fill(bytes_, seed);
        before_ = bytes_;
        address_ = device_.map(data(), size);
    }
    guarded_buffer(const guarded_buffer&) = delete;
    guarded_buffer& operator=(const guarded_buffer&) = delete;
    ~guarded_buffer() { unmap(); }

    void unmap()
    {
        if (address_ != 0) device_.unmap(std::exchange(address_, 0), size_);
    }
    std::uint64_t address() const { return address_; }
    std::size_t size() const { return size_; }
    std::byte* data() { return bytes_.data() + first_; }
    std::span<const std::byte> inside() const { return {bytes_.data() + first_, size_}; }
    /// True when no byte outside [from, from + count) has changed since the start.
    bool untouched_outside(std::size_t from, std::size_t count) const
    {
        const auto first = static_cast<std::ptrdiff_t>(first_ + from);
        const auto last = first + static_cast<std::ptrdiff_t>(count);
        return std::equal(bytes_.begin(), bytes_.begin() + first, before_.begin()) &&
               std::equal(bytes_.begin() + last, bytes_.end(), before_.begin() + last);
    }

private:
    detail::attachment& device_;
    std::vector<std::byte> bytes_, before_;
    std::size_t size_;
    std::size_t first_;
    std::uint64_t address_;
};

/// Registers seen from beside the engine: a test that looks at them, or sets a channel up, neither
/// waits for the link nor uses it.
class probe final : public edma::register_space {
public:
    probe(stepped& device, unsigned engine) noexcept : device_(device), engine_(engine) {}
    int interrupt_fd() const noexcept override { return -1; }

private:
    std::uint32_t load_slow(std::uint32_t offset) override
    {
        device_.hardware().advance(device_.now());
        return device_.hardware().load(engine_, offset);
    }
    void store_slow(std::uint32_t offset, std::uint32_t value) override
    {
        device_.hardware().advance(device_.now());
        device_.hardware().store(engine_, offset, value, device_.now());
    }

    stepped& device_;
    unsigned engine_;
};

/// A device with one engine, and a WR and an RD channel of it. The engine is remote unless the spec
/// says otherwise: its WR brings far memory here.
struct rig {
    explicit rig(const model_spec& spec = null_link()) : rig(spec, configure(spec)) {}
    rig(const model_spec& spec, const machine_config& config)
        : device(spec, config),
          program(*device.engines()[0].registers),
          port(probed()),
          wr(port, channel_kind::wr, 0),
          rd(port, channel_kind::rd, 0),
          near(device, 1u << 20, 1)
    {
        fill(device.far_memory(), 2);
    }

    /// Far memory as this engine names it.
    std::uint64_t far(std::uint64_t offset) const
    {
        return device.windows()[0].address_for(port.side) + offset;
    }
    std::span<const std::byte> far_bytes(std::size_t offset, std::size_t size) const
    {
        return device.far_memory().subspan(offset, size);
    }
    bool near_equals_far(std::size_t near_offset, std::size_t far_offset, std::size_t size) const
    {
        return std::ranges::equal(near.inside().subspan(near_offset, size), far_bytes(far_offset, size));
    }
    std::uint64_t violations(violation_kind kind) { return device.violations().count(kind); }

    stepped device;
    edma::register_space& program; ///< the registers of `port` as a program reaches them
    std::vector<std::unique_ptr<probe>> probes;
    edma::port& port; ///< its registers are a probe's
    channel_driver wr, rd;
    guarded_buffer near;

private:
    edma::port& probed()
    {
        for (edma::port& each : device.engines()) {
            const auto number = static_cast<unsigned>(probes.size());
            each.registers = probes.emplace_back(std::make_unique<probe>(device, number)).get();
        }
        return device.engines()[0];
    }
};

/// One element of 64 bytes at the start of both memories, then the end.
inline void one_element(rig& r, channel_driver& channel, std::uint32_t control)
{
    const bool from_far = (&channel == &r.wr) == (r.port.side == engine_side::remote);
    channel.list().data(ctl::cycle | control, 64, from_far ? r.far(0) : r.near.address(),
                        from_far ? r.near.address() : r.far(0));
    channel.list().data(0, 0, 0, 0);
}

} // namespace cf::model::test
