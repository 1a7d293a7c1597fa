/* work_test.c - validation ends soon, whatever it is made to look up.
 *
 * Tables of names hash them with FNV, which anybody can make collide: here by blocks of seven letters, two
 * of which lead from one state to the same next one, so that n pairs of blocks are 2^n names with one
 * hash.  A table of them costs the square of their number, and that is charged like all other work. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/diag.h"
#include "component/component.h"
#include "component_bytes.h"

enum { PAIRS = 13, BLOCK = 7, NAMES = 1 << PAIRS, TRIES = 1 << 18, PLACES = 1 << 20 };

typedef struct collisions {
    char blocks[PAIRS][2][BLOCK];
} collisions;

static uint32_t hash_block(uint32_t hash, const char *block)
{
    for (int i = 0; i < BLOCK; i++)
        hash = (hash ^ (uint8_t)block[i]) * 0x01000193u;
    return hash;
}

static void block_of(uint32_t n, char *block)
{
    uint64_t letters = n * UINT64_C(0x9e3779b97f4a7c15) >> 24;

    for (int i = 0; i < BLOCK; i++, letters /= 26)
        block[i] = (char)('a' + letters % 26);
}

/* Two blocks that lead from `hash` to the same state, which is answered. */
static uint32_t find_pair(uint32_t hash, char pair[2][BLOCK])
{
    uint32_t *places = calloc(PLACES, sizeof *places), next = 0;
    bool found = false;

    assert_non_null(places);
    for (uint32_t n = 0; n < TRIES && !found; n++) {
        uint32_t at;

        block_of(n, pair[0]);
        next = hash_block(hash, pair[0]);
        at = next % PLACES;
        if (places[at] != 0)
            block_of(places[at] - 1, pair[1]);
        found = places[at] != 0 && hash_block(hash, pair[1]) == next;
        places[at] = n + 1;
    }
    free(places);
    assert_true(found);
    return next;
}

static void find_collisions(uint32_t start, collisions *c)
{
    for (int i = 0; i < PAIRS; i++)
        start = find_pair(start, c->blocks[i]);
}

static void put_name(bertht_buf *b, const collisions *c, uint32_t n)
{
    buf_u32(b, PAIRS * BLOCK);
    for (int i = 0; i < PAIRS; i++)
        buf_bytes(b, c->blocks[i][n >> i & 1], BLOCK);
}

static void expect_work(bertht_buf *b)
{
    const berthi_cm_component *component;
    berth_diag diag = { .text = "" };
    berthi_arena arena;

    berthi_arena_init(&arena, &berthi_allocator_libc, SIZE_MAX);
    assert_int_equal(berthi_component_read(b->data, b->size, &arena, &component, &diag),
                     BERTH_OK);
    assert_int_equal(berthi_component_validate(component, &arena, &diag), BERTH_E_LIMIT);
    assert_non_null(strstr(diag.text, "takes too much work"));
    berthi_arena_fini(&arena);
    buf_free(b);
}

static void labels_that_collide_are_work(void **state)
{
    bertht_buf b = { 0 }, body = { 0 };
    collisions c;

    (void)state;
    find_collisions(0x811c9dc5u, &c);
    component_start(&b);
    buf_byte(&body, 1);
    buf_byte(&body, 0x6d); /* an enum */
    buf_u32(&body, NAMES);
    for (uint32_t n = 0; n < NAMES; n++)
        put_name(&body, &c, n);
    component_section_of(&b, 7, &body);
    expect_work(&b);
}

static void put_arguments(bertht_buf *body, const collisions *c)
{
    buf_byte(body, 1);
    buf_byte(body, 0x01); /* a core instance of exports */
    buf_u32(body, NAMES);
    for (uint32_t n = 0; n < NAMES; n++) {
        put_name(body, c, n);
        buf_byte(body, 0x00);
        buf_byte(body, 0x00);
    }
}

static void exports_that_collide_are_work(void **state)
{
    bertht_buf b = { 0 }, body = { 0 };
    collisions c;

    (void)state;
    find_collisions(0, &c);
    component_start(&b);
    COMPONENT(&b, 8, "\x01\x24"); /* a core function: backpressure.inc */
    put_arguments(&body, &c);
    component_section_of(&b, 2, &body);
    expect_work(&b);
}

static void imports_of_a_module_that_collide_are_work(void **state)
{
    bertht_buf b = { 0 }, body = { 0 };
    collisions c;

    (void)state;
    find_collisions(0, &c); /* of the module's name, the same behind it for all */
    component_start(&b);
    buf_byte(&body, 1);
    buf_byte(&body, 0x50); /* a module type */
    buf_u32(&body, NAMES + 1);
    buf_bytes(&body, "\x01\x60\x00\x00", 4);
    for (uint32_t n = 0; n < NAMES; n++) {
        buf_byte(&body, 0x00);
        put_name(&body, &c, n);
        buf_name(&body, "f");
        buf_byte(&body, 0x00);
        buf_byte(&body, 0x00);
    }
    component_section_of(&b, 3, &body);
    expect_work(&b);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_that_collide_are_work),
        cmocka_unit_test(exports_that_collide_are_work),
        cmocka_unit_test(imports_of_a_module_that_collide_are_work),
    };

    return cmocka_run_group_tests_name("work", tests, NULL, NULL);
}
