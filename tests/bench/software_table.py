# SPDX-License-Identifier: MIT
#
# Runs the benchmark of what software takes a few times and prints each run and the medians; appends these to
# the file that COUNTERFLOW_BENCH_JSON names.

import json
import os
import statistics
import subprocess
import sys

names = "cpu_ns", "turn_ns", "irq_ns"
row = "{:<8} {:>16} {:>16} {:>16}"
print(row.format("", "a transfer, ns", "a turn, ns", "a wake-up, ns"))
runs = []
for number in range(1, 6):
    runs.append(json.loads(subprocess.run(sys.argv[1:], check=True, capture_output=True).stdout))
    print(row.format(number, *(runs[-1][name] for name in names)), flush=True)
medians = {name: statistics.median(run[name] for run in runs) for name in names}
print(row.format("median", *medians.values()))
if os.environ.get("COUNTERFLOW_BENCH_JSON"):
    with open(os.environ["COUNTERFLOW_BENCH_JSON"], "a") as numbers:
        numbers.write(json.dumps({"bench": "software", **medians}) + "\n")
