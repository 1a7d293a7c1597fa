#!/usr/bin/env python3
"""bindgen_test.py - `berth bindgen`: what it writes, where, and what it refuses."""
import os
import stat
import unittest

from program import SOURCE, Folder, read, run

GOLDEN = os.path.join(SOURCE, "tests", "cli", "golden", "bindgen")

THUMBS = b"""\
package acme:thumbs@1.2.0;

/// What pictures are.
interface types {
    /// In pixels.
    record size { w: u32, h: u32 }
    enum fit { cover, contain, %static }
    /// Ends */ early? /* or not ??/
    flags rights { read, write, exec }
    variant shape { point, circle(f64), /** A rectangle. */ rect(size), named(string) }
    type ids = list<u32>;
    resource conn {
        constructor(name: string);
        send: func(data: list<u8>) -> result<u32, string>;
        open: static func() -> conn;
    }
}
interface log {
    enum level { debug, info }
    write: func(level: level, text: string);
}
interface api {
    use types.{size, fit, shape, ids, conn};
    /// Makes a picture small.
    render: func(path: string, size: size, fit: fit) -> result<list<u8>, string>;
    both: func(a: ids, b: list<u32>) -> list<u32>;
    same: func(%int: s8, %for: option<char>, pair: tuple<u8, bool>, three: list<u32, 3>) -> shape;
    nothing: func();
    talk: func(c: borrow<conn>) -> result;
}
world thumbs {
    import log;
    export api;
    import now: func() -> u64;
    export render: func(id: u32) -> result<string, u8>;
}
world other {}
"""


NATIVE = b"""\
package acme:pics@1.2.0;

interface log {
    enum level { debug, info }
    write: func(level: level, text: string);
}
interface api {
    resource conn { constructor(name: string); }
    record size { w: u32, h: u32 }
    render: func(path: string, size: size) -> result<list<u8>, string>;
    nothing: func();
}
world pics {
    import log;
    import now: func() -> u64;
    export api;
    export render: func(id: u32) -> result<string, u8>;
    export extra: interface { f: func(x: u8) -> u8; }
}
"""


class Bindgen(Folder):
    def generate(self, wit, *words, code=0, side="host"):
        path = wit if isinstance(wit, str) else self.write("world.wit", wit)
        result = run("bindgen", side, path, "--out", self.path("out"), *words)
        self.assert_exit(result, code)
        if code == 0:
            self.assertEqual(b"", result.stdout + result.stderr)
        return result

    def out(self, name):
        return read(self.path("out/" + name)).decode()

    def test_the_files_of_a_world_are_the_golden_ones(self):
        self.generate(THUMBS, "--world", "thumbs")
        types = self.out("thumbs_types.h")
        self.generate(THUMBS, "--world", "thumbs", side="guest")
        self.assertEqual(types, self.out("thumbs_types.h"))
        for name in sorted(os.listdir(self.path("out"))):
            if os.environ.get("BERTH_GOLDEN_UPDATE"):
                os.makedirs(GOLDEN, exist_ok=True)
                with open(os.path.join(GOLDEN, name + ".txt"), "wb") as file:
                    file.write(read(self.path("out/" + name)))
        written = sorted(os.listdir(self.path("out")))
        self.assertEqual(sorted(os.listdir(GOLDEN)), [name + ".txt" for name in written])
        for name in written:
            self.assertEqual(read(os.path.join(GOLDEN, name + ".txt")).decode(), self.out(name))

    def test_glue_for_a_shared_object_is_the_golden_one(self):
        self.generate(NATIVE, side="guest")
        types, plugin = self.out("pics_types.h"), self.out("pics_plugin.h")
        self.generate(NATIVE, side="native")
        self.assertEqual(types, self.out("pics_types.h"))
        self.assertEqual(plugin, self.out("pics_plugin.h"))
        path = os.path.join(SOURCE, "tests", "cli", "golden", "pics_native.c.txt")
        if os.environ.get("BERTH_GOLDEN_UPDATE"):
            with open(path, "wb") as file:
                file.write(read(self.path("out/pics_native.c")))
        self.assertEqual(read(path).decode(), self.out("pics_native.c"))

    def test_what_says_the_same_already_is_left_alone(self):
        self.generate(THUMBS, "--world", "thumbs")
        for name in os.listdir(self.path("out")):
            os.utime(self.path("out/" + name), ns=(1, 1))
        with open(self.path("out/thumbs_host.h"), "a", encoding="utf-8") as file:
            file.write("by hand")
        os.utime(self.path("out/thumbs_host.h"), ns=(1, 1))
        self.generate(THUMBS, "--world", "thumbs")
        for name in os.listdir(self.path("out")):
            time = os.stat(self.path("out/" + name)).st_mtime_ns
            self.assertEqual(name != "thumbs_host.h", time == 1, name)
        self.assertNotIn("by hand", self.out("thumbs_host.h"))

    def test_files_have_the_rights_that_the_user_wants(self):
        self.generate(THUMBS, "--world", "thumbs")
        mask = os.umask(0)
        os.umask(mask)
        mode = stat.S_IMODE(os.stat(self.path("out/thumbs_host.h")).st_mode)
        self.assertEqual(0o666 & ~mask, mode)

    def test_the_prefix_is_in_front_of_every_name(self):
        self.generate(THUMBS, "--world", "thumbs", "--prefix", "acme_x")
        self.assertIn("acme_x_api_render(", self.out("acme_x_host.h"))
        self.assertIn("ACME_X_TYPES_FIT_COVER", self.out("acme_x_types.h"))
        self.assertNotIn("thumbs_", self.out("acme_x_host.h"))

    def test_the_order_of_other_things_in_the_package_changes_nothing(self):
        self.generate(THUMBS, "--world", "thumbs")
        before = self.out("thumbs_types.h")
        self.generate(THUMBS.replace(b"world other {}", b"interface more { f: func(x: tuple<u8, u16>); }")
                      + b"world before { export more; }", "--world", "thumbs")
        self.assertEqual(before, self.out("thumbs_types.h"))

    def test_names_that_meet_are_told_apart(self):
        self.generate(b"""package a:b;
            interface a { type b-c = u8; f: func(x: b-c); }
            interface a-b { type c = u8; f: func(x: c); bind: func(); }
            world w { export a; export a-b; export bind: func(); export slot: func(); }""")
        types, host = self.out("w_types.h"), self.out("w_host.h")
        self.assertIn("typedef uint8_t w_a_b_c;", types)
        self.assertIn("typedef uint8_t w_a_b_c_2;", types)
        for name in ["w_bind(", "w_bind_2(", "w_slot_2(", "w_a_b_bind("]:
            self.assertIn(" " + name, host)

    def test_interfaces_of_one_name_are_told_apart_by_what_is_in_front(self):
        self.write("deps.wit", b"package a:one@1.0.0; interface types { f: func(); }")
        os.makedirs(self.path("wit/deps"))
        for number, (space, name, version) in enumerate(
                [("a", "one", "1.0.0"), ("a", "two", "1.0.0"), ("b", "two", "1.0.0"), ("b", "two", "2.0.0")]):
            self.write("wit/deps/%d.wit" % number, (
                "package %s:%s@%s; interface types { f: func(); } interface only-%d { f: func(); }"
                % (space, name, version, number)).encode())
        self.write("wit/w.wit", b"""package c:c; world w {
            export a:one/types@1.0.0; export a:two/types@1.0.0; export b:two/types@1.0.0;
            export b:two/types@2.0.0; export b:two/only-2@1.0.0; }""")
        self.generate(self.path("wit"))
        host = self.out("w_host.h")
        for name in ["w_one_types_f", "w_a_two_types_f", "w_b_two_types_v1_0_0_f",
                     "w_b_two_types_v2_0_0_f", "w_only_2_f"]:
            self.assertIn(" " + name + "(", host)

    def test_a_world_without_functions_has_types_alone(self):
        self.generate(THUMBS, "--world", "other")
        self.assertNotIn("other_bind", self.out("other_host.h"))

    def test_a_world_called_like_a_keyword_or_the_library_has_other_names(self):
        for world, prefix in [("int", "int_world"), ("berth", "berth_world"), ("std", "std_world")]:
            self.generate(("package a:b; world %s { export f: func(); }" % world).encode())
            self.assertIn(" %s_f(" % prefix, self.out(prefix + "_host.h"))

    def test_what_there_are_no_bindings_for_is_refused_and_nothing_is_written(self):
        for text, part in [(b"export f: async func();", b"async function `f`"),
                           (b"export f: func(x: stream<u8>);", b"no bindings for `stream`"),
                           (b"import f: func() -> future<u8>;", b"no bindings for `future`"),
                           (b"export f: func(x: error-context);", b"no bindings for `error-context`"),
                           (b"export f: func(x: nothing);", b"there is no type `nothing`")]:
            result = self.generate(b"package a:b; world w { " + text + b" }", code=3)
            self.assertIn(part, result.stderr)
            self.assertFalse(os.path.exists(self.path("out")))

    def test_a_plugin_that_imports_what_it_exports_is_refused(self):
        text = b"package a:b; interface i { f: func(); } world w { import i; export i; }"
        result = self.generate(text, code=3, side="guest")
        self.assertIn(b"both imports and exports", result.stderr)
        self.generate(text)
        self.assertIn(" w_i_f(", self.out("w_host.h"))

    def test_a_native_plugin_cannot_export_an_interface_twice(self):
        text = b"package a:b; interface i { f: func(); } world w { export one: i; export two: i; }"
        result = self.generate(text, code=3, side="native")
        self.assertIn(b"exports `a:b/i` twice", result.stderr)
        self.assertFalse(os.path.exists(self.path("out")))

    def test_wrong_requests_say_what_is_wrong(self):
        path = self.write("world.wit", THUMBS)
        out = ["--out", self.path("out")]
        for words, code, part in [
                (["host", path], 2, b"needs --out DIR"),
                (["host", *out], 2, b"needs a PATH"),
                (["gust", path, *out], 2, b"is no side"),
                (["host", path, *out], 1, b"has 2 worlds; name one"),
                (["host", path, *out, "--world", "none"], 1, b"no world `none`"),
                (["host", path, *out, "--world", "thumbs", "--prefix", "A"], 1, b"a prefix begins with"),
                (["host", path, *out, "--world", "thumbs", "--prefix", "a__b"], 1, b"a prefix begins with"),
                (["host", path, "--out", self.path("no/out"), "--world", "thumbs"], 1, b"a folder that can be made"),
                (["host", path, "--out", path, "--world", "thumbs"], 1, b"")]:
            result = run("bindgen", *words)
            self.assert_exit(result, code)
            self.assertIn(part, result.stderr)
            self.assertFalse(os.path.exists(self.path("out")))

    def test_a_folder_in_the_way_of_a_file_leaves_the_others_as_they_were(self):
        os.makedirs(self.path("out/thumbs_host.c"))
        result = self.generate(THUMBS, "--world", "thumbs", code=1)
        self.assertIn(b"thumbs_host.c", result.stderr)
        self.assertEqual(["thumbs_host.c"], os.listdir(self.path("out")))


if __name__ == "__main__":
    unittest.main(verbosity=2)
