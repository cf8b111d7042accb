// SPDX-License-Identifier: MIT
//
// What can be made to go wrong in a machine. Everything counts, nothing rolls dice: a campaign
// that wants chance draws it outside and sets these. Belongs to the machine; who shares a machine
// between threads holds its lock.
#pragma once

#include "model/link.hpp"
#include <counterflow/direction.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace cf::model {

/// Why a channel aborts.
enum class abort_cause : std::uint8_t {
    unsupported_request,
    completer_abort,
    completion_timeout,
    poisoned,
    local_bus_error,
    list_fetch_error,
    stopped, ///< by a stop doorbell: no error bit
    unnamed, ///< by something the engine has no error bit for
};

/// The channel a fault is meant for; what is not named matches any.
struct fault_target {
    std::optional<unsigned> engine{};
    std::optional<channel_kind> kind{};
    std::optional<unsigned> channel{};

    bool matches(unsigned on_engine, channel_kind of, unsigned index) const noexcept
    {
        return (!engine || *engine == on_engine) && (!kind || *kind == of) && (!channel || *channel == index);
    }
};

/// Aborts an element that the target's walker takes up.
struct abort_fault {
    fault_target at{};
    abort_cause cause = abort_cause::unsupported_request;
    std::uint64_t element = 1;     ///< the n-th matching element from now, 1 = the next
    std::uint64_t address = 0;     ///< only elements that touch [address, address + size) with their
    std::uint64_t size = 0;        ///< source or destination; size 0 = anywhere
    std::uint64_t after_bytes = 0; ///< bytes that are moved first
    std::uint64_t times = 1;       ///< elements in a row that abort; 0 = every one from there
};

/// What happens to signals: interrupts, or IMWr messages.
struct signal_fault {
    std::optional<unsigned> engine{};
    enum class effect : std::uint8_t { lose, repeat, delay } what = effect::lose;
    std::uint64_t nth = 1;   ///< every n-th signal from now
    std::uint64_t times = 1; ///< how many signals; 0 = no end
    unsigned copies = 2;     ///< repeat: how often it arrives
    nanoseconds delay = 0;   ///< delay: how much later; repeat: from one copy to the next
};

/// Makes a channel hang at its next element: it reads as running, moves nothing and ignores stop.
struct hang_fault {
    fault_target at{};
    bool survives_reset = false; ///< also an engine disable never finishes while it hangs
};

class faults {
public:
    // Set.
    void add(const abort_fault& fault) { aborts_.push_back({fault}); }
    void interrupts(const signal_fault& fault) { interrupts_.push_back({fault}); }
    void messages(const signal_fault& fault) { messages_.push_back({fault}); }
    void hang(const hang_fault& fault) { hangs_.push_back(fault); }
    /// Doorbells of the target take effect `lag` late: until then the channel reads as running and
    /// has looked at nothing.
    void late_start(const fault_target& at, nanoseconds lag) { late_starts_.push_back({at, lag}); }
    /// The target's channels read as running for `lag` after their walker has met the end of the
    /// list: doorbells rung meanwhile are lost, as on hardware that has fetched a stale element.
    void late_stop(const fault_target& at, nanoseconds lag) { late_stops_.push_back({at, lag}); }
    /// Position, status and interrupt of an element show `lag` after its data has moved.
    void late_completion(const fault_target& at, nanoseconds lag) { late_completions_.push_back({at, lag}); }
    /// Ends all of the above. Channels that hang already stay so until their engine is reset.
    void clear() noexcept;

    // Asked by the engines.
    struct planned_abort {
        abort_cause cause;
        std::uint64_t after_bytes;
    };
    std::optional<planned_abort> plan(unsigned engine, channel_kind kind, unsigned channel,
                                      std::uint64_t source, std::uint64_t destination,
                                      std::uint64_t size) noexcept;
    /// How a signal arrives: `copies` times (0 = never), the first `delay` late, `apart` from each other.
    struct delivery {
        unsigned copies = 1;
        nanoseconds delay = 0;
        nanoseconds apart = 0;
    };
    delivery deliver_interrupt(unsigned engine) noexcept { return deliver(interrupts_, engine); }
    delivery deliver_message(unsigned engine) noexcept { return deliver(messages_, engine); }
    std::optional<hang_fault> hangs(unsigned engine, channel_kind kind, unsigned channel) const noexcept;
    nanoseconds start_lag(unsigned engine, channel_kind kind, unsigned channel) const noexcept;
    nanoseconds stop_lag(unsigned engine, channel_kind kind, unsigned channel) const noexcept;
    nanoseconds completion_lag(unsigned engine, channel_kind kind, unsigned channel) const noexcept;

    /// How many faults have struck, by what they did.
    struct tally {
        std::uint64_t aborts = 0, lost = 0, repeated = 0, delayed = 0;
    };
    const tally& struck() const noexcept { return struck_; }

private:
    struct counted_abort {
        abort_fault fault;
        std::uint64_t seen = 0;
    };
    struct counted_signal {
        signal_fault fault;
        std::uint64_t seen = 0, struck = 0;
    };
    struct delayed {
        fault_target at{};
        nanoseconds time;
    };

    delivery deliver(std::vector<counted_signal>& rules, unsigned engine) noexcept;

    std::vector<counted_abort> aborts_;
    std::vector<counted_signal> interrupts_, messages_;
    std::vector<hang_fault> hangs_;
    std::vector<delayed> late_starts_, late_stops_, late_completions_;
    tally struck_;
};

} // namespace cf::model
