#!/usr/bin/env bash
# Every script of ours parses, is executable where it is called by name, and reports what it should.
set -eu
cd "$BERTH_SOURCE_DIR"

count=0
for script in tools/*.sh .ci/run tests/*/*.sh demo/*.sh; do
    [ -e "$script" ] || continue
    case $(head -n1 "$script") in
    *bash*) bash -n "$script" ;;
    *) sh -n "$script" ;;
    esac
    count=$((count + 1))
done
for script in tools/*.sh .ci/run tools/check_*.py; do
    [ -x "$script" ] || { echo "$script is not executable"; exit 1; }
done

# The engine cache: found, never built, when there is neither a toolchain nor a cached engine.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0
env -i PATH=/usr/bin:/bin HOME="$work" BERTH_CACHE_DIR="$work/cache" \
    tools/engine.sh --find >"$work/out" 2>"$work/err" || status=$?
[ $status -eq 3 ] || { echo "engine.sh --find in an empty cache: status $status"; exit 1; }
[ ! -s "$work/out" ] || { echo "engine.sh --find printed a folder that is not there"; exit 1; }

# A test that failed is told with what it expected and with how its output ended.
mkdir "$work/ctest"
cat >"$work/ctest/CTestTestfile.cmake" <<'EOF'
add_test(sound true)
add_test(wrong bash -c "echo '[  ERROR   ] --- 3 != 4'; seq 100; exit 1")
add_test(slow sleep 30)
set_tests_properties(slow PROPERTIES TIMEOUT 1)
EOF
(cd "$work/ctest" && ctest --output-junit out.xml >out.tests 2>&1 || true)
"$BERTH_PYTHON" tools/failures.py some "$work/ctest/out.xml" "$work/ctest/out.tests" >"$work/out"
grep -q '^---- some: wrong: Failed' "$work/out" && grep -q '^---- some: slow: Timeout' "$work/out" &&
    grep -q '^   > .*3 != 4' "$work/out" && grep -q '^     100$' "$work/out" &&
    ! grep -q -E '^     40$|sound' "$work/out" || { echo "failures.py said:"; cat "$work/out"; exit 1; }

# Set-up without apt and root prints the list and stops.
status=0
mkdir "$work/bin"
for name in sh sed id cat ls dirname cut tr env; do ln -s "$(command -v $name)" "$work/bin/$name"; done
env -i PATH="$work/bin" HOME="$work" BERTH_CACHE_DIR="$work/cache" \
    tools/setup.sh --no-rust >"$work/out" 2>&1 || status=$?
[ $status -eq 1 ] && grep -q 'cmake' "$work/out" && grep -q 'no apt' "$work/out" || {
    echo "setup.sh on a machine without apt: status $status"
    cat "$work/out"
    exit 1
}

# A custom section is appended as the format says.
printf '\0asm\1\0\0\0' >"$work/in.wasm"
printf ';;@section ab 0x0102\n//@section c {"d":\n//@+ 1}\n' >"$work/source"
"$BERTH_PYTHON" tools/wasm_section.py "$work/source" "$work/in.wasm" "$work/out.wasm"
want='0061736d0100000000050261620102000a01637b2264223a0a317d'
got=$(od -An -v -tx1 "$work/out.wasm" | tr -d ' \n')
[ "$got" = "$want" ] || { echo "wasm_section.py wrote $got instead of $want"; exit 1; }
echo "scripts: $count parse; set-up, engine cache and sections behave"
