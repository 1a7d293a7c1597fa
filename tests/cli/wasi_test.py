#!/usr/bin/env python3
"""wasi_test.py - plugins and programs that use WASI, as an operator sees them."""
import json
import os
import subprocess
import unittest

from program import PROGRAM, SOURCE, Folder, environment, guest, patiently, run

NOTHING = ["--hook", "process"]
PACKAGES = ("io", "clocks", "random", "cli", "filesystem", "sockets", "http")


class Grants(Folder):
    def test_a_grant_that_is_missing_is_named(self):
        result = run("call", guest("wasi_probe"), *NOTHING, "--grant", "random",
                     "--grant", "clock:monotonic", stdin=b"mono")
        self.assert_exit(result, 3)
        self.assertIn(b"the slot has no grant `clock:wall`", result.stderr)

    def test_what_is_granted_is_there_and_output_is_a_line_with_the_plugins_name(self):
        result = run("call", guest("wasi_probe"), *NOTHING, "--grant", "clock", "--grant=random",
                     "--grant", "stdio:out", stdin=b"out hello")
        self.assert_exit(result, 0)
        self.assertEqual(result.stdout, b"written")
        self.assertIn(b"plugin 'component', info: hello\n", result.stderr)

    def test_a_grant_that_cannot_be_read_is_a_usage_error(self):
        result = run("call", guest("wasi_probe"), *NOTHING, "--grant", "fs:read:data")
        self.assert_exit(result, 2)
        self.assertIn(b"grant `fs:read:data`: a path begins with /", result.stderr)

    def test_inspect_says_what_is_asked_for(self):
        result = run("inspect", guest("wasi_probe"))
        self.assert_exit(result, 0)
        self.assertIn(b"asks for   wasi:clocks/monotonic-clock@0.2.12: clock:monotonic (needed)\n",
                      result.stdout)
        asks = json.loads(run("inspect", guest("wasi_probe"), "--json").stdout)["component"]["asks"]
        self.assertIn({"interface": "wasi:cli/stdin@0.2.12", "grants": "stdio:in",
                       "is_needed": False}, asks)
        self.assertIn({"interface": "wasi:io/poll@0.2.12", "grants": "", "is_needed": False}, asks)


class Programs(Folder):
    def test_a_program_has_streams_arguments_and_an_exit_code(self):
        data = bytes(range(256)) * 300
        for program in ("wasi_command", "p1_command"):
            for last, code in (("well", 0), ("fail", 1), ("exit", 42)):
                result = run("run-guest", guest(program), "--", "-x", last, stdin=data)
                self.assertEqual(result.returncode, code, result.stderr)
                self.assertEqual(result.stdout, data)
                self.assertEqual(result.stderr, f"-x\n{last}\n".encode())

    def test_a_program_ends_when_nobody_reads_it(self):
        with subprocess.Popen([PROGRAM, "run-guest", guest("wasi_command"), "fail"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env=environment()) as process:
            process.stdout.close()
            try:
                process.communicate(b"x" * 1000000, timeout=300)
            except BrokenPipeError:
                process.wait(300)
            self.assertNotEqual(process.returncode, 0)

    def test_a_program_writes_as_much_as_it_may(self):
        data = b"x" * 10000
        for program in ("wasi_command", "p1_command"):
            result = run("run-guest", "--output-max", "5KiB", guest(program), "--", "well", stdin=data)
            self.assertNotEqual(result.returncode, 0)
            self.assertEqual(result.stdout, data[:5 * 1024 - len(b"well\n")])  # both streams count
            self.assertIn(b"it writes more than it may: the rest is dropped", result.stderr)

    def test_what_is_no_program_is_said(self):
        result = run("run-guest", guest("wasi_probe"))
        self.assert_exit(result, 3)
        self.assertIn(b"exports wasi:cli/run", result.stderr)

    def test_a_program_that_waits_for_input_ends_by_its_deadline(self):
        read, write = os.pipe()
        try:
            for program in ("wasi_command", "p1_command"):
                def attempt(deadline):
                    result = run("run-guest", "--deadline", deadline, guest(program), stdin_file=read)
                    self.assert_exit(result, 1)
                    return b"longer than its call may take" in result.stderr  # it got as far as that
                self.assertTrue(patiently(attempt))
        finally:
            os.close(read)
            os.close(write)


class Packages(Folder):
    def test_our_text_of_the_packages_is_the_published_one_by_digest(self):
        published = os.path.join(SOURCE, "..", "shared", "wit", "wasi-0.2")
        if not os.path.isdir(published):
            self.skipTest("the published packages are not here")
        for package in PACKAGES:
            rest = [p for p in PACKAGES if p != package]
            texts = []
            for name, folder in (("old", published), ("new", os.path.join(SOURCE, "wit", "wasi"))):
                root = self.path(f"{package}-{name}")
                os.makedirs(os.path.join(root, "deps"))
                for at, files in ((root, [package]), (os.path.join(root, "deps"), rest)):
                    for file in files:
                        os.symlink(os.path.abspath(os.path.join(folder, file + ".wit")),
                                   os.path.join(at, file + ".wit"))
                texts.append(root)
            result = run("wit", "diff", *texts, "--json")
            self.assert_exit(result, 0)
            interfaces = json.loads(result.stdout)["interfaces"]
            self.assertTrue(interfaces)
            for interface in interfaces:
                self.assertEqual(interface["old_digest"], interface["new_digest"], interface["name"])


if __name__ == "__main__":
    unittest.main()
