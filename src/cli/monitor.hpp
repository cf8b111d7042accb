// SPDX-License-Identifier: MIT
//
// monitor: fills in a run_record while transfers complete, takes a sample of both directions
// now and then, and shows the live line.
#pragma once

#include "cli/live_line.hpp"
#include "cli/options.hpp"
#include "cli/run_record.hpp"
#include <counterflow/device.hpp>
#include <counterflow/runtime.hpp>
#include <counterflow/task.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <utility>

namespace cf::cli {

/// Of one run on one device, on the runtime's thread.
class monitor final : private transfer_observer {
public:
    /// Describes the device in `run`, which outlives the monitor. With --trace every list element is
    /// recorded from now on.
    monitor(run_record& run, device& dev, const common_options& options);
    monitor(const monitor&) = delete;
    monitor& operator=(const monitor&) = delete;
    ~monitor();

    /// The measured time begins: forgets what was counted before. `runs` says which transfers take part.
    void start(bool writes, bool reads);

    /// The runtime's clock.
    std::uint64_t now() const noexcept { return dev_.loop().now(); }

    /// A transfer of `bytes` that was awaited from `start_ns` to `end_ns` has ended well.
    void count(transfer_kind kind, std::uint64_t bytes, std::uint64_t start_ns, std::uint64_t end_ns) noexcept
    {
        slot& s = slots_[static_cast<std::size_t>(kind)];
        if (!s.record) return; // before start()
        if (s.record->transfers++ == 0) s.first_ns = start_ns;
        s.last_ns = end_ns;
        s.record->bytes += bytes;
        s.record->latency.record(end_ns - start_ns);
    }

    /// Payload counted so far, both directions together.
    std::uint64_t bytes() const noexcept;

    /// Said in the live line from now on.
    void note(std::string text) { note_ = std::move(text); }

    /// Takes a sample. `done` is the share of the work that is done, negative when nobody knows.
    void sample(double done);

    /// Samples for ever, until stopped: a companion for work that ends by itself. The work is
    /// done when `bytes_to_move` were counted.
    task<> watch(std::uint64_t bytes_to_move);

    /// Before something else is printed: takes the live line away until the next sample.
    void clear_line() noexcept { live_.finish(); }

    /// How long a direction's own time is.
    enum class span : std::uint8_t {
        whole_run,     ///< the measured time
        first_to_last, ///< from the start of its first transfer to the end of its last
    };
    /// The measured time ends.
    void finish(span directions_last);

private:
    struct slot {
        direction_record* record = nullptr; ///< null while not measuring
        std::uint64_t first_ns = 0;
        std::uint64_t last_ns = 0;
        std::uint64_t sampled_bytes = 0;
    };

    void on_segment(const segment_event& event) noexcept override;
    direction direction_of_slot(std::size_t kind) const noexcept
    {
        return direction_of(static_cast<transfer_kind>(kind), run_.near);
    }

    double program_seconds() const;

    run_record& run_;
    device& dev_;
    live_line live_;
    std::array<slot, 2> slots_; ///< by transfer_kind
    std::uint64_t start_ns_ = 0;
    std::uint64_t sampled_ns_ = 0;
    std::string note_;
    std::array<double, 2> shown_rate_{}; ///< by direction, smoothed for the eye
    double cpu_start_ = 0;
    double wall_start_ = 0;
    double process_cpu_start_ = 0;
    bool traced_;
};

/// Time between samples.
inline constexpr std::chrono::milliseconds sample_period{20};

} // namespace cf::cli
