#!/usr/bin/env python3
"""bindgen_echo_test.py - values of random types go from a host's stub to a plugin, from there to the
host's function and all the way back, and are the same in every place.  @once

Everything but the values is written by `berth bindgen`: the host's stubs, the plugin's glue, types."""
import os
import random
import re
import shutil
import subprocess
import unittest

from program import PATIENCE, SOURCE, Folder, read, run

try:
    import wasmtime
    from wasmtime import component as other_runtime
except ImportError:  # another runtime's validator, where the machine has one
    other_runtime = None

BUILD = os.environ["BERTH_BUILD_DIR"]
WORLDS = int(os.environ.get("BERTH_RANDOM_WORLDS", "5"))
NUMBERS = ["u8", "s8", "u16", "s16", "u32", "s32", "u64", "s64"]
PLAIN = {*NUMBERS, "bool", "char", "f32", "f64", "string", "list", "enum", "flags"}


class Types:
    """Random types as tuples, (kind, ...); named ones are defined in `definitions`."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.definitions, self.named, self.loops = [], [], 0

    def any(self, depth):
        pick = self.random.random()
        if self.named and pick < 0.3:
            return self.random.choice(self.named)
        if depth == 0 or pick < 0.55:
            return (self.random.choice([*NUMBERS, "bool", "char", "f32", "f64", "string", "string"]),)
        inner = lambda: self.any(depth - 1)  # noqa: E731
        maybe = lambda: inner() if self.random.random() < 0.7 else None  # noqa: E731
        return self.random.choice([
            lambda: ("list", inner()), lambda: ("option", inner()), lambda: ("result", maybe(), maybe()),
            lambda: ("tuple", [("f%d" % i, inner()) for i in range(self.random.randint(1, 3))]),
            lambda: ("array", inner(), self.random.randint(1, 3))])()

    def define(self, name):
        kind = self.random.choice(["record", "variant", "variant", "enum", "flags"])
        count = self.random.choice([1, 2, 3, 5]) if kind in ("record", "variant") else self.random.choice([1, 8, 9, 20, 32])
        if kind == "enum" and self.random.random() < 0.1:
            count = 257
        if kind in ("enum", "flags"):
            text, made = ", ".join("c%d" % i for i in range(count)), (kind, name, count)
        elif kind == "record":
            items = [("x%d" % i, self.any(2)) for i in range(count)]
            text, made = ", ".join("%s: %s" % (n, self.wit(t)) for n, t in items), (kind, name, items)
        else:
            items = [("c%d" % i, self.any(2) if self.random.random() < 0.7 else None) for i in range(count)]
            text = ", ".join(n if t is None else "%s(%s)" % (n, self.wit(t)) for n, t in items)
            made = (kind, name, items)
        self.definitions.append("%s %s { %s }" % (kind, name, text))
        self.named.append(made)

    def wit(self, t):
        if t is None:
            return "_"
        if t[0] in ("record", "variant", "enum", "flags"):
            return t[1]
        if t[0] == "tuple":
            return "tuple<%s>" % ", ".join(self.wit(part) for _, part in t[1])
        if t[0] == "array":
            return "list<%s, %d>" % (self.wit(t[1]), t[2])
        if t[0] == "result":
            return "result" if t[1] is t[2] is None else "result<%s, %s>" % (self.wit(t[1]), self.wit(t[2])) \
                if t[2] is not None else "result<%s>" % self.wit(t[1])
        return "%s<%s>" % (t[0], self.wit(t[1])) if len(t) > 1 else t[0]

    def each(self, t, body):
        """A loop; `body` gets the index."""
        self.loops += 1
        i = "i%d" % self.loops
        return "for (size_t %s = 0; %s < %s; %s++) { %s }" % (i, i, t, i, body(i))

    def parts(self, t, path):
        """[(condition, type, path of a part)], without lists' and arrays' elements."""
        if t[0] in ("record", "tuple"):
            return [("1", part, path + "." + name) for name, part in (t[2] if t[0] == "record" else t[1])]
        if t[0] == "variant":
            return [("%s.tag == %d" % (path, i), part, "%s.as.%s" % (path, name))
                    for i, (name, part) in enumerate(t[2]) if part is not None]
        if t[0] == "option":
            return [(path + ".is_some", t[1], path + ".some")]
        if t[0] == "result":
            return [(c, part, path + tail) for c, part, tail in
                    [("!%s.is_error" % path, t[1], ".as.ok"), (path + ".is_error", t[2], ".as.error")] if part is not None]
        return []

    def fill(self, t, p):
        kind = t[0]
        if kind in NUMBERS:
            return "%s = (__typeof__(%s))rnd();" % (p, p)
        if kind in ("f32", "f64"):
            return "%s = (__typeof__(%s))(int32_t)rnd() / 8;" % (p, p)
        if kind in ("bool", "char", "enum"):
            return "%s = (__typeof__(%s))(rnd() %% %s);" % (p, p, {"bool": 2, "char": 0xd800}.get(kind) or t[2])
        if kind == "flags":
            return "%s = (__typeof__(%s))(rnd() & 0x%xu);" % (p, p, (1 << t[2]) - 1)
        if kind == "string":
            return "%s = rnd_text();" % p
        if kind == "list":
            return ("%s.count = rnd() %% 4; %s.data = room((%s.count + 1) * sizeof *%s.data); " % (p, p, p, p) +
                    self.each(p + ".count", lambda i: self.fill(t[1], "%s.data[%s]" % (p, i))))
        if kind == "array":
            return self.each(str(t[2]), lambda i: self.fill(t[1], "%s.at[%s]" % (p, i)))
        tags = {"variant": ".tag = rnd() %% %d;" % len(t[-1]) if kind == "variant" else "",
                "option": ".is_some = rnd() & 1;", "result": ".is_error = rnd() & 1;"}
        head = "%s%s " % (p, tags[kind]) if kind in tags else ""
        return head + " ".join("if (%s) { %s }" % (c, self.fill(part, path)) for c, part, path in self.parts(t, p))

    def same(self, t, p, q):
        kind = t[0]
        if kind == "string":
            return "SAME(%s.size == %s.size && memcmp(%s.text, %s.text, %s.size) == 0);" % (p, q, p, q, p)
        if kind == "list":
            return "SAME(%s.count == %s.count); " % (p, q) + self.each(
                p + ".count", lambda i: self.same(t[1], "%s.data[%s]" % (p, i), "%s.data[%s]" % (q, i)))
        if kind == "array":
            return self.each(str(t[2]), lambda i: self.same(t[1], "%s.at[%s]" % (p, i), "%s.at[%s]" % (q, i)))
        tag = {"variant": ".tag", "option": ".is_some", "result": ".is_error"}.get(kind, "")
        if not tag and kind not in ("record", "tuple"):
            return "SAME(%s == %s);" % (p, q)
        head = "SAME(%s%s == %s%s); " % (p, tag, q, tag) if tag else ""
        return head + " ".join("if (%s) { %s }" % (c, self.same(part, path, other)) for (c, part, path), (_, _, other)
                               in zip(self.parts(t, p), self.parts(t, q)))


HOST_HEAD = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <berth/host.h>
#include <berth/runtime.h>
#include <berth/invoke.h>
#define const /* so that elements of lists can be filled in place */
#include "w_types.h"
#undef const
#include "w_host.h"

#define SAME(what) do { if (!(what)) { printf("%s:%d: not the same: %s\n", __func__, __LINE__, #what); exit(1); } } while (0)
#define MUST(what) do { if ((what) != BERTH_OK) { printf("%s: %s\n", #what, diag.text); exit(1); } } while (0)

static uint64_t state = SEED;
static berth_arena *scratch;
static unsigned through_host;

static uint64_t rnd(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return state >> 16;
}

static void *room(size_t size)
{
    return berth_arena_alloc(scratch, size);
}

static berth_string rnd_text(void)
{
    size_t size = rnd() % 20;
    char *text = room(size + 1);
    for (size_t i = 0; i < size; i++)
        text[i] = (char)('a' + rnd() % 26);
    return (berth_string){ text, size };
}
"""

HOST_MAIN = r"""
int main(int argc, char **argv)
{
    berth_runtime_options options = BERTH_RUNTIME_OPTIONS_INIT;
    berth_slot_options slot_options = BERTH_SLOT_OPTIONS_INIT;
    berth_runtime *runtime;
    berth_slot *slot;
    berth_host *host;
    berth_arena *arena;
    w_slot w;
    berth_diag diag = { 0 };

    if (argc != 3)
        return 2;
    MUST(berth_host_create(NULL, &host, &diag));
    MUST(berth_host_declare(host, argv[2], strlen(argv[2]), &diag));
    BINDS
    options.host = host;
    MUST(berth_runtime_create(&options, &runtime, &diag));
    slot_options.name = "echo";
    slot_options.deadline_ns = 60000000000u;
    slot_options.probe_deadline_ns = 60000000000u;
    MUST(berth_slot_open(runtime, &slot_options, &slot, &diag));
    MUST(berth_slot_install_file(slot, argv[1], NULL, &diag));
    MUST(w_bind(slot, &w, &diag));
    MUST(berth_arena_create(NULL, 0, &arena, &diag));
    MUST(berth_arena_create(NULL, 0, &scratch, &diag));
    for (int round = 0; round < 40; round++) {
        CALLS
        berth_arena_reset(arena);
        berth_arena_reset(scratch);
    }
    berth_arena_destroy(arena);
    berth_arena_destroy(scratch);
    berth_slot_release(slot);
    berth_runtime_destroy(runtime);
    berth_host_destroy(host);
    printf("%u went through the host\n", through_host);
    return 0;
}
"""


class World:
    def __init__(self, seed):
        t = self.types = Types(seed)
        for i in range(t.random.randint(2, 6)):
            t.define("t%d" % i)
        # Cases that share a core value of another type: all pairs of those.
        mixed = [("c%d" % i, (kind,)) for i, kind in enumerate(["f32", "u32", "u64", "f64", "s8", "string"])]
        name = "t%d" % len(t.named)
        t.definitions.append("variant %s { %s }" % (name, ", ".join("%s(%s)" % (c, k[0]) for c, k in mixed)))
        mix = ("variant", name, mixed)
        t.named.append(mix)
        self.functions = [("e8", [("p0", mix), *(("p%d" % (i + 1), ("result", (a,), (b,))) for i, (a, b) in enumerate(
            [("f32", "u32"), ("f32", "u64"), ("f64", "s8"), ("f64", "f32"), ("s16", "string")]))])]
        for i in range(8):
            count = t.random.choice([1, 1, 2, 3, 6])
            self.functions.append(("e%d" % i, [("p%d" % k, t.any(2)) for k in range(count)]))
        funcs = "".join("    %s: func(%s) -> %s;\n" % (
            name, ", ".join("%s: %s" % (n, t.wit(p)) for n, p in params),
            t.wit(params[0][1]) if len(params) == 1 else "tuple<%s>" % ", ".join(t.wit(p) for _, p in params))
            for name, params in self.functions)
        use = "    use types.{%s};\n" % ", ".join("t%d" % i for i in range(len(t.named)))
        self.wit = "package r:echo@1.0.0;\ninterface types {\n    %s\n}\n" % "\n    ".join(t.definitions)
        self.wit += "interface back {\n%s%s}\ninterface api {\n%s%s}\n" % (use, funcs, use, funcs)
        self.wit += "world w { import back; export api; }\n"

    @staticmethod
    def arguments(params, path):
        return ", ".join(("" if t[0] in PLAIN else "&") + path + name for name, t in params)

    def plugin(self, header):
        text = '#include "w_plugin.h"\n'
        for head in re.findall(r"int32_t w_plugin_api_e\d+\([^;]*\);", header):
            name = re.search(r"api_(e\d+)", head).group(1)
            params = dict(self.functions)[name]
            text += "%s\n{\n    (void)self;\n    return w_back_%s(call, %s, result);\n}\n" % (
                head[:-1], name, self.arguments(params, "args->"))
        return text

    def host(self, header, seed):
        t, text, binds, calls = self.types, HOST_HEAD.replace("SEED", "%du" % (seed + 1)), "", ""
        for name, params in self.functions:
            result = re.search(r"w_api_%s\([^;]*?(\w+) \*result_out" % name, header).group(1)
            out = ["."] if len(params) == 1 else []
            results = [("(*result)" if out else "result->f%d" % i) for i in range(len(params))]
            text += "static w_back_%s_args sent_%s;\n" % (name, name)
            text += "static berth_status back_%s(void *ctx, const void *raw, void *raw_result, berth_host_call *call)\n{\n" % name
            text += "    const w_back_%s_args *args = raw;\n    %s *result = raw_result;\n    (void)ctx, (void)call;\n" % (name, result)
            for (field, kind), place in zip(params, results):
                text += "    %s\n    %s = sent_%s.%s;\n" % (
                    t.same(kind, "args->" + field, "sent_%s.%s" % (name, field)), place, name, field)
            text += "    through_host++;\n    return BERTH_OK;\n}\n"
            binds += 'MUST(berth_host_bind(host, "r:echo/back@1.0.0", "%s", sizeof(w_back_%s_args), sizeof(%s), back_%s, NULL, &diag));\n' % (
                name, name, result, name)
            text += "static void call_%s(const w_slot *w, berth_arena *arena)\n{\n" % name
            text += "    %s got, *result = &got;\n    berth_diag diag = { 0 };\n" % result
            text += "".join("    %s\n" % t.fill(kind, "sent_%s.%s" % (name, field)) for field, kind in params)
            text += "    MUST(w_api_%s(w, arena, %s, &got, &diag));\n" % (name, self.arguments(params, "sent_%s." % name))
            text += "".join("    %s\n" % t.same(kind, place, "sent_%s.%s" % (name, field))
                            for (field, kind), place in zip(params, results))
            text += "}\n"
            calls += "call_%s(&w, arena);\n" % name
        return text + HOST_MAIN.replace("BINDS", binds).replace("CALLS", calls)


class Echo(Folder):
    def must(self, *words):
        result = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE, check=False)
        self.assertEqual(0, result.returncode, "%s\n%s" % (" ".join(words)[:300], result.stdout.decode()[:6000]))
        return result.stdout.decode()

    def echo(self, seed):
        world = World(seed)
        wit, gen = self.write("w.wit", world.wit.encode()), self.path("gen")
        for side in ["host", "guest"]:
            result = run("bindgen", side, wit, "--out", gen)
            if b"has more than" in result.stderr:
                return False  # too long a type for one function
            self.assert_exit(result, 0)
        with open(os.path.join(gen, "w_plugin.h"), encoding="utf-8") as file:
            plugin = self.write("plugin.c", world.plugin(file.read()).encode())
        with open(os.path.join(gen, "w_host.h"), encoding="utf-8") as file:
            host = self.write("host.c", world.host(file.read(), seed).encode())
        clang = [shutil.which("clang"), "--target=wasm32", "-std=c11", "-O1", "-ffreestanding", "-Wall", "-Wextra",
                 "-Wpedantic", "-Werror", "-I", gen, "-I", os.path.join(SOURCE, "guest"), "-c"]
        self.must(*clang, plugin, "-o", self.path("plugin.o"))
        self.must(*clang, os.path.join(gen, "w_guest.c"), "-o", self.path("glue.o"))
        self.must("wasm-ld", "--no-entry", "--export-dynamic", "-z", "stack-size=65536", self.path("plugin.o"), self.path("glue.o"),
                  "-o", self.path("core.wasm"))
        self.assert_exit(run("wrap", self.path("core.wasm"), "--wit", wit, "-o", self.path("w.wasm")), 0)
        self.assert_exit(run("componentize", self.path("core.wasm"), "-o", self.path("own.wasm")), 0)
        self.assertEqual(read(self.path("w.wasm")), read(self.path("own.wasm")))
        if other_runtime is not None and not re.search(r"list<[^\n]*, \d>", world.wit):
            other_runtime.Component(wasmtime.Engine(), read(self.path("own.wasm")))  # it has no lists of a fixed length
        lib = os.path.join(BUILD, "lib")
        self.must(os.environ.get("CC", "cc"), "-std=gnu11", "-g", "-I", gen, "-I", os.path.join(SOURCE, "include"), host,
                  os.path.join(gen, "w_host.c"), "-L", lib, "-lberth", "-Wl,-rpath," + lib, "-o", self.path("host"))
        said = self.must(self.path("host"), self.path("w.wasm"), world.wit)
        self.assertIn("%d went through the host" % (40 * len(world.functions)), said)
        return True

    def test_values_are_the_same_in_every_place(self):
        if not shutil.which("clang") or not shutil.which("wasm-ld"):
            self.skipTest("there is no clang and wasm-ld under these names")
        if other_runtime is None:
            print("skipped: another runtime's validation, because Python has no wasmtime")
        seed = done = 0
        while done < WORLDS and seed < 10 * WORLDS:
            with self.subTest(seed=seed):
                done += self.echo(seed)
            seed += 1
        self.assertEqual(WORLDS, done)


if __name__ == "__main__":
    unittest.main(verbosity=2)
