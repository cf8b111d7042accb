// SPDX-License-Identifier: MIT
//
// What a driver does, in the smallest possible form: for tests that have to hand the engine lists
// a real driver would never write.
#pragma once

#include "edma/port.hpp"
#include "edma/registers.hpp"

#include <atomic>
#include <cstdint>
#include <cstring>

namespace cf::model::test {

namespace reg = edma::reg;
namespace ctl = edma::ctl;

constexpr std::uint32_t low(std::uint64_t word) { return static_cast<std::uint32_t>(word); }
constexpr std::uint32_t high(std::uint64_t word) { return static_cast<std::uint32_t>(word >> 32); }

/// In an element of an engine across the link: the program is to be told.
inline constexpr std::uint32_t tell = ctl::local_int | ctl::remote_int;

/// Writes elements one behind the other into list memory.
class list_builder {
public:
    explicit list_builder(const edma::shared_memory& memory) : memory_(memory) {}

    /// Bus address of the byte at `offset`.
    std::uint64_t at(std::size_t offset) const { return memory_.engine + offset; }
    std::size_t offset() const { return offset_; }
    void seek(std::size_t offset) { offset_ = offset; }

    /// Returns the offset of the element.
    std::size_t data(std::uint32_t control, std::uint32_t size, std::uint64_t source,
                     std::uint64_t destination)
    {
        const edma::data_element element{control,          size, low(source), high(source), low(destination),
                                         high(destination)};
        return put(element);
    }
    std::size_t link(std::uint32_t control, std::uint64_t target)
    {
        return put(edma::link_element{control | ctl::link, 0, low(target), high(target)});
    }
    /// Changes an element's control word, as a driver publishes it.
    void control(std::size_t offset, std::uint32_t value)
    {
        std::atomic_ref(*reinterpret_cast<std::uint32_t*>(memory_.cpu + offset))
            .store(value, std::memory_order_release);
    }

private:
    template <class Element>
    std::size_t put(const Element& element)
    {
        const std::size_t at = offset_;
        std::memcpy(memory_.cpu + at + 4, reinterpret_cast<const std::byte*>(&element) + 4,
                    sizeof element - 4);
        control(at, element.control);
        offset_ += sizeof element;
        return at;
    }

    edma::shared_memory memory_;
    std::size_t offset_ = 0;
};

/// One channel through its registers.
class channel_driver {
public:
    channel_driver(edma::port& port, channel_kind kind, unsigned channel)
        : space_(*port.registers),
          at_(reg::of(kind)),
          kind_(kind),
          channel_(channel),
          messages_(port.message_interrupt.has_value()),
          list_(kind == channel_kind::wr ? port.wr_lists[channel] : port.rd_lists[channel])
    {
        if (!messages_) return;
        const edma::posted_interrupt& interrupt = *port.message_interrupt;
        for (const std::uint32_t at : {at_.done_imwr_low, at_.abort_imwr_low})
            space_.store(at, low(interrupt.address));
        for (const std::uint32_t at : {at_.done_imwr_high, at_.abort_imwr_high})
            space_.store(at, high(interrupt.address));
    }

    edma::register_space& space() { return space_; }
    list_builder& list() { return list_; }
    std::uint32_t load(std::uint32_t field) { return space_.load(reg::channel(kind_, channel_, field)); }
    void store(std::uint32_t field, std::uint32_t value)
    {
        space_.store(reg::channel(kind_, channel_, field), value);
    }

    void enable() { space_.store(at_.engine_enable, edma::engine_on); }
    void disable() { space_.store(at_.engine_enable, 0); }
    bool enabled() { return space_.load(at_.engine_enable) != 0; }
    void unmask() { space_.store(at_.int_mask, 0); }
    /// Lets aborts in list mode interrupt, by line or by message.
    void report_list_errors()
    {
        space_.store(at_.list_err_enable,
                     edma::abort_bit(channel_) | (messages_ ? edma::done_bit(channel_) : 0));
    }
    void point_at(std::uint64_t list, bool cycle)
    {
        store(reg::ch_control1, ctl::list_enable | (cycle ? ctl::consumer_cycle : 0));
        store(reg::ch_llp_low, low(list));
        store(reg::ch_llp_high, high(list));
    }
    void doorbell() { space_.store(at_.doorbell, channel_); }
    void stop() { space_.store(at_.doorbell, channel_ | edma::doorbell_stop); }
    /// Everything a list at the start of list memory needs.
    void start(bool cycle = true)
    {
        enable();
        unmask();
        report_list_errors();
        point_at(list_.at(0), cycle);
        doorbell();
    }
    void start_register_mode(std::uint32_t control, std::uint32_t size, std::uint64_t source,
                             std::uint64_t destination)
    {
        store(reg::ch_control1, control);
        store(reg::ch_size, size);
        store(reg::ch_sar_low, low(source));
        store(reg::ch_sar_high, high(source));
        store(reg::ch_dar_low, low(destination));
        store(reg::ch_dar_high, high(destination));
        doorbell();
    }

    edma::channel_status status() { return edma::status_of(load(reg::ch_control1)); }
    bool cycle() { return (load(reg::ch_control1) & ctl::consumer_cycle) != 0; }
    std::uint64_t position() { return std::uint64_t{load(reg::ch_llp_high)} << 32 | load(reg::ch_llp_low); }
    /// The position as an offset in list memory.
    std::uint64_t position_offset() { return position() - list_.at(0); }
    bool done() { return (space_.load(at_.int_status) & edma::done_bit(channel_)) != 0; }
    bool aborted() { return (space_.load(at_.int_status) & edma::abort_bit(channel_)) != 0; }
    void clear() { space_.store(at_.int_clear, edma::done_bit(channel_) | edma::abort_bit(channel_)); }
    std::uint32_t err_low() { return space_.load(at_.err_low); }
    std::uint32_t err_high() { return at_.err_high ? space_.load(at_.err_high) : 0; }

private:
    edma::register_space& space_;
    const reg::bank& at_;
    channel_kind kind_;
    unsigned channel_;
    bool messages_; ///< the engine interrupts by message
    list_builder list_;
};

} // namespace cf::model::test
