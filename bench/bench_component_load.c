/* bench_component_load.c - reading, validating and elaborating components, without compiling their
 * core modules.
 *
 *     bench_component_load [COMPONENT...]
 *
 * Without arguments: a plugin and a big component that are made here. */
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "component/elaborate/steps.h"
#include "component/wrap/wrap.h"

enum { FILE_BYTES_MAX = 64 << 20, ROUNDS = 15, LOADS = 8 };

static void must(berth_status status, const berth_diag *diag)
{
    if (status == BERTH_OK)
        return;
    fprintf(stderr, "bench_component_load: %s\n", diag->text);
    exit(1);
}

static void load(const berthi_cm_bytes *b)
{
    const uint8_t *bytes = (const uint8_t *)b->data;
    const berthi_cm_component *component;
    const berthi_cm_steps *steps;
    berthi_arena arena;
    berth_diag diag;

    berthi_arena_init(&arena, &berthi_allocator_libc, SIZE_MAX);
    must(berthi_component_read(bytes, b->size, &arena, &component, &diag), &diag);
    must(berthi_component_validate(component, &arena, &diag), &diag);
    must(berthi_component_elaborate(component, &arena, false, &steps, &diag), &diag);
    bench_keep(steps->steps_count);
    berthi_arena_fini(&arena);
}

static void measure(const char *name, berthi_cm_bytes *b)
{
    double best = 1e18;
    char label[160];

    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t start = bench_now_ns();
        double ns;

        for (unsigned i = 0; i < LOADS; i++)
            load(b);
        ns = (double)(bench_now_ns() - start) / LOADS;
        best = ns < best ? ns : best;
    }
    snprintf(label, sizeof label, "load %s of %zu bytes", name, b->size);
    if (b->size >= 1 << 20)
        bench_report(label, "mb_per_s", (double)b->size * 1e3 / best, 200);
    else
        bench_report(label, "us", best / 1e3, b->size <= 5 << 10 ? 100 : 0);
    berthi_text_buf_fini(b);
}

/* ---------------------------------------------------------------- what is loaded */

static berthi_cm_bytes empty(void)
{
    berthi_cm_bytes b;

    berthi_text_buf_init(&b, &berthi_allocator_libc);
    return b;
}

static void put(berthi_cm_bytes *b, const char *bytes, size_t size)
{
    berthi_text_buf_put(b, bytes, size);
}
#define PUT(b, text) put((b), text, sizeof(text) - 1)

static const char *hook(uint32_t i)
{
    static char name[32];

    snprintf(name, sizeof name, "hook-number-a%u", (unsigned)i);
    return name;
}

/* A memory, a realloc, and `funcs` functions (i32, i32) -> i32 with `size` bytes of nops in each; the
 * first `lifts` are exported. */
static berthi_cm_bytes make_module(uint32_t funcs, uint32_t size, uint32_t lifts)
{
    berthi_cm_bytes b = empty(), types = empty(), body = empty();

    PUT(&b, "\0asm\x01\0\0\0");
    PUT(&types, "\x02\x60\x04\x7f\x7f\x7f\x7f\x01\x7f\x60\x02\x7f\x7f\x01\x7f");
    berthi_cm_put_section(&b, 1, &types);
    berthi_cm_put_u32(&body, funcs + 1);
    for (uint32_t i = 0; i <= funcs; i++)
        berthi_cm_put_byte(&body, i == 0 ? 0 : 1);
    berthi_cm_put_section(&b, 3, &body);
    PUT(&body, "\x01\x00\x01");
    berthi_cm_put_section(&b, 5, &body);
    berthi_cm_put_u32(&body, lifts + 2);
    PUT(&body, "\x06memory\x02\x00\x07realloc\x00\x00");
    for (uint32_t i = 0; i < lifts; i++) {
        berthi_cm_put_name(&body, hook(i), strlen(hook(i)));
        berthi_cm_put_byte(&body, 0);
        berthi_cm_put_u32(&body, 1 + i);
    }
    berthi_cm_put_section(&b, 7, &body);
    berthi_cm_put_u32(&body, funcs + 1);
    for (uint32_t i = 0; i <= funcs; i++) {
        berthi_cm_put_u32(&body, size + 4); /* no locals, nops, i32.const 0, end */
        berthi_cm_put_byte(&body, 0);
        berthi_text_buf_fill(&body, 0x01, size);
        PUT(&body, "\x41\x00\x0b");
    }
    berthi_cm_put_section(&b, 10, &body);
    berthi_text_buf_fini(&types);
    berthi_text_buf_fini(&body);
    return b;
}

/* Such a module with its exported functions as func(list<u8>) -> result<list<u8>, string>. */
static berthi_cm_bytes make(uint32_t funcs, uint32_t size, uint32_t lifts)
{
    berthi_cm_bytes b = empty(), module = make_module(funcs, size, lifts);
    berthi_cm_bytes body = empty(), canons = empty(), exports = empty();

    PUT(&b, "\0asm\x0d\0\x01\0");
    berthi_cm_put_section(&b, 1, &module);
    PUT(&body, "\x01\x00\x00\x00");
    berthi_cm_put_section(&b, 2, &body);
    berthi_cm_put_u32(&body, lifts + 2);
    PUT(&body, "\x00\x02\x01\x00\x06memory\x00\x00\x01\x00\x07realloc");
    berthi_cm_put_u32(&canons, lifts);
    berthi_cm_put_u32(&exports, lifts);
    for (uint32_t i = 0; i < lifts; i++) {
        PUT(&body, "\x00\x00\x01\x00");
        berthi_cm_put_name(&body, hook(i), strlen(hook(i)));
        PUT(&canons, "\x00\x00");
        berthi_cm_put_u32(&canons, 1 + i);
        PUT(&canons, "\x02\x03\x00\x04\x00\x02");
        berthi_cm_put_byte(&exports, 0);
        berthi_cm_put_name(&exports, hook(i), strlen(hook(i)));
        berthi_cm_put_byte(&exports, 1);
        berthi_cm_put_u32(&exports, i);
        berthi_cm_put_byte(&exports, 0);
    }
    berthi_cm_put_section(&b, 6, &body);
    PUT(&body, "\x03\x70\x7d\x6a\x01\x00\x01\x73\x40\x01\x01x\x00\x00\x01");
    berthi_cm_put_section(&b, 7, &body);
    berthi_cm_put_section(&b, 8, &canons);
    berthi_cm_put_section(&b, 11, &exports);
    berthi_text_buf_fini(&module);
    berthi_text_buf_fini(&body);
    berthi_text_buf_fini(&canons);
    berthi_text_buf_fini(&exports);
    return b;
}

static berthi_cm_bytes read_file(const char *path)
{
    char *bytes = malloc(FILE_BYTES_MAX);
    FILE *file = fopen(path, "rbe");
    berthi_cm_bytes b = empty();

    if (file == NULL || bytes == NULL) {
        perror(path);
        exit(1);
    }
    put(&b, bytes, fread(bytes, 1, FILE_BYTES_MAX, file));
    fclose(file);
    free(bytes);
    return b;
}

int main(int argc, char **argv)
{
    berthi_cm_bytes b;

    for (int i = 1; i < argc; i++) {
        b = read_file(argv[i]);
        measure(argv[i], &b);
    }
    if (argc > 1)
        return 0;
    b = make(20, 210, 4);
    measure("a plugin", &b);
    b = make(20000, 600, 100);
    measure("a big component", &b);
    return 0;
}
