/* bench_component_slot.c - what a slot adds to calls of a component.
 *
 * Baseline: the same component's function in an instance of one's own, its reply copied into the same
 * arena; as a hook, by its type, and by the stub that is written for it.  What is reported is the difference in nanoseconds, of the
 * best rounds of both. */
#include <berth/invoke.h>

#include <stdio.h>
#include <string.h>

#include <main_host.h>

#include "bench.h"
#include "component/plan/plan.h"
#include "registry/registry.h"
#include "rig.h"

enum { SIZE = 256, CALLS = 20000, ROUNDS = 200 };

typedef struct context {
    bench_rig rig;
    berthi_cm_loaded *loaded;
    berthi_cm_instance *instance;
    berthi_cm_func process, next;
    berth_func typed_process, typed_next;
    main_slot stubs;
    char input[SIZE];
} context;

typedef struct outcome {
    uint8_t is_error;
    berthi_cm_host_list bytes;
} outcome;

static void open_own(context *c)
{
    const berthi_cm_load_options options = { .allocator = &berthi_allocator_libc,
                                             .engine = c->rig.runtime->engine };
    const berthi_cm_limits limits = { .store = { 64 << 20, 10000, 1, 1, 1 } };
    berth_diag diag = { 0 };
    size_t size;
    const uint8_t *bytes = bench_guest("bench_pipe.component", &size);

    BENCH_OK(berthi_cm_load(bytes, size, &options, &c->loaded, &diag), &diag);
    BENCH_OK(
        berthi_cm_instance_create(c->loaded, &limits, UINT32_MAX, NULL, &c->instance, &diag),
        &diag);
    if (!berthi_cm_loaded_func(c->loaded, NULL, "process", &c->process) ||
        !berthi_cm_loaded_func(c->loaded, NULL, "next", &c->next))
        bench_check(BERTH_E_ABSENT, NULL, "functions of the component");
}

/* ---- one call each ---- */

static void own_hook(context *c)
{
    const berthi_cm_host_list input = { c->input, SIZE };
    berth_diag diag;
    outcome out;
    void *data;

    BENCH_OK(berthi_cm_call_begin(c->instance, &c->process, &input, &out, c->rig.arena, &diag),
             &diag);
    data = berthi_reply_arena_alloc(c->rig.arena, out.bytes.count);
    memcpy(data, out.bytes.data, out.bytes.count);
    bench_keep(data);
    BENCH_OK(berthi_cm_call_end(c->instance, &diag), &diag);
}

static void slot_hook(context *c)
{
    berth_reply reply;
    berth_diag diag;

    BENCH_OK(berth_slot_call(c->rig.slot, &c->rig.call, &reply, &diag), &diag);
}

static void own_bytes(context *c)
{
    const berthi_cm_host_list input = { c->input, SIZE };
    berth_diag diag;
    outcome out;

    BENCH_OK(berthi_cm_call(c->instance, &c->process, &input, &out, c->rig.arena, &diag),
             &diag);
}

static void typed(context *c, uint32_t number, const void *args, void *result)
{
    berth_call call = BERTH_CALL_INIT;
    berth_diag diag;

    call.hook = number;
    call.arena = c->rig.arena;
    BENCH_OK(berth_slot_invoke(c->rig.slot, args, result, &call, &diag), &diag);
}

static void slot_bytes(context *c)
{
    const berthi_cm_host_list input = { c->input, SIZE };
    outcome out;

    typed(c, c->typed_process.number, &input, &out);
}

/* What `berth bindgen` writes for it. */
static void stub_bytes(context *c)
{
    main_result_list_u8_string out;
    berth_diag diag;

    BENCH_OK(main_process(&c->stubs, c->rig.arena,
                          (main_list_u8){ (const uint8_t *)c->input, SIZE }, &out, &diag),
             &diag);
}

static void own_number(context *c)
{
    uint32_t n = 7, out;
    berth_diag diag;

    BENCH_OK(berthi_cm_call(c->instance, &c->next, &n, &out, c->rig.arena, &diag), &diag);
}

static void slot_number(context *c)
{
    uint32_t n = 7, out;

    typed(c, c->typed_next.number, &n, &out);
}

/* ---- rounds ---- */

static double round_of(context *c, void (*call)(context *))
{
    uint64_t began = bench_now_ns();

    for (unsigned i = 0; i < CALLS; i++) {
        call(c);
        if (i % 32 == 31)
            berth_arena_reset(c->rig.arena);
    }
    return (double)(bench_now_ns() - began) / CALLS;
}

static void compare(context *c, const char *name, void (*slot)(context *),
                    void (*own)(context *), double goal)
{
    double slot_ns = 1e9, own_ns = 1e9, ns;
    char added[64];

    for (unsigned i = 0; i < ROUNDS; i++) { /* turn about */
        ns = round_of(c, own);
        own_ns = ns < own_ns ? ns : own_ns;
        ns = round_of(c, slot);
        slot_ns = ns < slot_ns ? ns : slot_ns;
    }
    bench_report_pair(name, slot_ns, own_ns, goal);
    snprintf(added, sizeof added, "%s_added", name);
    bench_report(added, "ns", slot_ns - own_ns, 15);
}

int main(void)
{
    static context c;
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;
    berth_diag diag = { 0 };

    options.name = "bench";
    bench_rig_open(&c.rig, &options, "bench_pipe.component", "process");
    memset(c.input, 'x', sizeof c.input);
    c.rig.call.input = c.input;
    c.rig.call.input_size = sizeof c.input;
    c.typed_process = c.typed_next = (berth_func)BERTH_FUNC_INIT;
    BENCH_OK(berth_slot_func(c.rig.slot, "process", NULL, &c.typed_process, &diag), &diag);
    BENCH_OK(berth_slot_func(c.rig.slot, "next", "func(n: u32) -> u32", &c.typed_next, &diag),
             &diag);
    open_own(&c);
    compare(&c, "component_slot_hook_256", slot_hook, own_hook, 0);
    compare(&c, "component_slot_typed_256", slot_bytes, own_bytes, 0);
    BENCH_OK(main_bind(c.rig.slot, &c.stubs, &diag), &diag);
    compare(&c, "component_slot_stub_256", stub_bytes, own_bytes, 1.15);
    compare(&c, "component_slot_typed_number", slot_number, own_number, 0);
    berthi_cm_instance_destroy(c.instance);
    berthi_cm_loaded_unref(c.loaded);
    bench_rig_close(&c.rig);
    return 0;
}
