// SPDX-License-Identifier: MIT
//
// `counterflow copy`: a file into a window, or a window's range into a file.
#include "cli/distinct.hpp"
#include "cli/format.hpp"
#include "cli/input_file.hpp"
#include "cli/monitor.hpp"
#include "cli/options.hpp"
#include "cli/output_file.hpp"
#include "cli/outputs.hpp"
#include "cli/pipeline.hpp"
#include "cli/place.hpp"
#include "cli/print.hpp"
#include "cli/session.hpp"

#include <counterflow/error.hpp>
#include <counterflow/scope.hpp>
#include <counterflow/when_any.hpp>

#include <CLI/CLI.hpp>

#include <memory>
#include <optional>

namespace cf::cli {
namespace {

struct copy_options {
    std::string source, destination;
    std::string size;
    std::string block = "256KiB";
    unsigned outstanding = 8;
    bool verify = false;
};

/// One copy of a range of a window: to it from `source`, or from it to `destination`; the other is null.
class copy_run {
public:
    copy_run(device& dev, const place& where, block_plan plan, unsigned lanes, const input_file* source,
             const output_file* destination, monitor& m)
        : dev_(dev),
          window_(dev.window(where.window)),
          offset_(where.offset),
          plan_(plan),
          lanes_(lanes),
          source_(source),
          destination_(destination),
          monitor_(m),
          memory_(dev.allocate(plan.block * lanes))
    {
    }

    task<> run() { return all(source_ ? &copy_run::write_lane : &copy_run::read_lane); }
    /// Reads the range once more: hash() and again() are alike when it still holds the same.
    task<> verify_all() { return with_lanes(&copy_run::verify_lane); }

    const ordered_hash& hash() const noexcept { return hash_; }
    const ordered_hash& again() const noexcept { return again_; }

private:
    using lane = task<> (copy_run::*)(unsigned);

    task<> with_lanes(lane each);
    task<> all(lane each);
    task<> watched(lane each);
    task<> write_lane(unsigned index);
    task<> read_lane(unsigned index);
    task<> verify_lane(unsigned index);

    std::size_t memory_offset(unsigned index) const noexcept { return plan_.block * index; }
    std::span<std::byte> bytes(unsigned index, std::size_t size) const noexcept
    {
        return memory_.bytes().subspan(memory_offset(index), size);
    }
    window_place far(std::uint64_t block) const noexcept { return window_.at(offset_ + plan_.offset(block)); }

    device& dev_;
    const cf::window window_;
    const std::uint64_t offset_;
    const block_plan plan_;
    const unsigned lanes_;
    const input_file* const source_;
    const output_file* const destination_;
    monitor& monitor_;
    buffer memory_; ///< a block for each lane
    ordered_hash hash_;
    ordered_hash again_;
    std::uint64_t next_ = 0; ///< block that no lane has taken
};

task<> copy_run::with_lanes(lane each)
{
    next_ = 0;
    co_await with_scope([this, each](scope& lanes) -> task<> {
        for (unsigned i = 0; i < lanes_; ++i) lanes.spawn((this->*each)(i));
        co_return;
    });
}

task<> copy_run::all(lane each) { co_await when_any(with_lanes(each), monitor_.watch(plan_.bytes)); }

task<> copy_run::write_lane(unsigned index)
{
    while (next_ < plan_.count()) {
        const std::uint64_t block = next_++;
        const std::size_t size = plan_.size(block);
        co_await source_->read(bytes(index, size), plan_.offset(block));
        co_await hash_.add(block, bytes(index, size));
        const std::uint64_t start = monitor_.now();
        co_await dev_.write(memory_.slice(memory_offset(index), size), far(block));
        monitor_.count(transfer_kind::write, size, start, monitor_.now());
    }
}

task<> copy_run::read_lane(unsigned index)
{
    while (next_ < plan_.count()) {
        const std::uint64_t block = next_++;
        const std::size_t size = plan_.size(block);
        const std::uint64_t start = monitor_.now();
        co_await dev_.read(memory_.slice(memory_offset(index), size), far(block));
        monitor_.count(transfer_kind::read, size, start, monitor_.now());
        co_await hash_.add(block, bytes(index, size));
        co_await destination_->write(bytes(index, size), plan_.offset(block));
    }
}

task<> copy_run::verify_lane(unsigned index)
{
    while (next_ < plan_.count()) {
        const std::uint64_t block = next_++;
        const std::size_t size = plan_.size(block);
        co_await dev_.read(memory_.slice(memory_offset(index), size), far(block));
        co_await again_.add(block, bytes(index, size));
    }
}

/// The number of bytes to copy. Throws cf::error when they do not fit.
std::uint64_t copied_bytes(const copy_options& options, const device& dev, const place& where,
                           std::optional<std::uint64_t> file_size)
{
    const cf::window window = dev.window(where.window);
    const std::string at = where.window + "@" + std::to_string(where.offset);
    if (where.offset > window.size())
        throw error(errc::out_of_range, at + " lies outside of the window, which has " +
                                            std::to_string(window.size()) + " bytes");
    const std::uint64_t room = window.size() - where.offset;
    std::uint64_t bytes = file_size.value_or(room);
    if (!options.size.empty()) {
        bytes = parse_size(options.size, "--size");
        if (file_size && bytes > *file_size)
            throw error(errc::out_of_range, "--size is " + options.size + ", more than the " +
                                                std::to_string(*file_size) + " bytes of " + options.source);
    }
    if (bytes > room)
        throw error(errc::out_of_range, std::to_string(bytes) + " bytes do not fit at " + at + ", where " +
                                            std::to_string(room) + " bytes are left");
    const std::size_t alignment = dev.info().alignment;
    if (bytes % alignment != 0 || where.offset % alignment != 0)
        throw error(errc::misaligned, std::to_string(bytes) + " bytes at " + at +
                                          ": both must be multiples of " + std::to_string(alignment));
    return bytes;
}

void warn_if_memory_ends(const place& where, bool writes)
{
    const device_spec& spec = where.device;
    const bool modelled =
        spec.kind == device_spec::kind_t::model || spec.kind == device_spec::kind_t::simulation;
    if (!modelled || !spec.model.backing.empty()) return;
    complain(writes ? "warning: the memory of this model ends with the command; add backing=FILE to its "
                      "spec to keep it"
                    : "warning: the memory of this model began with the command and holds zeros; add "
                      "backing=FILE to its spec to read what an earlier command wrote");
}

int copy(const copy_options& options, const common_options& common)
{
    const std::optional<place> from = parse_place(options.source), to = parse_place(options.destination);
    if (from.has_value() == to.has_value())
        throw error(errc::bad_argument,
                    from ? "SRC and DST are both far memory; one of them must be a file"
                         : "SRC and DST are both files; one of them must be DEV/WINDOW@OFFSET");
    const bool writes = to.has_value();
    const place& where = writes ? *to : *from;
    const std::uint64_t block = parse_size(options.block, "--block");
    if (block == 0) throw error(errc::bad_argument, "--block is 0; it must be at least 1");

    require_distinct({{writes ? "SRC" : "DST", writes ? options.source : options.destination},
                      {"backing=", where.device.model.backing},
                      {"--report", common.report},
                      {"--trace", common.trace}});
    std::optional<input_file> source;
    if (writes) source.emplace(options.source);
    session s(where.device, bulk_options());
    const std::size_t alignment = s.device.info().alignment;
    if (block < alignment)
        throw error(errc::misaligned, "--block is " + options.block + ", less than the " +
                                          std::to_string(alignment) + " bytes the engine needs");
    const std::uint64_t bytes =
        copied_bytes(options, s.device, where, source ? std::optional(source->size()) : std::nullopt);
    const block_plan plan{bytes, block_for(bytes, block - block % alignment, alignment)};
    std::optional<output_file> destination;
    if (!writes) destination.emplace(options.destination, output_file::order::any);
    outputs out(common);
    if (destination) destination->reserve(plan.bytes);
    warn_if_memory_ends(where, writes);

    run_record run;
    run.command = "copy";
    run.transfer_bytes = plan.block;
    run.outstanding = static_cast<unsigned>(
        std::min<std::uint64_t>(options.outstanding, std::max<std::uint64_t>(1, plan.count())));
    monitor m(run, s.device, common);
    copy_run c(s.device, where, plan, run.outstanding, source ? &*source : nullptr,
               destination ? &*destination : nullptr, m);
    m.start(writes, !writes);
    s.run(c.run());
    m.finish(monitor::span::first_to_last);
    if (options.verify) {
        s.run(c.verify_all());
        run.verified = c.hash().text() == c.again().text();
    }
    const bool commits = destination && run.verified.value_or(true);
    if (commits) destination->commit();

    run.facts.emplace_back("From", options.source);
    run.facts.emplace_back("To", options.destination);
    run.facts.emplace_back("XXH3-128", c.hash().text());
    return out.deliver(run,
                       {{"source", options.source},
                        {"destination", options.destination},
                        {"bytes", plan.bytes},
                        {"xxh3_128", c.hash().text()}},
                       "bytes     " + grouped(plan.bytes) + "\nXXH3-128  " + c.hash().text() + "\n" +
                           (destination && !commits ? options.destination + " was left as it was\n" : ""));
}

} // namespace

void add_copy(CLI::App& app, common_options& common, chosen_command& chosen)
{
    CLI::App* const command =
        app.add_subcommand("copy", "Copy a file to far memory, or far memory to a file");
    command->footer("Far memory is written DEV/WINDOW@OFFSET. A model keeps it in a file with backing=:\n"
                    "  counterflow copy image.bin model:gen3x1,backing=far.mem/ram@0\n"
                    "  counterflow copy model:gen3x1,backing=far.mem/ram@4KiB part.bin --size 64KiB");
    auto options = std::make_shared<copy_options>();
    command->add_option("SRC", options->source, "A file, or DEV/WINDOW@OFFSET")->required();
    command
        ->add_option("DST", options->destination,
                     "The other of the two; a file is replaced once all is copied")
        ->required();
    command->add_option("--size", options->size,
                        "Bytes to copy (default: the whole file, or to the window's end)");
    command->add_option("--block", options->block, "Bytes a transfer")->capture_default_str();
    command->add_option("--outstanding", options->outstanding, "Blocks in flight")
        ->check(CLI::Range(1u, 1024u))
        ->capture_default_str();
    command->add_flag("--verify", options->verify, "Read the far memory once more and compare");
    add_output_options(*command, common);
    add_run_options(*command, common);
    command->callback(
        [options, &common, &chosen] { chosen = [options, &common] { return copy(*options, common); }; });
}

} // namespace cf::cli
