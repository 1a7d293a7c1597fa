#!/usr/bin/env python3
"""hook_header_test.py - guest/berth_hook.h compiles in every way it says, and works inside. @once"""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = os.environ.get("BERTH_SOURCE_DIR") or os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.environ.get("BERTH_PROGRAM", "")
GUESTS = os.environ.get("BERTH_GUESTS_DIR", "")
CLANG = shutil.which("clang") or shutil.which("clang-14")
FLAGS = ["--target=wasm32", "-ffreestanding", "-nostdlib", "-Wl,--no-entry", "-Wall", "-Wextra",
         "-Wpedantic", "-Wconversion", "-Wshadow", "-Wcast-qual", "-Werror",
         "-I" + os.path.join(ROOT, "guest")]
C_FLAGS = ["-Wstrict-prototypes", "-Wmissing-prototypes"]
EXPORTS = [b"memory", b"berth_alloc", b"berth_free", b"berth_hook_say"]

PLUGIN = """
#include "berth_hook.h"
BERTH_PLUGIN({"name": "say", "version": "1", "hooks": {"say": {"description": "\\"x\\""}}})
int other(berth_text *text);
static berth_text out;
BERTH_HOOK(say, input)
{
    berth_text_clear(&out);
    berth_text_put(&out, input.ptr, input.len);
    return berth_reply_text(&out);
}
"""
OTHER = """
#include "berth_hook.h"
int other(berth_text *text);
int other(berth_text *text) { berth_text_put_literal(text, "x"); return 1; }
"""


def sections(data):
    """-> [(id, body)] of a module"""
    def number(at):
        value = shift = 0
        while True:
            byte = data[at]
            value |= (byte & 127) << shift
            at, shift = at + 1, shift + 7
            if byte < 128:
                return value, at
    out, at = [], 8
    while at < len(data):
        kind = data[at]
        size, at = number(at + 1)
        out.append((kind, data[at:at + size]))
        at += size
    return out


@unittest.skipUnless(CLANG, "clang is not installed")
class Compiles(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def build(self, sources, *flags, driver=CLANG):
        """sources: {file name: text} -> (module bytes or None, what the compiler said)"""
        paths = []
        for name, text in sources.items():
            paths.append(os.path.join(self.folder.name, name))
            with open(paths[-1], "w", encoding="utf-8") as file:
                file.write(text)
        out = os.path.join(self.folder.name, "out.wasm")
        done = subprocess.run([driver, *FLAGS, *flags, "-o", out, *paths],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            return None, done.stdout.decode("utf-8", "replace")
        with open(out, "rb") as file:
            return file.read(), ""

    def check(self, data, said):
        self.assertIsNotNone(data, said)
        found = sections(data)
        metadata = [body for kind, body in found if kind == 0 and body[1:16] == b"berth.plugin.v1"]
        self.assertEqual(len(metadata), 1)
        self.assertIn(b'{"say": {"description": "\\"x\\""}}', metadata[0])
        self.assertEqual([kind for kind, _ in found if kind == 2], [], "it imports something")
        exports = b"".join(body for kind, body in found if kind == 7)
        self.assertEqual(exports[0], len(EXPORTS), exports)
        for name in EXPORTS:
            self.assertIn(name, exports)

    def test_as_c11_and_c17_optimised_or_not(self):
        for standard, level in (("-std=c11", "-O0"), ("-std=c11", "-Os"), ("-std=c17", "-O2")):
            for more in ([], ["-mbulk-memory"], ["-Wl,--export-dynamic"]):
                with self.subTest(standard=standard, level=level, more=more):
                    self.check(*self.build({"a.c": PLUGIN}, standard, level, *C_FLAGS, *more))

    def test_as_cxx11(self):
        for level in ("-O0", "-O2"):
            with self.subTest(level=level):
                self.check(*self.build({"a.cc": PLUGIN}, "-std=c++11", level, "-fno-exceptions"))

    def test_in_several_files_of_one_plugin(self):
        self.check(*self.build({"a.c": PLUGIN, "b.c": OTHER}, "-std=c11", "-O2", *C_FLAGS))

    def test_two_metadata_sections_do_not_link(self):
        again = OTHER + 'BERTH_PLUGIN({"name": "again"})\n'
        data, said = self.build({"a.c": PLUGIN, "b.c": again}, "-std=c11")
        self.assertIsNone(data)
        self.assertIn("duplicate symbol: berth_plugin_is_declared_once", said)

    def test_for_another_target_it_says_what_is_wrong(self):
        data, said = self.build({"a.c": PLUGIN}, "--target=x86_64-linux-gnu", "-c",
                                "-Wno-unused-command-line-argument")
        self.assertIsNone(data)
        self.assertIn("compile with clang --target=wasm32", said)

    def test_what_the_plugin_brings_itself_is_left_to_it(self):
        own = PLUGIN.replace('#include "berth_hook.h"', """
#define BERTH_HOOK_OWN_ALLOC
#define BERTH_HOOK_OWN_MEM
#include "berth_hook.h"
static uint8_t pool[65536];
__attribute__((export_name("berth_alloc"))) void *berth_alloc(size_t size, size_t align)
{ (void)align; return size <= sizeof pool ? pool : NULL; }
__attribute__((export_name("berth_free"))) void berth_free(void *ptr, size_t size, size_t align)
{ (void)ptr; (void)size; (void)align; }
void *memcpy(void *to, const void *from, size_t n)
{ for (size_t i = 0; i < n; i++) ((uint8_t *)to)[i] = ((const uint8_t *)from)[i]; return to; }
""")
        self.check(*self.build({"a.c": own}, "-std=c11", "-O0", *C_FLAGS))


@unittest.skipUnless(os.access(PROGRAM, os.X_OK), "the program is not built")
class Runs(unittest.TestCase):
    def call(self, hook, text=b"x", engine=None):
        command = [PROGRAM, "call", os.path.join(GUESTS, "hook_header.wasm"), "--hook", hook,
                   "--deadline", "60s", "--probe-deadline", "60s"]
        command += ["--engine", engine] if engine else []
        return subprocess.run(command, input=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def test_every_hook_is_content(self):
        for engine in ("interp", None):
            for hook in ("heap", "exhaust", "text", "memory"):
                with self.subTest(hook=hook, engine=engine):
                    done = self.call(hook, engine=engine)
                    self.assertEqual((done.returncode, done.stdout), (0, b"ok"), done.stderr)

    def test_a_plugin_that_gives_up_is_a_trap(self):
        done = self.call("fail")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"trap", done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
