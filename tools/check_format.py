#!/usr/bin/env python3
"""C sources are as clang-format 14 with the tree's .clang-format leaves them.

Other versions disagree about details, so they are not asked.  To repair: clang-format -i FILE...
"""
import re
import shutil
import subprocess
import sys

import checklib


def main():
    root = checklib.root_folder()
    for name in ("clang-format-14", "clang-format"):
        tool = shutil.which(name)
        said = subprocess.run([tool, "--version"], capture_output=True, text=True).stdout if tool else ""
        if re.search(r"version 14\.", said):
            break
    else:
        print("skipped: clang-format 14 is not installed")
        sys.exit(77)
    paths = checklib.files(root, "src", "include", "cli", "tests", "bench", "examples", "guest",
                           "demo")
    done = subprocess.run([tool, "--dry-run", "-Werror", *paths], cwd=root, capture_output=True,
                          text=True)
    errors = sorted({line.split(": error")[0].replace(f"{root}/", "")
                     for line in done.stderr.splitlines() if ": error" in line})
    checklib.finish("format", errors, f"{len(paths)} files")


main()
