#!/usr/bin/env python3
"""demo_languages_test.py - the demo of languages, shorter and with what clang builds: clean with the real
program, and not clean when a record is lost, doubled, altered or served by a plugin that had been replaced."""

import os
import subprocess
import sys
import tempfile
import types
import unittest

ROOT = os.environ.get("BERTH_SOURCE_DIR") or os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("BERTH_BUILD_DIR", "")
DEMO = os.path.join(ROOT, "demo", "languages")
sys.path.insert(0, DEMO)

import languages  # noqa: E402

PLUGINS = {"c": "c.wasm", "cpp": "cpp.wasm"}
LINES = [b"name %d" % number for number in range(100)]


def marked(number, name):
    return b"cpp> %s> %09d %s" % (name, number, LINES[number])


class Verifier(unittest.TestCase):
    def check(self, lines, since=60):
        with tempfile.TemporaryDirectory() as out:
            with open(os.path.join(out, "out.log"), "wb") as file:
                file.write(b"".join(line + b"\n" for line in lines))
            flow = types.SimpleNamespace(options=types.SimpleNamespace(out=out), lines=LINES)
            return languages.check_out(PLUGINS, "cpp", flow, since)

    def test_sound_records_are_clean_and_faults_are_seen(self):
        sound = [marked(number, b"c" if number < 50 else b"cpp") for number in range(100)]
        self.assertEqual(([], {"c": 50, "cpp": 50}), self.check(sound))
        for bad in [sound[:-1], sound[:30] + sound[31:], sound[:30] + [sound[29]] + sound[30:], sound + [b"x"],
                    [sound[1], sound[0]] + sound[2:], [sound[0].replace(b"name", b"mane")] + sound[1:],
                    [sound[0].replace(b"cpp> ", b"")] + sound[1:], sound[:70] + [marked(70, b"c")] + sound[71:],
                    [marked(number, b"c") for number in range(100)], [marked(number, b"cpp") for number in range(100)]]:
            self.assertTrue(self.check(bad)[0])


class Demo(unittest.TestCase):
    def test_the_demo_is_clean(self):
        with tempfile.TemporaryDirectory() as out:
            result = subprocess.run([sys.executable, "-B", os.path.join(DEMO, "languages.py"), "--build", BUILD, "--out", out,
                                     "--records", "2000", "--clang-only"], stdout=subprocess.PIPE,
                                    stderr=subprocess.STDOUT, text=True, timeout=500, check=False)
        print("\n".join(line for line in result.stdout.splitlines() if line.startswith("left out")))
        self.assertEqual(0, result.returncode, result.stdout)
        self.assertIn("clean: every record is there", result.stdout)
        self.assertIn("clock_time_get: clock is missing", result.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
