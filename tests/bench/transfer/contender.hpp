// SPDX-License-Identifier: MIT
//
// The ways of doing the same job that the transfer benchmark sets beside each other: `count`
// writes of `block_bytes` over one device on the null link, with `outstanding` of them under way.
#pragma once

#include <counterflow/spec.hpp>

#include <cstddef>
#include <cstdint>

namespace bench {

inline constexpr std::size_t block_bytes = 4096;
/// Transfers take turns over this much memory, so that the number of tasks does not change
/// what the caches see of the data.
inline constexpr std::size_t blocks = 64;

struct job {
    cf::model_spec device;
    std::uint64_t count;
    unsigned outstanding;
};

struct measurement {
    std::uint64_t completed = 0;   ///< completions seen, by counting each
    std::uint64_t allocations = 0; ///< calls of operator new while the job ran
    double seconds = 0;
};

/// Written by hand in the manner of C: a loop on the driver's own calls.
measurement by_hand(const job& j);
/// A task an outstanding transfer, each awaiting one transfer after the other.
measurement awaited(const job& j);
/// A thread an outstanding transfer, each blocking on a condition variable.
measurement in_threads(const job& j);
/// Boost.Asio coroutines; its loop reads the engine's eventfd and calls the driver.
measurement on_asio(const job& j);
/// Boost.Asio coroutines that await cf::asio::device.
measurement through_asio(const job& j);
/// The same device with callbacks, each of which starts the next transfer.
measurement asio_callbacks(const job& j);

/// Calls of operator new so far, in this process.
std::uint64_t allocations() noexcept;

} // namespace bench
