// SPDX-License-Identifier: MIT
//
// `counterflow bench`: how much a device moves in each direction, how long transfers take and
// what they cost, with the data checked.
#include "cli/distinct.hpp"
#include "cli/format.hpp"
#include "cli/monitor.hpp"
#include "cli/options.hpp"
#include "cli/outputs.hpp"
#include "cli/pattern.hpp"
#include "cli/print.hpp"
#include "cli/session.hpp"

#include <counterflow/error.hpp>
#include <counterflow/log.hpp>
#include <counterflow/scope.hpp>
#include <counterflow/spec.hpp>
#include <counterflow/time.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace cf::cli {
namespace {

struct bench_options {
    std::string device;
    std::string size = "64KiB";
    std::string window = "ram";
    unsigned outstanding = 0;      ///< 0: as many as there is room for, up to default_outstanding
    std::optional<double> seconds; ///< none: default_seconds, or default_virtual_seconds
    std::string direction = "both";
    bool no_verify = false;
};

/// Covers the wake-ups of a shared machine at gen3 x1 and 64 KiB, which 4 do not.
constexpr unsigned default_outstanding = 16;

constexpr double default_seconds = 2;
/// Takes about as long where a fast link is simulated.
constexpr double default_virtual_seconds = 0.02;

/// Seeds of the patterns: what a destination holds before anything was moved there, and the first of the
/// sources, each of which has its own.
enum seed : std::uint64_t { seed_before = 0, seed_source = 1 };

/// Transfers of one kind between a range of near memory and an equally large one of the window, both cut
/// into places of a transfer's size. Each task has a destination to itself and takes its next source
/// every time, so what a destination holds at the end only its task's last transfer can have brought.
/// With a single place there is but one source, and any transfer can.
struct load {
    transfer_kind kind;
    buffer near;
    window_place far;
    std::size_t places = 0;        ///< of the ranges; one more than tasks, where there is room
    std::vector<std::size_t> last; ///< by task: the source of its last transfer
};

class bench_run {
public:
    bench_run(const bench_options& options, std::size_t size, session& s, monitor& m, run_record& run)
        : options_(options),
          size_(size),
          seconds_(options.seconds.value_or(s.loop.simulation() ? default_virtual_seconds : default_seconds)),
          dev_(s.device),
          window_(s.device.window(options.window)),
          monitor_(m),
          run_(run)
    {
    }

    /// Everything that can be wrong with the options and the device together.
    void prepare();

    task<> measure();

private:
    void add(transfer_kind kind, std::uint64_t offset, std::uint64_t room, std::size_t tasks);
    buffer_slice near_place(const load& l, std::size_t i) const { return l.near.slice(i * size_, size_); }
    std::span<std::byte> near_bytes(const load& l, std::size_t i) const
    {
        return l.near.bytes().subspan(i * size_, size_);
    }
    window_place far_place(const load& l, std::size_t i) const noexcept
    {
        return {l.far.device, l.far.window, l.far.offset + i * size_};
    }
    void fill_sources(load& l);
    bool runs(transfer_kind kind) const noexcept
    {
        return std::ranges::any_of(loads_, [&](const load& l) { return l.kind == kind; });
    }
    task<> seed_far(load& l);
    task<bool> verify(load& l);
    task<> drive(load& l, std::size_t destination);
    task<> keep_time();
    task<> move_all(transfer_kind kind, load& l);

    const bench_options& options_;
    const std::size_t size_;
    const double seconds_;
    device& dev_;
    const cf::window window_;
    monitor& monitor_;
    run_record& run_;
    std::vector<load> loads_;
    bool stop_ = false;
};

void bench_run::prepare()
{
    const auto wants = [&](transfer_kind kind) {
        return options_.direction == "both" ||
               options_.direction == to_string(direction_of(kind, dev_.info().near));
    };
    const bool writes = wants(transfer_kind::write), reads = wants(transfer_kind::read);
    const std::uint64_t room = writes && reads ? window_.size() / 2 : window_.size();
    if (size_ > room)
        throw error(errc::bad_argument, "--size is " + options_.size + ", more than the " +
                                            std::to_string(room) + " bytes that the window " +
                                            window_.name() + " has for each direction");
    if (size_ % dev_.info().alignment != 0)
        throw error(errc::misaligned, "--size is " + options_.size + ", not a multiple of " +
                                          std::to_string(dev_.info().alignment) + " bytes");
    const std::uint64_t most = room / size_;
    if (options_.outstanding > most)
        throw error(errc::bad_argument, "--outstanding is " + std::to_string(options_.outstanding) +
                                            ", and the window " + window_.name() + " has room for " +
                                            std::to_string(most) + " transfers of " + options_.size +
                                            " in each direction; use fewer, or smaller ones");
    run_.transfer_bytes = size_;
    run_.outstanding = options_.outstanding
                           ? options_.outstanding
                           : static_cast<unsigned>(std::min<std::uint64_t>(default_outstanding, most));
    if (writes) add(transfer_kind::write, 0, room, run_.outstanding);
    if (reads) add(transfer_kind::read, window_.size() - room, room, run_.outstanding);
}

void bench_run::add(transfer_kind kind, std::uint64_t offset, std::uint64_t room, std::size_t tasks)
{
    const std::size_t places = std::min<std::uint64_t>(tasks + 1, room / size_);
    loads_.push_back({kind, dev_.allocate(places * size_), window_.at(offset), places,
                      std::vector<std::size_t>(tasks, 0)});
}

/// Moves the whole range of a load, outside of the measured time.
task<> bench_run::move_all(transfer_kind kind, load& l)
{
    constexpr std::size_t piece = std::size_t{4} << 20;
    for (std::size_t at = 0; at < l.near.size(); at += piece) {
        const std::size_t n = std::min(piece, l.near.size() - at);
        const window_place far{l.far.device, l.far.window, l.far.offset + at};
        if (kind == transfer_kind::write)
            co_await dev_.write(l.near.slice(at, n), far);
        else
            co_await dev_.read(l.near.slice(at, n), far);
    }
}

void bench_run::fill_sources(load& l)
{
    for (std::size_t i = 0; i < l.places; ++i) fill_pattern(near_bytes(l, i), seed_source + i);
}

/// Far memory gets what is to be read, or something that the measured writes have to replace.
task<> bench_run::seed_far(load& l)
{
    const auto fill_destinations = [&] { fill_pattern(l.near.bytes(), seed_before); };
    const bool writes = l.kind == transfer_kind::write;
    writes ? fill_destinations() : fill_sources(l);
    co_await move_all(transfer_kind::write, l);
    writes ? fill_sources(l) : fill_destinations();
}

/// Whether every destination holds what its task moved there last.
task<bool> bench_run::verify(load& l)
{
    if (l.kind == transfer_kind::write) {
        fill_pattern(l.near.bytes(), seed_before);
        co_await move_all(transfer_kind::read, l);
    }
    for (std::size_t i = 0; i < l.last.size(); ++i)
        if (find_mismatch(near_bytes(l, i), seed_source + l.last[i])) co_return false;
    co_return true;
}

/// One outstanding transfer, again and again until the time is over or one of them fails.
task<> bench_run::drive(load& l, std::size_t destination)
{
    std::size_t source = destination;
    std::uint64_t start = monitor_.now();
    try {
        do {
            source = source + 1 < l.places ? source + 1 : 0;
            if (l.kind == transfer_kind::write)
                co_await dev_.write(near_place(l, source), far_place(l, destination));
            else
                co_await dev_.read(near_place(l, destination), far_place(l, source));
            l.last[destination] = source;
            const std::uint64_t end = monitor_.now();
            monitor_.count(l.kind, size_, start, end);
            start = end;
        } while (!stop_);
    } catch (const error& e) {
        if (e.code() == errc::canceled) throw;
        monitor_.clear_line();
        if (run_.errors++ == 0) complain(e.what());
        stop_ = true;
    }
}

task<> bench_run::keep_time()
{
    const auto whole = std::chrono::duration<double>(seconds_);
    const auto period = dev_.loop().simulation()
                            ? std::min<std::chrono::duration<double>>(sample_period, whole / 50)
                            : sample_period;
    const auto warm_up = std::min<std::chrono::duration<double>>(whole / 10, std::chrono::milliseconds(200));
    co_await sleep_for(std::chrono::duration_cast<clock::duration>(warm_up));
    monitor_.start(runs(transfer_kind::write), runs(transfer_kind::read));
    const clock::time_point begin = clock::now();
    const clock::time_point end = begin + std::chrono::duration_cast<clock::duration>(whole);
    for (clock::time_point next = begin; next < end && !stop_;) {
        next = std::min(next + std::chrono::duration_cast<clock::duration>(period), end);
        co_await sleep_until(next);
        monitor_.sample((clock::now() - begin) / whole);
    }
    monitor_.finish(monitor::span::whole_run);
    stop_ = true;
}

task<> bench_run::measure()
{
    if (!options_.no_verify)
        for (load& l : loads_) co_await seed_far(l);
    co_await with_scope([this](scope& workers) -> task<> {
        for (load& l : loads_)
            for (std::size_t i = 0; i < l.last.size(); ++i) workers.spawn(drive(l, i));
        co_await keep_time();
    });
    if (options_.no_verify || run_.errors) co_return;
    run_.verified = true;
    for (load& l : loads_) {
        const bool good = co_await verify(l);
        run_.verified = *run_.verified && good;
    }
}

/// Whether a direction that was asked for has no numbers.
bool moved_nothing(const run_record& run)
{
    bool nothing = false;
    for (const direction d : both_directions) {
        if (!run.of(d) || run.of(d)->transfers) continue;
        nothing = true;
        complain(std::string(to_string(d)) + " completed no transfer in " + human_time(run.seconds * 1e9) +
                 "; measure for longer with --seconds, or move less at a time with --size");
    }
    return nothing;
}

int bench(const bench_options& options, const common_options& common)
{
    const device_spec spec = parse_spec(options.device);
    const std::uint64_t size = parse_size(options.size, "--size");
    if (size == 0) throw error(errc::bad_argument, "--size is 0; it must be at least 1");
    if (const double t = options.seconds.value_or(1); !(t >= 0.001 && t <= 86'400)) // not a number included
        throw error(errc::bad_argument, "--seconds is " + fixed(t, 4) + "; it must be 0.001 to 86400");
    require_distinct(
        {{"backing=", spec.model.backing}, {"--report", common.report}, {"--trace", common.trace}});
    session s(spec);
    run_record run;
    run.command = "bench";
    monitor m(run, s.device, common);
    bench_run b(options, size, s, m, run);
    outputs out(common);
    b.prepare();
    s.run(b.measure());
    if (run.errors) dump_last_events(stderr);
    const device_statistics count = s.device.statistics();
    run.facts.emplace_back("Interrupts", std::to_string(count.interrupts));
    const int code = out.deliver(run, {{"interrupts", count.interrupts}});
    return run.errors == 0 && moved_nothing(run) ? failed : code;
}

} // namespace

void add_bench(CLI::App& app, common_options& common, chosen_command& chosen)
{
    CLI::App* const command = app.add_subcommand("bench", "Measure a device, one direction or both at once");
    command->footer(
        "The window is overwritten, also that of a model with backing=.\n"
        "Each transfer in flight writes a place of its own, each time from another source; at the\n"
        "end that place must hold the source of the last one, byte for byte.");
    auto options = std::make_shared<bench_options>();
    command->add_option("DEV", options->device, "Device spec")->required();
    command->add_option("--size", options->size, "Bytes a transfer")->capture_default_str();
    command
        ->add_option("--outstanding", options->outstanding,
                     "Transfers in flight a direction (default: 16, or what the window has room for)")
        ->check(CLI::Range(1u, 1'000'000u));
    command->add_option("--seconds", options->seconds,
                        "Measured time, after a short warm-up (default: 2, or 0.02 of virtual time)");
    command->add_option("--direction", options->direction, "both, rp_to_ep or ep_to_rp")
        ->check(CLI::IsMember({"both", "rp_to_ep", "ep_to_rp"}))
        ->capture_default_str();
    command->add_option("--window", options->window, "Window to use")->capture_default_str();
    command->add_flag("--no-verify", options->no_verify, "Do not check the data afterwards");
    add_output_options(*command, common);
    add_run_options(*command, common);
    command->callback(
        [options, &common, &chosen] { chosen = [options, &common] { return bench(*options, common); }; });
}

} // namespace cf::cli
