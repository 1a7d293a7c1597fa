#!/usr/bin/env bash
# -DBERTH_WASMTIME_ROOT=DIR takes a prebuilt C API of the engine, without Rust: from any folder that has
# include/ and lib/libwasmtime.a of the right version, and says what is wrong with another.
set -eu
[ -n "${BERTH_ENGINE_ROOT:-}" ] || { echo "skipped: this build has no Wasmtime"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/api"
cp -R "$BERTH_ENGINE_ROOT/include" "$work/api/include"
mkdir "$work/api/lib"
ln -s "$BERTH_ENGINE_ROOT/lib/libwasmtime.a" "$work/api/lib/libwasmtime.a"

configure() # ROOT: with a cache of its own that is empty, so that nothing else can be found
{
    rm -rf "$work/build"
    env BERTH_CACHE_DIR="$work/none" CARGO_HOME="$work/none" cmake -S "$BERTH_SOURCE_DIR" \
        -B "$work/build" -G Ninja -DCMAKE_C_COMPILER="$CC" -DCMAKE_BUILD_TYPE=Release \
        -DBERTH_WASMTIME_ROOT="$1" >"$work/log" 2>&1
}
refused() # ROOT TEXT
{
    if configure "$1"; then
        echo "$1 was taken"
        exit 1
    fi
    tr '\n' ' ' <"$work/log" | tr -s ' ' | grep -qF "$2" || { cat "$work/log"; exit 1; }
}

configure "$work/api" || { cat "$work/log"; exit 1; }
grep -qF "Engine: $work/api" "$work/log"
# The provider is compiled against these headers, and the program linked with this archive.
object=$(ninja -C "$work/build" -t targets all | sed -n 's/^\([^ ]*wt_engine\.c\.o\):.*/\1/p')
ninja -C "$work/build" "$object" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
ninja -C "$work/build" -t deps "$object" | grep -qF "$work/api/include/wasmtime.h"
ninja -C "$work/build" -t commands bin/berth | grep -qF "$work/api/lib/libwasmtime.a"
if grep -rqF "$BERTH_ENGINE_ROOT" "$work/build/build.ninja"; then
    echo "the build knows another engine than the one that was given"
    exit 1
fi

refused "$work/none" "has no include/wasmtime.h"
sed -i 's/\(#define WASMTIME_VERSION_MAJOR\) 48/\1 47/' "$work/api/include/wasmtime.h"
refused "$work/api" "is not Wasmtime 48"
rm "$work/api/lib/libwasmtime.a"
refused "$work/api" "has no lib/libwasmtime.a"
[ ! -e "$work/none" ] || { echo "an engine was built or looked for"; exit 1; }
echo "a prebuilt engine is taken, three others are refused"
