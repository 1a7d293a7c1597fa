#!/usr/bin/env python3
"""What failed in a run of ctest, for people who were not there.

    tools/failures.py PRESET build/PRESET/junit.xml build/PRESET.tests

The first file has what each test printed, the second, CTest's own output, how each one ended.
For each test that failed: its name, how it ended, the lines that say what was expected, and the
end of its output.  Nothing is printed where nothing failed.
"""
import re
import sys
import xml.etree.ElementTree

TAIL_LINES = 60
POINTS_MAX = 40
# cmocka, sanitizers, the C library, Python, the scripts and CTest in their own words.
POINT = re.compile(
    r"\[  (ERROR|FAILED)|^Error:|error: Failure|: error:|Assertion|assert|Sanitizer|runtime error"
    r"|^Traceback|^\w*(Error|Exception)\b|^(FAIL|FAILED|ERROR)\b|bytes were left behind"
    r"|is not the value|WARNING: |SUMMARY: |panic|Timeout|timed out|Segmentation|Aborted"
)
# What passed says nothing about what failed.
PASSED = re.compile(r"^\[ (RUN     |      OK) \]|^\[==========\]")


def points(lines):
    """The lines that matter, and after each head of cmocka's or of a sanitizer's what it says."""
    chosen, last = [], -1
    for at, line in enumerate(lines):
        if not POINT.search(line) or PASSED.search(line):
            continue
        for follow in range(max(at, last + 1), min(at + 3, len(lines))):
            if not PASSED.search(lines[follow]):
                chosen.append(lines[follow])
        last = min(at + 2, len(lines) - 1)
    return chosen


def endings(path):
    """From CTest's last lines: "12 - api_fresh (Timeout)"."""
    with open(path, errors="replace") as file:
        return dict(re.findall(r"^\s*\d+ - (\S+) \((.+)\)$", file.read(), re.MULTILINE))


def show(preset, case, ending):
    output = case.findtext("system-out") or ""
    lines = [line.rstrip() for line in output.splitlines()]
    found = points(lines)
    print(f"---- {preset}: {case.get('name')}: {ending}, "
          f"{float(case.get('time') or 0):.1f} s")
    for line in found[:POINTS_MAX]:
        print(f"   > {line}")
    if len(found) > POINTS_MAX:
        print(f"   > ({len(found) - POINTS_MAX} more lines of this kind)")
    if len(lines) > TAIL_LINES:
        print(f"     the last {TAIL_LINES} of {len(lines)} lines:")
    for line in lines[-TAIL_LINES:]:
        print(f"     {line}")
    if not lines:
        print("     (it printed nothing)")


def main():
    preset, path, tests = sys.argv[1:]
    sys.stdout.reconfigure(errors="backslashreplace")
    try:
        root = xml.etree.ElementTree.parse(path).getroot()
        ends = endings(tests)
    except (OSError, xml.etree.ElementTree.ParseError) as e:
        print(f"---- {preset}: no list of the tests: {e}")
        return 1
    for case in root.iter("testcase"):
        if case.find("failure") is not None:
            show(preset, case, ends.get(case.get("name"), "Failed"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
