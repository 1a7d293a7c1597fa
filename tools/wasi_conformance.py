#!/usr/bin/env python3
"""wasi_conformance.py - tests of Go's and of Zig's own, built for WASI preview 1 and run by `berth run-guest`; counted.

    tools/wasi_conformance.py [--berth PROGRAM] [--keep FOLDER] [--zig PROGRAM] [PACKAGE ...]

The standard library's tests of a tool-chain are programs that nobody here wrote.  Go's are compiled package by
package with GOOS=wasip1 and run in the package's folder; they may read everything, and write to a folder of
their own.  Zig's are one program, of those parts of its library that its distribution has tests of and that ask
the system for something.  Needs `go`, `zig` or both in the path, and nothing from a network.  Prints a table
for docs/wasi-conformance.md, then what failed.
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
ZIG_PARTS = "fs. Io. posix. os. time. process. heap. Random debug. dynamic".split()
ZIG_RESULT = re.compile(r"^\d+/\d+ (.+)\.\.\.(OK|SKIP|FAIL)", re.M)
RESULT = re.compile(r"^(\s*)--- (PASS|FAIL|SKIP): (\S+)", re.M)
DEADLINE_S = 900
HEAD = "\n\n| package | passed | failed | skipped | exit |\n|---|---|---|---|---|"


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


def build_zig(zig, folder):
    program = os.path.join(folder, "zig.wasm")
    library = re.search(r'\.lib_dir = "([^"]+)"|"lib_dir": "([^"]+)"', subprocess.run(
        [zig, "env"], stdout=subprocess.PIPE, text=True, check=True).stdout)
    library = library.group(1) or library.group(2)
    command = [zig, "test", "--test-no-exec", "-target", "wasm32-wasi", f"-femit-bin={program}", "-j1",
               os.path.join(library, "std", "std.zig")]
    for part in ZIG_PARTS:
        command += ["--test-filter", part]
    if not os.path.exists(program):
        result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                check=False, env=dict(os.environ, ZIG_GLOBAL_CACHE_DIR=os.path.join(folder, "zig-cache")))
        if not os.path.exists(program):
            sys.exit(f"zig: {result.stdout}")
    return program


def run_zig(berth, program, folder):
    """What each test said, with the words that Go has for it."""
    room = tempfile.mkdtemp(prefix="berth-zig-", dir=folder)
    result = subprocess.run(
        [berth, "run-guest", "--memory", "2GiB", "--stack", "2MiB", "--probe-deadline", "100s", "--grant",
         "fs:read:/**", "--grant", "fs:write:/**", "--grant", f"fs:mount:/={room}", "--grant", "clock",
         "--grant", "random", program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="replace", timeout=DEADLINE_S, check=False)
    shutil.rmtree(room, ignore_errors=True)
    words = {"OK": "PASS", "SKIP": "SKIP", "FAIL": "FAIL"}
    return [(words[said], name) for name, said in ZIG_RESULT.findall(result.stdout)], result


class Count:
    """Of what the tests said, one row for each program; what each wrote is kept in the folder."""

    def __init__(self, folder):
        self.folder = folder
        self.total = {"PASS": 0, "FAIL": 0, "SKIP": 0}
        self.failures = []

    def row(self, name, output, code, said):
        with open(os.path.join(self.folder, name.replace("/", "_") + ".out"), "w", encoding="utf-8") as out:
            out.write(output)
        counts = {result: sum(word == result for word, _ in said) for result in self.total}
        for result, number in counts.items():
            self.total[result] += number
        self.failures += [f"{name} {test}" for word, test in said if word == "FAIL"]
        print(f"| {name} | {counts['PASS']} | {counts['FAIL']} | {counts['SKIP']} | {code} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--berth", default="build/release/bin/berth")
    parser.add_argument("--keep", help="a folder for programs and outputs, which stay there")
    parser.add_argument("--zig", default=shutil.which("zig"), help="the program; none: its tests are left out")
    parser.add_argument("packages", nargs="*", default=PACKAGES)
    options = parser.parse_args()
    berth = os.path.abspath(options.berth)
    folder = os.path.abspath(options.keep) if options.keep else tempfile.mkdtemp(prefix="berth-wasi-")
    count = Count(folder)
    if shutil.which("go") is None:
        print("skipped: no go in the path")
    else:
        root = os.path.join(go("env", "GOROOT").stdout.strip(), "src")
        print(go("version").stdout.strip() + HEAD)
        for package in options.packages:
            output, code = run(berth, build(package, folder, root), os.path.join(root, package), folder)
            count.row(package, output, code, [(said, name) for _, said, name in RESULT.findall(output)])
    if options.zig is None:
        print("skipped: no zig in the path")
    else:
        version = subprocess.run([options.zig, "version"], stdout=subprocess.PIPE, text=True, check=True).stdout
        print(f"zig {version.strip()}{HEAD}")
        said, result = run_zig(berth, build_zig(options.zig, folder), folder)
        count.row("std", result.stdout, result.returncode, said)
    print(f"| all | {count.total['PASS']} | {count.total['FAIL']} | {count.total['SKIP']} | |")
    print("\n".join(["", *count.failures]))
    if not options.keep:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if count.failures else 0


if __name__ == "__main__":
    sys.exit(main())
