/* plan_test_random.c - random types and values: what goes in comes out again, whichever way. */
#include "plan_test.h"

enum { ROUNDS = 3000, PARAMS_MAX = 5 };

static const enum berthi_cm_encoding encodings[] = { BERTHI_CM_UTF8, BERTHI_CM_UTF16,
                                                     BERTHI_CM_LATIN1_UTF16 };

typedef struct widths {
    bool first_is_64, other_is_64;
    const berthi_cm_plan *plan; /* of the other */
    const berthi_cm_plan *back; /* of calls from the other to the first */
} widths;

/* A function of random parameters, whose tuple is its result as well. */
static const berthi_cm_type *make_func(plan_rig *r, uint64_t *seed)
{
    berthi_cm_extern items[PARAMS_MAX + 1] = { { .type = NULL } };
    berthi_cm_type tuple = { .kind = BERTHI_CM_TUPLE, .items = items };
    berthi_cm_type func = { .kind = BERTHI_CM_FUNC_TYPE, .items = items };

    tuple.count = 1 + (uint32_t)(bertht_random(seed) % PARAMS_MAX);
    for (uint32_t i = 0; i < tuple.count; i++) {
        items[i].type = bertht_cm_random_type(&r->t, seed, (int)(bertht_random(seed) % 4));
        if (items[i].type == NULL)
            return NULL;
    }
    items[tuple.count].type = berthi_cm_intern(&r->t.types, &tuple);
    func.count = tuple.count + 1;
    return items[tuple.count].type == NULL ? NULL : berthi_cm_intern(&r->t.types, &func);
}

static void must_be_ok(plan_rig *r, uint64_t seed, berth_status status, const char *what)
{
    if (status != BERTH_OK)
        fail_msg("%s, seed 0x%llx: %s", what, (unsigned long long)seed, r->diag.text);
}

static void must_be_same(plan_rig *r, uint64_t seed, const void *is, const void *was,
                         const char *what)
{
    const berthi_cm_type *tuple = berthi_cm_func_result(r->func);

    if (!bertht_cm_same_value(tuple, is, was))
        fail_msg("%s, seed 0x%llx: %s", what, (unsigned long long)seed,
                 plan_wave(r, tuple, is));
}

static void *room(plan_rig *r, size_t size)
{
    void *value = berth_arena_alloc(r->arena, size == 0 ? 1 : size);

    assert_non_null(value);
    memset(value, 0xee, size);
    return value;
}

/* Where a result of the function can lie in the guest; the out pointer is made. */
static void place(plan_rig *r, fake_guest *guest, berthi_val *arguments)
{
    uint64_t ptr;

    assert_int_equal(guest->guest.realloc(&guest->guest, 0, 0, 8,
                                          berthi_cm_func_result(r->func)->size_wide, &ptr,
                                          NULL),
                     BERTH_OK);
    arguments[r->facts->params_cells].words[0] = ptr;
}

/* A guest returns a pointer where it has given one. */
static berthi_val returned(const plan_rig *r, const berthi_val *arguments, berthi_val cell)
{
    return r->facts->result_spills ? arguments[r->facts->params_cells] : cell;
}

/* The first guest calls the other. */
static void send_params(plan_rig *r, uint64_t seed, const widths *w, const void *args)
{
    void *back = room(r, r->facts->args_size);

    must_be_ok(
        r, seed,
        berthi_cm_lower_params(r->plan, &r->host, args, &r->guest.guest, r->cells, &r->diag),
        "lowering parameters");
    must_be_ok(
        r, seed,
        berthi_cm_lift_params(r->plan, &r->guest.guest, r->cells, &r->host, back, &r->diag),
        "lifting parameters");
    must_be_same(r, seed, back, args, "parameters there and back");
    must_be_ok(r, seed,
               berthi_cm_transfer_params(r->transfer, &r->guest.guest, r->cells,
                                         &r->other.guest, r->other_cells, &r->diag),
               "parameters from guest to guest");
    memset(back, 0xee, r->facts->args_size);
    must_be_ok(r, seed,
               berthi_cm_lift_params(w->plan, &r->other.guest, r->other_cells, &r->host, back,
                                     &r->diag),
               "lifting parameters from the other");
    must_be_same(r, seed, back, args, "parameters through two guests");
}

/* The other guest called the first: `back` is a plan for calls that it makes. */
static void send_result(plan_rig *r, uint64_t seed, const widths *w, const void *result)
{
    void *back = room(r, r->facts->result_size);
    berthi_val cell = { .words = { JUNK } }, other = { .words = { JUNK } };

    place(r, &r->guest, r->cells);
    place(r, &r->other, r->other_cells);
    must_be_ok(r, seed,
               berthi_cm_lower_result(r->plan, &r->host, result, &r->guest.guest, r->cells,
                                      &cell, &r->diag),
               "lowering a result");
    cell = returned(r, r->cells, cell);
    must_be_ok(r, seed,
               berthi_cm_lift_result(r->plan, &r->guest.guest, &cell, &r->host, back, &r->diag),
               "lifting a result");
    must_be_same(r, seed, back, result, "a result there and back");
    must_be_ok(r, seed,
               berthi_cm_transfer_result(w->back, &r->guest.guest, &cell, &r->other.guest,
                                         r->other_cells, &other, &r->diag),
               "a result from guest to guest");
    other = returned(r, r->other_cells, other);
    must_be_ok(
        r, seed,
        berthi_cm_lift_result(w->plan, &r->other.guest, &other, &r->host, back, &r->diag),
        "lifting a result from the other");
    must_be_same(r, seed, back, result, "a result through two guests");
}

/* Plans for the two guests; they may have memories of different widths. */
static void make_plans(plan_rig *r, uint64_t seed, widths *w)
{
    must_be_ok(r, seed,
               berthi_cm_plan_make(r->func, w->first_is_64, &r->t.arena, &r->plan, &r->diag),
               "a plan");
    must_be_ok(r, seed,
               berthi_cm_plan_make(r->func, w->other_is_64, &r->t.arena, &w->plan, &r->diag),
               "a plan of the other");
    must_be_ok(r, seed,
               berthi_cm_plan_make_transfer(r->func, w->first_is_64, w->other_is_64,
                                            &r->t.arena, &r->transfer, &r->diag),
               "a plan to the other");
    must_be_ok(r, seed,
               berthi_cm_plan_make_transfer(r->func, w->other_is_64, w->first_is_64,
                                            &r->t.arena, &w->back, &r->diag),
               "a plan from the other");
}

static void round_trip(plan_rig *r, uint64_t seed)
{
    widths w = { .first_is_64 = seed >> 32 & 1, .other_is_64 = seed >> 33 & 1 };
    uint64_t dice = seed;
    void *value;

    r->func = make_func(r, &dice);
    if (r->func == NULL)
        return; /* too large */
    make_plans(r, seed, &w);
    r->facts = berthi_cm_plan_facts_of(r->plan);
    assert_int_equal(r->facts->args_size, berthi_cm_func_result(r->func)->host_size);
    plan_fresh(r, encodings[dice / 4 % 3]);
    r->other.guest.encoding = (uint8_t)encodings[dice / 12 % 3];
    r->guest.guest.is_64 = w.first_is_64;
    r->other.guest.is_64 = w.other_is_64;
    r->host.views = dice / 36 % 2 == 0;
    value = room(r, r->facts->args_size);
    bertht_cm_random_value(berthi_cm_func_result(r->func), &dice, r->arena, value);
    send_params(r, seed, &w, value);
    send_result(r, seed, &w, value);
}

void random_values_come_back_as_they_went(void **state)
{
    plan_rig *r = *state;

    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        round_trip(r, seed << 32);
        berth_arena_reset(r->arena);
        if (seed % 100 == 0) { /* types are kept until their arena ends */
            bertht_cm_types_fini(&r->t);
            bertht_cm_types_init(&r->t, &r->allocator);
        }
    }
}
