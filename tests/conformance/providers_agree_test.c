/* providers_agree_test.c - two engines written apart, one by others, asked about modules that
 * nobody wrote: mutated guests are accepted by both or by neither, and where both accept, their
 * exports do the same.
 *
 * BERTH_TEST_SEED, BERTH_TEST_ROUNDS (mutations of each guest) and BERTH_TEST_MODULES (a folder of
 * .wasm files instead of the tests' guests) change what is tried.  A module on which they differ
 * is written to the build folder; its name is in the report.
 */
#include <dirent.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_rig.h"
#include "os/event.h"
#include "wasm/module.h"

/* The engines are the same in each build: the slow ones add mutations of their own to release's. */
#if defined(BERTH_HOSTILE)
enum { ROUNDS = 40, SEED = 20261123 };
#elif defined(__SANITIZE_ADDRESS__)
enum { ROUNDS = 40, SEED = 20261122 };
#else
enum { ROUNDS = 200, SEED = 20261121 };
#endif

enum {
    GUEST_BYTES_MAX = 16 * 1024,
    EXPORTS_MAX = 40,
    CELLS = 32,
    TICKS = 20, /* of half a millisecond for each call */
    DIFFERENCES_MAX = 10
};

typedef struct side {
    const berthi_wasm_ops *ops;
    berthi_wasm_engine *engine;
    berth_diag diag;
} side;

typedef struct pair {
    side a, b; /* wasmtime, interp */
    bertht_memory memory;
    berth_allocator allocator;
    uint64_t random, seed;
    const char *guest;
    unsigned tried, accepted, beyond, ran, differences;
    atomic_bool stop; /* the ticker */
    berthi_event pause;
} pair;

static uint64_t next(pair *p)
{
    p->random ^= p->random << 13;
    p->random ^= p->random >> 7;
    p->random ^= p->random << 17;
    return p->random;
}

static size_t below(pair *p, size_t bound)
{
    return bound == 0 ? 0 : (size_t)(next(p) % bound);
}

/* ---------------------------------------------------------------- mutations */

/* Bytes that mean something somewhere: opcodes, types, small numbers, ends. */
static uint8_t telling_byte(pair *p)
{
    static const uint8_t bytes[] = { 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x0b, 0x0c, 0x0d,
                                     0x0e, 0x0f, 0x10, 0x11, 0x12, 0x13, 0x1a, 0x1b, 0x1c,
                                     0x20, 0x21, 0x23, 0x24, 0x28, 0x36, 0x3f, 0x40, 0x41,
                                     0x42, 0x43, 0x44, 0x45, 0x6a, 0x7c, 0x7f, 0x7e, 0x7d,
                                     0x70, 0x6f, 0x80, 0xc0, 0xd0, 0xd1, 0xd2, 0xfc, 0xff };

    return next(p) % 3 == 0 ? (uint8_t)next(p) : bytes[below(p, sizeof bytes)];
}

/* Changes `bytes` in place, with room for one byte more; the new size. */
static size_t mutate(pair *p, uint8_t *bytes, size_t size)
{
    size_t at = 8 + below(p, size - 8), to = 8 + below(p, size - 8), count;

    switch (next(p) % 16) {
    case 0:
        return at; /* truncated */
    case 1:
        memmove(bytes + at + 1, bytes + at, size - at);
        bytes[at] = telling_byte(p);
        return size + 1;
    case 2:
        memmove(bytes + at, bytes + at + 1, size - at - 1);
        return size - 1;
    case 3:
        count = below(p, 16);
        if (at + count <= size && to + count <= size)
            memmove(bytes + at, bytes + to, count);
        return size;
    case 4:
        bytes[at]++;
        return size;
    case 5:
        bytes[at]--;
        return size;
    default:
        for (count = 1 + below(p, 3); count > 0; count--, at = 8 + below(p, size - 8))
            bytes[at] = telling_byte(p);
        return size;
    }
}

/* ---------------------------------------------------------------- differences */

static void report(pair *p, const uint8_t *bytes, size_t size, const char *what)
{
    char path[512];
    FILE *f;

    snprintf(path, sizeof path, "%s/differs-%u-%s", BERTH_TEST_BUILD_DIR, p->tried, p->guest);
    f = fopen(path, "wb");
    if (f != NULL) {
        fwrite(bytes, 1, size, f);
        fclose(f);
    }
    fprintf(stderr, "%s\n  %s\n  wasmtime: %s\n  interp: %s\n", path, what, p->a.diag.text,
            p->b.diag.text);
    p->differences++;
}

/* The interpreter says so when it is asked for what only the other has. */
static bool is_beyond_interp(const pair *p)
{
    return strstr(p->b.diag.text, "SIMD") != NULL ||
           strstr(p->b.diag.text, "which the interpreter lacks") != NULL;
}

/* One says yes and the other no.  A limit is neither: each has its own. */
static bool disagree(berth_status x, berth_status y)
{
    return (x == BERTH_OK && y == BERTH_E_REJECTED) || (x == BERTH_E_REJECTED && y == BERTH_OK);
}

/* ---------------------------------------------------------------- running */

typedef struct outcome {
    berth_status status;
    int32_t reason;
    berthi_val cells[CELLS];
} outcome;

typedef struct export_call {
    const char *name;
    size_t name_size;
    uint32_t params, results;
    uint8_t types[CELLS];
} export_call;

static bool is_nan(uint8_t type, berthi_val v)
{
    if (type == BERTHI_F32)
        return (v.f32 & 0x7fffffff) > 0x7f800000;
    return type == BERTHI_F64 && (v.f64 & INT64_MAX) > UINT64_C(0x7ff0000000000000);
}

static bool same_value(uint8_t type, berthi_val x, berthi_val y)
{
    if (is_nan(type, x) && is_nan(type, y))
        return true; /* which one is not laid down */
    switch (type) {
    case BERTHI_I32:
    case BERTHI_F32:
        return x.i32 == y.i32;
    case BERTHI_I64:
    case BERTHI_F64:
        return x.i64 == y.i64;
    case BERTHI_EXTERNREF:
        return (x.i32 == 0) == (y.i32 == 0);
    default:
        return (x.ref == NULL) == (y.ref == NULL);
    }
}

static outcome call(side *s, berthi_wasm_store *store, const berthi_extern *func,
                    const export_call *e, pair *p)
{
    outcome o = { .status = BERTH_OK };
    uint64_t numbers[2] = { p->random, p->random * 3 };

    for (uint32_t i = 0; i < e->params; i++) {
        bool is_reference = e->types[i] == BERTHI_FUNCREF || e->types[i] == BERTHI_EXTERNREF;

        o.cells[i].words[0] = is_reference ? 0 : numbers[i % 2] % (i % 3 == 2 ? 200000 : 70);
    }
    s->diag = (berth_diag){ 0 };
    s->ops->store_deadline(store, TICKS);
    o.status = s->ops->call(store, func, o.cells, CELLS, &s->diag);
    o.reason = o.status == BERTH_OK ? 0 : s->diag.reason;
    return o;
}

static bool same_outcome(const outcome *x, const outcome *y, const export_call *e)
{
    /* When time or stack run out depends on the engine. */
    if (x->status == BERTH_E_DEADLINE || y->status == BERTH_E_DEADLINE ||
        x->reason == BERTH_REASON_STACK || y->reason == BERTH_REASON_STACK)
        return true;
    if (x->status != y->status || x->reason != y->reason)
        return false;
    for (uint32_t i = 0; x->status == BERTH_OK && i < e->results; i++)
        if (!same_value(e->types[e->params + i], x->cells[i], y->cells[i]))
            return false;
    return true;
}

/* Calls one export in both; false when what follows cannot be compared any more. */
static bool call_both(pair *p, berthi_wasm_store *const *stores,
                      const berthi_wasm_instance *instances, export_call *e,
                      const uint8_t *bytes, size_t size)
{
    berthi_extern f, g;
    uint32_t params, results;
    uint8_t types[CELLS];
    outcome x, y;
    bool found = p->a.ops->instance_export(stores[0], instances[0], e->name, e->name_size, &f);

    if (found !=
            p->b.ops->instance_export(stores[1], instances[1], e->name, e->name_size, &g) ||
        (found && f.kind != g.kind)) {
        report(p, bytes, size, "an export is there for one of them only");
        return false;
    }
    if (!found || f.kind != BERTHI_EXTERN_FUNC)
        return true;
    if (!p->a.ops->func_type(stores[0], &f, e->types, CELLS, &e->params, &e->results))
        return true;
    if (!p->b.ops->func_type(stores[1], &g, types, CELLS, &params, &results) ||
        params != e->params || results != e->results ||
        memcmp(types, e->types, params + results) != 0) {
        report(p, bytes, size, "a function has two types");
        return false;
    }
    x = call(&p->a, stores[0], &f, e, p);
    y = call(&p->b, stores[1], &g, e, p);
    p->ran++;
    if (!same_outcome(&x, &y, e)) {
        report(p, bytes, size, "an export does not do the same");
        return false;
    }
    return x.status == BERTH_OK && y.status == BERTH_OK;
}

/* Calls what is exported, in order, until one of the calls ends its guest. */
static void call_exports(pair *p, berthi_wasm_store *const *stores,
                         const berthi_wasm_instance *instances, const uint8_t *bytes,
                         size_t size)
{
    berthi_wasm_info info;
    berthi_arena arena;

    berthi_arena_init(&arena, &p->allocator, SIZE_MAX);
    if (berthi_wasm_read(bytes, size, &arena, &info, &p->b.diag) != BERTH_OK)
        report(p, bytes, size, "compiled by both but not readable");
    else
        for (uint32_t i = 0; i < info.exports_count && i < EXPORTS_MAX; i++) {
            export_call e = { .name = info.exports[i].name.text,
                              .name_size = info.exports[i].name.size };

            if (!call_both(p, stores, instances, &e, bytes, size))
                break;
        }
    berthi_arena_fini(&arena);
}

static void run_both(pair *p, berthi_wasm_module *const *modules, const uint8_t *bytes,
                     size_t size)
{
    static const berthi_wasm_limits limits = { 1 << 20, 300, 4, 4, 4 };
    side *const sides[2] = { &p->a, &p->b };
    berthi_wasm_store *stores[2];
    berthi_wasm_instance instances[2];
    berth_status status[2];

    for (int i = 0; i < 2; i++) {
        side *s = sides[i];

        s->diag = (berth_diag){ 0 };
        if (s->ops->store_create(s->engine, &limits, NULL, &stores[i], &s->diag) != BERTH_OK)
            fail_msg("%s", s->diag.text);
        s->ops->store_deadline(stores[i], TICKS);
        status[i] =
            s->ops->instantiate(stores[i], modules[i], NULL, 0, &instances[i], &s->diag);
    }
    if (status[0] != status[1] && status[0] != BERTH_E_DEADLINE &&
        status[1] != BERTH_E_DEADLINE)
        report(p, bytes, size, "instantiated by one of them only");
    if (status[0] == BERTH_OK && status[1] == BERTH_OK)
        call_exports(p, stores, instances, bytes, size);
    for (int i = 0; i < 2; i++)
        sides[i]->ops->store_destroy(stores[i]);
}

/* ---------------------------------------------------------------- the whole */

static void try_module(pair *p, const uint8_t *bytes, size_t size)
{
    berthi_wasm_module *modules[2] = { NULL, NULL };
    berth_status x, y;

    p->tried++;
    p->a.diag = p->b.diag = (berth_diag){ 0 };
    x = p->a.ops->module_compile(p->a.engine, bytes, size, &modules[0], &p->a.diag);
    y = p->b.ops->module_compile(p->b.engine, bytes, size, &modules[1], &p->b.diag);
    if (disagree(x, y)) {
        if (x == BERTH_OK && is_beyond_interp(p))
            p->beyond++;
        else
            report(p, bytes, size, "valid for one of them only");
    }
    p->accepted += x == BERTH_OK;
    if (x == BERTH_OK && y == BERTH_OK)
        run_both(p, modules, bytes, size);
    if (x == BERTH_OK)
        p->a.ops->module_unref(modules[0]);
    if (y == BERTH_OK)
        p->b.ops->module_unref(modules[1]);
}

static void try_guest(pair *p, const char *folder, const char *file, uint64_t rounds)
{
    static uint8_t bytes[GUEST_BYTES_MAX + 1], copy[GUEST_BYTES_MAX + 8];
    char path[1024];
    size_t size, changed;
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", folder, file);
    f = fopen(path, "rb");
    assert_non_null(f);
    size = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    if (size < 16 || size > GUEST_BYTES_MAX)
        return;
    p->guest = file;
    try_module(p, bytes, size);
    for (uint64_t i = 0; i < rounds && p->differences < DIFFERENCES_MAX; i++) {
        memcpy(copy, bytes, size);
        changed = mutate(p, copy, size);
        if (next(p) % 4 == 0 && changed > 16)
            changed = mutate(p, copy, changed);
        try_module(p, copy, changed);
    }
}

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text == NULL ? otherwise : strtoull(text, NULL, 0);
}

static void *tick_both(void *arg)
{
    pair *p = arg;

    while (!atomic_load(&p->stop)) {
        p->a.ops->engine_tick(p->a.engine, 1);
        p->b.ops->engine_tick(p->b.engine, 1);
        berthi_event_announce(&p->pause);
        berthi_event_wait(&p->pause, 500000);
    }
    return NULL;
}

static void mutated_modules_are_the_same_to_both(void **state)
{
    pair *p = *state;
    uint64_t rounds = from_environment("BERTH_TEST_ROUNDS", ROUNDS);
    const char *path = getenv("BERTH_TEST_MODULES");
    DIR *folder;
    struct dirent *entry;
    pthread_t ticker;

    if (path == NULL)
        path = BERTH_TEST_GUESTS_DIR;
    folder = opendir(path);
    assert_non_null(folder);
    assert_int_equal(pthread_create(&ticker, NULL, tick_both, p), 0);
    while ((entry = readdir(folder)) != NULL) {
        const char *dot = strrchr(entry->d_name, '.');

        if (dot != NULL && strcmp(dot, ".wasm") == 0)
            try_guest(p, path, entry->d_name, rounds);
    }
    closedir(folder);
    atomic_store(&p->stop, true);
    berthi_event_set(&p->pause);
    pthread_join(ticker, NULL);
    printf("seed %" PRIu64 ": %u modules, %u valid, %u beyond the interpreter, %u calls "
           "compared, %u differences\n",
           p->seed, p->tried, p->accepted, p->beyond, p->ran, p->differences);
    assert_int_equal(p->differences, 0);
    assert_true(p->accepted > p->tried / 20); /* else the mutations are too wild to mean much */
    assert_true(p->ran > p->accepted);
}

static int set_up(void **state)
{
    pair *p = calloc(1, sizeof *p);
    berthi_wasm_options options = { .memory_bytes_max = 4 << 20,
                                    .table_elements_max = 1000,
                                    .stack_bytes_max = 256 * 1024,
                                    .instances_max = 16 };

    memory_init(&p->memory);
    p->allocator = memory_allocator(&p->memory);
    options.allocator = &p->allocator;
    p->seed = p->random = from_environment("BERTH_TEST_SEED", SEED);
    p->a.ops = berthi_wasm_provider("wasmtime");
    p->b.ops = berthi_wasm_provider("interp");
    *state = p;
    return p->a.ops->engine_create(&options, &p->a.engine, &p->a.diag) != BERTH_OK ||
           p->b.ops->engine_create(&options, &p->b.engine, &p->b.diag) != BERTH_OK;
}

static int tear_down(void **state)
{
    pair *p = *state;

    p->a.ops->engine_destroy(p->a.engine);
    p->b.ops->engine_destroy(p->b.engine);
    memory_assert_empty(&p->memory);
    free(p);
    return 0;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(mutated_modules_are_the_same_to_both, set_up,
                                        tear_down),
    };

    if (berthi_wasm_provider("wasmtime") == NULL) {
        puts("skipped: this build has one provider only");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
