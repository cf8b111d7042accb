// SPDX-License-Identifier: MIT
//
// register_space: the seam between the user-space driver and whatever answers its loads and
// stores. Silicon gives a mapped BAR (mapped_registers.hpp: the fast path, no virtual call); the
// model in this process overrides two functions. The driver never learns which it has.
#pragma once

#include "edma/barrier.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace cf::edma {

/// The 32-bit registers of one engine and its interrupt.
///
/// Thread rule: one thread drives a register space. An implementation may raise the interrupt
/// from any thread.
///
/// Memory order: a store publishes everything the caller wrote before it (list elements, data)
/// to the engine; a load makes everything the engine wrote before the value it returns visible
/// to the caller. On a mapped BAR the barriers below and the bus's ordering rules give that; an
/// override gives it with its own synchronisation.
class register_space {
public:
    register_space(const register_space&) = delete;
    register_space& operator=(const register_space&) = delete;
    virtual ~register_space() = default;

    /// The register at byte `offset` from the engine's base. All ones when the link is down.
    std::uint32_t load(std::uint32_t offset)
    {
        if (!mapped_) return load_slow(offset);
        const std::uint32_t value = mapped_[offset / 4];
        dma_read_barrier();
        return value;
    }

    /// Stores `value` at byte `offset` from the engine's base.
    void store(std::uint32_t offset, std::uint32_t value)
    {
        if (!mapped_) return store_slow(offset, value);
        dma_write_barrier();
        mapped_[offset / 4] = value;
    }

    /// Returns when what was stored to the device's memory around `word`, another BAR, has arrived
    /// there, so that a register stored to next cannot overtake it.
    void read_back(const std::byte* word)
    {
        read_back_slow(word);
        dma_read_barrier();
    }

    /// An eventfd that counts the engine's interrupts, or -1 when it has none. Owned here.
    virtual int interrupt_fd() const noexcept = 0;

    /// Of hardware in virtual time, which has no eventfd: has `notify(context)` called on the program's
    /// thread for each interrupt, from now on; null ends that.
    virtual void on_interrupt(void (*notify)(void*) noexcept, void* context) noexcept
    {
        static_cast<void>(notify), static_cast<void>(context);
    }

    /// Whether the link is up. The registers of an engine beside the program answer without one,
    /// so this is asked when a transfer has failed; whoever cannot tell says true.
    virtual bool link_is_up() { return true; }

protected:
    /// `mapped` is the engine's base in a mapped BAR, or null when the two functions below are
    /// overridden.
    explicit register_space(volatile std::uint32_t* mapped = nullptr) noexcept : mapped_(mapped) {}
    /// The engine's registers within a larger space, from byte `offset` on.
    register_space(const register_space& whole, std::uint32_t offset) noexcept
        : mapped_(whole.mapped_ ? whole.mapped_ + offset / 4 : nullptr)
    {
    }

private:
    virtual std::uint32_t load_slow(std::uint32_t offset) = 0;
    virtual void store_slow(std::uint32_t offset, std::uint32_t value) = 0;
    virtual void read_back_slow(const std::byte* word)
    {
        static_cast<void>(*reinterpret_cast<const volatile std::uint32_t*>(word));
    }

    volatile std::uint32_t* mapped_;
};

} // namespace cf::edma
