#!/usr/bin/env python3
"""wit_test.py - `berth wit`: what it prints, what it refuses and how."""
import json
import os
import unittest

from program import SOURCE, Folder, guest, run

GOLDEN = os.path.join(SOURCE, "tests", "cli", "golden")

STORE = b"""\
/// A store of bytes.
package shop:store@1.2.0;

use shop:base/errors@1.0.0 as err;

interface keys {
    use err.{error};
    /// A key that
    /// somebody made.
    record key { name: string, %list: list<u8> }
    @since(version = 1.1.0) get: func(k: key) -> result<bucket, error>;
    resource bucket {
        constructor(size: u32);
        put: func(k: borrow<bucket>, value: option<tuple<u8, f64>>) -> result<_, error>;
        @unstable(feature = lists) all: static func() -> list<bucket>;
    }
}

world small { import keys; }
world large {
    include small;
    @external-id("the \\"main\\" one") export main: func(args: list<string>) -> error;
    use err.{error};
    export extra: interface { flags mode { read, write } open: async func(m: mode); }
}
"""
BASE = b"package shop:base@1.0.0;\ninterface errors { enum error { full, gone, } }\n"


class Golden(Folder):
    def golden(self, name, text):
        path = os.path.join(GOLDEN, name)
        if os.environ.get("BERTH_GOLDEN_UPDATE"):
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        with open(path, encoding="utf-8") as file:
            self.assertEqual(file.read(), text)


class Wit(Golden):
    def store(self):
        os.makedirs(self.path("wit/deps/base"))
        self.write("wit/store.wit", STORE)
        self.write("wit/deps/base/errors.wit", BASE)
        return self.path("wit")

    def printed(self, *words):
        result = run("wit", *words)
        self.assert_exit(result, 0)
        self.assertEqual(b"", result.stderr)
        return result.stdout.decode()

    def test_a_folder_with_its_dependencies_is_printed(self):
        self.golden("wit.txt", self.printed(self.store()))

    def test_json_says_the_same(self):
        text = self.printed(self.store(), "--json")
        self.golden("wit.json", text)
        self.assertEqual("shop:store@1.2.0", json.loads(text)["root"])

    def test_what_is_printed_resolves_to_the_same(self):
        folder = self.store()
        for words in [[], ["--features", "lists"], ["--all-features"]]:
            once = self.printed(folder, *words)
            again = self.write("again.wit", once.encode())
            self.assertEqual(once, self.printed(again, *words))
            self.assertEqual(self.printed(folder, "--json", *words),
                             self.printed(again, "--json", *words))

    def test_features_are_kept_when_they_are_asked_for(self):
        folder = self.store()
        self.assertNotIn("lists", self.printed(folder))
        self.assertNotIn("lists", self.printed(folder, "--features", "more"))
        self.assertIn("lists", self.printed(folder, "--features", "more,lists"))
        self.assertIn("lists", self.printed(folder, "--all-features"))

    def test_the_binary_form_says_what_the_text_says(self):
        store = os.path.join(SOURCE, "tests", "unit", "component", "wit", "store")
        for words in [["--all-features"], ["--all-features", "--json"]]:
            self.assertEqual(self.printed(store + ".wit", *words),
                             self.printed(store + ".wasm", *words))
        self.assert_error(run("wit", guest("cli_v1")), 3, "without a section component-type")

    def test_dependencies_may_be_given_in_front(self):
        store, base = self.write("store.wit", STORE), self.write("base.wit", BASE)
        self.assertEqual(self.printed(self.store()), self.printed(base, store))
        self.assert_error(run("wit", store), 3, "store.wit:4:5 : there is no package `shop:base`")

    def test_errors_have_a_place_a_reason_and_what_was_meant(self):
        file = self.write("a.wit", b"package a:b;\ninterface i {\n\tf: func(x: strng);\n}\n")
        result = run("wit", file)
        self.assert_error(result, 3, "a.wit:3:13 : there is no type `strng`; "
                                     "did you mean `string`?")
        self.assertIn("       f: func(x: strng);\n                  ^^^^^\n", result.stderr.decode())
        self.assertEqual(b"", result.stdout)

    def test_names_in_texts_and_paths_cannot_drive_the_terminal(self):
        file = self.write("a\033[31m.wit", b"package a:b;\n\033[31m")
        result = run("wit", file)
        self.assert_error(result, 3, "may not stand in WIT")
        self.assertNotIn(b"\033[31m", result.stderr)

    def test_what_cannot_be_read_is_a_failure(self):
        self.assert_error(run("wit", self.path("absent")), 1, "No such file")
        os.mkdir(self.path("empty"))
        self.assert_error(run("wit", self.path("empty")), 3, "no file in this folder ends in .wit")
        self.assert_error(run("wit", "/dev/null"), 1, "is not a regular file")
        file = self.write("large.wit", b" " * (4 * 1024 * 1024 + 1))
        self.assert_error(run("wit", file), 1, "artifact")

    def test_wrong_features_are_usage_errors(self):
        file = self.write("base.wit", BASE)
        for text in ["", "a,", ",a", "a,,b", ",".join(["a"] * 65)]:
            self.assert_error(run("wit", file, "--features", text), 2, "--features")
        self.printed(file, "--features", ",".join(["a"] * 64))
        self.assert_error(run("wit", *[file] * 65), 2, "one operand too many")


NEXT = STORE.replace(b"@1.2.0;", b"@1.3.0;", 1) \
    .replace(b"record key { name: string, %list: list<u8> }",
             b"record key { name: string, %list: list<u16>, age: u32 }") \
    .replace(b"value: option<tuple<u8, f64>>", b"value: option<tuple<u8, f32>>") \
    .replace(b"    resource bucket {", b"    all-keys: func() -> list<key>;\n    resource bucket {")


class Diff(Golden):
    def packages(self, old, new):
        paths = []
        for name, text in [("old", old), ("new", new)]:
            os.makedirs(self.path(name + "/deps/base"))
            self.write(name + "/store.wit", text)
            self.write(name + "/deps/base/errors.wit", BASE)
            paths.append(self.path(name))
        return paths

    def diff(self, code, *words):
        result = run("wit", "diff", *words)
        self.assert_exit(result, code)
        self.assertEqual(b"", result.stderr)
        return result.stdout.decode()

    def test_each_change_says_whom_it_breaks(self):
        paths = self.packages(STORE, NEXT)
        self.golden("wit-diff.txt", self.diff(5, *paths))
        text = self.diff(5, *paths, "--json")
        self.golden("wit-diff.json", text)
        self.assertEqual("breaking", json.loads(text)["relation"])

    def test_equal_and_extended_have_codes_of_their_own(self):
        paths = self.packages(STORE, STORE.replace(b"1.2.0", b"1.2.5", 1))
        self.assertIn("equal", self.diff(0, *paths))
        more = STORE.replace(b"    resource bucket {", b"    more: func();\n    resource bucket {")
        self.write("new/store.wit", more)
        text = self.diff(4, *paths)
        self.assertIn("function `more` is new; breaks plugins", text)
        self.assertNotIn("needs another major version", text)

    def test_text_and_binary_form_are_equal(self):
        store = os.path.join(SOURCE, "tests", "unit", "component", "wit", "store")
        answer = json.loads(self.diff(0, store + ".wit", store + ".wasm", "--json",
                                      "--all-features"))
        self.assertEqual("equal", answer["relation"])
        for interface in answer["interfaces"]:
            self.assertEqual(interface["old_digest"], interface["new_digest"])

    def test_an_interface_may_be_new_or_gone(self):
        old = self.write("old.wit", b"package a:b; interface x { f: func(); }")
        new = self.write("new.wit", b"package a:b; interface x { f: func(); } interface y {}")
        self.assertIn("interface `y`: is new; breaks nobody", self.diff(4, old, new))
        self.assertIn("interface `y`: is gone; breaks callers", self.diff(5, new, old))

    def test_what_cannot_be_compared_is_told(self):
        good = self.write("good.wit", b"package a:b;")
        bad = self.write("bad.wit", b"package a:b;\ninterface {")
        self.assert_error(run("wit", "diff", good, bad), 3, "bad.wit:2:11")
        self.assert_error(run("wit", "diff", bad, good), 3, "bad.wit:2:11")
        self.assert_error(run("wit", "diff", good, self.path("absent")), 1, "No such file")
        self.assert_error(run("wit", "diff", good), 2, "OLD and NEW")
        self.assert_error(run("wit", "diff", good, good, good), 2, "OLD and NEW")


VALUES = b"""package demo:values@1.3.0;
interface shapes { enum color { red, green, blue } next: func(of: color) -> color; }
interface more { f: func(); }
"""


class Contract(Folder):
    def test_only_what_keeps_the_contract_is_called(self):
        wit, plugin = self.write("values.wit", VALUES), guest("cli_values.component")
        words = ["--wit", wit, "--contract", "shapes"]
        call = "demo:values/shapes@1.3.0#next(red)"
        result = run("call", plugin, call, *words)
        self.assert_exit(result, 0)
        self.assertEqual(b"green\n", result.stdout)
        self.assert_exit(run("inspect", plugin, *words), 0)
        self.write("values.wit", VALUES.replace(b"blue", b"blau"))
        for command in [["call", plugin, call], ["inspect", plugin]]:
            self.assert_error(run(*command, *words), 3,
                              "export `demo:values/shapes@1.0.0` does not keep contract "
                              "`demo:values/shapes@1`: function `next`, parameter `of`: case 3 is "
                              "`blau` in the contract, and `blue` here")

    def test_a_contract_is_found_or_named(self):
        wit, plugin = self.write("values.wit", VALUES), guest("cli_values.component")
        for words, text in [([], "has 2 interfaces"),
                            (["--contract", "shape"], "did you mean `shapes`?")]:
            self.assert_error(run("inspect", plugin, "--wit", wit, *words), 2, text)
        self.assert_error(run("inspect", plugin, "--wit", self.path("no")), 1, "No such file")
        bad = self.write("bad.wit", b"package a:b;\ninterface {")
        self.assert_error(run("inspect", plugin, "--wit", bad), 3, "bad.wit:2:11")


if __name__ == "__main__":
    unittest.main()
