# SPDX-License-Identifier: MIT
#
# Results, numbered over all boots of a run.
# shellcheck shell=sh

tap_number=0
tap_failed=0

# result ok|'not ok' TEXT
result() {
    tap_number=$((tap_number + 1))
    [ "$1" = ok ] || tap_failed=$((tap_failed + 1))
    printf '%s %d - %s\n' "$1" "$tap_number" "$2"
}

# plan: the last line, and the exit code.
plan() {
    printf '1..%d\n' "$tap_number"
    [ "$tap_number" -gt 0 ] && [ "$tap_failed" -eq 0 ]
}
