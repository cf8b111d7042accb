// SPDX-License-Identifier: MIT
//
// The monitor of a run.
#include "cli/monitor.hpp"

#include "cli/facts.hpp"
#include "cli/format.hpp"
#include "runtime/virtual/clock.hpp"

#include <counterflow/time.hpp>

#include <ctime>

namespace cf::cli {
namespace {

/// Elements a trace holds at most, some 50 MB: half a minute of a gen3 x1 link in both directions with
/// transfers of 64 KiB.
constexpr std::size_t segments_max = 1'000'000;

double clock_seconds(clockid_t id)
{
    std::timespec t{};
    clock_gettime(id, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

live_line::mode progress_mode(const common_options& options)
{
    if (options.quiet) return live_line::mode::off;
    return options.json ? live_line::mode::terminal_only : live_line::mode::automatic;
}

} // namespace

monitor::monitor(run_record& run, device& dev, const common_options& options)
    : run_(run), dev_(dev), live_(progress_mode(options)), traced_(!options.trace.empty())
{
    const device_info& info = dev.info();
    run_.device = info.spec;
    run_.started = local_time();
    run_.link = info.link;
    run_.near = info.near;
    for (const channel_info& c : info.channels) run_.channels.push_back(c.name);
    run_.facts = device_facts(info);
    run_.facts.emplace_back("Runtime", to_string(dev.loop().info()));
    if (traced_) {
        run_.segments.reserve(segments_max);
        dev_.observe(this);
    }
}

monitor::~monitor()
{
    if (traced_) dev_.observe(nullptr);
}

void monitor::start(bool writes, bool reads)
{
    const ceilings limits = dev_.ceilings(writes, reads);
    const std::array runs{writes, reads};
    for (std::size_t kind = 0; kind < 2; ++kind) {
        slots_[kind] = {};
        if (!runs[kind]) continue;
        const direction d = direction_of_slot(kind);
        run_.of(d).emplace().ceiling = limits.of(d);
        slots_[kind].record = &*run_.of(d);
    }
    run_.segments.clear();
    cpu_start_ = program_seconds();
    wall_start_ = clock_seconds(CLOCK_MONOTONIC);
    process_cpu_start_ = clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
    start_ns_ = sampled_ns_ = run_.trace_start_ns = now();
}

/// For how long the program has been busy, on the runtime's clock.
double monitor::program_seconds() const
{
    const detail::virtual_clock* const simulation = dev_.loop().simulation();
    return simulation ? static_cast<double>(simulation->busy()) * 1e-9
                      : clock_seconds(CLOCK_THREAD_CPUTIME_ID);
}

std::uint64_t monitor::bytes() const noexcept
{
    std::uint64_t sum = 0;
    for (const slot& s : slots_)
        if (s.record) sum += s.record->bytes;
    return sum;
}

void monitor::sample(double done)
{
    const std::uint64_t at = now();
    if (at == sampled_ns_) return;
    rate_sample sample;
    sample.end_s = static_cast<double>(at - start_ns_) * 1e-9;
    sample.span_s = static_cast<double>(at - sampled_ns_) * 1e-9;
    sampled_ns_ = at;
    progress line;
    line.elapsed_s = sample.end_s;
    line.done = done;
    for (std::size_t kind = 0; kind < 2; ++kind) {
        slot& s = slots_[kind];
        if (!s.record) continue;
        const direction way = direction_of_slot(kind);
        const auto d = static_cast<std::size_t>(way);
        sample.bytes[d] = s.record->bytes - std::exchange(s.sampled_bytes, s.record->bytes);
        double& shown = shown_rate_[d];
        shown = shown > 0 ? shown + 0.1 * (sample.rate(way) - shown) : sample.rate(way);
        line.rate[d] = shown;
        line.ceiling[d] = s.record->ceiling;
        line.runs[d] = true;
    }
    run_.samples.push_back(sample);
    line.note = note_;
    if (live_.due(line.elapsed_s)) live_.show(line);
}

task<> monitor::watch(std::uint64_t bytes_to_move)
{
    for (;;) {
        co_await sleep_for(sample_period);
        sample(bytes_to_move ? static_cast<double>(bytes()) / static_cast<double>(bytes_to_move) : 1);
    }
}

void monitor::finish(span directions_last)
{
    if (traced_) dev_.observe(nullptr); // what follows, such as a verification, is not the run
    sample(1);
    live_.finish();
    run_.cpu_seconds = program_seconds() - cpu_start_;
    if (const detail::virtual_clock* const simulation = dev_.loop().simulation())
        run_.simulation = simulation_record{simulation->events(), simulation->hash(),
                                            clock_seconds(CLOCK_MONOTONIC) - wall_start_};
    run_.process_cpu_seconds = clock_seconds(CLOCK_PROCESS_CPUTIME_ID) - process_cpu_start_;
    run_.seconds = static_cast<double>(sampled_ns_ - start_ns_) * 1e-9;
    for (slot& s : slots_) {
        if (!s.record) continue;
        s.record->seconds = directions_last == span::whole_run
                                ? run_.seconds
                                : static_cast<double>(s.last_ns - s.first_ns) * 1e-9;
        s.record = nullptr;
    }
}

void monitor::on_segment(const segment_event& event) noexcept
{
    if (run_.segments.size() == segments_max) {
        ++run_.segments_dropped;
        return;
    }
    run_.segments.push_back(
        {event.queued_ns, event.done_ns, event.bytes, event.channel, event.kind, bool(event.error)});
}

} // namespace cf::cli
