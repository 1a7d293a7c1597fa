#!/usr/bin/env python3
"""Tracked files hold no promises, no paths of a build machine and no hosts of package registries.

A lock file names the registry it was made from, and this file names the words; both are left out.
"""
import re

import checklib

LEFT_OUT = ("tools/check_words.py", "tests/checks/selftest.py", "engine/wasmtime/Cargo.lock",
            "bench/typed/Cargo.lock", "tests/guests/languages/rust/Cargo.lock")
WORDS = [
    (re.compile(r"\b(TODO|FIXME|XXX|HACK)\b"), "finish it or leave it out"),
    (re.compile(r"\bfor now\b|\bnot implemented yet\b", re.I), "finish it or leave it out"),
    (re.compile(r"(?<![\w.$}/])/(work|root|home/\w+)/"), "a path of one machine"),
    (re.compile(r"\b(crates\.io|pypi\.org|npmjs\.(org|com)|proxy\.golang\.org|"
                r"registry\.\w+\.\w+|deb\.debian\.org|archive\.ubuntu\.com)\b"),
     "the host of a package registry"),
]
MARKER = re.compile(r"^(<{7}|>{7}|={7})( |$)", re.M)


def main():
    root, errors, count = checklib.root_folder(), [], 0
    for path in checklib.tracked_files(root):
        inside = path.relative_to(root).as_posix()
        data = path.read_bytes()
        if inside in LEFT_OUT or b"\0" in data[:8192]:
            continue
        count += 1
        text = data.decode(errors="replace")
        for number, line in enumerate(text.splitlines(), 1):
            for pattern, why in WORDS:
                found = pattern.search(line)
                if found:
                    errors.append(f"{inside}:{number}: '{found.group(0)}': {why}")
        if MARKER.search(text):
            errors.append(f"{inside}: an unresolved merge")
    checklib.finish("words", errors, f"{count} files")


main()
