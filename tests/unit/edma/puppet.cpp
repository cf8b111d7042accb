// SPDX-License-Identifier: MIT
//
// The puppet's registers, and the micro-steps of its walkers.
#include "puppet.hpp"

namespace cf::edma::test {

std::uint32_t puppet::load_slow(std::uint32_t offset)
{
    count_access();
    if (unreachable()) return all_ones;
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

void puppet::store_slow(std::uint32_t offset, std::uint32_t value)
{
    count_access();
    if (unreachable()) return;
    for (bank_state& b : banks_) {
        const reg::bank& at = &b == &banks_[0] ? reg::wr : reg::rd;
        const auto half = [value](std::uint64_t& word, bool upper) {
            word = upper ? (word & all_ones) | std::uint64_t{value} << 32
                         : (word & ~std::uint64_t{all_ones}) | value;
        };
        if (offset == at.engine_enable) {
            if ((value & engine_on) == 0) ++disables;
            if ((value & engine_on) != 0 || disable_works) b.enable = value;
            if ((b.enable & engine_on) == 0)
                for (walker& w : b.channel) {
                    if (w.lingers) continue;
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

void puppet::store_context(walker& w, std::uint32_t field, std::uint32_t value)
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

void puppet::doorbell(bank_state& b, std::uint32_t value)
{
    const unsigned n = value & doorbell_channel_mask;
    walker& w = b.channel[n];
    if ((value & doorbell_stop) != 0) {
        if (w.at == walker::step::idle) violations.push_back("STOP for a channel that does not run");
        ++stops;
        if (w.hung || w.at == walker::step::idle) return;
        w.at = walker::step::idle;
        w.status = stop_halts ? channel_status::halted : channel_status::stopped;
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

bool puppet::step(channel_kind kind, unsigned n)
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

void puppet::fetch(bank_state& b, unsigned n)
{
    walker& w = b.channel[n];
    if (w.llp < list_base || w.llp + sizeof(data_element) > list_base + list_memory_.size())
        return abort(b, n, fault::fetch);
    std::byte* const lists = options_.posted_lists ? landed_.data() : list_memory_.data();
    auto* const words = reinterpret_cast<std::uint32_t*>(lists + (w.llp - list_base));
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

void puppet::execute_one(channel_kind kind, unsigned n)
{
    bank_state& b = bank(kind);
    walker& w = b.channel[n];
    const data_element e = w.fetched;
    if (!link_up) return abort(b, n, kind == channel_kind::rd ? fault::cto : fault::causeless);
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

void puppet::abort(bank_state& b, unsigned n, fault f)
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

void puppet::post(std::uint64_t address, const bank_state& b, unsigned n)
{
    const std::uint32_t pair = b.data[n / 2];
    const std::uint32_t data = n % 2 == 0 ? pair & 0xffff : pair >> 16;
    if (address == interrupt.address && data == interrupt.data) {
        ++posted;
        return;
    }
    if (address < word_base || address + 4 > word_base + sizeof words_) {
        violations.push_back("message to a strange address");
        return;
    }
    std::atomic_ref<std::uint32_t>(words_[(address - word_base) / 4]).store(data, std::memory_order_release);
}

} // namespace cf::edma::test
