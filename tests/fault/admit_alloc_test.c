/* admit_alloc_test.c - admission without memory: each allocation fails once, and from then on.
 *
 * Two heaps serve admission: the caller's and libcrypto's.  The latter is process wide, so the
 * library leaves it alone; this program may replace it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/crypto.h>

#include <berth/admit.h>

#include "guests.h"
#include "memory.h"
#include "plugin_builder.h"

static const berthi_admit_limits limits = { .artifact_bytes_max = BERTHI_ARTIFACT_BYTES_MAX,
                                            .memory_bytes_max = BERTHI_MEMORY_BYTES_MAX,
                                            .table_elements_max = BERTHI_TABLE_ELEMENTS_MAX };

/* A foreign library's heap, failing like ours. */
typedef struct foreign_heap {
    size_t calls, fail_at, failures;
    bool sticky;
} foreign_heap;

static foreign_heap crypto_heap = { .fail_at = MEMORY_NEVER };

static void foreign_fail(foreign_heap *h, size_t nth, bool sticky)
{
    h->calls = h->failures = 0;
    h->fail_at = nth;
    h->sticky = sticky;
}

static bool foreign_refuses(foreign_heap *h)
{
    size_t call = h->calls++;
    bool refuses = call == h->fail_at || (h->sticky && call > h->fail_at);

    h->failures += refuses;

    return refuses;
}

static void *crypto_alloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return foreign_refuses(&crypto_heap) ? NULL : malloc(size);
}

static void *crypto_realloc(void *p, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return foreign_refuses(&crypto_heap) ? NULL : realloc(p, size);
}

static void crypto_release(void *p, const char *file, int line)
{
    (void)file;
    (void)line;
    free(p);
}

/* Sound metadata with `padding` more bytes in a text, so that its values need memory of their own
 * and do not fit into what an arena has left. */
static uint8_t *build(const berthi_profile *profile, bool is_sound, size_t padding,
                      size_t *size_out)
{
    plugin_recipe recipe = { .profile = profile,
                             .hooks = is_sound ? SOUND_CCLB_ALL_HOOKS : "" };
    size_t room = strlen(sound_cclb_all_metadata) + padding + 32;
    char *metadata = malloc(room);
    uint8_t *bytes;

    assert_non_null(metadata);
    snprintf(metadata, room, "{\"padding\": \"%*s\", %s", (int)padding, "",
             sound_cclb_all_metadata + 1);
    recipe.metadata = metadata;
    bytes = plugin_build(&recipe, size_out);
    free(metadata);
    return bytes;
}

/* One inspection on a heap of its own, which is empty afterwards. */
static berth_status inspect_once(bertht_memory *m, const uint8_t *bytes, size_t size)
{
    berth_allocator a = memory_allocator(m);
    berth_verdict *verdict = NULL;
    berth_diag diag = { 0 };
    berth_status status = berth_inspect(&a, bytes, size, 0, &verdict, &diag);

    if (status == BERTH_OK) {
        assert_int_equal(berth_verdict_json(verdict)[0], '{');
        assert_int_equal(berth_verdict_text(verdict)[0], 'a');
    } else {
        assert_null(verdict);
        assert_int_equal(diag.status, status);
        assert_true(diag.text[0] != '\0');
    }
    berth_verdict_destroy(verdict);
    memory_assert_empty(m);
    return status;
}

static berth_status admit_once(bertht_memory *m, const uint8_t *bytes, size_t size)
{
    berth_allocator a = memory_allocator(m);
    berthi_plugin plugin;
    berthi_arena arena;
    berth_diag diag = { 0 };
    berth_status status;

    berthi_arena_init(&arena, &a, SIZE_MAX);
    status = berthi_admit(bytes, size, NULL, NULL, &limits, &arena, &plugin, &diag);
    if (status == BERTH_OK)
        assert_int_equal(plugin.hooks_count, plugin.is_component ? 0 : 4);
    else
        assert_int_equal(diag.status, status);
    berthi_arena_fini(&arena);
    memory_assert_empty(m);
    return status;
}

typedef berth_status (*step)(bertht_memory *m, const uint8_t *bytes, size_t size);

static void fail_each_of_ours(step run, const uint8_t *bytes, size_t size, bool sticky)
{
    bertht_memory m;
    berth_status without;

    memory_init(&m);
    without = run(&m, bytes, size);
    assert_int_not_equal(without, BERTH_E_NOMEM);
    for (size_t nth = 0;; nth++) {
        berth_status status;

        memory_fail(&m, nth, sticky);
        status = run(&m, bytes, size);
        if (m.failures == 0) {
            assert_int_equal(status, without);
            assert_true(nth >= 1); /* something was allocated, and so refused */
            return;
        }
        assert_int_equal(status, BERTH_E_NOMEM);
    }
}

static void any_of_our_allocations_may_fail(void **state)
{
    const berthi_profile *const profiles[] = { &berthi_profile_berth, &berthi_profile_cclb };

    (void)state;
    for (unsigned i = 0; i < 16; i++) {
        size_t size;
        uint8_t *bytes = build(profiles[i & 1], (i & 2) != 0, i & 8 ? 5000 : 0, &size);

        fail_each_of_ours(inspect_once, bytes, size, (i & 4) != 0);
        fail_each_of_ours(admit_once, bytes, size, (i & 4) != 0);
        free(bytes);
    }
}

static void any_allocation_of_a_component_may_fail(void **state)
{
    size_t size;
    uint8_t *bytes = guest_read("cli_values.component", &size);

    (void)state;
    for (int sticky = 0; sticky < 2; sticky++) {
        fail_each_of_ours(inspect_once, bytes, size, sticky != 0);
        fail_each_of_ours(admit_once, bytes, size, sticky != 0);
    }
    free(bytes);
}

/* The answer is that of a run with memory, or that there was none: never "bad metadata". */
static void fail_each_of_theirs(foreign_heap *heap, step run, const uint8_t *bytes, size_t size,
                                bool sticky)
{
    bertht_memory m;
    berth_status without;
    size_t refused = 0;

    memory_init(&m);
    without = run(&m, bytes, size);
    assert_int_not_equal(without, BERTH_E_NOMEM);
    for (size_t nth = 0;; nth++) {
        berth_status status;

        foreign_fail(heap, nth, sticky);
        status = run(&m, bytes, size);
        if (heap->failures == 0) {
            foreign_fail(heap, MEMORY_NEVER, false);
            assert_int_equal(status, without);
            assert_true(refused > 0);
            return;
        }
        refused += status == BERTH_E_NOMEM;
        if (status != BERTH_E_NOMEM && status != without)
            fail_msg("refusal %zu gave status %s", nth, berth_status_name(status));
    }
}

static void any_allocation_of_libcrypto_may_fail(void **state)
{
    size_t size;
    uint8_t *bytes = build(&berthi_profile_cclb, true, 0, &size);

    (void)state;
    fail_each_of_theirs(&crypto_heap, inspect_once, bytes, size, false);
    fail_each_of_theirs(&crypto_heap, inspect_once, bytes, size, true);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_of_our_allocations_may_fail),
        cmocka_unit_test(any_allocation_of_a_component_may_fail),
        cmocka_unit_test(any_allocation_of_libcrypto_may_fail),
    };

    if (CRYPTO_set_mem_functions(crypto_alloc, crypto_realloc, crypto_release) != 1)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
