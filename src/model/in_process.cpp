// SPDX-License-Identifier: MIT
//
// The thread that plays the hardware, and the lock between it and the driver.
#include "model/in_process.hpp"

#include <counterflow/error.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <system_error>
#include <unistd.h>

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

machine_config in_real_time(const model_spec& spec)
{
    machine_config config = configure(spec);
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

/// One engine's registers.
class in_process::space final : public edma::register_space {
public:
    space(in_process& owner, unsigned engine) : owner_(owner), engine_(engine)
    {
        if (interrupt_ < 0)
            throw error(
                failure{std::error_code(errno, std::system_category()), "eventfd of a modelled engine"});
    }
    ~space() override { ::close(interrupt_); }

    int interrupt_fd() const noexcept override { return interrupt_; }
    bool link_is_up() override
    {
        access guard(owner_, access::intent::look);
        return owner_.board_.hardware().link_up();
    }
    void raise(std::uint64_t count) const noexcept
    {
        // Fails only when 2^64-1 interrupts are waiting: one more makes no difference.
        static_cast<void>(::eventfd_write(interrupt_, count));
    }

private:
    std::uint32_t load_slow(std::uint32_t offset) override
    {
        access guard(owner_, access::intent::look);
        return owner_.board_.hardware().load(engine_, offset);
    }
    void store_slow(std::uint32_t offset, std::uint32_t value) override
    {
        access guard(owner_);
        owner_.board_.hardware().store(engine_, offset, value, owner_.clock());
    }

    in_process& owner_;
    unsigned engine_;
    int interrupt_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
};

in_process::access::access(in_process& owner, intent what)
    : owner_(owner), what_(what), lock_(owner.mutex_, std::defer_lock)
{
    if (lock_.try_lock()) return;
    owner_.callers_.fetch_add(1, std::memory_order_relaxed);
    lock_patiently(lock_);
    owner_.callers_.fetch_sub(1, std::memory_order_relaxed);
}

in_process::access::~access()
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
    const auto raised = std::exchange(owner_.pending_, {});
    lock_.unlock();
    owner_.raise(raised);
    if (sooner) owner_.wake_.notify_one();
}

in_process::in_process(const model_spec& spec)
    : board_(spec, in_real_time(spec), *this), started_(monotonic())
{
    for (unsigned engine = 0; engine < board_.ports().size(); ++engine) {
        spaces_.push_back(std::make_unique<space>(*this, engine));
        board_.ports()[engine].registers = spaces_.back().get();
    }
    if (!spec.link.null() || spec.irq_ns != 0) start();
}

in_process::~in_process()
{
    {
        std::unique_lock held(mutex_);
        stopping_ = true;
        hurry_.store(true, std::memory_order_relaxed);
    }
    wake_.notify_one();
    if (thread_.joinable()) thread_.join();
}

bool in_process::message(port_end end, std::uint64_t address, std::uint32_t)
{
    const auto engine = board_.interrupt_of(end, address);
    if (engine) interrupt(*engine);
    return engine.has_value();
}

std::uint64_t in_process::map(void* memory, std::size_t size)
{
    access guard(*this);
    return board_.map(memory, size);
}

void in_process::unmap(std::uint64_t address, std::size_t size) noexcept
{
    access guard(*this);
    board_.unmap(address, size);
}

/// The machine's time.
nanoseconds in_process::clock() noexcept
{
    last_now_ = std::max(last_now_, monotonic() - started_ - slipped_);
    return last_now_;
}

/// When the thread has to look at the machine again: what is due may wait for as long as that
/// costs nobody throughput, so that many small events are handled in one go.
nanoseconds in_process::due_time() const noexcept
{
    const auto next = board_.hardware().next_event();
    if (!next) return never;
    return *next + std::min(board_.hardware().patience(), longest_patience);
}

void in_process::raise(const std::array<std::uint64_t, 2>& interrupts) const noexcept
{
    for (std::size_t engine = 0; engine < interrupts.size(); ++engine)
        if (interrupts[engine] != 0) spaces_[engine]->raise(interrupts[engine]);
}

void in_process::start()
{
    thread_ = std::thread([this] { run(); });
}

void in_process::run()
{
    ::pthread_setname_np(::pthread_self(), "cf-model");
    ::prctl(PR_SET_TIMERSLACK, 1UL);
    std::unique_lock held(mutex_);
    for (unsigned turns = 0; !stopping_; ++turns) {
        nanoseconds now = clock();
        if (turns % look_interval == 0) board_.hardware().look(now);
        const auto next = board_.hardware().next_event();
        if (next && now > *next + longest_lag) {
            slipped_ += now - *next - longest_lag;
            last_now_ = now = *next + longest_lag;
        }
        if (!board_.hardware().advance_one(now)) {
            pause(held, now);
            continue;
        }
        const bool interrupts = pending_ != decltype(pending_){};
        if (!interrupts && callers_.load(std::memory_order_relaxed) == 0) continue;
        const auto raised = std::exchange(pending_, {});
        held.unlock();
        raise(raised);
        let_callers_go();
        lock_patiently(held);
    }
}

/// Register accesses come before the next event, unless their thread has lost its processor.
void in_process::let_callers_go() const noexcept
{
    for (unsigned tries = 1000; tries != 0 && callers_.load(std::memory_order_relaxed) != 0; --tries) relax();
}

/// Nothing is due: waits for what is, in the way that suits its distance.
void in_process::pause(std::unique_lock<std::mutex>& held, nanoseconds now)
{
    board_.hardware().look(now);
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

void in_process::spin(std::unique_lock<std::mutex>& held, nanoseconds until)
{
    const nanoseconds end = started_ + slipped_ + until;
    held.unlock();
    while (monotonic() < end && !hurry_.load(std::memory_order_relaxed)) relax();
    lock_patiently(held);
}

std::unique_ptr<in_process> open_model(const model_spec& spec) { return std::make_unique<in_process>(spec); }

} // namespace cf::model
