// SPDX-License-Identifier: MIT
//
// lane: what the scheduler hands segments to. It is a channel of the user-space driver, or one of the kernel
// module's; which of them costs a branch that is always taken alike, where a virtual call would cost a
// transfer several times as much.
#pragma once

#include "edma/engine.hpp"
#include "shim/engine.hpp"

#include <cstddef>
#include <cstdint>

namespace cf::detail {

class lane {
public:
    explicit lane(edma::channel& driven) noexcept : driven_(&driven) {}
    explicit lane(shim::channel& kernel) noexcept : kernel_(&kernel) {}

    /// Whether it takes another segment when it is to hold less than `ahead` bytes.
    bool has_room(std::uint64_t ahead) const noexcept
    {
        if (driven_) [[likely]]
            return driven_->space() > 0 && driven_->outstanding_bytes() < ahead;
        return kernel_->space() > 0 && kernel_->outstanding_bytes() < ahead;
    }
    /// Segments that were handed over and not yet reported, and their bytes.
    std::size_t outstanding() const noexcept
    {
        return driven_ ? driven_->outstanding() : kernel_->outstanding();
    }
    std::uint64_t outstanding_bytes() const noexcept
    {
        return driven_ ? driven_->outstanding_bytes() : kernel_->outstanding_bytes();
    }

    void push(std::uint64_t near, std::uint64_t far, std::uint32_t size, void* owner) noexcept
    {
        if (driven_) [[likely]]
            return driven_->push({near, far, size, owner});
        kernel_->push({near, far, size, owner});
    }
    /// The kernel module's channels are flushed all at once, by shim::engine::flush().
    void flush(std::uint64_t now_ns) noexcept
    {
        if (driven_) [[likely]]
            driven_->flush(now_ns);
    }
    /// Segments of an owner, `bytes` at most, are not wanted any more. The module's are canceled by their
    /// owner's name.
    void drop(std::uint64_t bytes) noexcept
    {
        if (driven_) driven_->drop(bytes);
    }

    /// For a lease: takes it from other programs. Throws cf::error: busy, device_gone.
    void take()
    {
        if (kernel_) kernel_->take();
    }
    void give_back() noexcept
    {
        if (kernel_) kernel_->give_back();
    }

private:
    edma::channel* driven_ = nullptr;
    shim::channel* kernel_ = nullptr;
};

} // namespace cf::detail
