// SPDX-License-Identifier: MIT
//
// The life of a campaign: devices that are opened and closed, tasks that work on them, and the judges. What
// goes wrong is in events.cpp.
#include "torture/campaign.hpp"

#include "runtime/virtual/clock.hpp"
#include "torture/chance.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>

namespace cf::torture {
namespace {

using namespace std::chrono_literals;

/// Longer than anything takes that is bounded: queues of slow links, hangs and their recovery.
constexpr std::uint64_t stands_still_ns = 1'000'000'000;

/// Data that no other transfer of the campaign has.
void fill(std::span<std::byte> memory, std::uint64_t seed, std::uint64_t number)
{
    chance dice(seed ^ (number + 1) * 0xd6e8'feb8'6659'fd93);
    for (std::size_t at = 0; at < memory.size(); at += sizeof(std::uint64_t)) {
        const std::uint64_t word = dice.next();
        std::memcpy(memory.data() + at, &word, std::min(sizeof word, memory.size() - at));
    }
}

} // namespace

campaign::campaign(const plan& p, std::function<void(const tally&)> hung)
    : plan_(p),
      hung_(std::move(hung)),
      spec_(parse_spec(p.device)),
      loop_(options_for(spec_)),
      memory_(static_cast<std::byte*>(::operator new[](2 * p.share * p.tasks, page)))
{
    found_.seed = p.seed;
    for (unsigned i = 0; i < p.tasks; ++i)
        workers_.push_back({shadow(p.share), shadow(p.share), shadow(p.share)});
    std::memset(memory_.get(), 0, 2 * p.share * p.tasks);
    progress_.owner = this;
    progress_.fire = [](detail::timer& t) noexcept {
        static_cast<progress_timer&>(t).owner->look_for_progress();
    };
}

campaign::~campaign() = default;

tally campaign::run()
{
    loop_.add_timer(progress_, loop_.now() + stands_still_ns);
    loop_.run([](campaign& self) -> task<> {
        do {
            co_await self.epoch();
        } while (self.started_ < self.plan_.transfers);
    }(*this));
    loop_.cancel_timer(progress_);
    found_.hash = loop_.simulation()->hash();
    found_.virtual_ns = loop_.now();
    return found_;
}

// --- a device's life ----------------------------------------------------------------------------

void campaign::open()
{
    model::machine_config hardware = model::configure(spec_.model);
    for (model::engine_config& engine : hardware.engines) engine.list_elements = plan_.list_elements;
    auto attached = std::make_unique<model::simulated>(spec_.model, hardware, *loop_.simulation());
    hardware_ = attached.get();
    dev_.emplace(loop_, spec_, std::move(attached));
    for (unsigned i = 0; i < plan_.tasks; ++i) buffers_.push_back(dev_->add(near_out(i)));
    for (unsigned i = 0; i < plan_.tasks; ++i) buffers_.push_back(dev_->add(near_in(i)));
    leases_.resize(plan_.tasks);
    for (worker& w : workers_) {
        w.far = shadow(plan_.share); // new memory, all zero
        w.left_at = 0;
    }
    accepted_ = calm_at_ = close_at_ = 0;
    ++epochs_;
}

/// Buffers and leases first, as a program does; what is in flight keeps the memory until the device has gone.
void campaign::close()
{
    buffers_.clear();
    leases_.clear();
    hardware_ = nullptr;
    dev_.reset();
}

/// From opening a device to closing it, by an event or because all transfers are done.
task<> campaign::epoch()
{
    open();
    co_await with_scope([this](scope& tasks) -> task<> {
        scope_ = &tasks;
        for (unsigned i = 0; i < plan_.tasks; ++i) tasks.spawn(work(i));
        co_await tasks.join();
    });
    scope_ = nullptr;
    co_await sleep_for(1ms); // what has left an engine arrives
    check_rest();
    if (dev_) check_books();
    if (dev_) close();
}

/// Nothing moves any more: all memory must be what it should be.
void campaign::check_rest()
{
    for (unsigned i = 0; i < plan_.tasks; ++i) {
        worker& w = workers_[i];
        if (w.out.mismatch(0, near_out(i))) find(&tally::corrupt, started_, "a source has changed");
        if (w.in.mismatch(0, near_in(i)))
            find(&tally::corrupt, started_, "a destination of reads has changed");
        w.in.set(0, near_in(i));
        if (!hardware_) continue;
        const auto far = hardware_->far_memory().subspan(i * plan_.share, plan_.share);
        if (w.far.mismatch(0, far)) find(&tally::corrupt, started_, "far memory is not what was written");
    }
}

/// What the device says it has ended must be what has resumed.
void campaign::check_books()
{
    std::uint64_t begun = 0, ended = 0;
    const device_statistics all = dev_->statistics();
    for (const transfer_statistics& s : {all.write, all.read}) {
        begun += s.started;
        ended += s.completed + s.failed + s.canceled + s.timed_out;
    }
    if (begun > accepted_) {
        found_.lost += begun - accepted_ - 1;
        find(&tally::lost, started_, "started and never resumed");
    }
    if (accepted_ > ended) {
        found_.double_resumes += accepted_ - ended - 1;
        find(&tally::double_resumes, started_, "resumed more often than ended");
    }
}

// --- a task's life ------------------------------------------------------------------------------

task<> campaign::work(unsigned index)
{
    workers_[index].working = true;
    while (started_ < plan_.transfers) {
        const std::uint64_t number = started_++;
        strike(number);
        if (!dev_) break;
        co_await perform(choose(index, number));
        if (!dev_) break;
    }
    workers_[index].working = false;
}

campaign::move campaign::choose(unsigned index, std::uint64_t number)
{
    chance dice(plan_.seed * 0x9e37'79b9'7f4a'7c15 + number);
    const std::size_t step = dev_->info().alignment;
    move m{number, loop_.now(), workers_[index], index,
           dice.once_in(2) ? transfer_kind::write : transfer_kind::read};
    m.size = std::max<std::size_t>(dice.spread(plan_.share) / step * step, step);
    m.near = dice.below(plan_.share - m.size + 1) / step * step;
    m.far = dice.below(plan_.share - m.size + 1) / step * step;
    m.options.priority = static_cast<priority>(dice.below(3));
    if (!special_.empty()) {
        m.special = special_.front();
        special_.erase(special_.begin());
        if (m.is(fault::deadline)) m.options.deadline = some_time(m.special->b);
    }
    return m;
}

task<> campaign::perform(move m)
{
    const std::uint64_t epoch = epochs_;
    if (m.is(fault::bad_request)) {
        const std::error_code code = co_await refused(m);
        judge(m, code);
        co_return;
    }
    if (m.kind == transfer_kind::write) {
        const auto source = near_out(m.index).subspan(m.near, m.size);
        fill(source, plan_.seed, m.number);
        m.by.out.set(m.near, source);
    }
    const std::error_code code = co_await awaited(m);
    if (epoch == epochs_ && !m.stillborn()) ++accepted_;
    judge(m, code);
    if (code == errc::link_down || code == errc::device_gone)
        co_await sleep_for(50us); // as a sane program does
}

/// One transfer has resumed: is the outcome one that can be, and is memory what it must be?
void campaign::judge(const move& m, std::error_code code)
{
    ++m.by.resumed;
    ++found_.transfers;
    const auto value = static_cast<std::size_t>(code.value());
    if (code && (code.category() != category() || value >= outcome_count)) {
        find(&tally::unexpected, m.number, code.message());
        return;
    }
    ++found_.outcomes[value];
    if (!explained(m, code)) find(&tally::unexpected, m.number, code.message());
    if (m.is(fault::bad_request)) return;

    if (m.kind == transfer_kind::write) {
        const auto data = near_out(m.index).subspan(m.near, m.size);
        if (code) return m.by.far.maybe(m.far, data);
        if (spec_.model.engine == engine_choice::remote) return m.by.far.set(m.far, data);
        m.by.replaced = m.by.far.part(m.far, m.size);
        m.by.replaced_at = m.far;
        m.by.left_at = loop_.now();
        m.by.far.set(m.far, data);
        if (link_lost_at_ >= m.began) take_back(m.by);
    } else if (code) {
        m.by.in.maybe_from(m.near, m.size, m.by.far, m.far);
    } else {
        const auto data = near_in(m.index).subspan(m.near, m.size);
        if (m.by.far.mismatch(m.far, data)) find(&tally::corrupt, m.number, "read what was not written");
        m.by.in.set(m.near, data);
        m.by.far.set(m.far, data);
    }
}

// --- what is left -------------------------------------------------------------------------------

std::span<std::byte> campaign::near_out(unsigned index) const
{
    return {memory_.get() + index * plan_.share, plan_.share};
}

std::span<std::byte> campaign::near_in(unsigned index) const
{
    return {memory_.get() + (plan_.tasks + index) * plan_.share, plan_.share};
}

void campaign::find(std::uint64_t tally::*count, std::uint64_t at, std::string_view what)
{
    ++(found_.*count);
    found_.blame(at, what);
}

void campaign::look_for_progress()
{
    for (worker& w : workers_) {
        if (w.working && w.seen == w.resumed) find(&tally::hung, started_, "a task stands still");
        w.seen = w.resumed;
    }
    if (found_.hung != 0) hung_(found_);
    loop_.add_timer(progress_, loop_.now() + stands_still_ns);
}

} // namespace cf::torture
