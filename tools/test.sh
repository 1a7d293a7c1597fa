#!/usr/bin/env bash
# Builds presets and runs their tests, one after the other, and says at the end what ran.
#
#   tools/test.sh [PRESET...]     default: release asan tsan hostile
#
# A preset that fails does not stop the others.  What failed is told when its preset is over, and
# once more at the end, where whoever reads only the end of a long log finds it.  Exit status 1 when
# anything failed.
set -u
cd "$(dirname "$0")/.." || exit 1

presets=("$@")
[ ${#presets[@]} -gt 0 ] || presets=(release asan tsan hostile)
jobs=$(nproc)
failed=0 total_tests=0 total_cases=0 total_skipped=0
summary=()
started=$SECONDS
mkdir -p build
failures=build/failures
: >"$failures"

for preset in "${presets[@]}"; do
    echo "== $preset"
    from=$SECONDS
    options=()
    [ "${BERTH_ENGINE:-on}" = on ] || options=(-DBERTH_ENGINE_WASMTIME=OFF)
    if ! cmake --preset "$preset" "${options[@]}" >"build/$preset.log" 2>&1; then
        { echo "---- $preset: did not configure"; tail -n 60 "build/$preset.log"; } | tee -a "$failures"
        summary+=("$preset: did not configure")
        failed=1
        continue
    fi
    if ! cmake --build --preset "$preset" -- -j"$jobs" >>"build/$preset.log" 2>&1; then
        {
            echo "---- $preset: did not build"
            grep -E -A12 'error|FAILED|undefined' "build/$preset.log" | head -60
        } | tee -a "$failures"
        summary+=("$preset: did not build (build/$preset.log)")
        failed=1
        continue
    fi
    built=$((SECONDS - from))
    log=build/$preset/Testing/Temporary/LastTest.log
    junit=$PWD/build/$preset/junit.xml
    rm -f "$log" "$junit"
    # TSan and MSan of this age cannot live with the address randomisation of newer kernels.
    fixed=()
    [[ $preset != [tm]san ]] || ! setarch -R true 2>/dev/null || fixed=(setarch -R)
    "${fixed[@]}" ctest --preset "$preset" -j"$jobs" --output-junit "$junit" \
        --test-output-truncation middle >"build/$preset.tests" 2>&1 </dev/null
    status=$?
    # The whole output is in the file; what failed or was skipped, and the totals, are shown.
    grep -E '\*\*\*Skipped|No tests were found' "build/$preset.tests"
    if [ $status -ne 0 ]; then
        failed=1
        if ! python3 tools/failures.py "$preset" "$junit" "build/$preset.tests" \
            >"build/$preset.failures"; then
            tail -n 60 "build/$preset.tests" >>"build/$preset.failures"
        fi
        tee -a "$failures" <"build/$preset.failures"
    fi
    # Why something was skipped, in the words of the test that skipped it.
    grep -h -i '^skipped:' "$log" 2>/dev/null | sort -u
    count() { sed -n "s/.*<testsuite.*//; s/^\t$1=\"\([0-9]*\)\".*/\1/p" "$junit" | head -1; }
    tests=$(count tests) bad=$(count failures) skipped=$(count skipped)
    cases=$(sed -n 's/^\[=*\] \([0-9]*\) test(s) run\.$/\1/p' "$log" 2>/dev/null |
        awk '{ n += $1 } END { print n + 0 }')
    cases_skipped=$(grep -c '^\[  SKIPPED \] [^0-9]' "$log" 2>/dev/null)
    summary+=("$(printf '%-10s %4d tests, %d failed, %d skipped; %d cases, %d skipped; build %ds, tests %ds' \
        "$preset:" "${tests:-0}" "${bad:-0}" "${skipped:-0}" "$cases" "${cases_skipped:-0}" \
        "$built" $((SECONDS - from - built)))")
    total_tests=$((total_tests + ${tests:-0}))
    total_cases=$((total_cases + cases))
    total_skipped=$((total_skipped + ${skipped:-0} + ${cases_skipped:-0}))
    [ "${tests:-0}" -gt 0 ] || failed=1
done

if [ -s "$failures" ]; then
    echo "== failures"
    cat "$failures"
fi
echo "== summary"
printf '%s\n' "${summary[@]}"
verdict=passed
[ $failed -eq 0 ] || verdict=FAILED
echo "$verdict: $total_tests tests with $total_cases cases in ${#presets[@]} builds," \
    "$total_skipped skipped, $((SECONDS - started)) s"
exit $failed
