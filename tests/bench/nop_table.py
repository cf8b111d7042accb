# SPDX-License-Identifier: MIT
#
# usage: nop_table.py NOP_BENCH...
# Prints what an awaited no-op costs, for each build of the program. Instructions are user instructions by callgrind,
# the slope between two counts; nanoseconds are the least of ten processes, taken in turns. Appends to the file
# COUNTERFLOW_BENCH_JSON names.

import json
import os
import re
import subprocess
import sys
import tempfile

# Tasks, and in which way; "in scope": a stop request would reach them, as it would the 32 tasks.
modes = {"one task": (1,), "32 tasks": (32,), "nested": (1, "nested"), "in scope": (1, "scoped"),
         "nested in scope": (1, "nested", "scoped"), "in timeout": (1, "limited")}
# What a mode is compared with when it is not the loops without coroutines.
own = {"nested": "one task", "in scope": "one task", "nested in scope": "in scope", "in timeout": "one task"}
# What is asked of the ratio of instructions.
goals = {"one task": 1.25, "32 tasks": 1.75, "nested": 1.5, "nested in scope": 1.5}
wall_goals = dict.fromkeys(("one task", "32 tasks"), 1.15)


def run(program, contender, count, mode, prefix=()):
    tasks, *ways = modes[mode]
    command = [*prefix, program, contender, str(count), str(tasks), *ways]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: {done.stdout}{done.stderr}")
    return json.loads(done.stdout), done.stderr


def instructions(program, contender, mode):
    counts = 640, 6400
    with tempfile.TemporaryDirectory() as folder:
        prefix = "valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out"
        collected = [int(re.search(r"Collected : (\d+)", run(program, contender, count, mode, prefix)[1])[1])
                     for count in counts]
    return (collected[1] - collected[0]) / (counts[1] - counts[0])


def allocations(program, contender, mode):
    """Those of a hundred thousand operations, less those of a few."""
    few, many = (run(program, contender, count, mode)[0]["allocations"] for count in (640, 100_000))
    return many - few


def fastest(program, contenders, mode):
    best = {}
    for _ in range(10):
        for contender in contenders:
            result, _ = run(program, contender, 320_000, mode)
            best[contender] = min(best.get(contender, 1e9), result["ns_per_op"])
    return best


def keep(**numbers):
    if os.environ.get("COUNTERFLOW_BENCH_JSON"):
        with open(os.environ["COUNTERFLOW_BENCH_JSON"], "a") as file:
            file.write(json.dumps({"bench": "nop", **numbers}) + "\n")


def verdict(ratio, goal):
    return f"{ratio:.2f}" + (f" ({'within' if ratio <= goal else 'over'} {goal})" if goal else "")


row = "  {:<15} {:<13} {:>7} {:>8} {:>6}   {}"
for program in sys.argv[1:]:
    compiler = os.path.basename(os.path.dirname(program)).removeprefix("by-")
    print(f"{compiler} -O2")
    print(row.format("", "", "Ir/op", "ns/op", "new", "ratio"))
    ours = {}
    for mode in modes:
        contenders = ["awaited"] if mode in own else ["awaited", "by_hand", "by_hand_bare", "plain", "on_liburing"]
        ir = {c: instructions(program, c, mode) for c in contenders}
        ns = fastest(program, contenders, mode)
        ours[mode] = ir["awaited"], ns["awaited"]
        # The loop by hand is the fastest we know, the plain one what the goals were set with.
        bases = {own[mode]: ours[own[mode]]} if mode in own else {c: (ir[c], ns[c]) for c in ("by_hand", "plain")}
        for c in contenders:
            new = allocations(program, c, mode)
            asked = (goals.get(mode), wall_goals.get(mode)) if c == "awaited" else (None, None)
            said = "; ".join(f"to {name} {verdict(ir[c] / base[0], asked[0])}, wall {verdict(ns[c] / base[1], asked[1])}"
                             for name, base in bases.items())
            print(row.format(mode if c == "awaited" else "", c, f"{ir[c]:.1f}", f"{ns[c]:.0f}", new, said), flush=True)
            keep(compiler=compiler, mode=mode, contender=c, instructions=ir[c], ns_per_op=ns[c], allocations=new)
