#!/usr/bin/env bash
# The same component, called through the engine's typed path in Rust (bench/typed) and by Berth: one
# JSON line per size with both and their ratio.  Building the first takes minutes.
set -eu -o pipefail
cd "$(dirname "$0")/.."
if ! command -v cargo >/dev/null 2>&1; then
    echo "bench-typed: skipped: there is no cargo here"
    exit 0
fi
component=build/release/guests/bench_pipe.component.wasm
target=${CARGO_TARGET_DIR:-build/typed}
CARGO_TARGET_DIR=$target cargo build --release --locked --quiet --manifest-path bench/typed/Cargo.toml
# Turn about, twice, and the better of each: what else the machine does meets both.
{
    for _ in 1 2; do
        "$target/release/berth-bench-typed" "$component"
        build/release/bin/bench_process "$component"
    done
} | awk -v their=typed_process -v goal=0.45 -f tools/bench_pairs.awk
