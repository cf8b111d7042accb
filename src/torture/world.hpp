// SPDX-License-Identifier: MIT
//
// world: two transfers on a small simulated device, and everything that can happen to them, one act at a
// time. For the explorer, which decides what happens next; the driver and the scheduler are the real ones.
//
// Nothing happens by itself here. Hardware goes on when the act is `engine`, to the next thing that makes a
// difference to a program; the program's loop takes a turn when the act is `turn`. All other acts are what a
// program or its system does in between, so each order of hardware and software is one path.
#pragma once

#include "model/simulated.hpp"
#include "torture/act.hpp"
#include <counterflow/counterflow.hpp>
#include <counterflow/detail/timer.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace cf::torture {

/// What there is to explore.
struct world_plan {
    std::string_view name;
    std::string_view channels;          ///< and other keys of the device's spec
    std::array<transfer_kind, 2> moves; ///< a and b
    unsigned at_once;                   ///< transfers that a channel's list has room for

    std::string device() const; ///< its spec
};
std::span<const world_plan> worlds() noexcept;
/// Throws cf::error (bad_argument) with the name and what there is.
const world_plan& world_named(std::string_view name);

/// How a path ended. Plain data, so that it goes to another process as it is.
struct ending {
    static constexpr std::uint8_t never_awaited = 255, never_resumed = 254;
    std::array<std::uint8_t, 2> outcomes{never_awaited, never_awaited}; ///< of a and b: errc, 0 = done
    std::array<char, 160> trouble{};                                    ///< the first; empty: all is well

    bool good() const noexcept { return trouble[0] == '\0'; }
};

class world {
public:
    /// Chooses among the acts that are possible, never none; or ends the path: then what is under way runs to
    /// its end.
    using chooser = std::function<std::optional<act>(std::span<const act> possible)>;

    /// `hung` is called with what was found when an await does not end, and must not return.
    world(const world_plan& plan, chooser next, std::function<void(const ending&)> hung);
    world(const world&) = delete;
    world& operator=(const world&) = delete;
    ~world();

    /// Follows the path. Once.
    ending run();

private:
    // What is moved, with a guard before and behind it, at both ends.
    static constexpr std::size_t guard = 1024;
    static constexpr std::size_t moved = 8192; ///< two turns of a hardware channel
    static constexpr std::size_t stride = guard + moved + guard;

    /// One of the two transfers.
    struct move {
        transfer_kind kind;
        std::chrono::nanoseconds deadline;
        std::stop_source asked{};
        std::uint64_t due = 0; ///< ns, of its deadline
        bool awaited = false;
        bool accepted = false; ///< nothing was known before it started that would have ended it
        unsigned resumed = 0;
        std::error_code code{};

        bool in_flight() const noexcept { return awaited && resumed == 0; }
    };
    /// What a byte of memory may be.
    enum class content : std::uint8_t { fresh, stale, either, used_again };
    /// How far hardware has come, as far as it makes a difference to a program.
    struct progress {
        std::uint64_t elements, aborts;
        bool interrupts;
        std::array<bool, 2> begun;
        bool operator==(const progress&) const = default;
    };
    struct memory_deleter {
        void operator()(std::byte* memory) const noexcept { ::operator delete[](memory, page); }
    };
    static constexpr std::align_val_t page{4096}; // packets do not cross pages

    // A path.
    task<> live();
    void open();
    void close();
    std::span<const act> possible();
    bool is_possible(act a) const noexcept;
    task<> perform(act a);
    task<> carry(unsigned which);
    progress hardware_progress() const noexcept;
    void let_engine_go_on();
    void let_pass(std::uint64_t due) noexcept;
    bool any_in_flight() const noexcept { return moves_[0].in_flight() || moves_[1].in_flight(); }
    bool has_done(act a) const noexcept { return done_[static_cast<std::size_t>(a)]; }

    // The judge: judge.cpp.
    void lay_memory();
    void resumed(unsigned which, std::error_code code);
    bool legal(const move& m) const noexcept;
    void judge_rest();
    void judge_books();
    void judge_pins();
    bool has_begun(unsigned which) const noexcept;
    void judge(unsigned which, bool near, content expected, std::string_view what);
    void blame(unsigned which, std::string_view what) noexcept;

    std::span<std::byte> near_of(unsigned which) const noexcept
    {
        return {near_.get() + which * stride, stride};
    }
    std::span<std::byte> far_of(unsigned which) const noexcept
    {
        return hardware_->far_memory().subspan(which * stride, stride);
    }
    bool is_source(unsigned which, bool near) const noexcept
    {
        return (moves_[which].kind == transfer_kind::write) == near;
    }

    const world_plan& plan_;
    chooser next_;
    std::function<void(const ending&)> hung_;
    device_spec spec_;
    runtime loop_;
    detail::virtual_clock& clock_;
    std::unique_ptr<std::byte[], memory_deleter> near_;
    std::array<move, 2> moves_;
    model::simulated* hardware_ = nullptr; ///< owned by dev_
    std::optional<device> dev_;
    std::vector<buffer> buffers_;
    scope* both_ = nullptr;
    std::array<bool, act_count> done_{};
    unsigned turns_in_a_row_ = 0;
    bool abort_waits_ = false; ///< for the engine to go on
    std::vector<act> possible_;
    ending end_;

    struct patience : detail::timer {
        world* owner = nullptr;
    } patience_;
};

} // namespace cf::torture
