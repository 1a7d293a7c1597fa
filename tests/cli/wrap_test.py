#!/usr/bin/env python3
"""wrap_test.py - `berth wrap`: a core module becomes a component that runs."""
import os
import stat
import unittest

from program import SOURCE, Folder, guest, run

PIPE = os.path.join(SOURCE, "wit", "berth-pipe.wit")
REDACT = os.path.join(SOURCE, "demo", "plugins", "redact.wit")


class Wrap(Folder):
    def test_a_component_made_of_a_core_module_is_called(self):
        result = run("call", guest("redact-v7"), "--hook", "redact",
                     stdin=b'203.0.113.9 - - "GET /?token=abc HTTP/1.1" 200 14')
        self.assert_exit(result, 0)
        self.assertIn(b"203.0.113.x", result.stdout)
        self.assertTrue(result.stdout.endswith(b"berth-demo=v7"))

    def test_its_metadata_is_the_plugins(self):
        result = run("inspect", guest("redact-v7"))
        self.assert_exit(result, 0)
        self.assertIn(b"WebAssembly component", result.stdout)
        self.assertIn(b"redact 7.0.0", result.stdout)

    def test_what_the_module_lacks_is_named_and_nothing_is_written(self):
        result = run("wrap", guest("echo"), "--wit", PIPE, "-o", self.path("out.wasm"))
        self.assert_exit(result, 3)
        self.assertIn(b"no function `process`", result.stderr)
        self.assertFalse(os.path.exists(self.path("out.wasm")))

    def test_a_world_that_is_not_there_is_an_error_that_names_one_that_is(self):
        result = run("wrap", guest("echo"), "--wit", REDACT, "--world", "other", "-o", self.path("out.wasm"))
        self.assert_exit(result, 1)
        self.assertIn(b"has no world `other`; the first one is plugin", result.stderr)

    def test_a_world_has_to_be_named_where_there_are_two(self):
        wit = self.write("two.wit", b"package a:b; world one {} world two {}")
        result = run("wrap", guest("echo"), "--wit", wit, "-o", self.path("out.wasm"))
        self.assert_exit(result, 1)
        self.assertIn(b"has 2 worlds; name one", result.stderr)
        result = run("wrap", guest("echo"), "--wit", wit, "--world", "two", "-o", self.path("out.wasm"))
        self.assert_exit(result, 0)
        self.assertEqual(0o666 & ~self.umask(), stat.S_IMODE(os.stat(self.path("out.wasm")).st_mode))

    def test_wit_that_does_not_resolve_is_shown_with_its_line(self):
        wit = self.write("bad.wit", b"package a:b;\nworld w { export f: func(x: thing); }\n")
        result = run("wrap", guest("echo"), "--wit", wit, "-o", self.path("out.wasm"))
        self.assert_exit(result, 3)
        self.assertIn(b"bad.wit:2:", result.stderr)
        self.assertIn(b"^", result.stderr)

    def test_a_module_without_a_world_of_its_own_is_not_componentized(self):
        result = run("componentize", guest("redact-v7"), "-o", self.path("out.wasm"))
        self.assert_exit(result, 3)
        result = run("componentize", guest("echo"), "-o", self.path("out.wasm"))
        self.assert_exit(result, 3)
        self.assertIn(b"without a section component-type", result.stderr)
        result = run("componentize", guest("echo"))
        self.assert_exit(result, 2)
        self.assertIn(b"needs --output FILE", result.stderr)
        self.assertFalse(os.path.exists(self.path("out.wasm")))

    def test_a_folder_that_is_not_there_is_said_before_anything_is_read(self):
        result = run("wrap", guest("echo"), "--wit", PIPE, "-o", self.path("none/out.wasm"))
        self.assert_exit(result, 1)
        self.assertIn(b"give --output a path that can be written", result.stderr)

    @staticmethod
    def umask():
        mask = os.umask(0)
        os.umask(mask)
        return mask


if __name__ == "__main__":
    unittest.main(verbosity=2)
