// SPDX-License-Identifier: MIT
//
// What a device counts, and the events it can report to an observer.
#pragma once

#include <counterflow/direction.hpp>
#include <counterflow/error.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace cf {

/// Counters of one kind of transfer since the device was opened.
struct transfer_statistics {
    std::uint64_t started = 0;   ///< accepted transfers
    std::uint64_t completed = 0; ///< ended without error
    std::uint64_t failed = 0;    ///< ended with an error other than the next two
    std::uint64_t canceled = 0;  ///< ended because a stop was requested
    std::uint64_t timed_out = 0; ///< ended because a deadline passed
    std::uint64_t bytes = 0;     ///< payload of the completed ones
    std::uint64_t queued = 0;    ///< now waiting for room in the engine, in whole or in part
};

/// Counters of one hardware channel since the device was opened.
struct channel_statistics {
    std::string name; ///< "remote WR0"
    transfer_kind serves = transfer_kind::write;
    std::uint64_t segments = 0;  ///< list elements completed
    std::uint64_t bytes = 0;     ///< their payload
    std::uint64_t doorbells = 0; ///< times the channel had stopped and was started
    std::uint64_t aborts = 0;
    std::uint64_t recoveries = 0; ///< restarts after an abort or a hang
};

/// Counters of a whole device.
struct device_statistics {
    transfer_statistics write;
    transfer_statistics read;
    std::vector<channel_statistics> channels;
    std::uint64_t interrupts = 0;
    std::uint64_t spurious_interrupts = 0; ///< came and nothing had happened
    std::uint64_t lost_interrupts = 0;     ///< work found done by the watchdog
    std::uint64_t register_loads = 0;
    std::uint64_t register_stores = 0;
};

/// One list element's life, for traces. Times are the runtime's clock, in nanoseconds.
struct segment_event {
    transfer_kind kind = transfer_kind::write;
    unsigned channel = 0; ///< index into device_info::channels
    std::uint64_t bytes = 0;
    std::uint64_t queued_ns = 0; ///< handed to the engine
    std::uint64_t done_ns = 0;   ///< known to be done
    std::error_code error;
};

/// Receives events while set with device::observe(). Called on the runtime's thread, from
/// inside the completion path: it must be quick, must not start transfers and must not throw.
class transfer_observer {
public:
    virtual void on_segment(const segment_event& event) noexcept = 0;

protected:
    ~transfer_observer() = default;
};

} // namespace cf
