// SPDX-License-Identifier: MIT
//
// register_space: the seam between the user-space driver and whatever answers its loads and
// stores. Silicon gives a mapped BAR (the fast path, no virtual call); the model in this
// process overrides the two functions. The driver never learns which it has.
#pragma once

#include <atomic>
#include <cstdint>

namespace cf::edma {

/// The 32-bit registers of one engine and its interrupt.
///
/// Thread rule: one thread drives a register space. An implementation may raise the interrupt
/// from any thread.
///
/// Memory order: a store publishes everything the caller wrote before it (list elements, data)
/// to the engine; a load makes everything the engine wrote before the value it returns visible
/// to the caller. On a mapped BAR the fences below and the bus's ordering rules give that; an
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
        std::atomic_thread_fence(std::memory_order_acquire);
        return value;
    }

    /// Stores `value` at byte `offset` from the engine's base.
    void store(std::uint32_t offset, std::uint32_t value)
    {
        if (!mapped_) return store_slow(offset, value);
        std::atomic_thread_fence(std::memory_order_release);
        mapped_[offset / 4] = value;
    }

    /// An eventfd that counts the engine's interrupts, or -1 when it has none. Owned here.
    virtual int interrupt_fd() const noexcept = 0;

protected:
    /// `mapped` is the engine's base in a mapped BAR, or null when the two functions below are
    /// overridden.
    explicit register_space(volatile std::uint32_t* mapped = nullptr) noexcept : mapped_(mapped) {}

private:
    virtual std::uint32_t load_slow(std::uint32_t offset) = 0;
    virtual void store_slow(std::uint32_t offset, std::uint32_t value) = 0;

    volatile std::uint32_t* mapped_;
};

} // namespace cf::edma
