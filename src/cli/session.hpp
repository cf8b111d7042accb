// SPDX-License-Identifier: MIT
//
// The frame of a run: a runtime, a device opened on it, and signals that end the work in order.
#pragma once

#include <counterflow/device.hpp>
#include <counterflow/runtime.hpp>
#include <counterflow/spec.hpp>
#include <counterflow/task.hpp>

#include <chrono>

#include <sys/signalfd.h>

namespace cf::cli {

/// Blocks SIGINT, SIGTERM and SIGHUP for the process while it lives, and makes them readable. Made before
/// the device, whose threads inherit the mask.
class signal_watch {
public:
    signal_watch();
    signal_watch(const signal_watch&) = delete;
    signal_watch& operator=(const signal_watch&) = delete;
    ~signal_watch();

    /// Readable once one has come, for those who wait by poll; they then take it, or it strikes when this
    /// ends.
    int fd() const noexcept { return fd_; }
    void take() const;

    /// One has come: throws as wait() does.
    [[noreturn]] void take_and_tell() const;

    /// Throws cf::error (canceled) that names the signal once one has come. The next one ends the
    /// process at once.
    task<> wait();

private:
    [[noreturn]] static void tell(const signalfd_siginfo& info);

    int fd_;
};

/// For commands that move blocks between files and a device: no spinning, because a wake-up costs
/// little beside a block, and the kernel's file workers want the processor.
inline runtime_options bulk_options()
{
    runtime_options options;
    options.spin = std::chrono::nanoseconds(0);
    return options;
}

struct session {
    explicit session(const device_spec& spec, const runtime_options& options = {})
        : loop(options_for(spec, options)), device(loop, spec)
    {
    }

    signal_watch signals;
    runtime loop;
    cf::device device;

    /// Runs `work` to its end. A signal stops it: it is waited for and cf::error (canceled) is thrown.
    void run(task<> work);
};

} // namespace cf::cli
