/* component_alloc_test.c - every allocation of loading a component, of making an instance and of
 * calling it fails once, and from then on: the answer is "out of memory" or a success, nothing is left
 * behind, each resource of the host is destroyed as often as it was made, and the next try works. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "component_pair.h"
#include "component_rig.h"
#include "fault_sweep.h"

enum { MODULES = 4 };

typedef struct sweep {
    component_rig *c;
    bool keeps_shims;
    berthi_wasm_module *modules[MODULES]; /* compiled once: compilers have their own sweep */
    uint32_t next;
    size_t live_bytes; /* before each step */
} sweep;

static berth_status compile(void *ctx, const uint8_t *bytes, size_t size,
                            berthi_wasm_module **module_out, berth_diag *diag)
{
    sweep *s = ctx;
    uint32_t n = s->next++;
    berth_status status = BERTH_OK;

    assert_true(n < MODULES);
    if (s->modules[n] == NULL)
        status =
            s->c->r->ops->module_compile(s->c->r->engine, bytes, size, &s->modules[n], diag);
    if (status != BERTH_OK)
        return status;
    s->c->r->ops->module_ref(s->modules[n]);
    *module_out = s->modules[n];
    return BERTH_OK;
}

typedef struct step_call {
    const char *interface, *name;
    const void *args;
} step_call;

static berth_status call_all(sweep *s, berthi_cm_loaded *loaded, berthi_cm_instance *instance,
                             berth_arena *arena, berth_diag *diag)
{
    static const uint32_t five = 5;
    static const uint64_t handle = 9;
    static const berthi_cm_host_string texts[] = { { "one", 3 }, { "two", 3 } };
    static const berthi_cm_host_list list = { texts, 2 };
    static const struct {
        const char *data;
        size_t size;
    } bytes = { "some bytes", 10 };
    static const step_call calls[] = {
        { NULL, "echo", &bytes },
        { NULL, "texts", &list },
        { NULL, "call-ping", &five },
        { NULL, "call-note", NULL },
        { NULL, "make-thing", &five },
        { NULL, "value-of-kept", NULL },
        { NULL, "take-thing", &handle },
        { NULL, "use-thing", &handle },
        { NULL, "give-kept", NULL },
        { "demo:u/counters@1.0.0", "[constructor]counter", &five },
    };
    uint64_t result[4], counter = 0;

    for (size_t n = 0; n < sizeof calls / sizeof *calls; n++) {
        berthi_cm_func func;
        berth_status status;

        assert_true(berthi_cm_loaded_func(loaded, calls[n].interface, calls[n].name, &func));
        if (strcmp(calls[n].name, "take-thing") == 0)
            s->c->made++; /* the host's, given away by the call */
        status = berthi_cm_call(instance, &func, calls[n].args, result, arena, diag);
        if (status != BERTH_OK) {
            if (strcmp(calls[n].name, "take-thing") == 0 &&
                !berthi_cm_instance_is_dead(instance))
                s->c->made--; /* it was not taken */
            return status;
        }
        if (strcmp(calls[n].name, "give-kept") == 0)
            s->c->made--; /* the host has it again */
        counter = result[0];
    }
    return berthi_cm_host_drop(instance, counter, diag);
}

static berth_status step(void *ctx, berth_diag *diag)
{
    sweep *s = ctx;
    component_rig *c = s->c;
    berthi_cm_load_options options = { .allocator = &c->r->allocator,
                                       .engine = c->r->engine,
                                       .resolve = component_rig_resolve,
                                       .resolve_ctx = c,
                                       .compile = compile,
                                       .compile_ctx = s,
                                       .keeps_shims = s->keeps_shims };
    berthi_cm_loaded *loaded = NULL;
    berthi_cm_instance *instance = NULL;
    berth_arena *arena = NULL;
    berth_status status;

    s->next = 0;
    c->made = c->destroyed = 0;
    status = berth_arena_create(&c->r->allocator, 0, &arena, diag);
    if (status == BERTH_OK)
        status = berthi_cm_load(c->bytes, c->size, &options, &loaded, diag);
    if (status == BERTH_OK)
        status = berthi_cm_instance_create(loaded, &c->limits, 1000, c, &instance, diag);
    if (status == BERTH_OK)
        status = call_all(s, loaded, instance, arena, diag);
    berthi_cm_instance_destroy(instance);
    berthi_cm_loaded_unref(loaded);
    berth_arena_destroy(arena);
    return status;
}

static void check(void *ctx, berth_status status)
{
    sweep *s = ctx;

    (void)status;
    assert_int_equal(atomic_load(&s->c->r->memory.live_bytes), s->live_bytes);
    assert_int_equal(s->c->made, s->c->destroyed);
}

static void each_allocation_may_fail(void **state)
{
    component_rig *c = *state;

    for (int mode = 0; mode < 2; mode++) {
        sweep s = { .c = c, .keeps_shims = mode == 1 };
        berth_diag diag;

        assert_int_equal(step(&s, &diag), BERTH_OK); /* compiles, and registers host types */
        s.live_bytes = atomic_load(&c->r->memory.live_bytes);
        assert_true(fault_sweep(&c->r->memory, step, check, &s) > 100);
        for (int n = 0; n < MODULES; n++)
            if (s.modules[n] != NULL)
                c->r->ops->module_unref(s.modules[n]);
    }
}

/* ---------------------------------------------------------------- two guests */

typedef struct pair_sweep {
    sweep s;
    uint8_t *bytes;
    size_t size;
} pair_sweep;

/* Load, an instance, and a call from guest to guest with lists of texts both ways. */
static berth_status pair_step(void *ctx, berth_diag *diag)
{
    static const struct {
        uint8_t number;
        berthi_cm_host_string text;
    } entries[] = { { 1, { "some", 4 } }, { 2, { "caf\xc3\xa9", 5 } } };
    static const struct {
        berthi_cm_host_list entries;
        berthi_cm_host_string text;
    } args = { { entries, 2 }, { "\xe2\x82\xac", 3 } };
    pair_sweep *p = ctx;
    component_rig *c = p->s.c;
    berthi_cm_load_options options = { .allocator = &c->r->allocator,
                                       .engine = c->r->engine,
                                       .compile = compile,
                                       .compile_ctx = &p->s };
    berthi_cm_loaded *loaded = NULL;
    berthi_cm_instance *instance = NULL;
    berth_arena *arena = NULL;
    berthi_cm_func run;
    uint64_t result[4];
    berth_status status;

    p->s.next = 0;
    status = berth_arena_create(&c->r->allocator, 0, &arena, diag);
    if (status == BERTH_OK)
        status = berthi_cm_load(p->bytes, p->size, &options, &loaded, diag);
    if (status == BERTH_OK)
        status = berthi_cm_instance_create(loaded, &c->limits, 1000, c, &instance, diag);
    if (status == BERTH_OK) {
        assert_true(berthi_cm_loaded_func(loaded, NULL, "run", &run));
        status = berthi_cm_call(instance, &run, &args, result, arena, diag);
    }
    berthi_cm_instance_destroy(instance);
    berthi_cm_loaded_unref(loaded);
    berth_arena_destroy(arena);
    return status;
}

static void each_allocation_between_guests_of_any_width_may_fail(void **state)
{
    component_rig *c = *state;

    for (unsigned way = 0; way < 4; way++) {
        component_pair_side caller = { .is_64 = way & 1, .encoding = (uint8_t)(way % 3) };
        component_pair_side callee = { .is_64 = way & 2, .encoding = 1 };
        pair_sweep p = { .s = { .c = c } };
        berth_diag diag;

        p.bytes = component_pair(&caller, &callee, &p.size);
        c->made = c->destroyed = 0;
        if (pair_step(&p, &diag) != BERTH_OK) /* compiles */
            fail_msg("%s", diag.text);
        p.s.live_bytes = atomic_load(&c->r->memory.live_bytes);
        assert_true(fault_sweep(&c->r->memory, pair_step, check, &p.s) > 50);
        for (int n = 0; n < MODULES; n++)
            if (p.s.modules[n] != NULL)
                c->r->ops->module_unref(p.s.modules[n]);
        free(p.bytes);
    }
}

static void nothing_is_allocated_by_a_call_once_warm(void **state)
{
    static const uint32_t five = 5;
    component_rig *c = *state;
    berthi_cm_host_list bytes = { "some bytes", 10 };
    berthi_cm_host_string texts[] = { { "one", 3 }, { "two", 3 } };
    berthi_cm_host_list list = { texts, 2 };
    uint64_t handle = 9, mix[5] = { 0 }, result[4];
    size_t before = 0;

    for (int n = 0; n < 10003; n++) {
        if (n == 3)
            before = atomic_load(&c->r->memory.calls);
        berthi_cm_instance_deadline(c->instance, 1000);
        berth_arena_reset(c->arena);
        assert_int_equal(component_rig_call(c, NULL, "echo", &bytes, result), BERTH_OK);
        assert_int_equal(component_rig_call(c, NULL, "texts", &list, result), BERTH_OK);
        assert_int_equal(component_rig_call(c, NULL, "same", &bytes, result), BERTH_OK);
        assert_int_equal(component_rig_call(c, NULL, "judge", &bytes, result), BERTH_OK);
        assert_int_equal(component_rig_call(c, NULL, "narrow", &mix, result), BERTH_OK);
        assert_int_equal(component_rig_call(c, NULL, "call-ping", &five, result), BERTH_OK);
        assert_int_equal(component_rig_call(c, NULL, "call-note", NULL, result), BERTH_OK);
        assert_int_equal(component_rig_call(c, NULL, "use-thing", &handle, result), BERTH_OK);
        assert_int_equal(component_rig_call(c, NULL, "take-thing", &handle, result), BERTH_OK);
        assert_int_equal(component_rig_call(c, NULL, "give-kept", NULL, result), BERTH_OK);
        assert_int_equal(component_rig_call(c, "demo:u/counters@1.0.0", "[constructor]counter",
                                            &five, result),
                         BERTH_OK);
        assert_int_equal(berthi_cm_host_drop(c->instance, result[0], &c->diag), BERTH_OK);
    }
#ifdef BERTH_HOSTILE
    if (strcmp(c->r->ops->name, "interp") == 0)
        return; /* it moves memories, to see who kept a pointer */
#endif
    assert_int_equal(atomic_load(&c->r->memory.calls), before);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        component_test(each_allocation_may_fail),
        component_test(each_allocation_between_guests_of_any_width_may_fail),
        component_test(nothing_is_allocated_by_a_call_once_warm),
    };

    return component_rig_run("components out of memory", tests, sizeof tests / sizeof *tests);
}
