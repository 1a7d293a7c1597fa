/* slot_rig.c - a runtime, and what the tests of slots keep writing. */
#include "slot_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "guests.h"

enum { RIG_INSTANCES = 128 };

static const char *engine_now;

static berth_status start(slot_rig *r, berth_runtime_options options)
{
    options.engine = r->engine;
    options.allocator = &r->allocator;
    memset(&r->diag, 0, sizeof r->diag);
    return berth_runtime_create(&options, &r->runtime, &r->diag);
}

int slot_rig_setup(void **state)
{
    berth_runtime_options options = BERTH_RUNTIME_OPTIONS_INIT;
    slot_rig *r = calloc(1, sizeof *r);

    r->engine = engine_now;
    memory_init(&r->memory);
    r->allocator = memory_allocator(&r->memory);
    options.instances_max = RIG_INSTANCES;
    if (start(r, options) != BERTH_OK ||
        berth_arena_create(NULL, 0, &r->arena, &r->diag) != BERTH_OK) {
        fprintf(stderr, "%s: %s\n", r->engine, r->diag.text);
        free(r);
        return -1;
    }
    *state = r;
    return 0;
}

static void release_slots(slot_rig *r)
{
    while (r->slots_count > 0)
        berth_slot_release(r->slots[--r->slots_count]);
}

int slot_rig_teardown(void **state)
{
    slot_rig *r = *state;
    size_t live;

    release_slots(r);
    berth_runtime_destroy(r->runtime);
    berth_arena_destroy(r->arena);
    live = atomic_load(&r->memory.live_bytes);
    if (live != 0)
        fprintf(stderr, "%s: %zu bytes were left behind\n", r->engine, live);
    free(r);
    return live == 0 ? 0 : -1;
}

int slot_rig_run(const char *what, const struct CMUnitTest *tests, size_t count)
{
    static const char *const engines[] = { "wasmtime", "interp" };
    const char *only = getenv("BERTH_TEST_ENGINE");
    int failures = 0, runs = 0;

    for (size_t i = 0; i < sizeof engines / sizeof *engines; i++) {
        berth_runtime_options options = BERTH_RUNTIME_OPTIONS_INIT;
        berth_runtime *runtime;
        berth_diag diag;
        char name[96];

        if (only != NULL && strcmp(only, engines[i]) != 0)
            continue;
        options.engine = engines[i];
        if (berth_runtime_create(&options, &runtime, &diag) == BERTH_E_ABSENT) {
            printf("skipped: this build has no engine '%s'\n", engines[i]);
            continue;
        }
        berth_runtime_destroy(runtime);
        engine_now = engines[i];
        snprintf(name, sizeof name, "%s, %s", what, engines[i]);
        failures += _cmocka_run_group_tests(name, tests, count, NULL, NULL);
        runs++;
    }
    return runs == 0 ? 77 : failures;
}

void slot_rig_restart(slot_rig *r, berth_runtime_options options)
{
    release_slots(r);
    berth_runtime_destroy(r->runtime);
    r->runtime = NULL;
    if (start(r, options) != BERTH_OK)
        fail_msg("%s: %s", r->engine, r->diag.text);
}

berth_slot *slot_rig_open(slot_rig *r, const char *name, const berth_slot_options *options)
{
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;
    berth_slot *slot = NULL;

    if (options != NULL)
        opt = *options;
    opt.name = name;
    if (opt.deadline_ns == 0)
        opt.deadline_ns = SLOT_RIG_PATIENCE_NS;
    if (opt.probe_deadline_ns == 0)
        opt.probe_deadline_ns = SLOT_RIG_PATIENCE_NS;
    if (berth_slot_open(r->runtime, &opt, &slot, &r->diag) != BERTH_OK)
        fail_msg("%s: %s", name, r->diag.text);
    assert_true(r->slots_count < SLOT_RIG_SLOTS);
    r->slots[r->slots_count++] = slot;
    return slot;
}

static berth_status install(slot_rig *r, berth_slot *slot, uint8_t *bytes, size_t size,
                            berth_installed *installed)
{
    berth_status status;

    memset(&r->diag, 0, sizeof r->diag);
    status = berth_slot_install(slot, bytes, size, installed, &r->diag);
    free(bytes);
    return status;
}

berth_status slot_rig_try_install(slot_rig *r, berth_slot *slot, uint8_t *bytes, size_t size)
{
    return install(r, slot, bytes, size, NULL);
}

uint64_t slot_rig_install(slot_rig *r, berth_slot *slot, uint8_t *bytes, size_t size)
{
    berth_installed installed = { 0 };

    if (install(r, slot, bytes, size, &installed) != BERTH_OK)
        fail_msg("%s: %s", r->engine, r->diag.text);
    return installed.version;
}

uint64_t slot_rig_install_spec(slot_rig *r, berth_slot *slot, const plugin_spec *spec)
{
    size_t size;
    uint8_t *bytes = plugin_make(spec, &size);

    return slot_rig_install(r, slot, bytes, size);
}

berth_status slot_rig_try_spec(slot_rig *r, berth_slot *slot, const plugin_spec *spec)
{
    size_t size;
    uint8_t *bytes = plugin_make(spec, &size);

    return slot_rig_try_install(r, slot, bytes, size);
}

uint64_t slot_rig_install_answering(slot_rig *r, berth_slot *slot, uint32_t number)
{
    size_t size;
    uint8_t *bytes = plugin_answering(number, &size);

    return slot_rig_install(r, slot, bytes, size);
}

uint64_t slot_rig_install_at_last(slot_rig *r, berth_slot *slot, uint32_t number)
{
    uint64_t until_ns = slot_rig_now_ns() + SLOT_RIG_PATIENCE_NS;
    berth_installed installed = { 0 };
    berth_status status;
    uint8_t *bytes;
    size_t size;

    do {
        bytes = plugin_answering(number, &size);
        status = install(r, slot, bytes, size, &installed);
    } while (status == BERTH_E_DEADLINE && slot_rig_now_ns() < until_ns);
    if (status != BERTH_OK)
        fail_msg("%s: %s", r->engine, r->diag.text);
    return installed.version;
}

uint64_t slot_rig_install_guest(slot_rig *r, berth_slot *slot, const char *guest)
{
    size_t size;
    uint8_t *bytes = guest_read(guest, &size);

    return slot_rig_install(r, slot, bytes, size);
}

uint64_t slot_rig_install_one_source(slot_rig *r, berth_slot *slot, const char *build)
{
    size_t size;
    uint8_t *bytes = one_source_read(build, &size);

    return slot_rig_install(r, slot, bytes, size);
}

uint32_t slot_rig_hook(slot_rig *r, berth_slot *slot, const char *name)
{
    uint32_t hook = 0;

    if (berth_slot_hook(slot, name, &hook, &r->diag) != BERTH_OK)
        fail_msg("%s: %s", name, r->diag.text);
    return hook;
}

berth_status slot_rig_call_within(slot_rig *r, berth_slot *slot, uint64_t deadline_ns,
                                  const void *input, size_t size, berth_reply *reply_out)
{
    berth_call call = BERTH_CALL_INIT;
    berth_reply reply = { 0 };
    berth_status status;

    call.hook = slot_rig_hook(r, slot, "do");
    call.input = input;
    call.input_size = size;
    call.deadline_ns = deadline_ns;
    call.arena = r->arena;
    berth_arena_reset(r->arena);
    memset(&r->diag, 0, sizeof r->diag);
    status = berth_slot_call(slot, &call, &reply, &r->diag);
    if (status == BERTH_OK && reply_out != NULL)
        *reply_out = reply;
    return status;
}

berth_status slot_rig_call(slot_rig *r, berth_slot *slot, const void *input, size_t size,
                           berth_reply *reply_out)
{
    return slot_rig_call_within(r, slot, 0, input, size, reply_out);
}

uint64_t slot_rig_answer(slot_rig *r, berth_slot *slot)
{
    berth_reply reply;
    uint64_t number;

    if (slot_rig_call(r, slot, NULL, 0, &reply) != BERTH_OK || reply.size != sizeof number)
        return UINT64_MAX;
    memcpy(&number, reply.data, sizeof number);
    return number;
}

berth_slot_stats slot_rig_stats(berth_slot *slot)
{
    berth_slot_stats stats = BERTH_SLOT_STATS_INIT;

    assert_int_equal(berth_slot_stats_read(slot, &stats, NULL), BERTH_OK);
    return stats;
}

berth_runtime_stats slot_rig_runtime_stats(slot_rig *r)
{
    berth_runtime_stats stats = BERTH_RUNTIME_STATS_INIT;

    assert_int_equal(berth_runtime_stats_read(r->runtime, &stats, NULL), BERTH_OK);
    return stats;
}

void slot_rig_wait_reaped(slot_rig *r)
{
    slot_rig_wait_until(slot_rig_runtime_stats(r).versions_retired == 0);
}

/* Some ticks of the engine later: the coarse clock goes on right after each. */
void slot_rig_wait_ticks(slot_rig *r)
{
    plugin_spec spec = {
        /* if (len != 0) for (;;); return 0 */
        .hook = PLUGIN_CODE(0x20, 0x01, 0x04, 0x40, PLUGIN_LOOP, 0x0b, PLUGIN_I64(0)),
    };
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;
    berth_slot *slot;

    opt.tenant = "slot_rig";
    slot = slot_rig_open(r, "clock", &opt);
    slot_rig_install_spec(r, slot, &spec);
    assert_int_equal(slot_rig_call_within(r, slot, 3 * MS, "x", 1, NULL), BERTH_E_DEADLINE);
    assert_int_equal(berth_slot_evict(r->runtime, opt.tenant, "clock"), BERTH_OK);
    berth_slot_release(r->slots[--r->slots_count]);
}

void slot_rig_check(slot_rig *r, berth_status got, berth_status status, berth_reason reason,
                    const char *text)
{
    if (got != status || r->diag.status != (int32_t)status ||
        r->diag.reason != (int32_t)reason || strstr(r->diag.text, text) == NULL)
        fail_msg("%s: %s (%s), diag %s (%s), instead of %s (%s) with '%s': %s", r->engine,
                 berth_status_name(got), berth_reason_name((berth_reason)r->diag.reason),
                 berth_status_name((berth_status)r->diag.status),
                 berth_reason_name((berth_reason)r->diag.reason), berth_status_name(status),
                 berth_reason_name(reason), text, r->diag.text);
}

static void *run_caller(void *arg)
{
    slot_rig_caller *c = arg;
    berth_slot *slot = c->slot;
    berth_call call = BERTH_CALL_INIT;
    berth_arena *arena;
    berth_reply reply;

    if (berth_arena_create(NULL, 0, &arena, NULL) != BERTH_OK)
        abort();
    /* Hook "do" is number 0 of each slot of these tests: the first one that is asked for. */
    if (slot != NULL && berth_slot_hook(slot, "do", &call.hook, NULL) != BERTH_OK)
        abort();
    call.arena = arena;
    call.input = c->input;
    call.input_size = c->input_size;
    call.deadline_ns = c->deadline_ns;
    for (uint64_t n = 0; (c->times == 0 || n < c->times) && !atomic_load(&c->stop); n++) {
        berth_status status = c->lease != NULL
                                  ? berth_lease_call(c->lease, &call, &reply, &c->diag)
                                  : berth_slot_call(slot, &call, &reply, &c->diag);

        c->by_status[status]++;
        atomic_fetch_add(&c->done, 1);
        berth_arena_reset(arena);
    }
    c->ended_ns = slot_rig_now_ns();
    berth_arena_destroy(arena);
    return NULL;
}

void slot_rig_caller_start(slot_rig_caller *c)
{
    c->started_ns = slot_rig_now_ns();
    assert_int_equal(pthread_create(&c->thread, NULL, run_caller, c), 0);
}

void slot_rig_caller_join(slot_rig_caller *c)
{
    pthread_join(c->thread, NULL);
}

void slot_rig_caller_stop(slot_rig_caller *c)
{
    atomic_store(&c->stop, true);
    pthread_join(c->thread, NULL);
}

bool slot_rig_is_inside(const slot_rig_caller *c)
{
    /* A deadline is never early by more than the ticks that are going on. */
    return slot_rig_now_ns() - c->started_ns + 3 * MS < c->deadline_ns;
}

bool slot_rig_wait_inside(const slot_rig_caller *c, berth_slot *slot, uint32_t count)
{
    while (slot_rig_stats(slot).in_flight != count) {
        if (!slot_rig_is_inside(c))
            return false;
        slot_rig_sleep_ms(1);
    }
    return true;
}

void slot_rig_attempt(slot_rig *r, bool (*attempt)(slot_rig *r, unsigned ms))
{
    berth_runtime_options options = BERTH_RUNTIME_OPTIONS_INIT;
    unsigned ms = 100;

    options.instances_max = RIG_INSTANCES;
    while (!attempt(r, ms)) {
        ms *= 3;
        if (ms > 100000)
            fail_msg("in %u ms this machine does not get as far as one call", ms / 3);
        slot_rig_restart(r, options);
    }
}

bool slot_rig_was_early(const berth_diag *diag, uint64_t *deadline_ns_io)
{
    if (strstr(diag->text, "longer than its call may take") != NULL)
        return false;
    if (*deadline_ns_io >= SLOT_RIG_PATIENCE_NS)
        fail_msg("%s", diag->text);
    *deadline_ns_io *= 4;
    return true;
}

uint64_t slot_rig_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void slot_rig_sleep_ms(unsigned ms)
{
    struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };

    nanosleep(&t, NULL);
}

unsigned slot_rig_slowness(const slot_rig *r)
{
    unsigned slow = strcmp(r->engine, "interp") == 0 ? 10 : 1;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(BERTH_HOSTILE) || \
    defined(BERTH_TEST_SLOW)
    slow *= 10;
#endif
    return slow;
}
