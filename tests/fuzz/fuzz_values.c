/* fuzz_values.c - what a guest wrote, read as a value of any type.
 *
 * The bytes say a type, cells and a memory.  Lifting out of it must answer OK, a trap or "limit" and read
 * nothing outside; a transfer to another guest, whose memory may have the other width, must answer the
 * same.  What has been lifted is a value:
 * it can be lowered, and comes back as it was, as does what the transfer brought. */
#include <stdio.h>
#include <stdlib.h>

#include "cm_types.h"
#include "cm_values.h"
#include "component/plan/plan.h"
#include "fake_guest.h"
#include "fuzz.h"

enum { CELLS = 17, LEVELS = 6, PARTS_MAX = 5, BUDGET = 1 << 18 };

static void must(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "fuzz_values: %s\n", what);
    abort();
}

typedef struct input {
    const uint8_t *at, *end;
} input;

static uint8_t next(input *in)
{
    return in->at == in->end ? 0 : *in->at++;
}

/* ---------------------------------------------------------------- types */

static uint32_t count_of(uint8_t kind, uint8_t byte)
{
    switch (kind) {
    case BERTHI_CM_LIST:
    case BERTHI_CM_OPTION:
    case BERTHI_CM_FIXED_LIST:
        return 1;
    case BERTHI_CM_RESULT:
    case BERTHI_CM_MAP:
        return 2;
    case BERTHI_CM_FLAGS:
        return 1 + byte % 32;
    case BERTHI_CM_ENUM:
        return 1 + byte % 4u * 90;
    default:
        return 1 + byte % PARTS_MAX;
    }
}

/* NULL when it is too large, or would be a record of nothing. */
static const berthi_cm_type *read_type(bertht_cm_types *t, input *in, int levels)
{
    static const uint8_t kinds[] = { BERTHI_CM_RECORD, BERTHI_CM_VARIANT, BERTHI_CM_LIST,
                                     BERTHI_CM_TUPLE,  BERTHI_CM_FLAGS,   BERTHI_CM_ENUM,
                                     BERTHI_CM_OPTION, BERTHI_CM_RESULT,  BERTHI_CM_FIXED_LIST,
                                     BERTHI_CM_MAP };
    berthi_cm_extern items[300] = { { .type = NULL } };
    berthi_cm_type draft = { .items = items };
    uint8_t byte = next(in);

    if (levels == 0 || byte < 0x80)
        return berthi_cm_primitive(&t->types, (uint8_t)(BERTHI_CM_STRING + byte % 13));
    draft.kind = kinds[byte % sizeof kinds];
    byte = next(in);
    draft.count = count_of((uint8_t)draft.kind, byte);
    draft.length = draft.kind == BERTHI_CM_FIXED_LIST ? 1 + byte % 20 : 0;
    for (uint32_t i = 0; i < draft.count; i++) {
        bool may_be_empty = draft.kind == BERTHI_CM_VARIANT || draft.kind == BERTHI_CM_RESULT;

        if (draft.kind == BERTHI_CM_FLAGS || draft.kind == BERTHI_CM_ENUM ||
            (may_be_empty && (byte >> i & 8) != 0))
            continue;
        items[i].type = read_type(t, in, levels - 1);
        if (items[i].type == NULL)
            return NULL;
    }
    return berthi_cm_intern(&t->types, &draft);
}

static const berthi_cm_type *read_func(bertht_cm_types *t, input *in)
{
    berthi_cm_extern items[PARTS_MAX + 1] = { { .type = NULL } };
    berthi_cm_type tuple = { .kind = BERTHI_CM_TUPLE, .items = items };
    berthi_cm_type func = { .kind = BERTHI_CM_FUNC_TYPE, .items = items };

    tuple.count = 1 + next(in) % PARTS_MAX;
    for (uint32_t i = 0; i < tuple.count; i++) {
        items[i].type = read_type(t, in, LEVELS);
        if (items[i].type == NULL)
            return NULL;
    }
    items[tuple.count].type = berthi_cm_intern(&t->types, &tuple);
    func.count = tuple.count + 1;
    return items[tuple.count].type == NULL ? NULL : berthi_cm_intern(&t->types, &func);
}

/* ---------------------------------------------------------------- one input */

typedef struct trial {
    bertht_cm_types t;
    const berthi_cm_type *func, *value_type;
    const berthi_cm_plan *plan, *to_plan, *transfer;
    berthi_cm_host_side host;
    fake_guest from, to;
    berthi_val cells[CELLS], to_cells[CELLS];
    uint8_t encoding;
    bool is_64, to_64, is_result;
    berth_diag diag;
} trial;

static void fresh_target(trial *t)
{
    fake_guest_fini(&t->to);
    fake_guest_init(&t->to, (enum berthi_cm_encoding)t->encoding, 0);
    t->to.guest.is_64 = t->to_64;
    t->to_cells[0].words[0] = 0;
    if (t->is_result && berthi_cm_plan_facts_of(t->plan)->result_spills) {
        uint64_t *place = &t->to_cells[t->func->count - 1].words[0];

        *place = 0;
        must(t->to.guest.realloc(&t->to.guest, 0, 0, 8, t->value_type->size_wide, place,
                                 NULL) == BERTH_OK,
             "room");
    }
}

static berth_status lift(trial *t, fake_guest *from, const berthi_val *cells, void *value)
{
    const berthi_cm_plan *plan = from == &t->to ? t->to_plan : t->plan;

    return t->is_result
               ? berthi_cm_lift_result(plan, &from->guest, cells, &t->host, value, &t->diag)
               : berthi_cm_lift_params(plan, &from->guest, cells, &t->host, value, &t->diag);
}

/* A result goes from the callee, which is `from`, to the caller. */
static bool make_plans(trial *t)
{
    berthi_arena *arena = &t->t.arena;
    bool caller_is_64 = t->is_result ? t->to_64 : t->is_64;
    bool callee_is_64 = t->is_result ? t->is_64 : t->to_64;

    return berthi_cm_plan_make(t->func, t->is_64, arena, &t->plan, &t->diag) == BERTH_OK &&
           berthi_cm_plan_make(t->func, t->to_64, arena, &t->to_plan, &t->diag) == BERTH_OK &&
           berthi_cm_plan_make_transfer(t->func, caller_is_64, callee_is_64, arena,
                                        &t->transfer, &t->diag) == BERTH_OK;
}

/* What lies in the target is the value. */
static void must_hold(trial *t, const void *value, const char *what)
{
    const berthi_cm_plan_facts *facts = berthi_cm_plan_facts_of(t->plan);
    void *again = berth_arena_alloc(t->host.arena, t->value_type->host_size);
    berthi_val *cells = t->to_cells;
    berthi_val out = { .words = { 0 } };

    must(again != NULL, "memory");
    if (t->is_result && facts->result_spills) {
        out.words[0] = t->to_cells[facts->params_cells].words[0];
        cells = &out;
    }
    must(lift(t, &t->to, cells, again) == BERTH_OK, what);
    must(bertht_cm_same_value(t->value_type, value, again), what);
}

static void run(trial *t)
{
    berthi_val *result = t->to_cells;
    void *value = berth_arena_alloc(t->host.arena, t->value_type->host_size);
    berth_status lifted, status;

    must(value != NULL, "memory");
    t->diag.text[0] = '\0';
    lifted = lift(t, &t->from, t->cells, value);
    must(lifted == BERTH_OK || lifted == BERTH_E_TRAP || lifted == BERTH_E_LIMIT, "status");
    must(lifted == BERTH_OK || (t->diag.status == (int32_t)lifted && t->diag.text[0] != '\0'),
         "diag");
    must(t->from.count == 0, "a lift allocates nothing in the guest");
    t->from.budget = BUDGET;
    if (lifted == BERTH_E_LIMIT)
        return;
    fresh_target(t);
    status = t->is_result
                 ? berthi_cm_transfer_result(t->transfer, &t->from.guest, t->cells,
                                             &t->to.guest, t->to_cells, result, &t->diag)
                 : berthi_cm_transfer_params(t->transfer, &t->from.guest, t->cells,
                                             &t->to.guest, t->to_cells, &t->diag);
    must(status == lifted || status == BERTH_E_LIMIT, "a transfer is a lift");
    if (status == BERTH_OK)
        must_hold(t, value, "transferred");
    if (lifted != BERTH_OK)
        return;
    fresh_target(t);
    status = t->is_result ? berthi_cm_lower_result(t->to_plan, &t->host, value, &t->to.guest,
                                                   t->to_cells, result, &t->diag)
                          : berthi_cm_lower_params(t->to_plan, &t->host, value, &t->to.guest,
                                                   t->to_cells, &t->diag);
    must(status == BERTH_OK, "what was lifted can be lowered");
    must_hold(t, value, "lowered");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input in = { data, data + size };
    trial t = { .plan = NULL };
    uint8_t options = next(&in);

    bertht_cm_types_init(&t.t, &berthi_allocator_libc);
    must(berth_arena_create(NULL, 0, &t.host.arena, NULL) == BERTH_OK, "memory");
    t.is_64 = (options & 1) != 0;
    t.to_64 = t.is_64 != (options >> 7 != 0);
    t.is_result = (options & 2) != 0;
    t.host.views = (options & 4) != 0;
    t.encoding = (options >> 3 & 3) % 3;
    t.func = read_func(&t.t, &in);
    if (t.func != NULL && make_plans(&t)) {
        const berthi_cm_plan_facts *facts = berthi_cm_plan_facts_of(t.plan);
        uint32_t cells = t.is_result ? facts->result_cells : facts->params_cells;

        t.value_type = berthi_cm_func_result(t.func);
        for (uint32_t i = 0; i < cells; i++) /* small numbers are the more useful ones */
            for (unsigned shift = 0, n = next(&in) % 9; n != 0; n--, shift += 8)
                t.cells[i].words[0] |= (uint64_t)next(&in) << shift;
        fake_guest_init(&t.from, (enum berthi_cm_encoding)((options >> 5 & 3) % 3),
                        (size_t)(in.end - in.at));
        t.from.guest.is_64 = t.is_64;
        t.from.budget = BUDGET;
        fake_guest_put(&t.from, 0, in.at, (size_t)(in.end - in.at));
        fake_guest_init(&t.to, BERTHI_CM_UTF8, 0);
        if (t.value_type->host_size < BUDGET)
            run(&t);
        fake_guest_fini(&t.from);
        fake_guest_fini(&t.to);
    }
    berth_arena_destroy(t.host.arena);
    bertht_cm_types_fini(&t.t);
    return 0;
}
