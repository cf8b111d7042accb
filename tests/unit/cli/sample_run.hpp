// SPDX-License-Identifier: MIT
//
// A made-up run with every part filled in, for the tests of what is written from a run.
#pragma once

#include "cli/run_record.hpp"

inline cf::cli::run_record sample_run()
{
    cf::cli::run_record run;
    run.command = "bench";
    run.device = "model:gen3x1,wr=4,rd=2";
    run.started = "2025-01-31T12:00:00";
    run.link.generation = 3;
    run.channels = {"remote WR0", "remote WR1", "remote RD0"};
    run.facts = {{"Near end", "rp"}, {"Pages", "<huge> & \"pinned\""}};
    run.transfer_bytes = 65536;
    run.outstanding = 4;
    run.seconds = 2;
    run.cpu_seconds = 0.5;
    run.process_cpu_seconds = 2.5;
    run.verified = true;
    const cf::ceilings limits = cf::link_ceilings(run.link, cf::traffic::completions, cf::traffic::posted);
    for (const cf::direction d : cf::cli::both_directions) {
        cf::cli::direction_record record;
        record.ceiling = limits.of(d);
        record.seconds = run.seconds;
        record.transfers = 20'000;
        record.bytes = record.transfers * run.transfer_bytes;
        for (std::uint64_t i = 0; i < record.transfers; ++i) record.latency.record(300'000 + i * 10);
        run.of(d) = record;
    }
    for (int i = 1; i <= 100; ++i) run.samples.push_back({i * 0.02, 0.02, {13'107'200, 13'107'200}});
    return run;
}
