#!/usr/bin/env python3
"""authors_test.py - `berth test` and `berth check`."""
import json
import os
import random
import re
import shutil
import subprocess
import unittest

from program import PATIENCE, PROGRAM, SOURCE, Folder, environment, guest, run

HEAD = 'deadline = "60s"\n'
GOOD = HEAD + """
hook = "edit"
[[case]]
name = "text"
input = "hello"
output = "1:hello"

[[case]]
name = "bytes, thrice"
input-hex = "00 FF"
output-hex = "31 3a 00 ff"
repeat = 3

[[case]]
name = "parts"
input = "one two"
contains = ["one", "two"]
starts-with = "1:"
ends-with = "two"
one-of = ["no", "1:one two"]

[[case]]
name = "no such hook"
hook = "nope"
error = "absent"
"""


def case(text):
    return HEAD + '[[case]]\nname = "a"\nhook = "edit"\n' + text


class Cases(Folder):
    def cases(self, text, *words, plugin="cli_v1"):
        self.write("cases.toml", text.encode())
        return run("test", guest(plugin), self.path("cases.toml"), *words)

    def test_cases_that_hold_pass(self):
        result = self.cases(GOOD)
        self.assert_exit(result, 0)
        lines = result.stdout.decode().splitlines()
        self.assertEqual(["TAP version 14", "1..4", "ok 1 - text", "ok 2 - bytes, thrice",
                          "ok 3 - parts", "ok 4 - no such hook", "# 4 passed, 0 failed"], lines)

    def test_json_says_the_same_to_machines(self):
        result = self.cases(GOOD + '[[case]]\nname = "bad"\ninput = "x"\noutput = "y"\n', "--json")
        self.assert_exit(result, 1)
        told = json.loads(result.stdout)
        self.assertEqual((4, 1), (told["passed"], told["failed"]))
        self.assertEqual([True] * 4 + [False], [c["passed"] for c in told["cases"]])
        self.assertIn("- y\n+ 1:x", told["cases"][4]["why"])

    def test_what_does_not_hold_fails_and_shows_the_difference(self):
        for text, part in [('input = "a\\nb"\noutput = "1:a\\nc"', "      1:a\n    - c\n    + b\n"),
                           ('input-hex = "01"\noutput-hex = "02"', "- 000000  02"),
                           ('input = "a"\ncontains = "zz"', 'contain "zz"'),
                           ('input = "a"\nstarts-with = "a"', 'start with "a"'),
                           ('input = "a"\nends-with = "1:"', 'end with "1:"'),
                           ('input = "a"\none-of = ["a"]', "none of 1 texts"),
                           ('input = "a"\njson = "1"', "is no JSON"),
                           ('input = "a"\nerror = "trap"', "a reply came"),
                           ('hook = "nope"\nerror = "trap"', 'has no "trap" in it'),
                           ('hook = "nope"\noutput = ""', "it failed: absent"),
                           ('input = "a"\ndropped = true', "was not dropped")]:
            body = case(text) if "hook" not in text else HEAD + '[[case]]\nname = "a"\n' + text
            result = self.cases(body)
            self.assert_exit(result, 1)
            self.assertIn(part, result.stdout.decode())
            self.assertIn("not ok 1 - a\n", result.stdout.decode())

    def test_functions_are_called_with_wave_and_json(self):
        text = HEAD + """
[[case]]
name = "wave"
call = "sum([1, 2, 3])"
output = "6"
[[case]]
name = "json"
call = "sum([1, 2, 3])"
json = " 6 "
[[case]]
name = "wrong"
call = "sum(1)"
error = "invalid"
"""
        self.assert_exit(self.cases(text, plugin="cli_values.component"), 0)

    def test_files_are_found_beside_the_cases(self):
        self.write("in.bin", b"\0x")
        self.write("out.bin", b"1:\0x")
        self.assert_exit(self.cases(case('input-file = "in.bin"\noutput-file = "out.bin"')), 0)
        result = self.cases(case('input-file = "none"\noutput = ""'))
        self.assert_error(result, 2, "cases.toml:2", "none")

    def test_what_a_file_may_not_say_is_refused_with_its_line(self):
        for text, part in [("", "has 0 cases"), ("x = 1\n", "'x' is no key of the file"),
                           ("[[case]]\n", ":1 : a case needs a name"),
                           (case('inptu = "x"\noutput = ""'), ":2 : 'inptu' is no key"),
                           (case('input = 5\noutput = ""'), "'input' has to be a string"),
                           (case('input = "a"'), "has to expect"),
                           (case('output = ""\nerror = "x"'), "one of the three"),
                           (case('output = ""\nrepeat = 0'), "'repeat'"),
                           (case('output = ""\nmemory = "many"'), "'memory' has to be such as"),
                           (case('output = ""\npolicy = "no"'), "'policy'"),
                           (case('output-hex = "0g"'), "pairs of"),
                           (case('json = "{"'), "is no JSON"),
                           (case('input = "a"\ninput-hex = "61"\noutput = ""'), "second time"),
                           (case('output = ""\ncall = "f()"'), "exclude"),
                           ("case = [1]\n", "[[case]]"), ("a = \n", "cases.toml:1:"),
                           ('[[case]]\nname = "a"\noutput = ""\n', "needs a hook or a call")]:
            result = self.cases(text)
            self.assert_exit(result, 2)
            self.assertIn(part, result.stderr.decode())
            self.assertEqual(b"", result.stdout)

    def test_a_broken_file_is_refused_or_run_and_never_more(self):
        chance = random.Random(7)
        for _ in range(20):
            text = bytearray(GOOD.encode())
            for _ in range(chance.randint(1, 6)):
                text[chance.randrange(len(text))] = chance.randrange(256)
            self.write("cases.toml", bytes(text))
            result = run("test", guest("cli_v1"), self.path("cases.toml"))
            self.assertIn(result.returncode, (0, 1, 2))

    def test_a_plugin_that_is_refused_is_no_failed_case(self):
        self.write("junk.wasm", b"junk")
        self.write("cases.toml", GOOD.encode())
        result = run("test", self.path("junk.wasm"))
        self.assert_exit(result, 3)


class Check(Folder):
    def test_a_line_says_of_each_check_what_it_found(self):
        result = run("check", guest("cli_v1"), "--probe-deadline", "60s")
        self.assert_exit(result, 0)
        lines = [line.split()[:2] for line in result.stdout.decode().splitlines()]
        self.assertEqual([["ok", "file"], ["ok", "admission"], ["skip", "contract"],
                          ["ok", "compile"], ["ok", "instantiate"], ["ok", "probe"]], lines)

    def test_what_is_asked_for_is_told_with_what_is_granted(self):
        result = run("check", guest("p1_plugin"), "--grant", "clock", "--probe-deadline", "60s")
        self.assert_exit(result, 0)
        self.assertIn(b"note  asks         clock_time_get: clock is given by clock\n", result.stdout)
        result = run("check", guest("p1_plugin"))
        self.assert_exit(result, 3)
        self.assertIn(b"note  asks         clock_time_get: clock is missing", result.stdout)

    def test_all_findings_are_told(self):
        self.write("junk.wasm", b"junk")
        result = run("check", self.path("junk.wasm"))
        self.assert_exit(result, 3)
        self.assertIn(b"fail  admission    form: this is text", result.stdout)
        self.assertIn(b"skip  install", result.stdout)
        told = json.loads(run("check", self.path("junk.wasm"), "--json").stdout)
        self.assertFalse(told["would_serve"])

    def test_a_slot_that_was_asked_for_has_to_take_it(self):
        result = run("check", guest("cli_v1"), "--profile", "cc-lb/1", "--probe-deadline", "60s")
        self.assert_exit(result, 3)
        self.assertIn(b"fail  admission    no slot of cc-lb/1 takes it", result.stdout)

    def test_what_fails_when_it_starts_fails_its_probe(self):
        result = run("check", guest("start_trap"), "--probe-deadline", "60s")
        self.assert_exit(result, 3)
        self.assertIn(b"fail ", result.stdout)

    def test_usage_is_told_apart(self):
        self.assert_exit(run("check"), 2)
        self.assert_exit(run("test"), 2)
        self.assert_exit(run("check", self.path("nothing")), 1)


def compiler(*names):
    """The first of the compilers that is here and makes WebAssembly, or None."""
    for name in names:
        if shutil.which(name) and (shutil.which("wasm-ld") or shutil.which("wasm-ld-14")) \
                and subprocess.run([name, "--target=wasm32", "-nostdlib", "-Wl,--no-entry", "-x", "c",
                                    "-o", os.devnull, os.devnull], capture_output=True,
                                   check=False).returncode == 0:
            return name
    return None


class New(Folder):
    def new(self, name, *words):
        return run("new", self.path(name), *words)

    def document(self, name):
        with open(os.path.join(SOURCE, "docs", name), encoding="utf-8") as file:
            return file.read()

    def templates(self):
        top = os.path.join(SOURCE, "templates")
        return [(a, b) for a in sorted(os.listdir(top)) if os.path.isdir(os.path.join(top, a))
                for b in sorted(os.listdir(os.path.join(top, a))) if os.path.isdir(os.path.join(top, a, b))]

    def test_each_language_has_a_page_with_its_commands(self):
        pages = {"as": "assemblyscript", "js": "javascript"}
        index = self.document("languages.md")
        for language, contract in self.templates():
            page = "languages/%s.md" % pages.get(language, language)
            self.assertIn("[`%s`](%s)" % (language, page), index)
            text = self.document(page)
            self.assertIn("$ berth new word-count --lang %s\n" % language, text)
            with open(os.path.join(SOURCE, "templates", language, contract, "README.md"), encoding="utf-8") as file:
                commands = re.findall(r"^    (.+?)(?:\s+#.*)?$", file.read().replace("@NAME@", "word-count"), re.M)
            self.assertNotEqual([], commands)
            for command in commands:
                self.assertRegex(text, r"(?m)^\$ %s(\s+#.*)?$" % re.escape(command))

    def test_a_project_has_the_files_of_its_template_with_its_name(self):
        for language, contract in self.templates():
            name = language + "-" + contract
            self.assert_exit(self.new(name, "--lang", language, "--contract", contract), 0)
            top = os.path.join(SOURCE, "templates", language, contract)
            for folder, _, files in os.walk(top):
                for file in files:
                    with open(os.path.join(folder, file), encoding="utf-8") as source:
                        want = source.read().replace("@NAME@", name)
                    inside = os.path.relpath(os.path.join(folder, file), top)
                    with open(os.path.join(self.path(name), inside), encoding="utf-8") as made:
                        self.assertEqual(want, made.read(), inside)

    def test_projects_in_c_and_cpp_build_and_test_themselves(self):
        clang, clangxx = compiler("clang", "clang-14"), compiler("clang++", "clang++-14")
        if clang is None or clangxx is None or shutil.which("make") is None:
            self.skipTest("there is no clang that makes WebAssembly, or no make, here")
        for language in ("c", "cpp"):
            for contract in ("hook", "pipe"):
                name = "%s-%s" % (language, contract)
                self.assert_exit(self.new(name, "--lang", language, "--contract", contract), 0)
                result = subprocess.run(
                    ["make", "test", "CLANG=" + clang, "CLANGXX=" + clangxx,
                     "BERTH=" + PROGRAM,
                     "CHECKFLAGS=--probe-deadline 60s"], cwd=self.path(name), env=environment(),
                    capture_output=True, timeout=PATIENCE, check=False)
                self.assert_exit(result, 0)
                self.assertIn(b"# 3 passed, 0 failed", result.stdout)

    def test_projects_of_other_tools_build_and_test_themselves(self):
        """Their tools take minutes and fetch packages, so that they run where `make guests` says so."""
        if "BERTH_LANGUAGE_GUESTS_HEAVY" not in os.environ:
            self.skipTest("BERTH_LANGUAGE_GUESTS_HEAVY is not set, as `make guests` does")
        npm = [["npm", "install", "--no-audit", "--no-fund"], ["npm", "run", "build"], ["npm", "test"]]
        built = 0
        for language, contract, tool, commands in [("go", "hook", "go", [["make", "test"]]), ("as", "hook", "npm", npm),
                                                   ("js", "pipe", "npm", npm),
                                                   ("python", "pipe", "python3", [["make", "test"]])]:
            if shutil.which(tool) is None or shutil.which("make") is None:
                print("left out, for there is no %s: %s" % (tool, language))
                continue
            name = "%s-%s" % (language, contract)
            self.assert_exit(self.new(name, "--lang", language), 0)
            path = os.path.dirname(PROGRAM) + os.pathsep + os.environ["PATH"]
            for command in commands:
                result = subprocess.run(command, cwd=self.path(name), env=dict(environment(), PATH=path),
                                        capture_output=True, timeout=900, check=False)
                self.assert_exit(result, 0)
            self.assertIn(b"# 3 passed, 0 failed", result.stdout)
            built += 1
        self.assertGreater(built, 0)

    def test_what_is_there_is_left_alone(self):
        self.write("mine", b"mine")
        os.mkdir(self.path("folder"))
        for name in ("mine", "folder"):
            self.assert_error(self.new(name, "--lang", "c"), 1, "File exists")
        self.assertEqual([], os.listdir(self.path("folder")))

    def test_names_and_languages_that_are_none_are_refused(self):
        for name in ("A", "1a", "a_b", "a-", "a--b", "a b", "a" * 65):
            self.assert_exit(self.new(name, "--lang", "c"), 2)
        for words in ([], ["--lang", "cobol"], ["--lang", "js", "--contract", "hook"],
                      ["--lang", "c/hook", "--contract", "x"], ["--lang", ""]):
            self.assert_exit(self.new("a", *words), 2)
        self.assertEqual([], os.listdir(self.folder))


if __name__ == "__main__":
    unittest.main()
