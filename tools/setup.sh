#!/bin/sh
# Installs what building and testing needs and is missing, with apt: as root, or through sudo.
# Where there is no apt, or no way to become root, it prints the list and stops with status 1.
# When everything is there it does nothing and is fast: no package tool is started.
#
#   tools/setup.sh            what `make test` and `make demo` need
#   tools/setup.sh --no-rust  the same without cargo, for -DBERTH_ENGINE_WASMTIME=OFF
#   tools/setup.sh --fuzz     also what the fuzz and msan presets need
#   tools/setup.sh --valgrind also valgrind
set -eu

want_rust=yes want_fuzz=no want_valgrind=no
for arg; do
    case $arg in
    --no-rust) want_rust=no ;;
    --fuzz) want_fuzz=yes ;;
    --valgrind) want_valgrind=yes ;;
    *) sed -n '2,10s/^# \{0,1\}//p' "$0" && exit 2 ;;
    esac
done

tools=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
missing=
need() # PACKAGE COMMAND...: any one of the commands will do
{
    package=$1
    shift
    for name; do
        command -v "$name" >/dev/null 2>&1 && return 0
    done
    missing="$missing $package"
}
need_library() # PACKAGE PKG-CONFIG-NAME
{
    pkg-config --exists "$2" 2>/dev/null || missing="$missing $1"
}

need make make
need gcc gcc
need g++ g++
need cmake cmake
need ninja-build ninja
need clang clang
need clang-format clang-format
need lld wasm-ld wasm-ld-14
need wabt wat2wasm
need pkg-config pkg-config
need python3 python3
need git git
need mandoc mandoc
need_library libcmocka-dev cmocka
need_library libjansson-dev jansson
need_library libssl-dev libcrypto
need_library libcurl4-openssl-dev libcurl
need_library libsodium-dev libsodium
need_library libmicrohttpd-dev libmicrohttpd
[ -e /usr/include/stdio.h ] || missing="$missing libc6-dev"
if [ "$want_fuzz" = yes ]; then
    runtime=$(clang -print-runtime-dir 2>/dev/null || true)
    ls "$runtime"/libclang_rt.fuzzer* >/dev/null 2>&1 ||
        missing="$missing libclang-rt-$(clang -dumpversion 2>/dev/null | cut -d. -f1 || echo 14)-dev"
fi
[ "$want_valgrind" = no ] || need valgrind valgrind
rust_missing=no
if [ "$want_rust" = yes ] && ! "$tools/engine.sh" --toolchain >/dev/null 2>&1; then
    rust_missing=yes
    [ -e /etc/ssl/certs/ca-certificates.crt ] || missing="$missing ca-certificates"
fi
if [ -z "$missing" ] && [ "$rust_missing" = no ]; then
    exit 0
fi

by_hand()
{
    echo "setup: $1" >&2
    echo "setup: install these (Debian names), then run this again:$missing" >&2
    [ "$rust_missing" = no ] || echo "setup: and cargo and rustc of 1.95 or newer" \
        "(not needed with -DBERTH_ENGINE_WASMTIME=OFF or -DBERTH_WASMTIME_ROOT=DIR)" >&2
    exit 1
}

command -v apt-get >/dev/null 2>&1 || by_hand "this system has no apt"
if [ "$(id -u)" = 0 ]; then
    root=
elif command -v sudo >/dev/null 2>&1; then
    root=sudo
    [ -t 0 ] || root="sudo -n" # nobody is there to type a password
else
    by_hand "neither root nor sudo"
fi
as_root()
{
    echo "setup: ${root:+$root }$*" >&2
    # shellcheck disable=SC2086
    $root env DEBIAN_FRONTEND=noninteractive "$@" </dev/null >&2 ||
        by_hand "that command failed"
}

as_root apt-get update -q
if [ "$rust_missing" = yes ]; then
    # Debian keeps a current Rust as *-web beside its stable one; Ubuntu has numbered packages.
    candidate() { apt-cache policy "$1" | sed -n 's/^  Candidate: 1\.\([0-9]*\).*/\1/p'; }
    rust=
    for suffix in -web "" -1.99 -1.98 -1.97 -1.96 -1.95; do
        minor=$(candidate "cargo$suffix")
        if [ -n "$minor" ] && [ "$minor" -ge 95 ]; then
            rust="cargo$suffix rustc$suffix"
            break
        fi
    done
    if [ -n "$rust" ]; then
        missing="$missing $rust"
    else
        echo "setup: this distribution has no cargo of 1.95 or newer" >&2
    fi
fi
if [ -n "$missing" ]; then
    # shellcheck disable=SC2086
    as_root apt-get install -q -y --no-install-recommends $missing
fi
if [ "$rust_missing" = yes ]; then
    missing=
    "$tools/engine.sh" --toolchain >/dev/null || by_hand "a Rust toolchain is still missing"
fi
