// SPDX-License-Identifier: MIT
//
// The register map and list element layout of the Synopsys DesignWare eDMA v0, unrolled form
// (DesignWare PCIe controller >= 4.80a). Facts only, for the driver and for the model; the
// offsets agree with the structures of Linux 7.2 (drivers/dma/dw-edma/dw-edma-v0-regs.h), bits
// that Linux does not use with the NXP S32G, Intel and NVIDIA headers.
#pragma once

#include <counterflow/direction.hpp>

#include <cstdint>

namespace cf::edma {

inline constexpr unsigned max_channels = 8; ///< of each kind

namespace reg {

// Registers of the whole engine.
inline constexpr std::uint32_t arbitration = 0x000; ///< [16:12] version of the IP
inline constexpr std::uint32_t control = 0x008;     ///< [3:0] WR channels, [19:16] RD channels

/// The registers that each kind of channel has once.
struct bank {
    std::uint32_t engine_enable; ///< [0] enable; reads 0 once a disable has taken effect
    std::uint32_t doorbell;      ///< [2:0] channel, [31] stop; write only
    std::uint32_t weight_low;    ///< arbitration weight, 5 bits a channel, channels 0..3
    std::uint32_t weight_high;   ///< channels 4..7
    std::uint32_t int_status;    ///< [7:0] done, [23:16] abort; set even when masked
    std::uint32_t int_mask;      ///< same bits; 1 = masked; gates the interrupt line only
    std::uint32_t int_clear;     ///< same bits; write 1 to clear
    std::uint32_t
        err_low; ///< WR: [7:0] local read error; RD: [7:0] local write error; both [23:16] list fetch error
    std::uint32_t
        err_high; ///< RD only (0 = none): [7:0] UR, [15:8] CA, [23:16] completion timeout, [31:24] poisoned
    std::uint32_t done_imwr_low; ///< address of the message a RIE element posts, low and high
    std::uint32_t done_imwr_high;
    std::uint32_t abort_imwr_low; ///< address of the message an abort posts
    std::uint32_t abort_imwr_high;
    std::uint32_t imwr_data; ///< four registers of two channels each: [15:0] even, [31:16] odd
    std::uint32_t
        list_err_enable;   ///< [7:0] remote abort message enable, [23:16] local abort interrupt enable
    std::uint32_t context; ///< channel 0's context; a channel each context_stride bytes
};

inline constexpr bank wr{0x00c, 0x010, 0x018, 0x01c, 0x04c, 0x054, 0x058, 0x05c,
                         0x000, 0x060, 0x064, 0x068, 0x06c, 0x070, 0x090, 0x200};
inline constexpr bank rd{0x02c, 0x030, 0x038, 0x03c, 0x0a0, 0x0a8, 0x0ac, 0x0b4,
                         0x0b8, 0x0cc, 0x0d0, 0x0d4, 0x0d8, 0x0dc, 0x0c4, 0x300};

constexpr const bank& of(channel_kind kind) noexcept { return kind == channel_kind::wr ? wr : rd; }

inline constexpr std::uint32_t context_stride = 0x200;
inline constexpr std::uint32_t space_size = 0x1200; ///< 0x200 of globals and 8 pairs of contexts

// Offsets inside a channel's context.
inline constexpr std::uint32_t ch_control1 = 0x00;
inline constexpr std::uint32_t ch_control2 = 0x04;
inline constexpr std::uint32_t ch_size = 0x08;
inline constexpr std::uint32_t ch_sar_low = 0x0c;
inline constexpr std::uint32_t ch_sar_high = 0x10;
inline constexpr std::uint32_t ch_dar_low = 0x14;
inline constexpr std::uint32_t ch_dar_high = 0x18;
inline constexpr std::uint32_t ch_llp_low = 0x1c;
inline constexpr std::uint32_t ch_llp_high = 0x20;
inline constexpr std::uint32_t ch_context_size = 0x24;

/// Offset of a channel's context register.
constexpr std::uint32_t channel(channel_kind kind, unsigned index, std::uint32_t field) noexcept
{
    return of(kind).context + context_stride * index + field;
}

} // namespace reg

// Bits of a doorbell.
inline constexpr std::uint32_t doorbell_stop = 1u << 31;
inline constexpr std::uint32_t doorbell_channel_mask = 0x7;

// Bits of engine_enable, int_status, int_mask, int_clear and list_err_enable.
inline constexpr std::uint32_t engine_on = 1u << 0;
constexpr std::uint32_t done_bit(unsigned channel) noexcept { return 1u << channel; }
constexpr std::uint32_t abort_bit(unsigned channel) noexcept { return 1u << (16 + channel); }
inline constexpr std::uint32_t all_int_bits = 0x00ff'00ff;

// Bits of CH_CONTROL1 and of a list element's control word.
namespace ctl {
inline constexpr std::uint32_t cycle = 1u << 0;        ///< element: belongs to this lap of the list
inline constexpr std::uint32_t toggle_cycle = 1u << 1; ///< link: the next lap has the other cycle bit
inline constexpr std::uint32_t link = 1u << 2;         ///< element: a link, not data
inline constexpr std::uint32_t local_int = 1u << 3;    ///< LIE: interrupt when this element is done
inline constexpr std::uint32_t remote_int = 1u << 4;   ///< RIE: post the IMWr message when it is done
inline constexpr std::uint32_t status_shift = 5;       ///< CONTROL1 [6:5], read only: channel_status
inline constexpr std::uint32_t status_mask = 3u << status_shift;
inline constexpr std::uint32_t consumer_cycle = 1u << 8; ///< CONTROL1: cycle bit the walker expects
inline constexpr std::uint32_t list_enable = 1u << 9;    ///< CONTROL1: walk the list at LLP
} // namespace ctl

/// CONTROL1 [6:5].
enum class channel_status : std::uint8_t { reserved = 0, running = 1, halted = 2, stopped = 3 };

constexpr channel_status status_of(std::uint32_t control1) noexcept
{
    return static_cast<channel_status>((control1 & ctl::status_mask) >> ctl::status_shift);
}

/// A data element as it lies in list memory, little endian. WR: source is the engine's own end
/// and destination a PCIe address; RD the other way round.
struct data_element {
    std::uint32_t control;
    std::uint32_t size; ///< bytes, 1 .. 2^32-1
    std::uint32_t sar_low, sar_high;
    std::uint32_t dar_low, dar_high;
};
static_assert(sizeof(data_element) == 24);

/// A link element. The walker ignores its cycle bit when toggle_cycle is set (see the model).
struct link_element {
    std::uint32_t control;
    std::uint32_t reserved;
    std::uint32_t llp_low, llp_high;
};
static_assert(sizeof(link_element) == 16);

/// What a load returns when nobody answers.
inline constexpr std::uint32_t all_ones = 0xffff'ffff;

} // namespace cf::edma
