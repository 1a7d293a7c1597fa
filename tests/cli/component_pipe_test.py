#!/usr/bin/env python3
"""component_pipe_test.py - `berth pipe` with a component of the world in wit/berth-pipe.wit."""
import json
import struct
import unittest

from program import NO_HURRY, Folder, Pipe, guest, patiently, run

CORE, COMPONENT = "cli_record", "cli_record.component"


def pipe(content, *words, artifact=COMPONENT, **options):
    return run("pipe", guest(artifact), "--hook", "process", *NO_HURRY, *words, stdin=content, **options)


class Records(Folder):
    def test_a_component_answers_as_the_core_module_of_its_source(self):
        lines = b"".join(b"line %d %s\n" % (i, b"x" * (i * 7919 % 97)) for i in range(20000)) + b"\n\nend"
        for words in [[], ["--workers", "4"], ["--workers", "4", "--policy", "fresh"]]:
            content = lines if "fresh" not in words else lines[-60000:]
            result = pipe(content, *words)
            self.assert_exit(result, 0)
            self.assertTrue(result.stdout == content.upper(), words)
            self.assertTrue(pipe(content, *words, artifact=CORE).stdout == result.stdout, words)

    def test_empty_records_and_any_bytes_come_back(self):
        records = [b"", bytes(byte for byte in range(256) if not 97 <= byte <= 122), b"", b"\n"]
        content = b"".join(struct.pack("<I", len(record)) + record for record in records)
        result = pipe(content, "--records", "u32le")
        self.assert_exit(result, 0)
        self.assertEqual(content, result.stdout)

    def test_either_policy_makes_instances_as_for_core_modules(self):
        for policy, wanted in [("reuse", b"1\n2\n3\n"), ("fresh", b"1\n1\n1\n")]:
            for artifact in [CORE, COMPONENT]:
                result = pipe(b"count\ncount\ncount\n", "--policy", policy, artifact=artifact)
                self.assert_exit(result, 0)
                self.assertEqual(wanted, result.stdout)


class Failures(Folder):
    content = b"count\nerror no \xe2\x82\xac\ncount\ntrap\ncount\n"

    def test_an_error_of_the_components_own_fails_the_record_and_the_instance_serves_on(self):
        for on_error, wanted in [("pass", b"1\nerror no \xe2\x82\xac\n3\ntrap\n1\n"), ("drop", b"1\n3\n1\n")]:
            result = pipe(self.content, "--on-error", on_error, "--summary", self.path("summary"))
            self.assert_exit(result, 0)
            self.assertEqual(wanted, result.stdout)
            self.assertIn("no \u20ac", result.stderr.decode())
            with open(self.path("summary"), encoding="utf-8") as file:
                slot = json.load(file)["slot"]
            self.assertEqual((5, 3, 1, 1), (slot["calls"], slot["answered"], slot["traps"],
                                            slot["other_failures"]))

    def test_stop_says_which_record_and_why(self):
        result = pipe(self.content)
        self.assert_exit(result, 1)
        self.assertEqual(b"1\n", result.stdout)
        self.assertIn("no \u20ac", result.stderr.decode())

    def test_a_deadline_ends_the_instance_and_not_the_pipe(self):
        def attempt(deadline):
            nonlocal result
            result = run("pipe", guest(COMPONENT), "--hook", "process", "--deadline", deadline,
                         "--on-error", "drop", "--summary", self.path("summary"),
                         stdin=b"count\nloop\ncount\n")
            with open(self.path("summary"), encoding="utf-8") as file:
                return json.load(file)["failures"]["deadline"] == 1
        result = None
        patiently(attempt)
        self.assert_exit(result, 0)
        self.assertEqual(b"1\n1\n", result.stdout)
        self.assertIn(b"deadline", result.stderr)

    def test_a_reply_past_the_bound_fails_as_a_core_modules_does(self):
        for artifact in [CORE, COMPONENT]:
            result = pipe(b"x" * 100 + b"\n" + b"y" * 101 + b"\nz\n", "--output-max", "100", "--on-error",
                          "drop", artifact=artifact)
            self.assert_exit(result, 0)
            self.assertEqual(b"X" * 100 + b"\nZ\n", result.stdout)


class Swaps(Folder):
    def test_either_kind_replaces_the_other_and_comes_back(self):
        running = Pipe(self, artifact=CORE, hook="process")
        self.assertEqual(b"A", running.ask(b"a"))
        self.assert_exit(running.ctl("swap", guest(COMPONENT)), 0)
        self.assertEqual(b"1", running.ask(b"count"))
        self.assertEqual(b"2", running.ask(b"count"))
        self.assert_exit(running.ctl("rollback"), 0)
        self.assertEqual(b"B", running.ask(b"b"))
        self.assert_exit(running.ctl("swap", guest(COMPONENT)), 0)
        self.assertEqual(b"C", running.ask(b"c"))
        stats = running.ctl_json("stat")
        self.assertEqual(5, stats["slot"]["answered"])
        self.assertEqual(1, stats["runtime"]["components"])
        code, out, _ = running.finish()
        self.assertEqual((0, b""), (code, out))

    def test_a_component_without_the_hook_changes_nothing(self):
        running = Pipe(self, artifact=COMPONENT, hook="process")
        self.assert_exit(running.ctl("swap", guest("cli_values.component")), 1)
        self.assertEqual(b"A", running.ask(b"a"))
        self.assertEqual(0, running.finish()[0])


if __name__ == "__main__":
    unittest.main()
