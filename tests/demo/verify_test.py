#!/usr/bin/env python3
"""verify_test.py - the demo's verifier sees what it is there to see, and only that."""

import gzip
import os
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "demo"))

import verify  # noqa: E402

LOG = [
    b'203.0.113.9 - ana [t] "GET /a?email=ana%40example.org HTTP/1.1" 200 512 "-" rt=0.004',
    b'127.0.9.1 - - [t] "GET /b?token=abc HTTP/1.1" 304 0 "-" "Chrome/126.0.0.0" rt=0.000',
    b'198.51.100.7 - - [t] "GET /c HTTP/1.1" 200 14 auth="Bearer x.y-z=" rt=0.001',
]


class Stream:
    """A run of ten lines at one line a second, back 0.1 s later, that a test then spoils:
    v1 serves, v2 is asked for at 3.5 and acknowledged at 3.6, v6 at 6.5 and 6.6."""

    def __init__(self):
        self.expected = verify.Expected(LOG)
        self.changes = [verify.Change("v1", 0.0, 0.0), verify.Change("v2", 3.5, 3.6),
                        verify.Change("v6", 6.5, 6.6)]
        self.sent = [float(n) for n in range(10)]
        self.lines = [self.line(n, "v1" if n < 4 else "v2" if n < 7 else "v6") for n in range(10)]
        self.received = [n + 0.1 for n in range(10)]
        self.ordered = True

    def line(self, number, version):
        reply = self.expected.reply(version, number % len(LOG))
        if reply is None:
            reply = LOG[number % len(LOG)]
        return b"%09d %s" % (number, reply)

    def report(self):
        return verify.verify(self.expected, len(self.sent), self.sent.__getitem__,
                             zip(self.lines, self.received), self.changes, self.ordered)

    def kinds(self):
        return dict(self.report().kinds)


class Verifier(unittest.TestCase):
    def setUp(self):
        self.stream = Stream()

    def test_a_clean_run_has_no_findings(self):
        report = self.stream.report()
        self.assertTrue(report.clean, report.findings)
        self.assertEqual((report.lines_in, report.lines_out), (10, 10))
        self.assertEqual(dict(report.by_version), {"v1": 4, "v2": 3, "v6": 2})
        self.assertEqual((report.passed, report.unexplained), (1, 0))

    def test_a_lost_line_is_found(self):
        del self.stream.lines[5], self.stream.received[5]
        self.assertEqual(self.stream.kinds(), {"lost": 1})

    def test_a_lost_last_line_is_found(self):
        del self.stream.lines[9], self.stream.received[9]
        self.assertEqual(self.stream.kinds(), {"lost": 1})

    def test_nothing_at_all_is_all_lost(self):
        self.stream.lines, self.stream.received = [], []
        self.assertEqual(self.stream.kinds(), {"lost": 10})

    def test_a_duplicated_line_is_found(self):
        self.stream.lines.insert(5, self.stream.lines[4])
        self.stream.received.insert(5, self.stream.received[4])
        self.assertEqual(self.stream.kinds(), {"duplicated": 1})

    def test_two_swapped_lines_are_found(self):
        lines = self.stream.lines
        lines[1], lines[2] = lines[2], lines[1]
        self.stream.sent[1:3] = [1.0, 1.0]
        self.assertEqual(self.stream.kinds(), {"reordered": 1})

    def test_a_line_that_was_never_sent_is_found(self):
        self.stream.lines.append(self.stream.line(10, "v6"))
        self.stream.received.append(9.2)
        self.assertEqual(self.stream.kinds(), {"unknown": 1})

    def test_a_line_without_its_number_is_found(self):
        self.stream.lines[2] = self.stream.lines[2][10:]
        self.assertEqual(self.stream.kinds(), {"unknown": 1, "lost": 1})

    def test_the_old_version_after_the_acknowledgement_is_stale(self):
        self.stream.lines[4] = self.stream.line(4, "v1")
        self.assertEqual(self.stream.kinds(), {"stale": 1})

    def test_the_old_version_between_request_and_acknowledgement_is_fine(self):
        self.stream.sent[4], self.stream.received[4] = 3.55, 4.1
        self.stream.lines[4] = self.stream.line(4, "v1")
        self.assertEqual(self.stream.kinds(), {})

    def test_the_new_version_before_its_request_is_early(self):
        self.stream.lines[3] = self.stream.line(3, "v2")
        self.assertEqual(self.stream.kinds(), {"early": 1})

    def test_the_new_version_before_its_acknowledgement_is_fine(self):
        self.stream.received[3] = 3.52
        self.stream.lines[3] = self.stream.line(3, "v2")
        self.assertEqual(self.stream.kinds(), {})

    def test_old_after_new_is_backwards_when_there_is_one_worker(self):
        self.stream.sent[4:6], self.stream.received[3:6] = [3.51, 3.55], [3.52, 3.55, 3.57]
        self.stream.lines[3] = self.stream.line(3, "v2")
        self.stream.lines[4] = self.stream.line(4, "v1")
        self.assertEqual(self.stream.kinds(), {"backwards": 1})
        self.stream.ordered = False
        self.assertEqual(self.stream.kinds(), {})

    def test_a_refused_version_that_serves_is_foreign(self):
        self.stream.lines[5] = b"%09d x berth-demo=v3" % 5
        self.assertEqual(self.stream.kinds(), {"foreign": 1})

    def test_a_known_version_that_was_never_asked_for_is_foreign(self):
        del self.stream.changes[2]
        self.assertEqual(self.stream.kinds(), {"foreign": 2})

    def test_a_rollback_is_a_change_like_any_other(self):
        self.stream.changes.append(verify.Change("v2", 8.5, 8.6))
        self.stream.lines[9] = self.stream.line(9, "v2")
        self.assertEqual(self.stream.kinds(), {})
        self.stream.lines[9] = self.stream.line(9, "v6")
        self.assertEqual(self.stream.kinds(), {"stale": 1})

    def test_a_version_between_two_times_of_service_is_stale(self):
        self.stream.changes.append(verify.Change("v1", 8.5, 8.6))
        self.stream.lines[9] = self.stream.line(9, "v1")
        self.assertEqual(self.stream.kinds(), {})
        self.stream.lines[5] = self.stream.line(5, "v1")
        self.assertEqual(self.stream.kinds(), {"stale": 1})

    def test_an_altered_byte_is_found(self):
        self.stream.lines[5] = self.stream.lines[5].replace(b"GET", b"GOT")
        self.assertEqual(self.stream.kinds(), {"altered": 1})

    def test_half_a_version_is_altered(self):
        body = self.stream.expected.reply("v1", 2)
        self.stream.lines[5] = b"%09d %s" % (5, body.replace(b"=v1", b"=v2"))
        self.assertEqual(self.stream.kinds(), {"altered": 1})

    def test_an_altered_line_without_a_mark_is_found(self):
        self.stream.lines[7] = self.stream.lines[7] + b" "
        self.assertEqual(self.stream.kinds(), {"altered": 1})

    def test_a_line_passed_for_no_known_reason_is_counted_apart(self):
        self.stream.lines[5] = b"%09d %s" % (5, LOG[2])
        report = self.stream.report()
        self.assertTrue(report.clean)
        self.assertEqual((report.passed, report.unexplained), (2, 1))

    def test_a_line_passed_by_a_version_that_does_not_trap_is_unexplained(self):
        self.stream.lines[4] = b"%09d %s" % (4, LOG[1])
        self.assertEqual(self.stream.report().unexplained, 1)


class Redaction(unittest.TestCase):
    def test_addresses_lose_their_last_number(self):
        self.assertEqual(verify.redact(b"203.0.113.9, 10.1.2.3", False), b"203.0.113.x, 10.1.2.x")

    def test_version_numbers_stay(self):
        for line in (b"Chrome/126.0.0.0 x", b"1.2.3.4.5", b"v1.2.3.4", b"1234.1.1.1"):
            self.assertEqual(verify.redact(line, True), line)

    def test_an_address_in_a_url_is_masked(self):
        self.assertEqual(verify.redact(b"http://10.0.0.1/x", False), b"http://10.0.0.x/x")

    def test_both_forms_of_e_mail_are_masked(self):
        self.assertEqual(verify.redact(b"q=a.b+c@x.org&r=d%40y.z.", False), b"q=[email]&r=[email].")

    def test_tokens_are_masked_by_the_second_version_only(self):
        line = b"?token=abc&api_key=1 Bearer x.y= Basic Zg=="
        self.assertEqual(verify.redact(line, False), line)
        self.assertEqual(verify.redact(line, True),
                         b"?token=[token]&api_key=[token] Bearer [token] Basic [token]")

    def test_the_sixth_version_traps_on_empty_answers_only(self):
        self.assertRaises(verify.Trap, verify.v6, LOG[1])
        self.assertTrue(verify.v6(LOG[0]).endswith(b" ms-per-kib=8 berth-demo=v6"))

    def test_the_recorded_log_is_what_the_demo_needs(self):
        with gzip.open(os.path.join(ROOT, "demo", "access.log.gz")) as log:
            lines = log.read().splitlines()
        self.assertGreaterEqual(len(lines), 20000)
        self.assertEqual(len(set(lines)), len(lines))
        text = b"\n".join(lines)
        self.assertNotIn(b"berth-demo=", text)
        for needle in (b"%40", b"@example", b"token=", b"Bearer ", b"xff=\"203.0.113."):
            self.assertIn(needle, text)
        trapped = sum(1 for line in lines if verify.FIELDS.match(line).group(1) == b"0")
        self.assertGreater(trapped, 1000)


if __name__ == "__main__":
    unittest.main()
