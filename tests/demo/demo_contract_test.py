#!/usr/bin/env python3
"""demo_contract_test.py - the demo of one contract, shorter: clean with the real program, and not clean when
a call is lost, told twice or made with an old state, and when a plugin is not the one that it should be."""

import os
import subprocess
import sys
import tempfile
import unittest

ROOT = os.environ.get("BERTH_SOURCE_DIR") or os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("BERTH_BUILD_DIR", "")
DEMO = os.path.join(ROOT, "demo", "contract")
sys.path.insert(0, DEMO)

import verify  # noqa: E402

PLUGINS = ["a/tally.wasm", "b/tally.so"]


def log(calls, swaps, top):
    return "".join(["call %d %d\n" % call for call in calls] + ["swap %s %d %s\n" % swap for swap in swaps] +
                   ["top %s %d\n" % pair for pair in top])


def good():
    calls = [(n % 2, n) for n in range(1, 1001)]
    swaps = [("shared object", 300, PLUGINS[1]), ("component", 600, PLUGINS[0])]
    return calls, swaps, [("x", 500), ("y", 500)]


class Verifier(unittest.TestCase):
    def check(self, calls, swaps, top, part):
        wrong = verify.verify(log(calls, swaps, top), PLUGINS, 1)
        self.assertTrue(any(part in sentence for sentence in wrong), wrong)

    def test_a_sound_log_is_clean(self):
        self.assertEqual([], verify.verify(log(*good()), PLUGINS, 1))

    def test_each_fault_is_seen(self):
        calls, swaps, top = good()
        self.check(calls[:400] + calls[401:], swaps, top, "missing")  # a call that nobody was told of
        self.check(calls[:400] + [(0, 400)] + calls[401:], swaps, top, "twice")
        self.check([(t, n if n < 700 else n - 300) for t, n in calls], swaps, top, "twice")  # an old state
        self.check(calls[:10] + [calls[12], calls[11], calls[10]] + calls[13:], swaps, top, "backward")
        self.check(calls, swaps, [("x", 500), ("y", 499)], "the last plugin knows")
        self.check(calls, swaps[:1], top, "swaps")
        self.check(calls, [("component", 300, PLUGINS[1]), swaps[1]], top, "says it is")
        self.check(calls, [swaps[0], ("component", 300, PLUGINS[0])], top, "nobody called")
        self.check(calls[:60], swaps, [("x", 30), ("y", 30)], "no load")
        with self.assertRaises(ValueError):
            verify.verify("calls 1 2\n", PLUGINS, 1)


class Demo(unittest.TestCase):
    def test_the_demo_is_clean(self):
        with tempfile.TemporaryDirectory() as out:
            result = subprocess.run([sys.executable, "-B", os.path.join(DEMO, "run.py"), "--build", BUILD,
                                     "--rounds", "2", "--out", out], stdout=subprocess.PIPE,
                                    stderr=subprocess.STDOUT, text=True, timeout=500, check=False)
        self.assertEqual(0, result.returncode, result.stdout)
        self.assertIn("clean: each total was told once", result.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
