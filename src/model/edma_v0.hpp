// SPDX-License-Identifier: MIT
//
// The register face of the DesignWare eDMA v0, unrolled: what src/edma/registers.hpp lists, read
// from the hardware's side. Interrupt status, masks, error bits and IMWr messages live here; the
// channels behind are the engine's.
#pragma once

#include "edma/registers.hpp"
#include "model/register_face.hpp"

#include <array>
#include <cstdint>

namespace cf::model {

class edma_v0 final : public register_face {
public:
    edma_v0(engine& behind, backplane& plane);

    std::uint32_t load(std::uint32_t offset) const noexcept override;
    void store(std::uint32_t offset, std::uint32_t value, picoseconds now) override;
    bool starts_work(std::uint32_t offset) const noexcept override;
    void reset() noexcept override;

    void element_done(channel_kind kind, unsigned channel, std::uint32_t control, picoseconds now) override;
    /// This IP raises nothing when a channel stops.
    void stopped(channel_kind, unsigned, picoseconds) override {}
    void aborted(channel_kind kind, unsigned channel, abort_cause cause, picoseconds now) override;

private:
    /// What each kind of channel has once.
    struct bank_registers {
        std::uint32_t handshakes = 0; ///< of engine_enable: kept, without meaning here
        std::uint32_t weight_low = 0, weight_high = 0;
        std::uint32_t status = 0;
        std::uint32_t asserting = 0; ///< status bits whose local interrupt was enabled when they rose
        std::uint32_t mask = 0;
        std::uint32_t err_low = 0, err_high = 0;
        std::uint64_t done_message = 0, abort_message = 0; ///< IMWr addresses
        std::array<std::uint32_t, 4> message_data{};
        std::uint32_t list_err_enable = 0;
        bool emulated = false; ///< the line is held up by a store to int_status
        std::array<std::uint32_t, edma::max_channels> control1{}, control2{};
    };

    /// A register of a bank, found by its offset.
    enum class bank_register : std::uint8_t {
        none,
        engine_enable,
        doorbell,
        weight_low,
        weight_high,
        int_status,
        int_mask,
        int_clear,
        err_low,
        err_high,
        done_low,
        done_high,
        abort_low,
        abort_high,
        data,
        list_err_enable,
    };
    struct place {
        bank_register which = bank_register::none;
        channel_kind kind{};
        std::uint8_t index = 0; ///< of the data registers
    };
    static place find(std::uint32_t offset) noexcept;

    bank_registers& of(channel_kind kind) noexcept { return banks_[index_of(kind)]; }
    const bank_registers& of(channel_kind kind) const noexcept { return banks_[index_of(kind)]; }

    std::uint32_t load_bank(place at) const noexcept;
    void store_bank(place at, std::uint32_t value, picoseconds now);
    std::uint32_t load_context(std::uint32_t offset) const noexcept;
    void store_context(std::uint32_t offset, std::uint32_t value, picoseconds now);

    void ring(channel_kind kind, std::uint32_t value, picoseconds now);
    void set_weights(channel_kind kind) noexcept;
    void clear(channel_kind kind, std::uint32_t bits) noexcept;
    void raise(channel_kind kind, std::uint32_t bit, bool local, picoseconds now);
    void post(channel_kind kind, unsigned channel, std::uint64_t address, picoseconds now);
    void note(violation_kind what, channel_kind kind, unsigned channel, std::uint64_t value, picoseconds now);

    engine& engine_;
    backplane& plane_;
    std::uint32_t arbitration_ = 0;
    std::array<bank_registers, 2> banks_;
};

} // namespace cf::model
