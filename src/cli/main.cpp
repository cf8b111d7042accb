// SPDX-License-Identifier: MIT
//
// The `counterflow` command: options, and what becomes of errors.
#include "cli/options.hpp"
#include "cli/print.hpp"
#include "log/log.hpp"

#include <counterflow/error.hpp>
#include <counterflow/log.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>
#include <sstream>
#include <string>

namespace cf::cli {
namespace {

constexpr const char* description =
    "Move data across a PCIe link with the DMA engine of its controllers, both directions at once.";

constexpr const char* footer =
    R"(DEV is a device spec: model:gen3x1,wr=4,rd=2 is a modelled endpoint in this process, and
sim:gen3x1 one in virtual time.

Examples:
  counterflow info model:gen4x8
  counterflow bench model:gen3x1 --size 64KiB --outstanding 16
  counterflow bench sim:gen5x16 --size 1MiB --outstanding 8
  counterflow plan sim:gen4x8,wr=2,rd=2 --report plan.html
  counterflow copy image.bin model:gen3x1,backing=far.mem/ram@0
  counterflow duplex model:gen3x1 --send image.bin --receive echo.bin --report run.html
  counterflow record model:gen3x1 run.rec --seconds 10 --block 1MiB
  counterflow serve model:gen3x4,wr=2,rd=2 --socket /tmp/endpoint.sock

Sizes take KiB, MiB and GiB. COUNTERFLOW_LOG sets log levels, as --log-level does.
Exit codes: 0 done, 1 failed, 2 wrong usage.)";

/// Whether the one who typed the command can put it right.
bool is_usage(const std::error_code& code)
{
    for (const errc wrong : {errc::bad_spec, errc::bad_argument, errc::zero_length, errc::out_of_range,
                             errc::misaligned, errc::no_such_window, errc::no_such_channel})
        if (code == wrong) return true;
    return false;
}

/// Whether what happened on the device before is part of the story.
bool is_of_the_device(const std::error_code& code)
{
    return code.category() == category() && code != errc::canceled;
}

int report_error(const std::string& message, int code)
{
    complain(message);
    return code;
}

/// What some codes themselves say is for programmers; their detail has cause and way out.
std::string message_of(const error& e)
{
    return e.code() == errc::bad_argument || e.code() == errc::not_set_up ? e.detail() : e.what();
}

int run(int argc, char** argv)
{
    CLI::App app(description, "counterflow");
    app.footer(footer);
    app.set_version_flag("--version", "counterflow " COUNTERFLOW_VERSION);
    app.require_subcommand(1);
    common_options common;
    chosen_command chosen;
    add_list(app, common, chosen);
    add_info(app, common, chosen);
    add_bench(app, common, chosen);
    add_copy(app, common, chosen);
    add_duplex(app, common, chosen);
    add_plan(app, common, chosen);
    add_record(app, common, chosen);
    add_records(app, common, chosen);
    add_replay(app, common, chosen);
    add_serve(app, common, chosen);
    add_torture(app, common, chosen);
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& e) { // --help, --version
        std::ostringstream text;
        app.exit(e, text, text);
        print(text.str());
        return done;
    } catch (const CLI::ParseError& e) {
        return report_error(std::string(e.what()) + "; see `counterflow --help`", usage);
    }
    if (!common.log_level.empty()) set_log_level(common.log_level);
    return chosen();
}

} // namespace

void add_output_options(CLI::App& command, common_options& common)
{
    command.add_flag("--json", common.json, "Print one JSON object instead of text");
    command.add_option("--log-level", common.log_level,
                       "trace, debug, info, warn, error or off, or by part: edma=debug,device=info");
}

void add_run_options(CLI::App& command, common_options& common)
{
    command.add_option("--report", common.report, "Draw the run into this HTML file");
    command.add_option("--trace", common.trace, "Write a trace for Perfetto into this JSON file");
    command.add_flag("-q,--quiet", common.quiet, "Show no progress");
}

} // namespace cf::cli

int main(int argc, char** argv)
{
    using namespace cf::cli;
    guard_standard_streams();
    cf::log::logger(cf::log::part::cli); // reads COUNTERFLOW_LOG, and says what is wrong with it
    try {
        return run(argc, argv);
    } catch (const cf::error& e) {
        if (is_usage(e.code())) return report_error(message_of(e), usage);
        report_error(message_of(e), failed);
        if (is_of_the_device(e.code())) cf::dump_last_events(stderr);
        return failed;
    } catch (const std::exception& e) {
        return report_error(e.what(), failed);
    }
}
