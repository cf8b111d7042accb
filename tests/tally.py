# SPDX-License-Identifier: MIT
#
# Counts what a `meson test` run did, case by case, from its testlog.json: "PASSED FAILED SKIPPED" on
# standard output, whatever went wrong on standard error. A program that crashed, ran out of time, did not
# start, or failed without a failed case is a failure; so is one that ran no case at all.

import json
import re
import sys

catch_all_passed = re.compile(r"^All tests passed \(.*?(\d+) test cases?\)\s*$", re.M)
catch_summary = re.compile(r"^test cases:\s*(\d+)((?: *\| *\d+ [a-z ]+)+)$", re.M)
tap_line = re.compile(r"^(not )?ok\b([^\n]*)", re.M)


def catch_cases(text):
    """(passed, failed, skipped) from Catch2's console report, or None when it gave none."""
    found = catch_all_passed.search(text)
    if found:
        return int(found[1]), 0, 0
    if re.search(r"^No tests ran", text, re.M):
        return 0, 1, 0
    found = catch_summary.search(text)
    if not found:
        return None
    numbers = dict.fromkeys(("passed", "failed", "skipped", "failed as expected"), 0)
    for number, kind in re.findall(r"(\d+) ([a-z ]+?) *(?=\||$)", found[2]):
        numbers[kind] = int(number)
    return numbers["passed"] + numbers["failed as expected"], numbers["failed"], numbers["skipped"]


def tap_cases(text):
    """(passed, failed, skipped) from TAP, or None when this is none."""
    if not re.search(r"^1\.\.\d+", text, re.M):
        return None
    passed = failed = skipped = 0
    for negation, rest in tap_line.findall(text):
        if re.search(r"# *skip", rest, re.I):
            skipped += 1
        elif negation:
            failed += 1
        else:
            passed += 1
    return passed, failed, skipped


def count(test):
    """What one program adds, and whether that is trouble to show."""
    text, outcome = test.get("stdout") or "", test["result"]
    cases = catch_cases(text) or tap_cases(text)
    if outcome == "SKIP":
        return (0, 0, 1)
    if outcome in ("OK", "EXPECTEDFAIL"):
        return cases or (1, 0, 0)
    # Whatever its cases say: a leak report or a crash at the end fails it too.
    passed, failed, skipped = cases or (0, 0, 0)
    return passed, max(failed, 1), skipped


def main(path):
    total = [0, 0, 0]
    with open(path) as log:
        for test in map(json.loads, log):
            added = count(test)
            total = [a + b for a, b in zip(total, added)]
            if added[1]:
                print(f"\nFAILED: {test['name']} ({test['result']}, exit code {test['returncode']})", file=sys.stderr)
                for stream in ("stdout", "stderr"):
                    lines = (test.get(stream) or "").splitlines()
                    print(*lines[-80:], sep="\n", file=sys.stderr)
    if sum(total[:2]) == 0:
        print("No test ran.", file=sys.stderr)
        total[1] = 1
    print(*total)


main(sys.argv[1])
