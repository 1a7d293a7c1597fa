#!/usr/bin/env python3
"""bindgen_native_test.py - a shared object with the glue of `berth bindgen native`: what admission finds in
the file, and what a host finds when it opens it.  @once"""
import os
import re
import shutil
import struct
import subprocess
import unittest

from program import PATIENCE, SOURCE, Folder, read, run

WIT = b"""\
package acme:pics@1.2.0;

interface log {
    write: func(level: u8, text: string);
    count: func() -> u64;
}
interface api {
    record size { w: u32, h: u32 }
    render: func(path: string, size: size) -> result<list<u8>, string>;
    nothing: func();
}
world pics {
    import log;
    import now: func() -> u64;
    export api;
    export area: func(w: u32, h: u32) -> u64;
}
"""

PLUGIN = r"""
#include "pics_plugin.h"

BERTH_PLUGIN({"name": "pics", "version": "1.0.0"})

int32_t pics_plugin_area(void *self, const pics_area_args *args, uint64_t *result, berth_plugin_call *call)
{
    uint64_t now = 0;

    if (pics_now(call, &now) != 0)
        return 1;
    *result = (uint64_t)args->w * args->h + now + *(int *)self;
    return 0;
}

int32_t pics_plugin_api_render(void *self, const pics_api_render_args *args,
                               pics_result_list_u8_string *result, berth_plugin_call *call)
{
    uint8_t *room = (uint8_t *)berth_plugin_room(call, args->size.w);

    (void)self;
    if (room == NULL || pics_log_write(call, 3, args->path) != 0)
        return 1;
    memset(room, (int)args->size.h, args->size.w);
    result->is_error = 0;
    result->as.ok.data = room;
    result->as.ok.count = args->size.w;
    return 0;
}

int32_t pics_plugin_api_nothing(void *self, const void *args, void *result, berth_plugin_call *call)
{
    (void)self, (void)args, (void)result, (void)call;
    return 7;
}
"""

HOOKS = r"""
static int state = 1000, closed;
int32_t pics_plugin_open(void **self_out)
{
    *self_out = &state;
    return closed != 0;
}
int32_t pics_plugin_drain(void *self, uint64_t deadline_ns)
{
    return self != (void *)&state || deadline_ns != 5;
}
void pics_plugin_close(void *self)
{
    closed = self == (void *)&state;
}
"""

HOST = r"""
#include <assert.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <berth/contract.h>
#include <berth/plugin.h>

#include "pics_types.h"

#undef assert
#define assert(what) do { if (!(what)) { printf("%d: %s\n", __LINE__, #what); exit(1); } } while (0)

struct berth_call { char room[4096]; size_t used; };
static unsigned logged, missing;

static void *room(struct berth_call *call, uint64_t size, uint64_t align)
{
    size_t at = (call->used + align - 1) / align * align;
    if (at + size > sizeof call->room)
        return NULL;
    call->used = at + size;
    return call->room + at;
}
static int32_t now(void *self, const void *args, void *results, struct berth_call *call)
{
    (void)call;
    assert(self == &logged && args == NULL);
    *(uint64_t *)results = 5;
    return 0;
}
static int32_t nobody(void *self, const void *args, void *results, struct berth_call *call)
{
    (void)self, (void)args, (void)results, (void)call;
    assert(!"called");
    return 1;
}
static int32_t write_line(void *self, const void *args, void *results, struct berth_call *call)
{
    const pics_log_write_args *a = args;
    (void)call;
    assert(self == &missing && results == NULL && a->level == 3 && a->text.size == 2);
    logged++;
    return 0;
}
static const char *const root_names[] = { "other", "now" };
static berth_plugin_fn *const root_calls[] = { nobody, now };
static const char *const log_names[] = { "count", "more", "write" };
static berth_plugin_fn *const log_calls[] = { nobody, nobody, write_line };
static void *const root_selfs[] = { NULL, &logged };
static void *const log_selfs[] = { NULL, NULL, &missing };
static const berth_import_v1 root = { sizeof root, 2, root_names, root_calls, root_selfs };
static berth_import_v1 log_table = { sizeof log_table, 3, log_names, log_calls, log_selfs };
static const berth_arena_v1 arena = { sizeof arena, 0, room };

static const void *extension(void *ctx, const char *id)
{
    assert(ctx == (void *)&arena);
    if (strcmp(id, BERTH_ARENA_V1) == 0)
        return missing == 1 ? NULL : &arena;
    if (strcmp(id, BERTH_IMPORT_V1 "$root") == 0)
        return missing == 2 ? NULL : &root;
    assert(strcmp(id, "berth.import/1 acme:pics/log@1.2.0") == 0);
    return &log_table;
}

static const berth_functions_v1 *table(const berth_plugin_v1 *plugin, void *self, const char *id,
                                       uint32_t count)
{
    const berth_functions_v1 *t = plugin->extension(self, id);
    assert(t != NULL && t->size == sizeof *t && t->count == count);
    return t;
}

int main(int argc, char **argv)
{
    void *object = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL), *self = NULL;
    const berth_plugin_v1 *plugin = object == NULL ? NULL : dlsym(object, "berth_plugin");
    berth_host_v1 host = { sizeof host, 1, 0, (void *)&arena, extension, NULL };
    struct berth_call call = { .used = 0 };
    const berth_functions_v1 *api, *world;
    berth_contract *contract;
    berth_diag diag = { 0 };

    assert(argc == 3 && plugin != NULL && plugin->size == sizeof *plugin);
    assert(strcmp(plugin->id, "acme:pics/pics") == 0);
    assert(plugin->abi_major == BERTH_ABI_MAJOR);
    for (missing = 1; missing <= 2; missing++) {
        assert(plugin->open(&host, &self, &diag) == BERTH_E_ABSENT && diag.status == BERTH_E_ABSENT);
        assert(strstr(diag.text, missing == 1 ? BERTH_ARENA_V1 : "$root") != NULL && self == NULL);
    }
    log_table.count = 2;
    assert(plugin->open(&host, &self, &diag) == BERTH_E_ABSENT && strstr(diag.text, "write") != NULL);
    log_table.count = 3;
    host.abi_major = 2;
    assert(plugin->open(&host, &self, NULL) == BERTH_E_VERSION);
    host.abi_major = 1;
    assert(plugin->open(&host, &self, &diag) == 0 && self != NULL);

    api = table(plugin, self, "acme:pics/api@1", 2);
    world = table(plugin, self, "acme:pics/pics@1", 1);
    assert(plugin->extension(self, "acme:pics/api@1.2.0") == NULL);
    assert(strcmp(api->names[0], "render") == 0 && strcmp(api->names[1], "nothing") == 0);
    assert(strcmp(world->names[0], "area") == 0);
    assert(berth_contract_read(NULL, (const char *const *)&argv[2], 1, NULL, "api", &contract, &diag) == BERTH_OK);
    assert(memcmp(berth_contract_digest(contract), api->digest, 32) == 0);
    berth_contract_destroy(contract);
    {
        pics_area_args args = { 3, 4 };
        uint64_t result = 0;
        assert(world->calls[0](self, &args, &result, &call) == 0 && result == 1017);
    }
    {
        pics_api_render_args args = { { "ab", 2 }, { 100, 9 } };
        pics_result_list_u8_string result;
        assert(api->calls[0](self, &args, &result, &call) == 0 && logged == 1);
        assert(!result.is_error && result.as.ok.count == 100 && result.as.ok.data[99] == 9);
        args.size.w = 5000;
        assert(api->calls[0](self, &args, &result, &call) == 1);
    }
    assert(api->calls[1](self, NULL, NULL, &call) == 7);
    assert(plugin->drain(self, 6, &diag) == BERTH_E_PLUGIN && plugin->drain(self, 5, &diag) == 0);
    plugin->close(self);
    assert(plugin->open(&host, &self, &diag) == BERTH_E_PLUGIN && strstr(diag.text, "pics_plugin_open") != NULL);
    return dlclose(object);
}
"""


def sections(elf):
    """{name: (type, flags, bytes)} of a 64-bit little-endian ELF file."""
    at, = struct.unpack_from("<Q", elf, 40)
    size, count, names = struct.unpack_from("<HHH", elf, 58)
    rows = [struct.unpack_from("<IIQQQQIIQQ", elf, at + i * size) for i in range(count)]
    text = elf[rows[names][4]:rows[names][4] + rows[names][5]]
    return {text[row[0]:text.index(b"\0", row[0])].decode():
            (row[1], row[8], elf[row[4]:row[4] + row[5]] if row[1] != 8 else b"") for row in rows}


class Native(Folder):
    def build(self, compiler, *words, hooks=HOOKS):
        gen = self.path("gen")
        result = run("bindgen", "native", self.write("pics.wit", WIT), "--out", gen)
        self.assert_exit(result, 0)
        plugin = self.write("plugin.c", (PLUGIN + hooks).encode())
        out = self.path("pics.so")
        subprocess.run([*compiler, "-shared", "-fPIC", "-fvisibility=hidden", "-O2", "-Wall", "-Wextra",
                        "-Wpedantic", "-Werror", *words, "-I", gen, "-I", os.path.join(SOURCE, "include"),
                        "-o", out, plugin, os.path.join(gen, "pics_native.c")], check=True, timeout=PATIENCE)
        return out

    def compilers(self):
        found = [c for c in [["gcc", "-std=c11"], ["clang", "-std=c11"], ["g++", "-std=c++11", "-x", "c++"],
                             ["clang++", "-std=c++11", "-x", "c++"]] if shutil.which(c[0])]
        self.assertTrue(found)
        return found

    def test_the_file_says_what_is_in_it(self):
        for compiler in self.compilers():
            for words in [[], ["-Wl,--gc-sections", "-ffunction-sections", "-fdata-sections", "-s"]]:
                with self.subTest(compiler=compiler, words=words):
                    found = sections(read(self.build(compiler, *words, '-DBERTH_PLUGIN_ID="acme.pics"')))
                    kind, align, note = found[".note.berth"]
                    self.assertEqual((7, 4), (kind, align))
                    owner_size, size, what = struct.unpack_from("<III", note)
                    self.assertEqual((6, 1, b"Berth\0\0\0"), (owner_size, what, note[12:20]))
                    body = note[20:20 + size]
                    self.assertEqual(len(note), (20 + size + 3) // 4 * 4)
                    self.assertEqual((1, 1, 0, 2), struct.unpack_from("<HHHH", body))
                    identity, rest = body[8:].split(b"\0", 1)
                    self.assertEqual(b"acme.pics", identity)
                    names = []
                    while rest:
                        name, rest = rest[32:].split(b"\0", 1)
                        names.append(name)
                    self.assertEqual([b"acme:pics/pics@1.2.0", b"acme:pics/api@1.2.0"], names)
                    self.assertEqual(1, found[".berth.wit"][0])
                    self.assertEqual(b"\0asm\x0d\0\1\0", found[".berth.wit"][2][:8])

    def test_the_world_in_the_file_is_that_of_a_module(self):
        found = sections(read(self.build(self.compilers()[0])))[".berth.wit"][2]
        gen = self.path("guest")
        self.assert_exit(run("bindgen", "guest", self.path("pics.wit"), "--out", gen), 0)
        text = read(os.path.join(gen, "pics_guest.c")).decode()
        numbers = b"".join(bytes(int(n) for n in line.split(", "))
                           for line in re.findall(r"\.byte ([0-9, ]+)\\n", text))
        self.assertEqual(numbers, found)

    def test_a_host_finds_the_functions_and_gives_what_is_imported(self):
        library = os.path.join(os.environ["BERTH_BUILD_DIR"], "lib")
        cc = self.compilers()[0]
        self.build(cc)
        host = self.path("host")
        subprocess.run([cc[0], "-std=gnu11", "-O1", "-I", self.path("gen"), "-I", os.path.join(SOURCE, "include"),
                        "-o", host, self.write("host.c", HOST.encode()),
                        "-L", library, "-lberth", "-ldl", "-Wl,-rpath," + library], check=True, timeout=PATIENCE)
        for compiler in self.compilers():
            so = self.build(compiler)
            result = subprocess.run([host, so, self.path("pics.wit")], stdout=subprocess.PIPE,
                                    stderr=subprocess.STDOUT, timeout=PATIENCE, check=False)
            self.assertEqual((0, b""), (result.returncode, result.stdout), compiler)

    def test_the_hooks_of_an_instance_may_be_left_out(self):
        self.build(self.compilers()[0], hooks="")


if __name__ == "__main__":
    unittest.main(verbosity=2)
