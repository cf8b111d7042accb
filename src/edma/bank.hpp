// SPDX-License-Identifier: MIT
//
// What the channels of one kind share: the registers of their direction, which of them have
// work, and how far a stop or restart of the whole direction has come. Used by channel and
// engine only.
#pragma once

#include "edma/options.hpp"
#include "edma/register_space.hpp"
#include "edma/registers.hpp"

#include <algorithm>
#include <cstdint>

namespace cf::edma {

/// How segments are reported from code that is not a template. Two words, never owns.
class outcome_sink {
public:
    template <class Sink>
    explicit outcome_sink(Sink& sink) noexcept
        : context_(&sink), call_([](void* context, void* owner, outcome result) {
              (*static_cast<Sink*>(context))(owner, result);
          })
    {
    }
    void operator()(void* owner, outcome result) const { call_(context_, owner, result); }

private:
    void* context_;
    void (*call_)(void*, void*, outcome);
};

/// Where a direction of the engine stands.
enum class bank_phase : std::uint8_t {
    up,       ///< channels run
    stopping, ///< disabled; waiting until the engine reads as disabled
    stopped,  ///< disabled on request; proven
    down,     ///< nobody answers
    gone      ///< could not be proven stopped
};

/// One direction of one engine.
struct bank {
    register_space& registers;
    const engine_options& options;
    engine_statistics& statistics;
    const reg::bank& at;
    channel_kind kind;

    std::uint32_t present = 0;       ///< channels there are
    std::uint32_t active = 0;        ///< channels that were handed work that is not reported yet
    std::uint32_t register_mode = 0; ///< channels without a list
    nanoseconds soonest = never;     ///< no active channel is due before this; may be too early
    /// When engine::settle() has something to do: a channel to stop, segments to refuse or to
    /// sweep, a phase other than up. 0 = at once.
    nanoseconds settle_at = never;
    std::uint64_t reported = 0; ///< segments, with any outcome

    bank_phase phase = bank_phase::stopped;
    bool stop_requested = false;    ///< once proven stopped, stay so
    nanoseconds give_up_at = never; ///< phase stopping: unproven by then means gone

    std::uint32_t load(std::uint32_t offset) noexcept
    {
        ++statistics.loads;
        return registers.load(offset);
    }
    void store(std::uint32_t offset, std::uint32_t value) noexcept
    {
        ++statistics.stores;
        registers.store(offset, value);
    }
    void due(nanoseconds when) noexcept { soonest = std::min(soonest, when); }
};

} // namespace cf::edma
