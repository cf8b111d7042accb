// SPDX-License-Identifier: MIT
//
// Passing virtual time. Whatever makes it pass lets hardware do first what is due meanwhile, so hardware is
// never behind the program.
#include "runtime/virtual/clock.hpp"

#include <algorithm>

namespace cf::detail {
namespace {

constexpr std::uint64_t golden = 0x9e37'79b9'7f4a'7c15;

/// The finaliser of splitmix64 (Steele, Lea, Flood 2014).
constexpr std::uint64_t mixed(std::uint64_t z) noexcept
{
    z = (z ^ (z >> 30)) * 0xbf58'476d'1ce4'e5b9;
    z = (z ^ (z >> 27)) * 0x94d0'49bb'1331'11eb;
    return z ^ (z >> 31);
}

constexpr std::uint64_t pause_ns = 1000;

} // namespace

std::uint64_t virtual_clock::random() noexcept { return mixed(state_ += golden); }

void virtual_clock::note(std::uint64_t what, std::uint64_t more) noexcept
{
    ++events_;
    hash_ = mixed(hash_ + mixed(what + golden) + 3 * mixed(more + 2 * golden));
}

void virtual_clock::look()
{
    for (virtual_hardware* const h : hardware_) h->look(now_);
}

/// Lets the next thing happen that is due by `limit`; it is then.
bool virtual_clock::step(std::uint64_t limit)
{
    virtual_hardware* first = nullptr;
    std::uint64_t at = limit;
    for (virtual_hardware* const h : hardware_) {
        const auto due = h->next_event();
        if (!due || (first ? *due >= at : *due > at)) continue;
        first = h;
        at = *due;
    }
    if (!first) return false;
    now_ = std::max(now_, at);
    first->step(now_);
    return true;
}

void virtual_clock::run_to(std::uint64_t time)
{
    look();
    while (step(time)) {
    }
    now_ = std::max(now_, time);
}

void virtual_clock::pause() noexcept
{
    look();
    if (!step(now_ + pause_ns)) now_ += pause_ns;
}

bool virtual_clock::sleep(std::uint64_t until) noexcept
{
    const std::uint64_t from = now_;
    look();
    while (!interrupted() && step(until)) {
    }
    const bool woken = interrupted();
    if (!woken && until != never) now_ = std::max(now_, until);
    idle_ += now_ - from;
    return woken || until != never;
}

bool virtual_clock::interrupted() const noexcept
{
    return std::ranges::any_of(hardware_, [](const virtual_hardware* h) { return h->interrupts(); });
}

bool virtual_clock::deliver() noexcept
{
    bool any = false;
    for (virtual_hardware* const h : hardware_) {
        if (!h->interrupts()) continue;
        any = true;
        h->deliver();
    }
    return any;
}

} // namespace cf::detail
