/* bench_component.c - what a call of a component costs beyond the core calls that it is made of.
 *
 * Each baseline is the same work written by hand for the one signature, on the same engine: realloc,
 * copy, call, check, copy, post-return for bytes; the bare call for numbers; the engine's own
 * unchecked callback for imports; two core calls and a copy from component to component; one
 * pre-linked core instance for instances. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text_buf.h"
#include "bench.h"
#include "component/run/running.h"
#include "component/plan/transcode.h"
#include "component/wrap/wrap.h"
#include "rig.h"

#ifdef BERTH_HAVE_WASMTIME

#include "wasm/wasmtime/wt.h"

enum { CALLS = 1000, RECORDS = 100 };

static const char world_text[] =
    "package bench:b;\n"
    "interface host {\n"
    "  add: func(a: u32, b: u32) -> u32;\n"
    "  echo: func(data: list<u8>) -> list<u8>;\n"
    "}\n"
    "world main {\n"
    "  import host;\n"
    "  record mixed { a: u8, b: u16, c: u32, d: u64, e: s32, f: s64, g: f32, h: f64,\n"
    "                 i: bool, j: char }\n"
    "  record item { id: u32, weight: f64, tag: u8, on: bool }\n"
    "  export add: func(a: u32, b: u32) -> u32;\n"
    "  export echo: func(data: list<u8>) -> list<u8>;\n"
    "  export mix: func(m: mixed) -> u32;\n"
    "  export many: func(items: list<item>) -> u32;\n"
    "  export spin-add: func(times: u32) -> u32;\n"
    "  export spin-echo: func(times: u32) -> u32;\n"
    "}\n"
    "world callee { export take: func(text: string); }\n"
    "world caller { import take: func(text: string); export run: func(times: u32); }\n";

typedef struct mixed {
    uint8_t a;
    uint16_t b;
    uint32_t c;
    uint64_t d;
    int32_t e;
    int64_t f;
    float g;
    double h;
    uint8_t i;
    uint32_t j;
} mixed;

typedef struct item {
    uint32_t id;
    double weight;
    uint8_t tag, on;
} item;

typedef struct setting {
    const berthi_wasm_ops *ops;
    berthi_wasm_engine *engine;
    berthi_cm_loaded *loaded;
    berthi_cm_instance *instance;
    berthi_wasm_store *store; /* of the instance */
    berth_arena *arena;
    berthi_cm_func add, echo, mix, many, spin_add, spin_echo;
    /* the same functions, for the baselines */
    berthi_extern memory, core_realloc, core_add, core_echo, core_post, core_mix, core_many;
    berthi_extern bare_spin_add, bare_spin_echo, bare_realloc, bare_memory;
    size_t size; /* of what is echoed */
    unsigned char bytes[16384];
    item items[RECORDS];
} setting;

static const berthi_cm_limits limits = { .store = { 64 << 20, 10000, 16, 16, 16 } };

/* ---------------------------------------------------------------- the host */

static berth_status host_add(void *ctx, berthi_cm_host_call *call, const void *args,
                             void *result, berth_diag *diag)
{
    const uint32_t *a = args;

    (void)ctx, (void)call, (void)diag;
    *(uint32_t *)result = a[0] + a[1];
    return BERTH_OK;
}

static berth_status host_echo(void *ctx, berthi_cm_host_call *call, const void *args,
                              void *result, berth_diag *diag)
{
    (void)call, (void)args, (void)diag;
    *(berthi_cm_host_list *)result = (berthi_cm_host_list){ ((setting *)ctx)->bytes, 256 };
    return BERTH_OK;
}

static berth_status resolve(void *ctx, const berthi_cm_steps *steps, const berthi_cm_need *need,
                            berthi_cm_binding *out, berth_diag *diag)
{
    (void)steps, (void)diag;
    out->function = need->path[1].size == 3 ? host_add : host_echo;
    out->ctx = ctx;
    return BERTH_OK;
}

static wasm_trap_t *bare_echo(void *env, wasmtime_caller_t *caller, wasmtime_val_raw_t *cells,
                              size_t count);

static wasm_trap_t *bare_add(void *env, wasmtime_caller_t *caller, wasmtime_val_raw_t *cells,
                             size_t count)
{
    (void)env, (void)caller, (void)count;
    cells[0].i32 = cells[0].i32 + cells[1].i32;
    return NULL;
}

/* ---------------------------------------------------------------- components */

static berthi_text_buf wrap(const char *guest, const char *world)
{
    size_t size;
    const uint8_t *core = bench_guest(guest, &size);
    const berthi_wit *wit;
    berthi_arena arena;
    berthi_text_buf out;
    berth_diag diag;

    berthi_arena_init(&arena, &berthi_allocator_libc, SIZE_MAX);
    berthi_text_buf_init(&out, &berthi_allocator_libc);
    BENCH_OK(berthi_wit_read_text("bench.wit", world_text, sizeof world_text - 1, NULL, &arena,
                                  &wit, &diag),
             &diag);
    BENCH_OK(berthi_component_wrap(core, size, wit, berthi_wit_find_world(wit, world),
                                   &berthi_allocator_libc, &out, &diag),
             &diag);
    berthi_arena_fini(&arena);
    return out;
}

static berthi_cm_loaded *load(setting *s, const berthi_text_buf *bytes)
{
    berthi_cm_load_options options = { .allocator = &berthi_allocator_libc,
                                       .engine = s->engine,
                                       .resolve = resolve,
                                       .resolve_ctx = s };
    berthi_cm_loaded *loaded = NULL;
    berth_diag diag;

    BENCH_OK(
        berthi_cm_load((const uint8_t *)bytes->data, bytes->size, &options, &loaded, &diag),
        &diag);
    return loaded;
}

static berthi_cm_instance *instantiate(berthi_cm_loaded *loaded)
{
    berthi_cm_instance *instance = NULL;
    berth_diag diag;

    BENCH_OK(berthi_cm_instance_create(loaded, &limits, UINT64_MAX / 4, NULL, &instance, &diag),
             &diag);
    return instance;
}

static void find(const setting *s, const char *name, berthi_cm_func *func_out)
{
    if (!berthi_cm_loaded_func(s->loaded, NULL, name, func_out))
        exit(1);
}

static berthi_extern core(const setting *s, berthi_wasm_instance instance, const char *name)
{
    berthi_extern found;

    if (!s->ops->instance_export(s->store, instance, name, strlen(name), &found))
        exit(1);
    return found;
}

static wasmtime_func_t bare_func(const setting *s, const char *types,
                                 wasmtime_func_unchecked_callback_t callback)
{
    wasm_valtype_t *params[3];
    size_t count = strlen(types) - 1;
    wasm_valtype_vec_t in, out;
    wasm_functype_t *type;
    wasmtime_func_t func;

    for (size_t n = 0; n < count; n++)
        params[n] = wasm_valtype_new(WASM_I32);
    wasm_valtype_vec_new(&in, count, params);
    if (types[count] == 'i') {
        params[0] = wasm_valtype_new(WASM_I32);
        wasm_valtype_vec_new(&out, 1, params);
    } else {
        wasm_valtype_vec_new_empty(&out);
    }
    type = wasm_functype_new(&in, &out);
    wasmtime_func_new_unchecked(((berthi_wt_store *)s->store)->context, type, callback,
                                (void *)(uintptr_t)s, NULL, &func);
    wasm_functype_delete(type);
    return func;
}

/* The same core module with the engine's own callbacks. */
static void open_bare(setting *s)
{
    size_t size;
    const uint8_t *bytes = bench_guest("bench_component", &size);
    wasmtime_func_t add = bare_func(s, "iii", bare_add), echo = bare_func(s, "iii-", bare_echo);
    berthi_extern imports[2] = { { .kind = BERTHI_EXTERN_FUNC },
                                 { .kind = BERTHI_EXTERN_FUNC } };
    berthi_wasm_module *module;
    berthi_wasm_instance instance;
    berth_diag diag;

    memcpy(imports[0].words, &add, sizeof add);
    memcpy(imports[1].words, &echo, sizeof echo);
    BENCH_OK(s->ops->module_compile(s->engine, bytes, size, &module, &diag), &diag);
    BENCH_OK(s->ops->instantiate(s->store, module, imports, 2, &instance, &diag), &diag);
    s->bare_spin_add = core(s, instance, "spin-add");
    s->bare_spin_echo = core(s, instance, "spin-echo");
    s->bare_realloc = core(s, instance, "cabi_realloc");
    s->bare_memory = core(s, instance, "memory");
    s->ops->module_unref(module);
}

static void open_setting(setting *s)
{
    berthi_text_buf bytes = wrap("bench_component", "main");
    berthi_wasm_instance instance;

    s->loaded = load(s, &bytes);
    berthi_text_buf_fini(&bytes);
    if (s->loaded->steps->core_instances_count != 1 || s->loaded->linked[0] == NULL)
        exit(1); /* the shim is gone, and what is left is bound */
    s->instance = instantiate(s->loaded);
    s->store = s->instance->store;
    find(s, "add", &s->add);
    find(s, "echo", &s->echo);
    find(s, "mix", &s->mix);
    find(s, "many", &s->many);
    find(s, "spin-add", &s->spin_add);
    find(s, "spin-echo", &s->spin_echo);
    instance = s->instance->cores[0];
    s->memory = core(s, instance, "memory");
    s->core_realloc = core(s, instance, "cabi_realloc");
    s->core_add = core(s, instance, "add");
    s->core_echo = core(s, instance, "echo");
    s->core_post = core(s, instance, "cabi_post_echo");
    s->core_mix = core(s, instance, "mix");
    s->core_many = core(s, instance, "many");
    open_bare(s);
    for (uint32_t n = 0; n < RECORDS; n++)
        s->items[n] = (item){ n, n * 0.5, (uint8_t)n, n & 1 };
    BENCH_OK(berth_arena_create(NULL, 65536, &s->arena, NULL), NULL);
}

/* ---------------------------------------------------------------- loops */

static void call(setting *s, const berthi_cm_func *func, const void *args, void *result)
{
    BENCH_OK(berthi_cm_call(s->instance, func, args, result, s->arena, NULL), NULL);
}

static void core_call(setting *s, const berthi_extern *func, berthi_val *cells, size_t count)
{
    BENCH_OK(s->ops->call(s->store, func, cells, count, NULL), NULL);
}

static void call_add(void *ctx, uint64_t times)
{
    for (; times != 0; times--) {
        const uint32_t args[2] = { (uint32_t)times, 1 };
        uint32_t result;

        call(ctx, &((setting *)ctx)->add, args, &result);
        bench_keep(result);
    }
}

static void bare_call_add(void *ctx, uint64_t times)
{
    for (; times != 0; times--) {
        berthi_val cells[2] = { { .i32 = (int32_t)times }, { .i32 = 1 } };

        core_call(ctx, &((setting *)ctx)->core_add, cells, 2);
        bench_keep(cells[0].i32);
    }
}

static void call_echo(void *ctx, uint64_t times)
{
    setting *s = ctx;

    for (; times != 0; times--) {
        const berthi_cm_host_list args = { s->bytes, s->size };
        berthi_cm_host_list result;

        berth_arena_reset(s->arena);
        call(s, &s->echo, &args, &result);
        bench_keep(result.data);
    }
}

static void bare_call_echo(void *ctx, uint64_t times)
{
    setting *s = ctx;

    for (; times != 0; times--) {
        berthi_val cells[4] = {
            { .i32 = 0 }, { .i32 = 0 }, { .i32 = 1 }, { .i32 = (int32_t)s->size }
        };
        berthi_memory_view memory;
        uint32_t ptr, pair[2];
        void *reply;

        berth_arena_reset(s->arena);
        core_call(s, &s->core_realloc, cells, 4);
        memory = s->ops->memory_view(s->store, &s->memory);
        ptr = (uint32_t)cells[0].i32;
        if (ptr > memory.size || s->size > memory.size - ptr)
            exit(1);
        memcpy(memory.base + ptr, s->bytes, s->size);
        cells[1].i32 = (int32_t)s->size;
        core_call(s, &s->core_echo, cells, 2);
        memory = s->ops->memory_view(s->store, &s->memory);
        ptr = (uint32_t)cells[0].i32;
        if (ptr % 4 != 0 || ptr > memory.size || 8 > memory.size - ptr)
            exit(1);
        memcpy(pair, memory.base + ptr, sizeof pair);
        if (pair[0] > memory.size || pair[1] > memory.size - pair[0])
            exit(1);
        reply = berth_arena_alloc(s->arena, pair[1]);
        memcpy(reply, memory.base + pair[0], pair[1]);
        bench_keep(reply);
        core_call(s, &s->core_post, cells, 1);
    }
}

static const mixed sample = { 1, 2, 3, 4, 5, 6, 7, 8, 1, 'x' };

static void call_mix(void *ctx, uint64_t times)
{
    for (; times != 0; times--) {
        uint32_t result;

        call(ctx, &((setting *)ctx)->mix, &sample, &result);
        bench_keep(result);
    }
}

static void bare_call_mix(void *ctx, uint64_t times)
{
    for (; times != 0; times--) {
        const mixed *m = &sample;
        berthi_val cells[10] = { { .i32 = m->a },
                                 { .i32 = m->b },
                                 { .i32 = (int32_t)m->c },
                                 { .i64 = (int64_t)m->d },
                                 { .i32 = m->e },
                                 { .i64 = m->f },
                                 { .f32 = 0 },
                                 { .f64 = 0 },
                                 { .i32 = m->i != 0 },
                                 { .i32 = (int32_t)m->j } };

        memcpy(&cells[6].f32, &m->g, 4);
        memcpy(&cells[7].f64, &m->h, 8);
        if (m->j >= 0x110000 || (m->j >= 0xd800 && m->j < 0xe000))
            exit(1);
        core_call(ctx, &((setting *)ctx)->core_mix, cells, 10);
        bench_keep(cells[0].i32);
    }
}

static void call_many(void *ctx, uint64_t times)
{
    setting *s = ctx;

    for (; times != 0; times--) {
        const berthi_cm_host_list args = { s->items, RECORDS };
        uint32_t result;

        call(s, &s->many, &args, &result);
        bench_keep(result);
    }
}

static void bare_call_many(void *ctx, uint64_t times)
{
    setting *s = ctx;

    for (; times != 0; times--) {
        berthi_val cells[4] = {
            { .i32 = 0 }, { .i32 = 0 }, { .i32 = 8 }, { .i32 = RECORDS * 24 }
        };
        berthi_memory_view memory;
        uint32_t ptr;

        core_call(s, &s->core_realloc, cells, 4);
        memory = s->ops->memory_view(s->store, &s->memory);
        ptr = (uint32_t)cells[0].i32;
        if (ptr % 8 != 0 || ptr > memory.size || RECORDS * 24 > memory.size - ptr)
            exit(1);
        for (uint32_t n = 0; n < RECORDS; n++) {
            unsigned char *at = memory.base + ptr + n * 24;

            memcpy(at, &s->items[n].id, 4);
            memcpy(at + 8, &s->items[n].weight, 8);
            at[16] = s->items[n].tag;
            at[17] = s->items[n].on != 0;
        }
        cells[1].i32 = RECORDS;
        core_call(s, &s->core_many, cells, 2);
        bench_keep(cells[0].i32);
    }
}

static void spin(setting *s, const berthi_cm_func *func, uint64_t times)
{
    while (times != 0) {
        uint32_t args = times > CALLS ? CALLS : (uint32_t)times, result;

        call(s, func, &args, &result);
        times -= args;
    }
}

static void bare_spin(setting *s, const berthi_extern *func, uint64_t times)
{
    while (times != 0) {
        uint32_t count = times > CALLS ? CALLS : (uint32_t)times;
        berthi_val cell = { .i32 = (int32_t)count };

        core_call(s, func, &cell, 1);
        times -= count;
    }
}

static void host_adds(void *ctx, uint64_t times)
{
    spin(ctx, &((setting *)ctx)->spin_add, times);
}

static void bare_adds(void *ctx, uint64_t times)
{
    bare_spin(ctx, &((setting *)ctx)->bare_spin_add, times);
}

static void host_echoes(void *ctx, uint64_t times)
{
    spin(ctx, &((setting *)ctx)->spin_echo, times);
}

/* The same by hand: 256 bytes go where the guest's allocator says, and their place is written down. */
static wasm_trap_t *bare_echo(void *env, wasmtime_caller_t *caller, wasmtime_val_raw_t *cells,
                              size_t count)
{
    setting *s = env;
    berthi_val wants[4] = { { .i32 = 0 }, { .i32 = 0 }, { .i32 = 1 }, { .i32 = 256 } };
    uint32_t in = (uint32_t)cells[0].i32, size = (uint32_t)cells[1].i32;
    uint32_t out = (uint32_t)cells[2].i32, pair[2];
    berthi_memory_view memory = s->ops->memory_view(s->store, &s->bare_memory);

    (void)caller, (void)count;
    if (in > memory.size || size > memory.size - in)
        return wasmtime_trap_new("in", 2);
    bench_keep(memory.base + in);
    core_call(s, &s->bare_realloc, wants, 4);
    memory = s->ops->memory_view(s->store, &s->bare_memory);
    pair[0] = (uint32_t)wants[0].i32;
    pair[1] = 256;
    if (pair[0] > memory.size || 256 > memory.size - pair[0] || out > memory.size - 8)
        return wasmtime_trap_new("out", 3);
    memcpy(memory.base + pair[0], s->bytes, 256);
    memcpy(memory.base + out, pair, sizeof pair);
    return NULL;
}

static void echoes_by_hand(void *ctx, uint64_t times)
{
    bare_spin(ctx, &((setting *)ctx)->bare_spin_echo, times);
}

/* ---------------------------------------------------------------- instances */

static void instances(void *ctx, uint64_t times)
{
    for (; times != 0; times--)
        berthi_cm_instance_destroy(instantiate(((setting *)ctx)->loaded));
}

static void bare_instances(void *ctx, uint64_t times)
{
    setting *s = ctx;

    for (; times != 0; times--) {
        berthi_wasm_store *store;
        berthi_wasm_instance instance;

        BENCH_OK(s->ops->store_create(s->engine, &limits.store, NULL, &store, NULL), NULL);
        s->ops->store_deadline(store, 1000);
        BENCH_OK(s->ops->instantiate_linked(store, s->loaded->linked[0], &instance, NULL),
                 NULL);
        s->ops->store_destroy(store);
    }
}

/* ---------------------------------------------------------------- between components */

static void put_nested(berthi_text_buf *out, const char *guest, const char *world)
{
    berthi_text_buf inner = wrap(guest, world);

    berthi_cm_put_byte(out, 4);
    berthi_cm_put_u32(out, (uint32_t)inner.size);
    berthi_text_buf_put(out, inner.data, inner.size);
    berthi_text_buf_fini(&inner);
}

/* callee, caller; callee = instantiate 0; caller = instantiate 1 with its "take"; export "run". */
static berthi_text_buf make_pair(void)
{
    static const char head[] = "\0asm\x0d\0\1\0";
    static const char rest[] = "\x05\x04\x01\x00\x00\x00"
                               "\x06\x09\x01\x01\x00\x00\x04take"
                               "\x05\x0b\x01\x00\x01\x01\x04take\x01\x00"
                               "\x06\x08\x01\x01\x00\x01\x03run"
                               "\x0b\x09\x01\x00\x03run\x01\x01\x00";
    berthi_text_buf out;

    berthi_text_buf_init(&out, &berthi_allocator_libc);
    berthi_text_buf_put(&out, head, 8);
    put_nested(&out, "bench_callee", "callee");
    put_nested(&out, "bench_caller", "caller");
    berthi_text_buf_put(&out, rest, sizeof rest - 1);
    return out;
}

typedef struct crossing {
    setting *s;
    berthi_cm_instance *instance;
    berthi_cm_func run;
    berthi_extern nothing, memory;
    unsigned char bytes[1024];
} crossing;

static void crossings(void *ctx, uint64_t times)
{
    crossing *x = ctx;

    while (times != 0) {
        uint32_t args = times > CALLS ? CALLS : (uint32_t)times;

        BENCH_OK(berthi_cm_call(x->instance, &x->run, &args, NULL, x->s->arena, NULL), NULL);
        times -= args;
    }
}

static void bare_crossings(void *ctx, uint64_t times)
{
    crossing *x = ctx;
    berthi_val none = { .i32 = 0 };

    for (; times != 0; times--) {
        berthi_memory_view memory;

        BENCH_OK(x->s->ops->call(x->instance->store, &x->nothing, &none, 0, NULL), NULL);
        memory = x->s->ops->memory_view(x->instance->store, &x->memory);
        memcpy(memory.base + 2048, memory.base + 1024, 1024);
        bench_keep(memory.base);
        BENCH_OK(x->s->ops->call(x->instance->store, &x->nothing, &none, 0, NULL), NULL);
    }
}

static void measure_crossings(setting *s)
{
    berthi_text_buf bytes = make_pair();
    berthi_cm_loaded *loaded = load(s, &bytes);
    crossing x = { .s = s, .instance = instantiate(loaded) };
    uint32_t caller = loaded->steps->core_instances_count - 1;

    if (!berthi_cm_loaded_func(loaded, NULL, "run", &x.run) ||
        !s->ops->instance_export(x.instance->store, x.instance->cores[caller], "nothing", 7,
                                 &x.nothing) ||
        !s->ops->instance_export(x.instance->store, x.instance->cores[caller], "memory", 6,
                                 &x.memory))
        exit(1);
    bench_measure(
        &(bench_case){ "component_guest_to_guest_1k", crossings, bare_crossings, &x, 2.2, 0 });
    berthi_cm_instance_destroy(x.instance);
    berthi_cm_loaded_unref(loaded);
    berthi_text_buf_fini(&bytes);
}

int main(void)
{
    static const berthi_wasm_options options = { &berthi_allocator_libc, 64 << 20, 10000,
                                                 512 << 10, 64 };
    static setting s;
    berth_diag diag;

    s.ops = berthi_wasm_provider("wasmtime");
    BENCH_OK(s.ops->engine_create(&options, &s.engine, &diag), &diag);
    open_setting(&s);
    bench_measure(
        &(bench_case){ "component_call_scalars", call_add, bare_call_add, &s, 1.5, 0 });
    s.size = 256;
    bench_measure(
        &(bench_case){ "component_echo_256", call_echo, bare_call_echo, &s, 1.25, 0 });
    s.size = sizeof s.bytes;
    bench_measure(&(bench_case){ "component_echo_16k", call_echo, bare_call_echo, &s, 1.1, 0 });
    bench_measure(&(bench_case){ "component_record", call_mix, bare_call_mix, &s, 1.5, 0 });
    bench_measure(
        &(bench_case){ "component_100_records", call_many, bare_call_many, &s, 1.5, 0 });
    bench_measure(&(bench_case){ "component_import_scalars", host_adds, bare_adds, &s, 2, 0 });
    bench_measure(
        &(bench_case){ "component_import_256", host_echoes, echoes_by_hand, &s, 3, 0 });
    bench_measure(&(bench_case){ "component_instance", instances, bare_instances, &s, 1.3, 0 });
    measure_crossings(&s);
    berth_arena_destroy(s.arena);
    berthi_cm_instance_destroy(s.instance);
    berthi_cm_loaded_unref(s.loaded);
    s.ops->engine_destroy(s.engine);
    return 0;
}

#else

int main(void)
{
    return 0; /* costs of the interpreter are not what this is about */
}

#endif
