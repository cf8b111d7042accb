// SPDX-License-Identifier: MIT
//
// The endpoint: the modelled engine as a PCI function, 16c3:edda. The model's third attachment, beside
// in_process and stepped; what a vfio-user client asks of a device ends here, and nothing in here knows of
// sockets.
#pragma once

#include "model/paced_machine.hpp"
#include "vfio_user/config_space.hpp"
#include "vfio_user/guest_memory.hpp"
#include "vfio_user/interrupts.hpp"
#include <counterflow/file_descriptor.hpp>
#include <counterflow/spec.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

namespace cf::vfio_user {

struct endpoint_options {
    unsigned msix = 0; ///< MSI-X vectors, up to msix_vectors_max; 0 = MSI only
    bool vendor_capability = false;
};

/// What has been asked of an endpoint since it was made.
struct endpoint_statistics {
    std::uint64_t loads = 0, stores = 0; ///< of registers
    std::uint64_t interrupts = 0;        ///< signals to the client
    model::activity engine;
};

/// Used by one thread; the hardware's own thread is inside.
class endpoint final : private model::signal_listener {
public:
    /// Throws cf::error when the spec is none of a remote engine at an endpoint, or memory cannot be had.
    endpoint(const model_spec& spec, const endpoint_options& options);
    ~endpoint();

    struct region {
        std::uint64_t size = 0; ///< 0 = there is none
        std::uint32_t flags = 0;
        int file = -1; ///< to be mapped, if any; stays the endpoint's
    };
    region region_at(std::uint32_t index) const noexcept;
    /// [offset, offset + size of the span) must lie inside that region. An errno, or 0. A dead link reads
    /// all ones, and nothing is written across it.
    int read(std::uint32_t index, std::uint64_t offset, std::span<std::byte> out);
    int write(std::uint32_t index, std::uint64_t offset, std::span<const std::byte> in);

    interrupts& irqs() noexcept { return interrupts_; }
    guest_memory& client_memory() noexcept { return client_memory_; }

    /// As after power-on, but for where the BARs are, for BAR2's contents and for faults.
    void reset();
    /// The client has gone: reset, and nothing of its memory and eventfds is kept.
    void forget_client();

    /// Calls `use(machine&, now)` while the hardware stands still.
    template <class Use>
    void with_machine(Use&& use)
    {
        hardware_.with(std::forward<Use>(use));
    }
    endpoint_statistics statistics();

    /// The server vanishes, without answering, at the n-th doorbell from now (0: at once). See doomed().
    void vanish_at_doorbell(std::uint64_t nth) noexcept { doorbells_left_ = nth; }
    bool doomed() const noexcept { return doorbells_left_ == 0; }

private:
    std::optional<unsigned> line_of(port_end end, std::uint64_t address,
                                    std::uint32_t data) noexcept override;
    void raise(unsigned line, std::uint64_t count) noexcept override;

    bool link_up();
    int read_registers(std::uint64_t offset, std::span<std::byte> out);
    int write_registers(std::uint64_t offset, std::span<const std::byte> in);
    void write_config(std::size_t offset, std::span<const std::byte> in);
    void apply_config();
    void place_bar2();

    model::paced_machine hardware_;
    config_space config_;
    interrupts interrupts_;
    guest_memory client_memory_;
    file_descriptor bar2_file_;
    std::span<std::byte> bar2_;
    std::optional<std::uint64_t> bar2_at_; ///< where the engine finds it, as long as it decodes
    std::array<std::byte, bar4_size> bar4_{};
    bool has_msix_;
    std::uint64_t loads_ = 0, stores_ = 0;
    std::optional<std::uint64_t> doorbells_left_; ///< until it vanishes
};

} // namespace cf::vfio_user
