/* arena_test.c - memory that is freed at once: the internal arena and that of replies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <berth/arena.h>

#include "base/alloc.h"
#include "memory.h"

#include <cmocka.h>

static void assert_aligned(const void *p)
{
    assert_non_null(p);
    assert_int_equal((uintptr_t)p % 16, 0);
}

static void what_an_arena_hands_out_is_zero_aligned_and_apart(void **state)
{
    bertht_memory memory;
    berth_allocator a;
    berthi_arena arena;
    unsigned char *blocks[300];

    (void)state;
    memory_init(&memory);
    a = memory_allocator(&memory);
    berthi_arena_init(&arena, &a, SIZE_MAX);
    for (size_t i = 0; i < 300; i++) {
        blocks[i] = berthi_arena_alloc(&arena, i);
        assert_aligned(blocks[i]);
        for (size_t k = 0; k < i; k++)
            assert_int_equal(blocks[i][k], 0);
        memset(blocks[i], (int)(i % 251), i);
    }
    for (size_t i = 0; i < 300; i++)
        for (size_t k = 0; k < i; k++)
            assert_int_equal(blocks[i][k], i % 251);
    assert_true(atomic_load(&memory.live_blocks) < 20); /* chunks, not blocks */
    berthi_arena_fini(&arena);
    memory_assert_empty(&memory);
    assert_aligned(berthi_arena_alloc(&arena, 1)); /* it may be used again */
    berthi_arena_fini(&arena);
    memory_assert_empty(&memory);
}

static void an_arena_gives_its_bound_and_not_a_byte_more(void **state)
{
    enum { BOUND = 10000 - 10000 % 16 };
    bertht_memory memory;
    berth_allocator a;
    berthi_arena arena;
    size_t given = 0;

    (void)state;
    memory_init(&memory);
    a = memory_allocator(&memory);
    berthi_arena_init(&arena, &a, BOUND);
    while (berthi_arena_alloc(&arena, 16) != NULL)
        given += 16;
#if defined(__SANITIZE_ADDRESS__)
    assert_in_range(given, BOUND / 2, BOUND); /* there, a gap stands behind each block */
#else
    assert_int_equal(given, BOUND);
#endif
    assert_null(berthi_arena_alloc(&arena, 1));
    berthi_arena_fini(&arena);

    berthi_arena_init(&arena, &a, BOUND);
    assert_non_null(berthi_arena_alloc(&arena, BOUND));
    assert_null(berthi_arena_alloc(&arena, 1));
    berthi_arena_fini(&arena);

    berthi_arena_init(&arena, &a, BOUND);
    assert_null(berthi_arena_alloc(&arena, BOUND + 1));
    assert_non_null(berthi_arena_alloc(&arena, 1)); /* a refusal changes nothing */
    berthi_arena_fini(&arena);
    memory_assert_empty(&memory);
}

static void sizes_that_overflow_are_refused(void **state)
{
    bertht_memory memory;
    berth_allocator a;
    berthi_arena arena;

    (void)state;
    memory_init(&memory);
    a = memory_allocator(&memory);
    berthi_arena_init(&arena, &a, SIZE_MAX);
    for (size_t less = 0; less < 100; less++)
        assert_null(berthi_arena_alloc(&arena, SIZE_MAX - less));
    assert_null(berthi_arena_array(&arena, SIZE_MAX / 2, 3));
    assert_null(berthi_arena_array(&arena, SIZE_MAX, 1));
    assert_null(berthi_arena_strndup(&arena, "x", SIZE_MAX));
    assert_null(berthi_zalloc_array(&a, SIZE_MAX / 2, 3));
    assert_non_null(berthi_arena_array(&arena, 0, 8));
    berthi_arena_fini(&arena);
    memory_assert_empty(&memory);
}

static void an_arena_survives_every_failing_allocation(void **state)
{
    bertht_memory memory;
    berth_allocator a;
    berthi_arena arena;

    (void)state;
    for (size_t nth = 0; nth < 3; nth++) {
        size_t failed = 0;

        memory_init(&memory);
        a = memory_allocator(&memory);
        memory_fail(&memory, nth, false);
        berthi_arena_init(&arena, &a, SIZE_MAX);
        for (int i = 0; i < 4; i++)
            failed += berthi_arena_alloc(&arena, 5000) == NULL;
        assert_int_equal(failed, 1);
        assert_string_equal(berthi_arena_strndup(&arena, "text and more", 4), "text");
        berthi_arena_fini(&arena);
        memory_assert_empty(&memory);
    }
}

static void copies_of_text_are_terminated(void **state)
{
    bertht_memory memory;
    berth_allocator a;
    char *copy;

    (void)state;
    memory_init(&memory);
    a = memory_allocator(&memory);
    copy = berthi_strndup(&a, "text and more", 4);
    assert_string_equal(copy, "text");
    berthi_free(&a, copy, 5);
    memory_fail(&memory, 0, true);
    assert_null(berthi_strndup(&a, "text", 4));
    assert_null(berthi_zalloc(&a, 1));
    berthi_free(&a, NULL, 77);
    memory_assert_empty(&memory);
}

static void a_reply_arena_keeps_what_it_handed_out_until_reset(void **state)
{
    bertht_memory memory;
    berth_allocator a;
    berth_arena *arena = NULL;
    unsigned char *blocks[64];

    (void)state;
    memory_init(&memory);
    a = memory_allocator(&memory);
    assert_int_equal(berth_arena_create(&a, 100, &arena, NULL), BERTH_OK);
    for (size_t i = 0; i < 64; i++) {
        blocks[i] = berth_arena_alloc(arena, 7 * i);
        assert_aligned(blocks[i]);
        memset(blocks[i], (int)i, 7 * i);
    }
    for (size_t i = 0; i < 64; i++)
        for (size_t k = 0; k < 7 * i; k++)
            assert_int_equal(blocks[i][k], i);
    berth_arena_destroy(arena);
    memory_assert_empty(&memory);
}

static void a_reset_leaves_one_piece_that_holds_what_was_needed(void **state)
{
    bertht_memory memory;
    berth_allocator a;
    berth_arena *arena = NULL;
    size_t calls;

    (void)state;
    memory_init(&memory);
    a = memory_allocator(&memory);
    assert_int_equal(berth_arena_create(&a, 64, &arena, NULL), BERTH_OK);
    for (int i = 0; i < 1000; i++)
        assert_non_null(berth_arena_alloc(arena, 100));
    assert_true(atomic_load(&memory.live_blocks) > 3);
    berth_arena_reset(arena);
    assert_int_equal(atomic_load(&memory.live_blocks), 2); /* itself and one piece */

    calls = atomic_load(&memory.calls);
    for (int round = 0; round < 100; round++) {
        for (int i = 0; i < 1000; i++)
            assert_non_null(berth_arena_alloc(arena, 100));
        berth_arena_reset(arena);
    }
    assert_int_equal(atomic_load(&memory.calls), calls); /* warm: never again */
    berth_arena_destroy(arena);
    memory_assert_empty(&memory);
}

static void a_reset_without_memory_goes_on_with_the_largest_piece(void **state)
{
    bertht_memory memory;
    berth_allocator a;
    berth_arena *arena = NULL;
    size_t calls;

    (void)state;
    memory_init(&memory);
    a = memory_allocator(&memory);
    assert_int_equal(berth_arena_create(&a, 64, &arena, NULL), BERTH_OK);
    assert_non_null(berth_arena_alloc(arena, 64));
    assert_non_null(berth_arena_alloc(arena, 4000));
    memory_fail(&memory, 0, true);
    berth_arena_reset(arena);
    assert_int_equal(atomic_load(&memory.live_blocks), 2);
    calls = atomic_load(&memory.calls);
    assert_aligned(berth_arena_alloc(arena, 4000));
    assert_int_equal(atomic_load(&memory.calls), calls);
    assert_null(berth_arena_alloc(arena, 4000)); /* full, and there is no more */
    berth_arena_destroy(arena);
    memory_assert_empty(&memory);
}

static void a_reply_arena_refuses_without_harm(void **state)
{
    bertht_memory memory;
    berth_allocator a;
    berth_arena *arena = NULL;
    berth_diag diag;
    unsigned char *kept;

    (void)state;
    memory_init(&memory);
    a = memory_allocator(&memory);
    for (size_t nth = 0; nth < 2; nth++) {
        memory_fail(&memory, nth, false);
        assert_int_equal(berth_arena_create(&a, 0, &arena, &diag), BERTH_E_NOMEM);
        assert_int_equal(diag.status, BERTH_E_NOMEM);
        assert_null(arena);
        memory_assert_empty(&memory);
    }
    memory_fail(&memory, MEMORY_NEVER, false);
    assert_int_equal(berth_arena_create(&a, SIZE_MAX, &arena, &diag), BERTH_E_NOMEM);
    assert_int_equal(berth_arena_create(&a, SIZE_MAX - 40, &arena, &diag), BERTH_E_NOMEM);
    assert_int_equal(berth_arena_create(&a, 32, NULL, &diag), BERTH_E_INVALID);
    assert_int_equal(berth_arena_create(&a, 32, &arena, &diag), BERTH_OK);
    kept = berth_arena_alloc(arena, 20);
    memset(kept, 7, 20);
    memory.bytes_max = 1u << 20;
    assert_null(berth_arena_alloc(arena, SIZE_MAX));
    assert_null(berth_arena_alloc(arena, SIZE_MAX - 14));
    assert_null(berth_arena_alloc(arena, 1u << 20));
    for (int i = 0; i < 20; i++)
        assert_int_equal(kept[i], 7);
    assert_non_null(berth_arena_alloc(arena, 20));
    berth_arena_destroy(arena);
    berth_arena_destroy(NULL);
    memory_assert_empty(&memory);
}

/* Doubling must not turn a request that fits into one that does not. */
static void growth_asks_for_less_when_double_is_not_to_be_had(void **state)
{
    bertht_memory memory;
    berth_allocator a;
    berth_arena *arena = NULL;

    (void)state;
    memory_init(&memory);
    a = memory_allocator(&memory);
    assert_int_equal(berth_arena_create(&a, 1000000, &arena, NULL), BERTH_OK);
    memory.bytes_max = 1100000;
    assert_non_null(berth_arena_alloc(arena, 1000000));
    assert_non_null(berth_arena_alloc(arena, 5000));
    memory.bytes_max = 1; /* the newest piece is not the largest now */
    berth_arena_reset(arena);
    assert_non_null(berth_arena_alloc(arena, 1000000));
    berth_arena_destroy(arena);
    memory_assert_empty(&memory);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_an_arena_hands_out_is_zero_aligned_and_apart),
        cmocka_unit_test(an_arena_gives_its_bound_and_not_a_byte_more),
        cmocka_unit_test(sizes_that_overflow_are_refused),
        cmocka_unit_test(an_arena_survives_every_failing_allocation),
        cmocka_unit_test(copies_of_text_are_terminated),
        cmocka_unit_test(a_reply_arena_keeps_what_it_handed_out_until_reset),
        cmocka_unit_test(a_reset_leaves_one_piece_that_holds_what_was_needed),
        cmocka_unit_test(a_reset_without_memory_goes_on_with_the_largest_piece),
        cmocka_unit_test(a_reply_arena_refuses_without_harm),
        cmocka_unit_test(growth_asks_for_less_when_double_is_not_to_be_had),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
