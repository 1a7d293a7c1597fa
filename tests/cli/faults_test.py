#!/usr/bin/env python3
"""faults_test.py - every system call of the program fails, once and from then on; and allocations.

Runs tests/berth_faulty, the program with calls that fail on demand (tests/fault/faulty/faulty.c), again and
again: the 1st call fails, the 2nd, ... until there is none left.  Whatever fails, the program ends,
with one of its exit codes, says why when that is not 0, leaves nothing beside what it was given, and
what it wrote is right as far as it goes.
"""
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import unittest

from program import NO_HURRY, PROGRAM, Folder, environment, guest, run

FAULTY = os.environ.get("BERTH_FAULTY")
# Faults are about this program and not about its engine; the interpreter starts in no time.
ENGINE = ["--engine", "interp"]
ENOUGH = 300  # seconds until a run counts as hanging; none comes near
# Hundreds of allocations are jansson's, which all end the program in the same line of it.
ALLOCATIONS_EACH, ALLOCATIONS_STEP = 30, 17
# Sanitizers make each run five times as long: there, once and from then on take turns, and the
# hostile build does all.  BERTH_TEST_FAULTS=all does all anywhere.
IS_THIN = "BERTH_SANITIZED" in os.environ and os.environ.get("BERTH_TEST_FAULTS") != "all"
ERROR = re.compile(r"^berth: .+ : .+; .+$")
RECORDS = b"".join(b"record %d\n" % i for i in range(40))
ANSWERS = b"".join(b"1:record %d\n" % i for i in range(40))


class Fault:
    """One way of failing; afterwards, whether and where it happened."""

    def __init__(self, test, number, sticky, kind):
        self.text = "%s %d%s" % (kind, number, " and all later ones" if sticky else "")
        self.path = test.write("report", b"\0" * 64)
        self.env = environment(BERTH_FAULTY_NTH="%d%s" % (number, "+" if sticky else ""),
                               BERTH_FAULTY_CLASS=kind, BERTH_FAULTY_REPORT=self.path)

    def read(self):
        with open(self.path, "rb") as file:
            calls, self.failed, name = struct.unpack("<QQ48s", file.read())
        self.text += " of %d (%s)" % (calls, name.rstrip(b"\0").decode())
        return self.failed != 0


class Sweep(Folder):
    def sweep(self, step):
        """step(fault) runs the program once and checks what came out; until nothing fails."""
        began, runs = time.monotonic(), 0
        for kind, sticky in (("os", False), ("os", True), ("memory", False)):
            number = 1 if IS_THIN and sticky else 0
            while True:
                fault = Fault(self, number, sticky, kind)
                try:
                    step(fault)
                    happened = fault.read()
                except (AssertionError, subprocess.TimeoutExpired) as error:
                    fault.read()
                    self.fail("%s: %s" % (fault.text, error))
                os.remove(fault.path)
                runs += 1
                if not happened:
                    break
                if kind == "os":
                    number += 2 if IS_THIN else 1
                else:
                    number += ALLOCATIONS_STEP if IS_THIN or number > ALLOCATIONS_EACH else 1
        print("%s: %d runs, %.0f s" % (self.id().split(".")[-1], runs, time.monotonic() - began),
              file=sys.stderr)

    def assert_ended(self, code, errors, codes=(0, 1)):
        """A clean end: an exit code of ours, and a message when it is not 0."""
        text = errors.decode("utf-8", "replace")
        self.assertIn(code, codes, text)
        if code != 0:
            self.assertTrue(any(ERROR.match(line) for line in text.splitlines()), text)

    def run_faulty(self, fault, *words, stdin=b"", codes=(0, 1)):
        result = subprocess.run([FAULTY, *words], input=stdin, env=fault.env, timeout=ENOUGH,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        self.assert_ended(result.returncode, result.stderr, codes)
        return result

    def assert_nothing_left(self, *names):
        self.assertEqual(sorted([*names, "report"]), sorted(os.listdir(self.folder)))


class Operations(Sweep):
    def test_inspect(self):
        path = guest("cli_v1")
        whole = run("inspect", path, "--json").stdout

        def step(fault):
            result = self.run_faulty(fault, "inspect", path, "--json")
            if result.returncode == 0:
                self.assertEqual(whole, result.stdout)
        self.sweep(step)

    def test_call(self):
        def step(fault):
            result = self.run_faulty(fault, "call", guest("cli_v1"), "--hook", "edit", *ENGINE,
                                     *NO_HURRY, stdin=b"abc")
            self.assertEqual(b"1:abc" if result.returncode == 0 else b"", result.stdout)
        self.sweep(step)

    def test_pipe(self):
        def step(fault):
            summary = self.path("summary")
            result = self.run_faulty(fault, "pipe", guest("cli_v1"), "--hook", "edit", *ENGINE,
                                     *NO_HURRY, "--workers", "2", "--summary", summary,
                                     stdin=RECORDS)
            self.assertTrue(ANSWERS.startswith(result.stdout), result.stdout)
            if result.returncode == 0:
                self.assertEqual(ANSWERS, result.stdout)
            if os.path.exists(summary):  # whole, or not there
                with open(summary, "rb") as file:
                    self.assertIn("records", json.load(file))
                os.remove(summary)
            elif result.returncode == 0:
                self.fail("no summary")
            self.remove_what_could_not_be_removed(fault)
            self.assert_nothing_left()
        self.sweep(step)

    def test_keygen_sign_and_verify(self):
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        with open(folder + "/berth.toml", "w", encoding="ascii") as file:
            file.write('[bundle]\nname = "b"\nversion = "1.0.0"\n'
                       '[[artifact]]\nkind = "component"\nfile = "x"\n')

        def step(fault):
            secret, public = self.path("key"), self.path("key.pub")
            result = self.run_faulty(fault, "keygen", secret)
            if result.returncode == 0:
                if self.run_faulty(fault, "sign", folder, "--key", secret).returncode == 0:
                    self.run_faulty(fault, "verify", folder, "--keys", public, codes=(0, 1))
            self.remove_what_could_not_be_removed(fault)
            for name in ("key", "key.pub"):
                if os.path.exists(self.path(name)):
                    os.remove(self.path(name))
            self.assert_nothing_left()
            for name in os.listdir(folder):
                if name != "berth.toml":
                    os.remove(os.path.join(folder, name))
        self.sweep(step)

    def remove_what_could_not_be_removed(self, fault):
        """A temporary name stays where unlink() itself failed, or rename() and then unlink()."""
        fault.read()
        for name in os.listdir(self.folder):
            if name != "report" and ("(unlink)" in fault.text or fault.failed > 1):
                os.remove(self.path(name))


class Control(Sweep):
    def test_a_pipe_with_a_control_socket(self):
        socket = self.path("socket")

        def step(fault):
            with subprocess.Popen([FAULTY, "pipe", guest("cli_v1"), "--hook", "edit", *ENGINE,
                                   *NO_HURRY, "--control", socket], env=fault.env,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE) as pipe:
                try:
                    while pipe.poll() is None and not os.path.exists(socket):
                        time.sleep(0.001)
                    answers = [] if pipe.poll() is not None else [
                        run("ctl", socket, *words, "--timeout", "300ms", env=environment())
                        for words in (("swap", guest("cli_v2")), ("stat", "--json"))]
                    out, errors = pipe.communicate(b"a\nb\n", timeout=ENOUGH)
                finally:
                    pipe.kill()
            for answer in answers:
                self.assert_ended(answer.returncode, answer.stderr, (0, 1, 3))
            self.assert_ended(pipe.returncode, errors)
            outs = [b"1:a\n1:b\n", b"2:a\n2:b\n"] + ([b""] if pipe.returncode != 0 else [])
            if answers and answers[0].returncode != 0:  # it may be under way all the same
                outs.append(b"1:a\n2:b\n")
            self.assertIn(out, outs)
            for name in os.listdir(self.folder):
                if name != "report":
                    fault.read()  # without memory the program ends on the spot
                    # nor is removed what could not be looked at, and may be another's by now
                    self.assertTrue(re.search("unlink|lstat", fault.text) or fault.failed > 1 or
                                    b"there is none left" in errors, name)
                    os.remove(self.path(name))
        self.sweep(step)

    def test_ctl(self):
        socket = self.path("socket")
        with subprocess.Popen([PROGRAM, "pipe", guest("cli_v1"), "--hook", "edit", *ENGINE,
                               *NO_HURRY, "--control", socket], env=environment(),
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE) as pipe:
            try:
                while not os.path.exists(socket):
                    time.sleep(0.01)
                for words in (("stat", "--json"), ("stat",), ("swap", guest("cli_v2")),
                              ("rollback",)):
                    def step(fault):
                        result = self.run_faulty(fault, "ctl", socket, *words, "--timeout", "1s",
                                                 codes=(0, 1))
                        if result.returncode == 0 and words[-1] == "--json":
                            json.loads(result.stdout)
                    self.sweep(step)
                pipe.communicate(timeout=ENOUGH)
            finally:
                pipe.kill()
        self.assertEqual(0, pipe.returncode)


if __name__ == "__main__":
    if FAULTY is None:
        print("skipped: this build has no BERTH_FAULTS; use the dev, asan or hostile preset")
        sys.exit(77)
    unittest.main()
