// SPDX-License-Identifier: MIT
//
// MSI and MSI-X of the endpoint: vectors that end in eventfds the client gave. There is no INTx.
#pragma once

#include "vfio_user/config_space.hpp"
#include "vfio_user/protocol.hpp"
#include <counterflow/file_descriptor.hpp>

#include <array>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

namespace cf::vfio_user {

/// Signals come from the thread that plays the hardware, everything else from the server's.
class interrupts {
public:
    explicit interrupts(unsigned msix_vectors) noexcept : counts_{0, msi_vectors, msix_vectors, 0, 0} {}

    /// Vectors of an interrupt kind; 0 = the function has none of it.
    unsigned count(std::uint32_t index) const noexcept { return index < irq_count ? counts_[index] : 0; }
    /// Does what the client asks, taking the descriptors it sent for it. An errno, or 0.
    int set(const request::set_irqs& what, std::span<file_descriptor> sent);
    /// MSI's registers have been written.
    void configure(const msi_state& msi);
    /// Nothing is connected, masked or pending any more.
    void reset();

    /// The vector that a message to this address stands for, or none. While the client has MSI-X
    /// enabled every address is vector 0: it keeps the table to itself.
    std::optional<unsigned> vector_of(std::uint64_t address, std::uint32_t data);
    /// Signals a vector. A masked one becomes pending, one that is not connected is lost.
    void raise(unsigned vector);

    std::uint32_t msi_pending();
    /// Signals that went out.
    std::uint64_t delivered();

private:
    struct entry {
        file_descriptor event;
        bool masked = false, pending = false;
    };
    using vectors = std::array<entry, msix_vectors_max>;

    int connect(vectors& of, const request::set_irqs& what, std::span<file_descriptor> sent);
    bool selects(const request::set_irqs& what, unsigned n) const noexcept;
    bool masked(const vectors& of, unsigned n) const noexcept;
    void deliver(entry& to);
    void let_pending_go();

    const std::array<unsigned, irq_count> counts_;
    std::mutex mutex_; // guards what follows
    vectors msi_, msix_;
    msi_state registers_;
    std::uint64_t delivered_ = 0;
};

} // namespace cf::vfio_user
