/* bench_values.c - what plans cost beside code written by hand for one type.
 *
 * Values go between C structs and the memory of a guest that is a buffer: its realloc is a function
 * behind a pointer, as the real one is, and does next to nothing, so that what is left is the work
 * that differs.  The code written by hand does what a plan has to: it checks text, tags, bounds and
 * alignment, asks for room in the same order, and looks the memory up again behind each call.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/unicode.h"
#include "base/utf8.h"
#include "bench.h"
#include "component/plan/plan.h"
#include "component/plan/transcode.h"

enum { MEMORY = 1 << 20, RECORDS = 100, FIELDS = 10, START = 16 };

typedef struct text {
    const char *data;
    size_t size;
} text;

typedef struct mixed { /* ten fields of different kinds */
    uint32_t id;
    text name;
    struct {
        uint8_t tag;
        uint64_t some;
    } parent;
    uint8_t is_active;
    double score;
    uint8_t state;    /* an enum of four */
    text payload;     /* list<u8> */
    uint32_t initial; /* a char */
    int16_t delta;
    uint8_t rights; /* flags of five */
} mixed;

typedef struct row { /* what lists hold */
    uint32_t id;
    text name;
    double value;
    uint8_t is_new;
} row;

typedef struct context {
    berthi_arena types_arena;
    berthi_cm_types types;
    berthi_cm_guest guest;
    uint64_t next, budget;
    berthi_cm_host_side host;
    const berthi_cm_plan *mixed_plan, *rows_plan, *numbers_plan;
    mixed mixed_in, mixed_out;
    row rows_in[RECORDS];
    berthi_cm_host_list rows_list, rows_back;
    berthi_val cells[BERTHI_CM_FLAT_PARAMS_MAX + 1];
} context;

/* ---------------------------------------------------------------- the guest */

static berth_status bump(berthi_cm_guest *guest, uint64_t old_ptr, uint64_t old_size,
                         uint32_t align, uint64_t size, uint64_t *ptr_out, berth_diag *diag)
{
    context *c = guest->owner;
    uint64_t ptr = (c->next + align - 1) & ~((uint64_t)align - 1);

    (void)old_ptr;
    (void)old_size;
    if (size > MEMORY - ptr)
        return berthi_fail(diag, BERTH_E_TRAP, "the buffer is full");
    c->next = ptr + size;
    *ptr_out = ptr;
    return BERTH_OK;
}

static void must(berth_status status)
{
    if (__builtin_expect(status != BERTH_OK, 0)) {
        fprintf(stderr, "bench_values: %s\n", berth_status_name(status));
        exit(1);
    }
}

/* ---------------------------------------------------------------- types */

static const berthi_cm_type *prim(context *c, uint8_t code)
{
    return berthi_cm_primitive(&c->types, code);
}

static const berthi_cm_type *of(context *c, uint16_t kind, const berthi_cm_type *const *parts,
                                uint32_t count)
{
    berthi_cm_extern items[FIELDS] = { { .type = NULL } };

    for (uint32_t i = 0; i < count; i++)
        items[i].type = parts == NULL ? NULL : parts[i];
    return berthi_cm_intern(&c->types,
                            &(berthi_cm_type){ .kind = kind, .count = count, .items = items });
}

static const berthi_cm_plan *plan_of(context *c, const berthi_cm_type *param)
{
    const berthi_cm_type *parts[] = { param, NULL };
    const berthi_cm_type *func = of(c, BERTHI_CM_FUNC_TYPE, parts, 2);
    const berthi_cm_plan *plan;
    berth_diag diag;

    must(berthi_cm_plan_make(func, false, &c->types_arena, &plan, &diag));
    return plan;
}

static void make_plans(context *c)
{
    const berthi_cm_type *u64 = prim(c, BERTHI_CM_U64), *u8 = prim(c, BERTHI_CM_U8);
    const berthi_cm_type *string = prim(c, BERTHI_CM_STRING), *u32 = prim(c, BERTHI_CM_U32);
    const berthi_cm_type *f64 = prim(c, BERTHI_CM_F64), *flag = prim(c, BERTHI_CM_BOOL);
    const berthi_cm_type *mixed_parts[] = { u32,
                                            string,
                                            of(c, BERTHI_CM_OPTION, &u64, 1),
                                            flag,
                                            f64,
                                            of(c, BERTHI_CM_ENUM, NULL, 4),
                                            of(c, BERTHI_CM_LIST, &u8, 1),
                                            prim(c, BERTHI_CM_CHAR),
                                            prim(c, BERTHI_CM_S16),
                                            of(c, BERTHI_CM_FLAGS, NULL, 5) };
    const berthi_cm_type *row_parts[] = { u32, string, f64, flag };
    const berthi_cm_type *rows = of(c, BERTHI_CM_RECORD, row_parts, 4);

    c->mixed_plan = plan_of(c, of(c, BERTHI_CM_RECORD, mixed_parts, 10));
    c->rows_plan = plan_of(c, of(c, BERTHI_CM_LIST, &rows, 1));
    c->numbers_plan = plan_of(c, of(c, BERTHI_CM_LIST, &u32, 1));
    if (berthi_cm_plan_facts_of(c->mixed_plan)->args_size != sizeof(mixed))
        exit(1);
}

/* ---------------------------------------------------------------- by hand */

static berth_status hand_check_text(const context *c, const text *t)
{
    uintptr_t at = (uintptr_t)t->data, base = (uintptr_t)c->guest.memory.base;

    if (t->size == 0)
        return BERTH_OK;
    if (t->size > BERTHI_CM_VALUE_BYTES_MAX || t->data == NULL ||
        (at >= base && at - base < c->guest.memory.size))
        return BERTH_E_INVALID;
    return berthi_utf8_is_valid(t->data, t->size) ? BERTH_OK : BERTH_E_INVALID;
}

static berth_status hand_put_bytes(context *c, const text *t, uint64_t *ptr_out)
{
    berth_status status = c->guest.realloc(&c->guest, 0, 0, 1, t->size, ptr_out, NULL);

    if (status == BERTH_OK && t->size != 0)
        memcpy(c->guest.memory.base + *ptr_out, t->data, t->size);
    return status;
}

static berth_status hand_lower_mixed(context *c)
{
    const mixed *m = &c->mixed_in;
    berthi_val *cells = c->cells;
    berth_status status;
    uint64_t ptr;

    if (m->parent.tag > 1 || m->state > 3 || m->initial > 0x10ffff ||
        (m->initial >= 0xd800 && m->initial <= 0xdfff) ||
        hand_check_text(c, &m->name) != BERTH_OK || m->payload.size > BERTHI_CM_VALUE_BYTES_MAX)
        return BERTH_E_INVALID;
    cells[0].words[0] = m->id;
    status = hand_put_bytes(c, &m->name, &ptr);
    if (status != BERTH_OK)
        return status;
    cells[1].words[0] = ptr;
    cells[2].words[0] = m->name.size;
    cells[3].words[0] = m->parent.tag;
    cells[4].words[0] = m->parent.tag == 1 ? m->parent.some : 0;
    cells[5].words[0] = m->is_active != 0;
    memcpy(&cells[6].words[0], &m->score, 8);
    cells[7].words[0] = m->state;
    status = hand_put_bytes(c, &m->payload, &ptr);
    if (status != BERTH_OK)
        return status;
    cells[8].words[0] = ptr;
    cells[9].words[0] = m->payload.size;
    cells[10].words[0] = m->initial;
    cells[11].words[0] = (uint64_t)(uint32_t)m->delta;
    cells[12].words[0] = m->rights & 31u;
    return BERTH_OK;
}

static berth_status hand_lower_rows(context *c)
{
    const row *rows = c->rows_list.data;
    size_t count = c->rows_list.count;
    berth_status status;
    uint64_t at, ptr;

    if (count > BERTHI_CM_VALUE_BYTES_MAX / 32)
        return BERTH_E_LIMIT;
    for (size_t i = 0; i < count; i++)
        if (hand_check_text(c, &rows[i].name) != BERTH_OK)
            return BERTH_E_INVALID;
    status = c->guest.realloc(&c->guest, 0, 0, 8, 32 * count, &at, NULL);
    if (status != BERTH_OK)
        return status;
    c->cells[0].words[0] = at;
    c->cells[1].words[0] = count;
    for (size_t i = 0; i < count; i++, at += 32) {
        uint32_t pair[2];
        uint8_t *to;

        memcpy(c->guest.memory.base + at, &rows[i].id, 4);
        status = hand_put_bytes(c, &rows[i].name, &ptr);
        if (status != BERTH_OK)
            return status;
        pair[0] = (uint32_t)ptr;
        pair[1] = (uint32_t)rows[i].name.size;
        to = c->guest.memory.base + at;
        memcpy(to + 4, pair, 8);
        memcpy(to + 16, &rows[i].value, 8);
        to[24] = rows[i].is_new != 0;
    }
    return BERTH_OK;
}

static berth_status hand_take_text(context *c, uint32_t ptr, uint32_t size, bool is_text,
                                   text *out)
{
    const uint8_t *from = c->guest.memory.base + ptr;
    uint8_t *to;

    if (size > BERTHI_CM_VALUE_BYTES_MAX || ptr > c->guest.memory.size ||
        size > c->guest.memory.size - ptr || size > c->budget)
        return BERTH_E_TRAP;
    c->budget -= size;
    if (is_text && !berthi_utf8_is_valid((const char *)from, size))
        return BERTH_E_TRAP;
    to = berthi_reply_arena_alloc(c->host.arena, size);
    if (to == NULL)
        return BERTH_E_NOMEM;
    memcpy(to, from, size);
    *out = (text){ (const char *)to, size };
    return BERTH_OK;
}

static berth_status hand_lift_mixed(context *c)
{
    const berthi_val *cells = c->cells;
    mixed *m = &c->mixed_out;
    berth_status status;
    uint32_t value;

    m->id = (uint32_t)cells[0].words[0];
    status = hand_take_text(c, (uint32_t)cells[1].words[0], (uint32_t)cells[2].words[0], true,
                            &m->name);
    if (status != BERTH_OK)
        return status;
    value = (uint32_t)cells[3].words[0];
    if (value > 1)
        return BERTH_E_TRAP;
    m->parent.tag = (uint8_t)value;
    if (value == 1)
        m->parent.some = cells[4].words[0];
    m->is_active = (uint32_t)cells[5].words[0] != 0;
    memcpy(&m->score, &cells[6].words[0], 8);
    value = (uint32_t)cells[7].words[0];
    if (value > 3)
        return BERTH_E_TRAP;
    m->state = (uint8_t)value;
    status = hand_take_text(c, (uint32_t)cells[8].words[0], (uint32_t)cells[9].words[0], false,
                            &m->payload);
    if (status != BERTH_OK)
        return status;
    value = (uint32_t)cells[10].words[0];
    if (value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
        return BERTH_E_TRAP;
    m->initial = value;
    m->delta = (int16_t)(uint32_t)cells[11].words[0];
    m->rights = (uint8_t)(cells[12].words[0] & 31);
    return BERTH_OK;
}

static berth_status hand_lift_rows(context *c)
{
    uint32_t at = (uint32_t)c->cells[0].words[0], count = (uint32_t)c->cells[1].words[0];
    uint64_t bytes = (uint64_t)count * 32;
    berth_status status;
    row *rows;

    if (bytes > BERTHI_CM_VALUE_BYTES_MAX || at % 8 != 0 || at > c->guest.memory.size ||
        bytes > c->guest.memory.size - at || count * sizeof *rows > c->budget)
        return BERTH_E_TRAP;
    c->budget -= count * sizeof *rows;
    rows = berthi_reply_arena_alloc(c->host.arena, count * sizeof *rows);
    if (rows == NULL)
        return BERTH_E_NOMEM;
    for (uint32_t i = 0; i < count; i++, at += 32) {
        const uint8_t *from = c->guest.memory.base + at;
        uint32_t pair[2];

        memcpy(&rows[i].id, from, 4);
        memcpy(pair, from + 4, 8);
        status = hand_take_text(c, pair[0], pair[1], true, &rows[i].name);
        if (status != BERTH_OK)
            return status;
        memcpy(&rows[i].value, from + 16, 8);
        rows[i].is_new = from[24] != 0;
    }
    c->rows_back = (berthi_cm_host_list){ rows, count };
    return BERTH_OK;
}

/* ---------------------------------------------------------------- loops */

#define LOWER_LOOP(name, call)                                                                 \
    static void name(void *ctx, uint64_t times)                                                \
    {                                                                                          \
        context *c = ctx;                                                                      \
                                                                                               \
        for (uint64_t i = 0; i < times; i++) {                                                 \
            c->next = START;                                                                   \
            must(call);                                                                        \
            bench_keep(c);                                                                     \
        }                                                                                      \
    }
#define LIFT_LOOP(name, call)                                                                  \
    static void name(void *ctx, uint64_t times)                                                \
    {                                                                                          \
        context *c = ctx;                                                                      \
                                                                                               \
        for (uint64_t i = 0; i < times; i++) {                                                 \
            berth_arena_reset(c->host.arena);                                                  \
            c->budget = UINT64_MAX;                                                            \
            must(call);                                                                        \
            bench_keep(c);                                                                     \
        }                                                                                      \
    }

LOWER_LOOP(lower_mixed, berthi_cm_lower_params(c->mixed_plan, &c->host, &c->mixed_in, &c->guest,
                                               c->cells, NULL))
LOWER_LOOP(lower_mixed_by_hand, hand_lower_mixed(c))
LOWER_LOOP(lower_rows, berthi_cm_lower_params(c->rows_plan, &c->host, &c->rows_list, &c->guest,
                                              c->cells, NULL))
LOWER_LOOP(lower_rows_by_hand, hand_lower_rows(c))
LIFT_LOOP(lift_mixed, berthi_cm_lift_params(c->mixed_plan, &c->guest, c->cells, &c->host,
                                            &c->mixed_out, NULL))
LIFT_LOOP(lift_mixed_by_hand, hand_lift_mixed(c))
LIFT_LOOP(lift_rows, berthi_cm_lift_params(c->rows_plan, &c->guest, c->cells, &c->host,
                                           &c->rows_back, NULL))
LIFT_LOOP(lift_rows_by_hand, hand_lift_rows(c))

/* ---------------------------------------------------------------- what is moved */

static void open_context(context *c)
{
    static uint8_t memory[MEMORY];
    static const char *const names[] = { "Ada", "a longer name that is copied", "na\xc3\xafve",
                                         "twenty bytes of name" };

    c->types = (berthi_cm_types){ .work = BERTHI_CM_WORK_MAX, .epoch = 1 };
    berthi_arena_init(&c->types_arena, &berthi_allocator_libc, SIZE_MAX);
    c->types.arena = &c->types_arena;
    must(berth_arena_create(NULL, 1 << 16, &c->host.arena, NULL));
    c->guest = (berthi_cm_guest){ .memory = { memory, MEMORY },
                                  .realloc = bump,
                                  .owner = c,
                                  .encoding = BERTHI_CM_UTF8,
                                  .budget = &c->budget };
    make_plans(c);
    c->mixed_in = (mixed){ .id = 7,
                           .name = { names[1], strlen(names[1]) },
                           .parent = { 1, 99 },
                           .is_active = 1,
                           .score = 0.5,
                           .state = 2,
                           .payload = { names[3], strlen(names[3]) },
                           .initial = 'x',
                           .delta = -3,
                           .rights = 9 };
    for (uint32_t i = 0; i < RECORDS; i++)
        c->rows_in[i] = (row){ i, { names[i % 4], strlen(names[i % 4]) }, 0.25 * i, i % 2 };
    c->rows_list = (berthi_cm_host_list){ c->rows_in, RECORDS };
}

/* Both ways give the same cells and bytes, or there is nothing to compare. */
static void must_agree(context *c, bench_loop by_plan, bench_loop by_hand)
{
    static uint8_t memory[MEMORY];
    berthi_val cells[BERTHI_CM_FLAT_PARAMS_MAX + 1];

    memset(c->guest.memory.base, 0, MEMORY);
    memset(c->cells, 0, sizeof c->cells);
    by_plan(c, 1);
    memcpy(memory, c->guest.memory.base, MEMORY);
    memcpy(cells, c->cells, sizeof cells);
    memset(c->guest.memory.base, 0, MEMORY);
    memset(c->cells, 0, sizeof c->cells);
    by_hand(c, 1);
    if (memcmp(memory, c->guest.memory.base, MEMORY) != 0 ||
        memcmp(cells, c->cells, sizeof cells) != 0) {
        fprintf(stderr, "bench_values: the plan and the hand differ\n");
        exit(1);
    }
}

int main(void)
{
    static context c;

    open_context(&c);
    must_agree(&c, lower_mixed, lower_mixed_by_hand);
    bench_measure(
        &(bench_case){ "values_lower_record", lower_mixed, lower_mixed_by_hand, &c, 1.5, 0 });
    bench_measure(
        &(bench_case){ "values_lift_record", lift_mixed, lift_mixed_by_hand, &c, 1.5, 0 });
    must_agree(&c, lower_rows, lower_rows_by_hand);
    bench_measure(&(bench_case){ "values_lower_100_records", lower_rows, lower_rows_by_hand, &c,
                                 1.5, 0 });
    bench_measure(
        &(bench_case){ "values_lift_100_records", lift_rows, lift_rows_by_hand, &c, 1.5, 0 });
    berth_arena_destroy(c.host.arena);
    berthi_arena_fini(&c.types_arena);
    return 0;
}
