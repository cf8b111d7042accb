// SPDX-License-Identifier: MIT
//
// What the driver is given of one engine: its registers, the memory its lists live in and,
// where the engine can reach it, a word of near memory to post completions to. Filled in by
// whoever attaches the device (src/device/attachment.hpp); the driver only uses it.
#pragma once

#include "edma/register_space.hpp"
#include <counterflow/direction.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace cf::edma {

/// Memory that both the CPU and an engine reach: `cpu` is where the driver reads and writes
/// it, `engine` the address the engine uses for the same bytes.
struct shared_memory {
    std::byte* cpu = nullptr;
    std::uint64_t engine = 0;
    std::size_t size = 0; ///< bytes; 0 = there is none
};

/// A posted write that an interrupt controller takes for an interrupt: an MSI, whose data has no
/// more bits than an engine can post.
struct posted_interrupt {
    std::uint64_t address = 0;
    std::uint16_t data = 0;
};

/// One engine as the driver sees it. The pieces outlive the driver.
struct port {
    register_space* registers = nullptr;
    engine_side side = engine_side::remote;

    /// List memory of each channel, by index. An empty entry puts the channel in register mode
    /// (one transfer at a time through SAR, DAR and SIZE).
    std::vector<shared_memory> wr_lists;
    std::vector<shared_memory> rd_lists;

    /// 64 bytes of near memory the engine can post IMWr messages to, or empty. A message is a
    /// channel's 16-bit data in a 32-bit store. The n-th kind of channel (0 WR, 1 RD) posts to
    /// the 32-bit word 4*n when an element with RIE is done, and to word 4*n+1 when it aborts.
    shared_memory completion_word;

    /// What a remote engine has to post for the register space's interrupt_fd() to count, if that is
    /// known. A local engine has its interrupt line; nothing leads a remote one's line here.
    std::optional<posted_interrupt> message_interrupt;

    /// True when CPU stores to list memory cross the link (a BAR): they are posted, so the
    /// driver must read back before ringing a doorbell behind another BAR, and never reads
    /// list memory on a fast path.
    bool lists_across_link = false;
    /// True when list memory is mapped write-combining. What VFIO maps is uncached, and near memory is
    /// write-back: those keep the order of stores without help, or with what arm64 needs anyway.
    bool lists_write_combined = false;
};

} // namespace cf::edma
