/* fuzz_contract.c - of any two texts that are WIT the contracts compare as they should.
 *
 * The input is two texts with a zero byte between; without one the second is what the first gives
 * when it is written out.  Digests are equal if and only if no change is found; a contract equals
 * itself and what it gives when it is written out; and when the type of one field, case or parameter is
 * another one, that breaks callers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contract/contract.h"
#include "contract/wit_print.h"
#include "fuzz.h"

static const berthi_wit_options options = { .has_all_features = true };

static const berthi_wit *read_text(const char *text, size_t size, berthi_arena *arena)
{
    const berthi_wit *model = NULL;
    berth_diag diag = { .text = "" };

    return berthi_wit_read_text("a", text, size, &options, arena, &model, &diag) == BERTH_OK
               ? model
               : NULL;
}

static void check_comparison(const berthi_package_comparison *c)
{
    berthi_relation worst = BERTHI_RELATION_EQUAL;
    berthi_text_buf texts[2];

    for (uint32_t i = 0; i < c->pairs_count; i++) {
        const berthi_pair *pair = &c->pairs[i];
        bool breaks = false;
        uint32_t count = 0;

        if (pair->result.relation > worst)
            worst = pair->result.relation;
        if (pair->old == NULL || pair->now == NULL)
            continue;
        for (const berthi_change *change = pair->result.changes; change != NULL;
             change = change->next) {
            breaks |= (change->breaks & BERTHI_BREAKS_CALLERS) != 0;
            count++;
        }
        CHECK(count == pair->result.count);
        CHECK((count == 0) == (memcmp(pair->old->digest, pair->now->digest, 32) == 0));
        CHECK((count == 0) == (pair->result.relation == BERTHI_RELATION_EQUAL));
        CHECK(breaks == (pair->result.relation == BERTHI_RELATION_BREAKING));
    }
    CHECK(worst == c->relation);
    for (int i = 0; i < 2; i++)
        berthi_text_buf_init(&texts[i], &berthi_allocator_libc);
    berthi_package_comparison_print(c, &texts[0]);
    berthi_package_comparison_json(c, &texts[1]);
    for (int i = 0; i < 2; i++) {
        CHECK(!texts[i].has_failed && texts[i].size != 0);
        berthi_text_buf_fini(&texts[i]);
    }
}

/* 0: past a bound. */
static berthi_relation compare(const berthi_wit *old, const berthi_wit *now,
                               berthi_arena *arena)
{
    berthi_package_comparison comparison;
    berth_diag diag = { .text = "" };
    berth_status status = berthi_package_compare(old, now, arena, &comparison, &diag);

    CHECK(status == BERTH_OK || status == BERTH_E_LIMIT);
    CHECK((status == BERTH_OK) == (diag.text[0] == '\0'));
    if (status != BERTH_OK)
        return 0;
    check_comparison(&comparison);
    return comparison.relation;
}

/* Both ways: what equals one way equals the other way. */
static void compare_both(const berthi_wit *a, const berthi_wit *b, berthi_arena *arena)
{
    berthi_relation there = compare(a, b, arena), back = compare(b, a, arena);

    CHECK(there == 0 || back == 0 ||
          (there == BERTHI_RELATION_EQUAL) == (back == BERTHI_RELATION_EQUAL));
}

/* ---------------------------------------------------------------- one type is another one */

typedef struct picker {
    berthi_wit *model;
    uint32_t left; /* so many items are passed over */
    berthi_wit_item *found;
} picker;

/* Items whose type is a primitive; `pick` counts them when it finds none. */
static void offer(picker *p, const berthi_wit_item *items, uint32_t count)
{
    for (uint32_t i = 0; i < count && p->found == NULL; i++)
        if (items[i].type < BERTHI_WIT_PRIMITIVES && p->left-- == 0)
            p->found = (berthi_wit_item *)(uintptr_t)&items[i];
}

/* Of the functions of the root package, and of the types that are written in it. */
static void pick(picker *p)
{
    const berthi_wit *m = p->model;
    const berthi_wit_package *root = &m->packages[m->root];

    for (uint32_t i = 0; i < root->interfaces_count; i++) {
        const berthi_wit_interface *it = &m->interfaces[root->interfaces[i]];

        for (uint32_t f = 0; f < it->funcs_count; f++)
            offer(p, it->funcs[f].params, it->funcs[f].params_count);
        for (uint32_t t = 0; t < it->types_count; t++)
            offer(p, m->types[it->types[t]].items, m->types[it->types[t]].items_count);
    }
}

static void change_one(const berthi_wit *old, berthi_wit *now, uint32_t seed,
                       berthi_arena *arena)
{
    picker counter = { .model = now, .left = UINT32_MAX }, p = { .model = now };
    berthi_relation relation;
    uint32_t was;

    pick(&counter);
    if (counter.left == UINT32_MAX)
        return; /* there is none */
    p.left = seed % (UINT32_MAX - counter.left);
    pick(&p);
    CHECK(p.found != NULL);
    was = p.found->type;
    p.found->type = was == BERTHI_WIT_U8 ? BERTHI_WIT_S8 : BERTHI_WIT_U8;
    relation = compare(old, now, arena);
    CHECK(relation == 0 || relation == BERTHI_RELATION_BREAKING);
    relation = compare(now, old, arena);
    CHECK(relation == 0 || relation == BERTHI_RELATION_BREAKING);
    p.found->type = was;
    relation = compare(old, now, arena);
    CHECK(relation == 0 || relation == BERTHI_RELATION_EQUAL);
}

static uint32_t hash(const uint8_t *data, size_t size)
{
    uint32_t h = 2166136261u;

    for (size_t i = 0; i < size; i++)
        h = (h ^ data[i]) * 16777619u;
    return h;
}

static void check_one(const berthi_wit *model, uint32_t seed, berthi_arena *arena)
{
    berthi_relation relation = compare(model, model, arena);
    const berthi_wit *again = NULL;
    berthi_text_buf text;

    CHECK(relation == 0 || relation == BERTHI_RELATION_EQUAL);
    berthi_text_buf_init(&text, &berthi_allocator_libc);
    if (berthi_wit_print(model, &text))
        again = read_text(text.data, text.size, arena);
    berthi_text_buf_fini(&text);
    if (again == NULL)
        return; /* past a bound when it is written out */
    relation = compare(model, again, arena);
    CHECK(relation == 0 || relation == BERTHI_RELATION_EQUAL);
    if (relation == BERTHI_RELATION_EQUAL)
        change_one(model, (berthi_wit *)(uintptr_t)again, seed, arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *cut = size == 0 ? NULL : memchr(data, 0, size);
    size_t first = cut == NULL ? size : (size_t)(cut - data);
    const berthi_wit *old, *now = NULL;
    berthi_arena arena;

    berthi_arena_init(&arena, &berthi_allocator_libc, SIZE_MAX);
    old = read_text((const char *)data, first, &arena);
    if (cut != NULL)
        now = read_text((const char *)cut + 1, size - first - 1, &arena);
    if (old != NULL)
        check_one(old, hash(data, size), &arena);
    if (old != NULL && now != NULL)
        compare_both(old, now, &arena);
    berthi_arena_fini(&arena);
    return 0;
}
