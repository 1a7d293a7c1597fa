/* wasi_fault_test.c - grants, and a host that offers WASI or functions of its own to core modules, are made whole or
 * not at all; a plugin whose services have no memory fails and leaves nothing behind. */
#include <stdlib.h>
#include <string.h>

#include <berth/core_host.h>
#include <berth/grant.h>
#include <berth/wasi.h>

#include "fault_sweep.h"
#include "guests.h"

typedef struct sweep {
    slot_rig *rig;
    bertht_memory memory;
    berth_allocator allocator;
    uint8_t *bytes;
    size_t size;
    berth_host *host; /* that offers functions to core modules */
    size_t offered;   /* how many of them it could */
} sweep;

static const char *const lines[] = { "clock",          "random",
                                     "stdio",          "fs:read:/a/**",
                                     "env:A=b",        "net:connect:a.org:443",
                                     "http:get:b.org", "fs:mount:/a/b=/x" };
static const char *const arguments[] = { "prog" };

static berth_status make_grants(sweep *s, berth_grants **grants_out, berth_diag *diag)
{
    berth_grants_options options = BERTH_GRANTS_OPTIONS_INIT;

    options.grants = lines;
    options.grants_count = sizeof lines / sizeof lines[0];
    options.arguments = arguments;
    options.arguments_count = 1;
    options.input = "abcdef";
    options.input_size = 6;
    options.flags = BERTH_GRANTS_DETERMINISTIC;
    return berth_grants_create(&s->allocator, &options, grants_out, diag);
}

static berth_status grants_step(void *ctx, berth_diag *diag)
{
    berth_grants *grants = NULL;
    berth_status status = make_grants(ctx, &grants, diag);

    if (status != BERTH_OK)
        assert_null(grants);
    berth_grants_destroy(grants);
    return status;
}

static berth_status offer_step(void *ctx, berth_diag *diag)
{
    sweep *s = ctx;
    berth_host *host = NULL;
    berth_status status = berth_host_create(&s->allocator, &host, diag);

    if (status == BERTH_OK)
        status = berth_wasi_offer(host, diag);
    berth_host_destroy(host);
    return status;
}

static berth_status core_function(void *ctx, berth_core_cell *cells, berth_core_call *call)
{
    (void)ctx;
    (void)cells;
    (void)call;
    return BERTH_OK;
}

static berth_status offer_core(berth_host *host, const char *name, berth_diag *diag)
{
    return berth_host_offer_core(host, "env", name, "ii:i", core_function, NULL, diag);
}

static const char *const core_names[] = { "first", "second" };

/* check_core_offers() ends the host. */
static berth_status offer_core_step(void *ctx, berth_diag *diag)
{
    sweep *s = ctx;
    berth_status status = berth_host_create(&s->allocator, &s->host, diag);

    for (s->offered = 0; status == BERTH_OK && s->offered < 2; s->offered += status == BERTH_OK)
        status = offer_core(s->host, core_names[s->offered], diag);
    return status;
}

static void check_empty(void *ctx, berth_status status)
{
    (void)status;
    memory_assert_empty(&((sweep *)ctx)->memory);
}

/* A function that could not be offered is not there, and can be offered now. */
static void check_core_offers(void *ctx, berth_status status)
{
    sweep *s = ctx;

    assert_true(status != BERTH_OK || s->offered == 2);
    for (size_t i = 0; s->host != NULL && i < 2; i++)
        assert_int_equal(offer_core(s->host, core_names[i], NULL),
                         i < s->offered ? BERTH_E_STATE : BERTH_OK);
    berth_host_destroy(s->host);
    s->host = NULL;
    check_empty(ctx, status);
}

static void grants_are_made_whole_or_not_at_all(void **state)
{
    sweep s = { .rig = *state };

    memory_init(&s.memory);
    s.allocator = memory_allocator(&s.memory);
    assert_true(fault_sweep(&s.memory, grants_step, check_empty, &s) > 2);
}

static void a_host_that_cannot_offer_everything_ends_cleanly(void **state)
{
    sweep s = { .rig = *state };

    memory_init(&s.memory);
    s.allocator = memory_allocator(&s.memory);
    assert_true(fault_sweep(&s.memory, offer_step, check_empty, &s) > 10);
}

static void a_function_for_core_modules_is_offered_or_not(void **state)
{
    sweep s = { .rig = *state };

    memory_init(&s.memory);
    s.allocator = memory_allocator(&s.memory);
    assert_true(fault_sweep(&s.memory, offer_core_step, check_core_offers, &s) > 8);
}

/* A runtime of its own; what fails is what comes after its making. */
typedef struct running {
    sweep s;
    berth_host *host;
    berth_grants *grants;
    berth_runtime *runtime;
    berth_slot *slot;
    berth_arena *arena;
    uint32_t hook;
} running;

static berth_status call_step(void *ctx, berth_diag *diag)
{
    running *r = ctx;
    static const char *const commands[] = { "in", "ways", "env", "out x\n", "cycles 3" };
    berth_status status = BERTH_OK;

    for (size_t i = 0; i < sizeof commands / sizeof commands[0] && status == BERTH_OK; i++) {
        berth_call call = BERTH_CALL_INIT;
        berth_reply reply;

        berth_arena_reset(r->arena);
        call.hook = r->hook;
        call.input = commands[i];
        call.input_size = strlen(commands[i]);
        call.arena = r->arena;
        status = berth_slot_call(r->slot, &call, &reply, diag);
    }
    return status;
}

static void check_alive(void *ctx, berth_status status)
{
    berth_diag diag = { 0 };

    (void)status;
    if (call_step(ctx, &diag) != BERTH_OK) /* in another instance, perhaps */
        fail_msg("%s", diag.text);
}

static void begin_running(running *r, const char *engine)
{
    berth_runtime_options options = BERTH_RUNTIME_OPTIONS_INIT;
    berth_slot_options slot = BERTH_SLOT_OPTIONS_INIT;
    berth_diag diag = { 0 };

    memory_init(&r->s.memory);
    r->s.allocator = memory_allocator(&r->s.memory);
    r->s.bytes = guest_read("wasi_probe", &r->s.size);
    if (berth_host_create(&r->s.allocator, &r->host, &diag) != BERTH_OK ||
        berth_wasi_offer(r->host, &diag) != BERTH_OK ||
        make_grants(&r->s, &r->grants, &diag) != BERTH_OK)
        fail_msg("%s", diag.text);
    options.engine = engine;
    options.allocator = &r->s.allocator;
    options.instances_max = 8;
    options.host = r->host;
    slot.name = "s";
    slot.grants = r->grants;
    slot.policy = BERTH_POLICY_FRESH; /* services are made for each call */
    slot.deadline_ns = slot.probe_deadline_ns = 60000000000u;
    if (berth_runtime_create(&options, &r->runtime, &diag) != BERTH_OK ||
        berth_slot_open(r->runtime, &slot, &r->slot, &diag) != BERTH_OK ||
        berth_arena_create(NULL, 1 << 20, &r->arena, &diag) != BERTH_OK ||
        berth_slot_hook(r->slot, "process", &r->hook, &diag) != BERTH_OK ||
        berth_slot_install(r->slot, r->s.bytes, r->s.size, NULL, &diag) != BERTH_OK)
        fail_msg("%s", diag.text);
}

static void a_plugin_whose_services_have_no_memory_fails_and_the_next_call_does_not(
    void **state)
{
    slot_rig *rig = *state;
    running r = { .s = { .rig = rig } };
    const LargestIntegralType may_be[] = { BERTH_OK, BERTH_E_NOMEM };
    berth_diag diag = { 0 };

    begin_running(&r, rig->engine);
    for (size_t nth = 0; nth < 40; nth++)
        for (int sticky = 0; sticky < 2; sticky++) {
            memory_fail(&r.s.memory, nth, sticky != 0);
            assert_in_set(call_step(&r, &diag), may_be, 2);
            memory_fail(&r.s.memory, MEMORY_NEVER, false);
            check_alive(&r, BERTH_OK);
        }
    berth_arena_destroy(r.arena);
    berth_slot_release(r.slot);
    berth_runtime_destroy(r.runtime);
    berth_grants_destroy(r.grants);
    berth_host_destroy(r.host);
    free(r.s.bytes);
    memory_assert_empty(&r.s.memory);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(grants_are_made_whole_or_not_at_all),
        slot_test(a_host_that_cannot_offer_everything_ends_cleanly),
        slot_test(a_function_for_core_modules_is_offered_or_not),
        slot_test(a_plugin_whose_services_have_no_memory_fails_and_the_next_call_does_not),
    };

    return slot_rig_run("faults of services", tests, sizeof tests / sizeof *tests);
}
