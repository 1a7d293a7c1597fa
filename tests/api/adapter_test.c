/* adapter_test.c - a slot of one contract is served by plugins of another, through functions of the
 * host. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <berth/adapter.h>
#include <berth/invoke.h>

#include "guests.h"
#include "slot_rig.h"

#define SIMPLE     "example:simple/words@1.0.0"
#define COUNT_TYPE "func(word: string) -> u64"
#define TOTAL_TYPE "func() -> u64"
#define ADD        "example:tally/counting@1.0.0#add"
#define ADD_TYPE   "func(text: string) -> u64"
#define TOP        "example:tally/counting@1.0.0#top"
#define TOP_TYPE   "func(most: u32) -> list<record { word: string, times: u64 }>"
#define NEXT       "demo:values/shapes@1.0.0#next"
#define NEXT_TYPE  "func(of: enum { red, green, blue }) -> enum { red, green, blue }"

typedef struct text {
    const char *text;
    size_t size;
} text;

typedef struct line {
    text word;
    uint64_t times;
} line;

typedef struct lines {
    const line *data;
    size_t count;
} lines;

typedef struct adapting {
    uint32_t add, top, next, count; /* numbers */
    bool fails, calls_itself, is_slow;
} adapting;

/* ---- artifacts ---- */

static berth_contract *parse(const char *wit)
{
    berth_contract *contract;
    berth_diag diag = { 0 };

    if (berth_contract_parse(NULL, wit, strlen(wit), NULL, &contract, &diag) != BERTH_OK)
        fail_msg("%s", diag.text);
    return contract;
}

static berth_contract *simple(void)
{
    return parse("package example:simple@1.0.0; interface words { "
                 "count: func(word: string) -> u64; total: func() -> u64; }");
}

static berth_contract *counting(void)
{
    return parse("package example:tally@1.0.0; interface counting { "
                 "record line { word: string, times: u64 } "
                 "add: func(text: string) -> u64; top: func(most: u32) -> list<line>; }");
}

static berth_slot *open_slot(slot_rig *r, berth_contract *contract)
{
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;
    berth_slot *slot;

    opt.contract = contract;
    opt.instances_max = 1; /* so that there is one table of words */
    opt.deadline_ns = 20000 * MS;
    opt.probe_deadline_ns = 20000 * MS;
    slot = slot_rig_open(r, "slot", &opt);
    berth_contract_destroy(contract);
    return slot;
}

static uint32_t number_of(slot_rig *r, berth_slot *slot, const char *name, const char *type)
{
    berth_func func = BERTH_FUNC_INIT;

    if (berth_slot_func(slot, name, type, &func, &r->diag) != BERTH_OK)
        fail_msg("%s", r->diag.text);
    return func.number;
}

/* ---- the adapter ---- */

static berth_status count(void *ctx, const void *args, void *result, berth_adapter_call *call)
{
    const adapting *a = ctx;

    if (a->fails)
        return berth_adapter_fail(call, BERTH_E_PLUGIN, "no words today");
    if (a->is_slow)
        slot_rig_sleep_ms(30);
    return berth_adapter_invoke(call, a->calls_itself ? a->count : a->add, args, result);
}

static berth_status total(void *ctx, const void *args, void *result, berth_adapter_call *call)
{
    const adapting *a = ctx;
    const uint32_t most = 1000;
    uint64_t *sum = berth_adapter_room(call, sizeof *sum);
    lines top;
    berth_status status = berth_adapter_invoke(call, a->top, &most, &top);

    assert_null(args);
    if (status != BERTH_OK || sum == NULL)
        return status == BERTH_OK ? BERTH_E_NOMEM : status;
    *sum = 0;
    for (size_t i = 0; i < top.count; i++)
        *sum += top.data[i].times;
    memcpy(result, sum, sizeof *sum);
    return BERTH_OK;
}

static const berth_adapted_function functions[] = {
    { SIMPLE "#count", COUNT_TYPE, count },
    { SIMPLE "#total", TOTAL_TYPE, total },
};

static berth_status adapt_to_counting(slot_rig *r, berth_slot *slot, adapting *a)
{
    berth_adapter_options options = BERTH_ADAPTER_OPTIONS_INIT;
    berth_contract *contract = counting();
    berth_status status;

    a->add = number_of(r, slot, ADD, ADD_TYPE);
    a->top = number_of(r, slot, TOP, TOP_TYPE);
    a->count = number_of(r, slot, SIMPLE "#count", COUNT_TYPE);
    options.contract = contract;
    options.functions = functions;
    options.functions_count = 2;
    options.ctx = a;
    status = berth_slot_adapt(slot, &options, &r->diag);
    berth_contract_destroy(contract);
    return status;
}

static berth_status call_count(slot_rig *r, berth_slot *slot, const char *word, uint64_t *out)
{
    berth_call call = BERTH_CALL_INIT;
    text args = { word, strlen(word) };

    memset(&r->diag, 0, sizeof r->diag);
    call.hook = number_of(r, slot, SIMPLE "#count", COUNT_TYPE);
    call.arena = r->arena;
    return berth_slot_invoke(slot, &args, out, &call, &r->diag);
}

static uint64_t call_total(slot_rig *r, berth_slot *slot)
{
    berth_call call = BERTH_CALL_INIT;
    uint64_t sum = 0;

    call.hook = number_of(r, slot, SIMPLE "#total", TOTAL_TYPE);
    call.arena = r->arena;
    if (berth_slot_invoke(slot, NULL, &sum, &call, &r->diag) != BERTH_OK)
        fail_msg("%s", r->diag.text);
    return sum;
}

/* ---- tests ---- */

static void plugins_of_another_contract_serve_through_the_adapter(void **state)
{
    static const char *const builds[] = { "tally.wasm", "tally.so",
                                          "module.wasm.bindings/core.wasm" };
    slot_rig *r = *state;
    berth_slot *slot = open_slot(r, simple());
    adapting a = { 0 };
    berth_call call = BERTH_CALL_INIT;
    const char *shown;
    uint64_t out = 0;
    size_t size;
    uint8_t *bytes = one_source_read(builds[0], &size);

    slot_rig_check(r, slot_rig_try_install(r, slot, bytes, size), BERTH_E_REJECTED,
                   BERTH_REASON_NONE, "example:simple/words");
    assert_int_equal(adapt_to_counting(r, slot, &a), BERTH_OK);
    for (int i = 0; i < 3; i++) {
        slot_rig_install_one_source(r, slot, builds[i]);
        assert_int_equal(call_count(r, slot, "a", &out), BERTH_OK);
        assert_int_equal(out, 1);
        assert_int_equal(call_count(r, slot, "b", &out), BERTH_OK);
        assert_int_equal(out, 2);
        assert_int_equal(call_total(r, slot), 2);
        call.arena = r->arena;
        assert_int_equal(berth_slot_evaluate(slot, SIMPLE "#count(\"b\")", &call,
                                             BERTH_TEXT_WAVE, &shown, &r->diag),
                         BERTH_OK); /* the adapter's */
        assert_string_equal(shown, "3");
        slot_rig_check(r,
                       berth_slot_evaluate(slot, SIMPLE "#count(7)", &call, BERTH_TEXT_WAVE,
                                           &shown, &r->diag),
                       BERTH_E_INVALID, BERTH_REASON_NONE, "expected string");
        assert_int_equal(berth_slot_evaluate(slot, ADD "(\"c d\")", &call, BERTH_TEXT_JSON,
                                             &shown, &r->diag),
                         BERTH_OK); /* the plugin's own */
    }
    /* what fits neither is refused with the difference from the slot's own contract */
    bytes = guest_read("cli_values.component", &size);
    slot_rig_check(r, slot_rig_try_install(r, slot, bytes, size), BERTH_E_REJECTED,
                   BERTH_REASON_NONE, "example:simple/words");
    assert_int_equal(slot_rig_stats(slot).answered, 15);
}

static berth_status add_by_color(void *ctx, const void *args, void *result,
                                 berth_adapter_call *call)
{
    const adapting *a = ctx;
    uint8_t color = ((const text *)args)->size > 0, next;
    berth_status status = berth_adapter_invoke(call, a->next, &color, &next);

    if (status == BERTH_OK)
        *(uint64_t *)result = 100u + next;
    return status;
}

static berth_status top_of_nothing(void *ctx, const void *args, void *result,
                                   berth_adapter_call *call)
{
    (void)ctx, (void)args, (void)call;
    *(lines *)result = (lines){ NULL, 0 };
    return BERTH_OK;
}

static berth_status adapt_to_colors(slot_rig *r, berth_slot *slot, adapting *a)
{
    static const berth_adapted_function by_color[] = { { ADD, ADD_TYPE, add_by_color },
                                                       { TOP, TOP_TYPE, top_of_nothing } };
    berth_adapter_options options = BERTH_ADAPTER_OPTIONS_INIT;
    berth_contract *contract =
        parse("package demo:values@1.0.0; interface shapes { "
              "enum color { red, green, blue } next: func(of: color) -> color; }");
    berth_status status;

    a->next = number_of(r, slot, NEXT, NEXT_TYPE);
    options.contract = contract;
    options.functions = by_color;
    options.functions_count = 2;
    options.ctx = a;
    status = berth_slot_adapt(slot, &options, &r->diag);
    berth_contract_destroy(contract);
    return status;
}

typedef struct caller {
    pthread_t thread;
    berth_slot *slot;
    uint32_t number;
    _Atomic(unsigned) direct, adapted, failed;
    _Atomic(bool) stop;
} caller;

static void *call_often(void *arg)
{
    caller *c = arg;
    const text args = { "x", 1 };
    berth_call call = BERTH_CALL_INIT;

    assert_int_equal(berth_arena_create(NULL, 0, &call.arena, NULL), BERTH_OK);
    call.hook = c->number;
    while (!atomic_load(&c->stop)) {
        uint64_t out = 0;

        if (berth_slot_invoke(c->slot, &args, &out, &call, NULL) != BERTH_OK)
            atomic_fetch_add(&c->failed, 1);
        else
            atomic_fetch_add(out == 102 ? &c->adapted : &c->direct, 1);
        berth_arena_reset(call.arena);
    }
    berth_arena_destroy(call.arena);
    return NULL;
}

static void a_plugin_of_the_contract_follows_one_that_is_adapted_under_load(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = open_slot(r, counting());
    caller c = { .slot = slot };
    adapting a = { 0 };

    assert_int_equal(adapt_to_colors(r, slot, &a), BERTH_OK);
    slot_rig_install_one_source(r, slot, "tally.wasm");
    c.number = number_of(r, slot, ADD, ADD_TYPE);
    assert_int_equal(pthread_create(&c.thread, NULL, call_often, &c), 0);
    for (int i = 0; i < 12; i++) {
        unsigned direct = atomic_load(&c.direct), adapted = atomic_load(&c.adapted);

        if (i % 2 == 0)
            slot_rig_install_guest(r, slot, "cli_values.component");
        else
            slot_rig_install_one_source(r, slot, "tally.wasm");
        while (i % 2 == 0 ? atomic_load(&c.adapted) < adapted + 5
                          : atomic_load(&c.direct) < direct + 5)
            slot_rig_sleep_ms(1);
    }
    atomic_store(&c.stop, true);
    assert_int_equal(pthread_join(c.thread, NULL), 0);
    assert_int_equal(atomic_load(&c.failed), 0);
}

static void an_adapter_that_fails_fails_the_call_and_nothing_else(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = open_slot(r, simple());
    berth_call call = BERTH_CALL_INIT;
    const text args = { "a", 1 };
    adapting a = { .fails = true };
    uint64_t out = 0;

    assert_int_equal(adapt_to_counting(r, slot, &a), BERTH_OK);
    slot_rig_install_one_source(r, slot, "tally.wasm");
    slot_rig_check(r, call_count(r, slot, "a", &out), BERTH_E_PLUGIN, BERTH_REASON_NONE,
                   "no words today");
    a = (adapting){ a.add, a.top, 0, a.count, .calls_itself = true };
    slot_rig_check(r, call_count(r, slot, "a", &out), BERTH_E_INVALID, BERTH_REASON_NONE,
                   "calls those of its own");
    a = (adapting){ a.add, a.top, 0, a.count, .is_slow = true };
    call.hook = a.count;
    call.arena = r->arena;
    call.deadline_ns = 10 * MS;
    slot_rig_check(r, berth_slot_invoke(slot, &args, &out, &call, &r->diag), BERTH_E_DEADLINE,
                   BERTH_REASON_DEADLINE, "used up the call's time");
    a.is_slow = false;
    assert_int_equal(call_count(r, slot, "a", &out), BERTH_OK);
    assert_int_equal(out, 1);
}

static void adapters_that_do_not_fit_are_refused(void **state)
{
    slot_rig *r = *state;
    berth_slot *plain = slot_rig_open(r, "plain", NULL), *slot = open_slot(r, simple());
    berth_adapted_function other[2];
    berth_adapter_options options = BERTH_ADAPTER_OPTIONS_INIT;
    berth_contract *contract = counting();
    adapting a = { 0 };

    memcpy(other, functions, sizeof other);
    options.contract = contract;
    options.functions = other;
    options.functions_count = 2;
    slot_rig_check(r, berth_slot_adapt(plain, &options, &r->diag), BERTH_E_INVALID,
                   BERTH_REASON_NONE, "needs no contract");
    options.functions_count = 1;
    slot_rig_check(r, berth_slot_adapt(slot, &options, &r->diag), BERTH_E_INVALID,
                   BERTH_REASON_NONE, "no function for `" SIMPLE "#total`");
    options.functions_count = 2;
    options.contract = NULL;
    assert_int_equal(berth_slot_adapt(slot, &options, NULL), BERTH_E_INVALID);
    options.contract = contract;
    other[0].call = NULL;
    assert_int_equal(berth_slot_adapt(slot, &options, NULL), BERTH_E_INVALID);
    other[0].call = count;
    assert_int_equal(adapt_to_counting(r, slot, &a), BERTH_OK);
    other[0].type = TOTAL_TYPE;
    assert_int_equal(berth_slot_adapt(slot, &options, NULL), BERTH_E_STATE);
    for (int i = 1; i < 8; i++)
        assert_int_equal(adapt_to_counting(r, slot, &a), BERTH_OK);
    slot_rig_check(r, adapt_to_counting(r, slot, &a), BERTH_E_LIMIT, BERTH_REASON_NONE,
                   "8 adapters");
    berth_contract_destroy(contract);
}

static void without_memory_an_adapter_says_so(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = open_slot(r, simple());
    berth_adapter_options options = BERTH_ADAPTER_OPTIONS_INIT;
    berth_contract *contract = counting();
    berth_status status = BERTH_E_NOMEM;
    size_t nth = 0;

    options.contract = contract;
    options.functions = functions;
    options.functions_count = 2;
    for (; status != BERTH_OK; nth++) {
        memory_fail(&r->memory, nth, true);
        status = berth_slot_adapt(slot, &options, NULL);
        memory_fail(&r->memory, MEMORY_NEVER, false);
        assert_true(status == BERTH_OK || status == BERTH_E_NOMEM);
    }
    assert_true(nth >= 3);
    berth_contract_destroy(contract);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(plugins_of_another_contract_serve_through_the_adapter),
        slot_test(a_plugin_of_the_contract_follows_one_that_is_adapted_under_load),
        slot_test(an_adapter_that_fails_fails_the_call_and_nothing_else),
        slot_test(adapters_that_do_not_fit_are_refused),
        slot_test(without_memory_an_adapter_says_so),
    };

    return slot_rig_run("adapters", tests, sizeof tests / sizeof *tests);
}
