// SPDX-License-Identifier: MIT
//
// The device as those drive it who do not use the façade: an engine of the driver on the model,
// with one registered block of memory.
#pragma once

#include "contender.hpp"
#include "edma/engine.hpp"
#include "model/in_process.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

namespace bench {

inline std::uint64_t now_ns() noexcept
{
    return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

class stopwatch {
public:
    explicit stopwatch(measurement& into) noexcept
        : into_(into), allocations_(allocations()), start_(now_ns())
    {
    }
    ~stopwatch()
    {
        into_.seconds = static_cast<double>(now_ns() - start_) * 1e-9;
        into_.allocations = allocations() - allocations_;
    }
    stopwatch(const stopwatch&) = delete;
    stopwatch& operator=(const stopwatch&) = delete;

private:
    measurement& into_;
    std::uint64_t allocations_;
    std::uint64_t start_;
};

class driver_rig {
public:
    explicit driver_rig(const cf::model_spec& spec)
        : attached_(cf::model::open_model(spec)),
          memory_(blocks * block_bytes),
          near_(attached_->map(memory_.data(), memory_.size())),
          far_(attached_->windows()[0].address_for(cf::engine_side::remote)),
          engine_(attached_->engines()[0], options(spec))
    {
    }
    ~driver_rig() { attached_->unmap(near_, memory_.size()); }
    driver_rig(const driver_rig&) = delete;
    driver_rig& operator=(const driver_rig&) = delete;

    cf::edma::engine& engine() noexcept { return engine_; }
    /// A remote engine's reads are the program's writes.
    unsigned channels() const noexcept { return engine_.channels(cf::channel_kind::rd); }
    cf::edma::channel& channel(unsigned i) noexcept { return engine_.at(cf::channel_kind::rd, i); }
    int interrupt_fd() const noexcept { return attached_->engines()[0].registers->interrupt_fd(); }

    cf::edma::segment segment(std::uint64_t number, void* owner) const noexcept
    {
        const std::uint64_t offset = number % blocks * block_bytes;
        return {near_ + offset, far_ + offset, block_bytes, owner};
    }

private:
    static cf::edma::engine_options options(const cf::model_spec& spec)
    {
        cf::edma::engine_options o;
        o.wake = spec.wake;
        o.moderation_bytes = 1024 * 1024; // as the façade chooses on the null link
        return o;
    }

    std::unique_ptr<cf::model::in_process> attached_;
    std::vector<std::byte> memory_;
    std::uint64_t near_;
    std::uint64_t far_;
    cf::edma::engine engine_;
};

} // namespace bench
