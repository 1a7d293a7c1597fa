/* value_bytes_test.c - how many bytes strings and lists have, part by part and at a glance. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "cm_types.h"
#include "cm_values.h"
#include "component/value/value_bytes.h"
#include "component/value/value_reader.h"

static const struct {
    const char *text;
    bool args_walk, result_walk;
} funcs[] = {
    { "func()", false, false },
    { "func(a: u32, b: bool) -> f64", false, false },
    { "func(a: list<u8>) -> result<list<u8>, string>", false, false },
    { "func(a: string) -> string", false, false },
    { "func(a: list<u64>) -> list<tuple<u8, u32>>", false, false },
    { "func(a: result<u8, u16>) -> result<string, string>", false, false },
    { "func() -> list<u16>", false, false },
    { "func(a: u8, b: string) -> result<list<u16>, string>", true, true },
    { "func(a: list<string>) -> option<string>", true, true },
    { "func(a: record { a: u8, b: list<u32> }) -> result<string, u8>", true, true },
    { "func(a: list<string, 3>) -> variant { a(list<u8>), b, c(string) }", true, true },
    { "func(a: map<string, u32>) -> result<_, string>", true, true },
    { "func(a: result<result<string, string>, string>) -> result<result<u8>>", true, false },
};
enum { FUNCS = sizeof funcs / sizeof *funcs, ROUNDS = 200 };

typedef struct rig {
    bertht_cm_types t;
    berth_arena *arena;
} rig;

static int set_up(void **state)
{
    static rig r;

    bertht_cm_types_init(&r.t, &berthi_allocator_libc);
    *state = &r;
    return berth_arena_create(NULL, 0, &r.arena, NULL) != BERTH_OK;
}

static int tear_down(void **state)
{
    rig *r = *state;

    bertht_cm_types_fini(&r->t);
    berth_arena_destroy(r->arena);
    return 0;
}

static void random_args(rig *r, const berthi_cm_type *func, uint64_t *seed, unsigned char *to)
{
    berthi_cm_place place = { .align = 1 };

    for (uint32_t i = 0; i + 1 < func->count; i++)
        bertht_cm_random_value(func->items[i].type, seed, r->arena,
                               to + berthi_cm_place_add(&place, func->items[i].type));
}

static void what_is_seen_at_a_glance_is_what_a_walk_finds(void **state)
{
    rig *r = *state;
    uint64_t seed = 20261121, seen = 0;
    _Alignas(16) unsigned char value[256] = { 0 };

    for (unsigned n = 0; n < FUNCS; n++) {
        const berthi_cm_type *func = bertht_cm_type(&r->t, funcs[n].text);
        berthi_cm_measure args, result;

        assert_non_null(func);
        args = berthi_cm_measure_args(func);
        result = berthi_cm_measure_result(func);
        assert_int_equal(args.is_walk, funcs[n].args_walk);
        assert_int_equal(result.is_walk, funcs[n].result_walk);
        for (int round = 0; round < ROUNDS; round++) {
            random_args(r, func, &seed, value);
            assert_int_equal(berthi_cm_measured(&args, value),
                             berthi_cm_args_bytes(func, value));
            seen += berthi_cm_measured(&args, value);
            if (berthi_cm_func_result(func) != NULL)
                bertht_cm_random_value(berthi_cm_func_result(func), &seed, r->arena, value);
            assert_int_equal(berthi_cm_measured(&result, value),
                             berthi_cm_result_bytes(func, value));
            berth_arena_reset(r->arena);
        }
    }
    assert_true(seen > 10000);
}

static void strings_and_lists_count_and_nothing_else(void **state)
{
    rig *r = *state;
    const berthi_cm_type *list = bertht_cm_type(&r->t, "list<string>");
    const berthi_cm_type *pair = bertht_cm_type(&r->t, "tuple<u64, list<u16>>");
    const berthi_cm_host_list texts[] = { { "abc", 3 }, { "", 0 }, { "de", 2 } };
    const berthi_cm_host_list of_texts = { texts, 3 };
    const struct {
        uint64_t number;
        berthi_cm_host_list list;
    } of_pair = { 77, { "123456", 3 } };

    assert_int_equal(berthi_cm_value_bytes(list, &of_texts), sizeof texts + 3 + 2);
    assert_int_equal(berthi_cm_value_bytes(pair, &of_pair), 3 * 2);
    assert_int_equal(berthi_cm_value_bytes(pair->items[0].type, &of_pair), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_seen_at_a_glance_is_what_a_walk_finds, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(strings_and_lists_count_and_nothing_else, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
