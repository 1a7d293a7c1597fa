#!/usr/bin/env python3
"""bindgen_compile_test.py - what `berth bindgen` writes compiles without a warning, as C and as C++,
for the worlds of this tree, for those in ../shared/wit, and for random ones."""
import json
import os
import shutil
import subprocess
import unittest

from program import PATIENCE, SOURCE, Folder, run
from random_wit import World

SHARED = os.path.join(SOURCE, "..", "shared", "wit")
RANDOM_WORLDS = int(os.environ.get("BERTH_RANDOM_WORLDS", "12"))
# The text is the same in every build of the program: where that is instrumented, to write it is enough.
ONLY_WRITES = "BERTH_TEST_ONLY_WRITES" in os.environ
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"]


def compilers():
    for c, cxx in [("gcc", "g++"), ("clang", "clang++")]:
        if shutil.which(c):
            yield [c, "-std=c11", "-Wconversion", "-Wshadow"]
        if shutil.which(cxx):
            yield [cxx, "-std=c++11", "-x", "c++", "-Wconversion"]


def worlds_of(wit):
    """The names of the worlds of the package; none when it does not resolve."""
    result = run("wit", *wit, "--json", "--all-features")
    if result.returncode != 0:
        return []
    found = json.loads(result.stdout)
    return [world["name"] for world in found["packages"][0]["worlds"]]


def guest_compilers():
    clang = shutil.which("clang")
    targets = subprocess.run([clang, "--print-targets"], stdout=subprocess.PIPE, check=False).stdout if clang else b""
    if b"wasm32" in targets:
        yield [clang, "--target=wasm32", "-ffreestanding", "-std=c11", "-Wconversion", "-Wshadow",
               "-I", os.path.join(SOURCE, "guest")]


class Compile(Folder):
    def compile(self, folder, source):
        for compiler in guest_compilers() if source.endswith("_guest.c") else compilers():
            result = subprocess.run([*compiler, *WARNINGS, "-I", os.path.join(SOURCE, "include"),
                                     os.path.join(folder, source)],
                                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE, check=False)
            self.assertEqual(0, result.returncode, "%s\n%s" % (" ".join(compiler), result.stdout.decode()[:4000]))

    def check(self, wit, world):
        """True, or False when there are no bindings for it, said with a reason."""
        out = self.path("out-%s" % world)
        for side in ["host", "guest", "native"]:
            result = run("bindgen", side, *wit, "--world", world, "--out", out, "--all-features")
            if result.returncode == 3 and side == "native":
                self.assertIn(b"there are no bindings for a native plugin", result.stderr)
                continue
            if result.returncode == 3:
                self.assertIn(b"there are no bindings for", result.stderr)
                shutil.rmtree(out, ignore_errors=True)
                return False
            self.assert_exit(result, 0)
        for source in [] if ONLY_WRITES else os.listdir(out):
            if source.endswith(".c"):
                self.compile(out, source)
            if source.endswith(".hpp"):
                self.write("use.cpp", ('#include "%s"\n#include "%s"\n' % (source, source)).encode())
                for cxx in filter(shutil.which, ["g++", "clang++"]):
                    result = subprocess.run([cxx, "-std=c++17", "-Wconversion", "-Wshadow", *WARNINGS, "-I", out,
                                             "-I", os.path.join(SOURCE, "include"), self.path("use.cpp")],
                                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE,
                                            check=False)
                    self.assertEqual(0, result.returncode, result.stdout.decode()[:4000])
        shutil.rmtree(out)
        return True

    def test_there_is_a_compiler(self):
        self.assertTrue(list(compilers()))
        if not list(guest_compilers()):
            print("skipped: glue of plugins, because no clang here knows wasm32")

    def test_worlds_of_this_tree_compile(self):
        count = 0
        for folder in ["wit", "demo/plugins", "examples/plugins", "tests/fuzz/corpus/wit", "tests/guests"]:
            for name in sorted(os.listdir(os.path.join(SOURCE, folder))):
                path = [os.path.join(SOURCE, folder, name)]
                for world in worlds_of(path) if name.endswith(".wit") else []:
                    count += self.check(path, world)
        self.assertGreater(count, 4)

    def test_worlds_of_others_compile(self):
        if not os.path.isdir(SHARED):
            self.skipTest("there is no ../shared/wit")
        count = 0
        wasi = os.path.join(SHARED, "wasi-0.2")
        files = sorted(os.path.join(wasi, name) for name in os.listdir(wasi))
        for file in files:
            wit = [other for other in files if other != file] + [file]
            for world in worlds_of(wit):
                count += self.check(wit, world)
        torvyn = os.path.join(SHARED, "torvyn")
        folders = sorted(os.path.join(torvyn, name) for name in os.listdir(torvyn))
        for folder in folders:
            wit = [other for other in folders if other != folder] + [folder]
            for world in worlds_of(wit):
                count += self.check(wit, world)
        self.assertGreater(count, 5)

    def test_random_worlds_compile(self):
        for seed in range(RANDOM_WORLDS):
            text = World(seed).text()
            with self.subTest(seed=seed):
                wit = [self.write("random.wit", text.encode())]
                self.assertTrue(self.check(wit, "w"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
