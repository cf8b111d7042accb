// SPDX-License-Identifier: MIT
//
// Signals and the run.
#include "cli/session.hpp"

#include <counterflow/error.hpp>
#include <counterflow/io.hpp>
#include <counterflow/when_any.hpp>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <span>
#include <stop_token>
#include <string>
#include <thread>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace cf::cli {
namespace {

sigset_t ending_signals()
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    // Under nohup the end of the terminal is to be ignored, which a blocked signal would not be.
    struct sigaction hangup {};
    if (sigaction(SIGHUP, nullptr, &hangup) == 0 && hangup.sa_handler != SIG_IGN) sigaddset(&set, SIGHUP);
    return set;
}

task<> stopped_by_signal(signal_watch& signals, task<> work)
{
    co_await when_any(std::move(work), signals.wait());
}

} // namespace

signal_watch::signal_watch()
{
    const sigset_t set = ending_signals();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    fd_ = signalfd(-1, &set, SFD_CLOEXEC);
    if (fd_ < 0) throw error(failure{{errno, std::system_category()}, "signalfd"});
}

signal_watch::~signal_watch()
{
    close(fd_);
    const sigset_t set = ending_signals();
    pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

void signal_watch::take() const
{
    signalfd_siginfo info{};
    static_cast<void>(::read(fd_, &info, sizeof info));
}

task<> signal_watch::wait()
{
    signalfd_siginfo info{};
    co_await read_at(fd_, std::as_writable_bytes(std::span(&info, 1)), current_position);
    tell(info);
}

void signal_watch::take_and_tell() const
{
    signalfd_siginfo info{};
    static_cast<void>(::read(fd_, &info, sizeof info));
    tell(info);
}

void signal_watch::tell(const signalfd_siginfo& info)
{
    const sigset_t set = ending_signals();
    pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
    throw error(errc::canceled,
                std::string("stopped by SIG") + sigabbrev_np(static_cast<int>(info.ssi_signo)));
}

namespace {

/// In virtual time no signal can be awaited: a thread waits for it, and asks the work to stop.
void run_simulated(runtime& loop, signal_watch& signals, task<> work)
{
    std::stop_source stop;
    const int over = eventfd(0, EFD_CLOEXEC);
    if (over < 0) throw error(failure{{errno, std::system_category()}, "eventfd"});
    std::thread waiter([&] {
        std::array<pollfd, 2> ends{{{over, POLLIN, 0}, {signals.fd(), POLLIN, 0}}};
        while (::poll(ends.data(), ends.size(), -1) < 0) {
        }
        if (ends[1].revents != 0) stop.request_stop();
    });
    std::exception_ptr failed;
    try {
        loop.run(std::move(work), stop.get_token());
    } catch (...) {
        failed = std::current_exception();
    }
    eventfd_write(over, 1);
    waiter.join();
    ::close(over);
    if (stop.stop_requested()) signals.take_and_tell();
    if (failed) std::rethrow_exception(failed);
}

} // namespace

void session::run(task<> work)
{
    if (loop.simulation())
        run_simulated(loop, signals, std::move(work));
    else
        loop.run(stopped_by_signal(signals, std::move(work)));
}

} // namespace cf::cli
