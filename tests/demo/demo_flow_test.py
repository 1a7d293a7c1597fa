#!/usr/bin/env python3
"""demo_flow_test.py - the demo of flows, shorter: clean with the real program, and not clean when a line is
lost, doubled, exchanged, altered, in a wrong branch or from a wrong version, and when what was counted is not
what was seen."""

import copy
import os
import subprocess
import sys
import tempfile
import unittest

ROOT = os.environ.get("BERTH_SOURCE_DIR") or os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("BERTH_BUILD_DIR", "")
DEMO = os.path.join(ROOT, "demo", "flow")
sys.path.insert(0, DEMO)

import account  # noqa: E402

VERSIONS = ["v1", "v2"]
STATUS = [b"200", b"404", b"304", b"503"]
LINES = [b'203.0.113.9 - - "GET /%s HTTP/1.1" %s 14 token=abc' % (b"healthz" if n % 10 == 9 else b"%d" % n,
                                                                STATUS[n % 4]) for n in range(200)]
SINCE = {"v2": 120}


def numbered(number, text):
    return b"%09d %s" % (number, text)


class Verifier(unittest.TestCase):
    def setUp(self):
        self.expected = account.Expected(LINES)
        self.pages = [numbered(n, self.expected.page("v1" if n < 100 else "v2", n)) for n in self.expected.pages]
        self.errors = [numbered(n, LINES[n] + b" class=%cxx" % STATUS[n % 4][0]) for n in self.expected.errors]
        self.totals = [b"%s %d" % pair for pair in sorted(self.expected.totals.items())]

    def sees(self, part, pages, is_whole=True):
        wrong, _ = account.check_pages("out", self.expected, pages, VERSIONS, SINCE, is_whole)
        self.assertTrue(any(part in sentence for sentence in wrong), wrong)

    def test_sound_files_are_clean(self):
        wrong, by_version = account.check_pages("out", self.expected, self.pages, VERSIONS, SINCE, True)
        self.assertEqual(([], len(self.pages)), (wrong, sum(by_version.values())))
        self.assertEqual([], account.check_pages("copy", self.expected, self.pages[:50], VERSIONS, SINCE, False)[0])
        self.assertEqual([], account.check_errors(self.expected, self.errors))
        self.assertEqual([], account.check_totals(self.expected, self.totals))

    def test_each_fault_of_a_line_is_seen(self):
        pages = self.pages
        self.sees("missing", pages[:30] + pages[31:])
        self.sees("missing", pages[:-1])
        self.sees("missing", pages[:30] + pages[31:50], False)
        self.sees("twice", pages[:30] + [pages[29]] + pages[30:])
        self.sees("another order", pages[:30] + [pages[31], pages[30]] + pages[32:])
        self.sees("not belong", pages + [numbered(9, LINES[9] + b" berth-demo=v2")])
        self.sees("without a number", pages + [b"torn"])
        self.sees("not what v1", [pages[0].replace(b"GET", b"PUT")] + pages[1:])
        self.sees("no mark", [pages[0].replace(b"=v1", b"=v9")] + pages[1:])

    def test_each_fault_of_a_version_is_seen(self):
        def served(at, version):
            pages = list(self.pages)
            pages[at] = numbered(self.expected.pages[at], self.expected.page(version, self.expected.pages[at]))
            return pages
        self.sees("had been replaced", served(len(self.pages) - 1, "v1"))
        self.sees("written when v2 served", served(len(self.pages) - 1, "v1"))
        self.sees("had been replaced", served(10, "v2"))

    def test_each_fault_of_errors_and_totals_is_seen(self):
        self.assertTrue(account.check_errors(self.expected, self.errors[1:]))
        self.assertTrue(account.check_errors(self.expected, [self.errors[0].replace(b"4xx", b"5xx")] + self.errors[1:]))
        self.assertTrue(account.check_totals(self.expected, self.totals[1:]))
        self.assertTrue(account.check_totals(self.expected, self.totals + self.totals[:1]))

    def test_what_was_counted_has_to_be_what_was_seen(self):
        expected = self.expected
        pages, errors, kinds = len(expected.pages), len(expected.errors), len(expected.totals)
        counts = {("tail", "keep"): 200, ("keep", "route"): pages + errors, ("route", "redact"): pages,
                  ("route", "class"): errors, ("redact", "out"): pages, ("redact", "copy"): pages,
                  ("class", "errors"): errors, ("totals", "report"): kinds}
        summary = {"edges": [{"from": names[0], "to": names[1], "in": n, "out": n, "queued": 0, "dead_letters": 0,
                              "dropped_failed": 0, "dropped_stopped": 0} for names, n in counts.items()]}
        seen = {"out": pages, "copy": pages, "errors": errors, "report": kinds}
        self.assertEqual([], account.check_counts(expected, summary, seen))
        for edge in range(len(summary["edges"])):
            for key in ("in", "out", "queued", "dropped_stopped"):
                other = copy.deepcopy(summary)
                other["edges"][edge][key] += 1
                self.assertTrue(account.check_counts(expected, other, seen), (edge, key))
        self.assertTrue(account.check_counts(expected, summary, dict(seen, copy=pages - 1)))
        cut = summary["edges"][5]
        cut.update(out=10, dropped_stopped=pages - 10)
        seen["copy"] = 10
        self.assertEqual([], account.check_counts(expected, summary, seen, ["copy"]))
        self.assertTrue(account.check_counts(expected, summary, seen))


class Demo(unittest.TestCase):
    def test_the_demo_is_clean(self):
        with tempfile.TemporaryDirectory() as out:
            result = subprocess.run([sys.executable, "-B", os.path.join(DEMO, "run.py"), "--build", BUILD,
                                     "--lines", "6000", "--out", out], stdout=subprocess.PIPE,
                                    stderr=subprocess.STDOUT, text=True, timeout=500, check=False)
        self.assertEqual(0, result.returncode, result.stdout)
        self.assertIn("clean: every line is accounted for", result.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
