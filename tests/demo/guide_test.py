#!/usr/bin/env python3
"""guide_test.py - what docs/guide/*.md shows in ```console blocks is what happens.

All blocks of one page are one shell session, run in a folder that looks like the top of the source
tree.  A line that begins with "$ " is typed; the lines below it are what has to come, on stdout or
stderr.  A line of "..." stands for any lines, and a "…" for any part of a line."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = os.environ.get("BERTH_SOURCE_DIR") or os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.environ.get("BERTH_PROGRAM", "")
GUIDE = os.path.join(ROOT, "docs", "guide")
MARK = "=+=+= %d"


def steps(text):
    """-> [(command, [expected lines])]"""
    out = []
    for block in re.findall(r"^```console\n(.*?)^```$", text, re.S | re.M):
        for line in block.splitlines():
            if line.startswith("$ "):
                out.append((line[2:], []))
            else:
                out[-1][1].append(line)
    return out


def pattern(lines):
    out = r"\A"
    for line in lines:
        if line == "...":
            out += r"(?:[^\n]*\n)*?"
        else:
            out += ".*?".join(re.escape(part) for part in line.split("…")) + r"\n"
    return re.compile(out + r"\Z")


# In front of the program: nothing that is sound runs out of time on a busy machine, and what loops in
# its probe takes a little longer than the page says.
PATIENT = """#!/bin/sh
case $1 in
call | pipe)
    command=$1
    shift
    exec '%(program)s' "$command" --deadline 60s --probe-deadline 2s "$@"
    ;;
esac
exec '%(program)s' "$@"
"""


def session(commands, folder, programs):
    """Runs them in one shell -> what each printed."""
    script = "exec 2>&1\n"
    for i, command in enumerate(commands):
        script += "%s\nprintf '\\n%s\\n'\n" % (command, MARK % i)
    environment = dict(os.environ, PATH=programs + os.pathsep + os.environ["PATH"])
    done = subprocess.run(["bash"], input=script, cwd=folder, stdout=subprocess.PIPE, text=True,
                          env=environment, timeout=600)
    parts = re.split(r"\n=\+=\+= \d+\n", done.stdout)
    return [part + "\n" if part and not part.endswith("\n") else part for part in parts[:-1]]


class Guide(unittest.TestCase):
    @unittest.skipUnless(os.access(PROGRAM, os.X_OK), "the program is not built")
    @unittest.skipUnless(shutil.which("clang") and shutil.which("wasm-ld"), "clang is not there")
    def test_every_command_prints_what_the_page_says(self):
        for name in sorted(os.listdir(GUIDE)):
            with open(os.path.join(GUIDE, name), encoding="utf-8") as file:
                wanted = steps(file.read())
            if wanted:
                self.check(name, wanted)

    def check(self, name, wanted):
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as programs:
            patient = os.path.join(programs, "berth")
            with open(patient, "w", encoding="utf-8") as file:
                file.write(PATIENT % {"program": PROGRAM})
            os.chmod(patient, 0o755)
            for part in ("guest", "examples", "demo"):
                os.symlink(os.path.join(ROOT, part), os.path.join(folder, part))
            printed = session([command for command, _ in wanted], folder, programs)
        self.assertEqual(len(printed), len(wanted), printed[-1:])
        for (command, lines), said in zip(wanted, printed):
            with self.subTest(page=name, command=command):
                self.assertRegex(said, pattern(lines))

    def test_a_page_that_says_something_else_is_found(self):
        self.assertIsNone(pattern(["one", "two"]).match("one\n"))
        self.assertIsNone(pattern(["one"]).match("one\ntwo\n"))
        self.assertIsNone(pattern([]).match("error\n"))
        self.assertIsNotNone(pattern(["o…e", "..."]).match("once\ntwo\n"))
        self.assertIsNone(pattern(["a…", "..."]).match("b\na\n"))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
