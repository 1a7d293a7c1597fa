/* pair_test.c - calls from guest to guest whose memories have addresses of 32 or 64 bits, in every
 * combination of widths and encodings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "component/run/instance.h"
#include "component/plan/transcode.h"
#include "component_pair.h"
#include "engine_rig.h"

typedef struct entry { /* tuple<u8, string> */
    uint8_t number;
    berthi_cm_host_string text;
} entry;

typedef struct pair { /* of the parameters, and of the result */
    berthi_cm_host_list entries;
    berthi_cm_host_string text;
} pair;

typedef struct pair_rig {
    rig *r;
    uint8_t *bytes;
    size_t size;
    berthi_cm_loaded *loaded;
    berthi_cm_instance *instance;
    berthi_cm_func run;
    berth_arena *arena;
    berth_diag diag;
} pair_rig;

static const entry some_entries[] = {
    { 7, { "plain", 5 } },
    { 255, { "", 0 } },
    { 0,
      { "Gr\xc3\xbc\xc3\x9f"
        "e",
        7 } },
    { 42, { "\xe2\x82\xac and \xf0\x9f\x90\x9f", 12 } },
};
static const pair some_values = { { some_entries, 4 }, { "caf\xc3\xa9", 5 } };

static berth_status load(pair_rig *p, rig *r, const component_pair_side *caller,
                         const component_pair_side *callee)
{
    berthi_cm_load_options options = { .allocator = &r->allocator, .engine = r->engine };

    *p = (pair_rig){ .r = r };
    p->bytes = component_pair(caller, callee, &p->size);
    return berthi_cm_load(p->bytes, p->size, &options, &p->loaded, &p->diag);
}

static void open(pair_rig *p, rig *r, const component_pair_side *caller,
                 const component_pair_side *callee)
{
    berthi_cm_limits limits = { .store = r->limits };

    if (load(p, r, caller, callee) != BERTH_OK ||
        berthi_cm_instance_create(p->loaded, &limits, 1000000, NULL, &p->instance, &p->diag) !=
            BERTH_OK)
        fail_msg("%s", p->diag.text);
    assert_true(berthi_cm_loaded_func(p->loaded, NULL, "run", &p->run));
    assert_int_equal(berth_arena_create(&r->allocator, 0, &p->arena, NULL), BERTH_OK);
}

static void close(pair_rig *p)
{
    berthi_cm_instance_destroy(p->instance);
    berthi_cm_loaded_unref(p->loaded);
    berth_arena_destroy(p->arena);
    free(p->bytes);
}

static void must_be(const berthi_cm_host_string *is, const berthi_cm_host_string *was)
{
    assert_int_equal(is->size, was->size);
    assert_memory_equal(is->text, was->text, was->size);
}

static void call_and_compare(pair_rig *p, const pair *in)
{
    const entry *was = in->entries.data, *is;
    pair out;

    if (berthi_cm_call(p->instance, &p->run, in, &out, p->arena, &p->diag) != BERTH_OK)
        fail_msg("%s", p->diag.text);
    assert_int_equal(out.entries.count, in->entries.count);
    is = out.entries.data;
    for (size_t n = 0; n < in->entries.count; n++) {
        assert_int_equal(is[n].number, was[n].number);
        must_be(&is[n].text, &was[n].text);
    }
    must_be(&out.text, &in->text);
}

/* `way` counts widths and encodings of both sides. */
static void sides_of(unsigned way, component_pair_side *caller, component_pair_side *callee)
{
    *caller = (component_pair_side){ .is_64 = way & 1, .encoding = (uint8_t)(way / 4 % 3) };
    *callee = (component_pair_side){ .is_64 = way & 2, .encoding = (uint8_t)(way / 12 % 3) };
}

static void values_go_between_memories_of_any_width_and_encoding(void **state)
{
    static const pair nothing = { { NULL, 0 }, { "", 0 } };

    for (unsigned way = 0; way < 36; way++) {
        component_pair_side caller, callee;
        pair_rig p;

        sides_of(way, &caller, &callee);
        open(&p, *state, &caller, &callee);
        for (unsigned n = 0; n < 3; n++) {
            call_and_compare(&p, &some_values);
            call_and_compare(&p, &nothing);
        }
        close(&p);
    }
}

static void nothing_is_allocated_between_guests_once_warm(void **state)
{
    for (unsigned way = 0; way < 36; way += 5) { /* each width and encoding of either once */
        component_pair_side caller, callee;
        bool moves = false;
        size_t before;
        pair_rig p;

        sides_of(way, &caller, &callee);
        open(&p, *state, &caller, &callee);
        call_and_compare(&p, &some_values);
        before = p.r->memory.calls;
#ifdef BERTH_HOSTILE
        /* It moves memories, to see who kept a pointer: there is nothing to count. */
        moves = strcmp(p.r->ops->name, "interp") == 0;
#endif
        for (unsigned n = 0; n < (moves ? 100 : 10000); n++) {
            berth_arena_reset(p.arena);
            call_and_compare(&p, &some_values);
        }
        if (!moves)
            assert_int_equal(p.r->memory.calls, before);
        close(&p);
    }
}

static void a_wide_realloc_that_lies_ends_the_call(void **state)
{
    static const struct {
        uint64_t answer;
        const char *text;
    } lies[] = {
        { UINT64_C(1) << 32, "realloc return: beyond end of memory" },
        { (UINT64_C(1) << 32) + 1024, "realloc return: beyond end of memory" },
        { UINT64_MAX - 7, "realloc return: beyond end of memory" },
        { UINT64_C(1) << 63, "realloc return: beyond end of memory" },
        { 65536, "realloc return: beyond end of memory" },
        { 65528, "realloc return: beyond end of memory" },
        { 1025, "realloc return: result not aligned" },
        { UINT64_MAX, "realloc return: result not aligned" },
    };

    for (unsigned n = 0; n < sizeof lies / sizeof *lies; n++)
        for (unsigned who = 0; who < 2; who++) {
            component_pair_side sides[2] = { { .is_64 = who == 0 }, { .is_64 = who == 1 } };
            pair out;
            pair_rig p;

            sides[who].lies = true;
            sides[who].answer = lies[n].answer;
            open(&p, *state, &sides[0], &sides[1]);
            assert_int_equal(
                berthi_cm_call(p.instance, &p.run, &some_values, &out, p.arena, &p.diag),
                BERTH_E_TRAP);
            if (strstr(p.diag.text, lies[n].text) != p.diag.text)
                fail_msg("%s, not %s", p.diag.text, lies[n].text);
            assert_true(berthi_cm_instance_is_dead(p.instance));
            close(&p);
        }
}

static void a_memory_of_more_than_four_gib_is_refused_at_load(void **state)
{
    component_pair_side caller = { .is_64 = false }, callee = { .is_64 = true };
    pair_rig p;

    callee.pages_min = 65537;
    if (load(&p, *state, &caller, &callee) != BERTH_E_LIMIT)
        fail_msg("%s", p.diag.text);
    assert_string_equal(p.diag.text,
                        "core module 0: memory 0 starts with 65537 pages; memories of more "
                        "than 4 GiB are not supported");
    free(p.bytes);
    callee.pages_min = 65536; /* as far as this goes; the store allows less */
    assert_int_equal(load(&p, *state, &caller, &callee), BERTH_OK);
    berthi_cm_loaded_unref(p.loaded);
    free(p.bytes);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        rig_test(values_go_between_memories_of_any_width_and_encoding),
        rig_test(nothing_is_allocated_between_guests_once_warm),
        rig_test(a_wide_realloc_that_lies_ends_the_call),
        rig_test(a_memory_of_more_than_four_gib_is_refused_at_load),
    };

    return rig_run("pairs of guests", tests, sizeof tests / sizeof *tests);
}
