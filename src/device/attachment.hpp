// SPDX-License-Identifier: MIT
//
// attachment: one opened piece of hardware, or its model, as the device façade sees it:
// engines to drive, near memory to map, far memory to reach, the link in between. Opening a
// spec yields one (src/device/open.cpp); everything above is the same for all of them.
#pragma once

#include "edma/port.hpp"
#include <counterflow/direction.hpp>
#include <counterflow/link.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace cf::shim {
class session;
}

namespace cf::detail {

/// A range of far memory that transfers may name.
struct far_window {
    std::string name;
    std::uint64_t size = 0;        ///< bytes
    std::uint64_t bus_address = 0; ///< as seen across the link: what a local engine uses
    std::uint64_t own_address = 0; ///< as the far end's own engine sees it: what a remote engine uses

    std::uint64_t address_for(engine_side side) const noexcept
    {
        return side == engine_side::local ? bus_address : own_address;
    }
};

class attachment {
public:
    attachment(const attachment&) = delete;
    attachment& operator=(const attachment&) = delete;
    /// As unmap(), for everything the engines still reach: near memory, lists, completion words.
    virtual ~attachment() = default;

    /// The end the program runs on.
    virtual port_end near() const noexcept = 0;
    /// The open file of the kernel module, when that drives the engines and engines() is empty; else null.
    virtual std::shared_ptr<shim::session> kernel() noexcept { return nullptr; }
    /// One engine, or two when the near and the far one are both driven (engine=both).
    virtual std::span<edma::port> engines() noexcept = 0;
    virtual std::span<const far_window> windows() const noexcept = 0;
    virtual link_parameters link() const noexcept = 0;

    /// What addresses and sizes of transfers must be multiples of, bytes; a power of two.
    virtual std::size_t alignment() const noexcept { return 1; }

    /// Whether map() pins pages itself, and counts them against RLIMIT_MEMLOCK: then nobody else has to.
    virtual bool pins() const noexcept { return false; }
    /// Makes [memory, memory + size), whole pages, reachable for every engine of this attachment and returns
    /// the address they use for its first byte. Throws cf::error.
    virtual std::uint64_t map(void* memory, std::size_t size) = 0;
    /// Ends a mapping made by map(). This is the barrier behind which memory is released: whatever an
    /// engine is doing, stopped or not, nothing of it lands in the memory once this has returned, and
    /// the address is not given out again while the device is open. An IOMMU gives that, and a model.
    /// An attachment that has neither keeps engine and memory apart by other means, a reset of the
    /// function for one, or keeps the memory for good.
    virtual void unmap(std::uint64_t address, std::size_t size) noexcept = 0;

    /// An eventfd that counts when the system wants the device back, to unbind its driver or because it was
    /// pulled out; or -1. Then let_go() is due.
    virtual int removal_fd() const noexcept { return -1; }
    /// Where there is no such descriptor, as in a simulation: calls `notify` on the runtime's thread instead.
    /// Null ends that.
    virtual void on_removal(void (*notify)(void* context) noexcept, void* context) noexcept
    {
        static_cast<void>(notify), static_cast<void>(context);
    }
    /// Gives the device back to the system. Its engines are stopped or cannot be asked; their registers may
    /// be accessed still and read as ones, nothing is mapped for them any more, and map() throws device_gone.
    virtual void let_go() noexcept {}

protected:
    attachment() = default;
};

} // namespace cf::detail
