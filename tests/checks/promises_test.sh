#!/usr/bin/env bash
# Everything public is promised in tests/abi/promised.inc, and every promise is still in the headers.
set -eu
cd "$BERTH_SOURCE_DIR/tests/abi"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$BERTH_PYTHON" dump.py | sort >"$work/now"
sort promised.inc >"$work/promised"
broken=$(comm -13 "$work/now" "$work/promised")
added=$(comm -23 "$work/now" "$work/promised")
if [ -n "$broken" ]; then
    echo "promised and not so any more (compiled callers break):"
    echo "$broken"
fi
if [ -n "$added" ]; then
    echo "public and not promised yet (tests/abi/dump.py >tests/abi/promised.inc):"
    echo "$added"
fi
[ -z "$broken$added" ] || exit 1
echo "promises: $(wc -l <promised.inc) kept"
