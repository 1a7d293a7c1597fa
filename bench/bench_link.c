/* bench_link.c - what binding a module's imports ahead saves, and what entering the host costs.
 *
 * An instance of a module with N imports, all functions of the host: bound once and instantiated,
 * against made in each store.  Then the way from the guest into a host function, against the
 * engine's own unchecked callback, and looking up an export. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "bench.h"
#include "rig.h"
#include "wasm/engine.h"

#ifdef BERTH_HAVE_WASMTIME

#include "wasm/wasmtime/wt.h"

enum { IMPORTS_MAX = 20, MODULE_BYTES_MAX = 1024, CALLS = 1000 };

typedef struct bytes {
    uint8_t data[MODULE_BYTES_MAX];
    size_t size;
} bytes;

typedef struct setting {
    const berthi_wasm_ops *ops;
    berthi_wasm_engine *engine;
    uint32_t imports;
    berthi_wasm_module *module;
    berthi_wasm_linked *linked;
    berthi_wasm_store *store; /* of an instance that lives throughout */
    berthi_wasm_instance instance;
    berthi_extern spin, bare_spin;
} setting;

static void put(bytes *b, const void *data, size_t size)
{
    if (size > sizeof b->data - b->size)
        exit(1);
    memcpy(b->data + b->size, data, size);
    b->size += size;
}

static void put_byte(bytes *b, unsigned byte)
{
    uint8_t value = (uint8_t)byte;

    put(b, &value, 1);
}

static void put_section(bytes *b, unsigned id, const bytes *body)
{
    put_byte(b, id);
    put_byte(b, (unsigned)(body->size & 0x7f) | 0x80);
    put_byte(b, (unsigned)(body->size >> 7));
    put(b, body->data, body->size);
}

/* N imports of () -> (); "spin" calls the first of them as often as its argument says. */
static bytes make_module(unsigned imports)
{
    static const uint8_t head[] = { 0, 'a', 's', 'm', 1, 0, 0, 0 };
    static const uint8_t types[] = { 2, 0x60, 0, 0, 0x60, 1, 0x7f, 0 };
    static const uint8_t funcs[] = { 1, 1 }, memory[] = { 1, 0, 1 };
    /* loop; call 0 (or nop nop); local 0 -= 1; br_if; end; end */
    static const uint8_t body[] = { 0x03, 0x40, 0x10, 0,    0x20, 0,    0x41, 1,
                                    0x6b, 0x22, 0,    0x0d, 0,    0x0b, 0x0b };
    bytes module = { .size = 0 }, section = { .size = 0 };

    put(&module, head, sizeof head);
    put(&section, types, sizeof types);
    put_section(&module, 1, &section);
    section.size = 0;
    put_byte(&section, imports);
    for (unsigned i = 0; i < imports; i++) {
        const uint8_t entry[] = {
            4, 'h', 'o', 's', 't', 2, (uint8_t)('a' + i / 10), (uint8_t)('0' + i % 10), 0, 0
        };

        put(&section, entry, sizeof entry);
    }
    put_section(&module, 2, &section);
    section.size = 0;
    put(&section, funcs, sizeof funcs);
    put_section(&module, 3, &section);
    section.size = 0;
    put(&section, memory, sizeof memory);
    put_section(&module, 5, &section);
    section.size = 0;
    put(&section, "\2\4spin\0", 7);
    put_byte(&section, imports);
    put(&section, "\6memory\2\0", 9);
    put_section(&module, 7, &section);
    section.size = 0;
    put_byte(&section, 1);
    put_byte(&section, sizeof body + 1);
    put_byte(&section, 0);
    put(&section, body, sizeof body);
    if (imports == 0) /* nothing to call */
        memset(section.data + section.size - sizeof body + 2, 0x01, 2);
    put_section(&module, 10, &section);
    return module;
}

static berth_status nothing(void *ctx, berthi_wasm_store *store, berthi_val *cells,
                            berth_diag *diag)
{
    (void)ctx;
    (void)store;
    (void)cells;
    (void)diag;
    return BERTH_OK;
}

static wasm_trap_t *bare_nothing(void *env, wasmtime_caller_t *caller,
                                 wasmtime_val_raw_t *cells, size_t count)
{
    (void)env;
    (void)caller;
    (void)cells;
    (void)count;
    return NULL;
}

static berthi_wasm_store *open_store(const setting *s)
{
    static const berthi_wasm_limits limits = { 64 << 20, 10000, 4, 4, 8 };
    berthi_wasm_store *store;

    BENCH_OK(s->ops->store_create(s->engine, &limits, NULL, &store, NULL), NULL);
    s->ops->store_deadline(store, UINT32_MAX);
    return store;
}

static void instantiate_plain(const setting *s, berthi_wasm_store *store)
{
    berthi_extern imports[IMPORTS_MAX];
    berthi_wasm_instance instance;

    for (uint32_t i = 0; i < s->imports; i++)
        BENCH_OK(s->ops->func_create(store, &(berthi_functype){ 0, 0, NULL }, nothing, NULL,
                                     &imports[i], NULL),
                 NULL);
    BENCH_OK(s->ops->instantiate(store, s->module, imports, s->imports, &instance, NULL), NULL);
}

static void plain(void *ctx, uint64_t times)
{
    for (; times != 0; times--) {
        berthi_wasm_store *store = open_store(ctx);

        instantiate_plain(ctx, store);
        ((const setting *)ctx)->ops->store_destroy(store);
    }
}

static void linked(void *ctx, uint64_t times)
{
    const setting *s = ctx;

    for (; times != 0; times--) {
        berthi_wasm_store *store = open_store(s);
        berthi_wasm_instance instance;

        BENCH_OK(s->ops->instantiate_linked(store, s->linked, &instance, NULL), NULL);
        s->ops->store_destroy(store);
    }
}

static void spin(const setting *s, const berthi_extern *func, uint64_t times)
{
    berthi_val v = { .i32 = (int32_t)times };

    if (times != 0)
        BENCH_OK(s->ops->call(s->store, func, &v, 1, NULL), NULL);
}

static void host_calls(void *ctx, uint64_t times)
{
    const setting *s = ctx;

    for (; times > CALLS; times -= CALLS)
        spin(s, &s->spin, CALLS);
    spin(s, &s->spin, times);
}

static void bare_host_calls(void *ctx, uint64_t times)
{
    const setting *s = ctx;

    for (; times > CALLS; times -= CALLS)
        spin(s, &s->bare_spin, CALLS);
    spin(s, &s->bare_spin, times);
}

static void find_export(void *ctx, uint64_t times)
{
    const setting *s = ctx;

    for (; times != 0; times--) {
        berthi_extern memory;

        if (!s->ops->instance_export(s->store, s->instance, "memory", 6, &memory))
            exit(1);
        bench_keep(memory.words[0]);
    }
}

static void get_spin(const setting *s, berthi_wasm_instance instance, berthi_extern *func_out)
{
    if (!s->ops->instance_export(s->store, instance, "spin", 4, func_out))
        exit(1);
}

/* An instance whose imports are the engine's own callbacks, without anything of ours. */
static void open_bare(setting *s)
{
    berthi_extern imports[IMPORTS_MAX];
    berthi_wasm_instance instance;
    wasm_functype_t *type = wasm_functype_new_0_0();

    for (uint32_t i = 0; i < s->imports; i++) {
        wasmtime_func_t func;

        wasmtime_func_new_unchecked(((berthi_wt_store *)s->store)->context, type, bare_nothing,
                                    NULL, NULL, &func);
        imports[i] = (berthi_extern){ .kind = BERTHI_EXTERN_FUNC };
        memcpy(imports[i].words, &func, sizeof func);
    }
    wasm_functype_delete(type);
    BENCH_OK(s->ops->instantiate(s->store, s->module, imports, s->imports, &instance, NULL),
             NULL);
    get_spin(s, instance, &s->bare_spin);
}

static void open_setting(setting *s, unsigned imports)
{
    bytes module = make_module(imports);
    berthi_wasm_binding bindings[IMPORTS_MAX];
    berth_diag diag;

    s->imports = imports;
    for (unsigned i = 0; i < imports; i++)
        bindings[i] = (berthi_wasm_binding){ { 0, 0, NULL }, nothing, NULL };
    BENCH_OK(s->ops->module_compile(s->engine, module.data, module.size, &s->module, &diag),
             &diag);
    BENCH_OK(s->ops->module_link(s->module, bindings, imports, &s->linked, &diag), &diag);
    s->store = open_store(s);
    BENCH_OK(s->ops->instantiate_linked(s->store, s->linked, &s->instance, &diag), &diag);
    get_spin(s, s->instance, &s->spin);
}

static void close_setting(setting *s)
{
    s->ops->store_destroy(s->store);
    s->ops->linked_destroy(s->linked);
    s->ops->module_unref(s->module);
}

int main(void)
{
    static const berthi_wasm_options options = { &berthi_allocator_libc, 64 << 20, 10000,
                                                 512 << 10, 64 };
    setting s = { .ops = berthi_wasm_provider("wasmtime") };
    static const unsigned counts[] = { 0, 5, IMPORTS_MAX };
    berth_diag diag;

    BENCH_OK(s.ops->engine_create(&options, &s.engine, &diag), &diag);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        static const char *const names[] = { "link_instance_0", "link_instance_5",
                                             "link_instance_20" };

        open_setting(&s, counts[i]);
        bench_measure(&(bench_case){ names[i], linked, plain, &s, 1.05, 0 });
        if (counts[i] == IMPORTS_MAX) {
            open_bare(&s);
            bench_measure(
                &(bench_case){ "link_host_call", host_calls, bare_host_calls, &s, 2, 0 });
            bench_measure(&(bench_case){ "link_find_export", find_export, NULL, &s, 0, 0 });
        }
        close_setting(&s);
    }
    s.ops->engine_destroy(s.engine);
    return 0;
}

#else

int main(void)
{
    return 0; /* costs of the interpreter are not what this is about */
}

#endif
