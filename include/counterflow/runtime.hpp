// SPDX-License-Identifier: MIT
//
// runtime: one single-threaded event loop over one reactor. One runtime a thread is the way to
// use more cores.
#pragma once

#include <counterflow/detail/awaitable.hpp>
#include <counterflow/detail/branch.hpp>
#include <counterflow/detail/export.hpp>
#include <counterflow/detail/loop.hpp>
#include <counterflow/stop.hpp>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <exception>
#include <memory>
#include <stop_token>
#include <string>
#include <type_traits>
#include <utility>

namespace cf {

namespace detail {

class yield_awaiter {
public:
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiter) noexcept
    {
        waiter_.handle = waiter;
        loop::current().make_ready(waiter_);
    }
    void await_resume() const noexcept {}

private:
    resumable waiter_{};
};

} // namespace detail

/// io_uring features that a runtime uses where the kernel has them. Each can be switched off,
/// which is how the fallbacks for older kernels are tested.
struct runtime_features {
    bool single_issuer = true;   ///< IORING_SETUP_SINGLE_ISSUER, Linux 6.0
    bool defer_taskrun = true;   ///< IORING_SETUP_DEFER_TASKRUN, 6.1; needs single_issuer
    bool coop_taskrun = true;    ///< IORING_SETUP_COOP_TASKRUN with TASKRUN_FLAG, 5.19
    bool registered_ring = true; ///< ring addressed by registered index, 5.18
    bool multishot_poll = true;  ///< 5.13
    bool shutdown = true;        ///< IORING_OP_SHUTDOWN, 5.11
    bool send_zc = true;         ///< IORING_OP_SEND_ZC, 6.0
};

/// Where a runtime's time comes from.
enum class time_mode : std::uint8_t {
    real,
    /// A simulation: time passes only as `sim:` devices and timers say, and the same program does the same
    /// each time. Devices in real time cannot be opened, and operations on anything but regular files fail
    /// with errc::not_supported; those on regular files take no virtual time.
    simulated,
};

/// What a runtime is made with. With time_mode::simulated only `spin` and `drained` mean anything.
struct runtime_options {
    time_mode time = time_mode::real;
    unsigned entries = 256;      ///< submission queue entries, 1..32768, rounded up to a power of two
    unsigned completions = 0;    ///< completion queue entries, at least `entries`; 0: as the kernel likes
    runtime_features features{}; ///< what may be used
    /// How long the loop looks for progress before it sleeps, while pollers are registered. 0: not at all.
    std::chrono::nanoseconds spin = std::chrono::microseconds(50);
    /// The loop is turned by drain(), in the loop of another library, and not by run(). Then it never looks
    /// for progress without being called, and goes without defer_taskrun, for which no other loop can wait;
    /// so what ends on the ring may interrupt the wait of the outer loop (EINTR), which waits again.
    bool drained = false;
};

/// What a runtime found and uses.
struct runtime_info {
    std::string reactor;         ///< "io_uring" or "virtual time"
    std::string kernel;          ///< release, as in `uname -r`
    unsigned entries = 0;        ///< submission queue entries
    unsigned completions = 0;    ///< completion queue entries
    runtime_features features{}; ///< in use
};

/// One line: "virtual time", or "io_uring, 256/512 entries, single_issuer defer_taskrun ..., Linux 6.1.0".
CF_API std::string to_string(const runtime_info& info);

/// An event loop for coroutines. run() turns it, or where another loop has the thread, drain().
///
/// Thread rule: may be made on one thread and run on another, but once it has run it stays on the
/// thread that ran it first. Everything a coroutine does happens on that thread.
class CF_API runtime : public detail::loop {
public:
    /// Throws cf::error: errc::io_uring_refused when the system has no io_uring, or forbids it;
    /// errc::memlock_exceeded or errc::no_memory when the rings do not fit; errc::bad_argument for
    /// options outside their range.
    explicit runtime(const runtime_options& options = {});
    ~runtime();

    /// The runtime that the calling thread is running. Aborts with a message outside of run().
    static runtime& current() noexcept { return static_cast<runtime&>(loop::current()); }

    runtime_info info() const;

    /// Runs the loop until `what` has ended; yields its value or throws its exception. `what` is anything
    /// that can be awaited; it stays where it is. A request through `token` stops it, from any thread. Throws
    /// cf::error (errc::busy) when this runtime is running, errc::bad_argument on another thread than the
    /// first time, or with runtime_options::drained.
    template <detail::awaitable A>
    detail::await_result_t<A> run(A&& what, std::stop_token token = {})
    {
        if (token.stop_possible()) {
            return finish(detail::guarded<detail::stop_bridge, A&&>(std::forward<A>(what), std::move(token)));
        }
        return finish(std::forward<A>(what));
    }

    /// With runtime_options::drained: what the loop that has the thread (epoll, Asio, GLib, ...) waits for.
    /// It is readable when there is something to drain. Belongs to the runtime, and is only to be waited for.
    /// Throws cf::error (errc::bad_argument) without that option.
    int descriptor() const;

    /// With runtime_options::drained: does what can be done now and never waits. Resumes who is ready, hands
    /// over what they started, takes completions, fires timers that are due, and sees to it that descriptor()
    /// becomes readable for the next one. To be called when the descriptor is readable, and after something
    /// was started from outside (by cf::start(), a scope, a stop request), once for as much as you like.
    /// Bounded: while there is more to be done the descriptor stays readable. In a simulation it lets time
    /// pass until nothing happens any more. Throws cf::error: errc::busy inside of itself, errc::bad_argument
    /// on another thread than the first time, or without that option.
    void drain();

    /// From any thread: has `function` called on this runtime's thread. What it throws ends the program. A
    /// function posted before the runtime is destroyed is called, at the latest by the destructor.
    /// Allocates; post(detail::posted&) does not.
    template <std::invocable F>
    void post(F&& function)
    {
        struct call : detail::posted {
            explicit call(F&& f) : function(std::forward<F>(f)) {}
            std::decay_t<F> function;
        };
        auto* node = new call(std::forward<F>(function));
        node->run = [](detail::posted& p) noexcept {
            std::unique_ptr<call> mine(static_cast<call*>(&p));
            mine->function();
        };
        loop::post(*node);
    }
    using loop::post;

private:
    template <class A>
    detail::await_result_t<A> finish(A&& what)
    {
        using result = detail::await_result_t<A>;
        detail::value_slot<result> value;
        session here(*this);
        detail::run_branch<A>(what, value).start(*this, nullptr, here, 0);
        here.turn();
        if constexpr (!std::is_void_v<result>) return value.take();
    }

    // From entering the loop to leaving it; the owner of the branch that is run.
    class CF_API session : public detail::branch_owner {
    public:
        explicit session(runtime& r);
        session(const session&) = delete;
        session& operator=(const session&) = delete;
        ~session();
        void turn(); // throws what the branch has thrown

    private:
        static runtime& prepared(runtime& r);

        runtime& runtime_;
        inside inside_;
        std::exception_ptr exception_;
    };

    void claim(const char* what, bool drained);

    std::unique_ptr<detail::reactor> reactor_owner_;
    std::uint64_t thread_ = 0; // that ran it first; 0: none yet
    bool running_ = false;
};

/// Runs `what` to its end on a runtime made for the call; yields its value or throws its exception.
template <detail::awaitable A>
detail::await_result_t<A> sync_wait(A&& what, std::stop_token token = {})
{
    runtime own;
    return own.run(std::forward<A>(what), std::move(token));
}

/// Suspends until everything else that is ready had its turn.
[[nodiscard]] inline auto yield() noexcept { return detail::yield_awaiter(); }

} // namespace cf
