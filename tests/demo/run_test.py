#!/usr/bin/env python3
"""run_test.py - the demo itself, shorter: clean with the real program, and not clean when something
between the program and the driver loses, doubles, exchanges, ages or alters a line."""

import json
import os
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

ROOT = os.environ.get("BERTH_SOURCE_DIR") or os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.environ.get("BERTH_PROGRAM", "")
GUESTS = os.environ.get("BERTH_GUESTS_DIR", "")

# Stands in for the program: ctl goes straight through, pipe's output is spoilt in six ways, in lines
# that are under way while v1 (the first) or v2 serves.
SHIM = """#!%(python)s
import os, subprocess, sys
real = %(program)r
if sys.argv[1] != "pipe":
    os.execv(real, [real] + sys.argv[1:])
child = subprocess.Popen([real] + sys.argv[1:], stdout=subprocess.PIPE)
out, held = sys.stdout.buffer, b""
for line in child.stdout:
    number = int(line[:9])
    if number == 100:
        line = line.replace(b"=v1", b"=v6")
    if number == 9000:
        continue
    if number == 9010:
        line += line
    if number == 9020:
        held = line
        continue
    if number == 9030:
        line = line.replace(b" HTTP/", b" HTTQ/", 1)
    if number == 9040:
        line = line.replace(b"=v2", b"=v3")
    if number == 9050:
        line = line.replace(b"=v2", b"=v1")
    out.write(line + held)
    out.flush()
    held = b""
sys.exit(child.wait())
"""


@unittest.skipUnless(os.access(PROGRAM, os.X_OK), "the program is not built")
class Demo(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.out = folder.name

    def run_demo(self, program, *options):
        done = subprocess.run(
            [sys.executable, "-B", os.path.join(ROOT, "demo", "run.py"), "--berth", program,
             "--guests", GUESTS, "--out", self.out, "--rate", "4000", "--scale", "0.4",
             "--passes", "1", *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode, done.stdout.decode("utf-8", "replace")

    def check_clean(self, *options):
        status, said = self.run_demo(PROGRAM, *options)
        self.assertEqual(status, 0, said)
        self.assertIn("Every line came back once", said)
        for row in ("swap to v2", "in service after", "refused after", "deadline", "net", "lines lost"):
            self.assertIn(row, said)
        with open(os.path.join(self.out, "timeline.svg"), encoding="utf-8") as file:
            self.assertTrue(xml.etree.ElementTree.parse(file).getroot().tag.endswith("svg"))
        with open(os.path.join(self.out, "summary.json"), encoding="utf-8") as file:
            self.assertEqual(json.load(file)["swaps"]["refused"], 3)

    def test_it_is_clean(self):
        self.check_clean()

    def test_it_is_clean_with_one_worker_on_the_interpreter(self):
        self.check_clean("--workers", "1", "--engine", "interp", "--rate", "1500")

    def test_what_is_spoilt_on_the_way_is_found(self):
        path = os.path.join(self.out, "berth")
        with open(path, "w", encoding="utf-8") as file:
            file.write(SHIM % {"python": sys.executable, "program": PROGRAM})
        os.chmod(path, 0o755)
        status, said = self.run_demo(path)
        self.assertEqual(status, 1, said)
        self.assertNotIn("Every line came back once", said)
        for finding in ("early line 100", "lost line 9000", "duplicated line 9010",
                        "reordered line 9020", "altered line 9030", "foreign line 9040",
                        "stale line 9050"):
            self.assertIn(finding, said)

    def test_a_program_that_ends_at_once_is_a_failure(self):
        path = os.path.join(self.out, "berth")
        with open(path, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\necho 'no luck' >&2\nexit 7\n")
        os.chmod(path, 0o755)
        status, said = self.run_demo(path)
        self.assertEqual(status, 1, said)
        self.assertIn("no luck", said)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
