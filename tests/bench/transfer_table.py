# SPDX-License-Identifier: MIT
#
# usage: transfer_table.py TRANSFER_BENCH
# Runs the contenders and prints their costs beside each other. Instructions are user instructions by callgrind,
# the slope between two counts, so start-up does not matter. Those of the model, which plays the hardware inside
# the loads and stores of its registers, are given apart. Appends to the file COUNTERFLOW_BENCH_JSON names.

import json
import os
import re
import subprocess
import sys
import tempfile

bench = sys.argv[1]
polling = "model:null,wr=2,rd=2,wake=poll"
by_interrupt = "model:null,wr=2,rd=2"
# Everything the model does happens inside these two; with them callgrind counts only what is inside.
hardware = ["--toggle-collect=cf::model::in_process::space::load_slow*",
            "--toggle-collect=cf::model::in_process::space::store_slow*"]


def run(contender, count, tasks, device, prefix=()):
    done = subprocess.run([*prefix, bench, contender, str(count), str(tasks), device],
                          capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    result = json.loads(done.stdout)
    if result["completed"] != count:
        sys.exit(f"{contender}: {result['completed']} of {count} transfers completed")
    return result, done.stderr


def instructions(contender, tasks, device, options=()):
    """User instructions a transfer."""
    counts = tasks + 2000, tasks + 22000
    with tempfile.TemporaryDirectory() as folder:
        collected = []
        for count in counts:
            prefix = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out", *options]
            _, said = run(contender, count, tasks, device, prefix)
            collected.append(int(re.search(r"Collected : (\d+)", said)[1]))
    return (collected[1] - collected[0]) / (counts[1] - counts[0])


def fastest(contender, count, tasks, device, times=5):
    """The run with the least time: other load can only add to it."""
    return min((run(contender, count, tasks, device)[0] for _ in range(times)), key=lambda r: r["ns_per_transfer"])


def keep(**numbers):
    if os.environ.get("COUNTERFLOW_BENCH_JSON"):
        with open(os.environ["COUNTERFLOW_BENCH_JSON"], "a") as file:
            file.write(json.dumps({"bench": "transfer", **numbers}) + "\n")


print("One write of 4 KiB, 32 outstanding, null link, polling")
row = "  {:<12} {:>12} {:>16} {:>10} {:>8}"
print(row.format("", "Ir/transfer", "without model", "ns", "new"))
cost = {}
for contender in "by_hand", "awaited":
    whole = instructions(contender, 32, polling)
    software = whole - instructions(contender, 32, polling, hardware)
    timed = fastest(contender, 1_000_000, 32, polling)
    cost[contender] = whole, software, timed["ns_per_transfer"]
    print(row.format(contender, f"{whole:.0f}", f"{software:.0f}", f"{timed['ns_per_transfer']:.0f}",
                     timed["allocations"]), flush=True)
    keep(contender=contender, device=polling, outstanding=32, instructions=whole, instructions_without_model=software,
         ns_per_transfer=timed["ns_per_transfer"], allocations=timed["allocations"], completed=timed["completed"])
    if contender == "awaited" and timed["allocations"]:
        sys.exit(f"{timed['allocations']} allocations in a million transfers")
ratios = [a / h for a, h in zip(cost["awaited"], cost["by_hand"])]
print(row.format("ratio", f"{ratios[0]:.2f}", f"{ratios[1]:.2f}", f"{ratios[2]:.2f}", ""))

print("\nThe same by number of awaiting tasks")
row = "  {:>9} {:>12} {:>16} {:>10} {:>8}"
print(row.format("tasks", "Ir/transfer", "without model", "ns", "new"))
for tasks in 1, 100, 10_000, 1_000_000:
    # A million tasks under callgrind take minutes and show what ten thousand show.
    counted = tasks <= 10_000
    whole = instructions("awaited", tasks, polling) if counted else None
    software = whole - instructions("awaited", tasks, polling, hardware) if counted else None
    timed = fastest("awaited", max(1_000_000, 3 * tasks), tasks, polling, 3)
    print(row.format(tasks, f"{whole:.0f}" if counted else "-", f"{software:.0f}" if counted else "-",
                     f"{timed['ns_per_transfer']:.0f}", timed["allocations"]), flush=True)
    keep(contender="awaited", device=polling, outstanding=tasks, instructions=whole,
         instructions_without_model=software, ns_per_transfer=timed["ns_per_transfer"],
         allocations=timed["allocations"], completed=timed["completed"])

# In these, instructions are of a program that sleeps between interrupts: system calls count as what leads to them.
print("\nThe same device in a Boost.Asio program, woken by its interrupt")
row = "  {:<14} {:>6} {:>12} {:>16} {:>10} {:>12}"
print(row.format("", "tasks", "Ir/transfer", "without model", "ns", "new"))
for tasks in 1, 32:
    for contender in "awaited", "through_asio", "asio_callbacks", "on_asio":
        whole = instructions(contender, tasks, by_interrupt)
        software = whole - instructions(contender, tasks, by_interrupt, hardware)
        timed = fastest(contender, 300_000, tasks, by_interrupt)
        print(row.format(contender, tasks, f"{whole:.0f}", f"{software:.0f}", f"{timed['ns_per_transfer']:.0f}",
                         timed["allocations"]), flush=True)
        keep(contender=contender, device=by_interrupt, outstanding=tasks, instructions=whole,
             instructions_without_model=software, ns_per_transfer=timed["ns_per_transfer"],
             allocations=timed["allocations"], completed=timed["completed"])

print("\nWoken by the engine's eventfd: tasks, a Boost.Asio loop on the driver, a thread a transfer")
row = "  {:<12} {:>9} {:>12} {:>10} {:>12}"
print(row.format("", "tasks", "transfers", "ns", "new"))
for tasks in 1, 100, 1000:
    for contender, count in ("awaited", 200_000), ("on_asio", 200_000), ("in_threads", 20_000):
        timed = fastest(contender, count, tasks, by_interrupt, 3)
        print(row.format(contender, tasks, timed["completed"], f"{timed['ns_per_transfer']:.0f}",
                         timed["allocations"]), flush=True)
        keep(contender=contender, device=by_interrupt, outstanding=tasks, instructions=None,
             instructions_without_model=None, ns_per_transfer=timed["ns_per_transfer"],
             allocations=timed["allocations"], completed=timed["completed"])
