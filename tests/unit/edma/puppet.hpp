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
    static constexpr posted_interrupt interrupt{0xfee0'0000, 0x4021};
    static constexpr std::size_t memory_bytes = 1 << 16;
    static constexpr std::size_t list_stride = 0x1000;

    struct options {
        unsigned wr = 2, rd = 2;
        std::uint32_t list_elements = 8; ///< room in the list memory; 0 = no lists
        engine_side side = engine_side::remote;
        /// Stores to list memory land only when a word of it is read back, as posted writes may that
        /// race a doorbell behind another BAR.
        bool posted_lists = false;
    };
    struct walker {
        enum class step : std::uint8_t { idle, fetch, execute, stopping } at = step::idle;
        std::uint32_t control1 = 0, size = 0;
        std::uint64_t sar = 0, dar = 0, llp = 0;
        channel_status status = channel_status::reserved;
        data_element fetched{};
        std::uint64_t executed = 0;
        bool hung = false;    ///< does nothing when stepped; ignores STOP
        bool lingers = false; ///< goes on although its engine reads as disabled
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
        if (options_.side == engine_side::remote) p.message_interrupt = interrupt;
        p.lists_across_link = options_.posted_lists;
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

    /// A local engine's line is up; a remote one has posted its interrupt since it was last taken.
    bool interrupting() const
    {
        if (options_.side == engine_side::remote) return posted != 0;
        return ((banks_[0].status & ~banks_[0].mask) | (banks_[1].status & ~banks_[1].mask)) != 0;
    }

    bool link_up = true;      ///< without it a remote engine does not answer; a local one's transfers fail
    bool present = true;      ///< or nobody answers at all
    std::uint64_t posted = 0; ///< interrupts by message that nobody has taken yet
    bool disable_works = true;
    unsigned disable_delay = 0; ///< reads of ENGINE_EN that still say enabled
    std::function<fault(channel_kind, unsigned, const data_element&)> faults;
    std::uint64_t doorbells_lost = 0;
    std::uint64_t accesses = 0; ///< loads and stores of registers
    std::uint64_t stops = 0;    ///< STOPs told
    std::uint64_t disables = 0; ///< and disables
    bool stop_halts = false;    ///< what a STOP ends reads as halted
    /// The access before which the link goes down.
    std::uint64_t link_lost_before = ~std::uint64_t{0};
    std::vector<std::string> violations;

    int interrupt_fd() const noexcept override { return -1; }

private:
    bool link_is_up() override { return link_up; }
    void read_back_slow(const std::byte*) override { landed_ = list_memory_; }
    void count_access()
    {
        if (++accesses >= link_lost_before) link_up = false;
    }
    std::uint32_t load_slow(std::uint32_t offset) override;
    void store_slow(std::uint32_t offset, std::uint32_t value) override;
    void doorbell(bank_state& b, std::uint32_t value);
    void store_context(walker& w, std::uint32_t field, std::uint32_t value);
    void fetch(bank_state& b, unsigned n);
    void execute_one(channel_kind kind, unsigned n);
    void abort(bank_state& b, unsigned n, fault f);
    void post(std::uint64_t address, const bank_state& b, unsigned n);
    bool unreachable() const { return !present || (!link_up && options_.side == engine_side::remote); }
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
    using list_bytes = std::array<std::byte, 2 * max_channels * list_stride>;
    alignas(8) list_bytes list_memory_;
    alignas(8) list_bytes landed_{}; ///< what the engine sees of it when stores are posted
    std::vector<std::byte> near_ = std::vector<std::byte>(memory_bytes);
    std::vector<std::byte> far_ = std::vector<std::byte>(memory_bytes);
    alignas(64) std::array<std::uint32_t, 16> words_{};
};

} // namespace cf::edma::test
