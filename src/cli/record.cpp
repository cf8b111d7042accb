// SPDX-License-Identifier: MIT
//
// `counterflow record`: puts the blocks of a read stream into a file, from the memory that the engine has
// written them to.
#include "cli/distinct.hpp"
#include "cli/format.hpp"
#include "cli/monitor.hpp"
#include "cli/options.hpp"
#include "cli/outputs.hpp"
#include "cli/place.hpp"
#include "cli/session.hpp"

#include <counterflow/as_result.hpp>
#include <counterflow/error.hpp>
#include <counterflow/read_stream.hpp>
#include <counterflow/record.hpp>
#include <counterflow/scope.hpp>
#include <counterflow/time.hpp>
#include <counterflow/when_any.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>

#include <sys/statvfs.h>

namespace cf::cli {
namespace {

struct record_command {
    std::string device, file;
    std::string window = "ram";
    std::string offset = "0", block = "1MiB", span, memory;
    std::string size, rotate_size;
    double seconds = 0, rotate_seconds = 0, period_us = 0;
    unsigned outstanding = 8;
    bool ring = false, acquisition = false;
    bool overwrite = false, resume = false;
};

std::chrono::nanoseconds nanoseconds(double seconds)
{
    return std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
}

struct record_limits {
    std::uint64_t blocks = std::numeric_limits<std::uint64_t>::max();
    std::chrono::nanoseconds time{0}; ///< 0: none
};

class recording {
public:
    /// With `follows`, blocks continue the file's own numbers; else their source counts.
    recording(session& s, read_stream& in, recorder& into, monitor& m, record_limits until, bool follows)
        : session_(s),
          in_(in),
          into_(into),
          monitor_(m),
          limits_(until),
          follows_(follows),
          resumed_(into.next_sequence())
    {
    }

    task<> run() { co_await when_any(all_blocks(), until_told(), until_over(), progress()); }

private:
    task<> all_blocks()
    {
        co_await with_scope([this](scope& all) -> task<> {
            for (std::uint64_t n = 0; n < limits_.blocks; ++n) {
                std::optional<block> b = co_await in_.next();
                if (!b) break;
                // Writes go on side by side; blocks stand in the file in this order.
                const record_block what = numbered(*b);
                all.spawn(put(what, std::move(*b)));
            }
        });
        co_await in_.close(stream_end::abort);
    }

    record_block numbered(const block& b)
    {
        // Blocks that overtook each other on the link came when the later one was there.
        stamp_ns_ = std::max(stamp_ns_, static_cast<std::uint64_t>(b.timestamp().time_since_epoch().count()));
        const std::uint64_t sequence = follows_ ? resumed_ + b.sequence() : b.sequence();
        std::uint64_t lost = b.gap().blocks;
        // What the source has sent since the recording that is resumed ended.
        if (!follows_ && !begun_ && resumed_ != 0 && sequence > resumed_) lost = sequence - resumed_;
        begun_ = true;
        constexpr std::uint64_t most = std::numeric_limits<std::uint32_t>::max();
        return {b.bytes(), sequence, stamp_ns_, static_cast<std::uint32_t>(std::min(lost, most))};
    }

    task<> put(record_block what, block held)
    {
        const auto here = static_cast<std::uint64_t>(held.timestamp().time_since_epoch().count());
        co_await into_.write(what);
        monitor_.count(transfer_kind::read, held.size(), here, monitor_.now());
    }

    /// A signal ends the recording in order: blocks that are on their way are still recorded.
    task<> until_told()
    {
        if (session_.loop.simulation() == nullptr) {
            (void)co_await as_result(session_.signals.wait());
            co_await in_.close();
        }
        co_await until_stop();
    }

    task<> until_over()
    {
        if (limits_.time.count() != 0) {
            co_await sleep_for(limits_.time);
            co_await in_.close();
        }
        co_await until_stop();
    }

    task<> progress()
    {
        for (;;) {
            const record_statistics now = into_.statistics();
            struct statvfs disk {};
            const bool known = ::statvfs(into_.path().c_str(), &disk) == 0;
            monitor_.note("queue " + std::to_string(in_.statistics().now.leased.blocks) + "  lost " +
                          grouped(now.lost) +
                          (known ? "  disk " + human_size(disk.f_bavail * disk.f_frsize) : ""));
            monitor_.sample(-1);
            co_await sleep_for(sample_period);
        }
    }

    session& session_;
    read_stream& in_;
    recorder& into_;
    monitor& monitor_;
    const record_limits limits_;
    const bool follows_;
    const std::uint64_t resumed_; ///< where the recording goes on
    std::uint64_t stamp_ns_ = 0;  ///< of the last block in the file
    bool begun_ = false;
};

/// What is recorded.
struct source {
    std::optional<far_ring> ring;
    fixed_place place; ///< without a ring
    stream_options options;

    std::uint32_t block_bytes() const noexcept
    {
        return ring ? ring->geometry.block_bytes : place.block_bytes;
    }
    /// From here on it is read, so not before there is a file.
    read_stream open(device& dev) const
    {
        return ring ? read_stream(dev, *ring, options) : read_stream(dev, place, options);
    }
};

fixed_place place_of(const record_command& command, window_place from)
{
    const std::uint64_t block = parse_size(command.block, "--block");
    if (block == 0 || block > std::numeric_limits<std::uint32_t>::max())
        throw error(errc::bad_argument, "--block is " + command.block + ", range 1 to 4 GiB");
    fixed_place made = places_in_span(from, block, command.span);
    made.period = nanoseconds(command.period_us * 1e-6);
    return made;
}

source source_of(session& s, const record_command& command)
{
    const window_place from = s.device.window(command.window).at(parse_size(command.offset, "--offset"));
    source made;
    if (command.ring)
        made.ring = s.loop.run(open_ring(s.device, from));
    else
        made.place = place_of(command, from);
    made.options.in_flight = command.outstanding;
    if (command.acquisition || command.period_us > 0) made.options.mode = stream_mode::acquisition;
    if (command.memory.empty()) return made;
    const std::uint64_t blocks = parse_size(command.memory, "--memory") / made.block_bytes();
    if (blocks < command.outstanding || blocks > std::numeric_limits<unsigned>::max())
        throw error(errc::bad_argument, "--memory is " + command.memory + ", " + std::to_string(blocks) +
                                            " blocks, for " + std::to_string(command.outstanding) +
                                            " in flight");
    made.options.blocks = static_cast<unsigned>(blocks);
    return made;
}

record_options options_of(const record_command& command, std::size_t block)
{
    record_options options;
    options.block_bytes = block;
    options.outstanding = command.outstanding;
    options.existing = command.overwrite ? existing_record::overwrite
                       : command.resume  ? existing_record::resume
                                         : existing_record::refuse;
    options.direct = block >= 4096; // where a stream aligns its blocks
    if (!command.rotate_size.empty()) options.rotate_bytes = parse_size(command.rotate_size, "--rotate-size");
    options.rotate_time = nanoseconds(command.rotate_seconds);
    options.source = command.device + "/" + command.window + "@" + command.offset;
    return options;
}

int record(const record_command& command, const common_options& common)
{
    const device_spec spec = parse_spec(command.device);
    require_distinct({{"FILE", command.file},
                      {"backing=", spec.model.backing},
                      {"--report", common.report},
                      {"--trace", common.trace}});
    session s(spec, bulk_options());
    const source from = source_of(s, command);
    static_cast<void>(from.open(s.device)); // what cannot be read is refused before there is a file
    recorder out = s.loop.run(recorder::open(command.file, options_of(command, from.block_bytes())));
    outputs results(common);

    run_record run;
    run.command = "record";
    run.transfer_bytes = from.block_bytes();
    run.outstanding = command.outstanding;
    monitor m(run, s.device, common);
    record_limits until;
    if (!command.size.empty())
        until.blocks = (parse_size(command.size, "--size") + from.block_bytes() - 1) / from.block_bytes();
    until.time = nanoseconds(command.seconds);
    read_stream in = from.open(s.device);
    recording r(s, in, out, m, until, !command.ring);
    m.start(false, true);
    try {
        if (s.loop.simulation() != nullptr)
            s.run(r.run());
        else
            s.loop.run(r.run());
    } catch (...) {
        m.clear_line();
        static_cast<void>(
            s.loop.run(as_result(out.close()))); // what is there is kept; why it ended is what is told
        throw;
    }
    m.finish(monitor::span::first_to_last);
    s.loop.run(out.close());
    const record_statistics total = out.statistics();
    run.facts.emplace_back("Recorded", command.file);
    return results.deliver(run,
                           {{"file", command.file},
                            {"parts", total.parts},
                            {"blocks", total.blocks},
                            {"bytes", total.bytes},
                            {"lost", total.lost},
                            {"gaps", total.gaps},
                            {"copied_bytes", total.copied_bytes},
                            {"direct", total.direct}},
                           "recorded  " + grouped(total.blocks) + " blocks, " + human_size(total.bytes) +
                               ", lost " + grouped(total.lost) + " in " + grouped(total.gaps) + " gaps, " +
                               std::to_string(total.parts) + (total.parts == 1 ? " file" : " files") + "\n");
}

} // namespace

void add_record(CLI::App& app, common_options& common, chosen_command& chosen)
{
    CLI::App* const command = app.add_subcommand("record", "Record blocks of far memory into a file");
    command->footer(
        "The place in the window is read again and again, block after block of --span, until --size or\n"
        "--seconds are over, or a signal comes; with --ring, what a producer puts into the ring there, "
        "until\n"
        "it ends. Where the source does not wait, lost blocks are counted and located. The file is readable\n"
        "however the recording ends: see `counterflow records`.\n"
        "  counterflow record model:gen3x1 run.rec --seconds 10\n"
        "  counterflow record /dev/counterflow0 run.rec --window adc --ring --acquisition --memory 256MiB\n"
        "  counterflow record /dev/counterflow0 run.rec --window adc --period 1000 --rotate-size 4GiB");
    auto options = std::make_shared<record_command>();
    command->add_option("DEV", options->device, "A device spec")->required();
    command->add_option("FILE", options->file, "What is written; FILE.0001, ... when it rotates")->required();
    command->add_option("--window", options->window, "Far memory to read")->capture_default_str();
    command->add_option("--offset", options->offset, "Where in the window")->capture_default_str();
    CLI::Option* const block =
        command->add_option("--block", options->block, "Bytes a block")->capture_default_str();
    CLI::Option* const span = command->add_option(
        "--span", options->span, "Bytes that the blocks are taken from in turns (default: one block)");
    command->add_option("--size", options->size, "End after so many bytes");
    command->add_option("--seconds", options->seconds, "End after this time")->check(CLI::Range(0.0, 1e9));
    CLI::Option* const period =
        command
            ->add_option("--period", options->period_us,
                         "Microseconds after which the source refreshes the next block; it does not wait")
            ->check(CLI::Range(0.0, 1e9));
    command->add_flag("--ring", options->ring, "A ring lies there: it says the size of its blocks")
        ->excludes(block)
        ->excludes(span)
        ->excludes(period);
    command
        ->add_flag("--acquisition", options->acquisition,
                   "The producer does not wait: what it overwrites is lost")
        ->needs("--ring");
    command->add_option("--outstanding", options->outstanding, "Blocks in flight")
        ->check(CLI::Range(1u, 1024u))
        ->capture_default_str();
    command->add_option("--memory", options->memory,
                        "Bytes of blocks that wait for the disk (default: twice what is in flight)");
    command->add_option("--rotate-size", options->rotate_size, "Begin a new file before one is larger");
    command->add_option("--rotate-seconds", options->rotate_seconds, "Begin a new file after this time")
        ->check(CLI::Range(0.0, 1e9));
    CLI::Option* const overwrite =
        command->add_flag("--overwrite", options->overwrite, "Replace a recording that is there");
    command->add_flag("--resume", options->resume, "Go on with a recording that is there")
        ->excludes(overwrite);
    add_output_options(*command, common);
    add_run_options(*command, common);
    command->callback(
        [options, &common, &chosen] { chosen = [options, &common] { return record(*options, common); }; });
}

} // namespace cf::cli
