# SPDX-License-Identifier: MIT
#
# What a kernel log must not say.
# shellcheck shell=sh

trouble='BUG:|WARNING:|Oops|general protection fault|Kernel panic|Call Trace|Unable to handle|lockdep|possible '\
'(circular|recursive) locking|inconsistent lock state|suspicious RCU|DMA-API|KASAN|UBSAN|KCSAN|refcount_t|nobody '\
'cared|blocked for more than|scheduling while atomic|sleeping function called|list_(add|del) corruption|rcu.*stall|'\
'soft lockup|hard LOCKUP|kmemleak: [1-9]|Bad page|bad_page|use-after-free'

# trouble_in LOG: the lines that mean trouble; none when all is well.
trouble_in() { grep -nE "$trouble" "$1" | grep -vF -e 'lockdep is turned off' | head -n 20; }
