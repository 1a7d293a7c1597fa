#!/usr/bin/env python3
"""call_test.py - `berth inspect` and `berth call`."""
import json
import os
import socket
import subprocess
import threading
import time
import unittest

from program import NO_HURRY, PATIENCE, PROGRAM, Folder, environment, guest, read, run

ENGINES = ["interp"] + (["wasmtime"] if b"" == run(
    "call", guest("cli_v1"), "--hook", "edit", "--engine", "wasmtime").stderr else [])


def leb(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out) + bytes([value])


def module_exporting(name):
    """A module with a memory that is exported under that name."""
    memory = b"\x05\x03\x01\x00\x01"
    body = b"\x01" + leb(len(name)) + name + b"\x02\x00"
    return b"\0asm\1\0\0\0" + memory + b"\x07" + leb(len(body)) + body


class Inspect(Folder):
    def test_a_plugin_fits_and_the_verdict_says_where(self):
        result = run("inspect", guest("cli_v1"))
        self.assert_exit(result, 0)
        text = result.stdout.decode()
        for part in ["berth-hook/1", "edit", "1.0.0", "berth_hook_edit", "sha256"]:
            self.assertIn(part, text)
        self.assertEqual(b"", result.stderr)

    def test_json_says_the_same_to_machines(self):
        result = run("inspect", guest("cli_v1"), "--json")
        self.assert_exit(result, 0)
        verdict = json.loads(result.stdout)
        self.assertEqual("berth-hook/1", verdict["fits"][0]["profile"])
        self.assertEqual(["edit"], [hook["name"] for hook in verdict["plugins"][0]["hooks"]])
        self.assertTrue(result.stdout.endswith(b"\n"))

    def test_what_fits_nothing_is_rejected_with_its_findings(self):
        for content in [b"", b"\0asm", b"no module at all", module_exporting(b"memory")]:
            for options in [[], ["--json"]]:
                result = run("inspect", self.write("artifact", content), *options)
                self.assert_exit(result, 3)
                self.assertNotEqual(b"", result.stdout)

    def test_names_in_artifacts_cannot_drive_the_terminal(self):
        path = self.write("artifact", module_exporting("m\033[2J\u202e\u009b1".encode()))
        result = run("inspect", path)
        self.assert_exit(result, 3)
        for bad in [b"\033", "\u202e".encode(), "\u009b".encode()]:
            self.assertNotIn(bad, result.stdout)
        json.loads(run("inspect", path, "--json").stdout)

    def test_what_is_no_file_is_refused_by_its_kind(self):
        os.mkfifo(self.path("fifo"))
        server = socket.socket(socket.AF_UNIX)
        self.addCleanup(server.close)
        server.bind(self.path("socket"))
        for path, part in [(self.folder, "a folder"), (self.path("fifo"), "a pipe"),
                           ("/dev/null", "a device"), (self.path("none"), "No such file"),
                           (self.path("socket"), "cannot be opened")]:
            self.assert_error(run("inspect", path), 1, path, part)

    def test_an_artifact_at_the_bound_is_read_and_past_it_is_not(self):
        path = self.write("artifact", b"\0" * 1000)
        self.assert_exit(run("inspect", path, "--artifact-max", "1000"), 3)
        self.assert_error(run("inspect", path, "--artifact-max", "999"), 1, "artifact size",
                          "more than 999")

    def test_a_sparse_file_is_refused_by_its_size_alone(self):
        path = self.write("artifact", b"")
        os.truncate(path, 1 << 40)
        self.assert_error(run("inspect", path), 1, "more than 33554432")

    def test_a_file_that_changes_while_it_is_read_is_refused_or_whole(self):
        """A writer flips a file between two sizes; a half-read one must never get a verdict."""
        whole = read(guest("cli_v1"))
        other = read(guest("cli_v2")) + b"\0\3\1xx" * 40000
        path, stop, seen = self.write("artifact", whole), threading.Event(), set()

        def flip():
            while not stop.is_set():
                for content in (other, whole):
                    with open(path, "r+b") as file:
                        file.write(content)
                        file.truncate(len(content))

        writer = threading.Thread(target=flip)
        writer.start()
        try:
            deadline = time.monotonic() + 20
            while "changed" not in seen and time.monotonic() < deadline:
                result = run("inspect", path, "--json")
                if result.returncode == 1:
                    self.assert_error(result, 1, "changed while it was being read")
                    seen.add("changed")
        finally:
            stop.set()
            writer.join()
        self.assertIn("changed", seen)

    def test_a_file_that_is_replaced_while_it_is_read_is_refused(self):
        """Long enough to be replaced by another of its size in the middle of being read."""
        size = 16 << 20
        content = read(guest("cli_v1")) + b"\0" + leb(size) + b"\1x" + b"p" * (size - 2)
        path, stop, seen = self.write("artifact", content), threading.Event(), set()

        def replace():
            while not stop.is_set():
                os.link(spare, spare + "2")
                os.rename(spare + "2", path)
                os.rename(self.write("next", b""), path)

        spare = self.write("spare", content)
        writer = threading.Thread(target=replace)
        writer.start()
        try:
            deadline = time.monotonic() + 20
            while not seen and time.monotonic() < deadline:
                result = run("inspect", path, "--json")
                if result.returncode == 1:
                    self.assert_error(result, 1, "changed while it was being read")
                    seen.add("changed")
        finally:
            stop.set()
            writer.join()
        self.assertIn("changed", seen)


class Call(Folder):
    def call(self, content, *words, artifact="cli_v1"):
        return run("call", guest(artifact), "--hook", "edit", *NO_HURRY, *words, stdin=content)

    def test_the_reply_is_the_output_byte_for_byte(self):
        for engine in ENGINES:
            for policy in ["fresh", "reuse"]:
                content = bytes(range(256)) * 9
                result = self.call(content, "--engine", engine, "--policy", policy)
                self.assert_exit(result, 0)
                self.assertEqual(b"1:" + content, result.stdout)

    def test_a_dropped_input_is_no_failure_and_is_noted(self):
        result = self.call(b"drop")
        self.assert_exit(result, 0)
        self.assertEqual(b"", result.stdout)
        self.assertIn(b"dropped", result.stderr)
        self.assertEqual(b"", self.call(b"drop", "--quiet").stderr)
        self.assertEqual(b"", self.call(b"drop", "-q").stderr)

    def test_an_empty_reply_is_a_reply(self):
        result = self.call(b"empty")
        self.assert_exit(result, 0)
        self.assertEqual((b"", b""), (result.stdout, result.stderr))

    def test_what_went_wrong_is_said_in_the_words_of_the_limits(self):
        for engine in ENGINES:
            for content, words, part in [
                (b"trap", [], "trap (unreachable)"),
                (b"loop", ["--deadline", "20ms"], "deadline"),
                (b"deep", [], "stack"),
                (b"bounds", [], "bounds"),
                (b"x" * 20000, ["--output-max", "20001"], "output"),
                (b"x" * 500000, ["--memory", "256KiB"], "raise --memory"),
            ]:
                with self.subTest(engine=engine, content=content[:6]):
                    result = self.call(content, "--engine", engine, *words)
                    self.assert_error(result, 1, part)
                    self.assertEqual(b"", result.stdout)
            self.assert_error(self.call(b"x" * 5000, "--engine", engine, artifact="cli_alloc"), 1,
                              "hook 'edit' : alloc")

    def test_a_small_stack_of_ours_is_not_what_ends_deep_guests(self):
        command = 'ulimit -s 256; exec "$0" call "$1" --hook edit --deadline 60s --stack 2MiB'
        for engine in ENGINES:
            result = subprocess.run(["bash", "-c", command + " --engine " + engine, PROGRAM,
                                     guest("cli_v1")], input=b"deep", stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE, env=environment(), check=False)
            self.assert_error(result, 1, "stack", "hook 'edit'")

    def test_a_reply_at_the_bound_is_given(self):
        result = self.call(b"x" * 20000, "--output-max", "20002")
        self.assert_exit(result, 0)
        self.assertEqual(20002, len(result.stdout))

    def test_an_endless_hook_ends_at_its_deadline(self):
        began = time.monotonic()
        self.assert_error(self.call(b"loop", "--deadline", "50ms"), 1, "deadline")
        self.assertLess(time.monotonic() - began, PATIENCE / 4)

    def test_an_artifact_that_is_refused_is_rejected_before_stdin_is_read(self):
        broken = self.write("broken", read(guest("cli_v1"))[:200])
        for path, words, part in [
            (broken, [], "rejected"),
            (self.write("empty", b""), [], "rejected"),
            (guest("cli_heavy"), ["--probe-deadline", "20ms"], "deadline"),
            (guest("cli_heavy"), ["--memory", "1MiB"], "rejected"),
            (guest("imports"), [], "rejected"),
        ]:
            ours, theirs = os.pipe()  # a stdin that never ends
            result = run("call", path, "--hook", "edit", *words, stdin_file=ours)
            os.close(ours)
            os.close(theirs)
            self.assert_error(result, 3, part)

    def test_a_hook_that_is_not_there_is_told_with_those_that_are(self):
        result = run("call", guest("cli_other"), "--hook", "edit")
        self.assert_error(result, 1, "no hook 'edit'", "first, second")

    def test_wrong_choices_are_failures_with_a_name(self):
        for words in [["--profile", "none/9"], ["--engine", "none"], ["--tenant", "x" * 65]]:
            self.assert_error(self.call(b"", *words), 1)

    def test_a_full_stdout_is_a_failure(self):
        with open("/dev/full", "wb") as full:
            result = run("call", guest("cli_v1"), "--hook", "edit", stdin=b"x", stdout=full)
        self.assert_error(result, 1, "stdout : No space left on device")

    def test_a_folder_as_stdin_is_a_failure(self):
        folder = os.open(self.folder, os.O_RDONLY)
        result = run("call", guest("cli_v1"), "--hook", "edit", stdin_file=folder)
        os.close(folder)
        self.assert_error(result, 1, "stdin : Is a directory")

    def test_an_input_larger_than_all_memory_is_refused_early(self):
        process = subprocess.Popen([PROGRAM, "call", guest("cli_v1"), "--hook", "edit", "--memory",
                                    "1MiB"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, env=environment())
        try:
            while True:
                process.stdin.write(b"x" * 65536)
        except BrokenPipeError:
            pass
        try:
            process.stdin.close()
        except BrokenPipeError:
            pass
        error = process.stderr.read().decode()
        process.stdout.close()
        process.stderr.close()
        self.assertEqual(1, process.wait(PATIENCE))
        self.assertIn("stdin : input: has more than 1048576 bytes", error)


if __name__ == "__main__":
    unittest.main()
