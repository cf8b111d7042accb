// SPDX-License-Identifier: MIT
//
// The endless list of one channel as it lies in memory that CPU and engine share: `slots` data
// elements and one link element that toggles the cycle bit and leads back to the first. This
// file knows the layout, the order in which an element's words become visible, and how an LLP
// value turns into a slot. Who owns which slot is the channel's business.
//
//   slot 0 | slot 1 | ... | slot N-1 | link (TCB) -> slot 0
//
// At most N-1 slots are ever in use: a full ring and an empty one would have the same LLP.
#pragma once

#include "edma/barrier.hpp"
#include "edma/port.hpp"
#include "edma/registers.hpp"

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace cf::edma {

static_assert(std::endian::native == std::endian::little, "list elements are little endian");
static_assert(std::atomic_ref<std::uint64_t>::is_always_lock_free);

class list_ring {
public:
    static constexpr std::uint32_t element_bytes = sizeof(data_element);
    static constexpr std::uint32_t min_slots = 2;
    /// Bounds the bookkeeping, whatever memory is offered.
    static constexpr std::uint32_t max_slots = 1u << 16;
    static constexpr std::uint32_t no_slot = std::numeric_limits<std::uint32_t>::max();

    /// No list: the channel works in register mode.
    list_ring() = default;
    /// Uses at most `limit` elements (0 = no limit) of `memory`. `near_is_source` says which of
    /// a segment's addresses is SAR. Throws cf::error when the memory is unusable.
    list_ring(const shared_memory& memory, std::uint32_t limit, bool near_is_source,
              bool write_combined = false);

    bool present() const noexcept { return slots_ != 0; }
    std::uint32_t slots() const noexcept { return slots_; }
    /// What LLP reads while the engine is at `slot`.
    std::uint64_t address(std::uint32_t slot) const noexcept
    {
        return engine_ + std::uint64_t{slot} * element_bytes;
    }
    /// Writes an element that the engine cannot reach yet: because its control word says that it
    /// belongs to the last lap, or because one before it does.
    void write(std::uint32_t slot, std::uint32_t control, std::uint64_t near, std::uint64_t far,
               std::uint32_t size) const noexcept
    {
        std::byte* const at = element(slot);
        // Relaxed atomics, not plain stores: the engine may fetch a whole element while it still
        // belongs to the last lap, and throws it away on seeing the cycle bit.
        static_assert(offsetof(data_element, control) == 0 && offsetof(data_element, size) == 4);
        word<std::uint64_t>(at).store(control | std::uint64_t{size} << 32, std::memory_order_relaxed);
        word<std::uint64_t>(at + near_offset_).store(near, std::memory_order_relaxed);
        word<std::uint64_t>(at + far_offset_).store(far, std::memory_order_relaxed);
    }
    /// Changes the control word of an element that the engine cannot reach yet.
    void amend(std::uint32_t slot, std::uint32_t control) const noexcept
    {
        word<std::uint32_t>(element(slot)).store(control, std::memory_order_relaxed);
    }
    /// Hands an element, and those written behind it, to the engine, after everything stored before:
    /// by barrier for a device, by release for a model whose walker is another thread.
    void publish(std::uint32_t slot, std::uint32_t control) const noexcept
    {
        publish_word(element(slot), control);
    }
    /// Prepares the link at the end of a lap for the lap that follows, which has `next_cycle`.
    /// The link's own cycle bit is that of the next lap, as vendor drivers have it; engines ignore
    /// it or expect exactly this. To be called before the lap's last slot is published; the engine
    /// has passed the link's previous use by then because one slot is always free.
    void prepare_link(std::uint32_t next_cycle) const noexcept
    {
        publish_word(element(slots_), ctl::link | ctl::toggle_cycle | next_cycle);
    }
    /// Lays an empty list with the engine about to enter `slot` in a lap with `cycle`: every
    /// element stale, the link ready. Only while the channel is proven stopped.
    void lay(std::uint32_t slot, std::uint32_t cycle) const noexcept;

    /// What to read back before a doorbell when the list is behind a BAR.
    const std::byte* first_word() const noexcept { return cpu_; }

    /// The slot an engine with this LLP executes next, or no_slot when LLP does not point at an
    /// element of this list. On the link it is at slot 0 next. The low word alone decides: a list
    /// lies within one 4 GiB page, so that there is no pair of loads to tear.
    std::uint32_t slot_at(std::uint32_t llp_low) const noexcept
    {
        const std::uint32_t offset = llp_low - static_cast<std::uint32_t>(engine_);
        const std::uint32_t slot = offset / element_bytes;
        if (offset != slot * element_bytes || slot > slots_) return no_slot;
        return slot == slots_ ? 0 : slot;
    }

private:
    std::byte* element(std::uint32_t slot) const noexcept { return cpu_ + std::size_t{slot} * element_bytes; }
    void publish_word(std::byte* at, std::uint32_t value) const noexcept
    {
        if (write_combined_) [[unlikely]]
            return publish_combined(at, value);
        dma_write_barrier();
        word<std::uint32_t>(at).store(value, std::memory_order_release);
    }
    void publish_combined(std::byte* at, std::uint32_t value) const noexcept;
    template <class T>
    static std::atomic_ref<T> word(std::byte* at) noexcept
    {
        return std::atomic_ref<T>(*reinterpret_cast<T*>(at));
    }

    std::byte* cpu_ = nullptr;
    std::uint64_t engine_ = 0;
    std::uint32_t slots_ = 0;
    std::uint32_t near_offset_ = 0; ///< of the near address in an element
    std::uint32_t far_offset_ = 0;
    bool write_combined_ = false;
};

} // namespace cf::edma
