// SPDX-License-Identifier: MIT
//
// Loads and stores of the eDMA v0 register map.
#include "model/edma_v0.hpp"

namespace cf::model {
namespace {

namespace reg = edma::reg;
namespace ctl = edma::ctl;

constexpr std::uint32_t equal_weights = 0x8421; // one turn each, four channels a register
constexpr unsigned weight_bits = 5;
constexpr std::uint32_t handshake_bits = 0xff'0000; // of engine_enable, by channel
constexpr std::uint32_t first_context = reg::wr.context;

void set_low(std::uint64_t& word, std::uint32_t value) noexcept { word = (word >> 32 << 32) | value; }
void set_high(std::uint64_t& word, std::uint32_t value) noexcept
{
    word = (word & 0xffff'ffffu) | std::uint64_t{value} << 32;
}
std::uint32_t low(std::uint64_t word) noexcept { return static_cast<std::uint32_t>(word); }
std::uint32_t high(std::uint64_t word) noexcept { return static_cast<std::uint32_t>(word >> 32); }

edma::channel_status status_of(channel_state state) noexcept
{
    switch (state) {
    case channel_state::fresh: return edma::channel_status::reserved;
    case channel_state::running: return edma::channel_status::running;
    case channel_state::halted: return edma::channel_status::halted;
    case channel_state::stopped: break;
    }
    return edma::channel_status::stopped;
}

/// A channel's context register by its offset.
struct context_place {
    channel_kind kind;
    unsigned channel;
    std::uint32_t field;
};

context_place context_of(std::uint32_t offset) noexcept
{
    const std::uint32_t inside = offset - first_context;
    const std::uint32_t half = reg::context_stride / 2;
    return {inside % reg::context_stride < half ? channel_kind::wr : channel_kind::rd,
            inside / reg::context_stride, inside % half};
}

} // namespace

edma_v0::edma_v0(engine& behind, backplane& plane) : engine_(behind), plane_(plane)
{
    behind.listen(*this);
    reset();
}

std::unique_ptr<register_face> make_edma_v0(engine& behind, backplane& plane)
{
    return std::make_unique<edma_v0>(behind, plane);
}

void edma_v0::reset() noexcept
{
    arbitration_ = 0;
    for (bank_registers& bank : banks_) {
        bank = {};
        bank.weight_low = bank.weight_high = equal_weights;
        bank.mask = edma::all_int_bits;
    }
}

edma_v0::place edma_v0::find(std::uint32_t offset) noexcept
{
    for (const channel_kind kind : {channel_kind::wr, channel_kind::rd}) {
        const reg::bank& at = reg::of(kind);
        if (offset == at.engine_enable) return {bank_register::engine_enable, kind};
        if (offset == at.doorbell) return {bank_register::doorbell, kind};
        if (offset == at.weight_low) return {bank_register::weight_low, kind};
        if (offset == at.weight_high) return {bank_register::weight_high, kind};
        if (offset == at.int_status) return {bank_register::int_status, kind};
        if (offset == at.int_mask) return {bank_register::int_mask, kind};
        if (offset == at.int_clear) return {bank_register::int_clear, kind};
        if (offset == at.err_low) return {bank_register::err_low, kind};
        if (at.err_high != 0 && offset == at.err_high) return {bank_register::err_high, kind};
        if (offset == at.done_imwr_low) return {bank_register::done_low, kind};
        if (offset == at.done_imwr_high) return {bank_register::done_high, kind};
        if (offset == at.abort_imwr_low) return {bank_register::abort_low, kind};
        if (offset == at.abort_imwr_high) return {bank_register::abort_high, kind};
        if (offset == at.list_err_enable) return {bank_register::list_err_enable, kind};
        if (offset - at.imwr_data < 16 && offset % 4 == 0)
            return {bank_register::data, kind, static_cast<std::uint8_t>((offset - at.imwr_data) / 4)};
    }
    return {};
}

std::uint32_t edma_v0::load(std::uint32_t offset) const noexcept
{
    if (offset >= first_context) return load_context(offset);
    if (offset == reg::arbitration) return arbitration_;
    if (offset == reg::control)
        return engine_.channels(channel_kind::wr) | engine_.channels(channel_kind::rd) << 16;
    return load_bank(find(offset));
}

std::uint32_t edma_v0::load_bank(place at) const noexcept
{
    const bank_registers& bank = of(at.kind);
    switch (at.which) {
    case bank_register::engine_enable:
        return bank.handshakes | (engine_.enabled(at.kind) ? edma::engine_on : 0);
    case bank_register::weight_low: return bank.weight_low;
    case bank_register::weight_high: return bank.weight_high;
    case bank_register::int_status: return bank.status;
    case bank_register::int_mask: return bank.mask;
    case bank_register::err_low: return bank.err_low;
    case bank_register::err_high: return bank.err_high;
    case bank_register::done_low: return low(bank.done_message);
    case bank_register::done_high: return high(bank.done_message);
    case bank_register::abort_low: return low(bank.abort_message);
    case bank_register::abort_high: return high(bank.abort_message);
    case bank_register::data: return bank.message_data[at.index];
    case bank_register::list_err_enable: return bank.list_err_enable;
    case bank_register::doorbell:  // write only
    case bank_register::int_clear: // write only
    case bank_register::none: break;
    }
    return 0;
}

bool edma_v0::starts_work(std::uint32_t offset) const noexcept
{
    return offset == reg::wr.doorbell || offset == reg::rd.doorbell;
}

void edma_v0::store(std::uint32_t offset, std::uint32_t value, picoseconds now)
{
    if (offset >= first_context) return store_context(offset, value, now);
    if (offset == reg::arbitration) {
        arbitration_ = value & 0xfff; // the version above is read only
        return;
    }
    if (offset == reg::control) return; // channel counts: read only
    const place at = find(offset);
    if (at.which == bank_register::none)
        return note(violation_kind::reserved_register, channel_kind::wr, 0, offset, now);
    store_bank(at, value, now);
}

void edma_v0::store_bank(place at, std::uint32_t value, picoseconds now)
{
    bank_registers& bank = of(at.kind);
    switch (at.which) {
    case bank_register::engine_enable:
        bank.handshakes = value & handshake_bits;
        return (value & edma::engine_on) ? engine_.enable(at.kind, now) : engine_.disable(at.kind, now);
    case bank_register::doorbell: return ring(at.kind, value, now);
    case bank_register::weight_low: bank.weight_low = value; return set_weights(at.kind);
    case bank_register::weight_high: bank.weight_high = value; return set_weights(at.kind);
    case bank_register::int_status:
        if (!bank.emulated) plane_.raise_interrupt(engine_.index(), now);
        bank.emulated = true;
        return;
    case bank_register::int_mask: {
        const std::uint32_t uncovered = bank.status & bank.asserting & bank.mask & ~value;
        bank.mask = value & edma::all_int_bits;
        if (uncovered) plane_.raise_interrupt(engine_.index(), now);
        return;
    }
    case bank_register::int_clear: return clear(at.kind, value);
    case bank_register::done_low: return set_low(bank.done_message, value);
    case bank_register::done_high: return set_high(bank.done_message, value);
    case bank_register::abort_low: return set_low(bank.abort_message, value);
    case bank_register::abort_high: return set_high(bank.abort_message, value);
    case bank_register::data: bank.message_data[at.index] = value; return;
    case bank_register::list_err_enable: bank.list_err_enable = value & edma::all_int_bits; return;
    case bank_register::err_low:  // read only
    case bank_register::err_high: // read only
    case bank_register::none: return;
    }
}

void edma_v0::ring(channel_kind kind, std::uint32_t value, picoseconds now)
{
    const unsigned channel = value & edma::doorbell_channel_mask;
    if (channel >= engine_.channels(kind))
        return note(violation_kind::no_such_channel, kind, channel, value, now);
    if (value & edma::doorbell_stop)
        engine_.stop(kind, channel, now);
    else
        engine_.doorbell(kind, channel, now);
}

void edma_v0::set_weights(channel_kind kind) noexcept
{
    const bank_registers& bank = of(kind);
    for (unsigned channel = 0; channel < engine_.channels(kind); ++channel) {
        const std::uint32_t word = channel < 4 ? bank.weight_low : bank.weight_high;
        engine_.set_weight(kind, channel, word >> weight_bits * (channel % 4) & 0x1f);
    }
}

/// Clearing an abort also clears what it said about its cause. Clearing nothing at all lets go of
/// a line that was held up by a store to int_status.
void edma_v0::clear(channel_kind kind, std::uint32_t bits) noexcept
{
    bank_registers& bank = of(kind);
    if (bits == 0) bank.emulated = false;
    bank.status &= ~bits;
    bank.asserting &= ~bits;
    const std::uint32_t channels = bits >> 16 & 0xff;
    bank.err_low &= ~(channels | channels << 16);
    bank.err_high &= ~(channels * 0x0101'0101u);
}

std::uint32_t edma_v0::load_context(std::uint32_t offset) const noexcept
{
    const auto [kind, channel, field] = context_of(offset);
    if (channel >= engine_.channels(kind)) return 0;
    const channel_registers& r = engine_.registers(kind, channel);
    switch (field) {
    case reg::ch_control1: {
        const auto status = static_cast<std::uint32_t>(status_of(engine_.state(kind, channel)));
        return of(kind).control1[channel] | status << ctl::status_shift | (r.cycle ? ctl::consumer_cycle : 0);
    }
    case reg::ch_control2: return of(kind).control2[channel];
    case reg::ch_size: return r.size;
    case reg::ch_sar_low: return low(r.source);
    case reg::ch_sar_high: return high(r.source);
    case reg::ch_dar_low: return low(r.destination);
    case reg::ch_dar_high: return high(r.destination);
    case reg::ch_llp_low: return low(r.position);
    case reg::ch_llp_high: return high(r.position);
    default: return 0;
    }
}

void edma_v0::store_context(std::uint32_t offset, std::uint32_t value, picoseconds now)
{
    const auto [kind, channel, field] = context_of(offset);
    if (offset >= reg::space_size || field >= reg::ch_context_size)
        return note(violation_kind::reserved_register, kind, channel, offset, now);
    if (channel >= engine_.channels(kind))
        return note(violation_kind::no_such_channel, kind, channel, offset, now);
    // What hardware makes of it is anyone's guess; here the walker does not look.
    if (engine_.state(kind, channel) == channel_state::running)
        return note(violation_kind::context_while_running, kind, channel, offset, now);
    channel_registers& r = engine_.registers(kind, channel);
    switch (field) {
    case reg::ch_control1:
        of(kind).control1[channel] = value & ~(ctl::status_mask | ctl::consumer_cycle);
        r.list_mode = (value & ctl::list_enable) != 0;
        r.cycle = (value & ctl::consumer_cycle) != 0;
        r.control = value & (ctl::local_int | ctl::remote_int);
        return;
    case reg::ch_control2: of(kind).control2[channel] = value; return;
    case reg::ch_size: r.size = value; return;
    case reg::ch_sar_low: return set_low(r.source, value);
    case reg::ch_sar_high: return set_high(r.source, value);
    case reg::ch_dar_low: return set_low(r.destination, value);
    case reg::ch_dar_high: return set_high(r.destination, value);
    case reg::ch_llp_low:
        if (value % 4 != 0) note(violation_kind::unaligned_list, kind, channel, value, now);
        return set_low(r.position, value & ~3u);
    case reg::ch_llp_high: return set_high(r.position, value);
    default: return note(violation_kind::reserved_register, kind, channel, offset, now);
    }
}

void edma_v0::element_done(channel_kind kind, unsigned channel, std::uint32_t control, picoseconds now)
{
    if (control & ctl::local_int) raise(kind, edma::done_bit(channel), true, now);
    if (control & ctl::remote_int) post(kind, channel, of(kind).done_message, now);
}

void edma_v0::aborted(channel_kind kind, unsigned channel, abort_cause cause, picoseconds now)
{
    bank_registers& bank = of(kind);
    const std::uint32_t bit = 1u << channel;
    switch (cause) {
    case abort_cause::local_bus_error: bank.err_low |= bit; break;
    case abort_cause::list_fetch_error: bank.err_low |= bit << 16; break;
    case abort_cause::unsupported_request: bank.err_high |= bit; break;
    case abort_cause::completer_abort: bank.err_high |= bit << 8; break;
    case abort_cause::completion_timeout: bank.err_high |= bit << 16; break;
    case abort_cause::poisoned: bank.err_high |= bit << 24; break;
    case abort_cause::stopped:
    case abort_cause::unnamed: break;
    }
    // A WR channel posts its writes, so it has no register for what completions would have said.
    if (kind == channel_kind::wr) bank.err_high = 0;
    const channel_registers& r = engine_.registers(kind, channel);
    const bool local = r.list_mode ? (bank.list_err_enable & edma::abort_bit(channel)) != 0
                                   : (r.control & ctl::local_int) != 0;
    const bool remote = r.list_mode ? (bank.list_err_enable & edma::done_bit(channel)) != 0
                                    : (r.control & ctl::remote_int) != 0;
    raise(kind, edma::abort_bit(channel), local, now);
    if (remote) post(kind, channel, bank.abort_message, now);
}

/// Sets a status bit; interrupts when it is a new one, enabled and not masked. One that is still
/// set swallows the next: drivers look at the list position, they do not count.
void edma_v0::raise(channel_kind kind, std::uint32_t bit, bool local, picoseconds now)
{
    bank_registers& bank = of(kind);
    const bool asserted = (bank.status & bank.asserting & bit) != 0;
    bank.status |= bit;
    if (!local || asserted) return;
    bank.asserting |= bit;
    if ((bank.mask & bit) == 0) plane_.raise_interrupt(engine_.index(), now);
}

void edma_v0::post(channel_kind kind, unsigned channel, std::uint64_t address, picoseconds now)
{
    const std::uint32_t pair = of(kind).message_data[channel / 2];
    plane_.post_message(engine_.index(), address, channel % 2 ? pair >> 16 : pair & 0xffff, now);
}

void edma_v0::note(violation_kind what, channel_kind kind, unsigned channel, std::uint64_t value,
                   picoseconds now)
{
    plane_.notes.note({what, static_cast<std::uint8_t>(engine_.index()), kind,
                       static_cast<std::uint8_t>(channel), value, now / ps_per_ns});
}

} // namespace cf::model
