// SPDX-License-Identifier: MIT
//
// Finding out what the engine has, taking it over, and starting and stopping it on request.
#include "edma/engine.hpp"

#include <counterflow/error.hpp>

#include <algorithm>
#include <string>

namespace cf::edma {
namespace {

/// Reads of ENGINE_EN at construction, where no time passes, before the engine counts as stuck.
constexpr unsigned disable_reads = 100'000;

constexpr std::size_t completion_bytes = 64;

register_space& registers_of(const port& p)
{
    if (!p.registers) throw error(errc::bad_argument, "a port without registers");
    return *p.registers;
}

constexpr unsigned wr_channels(std::uint32_t control) noexcept { return control & 0xf; }
constexpr unsigned rd_channels(std::uint32_t control) noexcept { return (control >> 16) & 0xf; }

} // namespace

engine::engine(const port& p, const engine_options& options)
    : port_(p),
      options_(options),
      banks_{bank{registers_of(p), options_, statistics_, reg::wr, channel_kind::wr},
             bank{registers_of(p), options_, statistics_, reg::rd, channel_kind::rd}}
{
    if (options_.recheck_ns == 0 || options_.watchdog_ns == 0 || options_.hang_timeout_ns == 0)
        throw error(errc::bad_argument, "a driver option of 0 ns: recheck, watchdog and hang timeout "
                                        "must be at least 1 ns");
    if (options_.wake == wake_mode::message &&
        (!port_.completion_word.cpu || port_.completion_word.size < completion_bytes))
        throw error(errc::not_supported, "wake=message on an engine without completion words: it needs " +
                                             std::to_string(completion_bytes) +
                                             " bytes of near memory that the engine can write");
    if (options_.wake == wake_mode::interrupt && !has_line() && !port_.message_interrupt)
        throw error(errc::not_supported,
                    "wake=irq on a remote engine that was not told what to post for an "
                    "interrupt: its line ends at its own end; use wake=imwr or wake=poll");
    // Several looks, and doorbells if they were lost, before a channel is taken for one that hangs.
    options_.watchdog_ns =
        std::min(options_.watchdog_ns, std::max<nanoseconds>(options_.hang_timeout_ns / 4, 1));
    const std::uint32_t control = probe();
    disable_at_start();
    add_channels(banks_[0], wr_channels(control));
    add_channels(banks_[1], rd_channels(control));
    start(0);
}

/// The channel counts, checked.
std::uint32_t engine::probe() const
{
    const std::uint32_t control = port_.registers->load(reg::control);
    if (control == all_ones) {
        if (port_.side == engine_side::remote)
            throw error(errc::link_down, "the far engine's control register reads all ones");
        throw error(errc::device_gone, "the near engine's control register reads all ones");
    }
    const unsigned wr = wr_channels(control);
    const unsigned rd = rd_channels(control);
    if (wr + rd == 0 || wr > max_channels || rd > max_channels)
        throw error(errc::not_supported, "an engine that says it has " + std::to_string(wr) + " WR and " +
                                             std::to_string(rd) + " RD channels: expected 0.." +
                                             std::to_string(max_channels) + " of each");
    return control;
}

/// Whatever ran before, a killed process's transfers for example, stops here.
void engine::disable_at_start()
{
    for (bank& b : banks_) b.store(b.at.engine_enable, 0);
    for (bank& b : banks_) {
        unsigned reads = 0;
        while ((b.load(b.at.engine_enable) & engine_on) != 0)
            if (++reads == disable_reads)
                throw error(errc::busy, std::string("the engine's ") + std::string(to_string(b.kind)) +
                                            " side still reads enabled after " + std::to_string(reads) +
                                            " looks");
    }
}

void engine::add_channels(bank& b, unsigned count)
{
    const auto& lists = b.kind == channel_kind::wr ? port_.wr_lists : port_.rd_lists;
    auto& channels = channels_[index(b.kind)];
    channels.reserve(count);
    for (unsigned n = 0; n < count; ++n) {
        const shared_memory list = n < lists.size() ? lists[n] : shared_memory{};
        channels.push_back(std::make_unique<channel>(b, n, port_, list));
        b.present |= 1u << n;
    }
}

/// Everything of a direction that a reset of the engine would lose, but the channels' own.
void engine::program(bank& b) noexcept
{
    const bool posts = options_.wake == wake_mode::message || waits_for_message_interrupt();
    const std::uint32_t used = b.present | b.present << 16;
    b.store(b.at.int_mask, waits_for_line() ? all_int_bits & ~used : all_int_bits);
    b.store(b.at.int_clear, all_int_bits);
    // LLLAIE always: without it an abort in a list stays silent. LLRAIE only with an address to
    // post to, or the engine would write to whatever the register happens to hold.
    b.store(b.at.list_err_enable, b.present << 16 | (posts ? b.present : 0));
    if (waits_for_message_interrupt()) {
        const posted_interrupt& to = *port_.message_interrupt;
        program_messages(b, to.address, to.address, to.data);
    } else if (posts) {
        program_messages(b, message_address(b, 0), message_address(b, 1), 1); // 0 means "no message"
    }
}

/// All channels post the same: a message says "look", not "who".
void engine::program_messages(bank& b, std::uint64_t done, std::uint64_t aborted, std::uint32_t data) noexcept
{
    b.store(b.at.done_imwr_low, static_cast<std::uint32_t>(done));
    b.store(b.at.done_imwr_high, static_cast<std::uint32_t>(done >> 32));
    b.store(b.at.abort_imwr_low, static_cast<std::uint32_t>(aborted));
    b.store(b.at.abort_imwr_high, static_cast<std::uint32_t>(aborted >> 32));
    for (std::uint32_t pair = 0; pair < max_channels / 2; ++pair)
        b.store(b.at.imwr_data + 4 * pair, data | data << 16);
}

std::uint64_t engine::message_address(const bank& b, unsigned number) const noexcept
{
    return port_.completion_word.engine + 4 * (4 * index(b.kind) + number);
}

/// Consumes a message: true when there was one. All channels of a direction share the word, so
/// it says "look", not "who". The engine posts after it has moved LLP on: a message that comes
/// after the exchange is seen next time, one that came before it is covered by the loads that
/// follow, and the exchange is ordered before those.
bool engine::take_message(const bank& b, unsigned number) const noexcept
{
    const std::atomic_ref<std::uint32_t> word(message_word(b, number));
    if (word.load(std::memory_order_relaxed) == 0) return false;
    word.exchange(0, std::memory_order_seq_cst);
    dma_read_barrier();
    return true;
}

std::uint32_t& engine::message_word(const bank& b, unsigned number) const noexcept
{
    return reinterpret_cast<std::uint32_t*>(port_.completion_word.cpu)[4 * index(b.kind) + number];
}

nanoseconds engine::next_deadline() const noexcept
{
    nanoseconds first = never;
    for (const bank& b : banks_) {
        first = std::min(first, b.settle_at);
        if (b.phase != bank_phase::up) continue;
        for (std::uint32_t mask = b.active; mask != 0; mask &= mask - 1) {
            const auto number = static_cast<unsigned>(std::countr_zero(mask));
            first = std::min(first, channels_[index(b.kind)][number]->look_at_);
        }
    }
    return first;
}

void engine::start(nanoseconds now) noexcept
{
    for (bank& b : banks_) {
        b.stop_requested = false;
        if (b.phase != bank_phase::stopped) continue;
        b.phase = bank_phase::up;
        b.settle_at = never;
        program(b);
        b.store(b.at.engine_enable, engine_on);
        for (auto& c : channels_[index(b.kind)]) c->restart(now);
    }
}

void engine::stop(nanoseconds now) noexcept
{
    for (bank& b : banks_) {
        b.stop_requested = true;
        b.settle_at = 0; // where nothing runs any more, for what was pushed and not flushed
        stop_bank(b, now);
    }
}

bool engine::quiet() const noexcept
{
    for (const bank& b : banks_) {
        if (b.phase == bank_phase::up || b.phase == bank_phase::stopping) return false;
        for (const auto& c : channels_[index(b.kind)])
            if (c->outstanding() != 0) return false;
    }
    return true;
}

engine_state engine::state() const noexcept
{
    engine_state result = engine_state::up;
    for (const bank& b : banks_) {
        if (b.phase == bank_phase::gone) return engine_state::gone;
        if (b.phase == bank_phase::down) result = engine_state::link_down;
        if (result == engine_state::link_down) continue;
        bool stopping = b.phase == bank_phase::stopping;
        for (const auto& c : channels_[index(b.kind)]) stopping |= c->stopping_ != channel::stop_reason::none;
        if (stopping)
            result = engine_state::recovering;
        else if (b.phase == bank_phase::stopped && result == engine_state::up)
            result = engine_state::stopped;
    }
    return result;
}

} // namespace cf::edma
