// SPDX-License-Identifier: MIT
//
// A device in words.
#include "cli/facts.hpp"

#include "cli/format.hpp"

#include <string_view>

namespace cf::cli {
namespace {

std::string_view name_of(engine_choice choice)
{
    switch (choice) {
    case engine_choice::remote: return "the far end's, driven across the link";
    case engine_choice::local: return "the near end's own";
    case engine_choice::both: return "both ends', writes only";
    }
    __builtin_unreachable();
}

std::string_view name_of(wake_mode mode)
{
    switch (mode) {
    case wake_mode::interrupt: return "interrupt";
    case wake_mode::message: return "the engine's message into near memory";
    case wake_mode::poll: return "polling";
    }
    __builtin_unreachable();
}

std::string submission_of(const device_info& info)
{
    if (!info.kernel) return info.submit == submit_mode::ring ? "endless list" : "one descriptor at a time";
    return "by the kernel module, for " + info.kernel->function +
           (info.submit == submit_mode::ring ? ", to an endless list" : ", to channels of dmaengine");
}

std::string wake_of(const device_info& info)
{
    if (!info.kernel) return std::string(name_of(info.wake));
    switch (info.kernel->way) {
    case kernel_way::uring_cmd: return "io_uring, a command each (complete=uring_cmd)";
    case kernel_way::rw: return "io_uring, a read or write each (complete=rw)";
    case kernel_way::ring: return "eventfd and completion ring (complete=ring)";
    }
    __builtin_unreachable();
}

} // namespace

std::vector<std::pair<std::string, std::string>> device_facts(const device_info& info)
{
    std::string channels;
    for (const transfer_kind kind : {transfer_kind::write, transfer_kind::read}) {
        std::string names;
        for (const channel_info& c : info.channels)
            if (c.serves == kind) names += (names.empty() ? "" : ", ") + c.name;
        channels += (channels.empty() ? "" : "; ") + std::string(to_string(kind)) + ": " + names;
    }
    std::string windows;
    for (const window_info& w : info.windows)
        windows += (windows.empty() ? "" : ", ") + w.name + " (" + human_size(w.size) + ")";
    return {{"Near end", info.near == port_end::root_port ? "root port" : "endpoint"},
            {"Engine", std::string(name_of(info.engine))},
            {"Submission", submission_of(info)},
            {"Woken by", wake_of(info)},
            {"Channels", channels},
            {"Windows", windows}};
}

std::string human_cpu(const run_record& run)
{
    std::string text = human_share(run.cpu_seconds, run.seconds) + " of a core for the program, " +
                       fixed(run.cpu_ns_per_transfer(), 0) + " ns a transfer";
    if (run.simulation) return text + ", as the simulation charges";
    return text + "; " + human_share(run.process_cpu_seconds, run.seconds) + " for the whole process";
}

std::string human_simulation(const run_record& run)
{
    const simulation_record& s = *run.simulation;
    const double rate = s.wall_seconds > 0 ? static_cast<double>(run.transfers()) / s.wall_seconds : 0;
    return grouped(s.events) + " with hash " + hexadecimal(s.hash) + ", simulated in " +
           human_time(s.wall_seconds * 1e9) + " (" + grouped(static_cast<std::uint64_t>(rate)) +
           " transfers a second)";
}

} // namespace cf::cli
