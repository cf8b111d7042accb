// SPDX-License-Identifier: MIT
//
// The cold half of list_ring: choosing the geometry and laying an empty list.
#include "edma/ring.hpp"

#include <counterflow/error.hpp>

#include <algorithm>
#include <string>

namespace cf::edma {
namespace {

constexpr std::uint64_t alignment = 8; ///< of elements; the engine fetches addresses as 64-bit words
constexpr std::uint64_t page = std::uint64_t{1} << 32;

} // namespace

list_ring::list_ring(const shared_memory& memory, std::uint32_t limit, bool near_is_source,
                     bool write_combined)
    : cpu_(memory.cpu),
      engine_(memory.engine),
      near_offset_(near_is_source ? offsetof(data_element, sar_low) : offsetof(data_element, dar_low)),
      far_offset_(near_is_source ? offsetof(data_element, dar_low) : offsetof(data_element, sar_low)),
      write_combined_(write_combined)
{
    if (!cpu_ || reinterpret_cast<std::uintptr_t>(cpu_) % alignment != 0 || engine_ % alignment != 0)
        throw error(errc::misaligned, "list memory at engine address " + std::to_string(engine_) +
                                          ": both its addresses must be multiples of 8");
    std::size_t size = memory.size;
    // Of memory that crosses a multiple of 4 GiB only the larger side is used: see slot_at().
    const std::uint64_t low_side = page - engine_ % page;
    if (size > low_side) {
        const std::size_t high_side = size - static_cast<std::size_t>(low_side);
        size = std::max(high_side, static_cast<std::size_t>(low_side));
        if (size == high_side) {
            cpu_ += low_side;
            engine_ += low_side;
        }
    }
    // A reset engine has LLP 0. That must never look like a place in the list.
    if (static_cast<std::uint32_t>(engine_) == 0 && size > alignment) {
        cpu_ += alignment;
        engine_ += alignment;
        size -= alignment;
    }
    const std::size_t fit = size < sizeof(link_element) ? 0 : (size - sizeof(link_element)) / element_bytes;
    std::size_t slots = std::min<std::size_t>(fit, max_slots);
    if (limit != 0) slots = std::min<std::size_t>(slots, limit);
    if (slots < min_slots)
        throw error(errc::bad_argument, "a list of " + std::to_string(slots) + " elements in " +
                                            std::to_string(memory.size) + " bytes: it takes at least " +
                                            std::to_string(min_slots) + " and a link");
    slots_ = static_cast<std::uint32_t>(slots);
}

void list_ring::publish_combined(std::byte* at, std::uint32_t value) const noexcept
{
    combined_write_barrier();
    word<std::uint32_t>(at).store(value, std::memory_order_release);
    combined_write_barrier(); // or it waits for company: an engine that runs gets no doorbell
}

void list_ring::lay(std::uint32_t slot, std::uint32_t cycle) const noexcept
{
    for (std::uint32_t s = 0; s < slots_; ++s) {
        const std::uint32_t next_use = s >= slot ? cycle : cycle ^ 1u;
        amend(s, next_use ^ 1u);
    }
    std::byte* const link = element(slots_);
    word<std::uint32_t>(link + offsetof(link_element, reserved)).store(0, std::memory_order_relaxed);
    word<std::uint64_t>(link + offsetof(link_element, llp_low)).store(engine_, std::memory_order_relaxed);
    prepare_link(cycle ^ 1u);
}

} // namespace cf::edma
