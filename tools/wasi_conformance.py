#!/usr/bin/env python3
"""wasi_conformance.py - Go's own tests, built for WASI preview 1 and run by `berth run-guest`; counted.

    tools/wasi_conformance.py [--berth PROGRAM] [--keep FOLDER] [PACKAGE ...]

The standard library's tests of a Go tool-chain are programs that nobody here wrote.  Each package's are
compiled with GOOS=wasip1 and run in the package's folder; they may read everything, and write to a folder of
their own.  Needs `go` in the path, and nothing from a network.  Prints a table for
docs/wasi-conformance.md, then what failed.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile

PACKAGES = """os io/fs path/filepath syscall time io io/ioutil bufio math/rand crypto/rand internal/poll
strings sort bytes archive/zip flag context sync runtime/debug testing/fstest log""".split()
RESULT = re.compile(r"^(\s*)--- (PASS|FAIL|SKIP): (\S+)", re.M)
DEADLINE_S = 900


def go(*arguments, **options):
    return subprocess.run(["go", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False, **options)


def build(package, folder, root):
    program = os.path.join(folder, package.replace("/", "_") + ".wasm")
    environment = dict(os.environ, GOOS="wasip1", GOARCH="wasm", GOFLAGS="")
    if not os.path.exists(program):
        result = go("test", "-c", "-o", program, "./" + package, cwd=root, env=environment)
        if not os.path.exists(program):
            sys.exit(f"{package}: {result.stdout}")
    return program


def run(berth, program, source, folder):
    """The output of one package's tests, and how the program ended."""
    room = tempfile.mkdtemp(prefix="berth-go-", dir=folder)
    command = [berth, "run-guest", "--memory", "1GiB", "--stack", "2MiB", "--probe-deadline", "100s",
               "--grant", "fs:read:/**", "--grant", f"fs:write:{room}/**",
               # A folder of its own: links in it are followed.
               "--grant", f"fs:mount:{room}={room}", "--grant", f"env:PWD={source}",
               "--grant", f"env:TMPDIR={room}", "--grant", "clock", "--grant", "random", program, "--",
               "-test.short", "-test.v"]
    try:
        result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                errors="replace", cwd=source, timeout=DEADLINE_S, check=False)
        return result.stdout, result.returncode
    except subprocess.TimeoutExpired as late:
        return (late.stdout or b"").decode(errors="replace"), "overdue"
    finally:
        shutil.rmtree(room, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--berth", default="build/release/bin/berth")
    parser.add_argument("--keep", help="a folder for programs and outputs, which stay there")
    parser.add_argument("packages", nargs="*", default=PACKAGES)
    options = parser.parse_args()
    if shutil.which("go") is None:
        print("skipped: no go in the path")
        return 0
    berth = os.path.abspath(options.berth)
    folder = os.path.abspath(options.keep) if options.keep else tempfile.mkdtemp(prefix="berth-go-")
    root = os.path.join(go("env", "GOROOT").stdout.strip(), "src")
    print(f"{go('version').stdout.strip()}\n\n| package | passed | failed | skipped | exit |\n|---|---|---|---|---|")
    total = {"PASS": 0, "FAIL": 0, "SKIP": 0}
    failures = []
    for package in options.packages:
        output, code = run(berth, build(package, folder, root), os.path.join(root, package), folder)
        with open(os.path.join(folder, package.replace("/", "_") + ".out"), "w", encoding="utf-8") as out:
            out.write(output)
        counts = {"PASS": 0, "FAIL": 0, "SKIP": 0}
        for _, result, name in RESULT.findall(output):
            counts[result] += 1
            if result == "FAIL":
                failures.append(f"{package} {name}")
        for result, count in counts.items():
            total[result] += count
        print(f"| {package} | {counts['PASS']} | {counts['FAIL']} | {counts['SKIP']} | {code} |", flush=True)
    print(f"| all | {total['PASS']} | {total['FAIL']} | {total['SKIP']} | |")
    print("\n".join(["", *failures]))
    if not options.keep:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
