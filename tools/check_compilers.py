#!/usr/bin/env python3
"""The other compiler has no warning either: what gcc built, clang reads, and the other way round.

    check_compilers.py ROOT BUILD      reads BUILD/compile_commands.json
"""
import concurrent.futures
import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys

import checklib

ONE_COMPILER_ONLY = ("-fsanitize", "-Wno-tsan", "-fno-sanitize", "-fno-crossjumping")


def other_of(command):
    name = pathlib.PurePath(command).name
    return "gcc" if "clang" in name else "clang"


def command_for(entry):
    words = shlex.split(entry["command"])
    if pathlib.PurePath(words[0]).name == "ccache":
        words = words[1:]
    out, skip = [other_of(words[0])], False
    for word in words[1:]:
        if skip:
            skip = False
        elif word in ("-o", "-MT", "-MF"):
            skip = True
        elif word not in ("-c", "-MD") and not word.startswith(ONE_COMPILER_ONLY):
            out.append(word)
    return out + ["-fsyntax-only", "-Werror"]


def check(entry):
    done = subprocess.run(command_for(entry), cwd=entry["directory"], capture_output=True,
                          text=True)
    return entry["file"], done.returncode, done.stderr


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    root, build = (pathlib.Path(arg) for arg in sys.argv[1:])
    entries = {e["file"]: e for e in json.loads((build / "compile_commands.json").read_text())}
    if not entries:
        checklib.finish("compilers", ["compile_commands.json is empty"], "")
    compiler = command_for(next(iter(entries.values())))[0]
    if not shutil.which(compiler):
        print(f"skipped: {compiler} is not installed")
        sys.exit(77)
    errors = []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for file, status, said in pool.map(check, entries.values()):
            if status != 0:
                name = os.path.relpath(file, root)
                errors.append(f"{name}: {compiler} says:\n{said.strip()}")
    checklib.finish("compilers", errors, f"{len(entries)} files, {compiler} has no warning")


main()
