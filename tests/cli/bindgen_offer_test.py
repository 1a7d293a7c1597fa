#!/usr/bin/env python3
"""bindgen_offer_test.py - a plugin calls what the host offers through the functions of `berth bindgen host`.
@once"""
import os
import shutil
import subprocess
import unittest

from program import PATIENCE, SOURCE, Folder, run

WIT = b"""\
package acme:calls@1.2.0;

interface log {
    record entry { level: u8, text: string }
    write: func(what: entry) -> result<u32, string>;
    nothing: func();
}
world calls {
    import log;
    import extra: interface { twice: func(x: u64) -> u64; }
    import now: func() -> u64;
    import %int: func(ctx: u8) -> string;
    export sum: func(text: string) -> result<u64, string>;
}
"""

PLUGIN = r"""
#include "calls_plugin.h"

int32_t calls_plugin_sum(void *self, const calls_sum_args *args, calls_result_u64_string *result,
                         berth_plugin_call *call)
{
    calls_log_entry entry;
    calls_result_u32_string written;
    uint64_t now = 0, twice = 0;
    berth_string text;

    (void)self;
    entry.level = 3;
    entry.text = args->text;
    if (calls_log_nothing(call) != 0 || calls_now(call, &now) != 0 || calls_extra_twice(call, now, &twice) != 0 ||
        calls_int(call, 7, &text) != 0 || calls_log_write(call, &entry, &written) != 0)
        return 1;
    result->is_error = written.is_error;
    if (written.is_error)
        result->as.error = written.as.error;
    else
        result->as.ok = twice + written.as.ok + text.size;
    return 0;
}
"""

HOST = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <berth/runtime.h>

#include "calls_host.h"

#define MUST(what) do { if ((what) != BERTH_OK) { printf("%s: %s\n", #what, diag.text); exit(1); } } while (0)

static int nothings;

static berth_status now(void *ctx, const void *args, uint64_t *result, berth_host_call *call)
{
    (void)args, (void)call;
    *result = *(uint64_t *)ctx;
    return BERTH_OK;
}
static berth_status twice(void *ctx, const calls_extra_twice_args *args, uint64_t *result, berth_host_call *call)
{
    (void)ctx, (void)call;
    *result = 2 * args->x;
    return BERTH_OK;
}
static berth_status name_of(void *ctx, const calls_int_args *args, berth_string *result, berth_host_call *call)
{
    (void)ctx, (void)call;
    result->text = "seven";
    result->size = args->ctx == 7 ? 5 : 0;
    return BERTH_OK;
}
static berth_status nothing(void *ctx, const void *args, void *result, berth_host_call *call)
{
    (void)ctx, (void)args, (void)result, (void)call;
    nothings++;
    return BERTH_OK;
}
static berth_status write_entry(void *ctx, const calls_log_write_args *args, calls_result_u32_string *result,
                                berth_host_call *call)
{
    (void)ctx;
    result->is_error = args->what.text.size > 3;
    if (result->is_error) {
        char *why = (char *)berth_host_room(call, args->what.text.size);
        memcpy(why, args->what.text.text, args->what.text.size);
        result->as.error.text = why;
        result->as.error.size = args->what.text.size;
    } else {
        result->as.ok = args->what.level + 1000u;
    }
    return BERTH_OK;
}

int main(int argc, char **argv)
{
    berth_runtime_options options = BERTH_RUNTIME_OPTIONS_INIT;
    berth_slot_options slot_options = BERTH_SLOT_OPTIONS_INIT;
    uint64_t time = 20;
    calls_imports imports;
    calls_result_u64_string result;
    berth_runtime *runtime;
    berth_slot *slot;
    berth_host *host;
    berth_arena *arena;
    calls_slot calls;
    berth_diag diag;
    berth_string text = { "abc", 3 };

    memset(&imports, 0, sizeof imports);
    imports.ctx = &time;
    imports.now = now;
    imports.extra_twice = twice;
    imports.int_ = name_of;
    imports.log_nothing = nothing;
    imports.log_write = write_entry;
    MUST(berth_host_create(NULL, &host, &diag));
    MUST(calls_offer(host, &imports, &diag));
    options.host = host;
    MUST(berth_runtime_create(&options, &runtime, &diag));
    slot_options.name = "calls";
    slot_options.deadline_ns = slot_options.probe_deadline_ns = 60000000000u;
    MUST(berth_slot_open(runtime, &slot_options, &slot, &diag));
    MUST(berth_slot_install_file(slot, argv[argc - 1], NULL, &diag));
    MUST(calls_bind(slot, &calls, &diag));
    MUST(berth_arena_create(NULL, 0, &arena, &diag));
    MUST(calls_sum(&calls, arena, text, &result, &diag));
    printf("%d %llu %d\n", result.is_error, (unsigned long long)result.as.ok, nothings);
    text.text = "too long";
    text.size = 8;
    MUST(calls_sum(&calls, arena, text, &result, &diag));
    printf("%d %.*s\n", result.is_error, (int)result.as.error.size, result.as.error.text);
    berth_arena_destroy(arena);
    berth_slot_release(slot);
    berth_runtime_destroy(runtime);
    berth_host_destroy(host);
    return 0;
}
"""


def wasm_tools():
    clang, linker = shutil.which("clang") or shutil.which("clang-14"), shutil.which("wasm-ld") or shutil.which("wasm-ld-14")
    targets = subprocess.run([clang, "--print-targets"], stdout=subprocess.PIPE, check=False).stdout if clang else b""
    return (clang, linker) if linker and b"wasm32" in targets else None


class Offer(Folder):
    def test_what_is_offered_is_what_the_plugin_calls(self):
        tools = wasm_tools()
        if tools is None:
            self.skipTest("no clang and wasm-ld here that know wasm32")
        clang, linker = tools
        wit, gen = self.write("calls.wit", WIT), self.path("gen")
        for side in ("host", "guest"):
            self.assert_exit(run("bindgen", side, wit, "--out", gen), 0)
        objects = []
        for source in (self.write("plugin.c", PLUGIN.encode()), os.path.join(gen, "calls_guest.c")):
            objects.append(source + ".o")
            subprocess.run([clang, "--target=wasm32", "-ffreestanding", "-O2", "-I", gen, "-I",
                            os.path.join(SOURCE, "guest"), "-c", source, "-o", objects[-1]], check=True, timeout=PATIENCE)
        plugin = self.path("calls.core.wasm")
        subprocess.run([linker, "--no-entry", *objects, "-o", plugin], check=True, timeout=PATIENCE)
        library = os.path.join(os.environ["BERTH_BUILD_DIR"], "lib")
        host = self.write("host.c", HOST.encode())
        for compiler in [["gcc", "-std=c11"], ["clang", "-std=c11"], ["g++", "-std=c++11", "-x", "c++"]]:
            if shutil.which(compiler[0]) is None:
                continue
            program = self.path("host")
            subprocess.run([*compiler, "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I", gen, "-I",
                            os.path.join(SOURCE, "include"), "-o", program, host, os.path.join(gen, "calls_host.c"),
                            "-L", library, "-lberth", "-Wl,-rpath," + library], check=True, timeout=PATIENCE)
            result = subprocess.run([program, plugin], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                    timeout=PATIENCE, check=False)
            self.assertEqual((0, b"0 1048 1\n1 too long\n"), (result.returncode, result.stdout), compiler)


if __name__ == "__main__":
    unittest.main(verbosity=2)
