// SPDX-License-Identifier: MIT
//
// Signals and the run.
#include "cli/session.hpp"

#include <counterflow/error.hpp>
#include <counterflow/io.hpp>
#include <counterflow/when_any.hpp>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <span>
#include <string>

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
    const sigset_t set = ending_signals();
    pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
    throw error(errc::canceled,
                std::string("stopped by SIG") + sigabbrev_np(static_cast<int>(info.ssi_signo)));
}

void session::run(task<> work) { loop.run(stopped_by_signal(signals, std::move(work))); }

} // namespace cf::cli
