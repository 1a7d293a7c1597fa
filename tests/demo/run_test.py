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
ONCE = "BERTH_TEST_ONLY_WRITES" in os.environ  # a sanitized or hostile build, beside another one

# Stands in for the program: ctl goes straight through, pipe's output is spoilt in six ways: in line
# 100, while v1 (the first) serves, and in lines that were sent when v2 had been acknowledged.  Those
# under way at that moment fill two pipes and what the program holds: less than 2000.
SHIM = """#!%(python)s
import os, subprocess, sys
real, base = %(program)r, None
acknowledged, where = (os.path.join(%(folder)r, name) for name in ("acknowledged", "where"))
if sys.argv[1] != "pipe":
    status = subprocess.call([real] + sys.argv[1:])
    if status == 0 and "redact-v2" in sys.argv[-1]:
        open(acknowledged, "w").close()
    sys.exit(status)
child = subprocess.Popen([real] + sys.argv[1:], stdout=subprocess.PIPE)
out, held = sys.stdout.buffer, b""
for line in child.stdout:
    number = int(line[:9])
    if base is None and number %% 10 == 0 and os.path.exists(acknowledged):
        base = number + 2000
        with open(where, "w") as file:
            file.write(str(base))
    at = -1 if base is None else number - base
    if number == 100:
        line = line.replace(b"=v1", b"=v6")
    if at == 0:
        continue
    if at == 10:
        line += line
    if at == 20:
        held = line
        continue
    if at == 30:
        line = line.replace(b" HTTP/", b" HTTQ/", 1)
    if at == 40:
        line = line.replace(b"=v2", b"=v3")
    if at == 50:
        line = line.replace(b"=v2", b"=v1")
    out.write(line + held)
    out.flush()
    held = b""
sys.exit(child.wait())
"""
# Nothing sound runs out of time on a busy machine; v3, which loops in its probe, does.
PATIENT = "--deadline 60s --probe-deadline %ds" % (4 if ONCE else 2)


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
             "--passes", "0.25", "--pipe", PATIENT, *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
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

    @unittest.skipIf(ONCE, "of the program this shows what the other run and cli_pipe do")
    def test_it_is_clean_with_one_worker_on_the_interpreter(self):
        self.check_clean("--workers", "1", "--engine", "interp", "--rate", "1500")

    @unittest.skipIf(ONCE, "the driver is the same with each build of the program")
    def test_what_is_spoilt_on_the_way_is_found(self):
        path = os.path.join(self.out, "berth")
        with open(path, "w", encoding="utf-8") as file:
            file.write(SHIM % {"python": sys.executable, "program": PROGRAM, "folder": self.out})
        os.chmod(path, 0o755)
        status, said = self.run_demo(path, "--serves", "1000")
        self.assertEqual(status, 1, said)
        self.assertNotIn("Every line came back once", said)
        with open(os.path.join(self.out, "where"), encoding="utf-8") as file:
            base = int(file.read())
        self.assertIn("early line 100 ", said)
        for at, kind in enumerate(("lost", "duplicated", "reordered", "altered", "foreign", "stale")):
            self.assertIn("%s line %d " % (kind, base + 10 * at), said)

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
