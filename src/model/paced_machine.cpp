// SPDX-License-Identifier: MIT
//
// The thread that plays the hardware, and the lock between it and its callers.
#include "model/paced_machine.hpp"

#include <algorithm>
#include <chrono>
#include <pthread.h>
#include <sys/prctl.h>

namespace cf::model {
namespace {

/// Waits shorter than this are spun: a timer would take about as long to come back.
constexpr nanoseconds shortest_sleep = 12'000;
/// Timers come late by about this much.
constexpr nanoseconds timer_margin = 4'000;
/// Nothing becomes visible later than this for the sake of sleeping.
constexpr nanoseconds longest_patience = 40'000;
/// While it is busy catching up, the thread looks at the lists once for so many events.
constexpr unsigned look_interval = 32;
/// How much lost time is caught up. A machine that cannot keep its link's pace runs slower than
/// the clock instead of falling behind without end.
constexpr nanoseconds longest_lag = 2'000'000;

nanoseconds monotonic() noexcept
{
    return static_cast<nanoseconds>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                        std::chrono::steady_clock::now().time_since_epoch())
                                        .count());
}

machine_config in_real_time(machine_config config)
{
    config.real_time = true;
    return config;
}

void relax() noexcept
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

/// Nobody holds the lock for longer than one burst's copy takes: asking the kernel to wait for it
/// costs several times that.
void lock_patiently(std::unique_lock<std::mutex>& lock)
{
    for (unsigned tries = 1000; tries != 0; --tries) {
        if (lock.try_lock()) return;
        relax();
    }
    lock.lock();
}

} // namespace

paced_machine::access::access(paced_machine& owner, intent what)
    : owner_(owner), what_(what), lock_(owner.mutex_, std::defer_lock)
{
    if (lock_.try_lock()) return;
    owner_.callers_.fetch_add(1, std::memory_order_relaxed);
    lock_patiently(lock_);
    owner_.callers_.fetch_sub(1, std::memory_order_relaxed);
}

paced_machine::access::~access()
{
    if (what_ == intent::look) return;
    const nanoseconds due = owner_.wakes_at_ != 0 ? owner_.due_time() : never;
    const bool sooner = due < owner_.wakes_at_;
    if (sooner) {
        // On a null link this takes a fault, or a list that runs in circles.
        if (!owner_.thread_.joinable()) owner_.start();
        owner_.wakes_at_ = due;
        owner_.hurry_.store(true, std::memory_order_relaxed);
    }
    owner_.release_and_raise(lock_);
    if (sooner) owner_.wake_.notify_one();
}

paced_machine::paced_machine(const machine_config& config, signal_listener& listener)
    : listener_(listener), machine_(in_real_time(config), *this), started_(monotonic())
{
}

paced_machine::~paced_machine() { stop(); }

void paced_machine::stop()
{
    {
        std::unique_lock held(mutex_);
        stopping_ = true;
        hurry_.store(true, std::memory_order_relaxed);
    }
    wake_.notify_one();
    if (thread_.joinable()) thread_.join();
}

std::uint32_t paced_machine::load(unsigned engine, std::uint32_t offset)
{
    access guard(*this, access::intent::look);
    return machine_.load(engine, offset);
}

void paced_machine::store(unsigned engine, std::uint32_t offset, std::uint32_t value)
{
    access guard(*this);
    machine_.store(engine, offset, value, clock());
}

bool paced_machine::message(port_end end, std::uint64_t address, std::uint32_t data)
{
    const auto line = listener_.line_of(end, address, data);
    if (line) pend(*line);
    return line.has_value();
}

void paced_machine::pend(unsigned line) noexcept
{
    ++pending_[line];
    signalled_ = true;
}

void paced_machine::release_and_raise(std::unique_lock<std::mutex>& held)
{
    if (!signalled_) return held.unlock();
    signalled_ = false;
    const signals raised = std::exchange(pending_, {});
    held.unlock();
    for (unsigned line = 0; line < raised.size(); ++line)
        if (raised[line] != 0) listener_.raise(line, raised[line]);
}

/// The machine's time.
nanoseconds paced_machine::clock() noexcept
{
    last_now_ = std::max(last_now_, monotonic() - started_ - slipped_);
    return last_now_;
}

/// When the thread has to look at the machine again: what is due may wait for as long as that
/// costs nobody throughput, so that many small events are handled in one go.
nanoseconds paced_machine::due_time() const noexcept
{
    const auto next = machine_.next_event();
    if (!next) return never;
    return *next + std::min(machine_.patience(), longest_patience);
}

void paced_machine::start()
{
    thread_ = std::thread([this] { run(); });
}

void paced_machine::run()
{
    ::pthread_setname_np(::pthread_self(), "cf-model");
    ::prctl(PR_SET_TIMERSLACK, 1UL);
    std::unique_lock held(mutex_);
    for (unsigned turns = 0; !stopping_; ++turns) {
        nanoseconds now = clock();
        if (turns % look_interval == 0) machine_.look(now);
        const auto next = machine_.next_event();
        if (next && now > *next + longest_lag) {
            slipped_ += now - *next - longest_lag;
            last_now_ = now = *next + longest_lag;
        }
        if (!machine_.advance_one(now)) {
            pause(held, now);
            continue;
        }
        if (!signalled_ && callers_.load(std::memory_order_relaxed) == 0) continue;
        release_and_raise(held);
        let_callers_go();
        lock_patiently(held);
    }
}

/// Register accesses come before the next event, unless their thread has lost its processor.
void paced_machine::let_callers_go() const noexcept
{
    for (unsigned tries = 1000; tries != 0 && callers_.load(std::memory_order_relaxed) != 0; --tries) relax();
}

/// Nothing is due: waits for what is, in the way that suits its distance.
void paced_machine::pause(std::unique_lock<std::mutex>& held, nanoseconds now)
{
    machine_.look(now);
    const nanoseconds due = due_time();
    hurry_.store(false, std::memory_order_relaxed);
    wakes_at_ = due;
    if (due == never) {
        wake_.wait(held, [&] { return hurry_.load(std::memory_order_relaxed); });
    } else if (due - now >= shortest_sleep) {
        const auto until = std::chrono::steady_clock::time_point(
            std::chrono::nanoseconds(started_ + slipped_ + due - timer_margin));
        wake_.wait_until(held, until, [&] { return hurry_.load(std::memory_order_relaxed); });
    } else {
        spin(held, due);
    }
    wakes_at_ = 0;
}

void paced_machine::spin(std::unique_lock<std::mutex>& held, nanoseconds until)
{
    const nanoseconds end = started_ + slipped_ + until;
    held.unlock();
    while (monotonic() < end && !hurry_.load(std::memory_order_relaxed)) relax();
    lock_patiently(held);
}

} // namespace cf::model
