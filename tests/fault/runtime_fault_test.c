/* runtime_fault_test.c - a runtime that cannot be made leaves nothing behind. */
#include <string.h>

#include "fault_sweep.h"

typedef struct making {
    slot_rig *rig;
    bertht_memory memory;
    berth_allocator allocator;
} making;

static berth_status make_runtime(void *ctx, berth_diag *diag)
{
    making *m = ctx;
    berth_runtime_options options = BERTH_RUNTIME_OPTIONS_INIT;
    berth_runtime *runtime = NULL;
    berth_status status;

    options.engine = m->rig->engine;
    options.allocator = &m->allocator;
    options.instances_max = 8;
    status = berth_runtime_create(&options, &runtime, diag);
    if (status != BERTH_OK)
        assert_null(runtime);
    berth_runtime_destroy(runtime);
    return status;
}

static void check_empty(void *ctx, berth_status status)
{
    making *m = ctx;

    (void)status;
    memory_assert_empty(&m->memory);
}

static void a_runtime_is_made_whole_or_not_at_all(void **state)
{
    making m = { .rig = *state };

    memory_init(&m.memory);
    m.allocator = memory_allocator(&m.memory);
    assert_true(fault_sweep(&m.memory, make_runtime, check_empty, &m) > 4);
    assert_int_equal(make_runtime(&m, NULL), BERTH_OK);
    check_empty(&m, BERTH_OK);
}

static berth_status read_runtime(void *ctx, berth_diag *diag)
{
    making *m = ctx;
    berth_runtime_stats stats = BERTH_RUNTIME_STATS_INIT;

    return berth_runtime_stats_read(m->rig->runtime, &stats, diag);
}

static void check_nothing(void *ctx, berth_status status)
{
    (void)ctx;
    assert_int_equal(status, BERTH_OK);
}

static void its_stats_need_nothing(void **state)
{
    making m = { .rig = *state };

    assert_int_equal(fault_sweep(&m.rig->memory, read_runtime, check_nothing, &m), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(a_runtime_is_made_whole_or_not_at_all),
        slot_test(its_stats_need_nothing),
    };

    return slot_rig_run("faults of runtimes", tests, sizeof tests / sizeof *tests);
}
