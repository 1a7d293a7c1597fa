#!/bin/sh
# Builds the engine (Wasmtime's C API, through engine/wasmtime) once, outside every build tree, and
# prints the folder that holds include/ and lib/libwasmtime.a as the last line on stdout.
# Everything else goes to stderr.
#
#   tools/engine.sh              build when it is not there
#   tools/engine.sh --find       never build; exit status 3 when it is not there
#   tools/engine.sh --toolchain  prints the folder of a cargo that is new enough, or exit status 3;
#                                also 0 when the engine is there already and needs none
#
# The folder's name is a hash of all that decides its contents, so it is never stale and never
# changes once it has its name.  BERTH_CACHE_DIR moves the cache; BERTH_ENGINE_TARGET_DIR keeps
# cargo's own intermediate files between builds (default: thrown away).
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")/../engine/wasmtime" && pwd)
cache=${BERTH_CACHE_DIR:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/berth}
need_minor=95 # rustc 1.95, as Cargo.toml says

say() { echo "engine: $*" >&2; }

# A toolchain new enough: the one in PATH, a user's own, or Debian's packages of newer versions.
find_cargo()
{
    for dir in $(echo "$PATH" | tr ':' ' ') "${CARGO_HOME:-${HOME:-/root}/.cargo}/bin" \
        /usr/lib/rust-*/bin /usr/lib/rust-web/bin; do
        [ -x "$dir/cargo" ] && [ -x "$dir/rustc" ] || continue
        version=$("$dir/rustc" --version 2>/dev/null | sed -n 's/^rustc 1\.\([0-9]*\).*/\1/p')
        if [ -n "$version" ] && [ "$version" -ge "$need_minor" ]; then
            echo "$dir"
            return 0
        fi
    done
    return 1
}

sources=$(cat "$here/Cargo.toml" "$here/Cargo.lock" "$here/build.rs" "$here/src/lib.rs" |
    sha256sum | cut -c1-16)

if ! toolchain=$(find_cargo); then
    # An engine that was built with whatever toolchain was there then is as good.
    for dir in "$cache/engine-$sources-"*; do
        if [ -f "$dir/complete" ]; then
            echo "$dir"
            exit 0
        fi
    done
    say "no cargo and rustc of 1.$need_minor or newer found; run tools/setup.sh"
    exit 3
fi
if [ "${1:-}" = --toolchain ]; then
    echo "$toolchain"
    exit 0
fi

compiler=$("$toolchain/rustc" --version --verbose | sha256sum | cut -c1-8)
root=$cache/engine-$sources-$compiler

if [ -f "$root/complete" ]; then
    echo "$root"
    exit 0
fi
[ "${1:-}" != --find ] || exit 3

mkdir -p "$cache"
exec 9>"$cache/engine.lock"
if ! flock -n 9; then
    say "another build of the engine is running; waiting for it"
    flock 9
fi
if [ -f "$root/complete" ]; then
    echo "$root"
    exit 0
fi

say "building Wasmtime's C API with $("$toolchain/cargo" --version)"
say "this takes a few minutes, once; the result is kept in $root"
work=$(mktemp -d "$cache/engine-build.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
target=${BERTH_ENGINE_TARGET_DIR:-$work/target}
mkdir -p "$work/crate" "$work/root/lib"
cp -R "$here/Cargo.toml" "$here/Cargo.lock" "$here/build.rs" "$here/src" "$work/crate/"
(
    cd "$work/crate"
    PATH=$toolchain:$PATH BERTH_ENGINE_INCLUDE=$work/root/include CARGO_TARGET_DIR=$target \
        "$toolchain/cargo" build --release --locked >&2
)
cp "$target/release/libberth_wasmtime.a" "$work/root/lib/libwasmtime.a"
[ -f "$work/root/include/wasmtime.h" ] || {
    say "the build left no headers; remove $target and try again"
    exit 1
}
"$toolchain/rustc" --version >"$work/root/complete"
rm -rf "$root" # a folder without its mark is the remains of something else
mv "$work/root" "$root"
say "done"
echo "$root"
