#!/usr/bin/env python3
"""native_test.py - `berth inspect` and `berth call` of shared objects."""
import json
import os
import subprocess
import unittest

from program import NO_HURRY, PATIENCE, PROGRAM, Folder, read, run

PLUGINS = os.path.join(os.environ["BERTH_BUILD_DIR"], "plugins")
MATH = "test:calc/math@1.2.0#"


def plugin(name):
    return os.path.join(PLUGINS, name + ".so")


def native_wit(verdict):
    return verdict["native"]["wit"]


class Inspect(Folder):
    def verdict(self, path, status=0):
        result = run("inspect", path, "--json")
        self.assert_exit(result, status)
        return json.loads(result.stdout)

    def test_a_native_plugin_says_what_it_is(self):
        verdict = self.verdict(plugin("calc_constructor"))
        native = verdict["native"]
        self.assertEqual("shared-object", verdict["kind"])
        self.assertEqual([{"profile": "berth-hook/1", "kind": "hook", "calls": ["typed"]}],
                         verdict["fits"])
        self.assertIn("add: func(a: s32, b: s32) -> s32;", native_wit(verdict))
        self.assert_exit(run("wit", self.write("world.wit", native_wit(verdict).encode())), 0)
        self.assertEqual("test:calc", native["id"])
        self.assertEqual(["test:calc/math@1.2.0"], [c["name"] for c in native["contracts"]])
        self.assertEqual(64, len(native["contracts"][0]["digest"]))
        self.assertIn("calc_starts_early", [c["name"] for c in native["constructors"]["items"]])
        self.assertTrue(any(name.startswith("libc.") for name in native["needed"]["items"]))

    def test_people_read_the_same(self):
        result = run("inspect", plugin("calc_unique"))
        self.assert_exit(result, 0)
        for part in [b"\nfits       slots for typed calls\n", b"\n    add: func(a: s32, b: s32) -> s32;\n",
                     b"test:calc, ABI 1.0", b"test:calc/math@1.2.0", b"stays for  calc_unique"]:
            self.assertIn(part, result.stdout)

    def test_each_refusal_says_what_to_do(self):
        for name, rule, text in [
                ("calc_exec_stack", "elf-stack", "link with -z noexecstack"),
                ("calc_hidden", "elf-symbol", "berth bindgen native"),
                ("calc_is_function", "elf-symbol", "is no data")]:
            verdict = self.verdict(plugin(name), 3)
            self.assertEqual([], verdict["fits"])
            self.assertEqual([rule], [f["rule"] for f in verdict["findings"]["items"]])
            self.assertIn(text, verdict["findings"]["items"][0]["text"])

    def test_a_note_that_its_world_does_not_bear_out_is_refused(self):
        mine, other = read(plugin("calc_v1")), read(plugin("calc_other"))
        at = mine.index(b"Berth\0\0\0") + 8 + 8 + len("test:calc\0")
        there = other.index(b"Berth\0\0\0") + 8 + 8 + len("test:calc\0")
        forged = mine[:at] + other[there:there + 32] + mine[at + 32:]
        verdict = self.verdict(self.write("forged.so", forged), 3)
        self.assertEqual(["elf-wit"], [f["rule"] for f in verdict["findings"]["items"]])
        self.assertIn("build both from one WIT", verdict["findings"]["items"][0]["text"])

    def test_a_part_of_a_file_is_refused(self):
        whole = read(plugin("calc_v1"))
        for size in [4, 17, 18, 63, 64, 500, len(whole) // 2, len(whole) - 1]:
            self.assertEqual([], self.verdict(self.write("part.so", whole[:size]), 3)["fits"])


    def test_a_contract_is_held_against_it(self):
        wit = self.write("calc.wit", b"package test:calc@1.1.0; interface math { "
                                     b"add: func(a: s32, b: s32) -> s32; }")
        self.assert_exit(run("inspect", plugin("calc_v1"), "--wit", wit), 0)
        wit = self.write("calc.wit", b"package test:calc@1.1.0; interface math { "
                                     b"add: func(a: s32, b: s64) -> s32; }")
        result = run("inspect", plugin("calc_v1"), "--wit", wit)
        self.assert_exit(result, 3)
        self.assertIn(b"function `add`", result.stderr)
        self.assertIn(b"\ncontract   test:calc/math@1.1.0 is not kept\n", result.stdout)
        said = json.loads(run("inspect", plugin("calc_v1"), "--wit", wit, "--json").stdout)
        self.assertEqual(("test:calc/math@1.1.0", False),
                         (said["contract"]["name"], said["contract"]["is_kept"]))
        self.assertIn("function `add`", said["contract"]["text"])
        wit = self.write("calc.wit", b"package test:calc@1.1.0; interface math { "
                                     b"add: func(a: s32, b: s32) -> s32; }")
        said = json.loads(run("inspect", plugin("calc_v1"), "--wit", wit, "--json").stdout)
        self.assertEqual({"name": "test:calc/math@1.1.0", "is_kept": True, "text": None},
                         said["contract"])

    def test_a_plugin_without_hooks_is_told_to_be_called(self):
        result = run("call", plugin("calc_v1"), "--hook", "edit")
        self.assert_error(result, 1, "it has no hooks, but functions")


class Call(Folder):
    def call(self, name, text, *options):
        return run("call", plugin(name), text, *NO_HURRY, *options)

    def test_functions_are_called_by_text(self):
        for text, answer in [("add(20, 22)", b"42\n"), ("show({x: 1, y: -2})", b'"(1, -2)"\n'),
                             ("total([1, 2, 3])", b"6\n")]:
            result = self.call("calc_v1", MATH + text)
            self.assert_exit(result, 0)
            self.assertEqual(answer, result.stdout)

    def test_a_plugin_is_tried_first_where_it_is_asked_for(self):
        result = self.call("calc_v1", MATH + "add(20, 22)", "--trial")
        self.assert_exit(result, 0)
        self.assertEqual(b"42\n", result.stdout)
        result = self.call("calc_crashes_early", MATH + "add(20, 22)", "--trial")
        self.assert_exit(result, 3)
        self.assertIn(b"`calc_crashes`", result.stderr)
        self.assertIn(b"ended the process by signal 11", result.stderr)

    def test_what_fails_says_why(self):
        for name, text, status, why in [
                ("calc_v1", MATH + "refuse(7)", 1, b"it answered 7"),
                ("calc_v1", MATH + "sub(1, 2)", 1, b"exports no function"),
                ("calc_open_fails", MATH + "add(1, 2)", 3, b"there is no calculator"),
                ("calc_new_abi", MATH + "add(1, 2)", 3, b"older headers; build both with"),
                ("calc_lacks_symbol", MATH + "add(1, 2)", 3, b"undefined symbol: calc_is_not_there; "
                 b"link it with what it needs"),
                ("calc_no_table", MATH + "add(1, 2)", 3, b"gives no table")]:
            result = self.call(name, text)
            self.assertNotEqual(0, result.returncode)
            if status is not None:
                self.assert_exit(result, status)
            self.assertIn(why, result.stderr)
            self.assertEqual(b"", result.stdout)

    def test_what_a_plugin_says_goes_to_stderr_with_its_name(self):
        result = self.call("calc_v1", MATH + "show({x: 1, y: 2})", "--json")
        self.assert_exit(result, 0)
        self.assertEqual("(1, 2)", json.loads(result.stdout))
        self.assertEqual(b"berth: plugin 'test:calc', info: open\n"
                         b"berth: plugin 'test:calc', version 1, info: closed\n", result.stderr)
        self.assertEqual(b"", self.call("calc_v1", MATH + "add(1, 2)", "-q").stderr)
        self.assertEqual(b"", self.call("calc_v1", MATH + "add(1, 2)", "--log=warning").stderr)

    def test_a_plugin_that_says_too_much_is_cut_short_and_that_is_said(self):
        result = self.call("calc_talks", MATH + "add(1, 2)")
        self.assert_exit(result, 0)
        self.assertEqual(b"3\n", result.stdout)
        lines = result.stderr.split(b"\n")
        self.assertIn(b"berth: plugin 'test:calc', error: \\x1b[2Jtwo\\x0alines", lines)
        self.assertNotIn(b"a detail", result.stderr)
        said = [line for line in lines if line.startswith(b"berth: plugin 'test:calc'")]
        told = [line for line in lines if b"more lines, which were left out" in line]
        self.assertTrue(all(len(line) < 2100 for line in lines))
        left_out = sum(int(line.split()[3]) for line in told)
        self.assertEqual(5003, len(said) + left_out)  # 100 a second, on whatever machine
        self.assertGreater(left_out, 0)
        lines = self.call("calc_talks", MATH + "add(1, 2)", "-q").stderr.splitlines()
        self.assertEqual(1, len(lines), lines)
        lines = self.call("calc_talks", MATH + "add(1, 2)", "-q", "--log", "warning").stderr
        self.assertEqual(2, len(lines.splitlines()))
        self.assertIn(b"debug: a detail",
                      self.call("calc_talks", MATH + "add(1, 2)", "--log", "debug").stderr)

    def test_a_call_past_its_deadline_is_told_while_it_is_inside(self):
        process = subprocess.Popen(
            [PROGRAM, "call", plugin("calc_talks"), MATH + "total([3])", "--deadline", "1ms",
             "--probe-deadline", "60s", "-q"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        said = b""
        while b"has been in" not in said or not said.endswith(b"\n"):
            line = process.stderr.readline()
            self.assertNotEqual(b"", line, said)
            said += line
        out, _ = process.communicate(timeout=PATIENCE)
        self.assertIn(b"plugin 'test:calc' (version 1 of slot 'call') has been in '"
                      + MATH.encode() + b"total' on thread", said)
        self.assertEqual((0, b"3\n"), (process.returncode, out))

    def test_a_plugin_that_stays_is_told(self):
        self.assertIn(b"berth: plugin 'test:calc' stays mapped and open, for it was not drained: a "
                      b"thread of mine runs",
                      self.call("calc_never_drained", MATH + "add(1, 2)").stderr)

    def test_a_crash_says_in_which_plugin_it_was(self):
        result = self.call("calc_v1", MATH + "hold(64)")
        self.assertNotEqual(0, result.returncode)
        self.assertIn(b"the thread that crashes is in native plugin 'test:calc', version 1 of slot '",
                      result.stderr)
        self.assertIn(b"function '" + MATH.encode() + b"hold'", result.stderr)


unittest.main()
