// SPDX-License-Identifier: MIT
//
// puppet: a hand-made engine behind a register space, moved one micro-step at a time by the
// test, so that every interleaving of driver and walker can be written down: between fetching
// an element and executing it, between meeting the list's end and reading as stopped. It shares
// no code with the model; that the driver runs on both is the point.
#pragma once

#include "edma/port.hpp"
#include "edma/register_space.hpp"
#include "edma/registers.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace cf::edma::test {

/// What an element that is about to be executed does instead.
enum class fault : std::uint8_t { none, ur, ca, cto, poison, bus, fetch, causeless };

class puppet : public register_space {
public:
    // Engine addresses, apart from each other so that a mix-up cannot go unnoticed.
    static constexpr std::uint64_t near_base = 0x1'2000'0000;
    static constexpr std::uint64_t far_base = 0x7'0000'0000;
    static constexpr std::uint64_t list_base = 0x0'8000'0000;
    static constexpr std::uint64_t word_base = 0x2'0000'0000;
    static constexpr std::size_t memory_bytes = 1 << 16;
    static constexpr std::size_t list_stride = 0x1000;

    struct options {
        unsigned wr = 2, rd = 2;
        std::uint32_t list_elements = 8; ///< room in the list memory; 0 = no lists
        engine_side side = engine_side::remote;
    };
    struct walker {
        enum class step : std::uint8_t { idle, fetch, execute, stopping } at = step::idle;
        std::uint32_t control1 = 0, size = 0;
        std::uint64_t sar = 0, dar = 0, llp = 0;
        channel_status status = channel_status::reserved;
        data_element fetched{};
        std::uint64_t executed = 0;
        bool hung = false; ///< does nothing when stepped; ignores STOP
    };
    struct bank_state {
        std::uint32_t enable = 0, mask = 0, status = 0, err_low = 0, err_high = 0, err_enable = 0;
        std::uint64_t done_address = 0, abort_address = 0;
        std::array<std::uint32_t, 4> data{};
        std::array<walker, max_channels> channel;
    };

    puppet() : puppet(options{}) {}
    explicit puppet(const options& o) : options_(o)
    {
        std::fill(list_memory_.begin(), list_memory_.end(), std::byte{0xff}); // nothing may rely on zeros
    }

    struct port port()
    {
        struct port p;
        p.registers = this;
        p.side = options_.side;
        for (unsigned k = 0; k < 2; ++k)
            for (unsigned n = 0; n < max_channels; ++n) {
                const std::size_t at = (k * max_channels + n) * list_stride;
                shared_memory m{list_memory_.data() + at, list_base + at, 0};
                if (options_.list_elements != 0)
                    m.size = options_.list_elements * sizeof(data_element) + sizeof(link_element);
                (k == 0 ? p.wr_lists : p.rd_lists).push_back(m);
            }
        p.completion_word = {reinterpret_cast<std::byte*>(words_.data()), word_base, sizeof words_};
        return p;
    }

    // --- what the test does ------------------------------------------------------------------

    bank_state& bank(channel_kind kind) { return banks_[static_cast<std::size_t>(kind)]; }
    walker& at(channel_kind kind, unsigned n) { return bank(kind).channel[n]; }
    std::byte* near() { return near_.data(); }
    std::byte* far() { return far_.data(); }
    std::array<std::uint32_t, 16>& words() { return words_; }

    /// One micro-step; false when the channel has nothing to do.
    bool step(channel_kind kind, unsigned n);
    /// Steps every channel in turn until none has anything to do, or `limit` rounds are over.
    void run(unsigned limit = 1'000'000)
    {
        for (bool moved = true; moved && limit != 0; --limit) {
            moved = false;
            for (unsigned k = 0; k < 2; ++k)
                for (unsigned n = 0; n < max_channels; ++n) moved |= step(static_cast<channel_kind>(k), n);
        }
    }
    /// Executes `count` elements of one channel.
    void execute(channel_kind kind, unsigned n, std::uint64_t count)
    {
        const std::uint64_t end = at(kind, n).executed + count;
        while (at(kind, n).executed < end && step(kind, n)) {
        }
    }
    /// A reset of the whole engine, as a hot reset of its end does.
    void reset() { banks_ = {}; }
    /// Another device in its place.
    void become(const options& o)
    {
        options_ = o;
        reset();
    }

    bool line() const
    {
        return ((banks_[0].status & ~banks_[0].mask) | (banks_[1].status & ~banks_[1].mask)) != 0;
    }

    bool link_up = true;
    bool disable_works = true;
    unsigned disable_delay = 0; ///< reads of ENGINE_EN that still say enabled
    std::function<fault(channel_kind, unsigned, const data_element&)> faults;
    std::uint64_t doorbells_lost = 0;
    std::uint64_t accesses = 0; ///< loads and stores of registers
    std::vector<std::string> violations;

    int interrupt_fd() const noexcept override { return -1; }

private:
    std::uint32_t load_slow(std::uint32_t offset) override;
    void store_slow(std::uint32_t offset, std::uint32_t value) override;
    void doorbell(bank_state& b, std::uint32_t value);
    void store_context(walker& w, std::uint32_t field, std::uint32_t value);
    void fetch(bank_state& b, unsigned n);
    void execute_one(channel_kind kind, unsigned n);
    void abort(bank_state& b, unsigned n, fault f);
    void post(std::uint64_t address, const bank_state& b, unsigned n)
    {
        if (address < word_base || address + 4 > word_base + sizeof words_) {
            violations.push_back("message to a strange address");
            return;
        }
        const std::uint32_t pair = b.data[n / 2];
        std::atomic_ref<std::uint32_t>(words_[(address - word_base) / 4])
            .store(n % 2 == 0 ? pair & 0xffff : pair >> 16, std::memory_order_release);
    }
    std::byte* translate(std::uint64_t address, std::uint64_t size)
    {
        if (address >= near_base && address + size <= near_base + memory_bytes)
            return near_.data() + (address - near_base);
        if (address >= far_base && address + size <= far_base + memory_bytes)
            return far_.data() + (address - far_base);
        return nullptr;
    }

    options options_;
    std::array<bank_state, 2> banks_{};
    alignas(8) std::array<std::byte, 2 * max_channels * list_stride> list_memory_;
    std::vector<std::byte> near_ = std::vector<std::byte>(memory_bytes);
    std::vector<std::byte> far_ = std::vector<std::byte>(memory_bytes);
    alignas(64) std::array<std::uint32_t, 16> words_{};
};

inline std::uint32_t puppet::load_slow(std::uint32_t offset)
{
    ++accesses;
    if (!link_up) return all_ones;
    if (offset == reg::control) return options_.wr | options_.rd << 16;
    for (bank_state& b : banks_) {
        const bool wr = &b == &banks_[0];
        const reg::bank& at = wr ? reg::wr : reg::rd;
        if (offset == at.engine_enable) {
            if ((b.enable & engine_on) == 0 && disable_delay != 0) {
                --disable_delay;
                return engine_on;
            }
            return b.enable;
        }
        if (offset == at.int_status) return b.status;
        if (offset == at.int_mask) return b.mask;
        if (offset == at.err_low) return b.err_low;
        if (!wr && offset == at.err_high) return b.err_high;
        if (offset < at.context || offset >= reg::space_size) continue;
        const std::uint32_t in = (offset - at.context) % reg::context_stride;
        const walker& w = b.channel[(offset - at.context) / reg::context_stride];
        if (in >= reg::ch_context_size) continue;
        switch (in) {
        case reg::ch_control1: return w.control1 | static_cast<std::uint32_t>(w.status) << ctl::status_shift;
        case reg::ch_size: return w.size;
        case reg::ch_llp_low: return static_cast<std::uint32_t>(w.llp);
        case reg::ch_llp_high: return static_cast<std::uint32_t>(w.llp >> 32);
        default: return 0;
        }
    }
    return 0;
}

inline void puppet::store_slow(std::uint32_t offset, std::uint32_t value)
{
    ++accesses;
    if (!link_up) return;
    for (bank_state& b : banks_) {
        const reg::bank& at = &b == &banks_[0] ? reg::wr : reg::rd;
        const auto half = [value](std::uint64_t& word, bool upper) {
            word = upper ? (word & all_ones) | std::uint64_t{value} << 32
                         : (word & ~std::uint64_t{all_ones}) | value;
        };
        if (offset == at.engine_enable) {
            if ((value & engine_on) != 0 || disable_works) b.enable = value;
            if ((b.enable & engine_on) == 0)
                for (walker& w : b.channel) {
                    if (w.at != walker::step::idle) w.status = channel_status::stopped;
                    w.at = walker::step::idle;
                    w.hung = false;
                }
        }
        if (offset == at.doorbell) doorbell(b, value);
        if (offset == at.int_mask) b.mask = value;
        if (offset == at.int_clear) {
            b.status &= ~value;
            const std::uint32_t n = (value >> 16) & 0xff; // the cause goes with the abort bit
            b.err_low &= ~(n | n << 16);
            b.err_high &= ~(n | n << 8 | n << 16 | n << 24);
        }
        if (offset == at.list_err_enable) b.err_enable = value;
        if (offset == at.done_imwr_low || offset == at.done_imwr_high)
            half(b.done_address, offset == at.done_imwr_high);
        if (offset == at.abort_imwr_low || offset == at.abort_imwr_high)
            half(b.abort_address, offset == at.abort_imwr_high);
        if (offset >= at.imwr_data && offset < at.imwr_data + 16) b.data[(offset - at.imwr_data) / 4] = value;
        if (offset >= at.context && offset < reg::space_size &&
            (offset - at.context) % reg::context_stride < reg::ch_context_size)
            store_context(b.channel[(offset - at.context) / reg::context_stride],
                          (offset - at.context) % reg::context_stride, value);
    }
}

inline void puppet::store_context(walker& w, std::uint32_t field, std::uint32_t value)
{
    if (w.at != walker::step::idle) violations.push_back("context store while running");
    switch (field) {
    case reg::ch_control1: w.control1 = value & ~ctl::status_mask; break;
    case reg::ch_size: w.size = value; break;
    case reg::ch_sar_low: w.sar = (w.sar & ~std::uint64_t{all_ones}) | value; break;
    case reg::ch_sar_high: w.sar = (w.sar & all_ones) | std::uint64_t{value} << 32; break;
    case reg::ch_dar_low: w.dar = (w.dar & ~std::uint64_t{all_ones}) | value; break;
    case reg::ch_dar_high: w.dar = (w.dar & all_ones) | std::uint64_t{value} << 32; break;
    case reg::ch_llp_low: w.llp = (w.llp & ~std::uint64_t{all_ones}) | value; break;
    case reg::ch_llp_high: w.llp = (w.llp & all_ones) | std::uint64_t{value} << 32; break;
    default: break;
    }
}

inline void puppet::doorbell(bank_state& b, std::uint32_t value)
{
    const unsigned n = value & doorbell_channel_mask;
    walker& w = b.channel[n];
    if ((value & doorbell_stop) != 0) {
        if (w.at == walker::step::idle) violations.push_back("STOP for a channel that does not run");
        if (w.hung || w.at == walker::step::idle) return;
        w.at = walker::step::idle;
        w.status = channel_status::stopped;
        b.status |= abort_bit(n);
        return;
    }
    if ((b.enable & engine_on) == 0) {
        violations.push_back("doorbell while disabled");
        return;
    }
    if (w.at != walker::step::idle) {
        ++doorbells_lost;
        return;
    }
    w.status = channel_status::running;
    if ((w.control1 & ctl::list_enable) != 0) {
        w.at = walker::step::fetch;
    } else {
        w.fetched = {w.control1,
                     w.size,
                     static_cast<std::uint32_t>(w.sar),
                     static_cast<std::uint32_t>(w.sar >> 32),
                     static_cast<std::uint32_t>(w.dar),
                     static_cast<std::uint32_t>(w.dar >> 32)};
        w.at = walker::step::execute;
    }
}

inline bool puppet::step(channel_kind kind, unsigned n)
{
    bank_state& b = bank(kind);
    walker& w = b.channel[n];
    if (w.hung) return false;
    switch (w.at) {
    case walker::step::idle: return false;
    case walker::step::fetch: fetch(b, n); return true;
    case walker::step::execute: execute_one(kind, n); return true;
    case walker::step::stopping:
        w.at = walker::step::idle;
        w.status = channel_status::stopped;
        return true;
    }
    return false;
}

inline void puppet::fetch(bank_state& b, unsigned n)
{
    walker& w = b.channel[n];
    if (w.llp < list_base || w.llp + sizeof(data_element) > list_base + list_memory_.size())
        return abort(b, n, fault::fetch);
    auto* const words = reinterpret_cast<std::uint32_t*>(list_memory_.data() + (w.llp - list_base));
    const std::uint32_t control = std::atomic_ref(words[0]).load(std::memory_order_acquire);
    const std::uint32_t cycle = (w.control1 & ctl::consumer_cycle) != 0 ? 1 : 0;
    if ((control & ctl::link) != 0) {
        w.llp = words[2] | std::uint64_t{words[3]} << 32;
        if ((control & ctl::toggle_cycle) != 0) {
            w.control1 ^= ctl::consumer_cycle;
            if ((control & ctl::cycle) == cycle)
                violations.push_back("toggling link with the wrong cycle bit");
        }
        return;
    }
    if ((control & ctl::cycle) != cycle) {
        w.at = walker::step::stopping; // CS still reads running: doorbells are lost from here on
        return;
    }
    w.fetched = {control, words[1], words[2], words[3], words[4], words[5]};
    w.at = walker::step::execute;
}

inline void puppet::execute_one(channel_kind kind, unsigned n)
{
    bank_state& b = bank(kind);
    walker& w = b.channel[n];
    const data_element e = w.fetched;
    if (faults)
        if (const fault f = faults(kind, n, e); f != fault::none) return abort(b, n, f);
    const std::uint64_t sar = e.sar_low | std::uint64_t{e.sar_high} << 32;
    const std::uint64_t dar = e.dar_low | std::uint64_t{e.dar_high} << 32;
    // WR reads its own end and writes across the link, RD the other way round.
    const bool own_is_near = options_.side == engine_side::local;
    const bool from_near = (kind == channel_kind::wr) == own_is_near;
    if ((sar >= far_base) == from_near || (dar >= far_base) != from_near)
        violations.push_back("near and far mixed up");
    std::byte* const from = translate(sar, e.size);
    std::byte* const to = translate(dar, e.size);
    if (!from || !to || e.size == 0) return abort(b, n, fault::bus);
    std::memcpy(to, from, e.size);
    ++w.executed;
    const bool list = (w.control1 & ctl::list_enable) != 0;
    if (list) w.llp += sizeof(data_element);
    if ((e.control & ctl::local_int) != 0) b.status |= done_bit(n);
    if ((e.control & ctl::remote_int) != 0) post(b.done_address, b, n);
    w.at = list ? walker::step::fetch : walker::step::idle;
    if (!list) w.status = channel_status::stopped;
}

inline void puppet::abort(bank_state& b, unsigned n, fault f)
{
    walker& w = b.channel[n];
    w.at = walker::step::idle;
    w.status = channel_status::halted;
    b.status |= abort_bit(n);
    switch (f) {
    case fault::ur: b.err_high |= 1u << n; break;
    case fault::ca: b.err_high |= 1u << (8 + n); break;
    case fault::cto: b.err_high |= 1u << (16 + n); break;
    case fault::poison: b.err_high |= 1u << (24 + n); break;
    case fault::bus: b.err_low |= 1u << n; break;
    case fault::fetch: b.err_low |= 1u << (16 + n); break;
    case fault::none:
    case fault::causeless: break;
    }
    if ((b.err_enable & done_bit(n)) != 0) post(b.abort_address, b, n);
}

} // namespace cf::edma::test
