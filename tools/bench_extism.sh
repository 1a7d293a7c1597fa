#!/usr/bin/env bash
# The same Extism plugin under Extism's own host (its library, which pip fetches) and under Berth: one JSON line per size
# with both and their ratio.
set -eu -o pipefail
cd "$(dirname "$0")/.."
version=1.41.0
folder=build/extism-$version
plugin=build/release/guests/extism_plugin.wasm
if [ ! -f "$folder/extism_sys/libextism_sys.so" ]; then
    mkdir -p "$folder"
    if ! python3 -m pip download --quiet --no-deps --only-binary :all: --dest "$folder" \
        "extism-sys==$version" >"$folder/log" 2>&1; then
        echo "bench-extism: skipped: no pip here, or no package extism-sys $version for this machine ($folder/log)"
        exit 0
    fi
    python3 -m zipfile -e "$folder"/*.whl "$folder"
fi
cc -std=c17 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror bench/extism/host.c "$folder/extism_sys/libextism_sys.so" \
    -Wl,-rpath,"$PWD/$folder/extism_sys" -o "$folder/host"
# Turn about, twice, and the better of each: what else the machine does meets both.
{
    for _ in 1 2; do
        "$folder/host" "$plugin"
        build/release/bin/bench_extism
    done
} | awk -v their=extism_host_echo -v goal=0.2 -f tools/bench_pairs.awk
