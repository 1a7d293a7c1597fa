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


OBJECTS_WIT = b"""\
package acme:shop@1.0.0;

interface store {
    resource conn {
        constructor(name: string);
        name: func() -> string;
        join: func(other: conn) -> u32;
        open: static func(count: u32) -> result<list<conn>, string>;
        destroy: func() -> u32;
    }
    total: func(among: list<borrow<conn>>) -> u64;
}
world shop {
    import store;
    resource token { constructor(); value: func() -> u32; }
    export run: func(what: u32) -> u64;
}
"""

OBJECTS_PLUGIN = r"""
#include "shop_plugin.h"

int32_t shop_plugin_run(void *self, const shop_run_args *args, uint64_t *result, berth_plugin_call *call)
{
    shop_store_conn a, b;
    shop_result_list_store_conn_string more;
    shop_store_conn_borrow among[2];
    shop_list_store_conn_borrow both = { among, 2 };
    shop_token token;
    berth_string name;
    uint32_t number;
    uint64_t total;

    (void)self;
    if (shop_store_conn_new(call, (berth_string){ "abc", 3 }, &a) != 0 ||
        shop_store_conn_new(call, (berth_string){ "de", 2 }, &b) != 0)
        return 1;
    if (args->what == 1)
        return 1; /* both are left to the end of the instance, which is now */
    if (args->what == 2)
        return *result = 2, 0; /* or some time later */
    if (args->what == 3) /* the constructor fails */
        return shop_store_conn_new(call, (berth_string){ "", 0 }, &a);
    among[0].handle = a.handle;
    among[1].handle = b.handle;
    if (shop_store_total(call, both, &total) != 0 ||
        shop_store_conn_name(call, among[1], &name) != 0 || name.size != 2 || memcmp(name.text, "de", 2) != 0 ||
        shop_store_conn_join(call, among[0], b, &number) != 0 || /* b is gone now */
        shop_token_new(call, &token) != 0)
        return 1;
    *result = total + 100 * number;
    if (shop_store_conn_open(call, 3, &more) != 0 || more.is_error || more.as.ok.count != 3)
        return 1;
    for (size_t i = 0; i < 3; i++)
        shop_store_conn_drop(more.as.ok.data[i]);
    if (shop_store_conn_open(call, 99, &more) != 0 || !more.is_error ||
        shop_store_conn_destroy(call, among[0], &number) != 0)
        return 1;
    *result += 1000 * number;
    if (shop_token_value(call, (shop_token_borrow){ token.handle }, &number) != 0)
        return 1;
    *result += 10000 * number;
    shop_token_drop(token);
    shop_store_conn_drop(a);
    return 0;
}
"""

OBJECTS_C = r"""
#include "shop_host.h"

struct shop_host_store_conn {
    unsigned size;
    char name[32];
};
struct shop_host_token {
    unsigned value;
};

static shop_imports imports;

static berth_status conn_new(void *ctx, const shop_store_conn_new_args *args, shop_host_store_conn **object_out,
                             berth_host_call *call)
{
    shop_host_store_conn *conn;

    (void)ctx;
    if (args->name.size == 0)
        return berth_host_fail(call, BERTH_E_INVALID, "no name");
    conn = (shop_host_store_conn *)malloc(sizeof *conn);
    conn->size = (unsigned)args->name.size;
    memcpy(conn->name, args->name.text, args->name.size);
    made(1);
    *object_out = conn;
    return BERTH_OK;
}
static berth_status conn_name(void *ctx, shop_host_store_conn *self, const shop_store_conn_name_args *args,
                              berth_string *result, berth_host_call *call)
{
    (void)ctx, (void)args, (void)call;
    result->text = self->name;
    result->size = self->size;
    return BERTH_OK;
}
static void conn_end(void *object)
{
    made(-1);
    free(object);
}
static berth_status conn_join(void *ctx, shop_host_store_conn *self, const shop_store_conn_join_args *args,
                              uint32_t *result, berth_host_call *call)
{
    shop_host_store_conn *other = shop_host_store_conn_take(&imports, call, args->other);

    (void)ctx;
    *result = self->size * 10 + other->size;
    conn_end(other); /* it is ours */
    return BERTH_OK;
}
static berth_status conn_open(void *ctx, const shop_store_conn_open_args *args,
                              shop_result_list_store_conn_string *result, berth_host_call *call)
{
    shop_store_conn *owned = (shop_store_conn *)berth_host_room(call, args->count * sizeof *owned);

    (void)ctx;
    result->is_error = args->count > 9;
    if (result->is_error) {
        result->as.error.text = "too many";
        result->as.error.size = 8;
        return BERTH_OK;
    }
    result->as.ok.data = owned;
    result->as.ok.count = args->count;
    for (uint32_t i = 0; i < args->count; i++) {
        shop_host_store_conn *conn = (shop_host_store_conn *)calloc(1, sizeof *conn);
        berth_status status = shop_host_store_conn_add(&imports, call, conn, &owned[i]);
        if (status != BERTH_OK)
            return status;
        made(1);
    }
    return BERTH_OK;
}
static berth_status conn_destroy(void *ctx, shop_host_store_conn *self, const shop_store_conn_destroy_args *args,
                                 uint32_t *result, berth_host_call *call)
{
    (void)ctx, (void)args, (void)call;
    *result = self->size;
    return BERTH_OK;
}
static berth_status total(void *ctx, const shop_store_total_args *args, uint64_t *result, berth_host_call *call)
{
    (void)ctx;
    for (size_t i = 0; i < args->among.count; i++)
        *result += shop_host_store_conn_find(&imports, call, args->among.data[i])->size;
    return BERTH_OK;
}
static berth_status token_new(void *ctx, const void *args, shop_host_token **object_out, berth_host_call *call)
{
    static shop_host_token the_token = { 7 };

    (void)ctx, (void)args, (void)call;
    *object_out = &the_token; /* nothing is done when it goes */
    return BERTH_OK;
}
static berth_status token_value(void *ctx, shop_host_token *self, const shop_token_value_args *args,
                                uint32_t *result, berth_host_call *call)
{
    (void)ctx, (void)args, (void)call;
    *result = self->value;
    return BERTH_OK;
}

static berth_status offer(berth_host *host, berth_diag *diag)
{
    memset(&imports, 0, sizeof imports);
    imports.store_conn.destroy = conn_end;
    imports.store_conn_new = conn_new;
    imports.store_conn_name = conn_name;
    imports.store_conn_join = conn_join;
    imports.store_conn_open = conn_open;
    imports.store_conn_destroy = conn_destroy;
    imports.store_total = total;
    imports.token_new = token_new;
    imports.token_value = token_value;
    return shop_offer(host, &imports, diag);
}
"""

OBJECTS_CPP = r"""
#include <new>
#include <string>

#include "shop_host.hpp"

struct connection final : shop::store_conn {
    const shop::imports &of;
    std::string text;

    connection(const shop::imports &imports, std::string_view name) : of(imports), text(name)
    {
        made(1);
    }
    ~connection() override
    {
        made(-1);
    }
    berth_status name(berth_string &result, berth_host_call *) noexcept override
    {
        result = berth::string_of(text);
        return BERTH_OK;
    }
    berth_status join(const shop_store_conn_join_args &args, uint32_t &result, berth_host_call *call) noexcept override
    {
        std::unique_ptr<shop::store_conn> other = of.host_store_conn_take(call, args.other);

        result = (uint32_t)(text.size() * 10 + static_cast<connection &>(*other).text.size());
        return BERTH_OK;
    }
    berth_status destroy(uint32_t &result, berth_host_call *) noexcept override
    {
        result = (uint32_t)text.size();
        return BERTH_OK;
    }
};

struct ticket final : shop::token {
    berth_status value(uint32_t &result, berth_host_call *) noexcept override
    {
        result = 7;
        return BERTH_OK;
    }
};

struct shop_of_mine final : shop::imports {
    berth_status store_conn_new(const shop_store_conn_new_args &args, std::unique_ptr<shop::store_conn> &object_out,
                                berth_host_call *call) noexcept override
    {
        if (args.name.size == 0)
            return berth_host_fail(call, BERTH_E_INVALID, "no name");
        object_out = std::make_unique<connection>(*this, berth::view(args.name));
        return BERTH_OK;
    }
    berth_status store_conn_open(const shop_store_conn_open_args &args, shop_result_list_store_conn_string &result,
                                 berth_host_call *call) noexcept override
    {
        result.is_error = args.count > 9;
        if (result.is_error) {
            result.as.error = berth::string_of("too many");
            return BERTH_OK;
        }
        auto *owned = static_cast<shop_store_conn *>(berth_host_room(call, args.count * sizeof(shop_store_conn)));
        for (uint32_t i = 0; i < args.count; i++)
            if (host_store_conn_add(call, std::make_unique<connection>(*this, ""), owned[i]) != BERTH_OK)
                return BERTH_E_LIMIT;
        result.as.ok = { owned, args.count };
        return BERTH_OK;
    }
    berth_status store_total(const shop_store_total_args &args, uint64_t &result, berth_host_call *call) noexcept override
    {
        for (auto among : berth::elements(args.among))
            result += static_cast<connection *>(host_store_conn_find(call, among))->text.size();
        return BERTH_OK;
    }
    berth_status token_new(std::unique_ptr<shop::token> &object_out, berth_host_call *) noexcept override
    {
        object_out = std::make_unique<ticket>();
        return BERTH_OK;
    }
};

static shop_of_mine the_shop;

static berth_status offer(berth_host *host, berth_diag *diag)
{
    return the_shop.offer(host, diag);
}
"""

OBJECTS_HEAD = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <berth/runtime.h>

static int count_of_all, count_of_living;

static void made(int one) /* the reaper's thread ends instances */
{
    if (one > 0)
        __atomic_fetch_add(&count_of_all, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&count_of_living, one, __ATOMIC_RELAXED);
}
"""

OBJECTS_MAIN = r"""
#define MUST(what) do { if ((what) != BERTH_OK) { printf("%s: %s\n", #what, diag.text); exit(1); } } while (0)

static void run_with(berth_host *host, const char *file, uint32_t policy)
{
    berth_runtime_options options = BERTH_RUNTIME_OPTIONS_INIT;
    berth_slot_options slot_options = BERTH_SLOT_OPTIONS_INIT;
    berth_runtime *runtime;
    berth_slot *slot;
    berth_arena *arena;
    shop_slot shop;
    berth_diag diag;
    uint64_t result = 0;

    options.host = host;
    MUST(berth_runtime_create(&options, &runtime, &diag));
    slot_options.name = "shop";
    slot_options.policy = policy;
    slot_options.deadline_ns = slot_options.probe_deadline_ns = 60000000000u;
    MUST(berth_slot_open(runtime, &slot_options, &slot, &diag));
    MUST(berth_slot_install_file(slot, file, NULL, &diag));
    MUST(shop_bind(slot, &shop, &diag));
    MUST(berth_arena_create(NULL, 0, &arena, &diag));
    for (int i = 0; i < 3; i++) {
        MUST(shop_run(&shop, arena, 0, &result, &diag));
        printf("%llu ", (unsigned long long)result);
        printf("%d ", shop_run(&shop, arena, 1, &result, &diag) != BERTH_OK);
        MUST(shop_run(&shop, arena, 2, &result, &diag));
        if (shop_run(&shop, arena, 3, &result, &diag) == BERTH_OK || strstr(diag.text, "no name") == NULL)
            printf("!%s", diag.text);
    }
    berth_arena_destroy(arena);
    berth_slot_release(slot);
    berth_runtime_destroy(runtime);
    printf("%d %d\n", __atomic_load_n(&count_of_all, __ATOMIC_RELAXED),
           __atomic_load_n(&count_of_living, __ATOMIC_RELAXED));
    count_of_all = 0;
}

int main(int argc, char **argv)
{
    berth_diag diag;
    berth_host *host;

    MUST(berth_host_create(NULL, &host, &diag));
    MUST(offer(host, &diag));
    run_with(host, argv[argc - 1], BERTH_POLICY_REUSE);
    if (strstr(argv[argc - 1], ".so") == NULL) /* which has one instance */
        run_with(host, argv[argc - 1], BERTH_POLICY_FRESH);
    berth_host_destroy(host);
    return 0;
}
"""


def wasm_tools():
    clang, linker = shutil.which("clang") or shutil.which("clang-14"), shutil.which("wasm-ld") or shutil.which("wasm-ld-14")
    targets = subprocess.run([clang, "--print-targets"], stdout=subprocess.PIPE, check=False).stdout if clang else b""
    return (clang, linker) if linker and b"wasm32" in targets else None


class Offer(Folder):
    def build_plugin(self, name, wit, source):
        """The headers of both sides, and a core module."""
        tools = wasm_tools()
        if tools is None:
            self.skipTest("no clang and wasm-ld here that know wasm32")
        clang, linker = tools
        wit, gen = self.write(name + ".wit", wit), self.path("gen")
        for side in ("host", "guest"):
            self.assert_exit(run("bindgen", side, wit, "--out", gen), 0)
        objects = []
        for file in (self.write("plugin.c", source.encode()), os.path.join(gen, name + "_guest.c")):
            objects.append(file + ".o")
            subprocess.run([clang, "--target=wasm32", "-ffreestanding", "-O2", "-I", gen, "-I",
                            os.path.join(SOURCE, "guest"), "-c", file, "-o", objects[-1]], check=True, timeout=PATIENCE)
        plugin = self.path(name + ".core.wasm")
        subprocess.run([linker, "--no-entry", *objects, "-o", plugin], check=True, timeout=PATIENCE)
        return plugin

    def build_native(self, compiler, name):
        gen, out = self.path("gen"), self.path(name + ".so")
        self.assert_exit(run("bindgen", "native", self.path(name + ".wit"), "--out", gen), 0)
        subprocess.run([*compiler, "-shared", "-fPIC", "-fvisibility=hidden", "-O2", "-Wall", "-Wextra", "-Wpedantic",
                        "-Werror", "-I", gen, "-I", os.path.join(SOURCE, "include"), "-o", out, self.path("plugin.c"),
                        os.path.join(gen, name + "_native.c")], check=True, timeout=PATIENCE)
        return out

    def run_host(self, compiler, source, name, plugin):
        """What a host program prints that is compiled without a warning."""
        gen, library, program = self.path("gen"), os.path.join(os.environ["BERTH_BUILD_DIR"], "lib"), self.path("host")
        words = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I", gen, "-I", os.path.join(SOURCE, "include")]
        subprocess.run([*compiler, *words, "-o", program, self.write("host.c", source.encode()),
                        os.path.join(gen, name + "_host.c"), "-L", library, "-lberth", "-Wl,-rpath," + library],
                       check=True, timeout=PATIENCE)
        result = subprocess.run([program, plugin], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                timeout=PATIENCE, check=False)
        self.assertEqual(0, result.returncode, result.stdout)
        return result.stdout

    def test_what_is_offered_is_what_the_plugin_calls(self):
        plugin = self.build_plugin("calls", WIT, PLUGIN)
        for compiler in [["gcc", "-std=c11"], ["clang", "-std=c11"], ["g++", "-std=c++11", "-x", "c++"]]:
            if shutil.which(compiler[0]) is not None:
                self.assertEqual(b"0 1048 1\n1 too long\n", self.run_host(compiler, HOST, "calls", plugin), compiler)

    def test_objects_of_the_host_are_destroyed_once_whatever_ends_them(self):
        plugin = self.build_plugin("shop", OBJECTS_WIT, OBJECTS_PLUGIN)
        c, cpp = (OBJECTS_HEAD + source + OBJECTS_MAIN for source in (OBJECTS_C, OBJECTS_CPP))
        for source, compiler in [(c, ["gcc", "-std=c11"]), (c, ["g++", "-std=c++11", "-x", "c++"]),
                                 (cpp, ["g++", "-std=c++17", "-x", "c++"]), (cpp, ["clang++", "-std=c++17", "-x", "c++"])]:
            if shutil.which(compiler[0]) is not None:
                # each round: 5 objects and a token; 2 and a trap; 2 that are left; 2 and a failure
                self.assertEqual(b"76205 1 " * 3 + b"33 0\n" + b"76205 1 " * 3 + b"33 0\n",
                                 self.run_host(compiler, source, "shop", plugin), compiler)
        # a failed call leaves what it made to the plugin's end
        for native in [["gcc", "-std=c11"], ["clang", "-std=c11"]]:
            if shutil.which(native[0]) is not None:
                plugin = self.build_native(native, "shop")
                self.assertEqual(b"76205 1 " * 3 + b"33 0\n", self.run_host(["gcc", "-std=c11"], c, "shop", plugin))


if __name__ == "__main__":
    unittest.main(verbosity=2)
