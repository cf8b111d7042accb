// SPDX-License-Identifier: MIT
//
// session: one open /dev/counterflowN with what belongs to it: what the device is, registered memory, leases,
// the mapped submission slots and completion ring. For the device façade, which registers memory and leases
// channels here, and for shim::engine, which moves data.
#pragma once

#include <counterflow/spec.hpp>
#include <counterflow/uapi.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace cf::shim {

/// Transfers that may be outstanding in each direction, leases included.
inline constexpr std::uint32_t operations_each = 512;

/// Near memory as segments name it: a buffer's handle and an offset in it. With kernel_way::rw it is the
/// memory's own address.
inline constexpr unsigned near_handle_shift = 44;

class session {
public:
    /// Opens `path` and sets up what `wanted`, or the way chosen for the device, needs. Throws cf::error:
    /// no_such_device, not_supported, memlock_exceeded, no_memory, device_gone, or the system's own.
    session(const std::string& path, std::optional<kernel_way> wanted);
    session(const session&) = delete;
    session& operator=(const session&) = delete;
    /// Ends everything that is the session's. Memory that hardware may still touch stays pinned in the
    /// kernel until it may not.
    ~session();

    int fd() const noexcept { return fd_; }
    const std::string& path() const noexcept { return path_; }
    const cf_info& info() const noexcept { return info_; }
    std::span<const cf_window_info> windows() const noexcept { return windows_; }
    kernel_way way() const noexcept { return way_; }

    /// Pins and maps the caller's whole pages, which transfers may name from then on, and returns the near
    /// address of the first byte. Throws cf::error: memlock_exceeded, with what is needed and what is
    /// allowed; no_memory, device_gone.
    std::uint64_t add(std::byte* memory, std::size_t size);
    /// No transfer can name it any more. Its pages stay pinned until the hardware is proven past them.
    void remove(std::uint64_t address, std::size_t size) noexcept;

    /// A channel for this session alone; returns the lease's handle. Throws cf::error: busy, device_gone.
    std::uint32_t lease(std::uint16_t direction, unsigned channel);
    void end_lease(std::uint32_t handle) noexcept;

    /// Asks the transfers of this tag to end; returns how many there were.
    unsigned cancel(std::uint64_t tag) noexcept;
    unsigned cancel_all() noexcept;

    cf_transfer* slots() const noexcept { return slots_; }
    cf_ring* ring() const noexcept { return ring_; }
    const cf_completion* completions() const noexcept
    {
        return reinterpret_cast<const cf_completion*>(reinterpret_cast<const std::byte*>(ring_) +
                                                      CF_RING_HEADER_BYTES);
    }
    /// Readable when there is something in the ring. -1 for the other ways.
    int event() const noexcept { return event_; }

private:
    struct added {
        std::uint64_t address;
        std::size_t size;
        std::uint32_t handle;
    };

    void ask();
    void set_up();
    void* map(std::uint64_t offset, std::uint64_t bytes);
    unsigned cancel(const cf_cancel& what) noexcept;
    void release() noexcept;
    [[noreturn]] void fail(int number, const std::string& doing) const;

    std::string path_;
    int fd_ = -1;
    int event_ = -1;
    cf_info info_{};
    std::vector<cf_window_info> windows_;
    kernel_way way_{};
    std::vector<added> buffers_;
    cf_transfer* slots_ = nullptr;
    cf_ring* ring_ = nullptr;
    std::vector<std::span<std::byte>> mapped_;
};

} // namespace cf::shim
