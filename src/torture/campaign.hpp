// SPDX-License-Identifier: MIT
//
// campaign: runs a plan. Tasks move data through a device in virtual time while what the plan says goes
// wrong, and three judges watch: a shadow of all memory, a ledger in which each await must appear once, and a
// clock that sees tasks stand still.
#pragma once

#include "torture/plan.hpp"
#include "torture/shadow.hpp"
#include "torture/tally.hpp"

#include "model/simulated.hpp"
#include <counterflow/counterflow.hpp>
#include <counterflow/detail/timer.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <vector>

namespace cf::torture {

class campaign {
public:
    /// `hung` is called with what was found when tasks stand still, and must not return: they cannot be
    /// ended.
    campaign(const plan& p, std::function<void(const tally&)> hung);
    campaign(const campaign&) = delete;
    campaign& operator=(const campaign&) = delete;
    ~campaign();

    tally run();

private:
    struct page_deleter {
        void operator()(std::byte* memory) const noexcept { ::operator delete[](memory, page); }
    };
    static constexpr std::align_val_t page{
        4096}; // packets do not cross pages: offsets must not depend on the heap

    /// A task and the memory it has to itself.
    struct worker {
        shadow far, in, out;
        std::uint64_t resumed = 0, seen = 0; ///< transfers; as of the last look for progress
        bool working = false;

        // A near engine's write is done when it has left: what it replaced, while the link might still lose
        // it.
        shadow replaced{0};
        std::size_t replaced_at = 0; ///< offset
        std::uint64_t left_at = 0;
    };

    /// One transfer on its way, and what is special about it.
    struct move {
        std::uint64_t number;
        std::uint64_t began; ///< ns
        worker& by;
        unsigned index; ///< of the worker
        transfer_kind kind;
        std::size_t size = 0, near = 0, far = 0; ///< offsets in the worker's share
        transfer_options options{};
        std::optional<event> special{};

        bool is(fault f) const noexcept { return special && special->what == f; }
        /// Stopped before it starts: the device never hears of it.
        bool stillborn() const noexcept { return is(fault::cancel) && special->a % 4 == 2; }
    };

    // A device's life.
    void open();
    void close();
    task<> epoch();
    void check_rest();
    void check_books();

    // A task's life.
    task<> work(unsigned index);
    move choose(unsigned index, std::uint64_t number);
    task<> perform(move m);
    task<std::error_code> awaited(const move& m);
    task<std::error_code> leased(const move& m);
    task<std::error_code> canceled(const move& m);
    task<std::error_code> refused(const move& m);
    void judge(const move& m, std::error_code code);
    bool explained(const move& m, std::error_code code) const;

    // Events.
    void strike(std::uint64_t number);
    void strike_hardware(const event& e);
    void take_link_down();
    void take_back(worker& w);
    static std::chrono::nanoseconds some_time(std::uint64_t dice);
    void bring_link_back(std::uint64_t after_ns);

    std::span<std::byte> near_out(unsigned index) const;
    std::span<std::byte> near_in(unsigned index) const;
    /// The transfer, by the device or a lease.
    template <class By>
    transfer made(const move& m, const By& by) const
    {
        const bool writes = m.kind == transfer_kind::write;
        const buffer& memory = buffers_[writes ? m.index : plan_.tasks + m.index];
        const window_place place = dev_->window("ram").at(m.index * plan_.share + m.far);
        return writes ? by.write(memory.slice(m.near, m.size), place, m.options)
                      : by.read(memory.slice(m.near, m.size), place, m.options);
    }
    transfer made(const move& m) const { return made(m, *dev_); }
    void find(std::uint64_t tally::*count, std::uint64_t at, std::string_view what);
    void look_for_progress();

    const plan& plan_;
    std::function<void(const tally&)> hung_;
    device_spec spec_;
    runtime loop_;
    std::unique_ptr<std::byte[], page_deleter> memory_; ///< each worker's out, then each worker's in
    std::vector<worker> workers_;
    tally found_;

    // Of the epoch.
    model::simulated* hardware_ = nullptr; ///< owned by dev_
    std::optional<device> dev_;
    std::vector<buffer> buffers_;
    std::vector<std::optional<channel_lease>> leases_; ///< by worker
    scope* scope_ = nullptr;
    std::uint64_t epochs_ = 0;

    std::uint64_t started_ = 0;
    std::uint64_t accepted_ = 0; ///< that resumed and had been accepted by this epoch's device
    std::size_t next_event_ = 0;
    std::vector<event> special_;     ///< for the transfers that start next, one each
    std::uint64_t calm_at_ = 0;      ///< the hardware is well again from this transfer on; 0: it is
    std::uint64_t close_at_ = 0;     ///< 0: not planned
    std::uint64_t link_lost_at_ = 0; ///< ns

    struct progress_timer : detail::timer {
        campaign* owner = nullptr;
    } progress_;
};

} // namespace cf::torture
