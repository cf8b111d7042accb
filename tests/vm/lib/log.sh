# SPDX-License-Identifier: MIT
#
# What a kernel log must not say.
# shellcheck shell=sh

trouble='BUG:|WARNING:|Oops|general protection fault|Kernel panic|Call Trace|Unable to handle|lockdep|DMA-API|KASAN'\
'|UBSAN|KCSAN|ODEBUG|possible (circular|recursive) locking|inconsistent lock state|suspicious RCU|refcount_t|nobody cared'\
'|blocked for more than|scheduling while atomic|sleeping function called|list_(add|del) corruption|use-after-free'\
'|detected (expedited )?stall|soft lockup|hard LOCKUP|kmemleak: [1-9]|[Bb]ad.page'
# What debug kernels say when all is well.
harmless='lockdep is turned off|RCU lockdep checking is enabled|DMA-API: (preallocated|debugging enabled)'

# trouble_in LOG: the lines that mean trouble, each with the check it came in; none when all is well.
trouble_in() {
    awk -v trouble="$trouble" -v harmless="$harmless" '
        /(^| )test: / { sub(/.*test: /, ""); check = $0; next }
        # An allocation that fails may be reported with a backtrace, and there all of them do.
        check == "fail-nth" && /Call Trace|cacheline tracking ENOMEM/ { next }
        $0 ~ trouble && $0 !~ harmless { print NR ": " $0 (check == "" ? "" : " [in: " check "]") }' "$1" | head -n 20
}
