#!/usr/bin/env python3
"""call_test.py - `berth inspect` and `berth call`."""
import json
import os
import socket
import subprocess
import threading
import time
import unittest

from program import NO_HURRY, PATIENCE, PROGRAM, SOURCE, Folder, environment, guest, read, run

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

    def test_each_grant_that_is_asked_for_has_its_answer(self):
        result = run("inspect", guest("wasi_probe"), "--grant", "clock", "--grant", "deny:random", "--grant", "env:A")
        self.assert_exit(result, 0)
        for part in [b"wall-clock@0.2.12: clock:wall is given by clock\n", b"random is denied by deny:random, and calls",
                     b"environment@0.2.12: env is given by env:A\n", b"stdin@0.2.12: stdio:in is not given, and calls"]:
            self.assertIn(part, result.stdout.split(b"\ngrants  ")[1])
        self.assertNotIn(b"\ngrants  ", run("inspect", guest("wasi_probe")).stdout)
        for words in [["--grant", "clockwork"], ["--grant", "fs:read"]]:
            self.assert_exit(run("inspect", guest("wasi_probe"), *words), 2)

    def test_a_plugin_without_what_it_needs_is_rejected(self):
        for words, part in [(["clock:wall", "random"], "clock:monotonic is missing: the plugin is refused"),
                            (["random", "clock:monotonic"], "clock:wall is missing"),
                            (["clock", "env:random"], "random is missing")]:
            options = [word for grant in words for word in ("--grant", grant)]
            result = run("inspect", guest("wasi_probe"), "--json", *options)
            self.assert_exit(result, 3)
            told = json.loads(result.stdout)
            self.assertTrue(told["is_refused_for_grants"])
            self.assertTrue(any(part in line for line in told["grants"]), told["grants"])
        result = run("inspect", guest("p1_plugin"), "--grant", "stdio")
        self.assert_exit(result, 3)
        self.assertIn(b"clock_time_get: clock is missing", result.stdout)
        self.assertIn(b"stdio:out is given by stdio; stdio:err is given by stdio; fs:write is not given", result.stdout)
        self.assert_exit(run("inspect", guest("p1_plugin"), "--grant", "clock:monotonic"), 0)

    def test_a_denial_of_a_part_links_what_is_needed(self):
        result = run("inspect", guest("p1_plugin"), "--grant", "deny:clock:wall")
        self.assert_exit(result, 0)
        self.assertIn(b"clock_time_get: clock is denied by deny:clock:wall, and calls", result.stdout)
        result = run("check", guest("p1_plugin"), "--grant", "deny:clock:wall", "--probe-deadline", "60s")
        self.assertNotIn(b"fail  admission", result.stdout)
        self.assertNotIn(b"fail  compile", result.stdout)

    def test_a_name_with_a_nul_hides_nothing(self):
        plugin = self.write("nul.wasm", read(guest("p1_plugin")) + b"\0\2\1\0")  # a section
        result = run("inspect", plugin, "--grant", "stdio")
        self.assert_exit(result, 3)
        self.assertIn(b"clock_time_get: clock is missing", result.stdout)
        self.assertIn("\0", json.loads(run("inspect", plugin, "--json").stdout)["module"]["sections"]["items"][-1]["name"])
        result = run("check", plugin, "--grant", "clock", "--probe-deadline", "60s")
        self.assert_exit(result, 0)
        program = self.write("nul.wasm", read(guest("p1_command")) + b"\0\2\1\0")
        self.assert_exit(run("run-guest", program, "--", "well"), 0)

    def test_each_key_is_in_its_document(self):
        with open(os.path.join(SOURCE, "docs", "inspect-json.md"), encoding="utf-8") as file:
            document = file.read()

        def keys(told):
            for key, value in told.items() if isinstance(told, dict) else []:
                yield key
                yield from keys(value)
            for value in told if isinstance(told, list) else []:
                yield from keys(value)

        for plugin in ("p1_plugin", "wasi_probe", "adm_cclb_all"):
            for key in keys(json.loads(run("inspect", guest(plugin), "--json", "--grant", "clock").stdout)):
                self.assertRegex(document, "[`\".]%s[`\"]" % key)

    def test_a_line_that_is_cut_is_told(self):
        for path in "/" + "é" * 1100, "/a" + "é" * 1100:  # one of which is cut inside a character
            result = run("inspect", guest("p1_plugin"), "--json", "--grant", "clock", "--grant", "fs:read:" + path,
                         "--grant", "fs:write:" + path)
            self.assert_exit(result, 0)
            told = json.loads(result.stdout)
            self.assertEqual([ask["interface"] for ask in told["module"]["asks"]],
                             [line.split(":")[0] for line in told["grants"]])

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

    def test_a_component_is_shown_with_what_it_is_made_of(self):
        result = run("inspect", guest("cli_values.component"))
        self.assert_exit(result, 0)
        text = result.stdout.decode()
        for part in ["WebAssembly component", "functions, memory of 2.. pages\n",
                     "instances  1 of core modules, 2 of components\n", "limits     ",
                     "\n    export sum: func(numbers: list<u32>) -> u64;\n",
                     "\n      add: func(a: point, b: point) -> point;\n"]:
            self.assertIn(part, text)

    def test_the_world_of_a_component_is_wit_that_is_read_again(self):
        for name in ["cli_values.component", "greet.component", "redact-v7"]:
            component = json.loads(run("inspect", guest(name), "--json").stdout)["component"]
            self.assertEqual(1, component["core_instances"])
            result = run("wit", self.write("world.wit", component["wit"].encode()))
            self.assert_exit(result, 0)
            self.assertEqual([line for line in component["wit"].split("\n") if line],
                             [line for line in result.stdout.decode().split("\n") if line])
        self.assertIsNone(json.loads(run("inspect", guest("cli_v1"), "--json").stdout)["component"])

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
        size = 4 << 20
        whole = read(guest("cli_v1"))
        other = read(guest("cli_v2")) + b"\0" + leb(size) + b"\1x" + b"p" * (size - 2)
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
            deadline = time.monotonic() + PATIENCE / 2
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
            deadline = time.monotonic() + PATIENCE / 2
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
        command = 'ulimit -s 256; exec "$0" call "$1" --hook edit --deadline 60s --probe-deadline 60s --stack 2MiB'
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


class Evaluate(Folder):
    """`berth call COMPONENT CALL`."""

    shapes = "demo:values/shapes@1.0.0#"

    def evaluate(self, call, *words, component="cli_values.component", **options):
        return run("call", guest(component), call, *NO_HURRY, *words, **options)

    def check(self, call, result, in_json):
        for engine in ENGINES:
            for words, expected in [([], result), (["--json"], in_json)]:
                got = self.evaluate(call, "--engine", engine, *words)
                self.assert_exit(got, 0)
                self.assertEqual(expected, got.stdout.decode())
                self.assertEqual(b"", got.stderr)

    def test_arguments_and_results_are_text(self):
        for call, result, in_json in [
            ("sum([1, 2, 4294967295])", "4294967298", "4294967298"),
            ("  sum ( [ ] , ) // nothing", "0", "0"),
            ("reverse([1, 2, 3])", "[3, 2, 1]", "[3, 2, 1]"),
            (self.shapes + "add({x: 1, y: 2}, {x: -10, y: 5})", "{x: -9, y: 7}", '{"x": -9, "y": 7}'),
            (self.shapes + "add({y: 2, x: 1, label: \"\u00e9\"}, {x: 0, y: 0})",
             '{x: 1, y: 2, label: some("\u00e9")}', '{"x": 1, "y": 2, "label": "\u00e9"}'),
            (self.shapes + "next(blue)", "red", '"red"'),
            (self.shapes + "area(circle(0.5))", "ok(0.75)", '{"ok": 0.75}'),
            (self.shapes + "area(box((3, 4)))", "ok(12)", '{"ok": 12}'),
        ]:
            self.check(call, result + "\n", in_json + "\n")

    def test_arguments_may_be_an_object(self):
        for function, args, result, in_json in [
            ("sum", '{"numbers": [1, 2]}', "3", "3"),
            (self.shapes + "add", '{"b": {"y": 1, "x": 1}, "a": {"x": 1, "y": 2, "label": "\u00e9"}}',
             '{x: 2, y: 3, label: some("\u00e9")}', '{"x": 2, "y": 3, "label": "\u00e9"}'),
        ]:
            for words, expected in [([], result), (["--json"], in_json)]:
                got = self.evaluate(function, "--json-args", args, *words)
                self.assert_exit(got, 0)
                self.assertEqual(expected + "\n", got.stdout.decode())
        self.assertEqual(b"null\n", self.evaluate("forget", "--json", "--json-args", "{}").stdout)
        self.assertEqual(b"", self.evaluate("forget", "--json-args", "{}").stdout)

    def test_an_object_that_is_no_arguments_is_refused(self):
        for function, args, code, part in [
            ("sum", '{"numbers": [1, -2]}', 2, "column 17: the number does not fit u32"),
            ("sum", '{}', 2, "field `numbers`"),
            ("sum", '{"numbers": [], "more": 1}', 2, "has no field `more`"),
            ("sum", '[[1]]', 2, "found an array"),
            ("sum", 'x', 2, "column 1: no JSON"),
            ("none", '{}', 1, "none"),
            ("sum([1])", '{}', 1, "sum([1])"),
        ]:
            self.assert_error(self.evaluate(function, "--json-args", args), code, part)
        self.assert_error(run("call", guest("cli_v1"), "--json-args", "{}"), 2, "--json-args", "needs the name")

    def test_a_function_without_result_prints_none(self):
        self.check("forget()", "", "null\n")

    def test_an_error_of_the_functions_own_is_a_result(self):
        self.check(self.shapes + "area(dot)", 'err("a dot has\\nnone")\n', '{"err": "a dot has\\nnone"}\n')

    def test_what_comes_back_cannot_drive_the_terminal(self):
        call = self.shapes + 'add({x: 0, y: 0, label: "\\u{1b}[2J\\u{202e}\\u{9b}"}, {x: 0, y: 0})'
        for words in [[], ["--json"]]:
            result = self.evaluate(call, *words)
            self.assert_exit(result, 0)
            for bad in [b"\033", "\u202e".encode(), "\u009b".encode()]:
                self.assertNotIn(bad, result.stdout)

    def test_stdin_is_not_read(self):
        ours, theirs = os.pipe()  # a stdin that never ends
        self.assert_exit(self.evaluate("calls()", stdin_file=ours), 0)
        os.close(ours)
        os.close(theirs)

    def test_text_that_is_no_call_is_shown_with_a_caret(self):
        for call, part, shown in [
            ("sum", "column 4: expected '(' behind the function's name", "  sum\n     ^"),
            ("", "column 1: expected '('", "^"),
            ("(1)", "column 1: expected the name of a function", "  (1)\n  ^"),
            ("sum(.)", "column 5: expected list<u32> for `numbers`, found `.`", "  sum(.)\n      ^"),
            ("sum([1,", "column 8: expected u32 for `numbers`, found the end of the text", "       ^"),
            ("sum([1], 2)", "too many arguments for func(numbers: list<u32>) -> u64", "^"),
            ("sum()", "the argument `numbers` of func(numbers: list<u32>) -> u64 is missing", "^"),
            ("sum([\u00e9])", "column 6: expected u32 for `numbers`, found `\u00e9`", "^"),
            ("sum([\u202e])", "column 6: expected u32 for `numbers`, found U+202E", "^"),
            ("sum([-1])", "column 6: the number does not fit u32", "^"),
            (self.shapes + "next(pink)", "`pink` is no case of enum { red, green, blue }", "^"),
            ("f" * 300 + "()", "has at most 256 bytes", ""),
        ]:
            result = self.evaluate(call)
            self.assert_error(result, 2, part)
            self.assertIn(shown.replace("\n", "\n  "), result.stderr.decode())
            self.assertEqual(b"", result.stdout)

    def test_a_function_that_is_not_there_is_a_failure(self):
        for call in ["nothing()", "other:pkg/shapes@1.0.0#add()", "shapes#add()", "cabi_realloc(1)"]:
            self.assert_error(self.evaluate(call), 1, "absent", "it exports no function")
        self.assert_error(run("call", guest("cli_v1"), "edit([1])", *NO_HURRY), 1, "it is a core module")

    def test_a_call_has_the_deadline_and_the_memory_of_the_options(self):
        result = run("call", guest("cli_values.component"), "spin()", "--probe-deadline", "60s",
                     "--deadline", "50ms")
        self.assert_error(result, 1, "deadline", "spin")
        numbers = "sum([" + "1," * 60000 + "])"
        self.assert_error(self.evaluate(numbers, "--memory", "128KiB"), 1, "trap")
        self.assert_exit(self.evaluate(numbers, "--memory", "1MiB"), 0)

    def test_either_policy_serves_a_call(self):
        for policy in ["reuse", "fresh"]:
            result = self.evaluate("calls()", "--policy", policy)
            self.assert_exit(result, 0)
            self.assertEqual(b"1\n", result.stdout)

    def test_a_trap_is_told_with_its_frames(self):
        result = self.evaluate("fail()")
        self.assert_error(result, 1, "trap (unreachable)", "fail")
        self.assertIn(b"\n  ", result.stderr)

    def test_what_is_no_component_is_rejected_before_anything_is_called(self):
        self.assert_error(run("call", self.write("empty", b""), "f()"), 3, "rejected")

    def test_a_full_stdout_is_a_failure(self):
        with open("/dev/full", "wb") as full:
            result = self.evaluate("calls()", stdout=full)
        self.assert_error(result, 1, "stdout : No space left on device")


if __name__ == "__main__":
    unittest.main()
