#!/bin/sh
# run.sh - the demo, with what `make` built.   usage: demo/run.sh [BUILD] [OPTION]...
#
# BUILD is a build directory (build/release); the options are those of demo/run.py.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
build=$root/build/release
case ${1:-} in
'' | -*) ;;
*)
    build=$1
    shift
    ;;
esac
program=$build/bin/berth
[ -x "$program" ] || {
    echo "run.sh: $program is not there; run 'make' first" >&2
    exit 1
}
exec python3 -B "$here/run.py" --berth "$program" --guests "$build/guests" \
    --out "$root/build/demo" "$@"
