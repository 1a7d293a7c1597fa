#!/usr/bin/env python3
"""Breaks the code on purpose and looks whether the tests notice.

Each entry below is one way in which the code could be wrong: a text in a file, what to put in its
place, and the tests that must fail then.  A copy of the tree is changed, the tests are built
there in the preset the entry names, run, and the copy is put back.  A mutation that no test
notices is printed as ALIVE and makes the exit status 1; one whose `hidden` says why this machine
cannot show it is expected to live and is run with --hidden only.

  tools/mutate.py --list                and whether each still fits its file
  tools/mutate.py --run                 all
  tools/mutate.py --run 'record-*'      some
"""
import argparse
import fnmatch
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(Path(__file__).resolve().parent))
from mutations import MUTATIONS  # noqa: E402

# What a test, a sanitizer or our own panic says first.
FINDING = re.compile(r"\[  ERROR   \] --- (.*)|(WARNING: ThreadSanitizer: .*)|(ERROR: .*Sanitizer: .*)"
                     r"|(berth: internal state .*)|(.*Assertion .* failed.*)|(memory: block .*)"
                     r"|(.*runtime error: .*)|.*\*\*\*(Exception: \S+|Timeout)")
PRESET_OPTIONS = ["-DBERTH_ENGINE_WASMTIME=OFF", "-DBERTH_WERROR=OFF"]


def refresh_copy(copy):
    """The tree as it is here, committed or not; unchanged files keep their time stamps."""
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT,
                           check=True, capture_output=True).stdout.decode().split("\0")
    wanted = {name for name in names if name and (ROOT / name).is_file()}
    for name in wanted:
        source, target = ROOT / name, copy / name
        if target.exists() and target.read_bytes() == source.read_bytes():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
    for folder in ("src", "tests", "include"):
        for target in (copy / folder).rglob("*"):
            if target.is_file() and str(target.relative_to(copy)) not in wanted:
                target.unlink()


def run(command, copy, log, timeout):
    """0, the exit status, or None when the time was over."""
    with open(log, "ab") as out:
        process = subprocess.Popen(command, cwd=copy, stdout=out, stderr=out,
                                   start_new_session=True)
        try:
            return process.wait(timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()
            return None


def build(copy, preset, tests, log):
    tree = copy / "build" / preset
    if not (tree / "build.ninja").exists():
        if run(["cmake", "--preset", preset, *PRESET_OPTIONS], copy, log, 600) != 0:
            sys.exit(f"mutate: the copy cannot be configured; see {log}")
    return run(["nice", "ninja", "-j2", "-C", str(tree), *tests], copy, log, 1200) == 0


def finding(log, since):
    """What the test said, so that a reader sees that it died of the right thing."""
    with open(log, "rb") as file:
        file.seek(since)
        said = FINDING.search(file.read().decode(errors="replace"))
    return next((g for g in said.groups() if g), "") if said else ""


def test_fails(copy, preset, test, log, seconds, repeat):
    for _ in range(repeat):
        since = log.stat().st_size
        status = run(["nice", "ctest", "--test-dir", str(copy / "build" / preset), "-R",
                      f"^{test}$", "--no-tests=error", "--output-on-failure"], copy, log, seconds)
        if status is None:
            return "hangs"
        if status != 0:
            return f"fails: {finding(log, since)[:80]}"
    return None


def occurrences(root, m):
    return (root / m["file"]).read_text().count(m["old"])


def apply(copy, m):
    path = copy / m["file"]
    if occurrences(copy, m) != m.get("count", 1):
        sys.exit(f"mutate: {m['name']}: its text occurs {occurrences(copy, m)} times in "
                 f"{m['file']}; the entry is out of date")
    path.write_text(path.read_text().replace(m["old"], m["new"]))


def kill(copy, m, log):
    """How the mutation was noticed, or None."""
    preset = m.get("preset", "hostile")
    apply(copy, m)
    try:
        if not build(copy, preset, m["tests"], log):
            sys.exit(f"mutate: {m['name']} does not compile; see {log}")
        for test in m["tests"]:
            how = test_fails(copy, preset, test, log, m.get("seconds", 120), m.get("repeat", 1))
            if how is not None:
                return f"{test} {how}"
        return None
    finally:
        shutil.copy(ROOT / m["file"], copy / m["file"])


def check_healthy(copy, chosen, log):
    """Without mutations every named test passes; otherwise nothing is proved."""
    for preset in sorted({m.get("preset", "hostile") for m in chosen}):
        tests = sorted({t for m in chosen if m.get("preset", "hostile") == preset
                        for t in m["tests"]})
        if not build(copy, preset, tests, log):
            sys.exit(f"mutate: the unchanged tree does not build; see {log}")
        for test in tests:
            how = test_fails(copy, preset, test, log, 300, 1)
            if how is not None:
                sys.exit(f"mutate: {test} {how} without any mutation ({preset}); see {log}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--list", action="store_true", help="print the mutations")
    parser.add_argument("--run", nargs="*", metavar="NAME", help="run those that match")
    parser.add_argument("--hidden", action="store_true", help="also those expected to live")
    parser.add_argument("--copy", default=str(ROOT / "build" / "mutate"),
                        help="where the copy lies (default %(default)s)")
    args = parser.parse_args()
    if args.run is None:
        stale = [m for m in MUTATIONS if occurrences(ROOT, m) != m.get("count", 1)]
        for m in MUTATIONS:
            print(f"{m['name']:34} {m['file']}: {m['what']}")
            if "hidden" in m:
                print(f"{'':34}   hidden: {m['hidden']}")
        for m in stale:
            print(f"out of date: {m['name']}: its text occurs {occurrences(ROOT, m)} times in {m['file']}")
        return 1 if stale else 0

    patterns = args.run or ["*"]
    chosen = [m for m in MUTATIONS if any(fnmatch.fnmatch(m["name"], p) for p in patterns)
              and (args.hidden or "hidden" not in m)]
    copy = Path(args.copy)
    copy.mkdir(parents=True, exist_ok=True)
    log = copy / "mutate.log"
    log.write_text("")
    refresh_copy(copy)
    check_healthy(copy, chosen, log)
    alive = 0
    for m in chosen:
        began = time.monotonic()
        how = kill(copy, m, log)
        alive += how is None and "hidden" not in m
        verdict = "killed" if how else "hidden" if "hidden" in m else "ALIVE"
        print(f"{verdict:7} {m['name']:34} {time.monotonic() - began:5.1f} s  {how or m['what']}",
              flush=True)
    print(f"{len(chosen)} mutations, {alive} alive")
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main())
