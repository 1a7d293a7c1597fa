#!/usr/bin/env python3
"""core_module_test.py - a core module that carries its world is taken as the component that it makes."""
import json
import os
import unittest

from program import SOURCE, Folder, read, run

EXAMPLES = os.path.join(os.environ["BERTH_BUILD_DIR"], "examples", "typed")
CORE = os.path.join(EXAMPLES, "words.wasm.bindings", "core.wasm")
COMPONENT = os.path.join(EXAMPLES, "words.wasm")
WIT = os.path.join(SOURCE, "examples", "typed_host", "words.wit")
CALL = 'example:words/counting@1.0.0#count("to be or not to be", 10)'


def leb(number):
    out = b""
    while number > 127:
        out, number = out + bytes([number & 127 | 128]), number >> 7
    return out + bytes([number])


def with_section(module, name, body):
    inner = leb(len(name)) + name + body
    return module + b"\0" + leb(len(inner)) + inner


class CoreModule(Folder):
    def test_it_answers_as_the_component_does(self):
        answers = [run("call", path, CALL) for path in (CORE, COMPONENT)]
        for answer in answers:
            self.assert_exit(answer, 0)
        self.assertEqual(answers[0].stdout, answers[1].stdout)
        self.assertIn(b'{text: "be", times: 2}', answers[0].stdout)

    def test_the_verdict_says_what_it_is_taken_for(self):
        text = run("inspect", CORE)
        self.assert_exit(text, 0)
        self.assertIn(b"core WebAssembly module that carries its world (a component is made of it)", text.stdout)
        self.assertIn(b"export example:words/counting@1.0.0;", text.stdout)
        verdict = json.loads(run("inspect", "--json", CORE).stdout)
        self.assertEqual(("module", None), (verdict["kind"], verdict["module"]))
        self.assertEqual(1, verdict["component"]["functions_lifted"])

    def test_it_keeps_contracts_and_breaks_others(self):
        for path in (CORE, COMPONENT):
            self.assert_exit(run("inspect", "--wit", WIT, "--contract", "counting", path), 0)
            self.assert_exit(run("call", "--wit", WIT, "--contract", "counting", path, CALL), 0)
        other = self.write("other.wit", read(WIT).replace(b"most: u32", b"most: u64"))
        for command in (["inspect", "--wit", other, "--contract", "counting", CORE],
                        ["call", "--wit", other, "--contract", "counting", CORE, CALL]):
            result = run(*command)
            self.assert_exit(result, 3)
            self.assertIn(b"parameter `most`", result.stdout + result.stderr)

    def test_a_module_without_a_world_keeps_no_contract(self):
        plain = self.write("plain.wasm", b"\0asm\1\0\0\0")
        result = run("inspect", "--wit", WIT, "--contract", "counting", plain)
        self.assert_exit(result, 3)
        self.assertIn(b"no module that carries its world", result.stdout + result.stderr)

    def test_a_world_that_does_not_fit_is_a_finding(self):
        core = read(CORE)
        section = core[core.index(b"component-type"):]
        name = section[:section.index(b"\0asm")]
        for path, part in [(with_section(b"\0asm\1\0\0\0", b"component-type:x", b"\0asm\x0d"), b"component-type: "),
                           (with_section(b"\0asm\1\0\0\0", b"component-type", b""), b"component-type: "),
                           (with_section(b"\0asm\1\0\0\0", name, section[len(name):]), b"component-type: ")]:
            file = self.write("bad.wasm", path)
            result = run("inspect", file)
            self.assert_exit(result, 3)
            self.assertIn(part, result.stdout)
            self.assert_exit(run("call", file, "f()"), 3)

    def test_a_module_cut_anywhere_is_refused_and_nothing_else(self):
        core = read(CORE)
        for size in range(8, len(core), max(1, len(core) // 60)):
            self.assertIn(run("inspect", self.write("cut.wasm", core[:size])).returncode, (0, 3))


if __name__ == "__main__":
    unittest.main(verbosity=2)
