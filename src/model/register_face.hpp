// SPDX-License-Identifier: MIT
//
// The seam between an engine and the registers a driver sees. eDMA v0 is one face; HDMA native
// would be another in front of the same engine: engine_config says which is made. What HDMA enables by
// channel a face does itself, by not passing doorbells on.
#pragma once

#include "model/engine.hpp"

#include <cstdint>

namespace cf::model {

class register_face : public engine_listener {
public:
    register_face(const register_face&) = delete;
    register_face& operator=(const register_face&) = delete;
    virtual ~register_face() = default;

    virtual std::uint32_t load(std::uint32_t offset) const noexcept = 0;
    virtual void store(std::uint32_t offset, std::uint32_t value, picoseconds now) = 0;
    /// A store there may start a channel that has nothing to do: to be late with it costs throughput.
    virtual bool starts_work(std::uint32_t offset) const noexcept = 0;
    /// Back to the values after power-on.
    virtual void reset() noexcept = 0;

protected:
    register_face() = default;
};

} // namespace cf::model
