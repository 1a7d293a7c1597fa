#!/bin/sh
# Runs a program under valgrind: a bad access, a decision on uninitialized memory and lost memory
# each end it with status 99.  What the valgrind preset starts test programs with.
exec valgrind -q --error-exitcode=99 --leak-check=full --show-leak-kinds=definite,possible \
    --errors-for-leak-kinds=definite,possible --num-callers=24 --fair-sched=try \
    --suppressions="$(dirname "$0")/../tests/valgrind.supp" "$@"
