/* provider_link_test.c - modules that are bound to their host once, instances that share their
 * parts, and guests that reach each other through the host.  Alike on every provider. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "engine_rig.h"
#include "wasm_builder.h"

/* What a store's owner keeps; the bound functions find it at store->data. */
typedef struct owner {
    int64_t base;
    int32_t noted, notes;
    berth_status answer; /* of note() */
    const char *words;   /* that it leaves in diag, or NULL */
} owner;

static berth_status add(void *ctx, berthi_wasm_store *store, berthi_val *cells,
                        berth_diag *diag)
{
    const owner *o = store->data;
    const int64_t *shared = ctx;

    (void)diag;
    cells[0] = (berthi_val){ .i64 = *shared + o->base + cells[0].i32 + cells[1].i64 };
    return BERTH_OK;
}

static berth_status note(void *ctx, berthi_wasm_store *store, berthi_val *cells,
                         berth_diag *diag)
{
    owner *o = store->data;

    o->noted = cells[0].i32 + (ctx == NULL ? 0 : *(const int32_t *)ctx);
    o->notes++;
    if (o->words != NULL)
        (void)berthi_fail(diag, BERTH_E_ABI, "%s", o->words);
    return o->answer;
}

static const uint8_t add_types[] = { BERTHI_I32, BERTHI_I64, BERTHI_I64 };
static const uint8_t note_types[] = { BERTHI_I32 };
static int64_t thousand = 1000;
static int32_t twenty = 20;

static const berthi_wasm_binding linked_bindings[3] = {
    { { 2, 1, add_types }, add, &thousand },
    { { 1, 0, note_types }, note, NULL },
    { { 1, 0, note_types }, note, &twenty },
};

static berthi_wasm_linked *link_guest(rig *r)
{
    berthi_wasm_module *module = rig_module(r, "linked");
    berthi_wasm_linked *linked = NULL;

    if (r->ops->module_link(module, linked_bindings, 3, &linked, &r->diag) != BERTH_OK)
        fail_msg("%s", r->diag.text);
    r->ops->module_unref(module); /* the linked one keeps what it needs */
    return linked;
}

static berthi_wasm_store *owned_store(rig *r, owner *o, uint64_t ticks)
{
    berthi_wasm_store *s;

    assert_int_equal(r->ops->store_create(r->engine, &r->limits, o, &s, &r->diag), BERTH_OK);
    r->ops->store_deadline(s, ticks);
    return s;
}

static void one_binding_serves_every_store(void **state)
{
    rig *r = *state;
    berthi_wasm_linked *linked = link_guest(r);
    owner owners[3] = { { .base = 0 }, { .base = 10000 }, { .base = 20000 } };
    berthi_wasm_store *stores[3];
    berthi_wasm_instance i[3];

    for (int n = 0; n < 3; n++) {
        stores[n] = owned_store(r, &owners[n], 50);
        assert_int_equal(r->ops->instantiate_linked(stores[n], linked, &i[n], &r->diag),
                         BERTH_OK);
        assert_int_equal(owners[n].noted, 99); /* by the start function */
    }
    for (int n = 0; n < 3; n++) {
        berthi_val v[2] = { { .i32 = -7 }, { .i64 = INT64_C(1) << 40 } };

        assert_int_equal(rig_call(r, stores[n], i[n], "add", v, 2), BERTH_OK);
        assert_true(v[0].i64 == 1000 + owners[n].base - 7 + (INT64_C(1) << 40));
        v[0].i32 = 3;
        assert_int_equal(rig_call(r, stores[n], i[n], "note", v, 1), BERTH_OK);
        assert_int_equal(owners[n].noted, 3);
        v[0].i32 = 3;
        assert_int_equal(rig_call(r, stores[n], i[n], "other", v, 1), BERTH_OK);
        assert_int_equal(owners[n].noted, 23);
        assert_int_equal(owners[n].notes, 3);
    }
    for (int n = 0; n < 3; n++)
        r->ops->store_destroy(stores[n]);
    r->ops->linked_destroy(linked);
    r->ops->linked_destroy(NULL);
}

static void several_linked_instances_may_share_a_store(void **state)
{
    rig *r = *state;
    berthi_wasm_linked *linked = link_guest(r);
    owner o = { .base = 1 };
    berthi_wasm_store *s = owned_store(r, &o, 50);
    berthi_wasm_instance i[2], more;
    berthi_extern memory[2];

    for (int n = 0; n < 2; n++)
        assert_int_equal(r->ops->instantiate_linked(s, linked, &i[n], &r->diag), BERTH_OK);
    assert_int_equal(o.notes, 2);
    memory[0] = rig_export(r, s, i[0], "memory");
    memory[1] = rig_export(r, s, i[1], "memory");
    assert_true(r->ops->memory_view(s, &memory[0]).base !=
                r->ops->memory_view(s, &memory[1]).base);
    for (int n = 2; n < 4; n++)
        assert_int_equal(r->ops->instantiate_linked(s, linked, &more, &r->diag), BERTH_OK);
    assert_int_equal(r->ops->instantiate_linked(s, linked, &more, &r->diag), BERTH_E_LIMIT);
    assert_int_equal(r->diag.reason, BERTH_REASON_INSTANCES);
    assert_int_equal(o.notes, 4);
    r->ops->store_destroy(s);
    r->ops->linked_destroy(linked);
}

static void a_bound_function_ends_the_start_function_with_its_words(void **state)
{
    rig *r = *state;
    berthi_wasm_linked *linked = link_guest(r);
    owner o = { .answer = BERTH_E_ABI, .words = "not today" };
    berthi_wasm_store *s = owned_store(r, &o, 50);
    berthi_wasm_instance i = { .words = { 4711, 4712 } };

    assert_int_equal(r->ops->instantiate_linked(s, linked, &i, &r->diag), BERTH_E_ABI);
    assert_int_equal(r->diag.status, BERTH_E_ABI);
    assert_non_null(strstr(r->diag.text, "not today"));
    assert_true(i.words[0] == 4711 && i.words[1] == 4712);
    r->ops->store_destroy(s);
    r->ops->linked_destroy(linked);
}

static void start_functions_of_linked_modules_have_a_deadline(void **state)
{
    rig *r = *state;
    berthi_wasm_module *module = rig_module(r, "start_loop");
    berthi_wasm_linked *linked = NULL;
    berthi_wasm_store *s;
    berthi_wasm_instance i;
    rig_ticker *ticker;

    assert_int_equal(r->ops->module_link(module, NULL, 0, &linked, &r->diag), BERTH_OK);
    r->ops->module_unref(module);
    s = rig_store(r, 3);
    ticker = rig_ticker_start(r);
    assert_int_equal(r->ops->instantiate_linked(s, linked, &i, &r->diag), BERTH_E_DEADLINE);
    (void)rig_ticker_stop(ticker);
    r->ops->store_destroy(s);
    r->ops->linked_destroy(linked);
}

/* A host function may try something, fail, and think better of it. */
static void words_of_one_host_function_are_not_the_next_one_s(void **state)
{
    rig *r = *state;
    berthi_wasm_linked *linked = link_guest(r);
    owner o = { .words = "tried and given up" };
    berthi_wasm_store *s = owned_store(r, &o, 50);
    berthi_wasm_instance i;
    berthi_val v = { .i32 = 1 };

    assert_int_equal(r->ops->instantiate_linked(s, linked, &i, &r->diag), BERTH_OK);
    assert_int_equal(rig_call(r, s, i, "note", &v, 1), BERTH_OK);
    o.words = NULL;
    o.answer = BERTH_E_ABI;
    assert_int_equal(rig_call(r, s, i, "note", &v, 1), BERTH_E_ABI);
    assert_null(strstr(r->diag.text, "given up"));
    assert_non_null(strstr(r->diag.text, "host function failed"));
    r->ops->store_destroy(s);
    r->ops->linked_destroy(linked);
}

static void refuse(rig *r, berthi_wasm_module *module, const berthi_wasm_binding *bindings,
                   size_t count, berth_status status, const char *words)
{
    berthi_wasm_linked *linked = (berthi_wasm_linked *)(void *)r;

    assert_int_equal(r->ops->module_link(module, bindings, count, &linked, &r->diag), status);
    assert_int_equal(r->diag.status, status);
    if (strstr(r->diag.text, words) == NULL)
        fail_msg("%s: '%s' is not in: %s", r->ops->name, words, r->diag.text);
    assert_ptr_equal(linked, r);
}

static void functions_that_do_not_fit_are_refused(void **state)
{
    static const uint8_t other_types[] = { BERTHI_I32, BERTHI_I64, BERTHI_I32 };
    static const uint8_t no_types[] = { 0, 0, 0 };
    rig *r = *state;
    berthi_wasm_module *module = rig_module(r, "linked");
    berthi_wasm_binding b[4];

    memcpy(b, linked_bindings, sizeof linked_bindings);
    b[3] = b[2];
    refuse(r, module, b, 2, BERTH_E_INVALID, "2 functions for 3 imports");
    refuse(r, module, b, 4, BERTH_E_INVALID, "4 functions for 3 imports");
    b[0].type.types = other_types;
    refuse(r, module, b, 3, BERTH_E_REJECTED,
           "import 'host' 'add' is a function of another type");
    b[0].type.types = no_types;
    refuse(r, module, b, 3, BERTH_E_REJECTED, "another type");
    b[0].type = (berthi_functype){ 1, 2, add_types };
    refuse(r, module, b, 3, BERTH_E_REJECTED, "another type");
    b[0] = linked_bindings[1];
    refuse(r, module, b, 3, BERTH_E_REJECTED, "another type");
    b[0] = linked_bindings[0];
    b[2].function = NULL;
    refuse(r, module, b, 3, BERTH_E_INVALID, "function");
    r->ops->module_unref(module);
}

static berthi_wasm_module *compile(rig *r, bertht_wasm *m)
{
    size_t size;
    uint8_t *bytes = wasm_finish(m, &size);
    berthi_wasm_module *module = NULL;

    wasm_free(m);
    if (r->ops->module_compile(r->engine, bytes, size, &module, &r->diag) != BERTH_OK)
        fail_msg("%s", r->diag.text);
    free(bytes);
    return module;
}

static void imports_that_are_no_functions_cannot_be_bound(void **state)
{
    rig *r = *state;

    for (int kind = 0; kind < 3; kind++) {
        bertht_wasm m = { 0 };
        berthi_wasm_module *module;

        wasm_import_func(&m, "host", "note", "i:");
        if (kind == 0)
            wasm_import_memory(&m, "host", "x", 1);
        else if (kind == 1)
            wasm_import_table(&m, "host", "x", 1);
        else
            wasm_import_global(&m, "host", "x", BERTHI_I32, false);
        module = compile(r, &m);
        refuse(r, module, &linked_bindings[1], 2, BERTH_E_REJECTED,
               "import 'host' 'x' is no function");
        r->ops->module_unref(module);
    }
}

static void imports_of_the_same_name_cannot_be_two_functions(void **state)
{
    static const char *const pairs[][2] = { { "i:", "i:" }, { "i:", "iI:I" } };
    rig *r = *state;

    for (int n = 0; n < 2; n++) {
        berthi_wasm_binding b[4] = { linked_bindings[1], linked_bindings[1], linked_bindings[1],
                                     linked_bindings[n == 0 ? 1 : 0] };
        bertht_wasm m = { 0 };
        berthi_wasm_module *module;

        if (n == 0)
            b[3].ctx = &b;
        wasm_import_func(&m, "host", "f", "i:");
        wasm_import_func(&m, "hos", "tf", "i:");
        wasm_import_func(&m, "host", "twice\n", pairs[n][0]);
        wasm_import_func(&m, "host", "twice\n", pairs[n][1]);
        module = compile(r, &m);
        refuse(r, module, b, 4, BERTH_E_REJECTED, "import 'host' 'twice\\x0a' is there twice");
        r->ops->module_unref(module);
    }
}

enum { MANY = 300 };

static berth_status tell_which(void *ctx, berthi_wasm_store *store, berthi_val *cells,
                               berth_diag *diag)
{
    (void)store;
    (void)diag;
    cells[0] = (berthi_val){ .i32 = *(const int32_t *)ctx };
    return BERTH_OK;
}

static void each_of_many_imports_is_bound_to_its_own_function(void **state)
{
    static const uint8_t types[] = { BERTHI_I32 };
    rig *r = *state;
    bertht_wasm m = { 0 };
    berthi_wasm_binding b[MANY];
    berthi_wasm_linked *linked;
    berthi_wasm_module *module;
    berthi_wasm_instance i;
    berthi_wasm_store *s = rig_store(r, 50);
    int32_t which[MANY];
    char name[16];

    for (int n = 0; n < MANY; n++) {
        which[n] = 5000 - n;
        b[n] = (berthi_wasm_binding){ { 0, 1, types }, tell_which, &which[n] };
        snprintf(name, sizeof name, "f%d", (n * 7) % MANY);
        wasm_import_func(&m, n % 2 == 0 ? "even" : "odd", name, ":i");
    }
    for (uint32_t n = 0; n < MANY; n++) {
        snprintf(name, sizeof name, "e%u", (unsigned)n);
        wasm_export(&m, name, BERTHI_EXTERN_FUNC, n);
    }
    module = compile(r, &m);
    assert_int_equal(r->ops->module_link(module, b, MANY, &linked, &r->diag), BERTH_OK);
    memset(b, 0xee, sizeof b); /* it is not needed any more */
    assert_int_equal(r->ops->instantiate_linked(s, linked, &i, &r->diag), BERTH_OK);
    for (int n = 0; n < MANY; n++) {
        berthi_val v = { .i32 = 0 };

        snprintf(name, sizeof name, "e%d", n);
        assert_int_equal(rig_call(r, s, i, name, &v, 1), BERTH_OK);
        assert_int_equal(v.i32, 5000 - n);
    }
    r->ops->store_destroy(s);
    r->ops->linked_destroy(linked);
    r->ops->module_unref(module);
}

static const char *const part_names[6] = { "mix",   "poke",     "memory",
                                           "table", "constant", "mutable" };

/* "imports" in one store with "parts", which gives it everything. */
static berthi_wasm_store *share_parts(rig *r, berthi_wasm_instance *parts_out,
                                      berthi_wasm_instance *user_out)
{
    berthi_wasm_store *s = rig_instance(r, "parts", 50, parts_out);
    berthi_wasm_module *user = rig_module(r, "imports");
    berthi_extern imports[6];

    for (int n = 0; n < 6; n++)
        imports[n] = rig_export(r, s, *parts_out, part_names[n]);
    if (r->ops->instantiate(s, user, imports, 6, user_out, &r->diag) != BERTH_OK)
        fail_msg("%s", r->diag.text);
    r->ops->module_unref(user);
    return s;
}

static void instances_share_what_one_gives_the_other(void **state)
{
    rig *r = *state;
    berthi_wasm_instance parts, user;
    berthi_wasm_store *s = share_parts(r, &parts, &user);
    berthi_extern memory = rig_export(r, s, parts, "memory"),
                  mutable = rig_export(r, s, parts, "mutable");
    berthi_val v[4] = { { .i32 = 300 } };

    assert_int_equal(rig_call(r, s, user, "poke", v, 1), BERTH_OK);
    assert_int_equal(r->ops->memory_view(s, &memory).base[300], 77);
    v[0].i32 = 300;
    assert_int_equal(rig_call(r, s, user, "load", v, 1), BERTH_OK);
    assert_int_equal(v[0].i32, 77);
    v[0].i32 = 1;
    assert_int_equal(rig_call(r, s, parts, "grow_memory", v, 1), BERTH_OK);
    assert_int_equal(v[0].i32, 1);
    assert_true(r->ops->memory_view(s, &memory).size == 2 * 65536);
    v[0].i32 = 65536 + 5;
    assert_int_equal(rig_call(r, s, user, "load", v, 1), BERTH_OK);
    assert_int_equal(v[0].i32, 0);

    assert_int_equal(rig_call(r, s, user, "bump", NULL, 0), BERTH_OK);
    assert_int_equal(rig_call(r, s, parts, "read_mutable", v, 1), BERTH_OK);
    assert_int_equal(v[0].i64, 101);
    assert_true(r->ops->global_set(s, &mutable, (berthi_val){ .i64 = 7 }));
    assert_int_equal(rig_call(r, s, user, "bump", NULL, 0), BERTH_OK);
    r->ops->global_get(s, &mutable, v);
    assert_int_equal(v[0].i64, 8);
    assert_int_equal(rig_call(r, s, user, "constant", v, 1), BERTH_OK);
    assert_int_equal(v[0].i32, 55);

    v[0].i32 = 4;
    assert_int_equal(rig_call(r, s, parts, "grow_table", v, 1), BERTH_OK);
    assert_int_equal(rig_call(r, s, user, "table_size", v, 1), BERTH_OK);
    assert_int_equal(v[0].i32, 7);
    r->ops->store_destroy(s);
}

static berth_status call_element(rig *r, berthi_wasm_store *s, berthi_wasm_instance parts,
                                 int32_t index, int32_t argument, int32_t *result_out)
{
    berthi_val v[2] = { { .i32 = index }, { .i32 = argument } };
    berth_status status = rig_call(r, s, parts, "indirect", v, 2);

    *result_out = v[0].i32;
    return status;
}

static void a_host_fills_tables_with_functions_of_others(void **state)
{
    rig *r = *state;
    berthi_wasm_instance parts, user;
    berthi_wasm_store *s = share_parts(r, &parts, &user);
    berthi_extern table = rig_export(r, s, parts, "table"),
                  back = rig_export(r, s, user, "back"), mix = rig_export(r, s, parts, "mix"),
                  references;
    int32_t result;

    assert_true(r->ops->table_set(s, &table, 2, &back));
    assert_int_equal(call_element(r, s, parts, 2, 5, &result), BERTH_OK);
    assert_int_equal(result, 105);
    assert_int_equal(call_element(r, s, parts, 1, 5, &result), BERTH_E_TRAP);
    assert_int_equal(r->diag.reason, BERTH_REASON_INDIRECT_NULL);
    assert_true(r->ops->table_set(s, &table, 1, &mix));
    assert_int_equal(call_element(r, s, parts, 1, 5, &result), BERTH_E_TRAP);
    assert_int_equal(r->diag.reason, BERTH_REASON_SIGNATURE);
    assert_true(r->ops->table_set(s, &table, 2, NULL));
    assert_int_equal(call_element(r, s, parts, 2, 5, &result), BERTH_E_TRAP);
    assert_int_equal(r->diag.reason, BERTH_REASON_INDIRECT_NULL);
    assert_false(r->ops->table_set(s, &table, 3, &back));
    assert_false(r->ops->table_set(s, &table, UINT32_MAX, NULL));
    assert_int_equal(r->ops->table_create(s, BERTHI_EXTERNREF, 2, 2, &references, &r->diag),
                     BERTH_OK);
    assert_false(r->ops->table_set(s, &references, 0, &back));
    assert_false(r->ops->table_set(s, &references, 0, NULL));
    r->ops->store_destroy(s);
}

static void every_memory_of_a_module_can_be_exported(void **state)
{
    /* (i32.store (memory 1) (i32.const 8) (i32.const 0x55)) */
    static const uint8_t code[] = { 0x41, 8, 0x41, 0xd5, 0, 0x36, 0x42, 1, 0 };
    rig *r = *state;
    bertht_wasm m = { 0 };
    berthi_wasm_store *s = rig_store(r, 50);
    berthi_wasm_module *module;
    berthi_wasm_instance i;
    berthi_extern first, second;

    wasm_memory(&m, 1, 1, 1);
    wasm_memory(&m, 1, 2, 2);
    wasm_export(&m, "first", BERTHI_EXTERN_MEMORY, 0);
    wasm_export(&m, "second", BERTHI_EXTERN_MEMORY, 1);
    wasm_export(&m, "store", BERTHI_EXTERN_FUNC, wasm_func(&m, ":", code, sizeof code));
    module = compile(r, &m);
    assert_int_equal(r->ops->instantiate(s, module, NULL, 0, &i, &r->diag), BERTH_OK);
    first = rig_export(r, s, i, "first");
    second = rig_export(r, s, i, "second");
    assert_true(r->ops->memory_view(s, &first).size == 65536);
    assert_true(r->ops->memory_view(s, &second).size == 2 * 65536);
    assert_int_equal(rig_call(r, s, i, "store", NULL, 0), BERTH_OK);
    assert_int_equal(r->ops->memory_view(s, &first).base[8], 0);
    assert_int_equal(r->ops->memory_view(s, &second).base[8], 0x55);
    r->ops->store_destroy(s);
    r->ops->module_unref(module);
}

/* What a provider says of itself, and callers save a look for. */
static void memories_that_are_said_to_stay_do(void **state)
{
    rig *r = *state;
    berthi_wasm_instance i;
    berthi_wasm_store *s = rig_instance(r, "probe", 50, &i);
    berthi_extern memory = rig_export(r, s, i, "memory");
    berthi_memory_view before = r->ops->memory_view(s, &memory), now = before;

    for (int n = 0; n < 10; n++) {
        berthi_val v = { .i32 = 3 };

        assert_int_equal(rig_call(r, s, i, "grow", &v, 1), BERTH_OK);
        assert_int_not_equal(v.i32, -1);
        now = r->ops->memory_view(s, &memory);
        if (r->ops->memories_stay)
            assert_ptr_equal(now.base, before.base);
    }
    assert_true(now.size == before.size + 30 * 65536);
    r->ops->store_destroy(s);
}

enum { HOPPERS = 4, LEVELS = 64 };

/* Guests in one store that go to each other through the host. */
typedef struct hops {
    rig *r;
    berthi_extern go[HOPPERS];
    berthi_extern last; /* what the innermost one calls; kind above all others: nothing */
    int32_t innermost, answers;
    bool uses_up_time;
} hops;

static berth_status hop(void *ctx, berthi_wasm_store *store, berthi_val *cells,
                        berth_diag *diag)
{
    hops *h = store->data;
    int32_t left = cells[0].i32;
    berth_status status = BERTH_OK;

    (void)ctx;
    h->innermost = left;
    if (left > 0) {
        cells[0] = (berthi_val){ .i32 = left - 1 };
        status = h->r->ops->call(store, &h->go[left % HOPPERS], cells, 1, diag);
    } else if (h->last.kind == BERTHI_EXTERN_FUNC) {
        if (h->uses_up_time)
            h->r->ops->engine_tick(h->r->engine, 1000);
        status = h->r->ops->call(store, &h->last, cells, 1, diag);
    } else {
        cells[0] = (berthi_val){ .i32 = 10000 };
    }
    if (status == BERTH_OK)
        h->answers++;
    return status;
}

static const uint8_t hop_types[] = { BERTHI_I32, BERTHI_I32 };
static const berthi_wasm_binding hop_binding = { { 1, 1, hop_types }, hop, NULL };

typedef struct hop_setting {
    hops hops;
    berthi_wasm_linked *linked;
    berthi_wasm_store *store;
    berthi_wasm_instance instances[HOPPERS];
} hop_setting;

static void start_hops(rig *r, hop_setting *t)
{
    berthi_wasm_module *module = rig_module(r, "bounce");

    memset(t, 0, sizeof *t);
    t->hops.r = r;
    t->hops.last.kind = UINT64_MAX;
    assert_int_equal(r->ops->module_link(module, &hop_binding, 1, &t->linked, &r->diag),
                     BERTH_OK);
    r->ops->module_unref(module);
    assert_int_equal(r->ops->store_create(r->engine, &r->limits, &t->hops, &t->store, &r->diag),
                     BERTH_OK);
    r->ops->store_deadline(t->store, 50);
    for (int n = 0; n < HOPPERS; n++) {
        assert_int_equal(
            r->ops->instantiate_linked(t->store, t->linked, &t->instances[n], &r->diag),
            BERTH_OK);
        t->hops.go[n] = rig_export(r, t->store, t->instances[n], "go");
    }
}

static void end_hops(hop_setting *t)
{
    t->hops.r->ops->store_destroy(t->store);
    t->hops.r->ops->linked_destroy(t->linked);
}

/* LEVELS guests deep: the outermost, and one for each hop that goes on. */
static berth_status go_down(hop_setting *t, const char *last)
{
    rig *r = t->hops.r;
    berthi_val v = { .i32 = LEVELS - 1 };
    berth_status status;

    if (last != NULL)
        t->hops.last = rig_export(r, t->store, t->instances[1], last);
    else
        t->hops.last.kind = UINT64_MAX;
    t->hops.answers = 0;
    memset(&r->diag, 0, sizeof r->diag);
    status = r->ops->call(t->store, &t->hops.go[3], &v, 1, &r->diag);
    if (status == BERTH_OK)
        assert_int_equal(v.i32, 10000 + LEVELS);
    assert_int_equal(t->hops.innermost, 0);
    return status;
}

static void guests_reach_each_other_through_the_host_64_deep(void **state)
{
    rig *r = *state;
    hop_setting t;
    int32_t entries = 0;

    start_hops(r, &t);
    assert_int_equal(go_down(&t, NULL), BERTH_OK);
    assert_int_equal(t.hops.answers, LEVELS);
    for (int n = 0; n < HOPPERS; n++) {
        berthi_extern e = rig_export(r, t.store, t.instances[n], "entries");
        berthi_val v;

        r->ops->global_get(t.store, &e, &v);
        assert_true(v.i32 > 0);
        entries += v.i32;
    }
    assert_int_equal(entries, LEVELS);
    end_hops(&t);
}

static void what_ends_the_innermost_guest_ends_all_of_them(void **state)
{
    static const struct {
        const char *last;
        berth_status status;
        berth_reason reason;
        const char *words;
    } ends[] = {
        { "trap", BERTH_E_TRAP, BERTH_REASON_UNREACHABLE, "unreachable" },
        { "divide", BERTH_E_TRAP, BERTH_REASON_DIVISION, "integer divide by zero" },
        { "dig", BERTH_E_LIMIT, BERTH_REASON_STACK, "call stack exhausted" },
        { "spin", BERTH_E_DEADLINE, BERTH_REASON_DEADLINE, "out of time" },
    };
    rig *r = *state;
    hop_setting t;

    start_hops(r, &t);
    for (size_t n = 0; n < sizeof ends / sizeof *ends; n++) {
        t.hops.uses_up_time = ends[n].status == BERTH_E_DEADLINE;
        assert_int_equal(go_down(&t, ends[n].last), ends[n].status);
        assert_int_equal(r->diag.status, ends[n].status);
        assert_int_equal(r->diag.reason, ends[n].reason);
        assert_non_null(strstr(r->diag.text, ends[n].words));
        assert_int_equal(t.hops.answers, 0);
        /* Nothing of it is left to end the next call, whoever would want to make one. */
        r->ops->store_deadline(t.store, 50);
        assert_int_equal(go_down(&t, NULL), BERTH_OK);
        assert_int_equal(r->diag.text[0], '\0');
    }
    end_hops(&t);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        rig_test(one_binding_serves_every_store),
        rig_test(several_linked_instances_may_share_a_store),
        rig_test(a_bound_function_ends_the_start_function_with_its_words),
        rig_test(start_functions_of_linked_modules_have_a_deadline),
        rig_test(words_of_one_host_function_are_not_the_next_one_s),
        rig_test(functions_that_do_not_fit_are_refused),
        rig_test(imports_that_are_no_functions_cannot_be_bound),
        rig_test(imports_of_the_same_name_cannot_be_two_functions),
        rig_test(each_of_many_imports_is_bound_to_its_own_function),
        rig_test(instances_share_what_one_gives_the_other),
        rig_test(a_host_fills_tables_with_functions_of_others),
        rig_test(every_memory_of_a_module_can_be_exported),
        rig_test(memories_that_are_said_to_stay_do),
        rig_test(guests_reach_each_other_through_the_host_64_deep),
        rig_test(what_ends_the_innermost_guest_ends_all_of_them),
    };

    return rig_run("links", tests, sizeof tests / sizeof *tests);
}
