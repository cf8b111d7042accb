// SPDX-License-Identifier: MIT
//
// The outcome of a run: the table for people, and files that appear only when they are whole.
#include "cli/outputs.hpp"
#include "folder.hpp"
#include "sample_run.hpp"

#include <sstream>

using namespace cf::cli;

TEST_CASE("columns stay apart, however wide the numbers are", "[outputs]")
{
    run_record run = sample_run();
    for (const cf::direction d : both_directions) {
        run.of(d)->ceiling = 123.45e9;
        run.of(d)->bytes = 100'000'000'000'000;
        run.of(d)->transfers = 1'000'000'000'000;
    }
    const std::string text = text_table(run);
    CHECK(has(text, "  123.45 GB/s  "));
    CHECK(has(text, "  1,000,000,000,000  "));
    // Every column ends at the same place in every line of the table.
    std::istringstream lines(text);
    std::string header, line;
    while (std::getline(lines, header) && !has(header, "utilisation")) {
    }
    const std::size_t end = header.find("utilisation") + std::string("utilisation").size();
    while (std::getline(lines, line) && !line.empty()) {
        REQUIRE(line.size() > end);
        CHECK(line[end - 1] == '%');
        CHECK(line.substr(end, 2) == "  ");
    }
}

TEST_CASE("a report and a trace appear when they are whole", "[outputs]")
{
    const folder tmp;
    common_options options;
    options.report = tmp / "r.html";
    options.trace = tmp / "t.json";
    write_text(options.report, "old");
    {
        const outputs begun(options);
        CHECK(text_of(options.report) == "old");
    }
    CHECK(text_of(options.report) == "old");
    CHECK(tmp.size() == 1);
    {
        const stdout_to nowhere("/dev/null");
        outputs(options).deliver(sample_run());
    }
    CHECK(has(text_of(options.report), "</html>"));
    CHECK(has(text_of(options.trace), "traceEvents"));
    CHECK(tmp.size() == 2);
}

TEST_CASE("an unwritable second file leaves the first alone", "[outputs]")
{
    const folder tmp;
    common_options options;
    options.report = tmp / "r.html";
    options.trace = tmp / "absent/t.json";
    write_text(options.report, "old");
    CHECK_THROWS_AS(outputs(options), cf::error);
    CHECK(text_of(options.report) == "old");
    CHECK(tmp.size() == 1);
}

TEST_CASE("the exit code says whether it went well", "[outputs]")
{
    const auto code_of = [](const run_record& run) {
        const stdout_to nowhere("/dev/null");
        return outputs(common_options{}).deliver(run);
    };
    run_record run = sample_run();
    CHECK(code_of(run) == done);
    run.verified = false;
    CHECK(code_of(run) == failed);
    run.verified.reset();
    CHECK(code_of(run) == done);
    run.errors = 1;
    CHECK(code_of(run) == failed);
}
