#!/usr/bin/env bash
# Runs each benchmark of the release build; one JSON line per case on stdout, kept in
# build/release/bench.jsonl.
set -eu -o pipefail
cd "$(dirname "$0")/.."
shopt -s nullglob
programs=(build/release/bin/bench_*)
if [ ${#programs[@]} -eq 0 ]; then
    echo "bench: no benchmark is built; run make" >&2
    exit 1
fi
: >build/release/bench.jsonl
status=0
for program in "${programs[@]}"; do
    "$program" "$@" | tee -a build/release/bench.jsonl || status=1
done
exit $status
