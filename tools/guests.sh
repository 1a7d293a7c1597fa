#!/bin/sh
# Builds the guests in JavaScript, Python and Rust (tests/guests/languages) by those languages' own tools,
# once, outside every build tree.  Tests run those that are there.
#
#   tools/guests.sh BERTH    builds what is missing; BERTH is the program, which makes a component of
#                            Rust's core module
#   tools/guests.sh --where  prints the folder in which js.wasm, python.wasm and rust.wasm lie when built
#
# A language whose tools are not there is skipped with a line that says which.  npm and pip fetch versions
# that are named in the folder of the language; nothing is installed outside of the work folder, which is
# thrown away.  The folder's name is a hash of all that decides its contents.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
sources=$here/tests/guests/languages
cache=${BERTH_CACHE_DIR:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/berth}
hash=$(cd "$sources" && find . -type f | LC_ALL=C sort | xargs sha256sum | sha256sum | cut -c1-16)
root=$cache/guests-$hash

[ "${1:-}" != --where ] || { echo "$root"; exit 0; }
[ $# = 1 ] || { sed -n '2,14s/^# \{0,1\}//p' "$0"; exit 2; }
berth=$(realpath "$1")

say() { echo "guests: $*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }

# make LANGUAGE: runs make_LANGUAGE in a copy of the sources and keeps out.wasm; a failure there is one line
# and the end of its log.
make()
{
    if [ -f "$root/$1.wasm" ]; then
        say "$1: there already, $root/$1.wasm"
        return 0
    fi
    if ! missing=$("missing_$1"); then
        say "$1: skipped: there is no $missing here"
        return 0
    fi
    say "$1: building; this takes a few minutes, once"
    rm -rf "$work" && cp -R "$sources" "$work"
    # In the background, for a failing command ends no function that is a condition.
    (cd "$work/$1" && set -e && "make_$1") >"$root/$1.log" 2>&1 &
    if wait $!; then
        mv "$work/$1/out.wasm" "$root/$1.wasm"
        say "$1: $(wc -c <"$root/$1.wasm") bytes, $root/$1.wasm"
    else
        say "$1: failed; the end of $root/$1.log is:"
        tail -n 15 "$root/$1.log" >&2
        failed=yes
    fi
}

missing_js() { have npm && have node || { echo "npm and node"; return 1; }; }
make_js()
{
    npm install --no-package-lock --no-audit --no-fund
    # Without these a component asks for no part of WASI.
    node_modules/.bin/componentize-js words.js -w ../words.wit -n words \
        -d stdio random clocks http fetch-event -o out.wasm
}

missing_python() { python3 -c 'import ensurepip, venv' 2>/dev/null || { echo "python3 with pip"; return 1; }; }
make_python()
{
    python3 -m venv tools
    tools/bin/pip install --disable-pip-version-check -r requirements.txt
    tools/bin/componentize-py -d ../words.wit -w words componentize --stub-wasi app -o out.wasm
}

# A cargo whose standard library for the target is there, or Debian's packages of one with its sources.
with_target() { cargo --version && [ -d "$(rustc --print target-libdir --target "$target")" ]; }
packages="rustc-web cargo-web rust-web-src libstd-rust-web-dev libstd-rust-web-1.96 libllvm22 libgit2-1.5
libhttp-parser2.9 libmbedcrypto7 libmbedtls14 libmbedx509-1"
target=wasm32-unknown-unknown
missing_rust()
{
    have wasm-ld || have wasm-ld-14 || { echo "wasm-ld"; return 1; }
    with_target >/dev/null 2>&1 && return 0
    have dpkg && apt-cache show $packages >/dev/null 2>&1 ||
        { echo "cargo with a library for $target, nor Debian's rust-web-src"; return 1; }
}
make_rust()
{
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$(command -v wasm-ld || command -v wasm-ld-14)
    export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER
    build_std=
    if ! with_target; then
        mkdir packages unpacked
        # shellcheck disable=SC2086
        (cd packages && apt-get download $packages)
        for package in packages/*.deb; do
            dpkg -x "$package" unpacked
        done
        usr=$PWD/unpacked/usr
        export PATH="$usr/bin:$PATH" RUSTC_BOOTSTRAP=1
        export LD_LIBRARY_PATH="$usr/lib/x86_64-linux-gnu:$usr/lib/llvm-22/lib"
        export RUSTFLAGS="-C embed-bitcode=yes"
        build_std=-Zbuild-std=std,panic_abort
    fi
    # shellcheck disable=SC2086
    cargo build --locked --release --target $target $build_std
    "$berth" componentize "target/$target/release/words.wasm" -o out.wasm
}

failed=no
mkdir -p "$root"
work=$(mktemp -d "$cache/guests-build.XXXXXX")
trap 'rm -rf "$work"' EXIT
for language in js python rust; do
    make "$language"
done
[ "$failed" = no ]
