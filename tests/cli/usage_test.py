#!/usr/bin/env python3
"""usage_test.py - help, options, exit codes and the shape of errors."""
import os
import pty
import re
import subprocess
import unittest

from program import PROGRAM, SOURCE, Folder, environment, guest, run

GOLDEN = os.path.join(SOURCE, "tests", "cli", "golden")
COMMANDS = ["inspect", "call", "pipe", "ctl", "wit", "wrap", "bindgen", "componentize", "bundle",
            "keygen", "sign", "verify", "run-guest", "flow", "test", "check",
            "new"]


class Help(Folder):
    def golden(self, name, text):
        path = os.path.join(GOLDEN, name)
        if os.environ.get("BERTH_GOLDEN_UPDATE"):
            os.makedirs(GOLDEN, exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        with open(path, encoding="utf-8") as file:
            self.assertEqual(file.read(), text)

    def test_help_of_the_program_is_the_golden_one(self):
        result = run("--help")
        self.assert_exit(result, 0)
        self.golden("help.txt", result.stdout.decode())

    def test_help_of_each_command_is_the_golden_one(self):
        for command in COMMANDS:
            result = run(command, "--help")
            self.assert_exit(result, 0)
            self.assertEqual(b"", result.stderr)
            self.golden("help-%s.txt" % command, result.stdout.decode())

    def test_help_command_says_what_the_option_says(self):
        self.assertEqual(run("--help").stdout, run("help").stdout)
        for words in (["-h"], ["help", "--help"], ["help", "-h"], ["help", "help"]):
            self.assertEqual(run("help").stdout, run(*words).stdout)
        for command in COMMANDS:
            self.assertEqual(run(command, "--help").stdout, run("help", command).stdout)
            self.assertEqual(run(command, "-h").stdout, run("help", command).stdout)
            self.assertEqual(run("help", command, "-h").stdout, run("help", command).stdout)

    def test_help_fits_a_terminal_of_100_columns(self):
        for command in ["help"] + COMMANDS:
            for line in run("help", *([command] if command != "help" else [])).stdout.splitlines():
                self.assertLessEqual(len(line), 100, line)

    def test_the_manual_has_every_option_and_no_other(self):
        with open(os.path.join(SOURCE, "man", "berth.1"), encoding="utf-8") as file:
            manual = file.read()
        in_manual = set(re.findall(r"Fl Fl ([a-z][a-z-]*)", manual))
        in_help = set()
        for command in [None] + COMMANDS:
            text = run("help", *([command] if command else [])).stdout.decode()
            in_help |= set(re.findall(r"--([a-z][a-z-]*)", text))
        self.assertEqual(in_help, in_manual)

    def test_version_is_one_line(self):
        result = run("--version")
        self.assert_exit(result, 0)
        self.assertRegex(result.stdout.decode(), r"^berth \d+\.\d+\.\d+\n$")


class Usage(Folder):
    def test_no_command_prints_help_on_stderr(self):
        result = run()
        self.assert_exit(result, 2)
        self.assertEqual(b"", result.stdout)
        self.assertIn(b"usage: berth", result.stderr)

    def test_wrong_command_lines_are_usage_errors_of_one_shape(self):
        file = guest("cli_v1")
        for words, part in [
            (["frobnicate"], "is not a command"),
            (["--frobnicate"], "is not an option"),
            (["help", "frobnicate"], "is not a command"),
            (["help", "call", "pipe"], "takes one command"),
            (["bundle", "eat"], "is none of check, list and graph"),
            (["bindgen", "eat"], "there are host, native and guest"),
            (["call", file, "--hook", "edit", "--engine", "none"], "no engine 'none'"),
            (["pipe", file, "--hook", "edit", "--profile", "none/9"], "no profile"),
            (["call", file, "--hook", "edit", "--kind", "none"], "'none'; see 'berth help call'"),
            (["call", file, "--hook", "edit", "--tenant", "x" * 65], "the name of a tenant"),
            (["call", file, "--hook", "x" * 65], "the name of a hook"),
            (["call", file, "--hook", "edit", "--log", "all"], "none of: error, warning"),
            (["inspect"], "needs a FILE"),
            (["inspect", file, "--frobnicate"], "is not an option of 'berth inspect'"),
            (["inspect", file, "--hook", "edit"], "is not an option of 'berth inspect'"),
            (["inspect", file, file], "is one operand too many"),
            (["call", file], "needs --hook NAME, or a call such as 'f(1)'"),
            (["call", file, "f()", "--hook", "edit"], "takes --hook or a CALL, not both"),
            (["call", file, "f()", "g()"], "is one operand too many"),
            (["call", file, "--hook", "edit", "--json"], "--json is for a CALL"),
            (["pipe", file], "needs --hook NAME;"),
            (["pipe", file, "f()"], "is one operand too many"),
            (["call", file, "--hook"], "needs a value"),
            (["call", file, "--hook", "edit", "--workers", "2"], "is not an option of 'berth call'"),
            (["call", file, "--hook", "edit", "--policy", "often"], "none of: reuse, fresh"),
            (["call", file, "--hook", "edit", "--deadline", "50"], "cannot be read"),
            (["call", file, "--hook", "edit", "--deadline", "-1ms"], "cannot be read"),
            (["call", file, "--hook", "edit", "--deadline", "0ms"], "is not between"),
            (["call", file, "--hook", "edit", "--deadline", "99999999999999999999ms"],
             "cannot be read"),
            (["call", file, "--hook", "edit", "--memory", "1"], "is not between"),
            (["call", file, "--hook", "edit", "--memory", "99999999999GiB"], "cannot be read"),
            (["call", file, "--hook", "edit", "--memory", "64 KiB"], "cannot be read"),
            (["call", file, "--hook", "edit", "--memory", "100KiB"], "no multiple of 65536"),
            (["call", file, "--hook", "edit", "--stack", "2097153"], "is not between"),
            (["call", file, "--hook", "edit", "--quiet=yes"], "takes no value"),
            (["pipe", file, "--hook", "edit", "--workers", "0"], "is not between 1 and 64"),
            (["pipe", file, "--hook", "edit", "--workers", "65"], "is not between 1 and 64"),
            (["pipe", file, "--hook", "edit", "--records", "csv"], "none of: lines, u32le"),
            (["pipe", file, "--hook", "edit", "--on-error", "ask"], "none of: stop, pass, drop"),
            (["wit"], "needs a PATH"),
            (["wit", file, "--hook", "edit"], "is not an option of 'berth wit'"),
            (["wit", file, "--features"], "needs a value"),
            (["wrap", file, "-o", "x"], "needs --wit PATH"),
            (["call", file, "f()", "--contract", "x"], "needs --wit PATH"),
            (["wit", file, "--contract", "x"], "is not an option of 'berth wit'"),
            (["wrap", file, "--wit", "x"], "needs --output FILE"),
            (["ctl"], "needs a SOCKET"),
            (["ctl", "socket"], "needs a command"),
            (["ctl", "socket", "explode"], "is not a command of ctl"),
            (["ctl", "socket", "swap"], "needs a FILE"),
            (["ctl", "socket", "stat", "x"], "takes no FILE"),
            (["ctl", "socket", "swap", "x", "y"], "is one operand too many"),
        ]:
            with self.subTest(words=words):
                result = run(*words)
                self.assert_error(result, 2, part)
                self.assertEqual(b"", result.stdout)

    def test_values_may_follow_an_equals_sign_and_operands_two_dashes(self):
        result = run("call", "--hook=edit", "--deadline=5s", "--", guest("cli_v1"), stdin=b"x")
        self.assert_exit(result, 0)
        self.assertEqual(b"1:x", result.stdout)

    def test_names_on_the_command_line_cannot_drive_the_terminal(self):
        result = run("call", "a\033[31mb\n", "--hook", "edit")
        self.assert_error(result, 1, "a\\x1b[31mb\\x0a")
        result = run("fro\u202ebnicate")
        self.assert_error(result, 2, "fro\\xe2\\x80\\xaebnicate")
        result = run("fro\u009b31mbnicate")
        self.assert_error(result, 2, "fro\\xc2\\x9b31mbnicate")
        result = run(b"fro\xffb\xc3")
        self.assert_error(result, 2, "fro\\xffb\\xc3")
        result = run("fröbnicate \U0001f600")
        self.assert_error(result, 2, "fröbnicate \U0001f600 :")

    def test_what_cannot_be_printed_is_a_failure(self):
        with open("/dev/full", "wb") as full:
            for words in [["--version"], ["help"], ["inspect", guest("cli_v1")]]:
                result = run(*words, stdout=full)
                self.assert_error(result, 1, "stdout : No space left on device")

    def test_a_closed_stdout_is_a_failure_and_not_a_file_of_ours(self):
        command = '"$0" call "$1" --hook edit <"$2" >&-'
        result = subprocess.run(["sh", "-c", command, PROGRAM, guest("cli_v1"),
                                 self.write("in", b"x")], stderr=subprocess.PIPE, check=False)
        self.assert_error(result, 1, "stdout : Bad file descriptor")


class Colour(Folder):
    def stderr_on_a_terminal(self, **more):
        try:
            ours, theirs = pty.openpty()
        except OSError as why:
            self.skipTest(f"skipped: no terminal to be had here: {why}")
        subprocess.run([PROGRAM, "frobnicate"], stderr=theirs, env=environment(**more), check=False)
        os.close(theirs)
        text = os.read(ours, 4096)
        os.close(ours)
        return text

    def test_colour_is_for_terminals(self):
        self.assertIn(b"\033[", self.stderr_on_a_terminal())
        self.assertNotIn(b"\033[", run("frobnicate").stderr)

    def test_no_color_and_dumb_terminals_get_none(self):
        self.assertNotIn(b"\033[", self.stderr_on_a_terminal(NO_COLOR="1"))
        self.assertNotIn(b"\033[", self.stderr_on_a_terminal(TERM="dumb"))


if __name__ == "__main__":
    unittest.main()
