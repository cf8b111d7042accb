// SPDX-License-Identifier: MIT
//
// What happens in a world. What it must come to is in judge.cpp.
#include "torture/world.hpp"

#include "edma/registers.hpp"
#include "runtime/virtual/clock.hpp"

#include <algorithm>
#include <chrono>
#include <coroutine>
#include <string>

namespace cf::torture {
namespace {

using namespace std::chrono_literals;

using kinds = std::array<transfer_kind, 2>;
constexpr kinds two_writes{transfer_kind::write, transfer_kind::write};
constexpr kinds two_reads{transfer_kind::read, transfer_kind::read};
constexpr kinds one_each{transfer_kind::write, transfer_kind::read};

// A slow link with short flights: a transfer takes some 40 us, and a turn of the loop, with the registers it
// loads, less than one. No near engine writes: that is done when it has left, and lands on what the judge has
// made of the memory meanwhile.
constexpr std::string_view slow = "sim:gen1x1,rtt=100ns,cpu=0ns,turn=1ns,irq=0ns,ram=20KiB,strict";
constexpr std::array<world_plan, 9> all_worlds{{
    {"one-irq", ",wr=1,rd=1,wake=irq", two_reads, 2},
    {"one-poll", ",wr=1,rd=1,wake=poll", two_writes, 2},
    {"two-irq", ",wr=2,rd=2,wake=irq", two_writes, 2},
    {"two-poll", ",wr=2,rd=2,wake=poll", two_reads, 2},
    {"short-irq", ",wr=1,rd=1,wake=irq", two_writes, 1},
    {"one-imwr", ",wr=1,rd=1,wake=imwr", two_writes, 2},
    {"duplex-irq", ",wr=1,rd=1,wake=irq", one_each, 2},
    {"local-irq", ",wr=1,rd=1,engine=local", two_reads, 2},
    {"descriptor-irq", ",wr=1,rd=1,submit=descriptor", two_reads, 2},
}};

// Deadlines, and what a path takes without them, are below the driver's watchdog together: what only that
// would find is found by nobody.
constexpr std::chrono::nanoseconds deadline_of_a = 1ms, deadline_of_b = 3ms;

/// By then all is over that is on its way, also where only the watchdog finds it. Long before the driver
/// gives up a channel that shows no progress.
constexpr std::uint64_t patience_ns = 50'000'000;

/// Of a list with room for so many: one element always stays free, and a link leads back to the first. The
/// last word is for a list that may not start where it starts, see edma::list_ring.
constexpr std::size_t list_bytes(unsigned at_once) noexcept
{
    return (at_once + 1) * sizeof(edma::data_element) + sizeof(edma::link_element) + sizeof(std::uint64_t);
}

/// Suspends until the loop has taken a turn.
class next_turn : detail::posted {
public:
    explicit next_turn(detail::loop& l) noexcept : loop_(l) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiter) noexcept
    {
        waiter_ = waiter;
        run = [](detail::posted& p) noexcept { static_cast<next_turn&>(p).waiter_.resume(); };
        loop_.post(*this);
    }
    void await_resume() const noexcept {}

private:
    detail::loop& loop_;
    std::coroutine_handle<> waiter_;
};

/// Suspends until all have run that are ready before.
class behind_the_ready : detail::resumable {
public:
    explicit behind_the_ready(detail::loop& l) noexcept : detail::resumable{}, loop_(l) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiter) noexcept
    {
        handle = waiter;
        loop_.make_ready(*this);
    }
    void await_resume() const noexcept {}

private:
    detail::loop& loop_;
};

} // namespace

std::span<const world_plan> worlds() noexcept { return all_worlds; }

std::string world_plan::device() const { return std::string(slow) + std::string(channels); }

const world_plan& world_named(std::string_view name)
{
    const auto* const found = std::ranges::find(all_worlds, name, &world_plan::name);
    if (found != all_worlds.end()) return *found;
    std::string known;
    for (const world_plan& w : all_worlds) known += (known.empty() ? "" : ", ") + std::string(w.name);
    throw error(errc::bad_argument, "there is no world '" + std::string(name) + "'; there are " + known);
}

world::world(const world_plan& plan, chooser next, std::function<void(const ending&)> hung)
    : plan_(plan),
      next_(std::move(next)),
      hung_(std::move(hung)),
      spec_(parse_spec(plan.device())),
      loop_(options_for(spec_)),
      clock_(*loop_.simulation()),
      near_(static_cast<std::byte*>(::operator new[](2 * stride, page))),
      moves_{{{.kind = plan.moves[0], .deadline = deadline_of_a},
              {.kind = plan.moves[1], .deadline = deadline_of_b}}}
{
    patience_.owner = this;
    patience_.fire = [](detail::timer& t) noexcept {
        world& self = *static_cast<patience&>(t).owner;
        for (unsigned which = 0; which < 2; ++which)
            if (self.moves_[which].in_flight()) self.blame(which, "never resumed");
        self.hung_(self.end_);
    };
}

world::~world() = default;

ending world::run()
{
    loop_.run(live());
    return end_;
}

task<> world::live()
{
    open();
    scope both;
    both_ = &both;
    while (!possible().empty()) {
        const std::optional<act> chosen = next_(possible_);
        if (!chosen) break;
        co_await perform(*chosen);
    }
    loop_.add_timer(patience_, loop_.now() + patience_ns);
    co_await both.join();
    loop_.cancel_timer(patience_);
    co_await sleep_for(1ms); // what an engine has sent lands
    judge_rest();
    if (dev_) judge_books();
    close();
    judge_pins();
}

void world::open()
{
    auto attached = std::make_unique<model::simulated>(spec_.model, clock_);
    hardware_ = attached.get();
    for (edma::port& p : attached->engines())
        for (auto* const lists : {&p.wr_lists, &p.rd_lists})
            for (edma::shared_memory& list : *lists) list.size = list_bytes(plan_.at_once);
    dev_.emplace(loop_, spec_, std::move(attached));
    lay_memory();
    for (unsigned which = 0; which < 2; ++which) buffers_.push_back(dev_->add(near_of(which)));
}

void world::close()
{
    buffers_.clear();
    hardware_ = nullptr;
    dev_.reset();
}

// --- what can happen --------------------------------------------------------------------------------

std::span<const act> world::possible()
{
    possible_.clear();
    const bool more = dev_ && !(moves_[0].awaited && moves_[1].awaited);
    if (!more && !any_in_flight()) return possible_;
    for (std::size_t i = 0; i < act_count; ++i)
        if (is_possible(static_cast<act>(i))) possible_.push_back(static_cast<act>(i));
    return possible_;
}

/// Leaves out what would change nothing, and all but one of several orders of acts that come to the same:
///   - a request to a transfer that is not awaited yet touches nothing: it stands just before the await;
///   - an abort waits in the engine: it stands just before what lets the engine go on;
///   - a is awaited before b where both are of one kind;
///   - there is nothing left for a third turn in a row.
bool world::is_possible(act a) const noexcept
{
    const move& m = moves_[static_cast<std::size_t>(a) % 2]; // for acts that come in pairs
    for (const unsigned which : {0u, 1u})
        if (!moves_[which].awaited && moves_[which].asked.stop_requested())
            return a == (which == 0 ? act::submit_a : act::submit_b);
    const bool goes_on = a == act::engine || a == act::turn || a == act::close || a == act::remove;
    const bool aborts = a == act::abort || a == act::fatal_abort;
    if (abort_waits_ && !goes_on && !aborts) return false;
    switch (a) {
    case act::submit_a: return dev_ && !m.awaited;
    case act::submit_b: return dev_ && !m.awaited && (moves_[0].awaited || m.kind != moves_[0].kind);
    case act::cancel_a: return !has_done(a) && m.resumed == 0 && (m.awaited || is_possible(act::submit_a));
    case act::cancel_b: return !has_done(a) && m.resumed == 0 && (m.awaited || is_possible(act::submit_b));
    case act::deadline_a:
    case act::deadline_b: return m.in_flight() && clock_.now() < m.due;
    case act::abort:
    case act::fatal_abort:
    case act::remove: return dev_ && !has_done(a) && !has_done(act::remove) && any_in_flight();
    case act::close: return dev_ && any_in_flight();
    case act::stop: return !has_done(a) && any_in_flight();
    case act::engine: return hardware_ && hardware_->hardware().next_event();
    case act::turn: return turns_in_a_row_ < 2;
    case act::corruption: return false;
    }
    __builtin_unreachable();
}

task<> world::perform(act a)
{
    done_[static_cast<std::size_t>(a)] = true;
    abort_waits_ = a == act::abort || a == act::fatal_abort;
    turns_in_a_row_ = a == act::turn ? turns_in_a_row_ + 1 : 0;
    const unsigned which = static_cast<unsigned>(a) % 2;
    using model::abort_cause;
    switch (a) {
    case act::submit_a:
    case act::submit_b:
        both_->spawn(carry(which));
        co_await behind_the_ready(loop_);
        break;
    case act::cancel_a:
    case act::cancel_b: moves_[which].asked.request_stop(); break;
    case act::deadline_a:
    case act::deadline_b: let_pass(moves_[which].due); break;
    case act::abort:
        hardware_->injected().add({.cause = abort_cause::unsupported_request, .after_bytes = moved / 2});
        break;
    case act::fatal_abort:
        hardware_->injected().add({.cause = abort_cause::local_bus_error, .after_bytes = moved / 2});
        break;
    case act::stop: both_->request_stop(); break;
    case act::remove: hardware_->ask_back(); break;
    case act::close:
        judge_rest(); // far memory goes with the device
        close();
        break;
    case act::engine: let_engine_go_on(); break;
    case act::turn: co_await next_turn(loop_); break;
    case act::corruption: near_of(0)[guard - 1] ^= std::byte{1}; break;
    }
}

task<> world::carry(unsigned which)
{
    move& m = moves_[which];
    m.awaited = true;
    m.accepted = !m.asked.stop_requested() && !has_done(act::stop) && !has_done(act::remove);
    m.due = loop_.now() + static_cast<std::uint64_t>(m.deadline.count());
    const buffer_slice memory = buffers_[which].slice(guard, moved);
    const window_place place = dev_->window("ram").at(which * stride + guard);
    const transfer_options options{.deadline = m.deadline};
    auto done = co_await as_result(with_stop(m.asked.get_token(), m.kind == transfer_kind::write
                                                                      ? dev_->write(memory, place, options)
                                                                      : dev_->read(memory, place, options)));
    resumed(which, done ? std::error_code() : done.error().code);
}

world::progress world::hardware_progress() const noexcept
{
    const model::activity& counted = hardware_->hardware().counted();
    progress so_far{counted.elements, counted.aborts, clock_.interrupted(), {}};
    for (unsigned which = 0; which < 2; ++which) so_far.begun[which] = has_begun(which);
    return so_far;
}

/// Hardware has no turns: the program stands still meanwhile, as one does that is not scheduled.
void world::let_engine_go_on()
{
    const progress before = hardware_progress();
    clock_.stall(
        [&] { return hardware_progress() != before || !hardware_->hardware().next_event().has_value(); });
}

void world::let_pass(std::uint64_t due) noexcept
{
    if (hardware_) hardware_->hold(true);
    while (clock_.now() < due) clock_.compute(due - clock_.now());
    if (hardware_) hardware_->hold(false);
}

} // namespace cf::torture
