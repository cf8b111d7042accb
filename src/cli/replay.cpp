// SPDX-License-Identifier: MIT
//
// `counterflow replay`: writes the blocks of a recorded file to far memory, in their order. The file is read
// one block after the other, into the memory that the engine then takes it from.
#include "cli/distinct.hpp"
#include "cli/format.hpp"
#include "cli/monitor.hpp"
#include "cli/options.hpp"
#include "cli/outputs.hpp"
#include "cli/pipeline.hpp"
#include "cli/print.hpp"
#include "cli/session.hpp"

#include <counterflow/error.hpp>
#include <counterflow/record.hpp>
#include <counterflow/scope.hpp>
#include <counterflow/when_any.hpp>

#include <CLI/CLI.hpp>

#include <memory>
#include <optional>

namespace cf::cli {
namespace {

struct replay_options {
    std::string file, device;
    std::string window = "ram";
    std::string offset = "0", span;
    unsigned outstanding = 8;
};

class replay_run {
public:
    replay_run(device& dev, window_place to, std::uint64_t slots, unsigned lanes, record_reader& from,
               monitor& m)
        : dev_(dev),
          to_(to),
          slots_(slots),
          room_((from.info().block_bytes + dev.info().alignment - 1) / dev.info().alignment *
                dev.info().alignment),
          lanes_(lanes),
          from_(from),
          monitor_(m),
          memory_(dev.allocate(room_ * lanes)),
          written_(lanes + 1)
    {
    }

    task<> run() { co_await when_any(all_blocks(), monitor_.watch(0)); }

    std::uint64_t blocks() const noexcept { return blocks_; }
    std::uint64_t damaged() const noexcept { return damaged_ + from_.damage().size(); }

private:
    task<> all_blocks()
    {
        co_await with_scope([this](scope& all) -> task<> {
            for (;;) {
                const std::optional<recorded_block> block = co_await from_.next();
                if (!block) co_return;
                if (blocks_ >= lanes_) co_await written_.front().reaches(blocks_ - lanes_ + 1);
                const std::uint64_t place = blocks_ % lanes_ * room_;
                const bool good = co_await from_.read(*block, memory_.bytes().subspan(place, room_));
                if (good)
                    all.spawn(write(blocks_++, block->bytes));
                else
                    ++damaged_;
            }
        });
    }

    task<> write(std::uint64_t number, std::size_t bytes)
    {
        // What the engine can move; what stands behind a block's end is from an earlier one.
        const std::size_t alignment = dev_.info().alignment;
        const std::size_t padded = (bytes + alignment - 1) / alignment * alignment;
        const std::uint64_t begun = monitor_.now();
        co_await dev_.write(memory_.slice(number % lanes_ * room_, padded),
                            window_place{to_.device, to_.window, to_.offset + number % slots_ * room_});
        monitor_.count(transfer_kind::write, bytes, begun, monitor_.now());
        written_.mark(number);
    }

    device& dev_;
    const window_place to_;
    const std::uint64_t slots_;
    const std::size_t room_; ///< of a block, in near and far memory
    const unsigned lanes_;
    record_reader& from_;
    monitor& monitor_;
    buffer memory_;
    completion_front written_;
    std::uint64_t blocks_ = 0, damaged_ = 0;
};

int replay(const replay_options& options, const common_options& common)
{
    const device_spec spec = parse_spec(options.device);
    require_distinct({{"FILE", options.file},
                      {"backing=", spec.model.backing},
                      {"--report", common.report},
                      {"--trace", common.trace}});
    session s(spec, bulk_options());
    record_reader from = s.loop.run(record_reader::open(options.file));
    const std::size_t block = from.info().block_bytes;
    const window_place to = s.device.window(options.window).at(parse_size(options.offset, "--offset"));
    const std::uint64_t span = options.span.empty() ? block : parse_size(options.span, "--span");
    if (span < block)
        throw error(errc::bad_argument,
                    "--span is " + options.span + ", less than a block of " + std::to_string(block));
    outputs out(common);

    run_record run;
    run.command = "replay";
    run.transfer_bytes = block;
    run.outstanding = options.outstanding;
    monitor m(run, s.device, common);
    replay_run r(s.device, to, span / block, options.outstanding, from, m);
    m.start(true, false);
    s.run(r.run());
    m.finish(monitor::span::first_to_last);
    if (r.damaged() != 0)
        complain("warning: " + grouped(r.damaged()) + " damaged or unfinished blocks of " + options.file +
                 " were passed over; see `counterflow records`");
    run.facts.emplace_back("Replayed", options.file);
    return out.deliver(run, {{"file", options.file}, {"blocks", r.blocks()}, {"damaged", r.damaged()}},
                       "replayed  " + grouped(r.blocks()) + " blocks\n");
}

} // namespace

void add_replay(CLI::App& app, common_options& common, chosen_command& chosen)
{
    CLI::App* const command =
        app.add_subcommand("replay", "Write the blocks of a recorded file to far memory");
    auto options = std::make_shared<replay_options>();
    command->add_option("FILE", options->file, "What `counterflow record` wrote")->required();
    command->add_option("DEV", options->device, "A device spec")->required();
    command->add_option("--window", options->window, "Far memory to write")->capture_default_str();
    command->add_option("--offset", options->offset, "Where in the window")->capture_default_str();
    command->add_option("--span", options->span, "Bytes that the blocks go to in turns (default: one block)");
    command->add_option("--outstanding", options->outstanding, "Blocks in flight")
        ->check(CLI::Range(1u, 1024u))
        ->capture_default_str();
    add_output_options(*command, common);
    add_run_options(*command, common);
    command->callback(
        [options, &common, &chosen] { chosen = [options, &common] { return replay(*options, common); }; });
}

} // namespace cf::cli
