/* buffer_test.c - payloads are counted, budgeted, cleared, and never anybody else's. */
#include "flow/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "memory.h"
#include "os/thread.h"

#include <cmocka.h>

typedef struct fixture {
    bertht_memory memory;
    berth_allocator allocator;
    berthi_buffers pool;
    berthi_buffer_cache cache;
    berthi_budget stage, flow;
    berth_diag diag;
} fixture;

static int set_up(void **state)
{
    static fixture f;

    memset(&f, 0, sizeof f);
    memory_init(&f.memory);
    f.allocator = memory_allocator(&f.memory);
    assert_int_equal(berthi_buffers_init(&f.pool, &f.allocator, 0), 0);
    berthi_buffer_cache_init(&f.cache, &f.pool);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;

    berthi_buffer_cache_empty(&f->cache);
    assert_int_equal(berthi_budget_used(&f->stage), 0);
    assert_int_equal(berthi_budget_used(&f->flow), 0);
    berthi_buffers_fini(&f->pool);
    memory_assert_empty(&f->memory);
    return 0;
}

static berth_status take(fixture *f, uint64_t size, berth_buffer **out)
{
    return berthi_buffer_take(&f->cache, size, &f->stage, &f->flow, out, &f->diag);
}

static berth_buffer *taken(fixture *f, uint64_t size)
{
    berth_buffer *buffer = NULL;

    assert_int_equal(take(f, size, &buffer), BERTH_OK);
    return buffer;
}

static void a_buffer_is_of_the_smallest_class_that_does(void **state)
{
    static const uint32_t rows[][2] = { { 0, 256 },
                                        { 1, 256 },
                                        { 256, 256 },
                                        { 257, 4096 },
                                        { 4096, 4096 },
                                        { 4097, 65536 },
                                        { 65536, 65536 },
                                        { 65537, 1 << 20 },
                                        { 1 << 20, 1 << 20 },
                                        { (1 << 20) + 1, (1 << 20) + 1 },
                                        { 16 << 20, 16 << 20 } };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        berth_buffer *buffer = taken(f, rows[i][0]);

        assert_int_equal(buffer->capacity, rows[i][1]);
        assert_int_equal(berthi_budget_used(&f->flow), rows[i][1]);
        assert_int_equal((uintptr_t)berthi_buffer_data(buffer) % 16, 0);
        berthi_buffer_unref(&f->cache, buffer);
        berthi_buffer_cache_settle(&f->cache);
    }
}

static void more_than_16_mib_is_refused_and_nothing_is_charged(void **state)
{
    fixture *f = *state;
    berth_buffer *buffer;

    assert_int_equal(take(f, (16 << 20) + 1, &buffer), BERTH_E_LIMIT);
    assert_int_equal(take(f, UINT64_MAX, &buffer), BERTH_E_LIMIT);
    assert_int_equal(f->memory.live_blocks, 0);
}

static bool is_zero(const berth_buffer *buffer)
{
    const uint8_t *at = berthi_buffer_data(buffer);

    for (uint32_t i = 0; i < buffer->capacity; i++)
        if (at[i] != 0)
            return false;
    return true;
}

static void what_was_written_is_gone_when_the_buffer_comes_again(void **state)
{
    fixture *f = *state;

    for (int round = 0; round < 3; round++) {
        berth_buffer *buffer = taken(f, 4096);

        assert_true(is_zero(buffer));
        assert_int_equal(buffer->size, 0);
        memset(berthi_buffer_open(buffer, 100), 0xee, 100);
        memset(berthi_buffer_open(buffer, 4096), 0xee, round == 0 ? 4096 : 7);
        memset(berthi_buffer_open(buffer, 1), 0xee, 1);
        buffer->size = 7;
        berthi_buffer_unref(&f->cache, buffer);
    }
    assert_int_equal(f->pool.counts.made, 1);
}

static void only_what_was_opened_is_cleared(void **state)
{
    fixture *f = *state;
    berth_buffer *buffer = taken(f, 65536);
    uint8_t *bytes = berthi_buffer_open(buffer, 10);

    bytes[9] = 1;
    bytes[10] = 2; /* nobody opened it: what a clearing of the whole capacity would hide */
    berthi_buffer_unref(&f->cache, buffer);
    assert_int_equal(bytes[9], 0);
    assert_int_equal(bytes[10], 2);
    bytes[10] = 0;
}

static void a_handle_finds_its_buffer_until_that_is_released(void **state)
{
    fixture *f = *state;
    berth_buffer *first = taken(f, 10), *second = taken(f, 10);
    uint64_t handle = berthi_buffer_handle(&f->pool, first);

    assert_ptr_equal(berthi_buffer_find(&f->pool, handle), first);
    assert_ptr_equal(berthi_buffer_find(&f->pool, berthi_buffer_handle(&f->pool, second)),
                     second);
    assert_null(berthi_buffer_find(&f->pool, 0));
    assert_null(berthi_buffer_find(&f->pool, UINT64_MAX));
    assert_null(berthi_buffer_find(&f->pool, handle + (UINT64_C(1) << 32)));
    berthi_buffer_ref(first, 1);
    berthi_buffer_unref(&f->cache, first);
    assert_ptr_equal(berthi_buffer_find(&f->pool, handle), first);
    berthi_buffer_unref(&f->cache, first);
    assert_null(berthi_buffer_find(&f->pool, handle));
    assert_ptr_equal(taken(f, 10), first); /* the same memory, another name */
    assert_null(berthi_buffer_find(&f->pool, handle));
    berthi_buffer_unref(&f->cache, first);
    berthi_buffer_unref(&f->cache, second);
}

static void a_budget_is_charged_up_to_its_end_and_refunded(void **state)
{
    fixture *f = *state;
    berth_buffer *buffers[4], *no;

    f->stage.max = 4 * 256;
    for (int i = 0; i < 4; i++)
        buffers[i] = taken(f, 1);
    assert_int_equal(take(f, 1, &no), BERTH_E_LIMIT);
    assert_non_null(strstr(f->diag.text, "stage's budget"));
    assert_int_equal(f->diag.reason, BERTH_REASON_MEMORY);
    assert_int_equal(berthi_budget_used(&f->stage), 1024);
    berthi_buffer_unref(&f->cache, buffers[0]);
    buffers[0] = taken(f, 200);
    assert_int_equal(take(f, 0, &no), BERTH_E_LIMIT);
    assert_int_equal(f->stage.peak, 1024);
    assert_int_equal(f->stage.refused, 2);
    for (int i = 0; i < 4; i++)
        berthi_buffer_unref(&f->cache, buffers[i]);
    berthi_buffer_cache_settle(&f->cache);
    assert_int_equal(berthi_budget_used(&f->stage), 0);
    assert_int_equal(berthi_budget_used(&f->flow), 0);
}

static void when_the_flow_refuses_its_stage_is_not_charged(void **state)
{
    fixture *f = *state;
    berth_buffer *no, *one;

    f->flow.max = 4096 + 255;
    one = taken(f, 4096);
    assert_int_equal(take(f, 1, &no), BERTH_E_LIMIT);
    assert_non_null(strstr(f->diag.text, "flow's budget"));
    berthi_buffer_cache_settle(&f->cache);
    assert_int_equal(berthi_budget_used(&f->stage), 4096);
    assert_int_equal(berthi_budget_used(&f->flow), 4096);
    berthi_buffer_unref(&f->cache, one);
}

static void when_there_is_no_memory_nothing_is_charged(void **state)
{
    fixture *f = *state;
    berth_buffer *no;

    for (size_t nth = 0; nth < 2; nth++) {
        memory_fail(&f->memory, nth, false);
        assert_int_equal(take(f, 1, &no), BERTH_E_NOMEM);
        assert_int_equal(f->memory.failures, 1);
        berthi_buffer_cache_settle(&f->cache);
        assert_int_equal(berthi_budget_used(&f->stage), 0);
        assert_int_equal(berthi_budget_used(&f->flow), 0);
        assert_int_equal(f->pool.counts.live, 0);
    }
    memory_fail(&f->memory, MEMORY_NEVER, false);
    berthi_buffer_unref(&f->cache, taken(f, 1));
}

static void a_worker_keeps_few_budgets_and_mixes_up_none(void **state)
{
    enum { BUDGETS = 3 * BERTHI_BUFFER_CREDITS };
    fixture *f = *state;
    berthi_budget budgets[BUDGETS];
    berth_buffer *buffers[BUDGETS];

    memset(budgets, 0, sizeof budgets);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < BUDGETS; i++) {
            budgets[i].max = 256;
            assert_int_equal(
                berthi_buffer_take(&f->cache, 1, &budgets[i], &f->flow, &buffers[i], &f->diag),
                BERTH_OK);
            assert_int_equal(berthi_budget_used(&budgets[i]), 256);
        }
        for (int i = 0; i < BUDGETS; i++)
            berthi_buffer_unref(&f->cache, buffers[i]);
    }
    berthi_buffer_cache_settle(&f->cache);
    for (int i = 0; i < BUDGETS; i++)
        assert_int_equal(berthi_budget_used(&budgets[i]), 0);
}

static void free_buffers_move_in_chains_and_the_depot_is_bounded(void **state)
{
    enum { MANY = 1000 };
    static berth_buffer *buffers[MANY];
    fixture *f = *state;
    berthi_buffer_counts counts;

    f->pool.kept_bytes_max = 64 * 256;
    for (int i = 0; i < MANY; i++)
        buffers[i] = taken(f, 1);
    for (int i = 0; i < MANY; i++)
        berthi_buffer_unref(&f->cache, buffers[i]);
    berthi_buffers_count(&f->pool, &counts);
    assert_int_equal(counts.made, MANY);
    assert_int_equal(counts.chains_in, 2); /* of 32 */
    assert_int_equal(counts.kept_bytes, 64 * 256);
    assert_int_equal(counts.live - 64, MANY % 32 + 32); /* in the worker's two chains */
    for (int i = 0; i < MANY; i++)
        buffers[i] = taken(f, 1);
    berthi_buffers_count(&f->pool, &counts);
    assert_int_equal(counts.chains_out, 2);
    assert_int_equal(counts.kept_bytes, 0);
    for (int i = 0; i < MANY; i++)
        berthi_buffer_unref(&f->cache, buffers[i]);
}

/* Threads pass buffers to each other through one list; whoever takes one writes its name into it and
 * finds it there later. */
enum { THREADS = 4, ROUNDS = 3000, HELD = 40, TRAY = 64 };

typedef struct crowd {
    fixture *f;
    berthi_mutex mutex;
    berth_buffer *tray[TRAY];
    uint32_t tray_count;
    _Atomic(uint32_t) wrong, exchanged;
    _Atomic(uint32_t) names;
} crowd;

static void swap_with_tray(crowd *c, berth_buffer **mine)
{
    berth_buffer *other;

    berthi_mutex_lock(&c->mutex);
    if (c->tray_count < TRAY) {
        c->tray[c->tray_count++] = *mine;
        *mine = NULL;
    } else {
        other = c->tray[0];
        c->tray[0] = *mine;
        *mine = other;
        c->exchanged++;
    }
    berthi_mutex_unlock(&c->mutex);
}

static void *take_part(void *arg)
{
    crowd *c = arg;
    uint32_t me = ++c->names;
    berthi_buffer_cache cache;
    berth_buffer *held[HELD] = { NULL };
    uint32_t *word;

    berthi_buffer_cache_init(&cache, &c->f->pool);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        berth_buffer **at = &held[(i * 7) % HELD];

        if (*at != NULL) {
            word = berthi_buffer_open(*at, 4);
            if (*word == 0)
                c->wrong++;
            if (i % 3 == 0)
                swap_with_tray(c, at);
            if (*at != NULL)
                berthi_buffer_unref(&cache, *at);
            *at = NULL;
        }
        if (berthi_buffer_take(&cache, i % 5 == 0 ? 300 : 4, &c->f->stage, &c->f->flow, at,
                               NULL) != BERTH_OK)
            continue;
        word = berthi_buffer_open(*at, 4);
        if (*word != 0)
            c->wrong++;
        *word = me;
    }
    for (uint32_t i = 0; i < HELD; i++)
        if (held[i] != NULL)
            berthi_buffer_unref(&cache, held[i]);
    berthi_buffer_cache_empty(&cache);
    return NULL;
}

static void no_buffer_has_two_owners_among_threads(void **state)
{
    static crowd c;
    fixture *f = *state;
    berthi_thread threads[THREADS];

    memset(&c, 0, sizeof c);
    c.f = f;
    f->pool.kept_bytes_max = 200 * 256;
    f->flow.max = THREADS * HELD * 4096;
    assert_int_equal(berthi_mutex_init(&c.mutex), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(berthi_thread_start(&threads[i], "crowd", 0, take_part, &c), 0);
    for (int i = 0; i < THREADS; i++)
        berthi_thread_join(&threads[i]);
    for (uint32_t i = 0; i < c.tray_count; i++)
        berthi_buffer_unref(&f->cache, c.tray[i]);
    berthi_mutex_fini(&c.mutex);
    assert_int_equal(c.wrong, 0);
    assert_true(c.exchanged > 0);
    assert_true(f->pool.counts.chains_in > 0);
}

static void the_last_of_two_references_frees_once(void **state)
{
    fixture *f = *state;
    berth_buffer *buffer = taken(f, 1);

    berthi_buffer_ref(buffer, 2);
    berthi_buffer_unref(&f->cache, buffer);
    berthi_buffer_unref(&f->cache, buffer);
    berthi_buffer_cache_settle(&f->cache);
    assert_int_equal(berthi_budget_used(&f->flow), 256);
    berthi_buffer_unref(&f->cache, buffer);
    berthi_buffer_cache_settle(&f->cache);
    assert_int_equal(berthi_budget_used(&f->flow), 0);
}

#define buffer_case(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        buffer_case(a_buffer_is_of_the_smallest_class_that_does),
        buffer_case(more_than_16_mib_is_refused_and_nothing_is_charged),
        buffer_case(what_was_written_is_gone_when_the_buffer_comes_again),
        buffer_case(only_what_was_opened_is_cleared),
        buffer_case(a_handle_finds_its_buffer_until_that_is_released),
        buffer_case(a_budget_is_charged_up_to_its_end_and_refunded),
        buffer_case(when_the_flow_refuses_its_stage_is_not_charged),
        buffer_case(when_there_is_no_memory_nothing_is_charged),
        buffer_case(a_worker_keeps_few_budgets_and_mixes_up_none),
        buffer_case(free_buffers_move_in_chains_and_the_depot_is_bounded),
        buffer_case(no_buffer_has_two_owners_among_threads),
        buffer_case(the_last_of_two_references_frees_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
