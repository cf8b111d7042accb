# SPDX-License-Identifier: MIT
#
# Reads the JSON objects of `counterflow bench`, one a line, and prints them as a table; appends them to the
# file that COUNTERFLOW_BENCH_JSON names. Fails when a run had errors, moved nothing or was not verified.

import json
import os
import sys

row = "{:<28} {:>8} {:>4} {:>9} {:>7} {:>9} {:>7} {:>9} {:>9} {:>10} {:>6}"
print(row.format("device", "size", "out", "rp>ep", "of ceil", "ep>rp", "of ceil", "p50 us", "p99 us", "cpu ns/tr", "cpu"))


def share(direction):
    return f"{100 * direction['utilisation']:.2f}%" if direction["ceiling_gbytes_per_s"] else "-"


def size(count):
    for unit, scale in ("MiB", 1 << 20), ("KiB", 1 << 10):
        if count % scale == 0:
            return f"{count // scale}{unit}"
    return str(count)


bad = 0
for line in sys.stdin:
    run = json.loads(line)
    out, back = run["rp_to_ep"], run["ep_to_rp"]
    transfers = out["transfers"] + back["transfers"]
    busy = run["cpu_ns_per_transfer"] * transfers / 1e9 / run["seconds"]
    print(row.format(
        run["device"], size(run["transfer_bytes"]), run["outstanding"],
        f"{out['gbytes_per_s']:.4f}", share(out), f"{back['gbytes_per_s']:.4f}", share(back),
        f"{max(out['latency_ns']['p50'], back['latency_ns']['p50']) / 1000:.1f}",
        f"{max(out['latency_ns']['p99'], back['latency_ns']['p99']) / 1000:.1f}",
        f"{run['cpu_ns_per_transfer']:.0f}", f"{100 * busy:.0f}%"), flush=True)
    bad += bool(run["errors"]) or not run["verified"] or not out["transfers"] or not back["transfers"]
    if os.environ.get("COUNTERFLOW_BENCH_JSON"):
        with open(os.environ["COUNTERFLOW_BENCH_JSON"], "a") as numbers:
            numbers.write(json.dumps({"bench": "link", **run}) + "\n")

if bad:
    sys.exit(f"{bad} runs had errors, moved nothing or were not verified")
