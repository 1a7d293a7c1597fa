/* bundle_graph_test.c - who is given what, which problems are said, and the order of loading. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bundle/bundle.h"

enum { NODES_MAX = 600, TEXT_MAX = 4096 };

typedef struct rig {
    berthi_arena arena;
    berthi_manifest *manifests[NODES_MAX];
    uint32_t count;
    berthi_graph graph;
} rig;

static void start(rig *t)
{
    memset(t, 0, sizeof *t);
    berthi_arena_init(&t->arena, &berthi_allocator_libc, SIZE_MAX);
}

static void add(rig *t, const char *name, const char *version, const char *more)
{
    char text[TEXT_MAX];
    berthi_text source = { "t", text, 0 };
    berth_diag diag = { 0 };
    int size = snprintf(text, sizeof text,
                        "[bundle]\nname=\"%s\"\nversion=\"%s\"\n%s\n[[artifact]]\n"
                        "kind=\"module\"\nfile=\"x\"\n",
                        name, version, more);

    assert_true(size > 0 && size < TEXT_MAX && t->count < NODES_MAX);
    source.size = (size_t)size;
    t->manifests[t->count] = berthi_arena_alloc(&t->arena, sizeof(berthi_manifest));
    if (berthi_manifest_read(&source, &t->arena, t->manifests[t->count], &diag) != BERTH_OK)
        fail_msg("%s", diag.text);
    t->count++;
}

static void make(rig *t, const berth_bundle_pin *pins, uint32_t pins_count)
{
    assert_int_equal(berthi_graph_make((const berthi_manifest *const *)t->manifests, t->count,
                                       0, pins, pins_count, &t->arena, &t->graph, NULL),
                     BERTH_OK);
}

static void assert_order(const rig *t, const char *wanted)
{
    char text[TEXT_MAX] = "";
    size_t used = 0;

    for (uint32_t i = 0; i < t->graph.order_count && used < sizeof text; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", i == 0 ? "" : " ",
                                 t->manifests[t->graph.order[i]]->name);
    assert_string_equal(text, wanted);
}

static void assert_problem(const rig *t, uint32_t at, berthi_problem_kind kind,
                           const char *text)
{
    const berthi_problem *p = t->graph.problems.first;

    while (p != NULL && at-- > 0)
        p = p->next;
    assert_non_null(p);
    assert_int_equal(p->kind, kind);
    assert_string_equal(p->text, text);
}

#define PROVIDES(contract) "[[provides]]\ncontract=\"" contract "\"\n"
#define REQUIRES(contract) "[[requires]]\ncontract=\"" contract "\"\n"

static void providers_are_loaded_before_those_who_need_them(void **state)
{
    rig t;

    (void)state;
    start(&t);
    add(&t, "d", "1.0.0", REQUIRES("x:y/b@1.0.0") REQUIRES("x:y/c@1.0.0"));
    add(&t, "c", "1.0.0", PROVIDES("x:y/c@1.2.0") REQUIRES("x:y/a@1.0.0"));
    add(&t, "b", "1.0.0", PROVIDES("x:y/b@1.0.1") REQUIRES("x:y/a@1.1.0"));
    add(&t, "a", "1.0.0", PROVIDES("x:y/a@1.1.0"));
    add(&t, "e", "1.0.0", "");
    make(&t, NULL, 0);
    assert_order(&t, "a b c d e");
    assert_int_equal(t.graph.problems.count, 0);
    assert_int_equal(t.graph.nodes[0].providers[0], 2);
    assert_int_equal(t.graph.nodes[0].providers[1], 1);
    berthi_arena_fini(&t.arena);
}

static void all_problems_are_said_at_once(void **state)
{
    rig t;

    (void)state;
    start(&t);
    add(&t, "needy", "1.0.0", REQUIRES("x:y/none@1.0.0") REQUIRES("x:y/old@2.0.0"));
    add(&t, "old", "3.1.0", PROVIDES("x:y/old@1.9.0"));
    add(&t, "left", "1.0.0", PROVIDES("x:y/both@1.0.0"));
    add(&t, "right", "1.0.0", PROVIDES("x:y/both@1.1.0"));
    add(&t, "user", "1.0.0", REQUIRES("x:y/both@1.0.0"));
    add(&t, "ring-b", "1.0.0", PROVIDES("x:y/b@1.0.0") REQUIRES("x:y/a@1.0.0"));
    add(&t, "ring-a", "1.0.0", PROVIDES("x:y/a@1.0.0") REQUIRES("x:y/b@1.0.0"));
    add(&t, "behind", "1.0.0", REQUIRES("x:y/a@1.0.0"));
    add(&t, "old", "3.1.0", "");
    make(&t, NULL, 0);
    assert_int_equal(t.graph.problems.count, 5);
    assert_problem(&t, 0, BERTHI_PROBLEM_MISSING,
                   "needy 1.0.0 requires x:y/none@1.0.0, which no bundle provides");
    assert_problem(
        &t, 1, BERTHI_PROBLEM_MISSING,
        "needy 1.0.0 requires x:y/old@2.0.0, which no bundle provides; there is 1.9.0 "
        "of bundle old 3.1.0");
    assert_problem(&t, 2, BERTHI_PROBLEM_AMBIGUOUS,
                   "user 1.0.0 requires x:y/both@1.0.0, which left and right provide with "
                   "priority 0; pin one, or give one a higher priority");
    assert_problem(&t, 3, BERTHI_PROBLEM_DUPLICATE, "old 3.1.0 is there more than once");
    assert_problem(&t, 4, BERTHI_PROBLEM_CYCLE,
                   "ring-a 1.0.0, ring-b 1.0.0 require each other in a circle");
    assert_order(&t, "left old right");
    assert_true(t.graph.nodes[7].is_stuck && !t.graph.nodes[2].is_stuck);
    berthi_arena_fini(&t.arena);
}

static void priority_decides_among_bundles_and_version_among_their_own(void **state)
{
    rig t;

    (void)state;
    start(&t);
    add(&t, "user", "1.0.0", REQUIRES("x:y/c@1.0.0"));
    add(&t, "low", "9.0.0", PROVIDES("x:y/c@1.9.0"));
    add(&t, "high", "1.0.0", "priority=1\n" PROVIDES("x:y/c@1.1.0"));
    add(&t, "high", "1.2.0", "priority=1\n" PROVIDES("x:y/c@1.1.0"));
    add(&t, "high", "1.10.0", "priority=1\n" PROVIDES("x:y/c@1.1.0"));
    add(&t, "high", "2.0.0", "priority=1\n" PROVIDES("x:y/c@2.0.0"));
    make(&t, NULL, 0);
    assert_int_equal(t.graph.nodes[0].providers[0], 4);
    assert_int_equal(t.graph.problems.count, 0);
    berthi_arena_fini(&t.arena);
}

static void versions_of_one_bundle_are_no_tie_and_do_not_end_one(void **state)
{
    rig t;

    (void)state;
    start(&t);
    add(&t, "user", "1.0.0", REQUIRES("x:y/c@1.0.0"));
    add(&t, "a", "1.0.0", PROVIDES("x:y/c@1.0.0"));
    add(&t, "b", "1.0.0", PROVIDES("x:y/c@1.0.0"));
    add(&t, "a", "1.1.0", PROVIDES("x:y/c@1.0.0"));
    make(&t, NULL, 0);
    assert_int_equal(t.graph.problems.count, 1);
    assert_problem(
        &t, 0, BERTHI_PROBLEM_AMBIGUOUS,
        "user 1.0.0 requires x:y/c@1.0.0, which a and b provide with priority 0; pin "
        "one, or give one a higher priority");
    berthi_arena_fini(&t.arena);
    start(&t);
    add(&t, "user", "1.0.0", REQUIRES("x:y/c@1.0.0"));
    add(&t, "a", "1.0.0", PROVIDES("x:y/c@1.0.0"));
    add(&t, "b", "1.0.0", PROVIDES("x:y/c@1.0.0"));
    add(&t, "c", "1.0.0", "priority=2\n" PROVIDES("x:y/c@1.0.0"));
    make(&t, NULL, 0);
    assert_int_equal(t.graph.problems.count, 0); /* a tie below the best is none */
    assert_int_equal(t.graph.nodes[0].providers[0], 3);
    berthi_arena_fini(&t.arena);
}

static void pins_decide_what_is_left_open(void **state)
{
    static const struct {
        berth_bundle_pin pin;
        uint32_t provider;
        bool is_sound;
    } rows[] = {
        { { "x:y/c", "left" }, 1, true },         { { "x:y/c", "right" }, 2, true },
        { { "x:y/c@1.0.0", "right" }, 2, true },  { { "x:y/c@1.5.0", "right" }, 2, true },
        { { "x:y/c@2.0.0", "right" }, 0, false }, { { "x:y/cc", "right" }, 0, false },
        { { "x:y/c", "nobody" }, 0, false },
    };
    rig t;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        start(&t);
        add(&t, "user", "1.0.0", REQUIRES("x:y/c@1.0.0"));
        add(&t, "left", "1.0.0", PROVIDES("x:y/c@1.0.0"));
        add(&t, "right", "1.0.0", PROVIDES("x:y/c@1.0.0"));
        make(&t, &rows[i].pin, 1);
        assert_int_equal(t.graph.problems.count, rows[i].is_sound ? 0 : 1);
        assert_int_equal(t.graph.nodes[0].providers[0],
                         rows[i].is_sound ? rows[i].provider : BERTHI_NODE_NONE);
        berthi_arena_fini(&t.arena);
    }
}

static void a_bundle_may_name_whom_it_needs(void **state)
{
    static const berth_bundle_pin pin = { "x:y/c", "left" };
    rig t;

    (void)state;
    start(&t);
    add(&t, "user", "1.0.0", REQUIRES("x:y/c@1.0.0") "bundle=\"right\"\n");
    add(&t, "left", "1.0.0", "priority=9\n" PROVIDES("x:y/c@1.0.0"));
    add(&t, "right", "1.0.0", PROVIDES("x:y/c@1.0.0"));
    add(&t, "lost", "1.0.0", REQUIRES("x:y/c@1.0.0") "bundle=\"absent\"\n");
    make(&t, &pin, 1);
    assert_int_equal(t.graph.nodes[0].providers[0], 2);
    assert_int_equal(t.graph.problems.count, 1);
    assert_problem(
        &t, 0, BERTHI_PROBLEM_MISSING,
        "lost 1.0.0 requires x:y/c@1.0.0 of bundle absent, which no bundle provides; "
        "there is 1.0.0 of bundle left 1.0.0, 1.0.0 of bundle right 1.0.0");
    berthi_arena_fini(&t.arena);
}

static void what_is_optional_may_be_missing(void **state)
{
    rig t;

    (void)state;
    start(&t);
    add(&t, "user", "1.0.0", REQUIRES("x:y/c@1.0.0") "optional=true\n");
    make(&t, NULL, 0);
    assert_int_equal(t.graph.problems.count, 0);
    assert_order(&t, "user");
    berthi_arena_fini(&t.arena);
}

static void nobody_serves_himself(void **state)
{
    rig t;

    (void)state;
    start(&t);
    add(&t, "filter", "1.0.0", PROVIDES("x:y/c@1.0.0") REQUIRES("x:y/c@1.0.0"));
    make(&t, NULL, 0);
    assert_int_equal(t.graph.problems.count, 1);
    add(&t, "source", "1.0.0", PROVIDES("x:y/c@1.0.0"));
    make(&t, NULL, 0);
    assert_int_equal(t.graph.problems.count, 0);
    assert_order(&t, "source filter");
    berthi_arena_fini(&t.arena);
}

static void chains_and_circles_may_be_long(void **state)
{
    static rig t;
    char name[16], more[256];

    (void)state;
    for (unsigned closed = 0; closed < 2; closed++) {
        start(&t);
        for (unsigned i = 0; i < NODES_MAX; i++) {
            snprintf(name, sizeof name, "n%04u", i);
            snprintf(more, sizeof more,
                     "[[provides]]\ncontract=\"x:y/c%u@1.0.0\"\n%s[[requires]]\n"
                     "contract=\"x:y/c%u@1.0.0\"\n",
                     i, i + 1 < NODES_MAX || closed ? "" : "#", (i + 1) % NODES_MAX);
            if (i + 1 == NODES_MAX && !closed)
                snprintf(more, sizeof more, "[[provides]]\ncontract=\"x:y/c%u@1.0.0\"\n", i);
            add(&t, name, "1.0.0", more);
        }
        make(&t, NULL, 0);
        assert_int_equal(t.graph.order_count, closed ? 0 : NODES_MAX);
        assert_int_equal(t.graph.problems.count, closed);
        if (closed)
            assert_true(
                strncmp(t.graph.problems.first->text, "n0000 1.0.0, n0001 1.0.0, ", 25) == 0);
        else
            assert_int_equal(t.graph.order[0], NODES_MAX - 1);
        berthi_arena_fini(&t.arena);
    }
}

static void each_allocation_may_fail(void **state)
{
    rig t;

    (void)state;
    start(&t);
    add(&t, "user", "1.0.0", REQUIRES("x:y/c@1.0.0") REQUIRES("x:y/d@1.0.0"));
    add(&t, "left", "1.0.0", PROVIDES("x:y/c@1.0.0") REQUIRES("x:y/e@1.0.0"));
    add(&t, "right", "1.0.0", PROVIDES("x:y/c@1.0.0") PROVIDES("x:y/e@1.0.0"));
    add(&t, "ring", "1.0.0", PROVIDES("x:y/r@1.0.0") REQUIRES("x:y/s@1.0.0"));
    add(&t, "ring2", "1.0.0", PROVIDES("x:y/s@1.0.0") REQUIRES("x:y/r@1.0.0"));
    for (size_t bytes = 0; bytes < 8192; bytes += 16) {
        berth_diag diag = { 0 };
        berthi_arena arena;
        berthi_graph graph;
        berth_status status;

        berthi_arena_init(&arena, &berthi_allocator_libc, bytes);
        status = berthi_graph_make((const berthi_manifest *const *)t.manifests, t.count, 0,
                                   NULL, 0, &arena, &graph, &diag);
        assert_true(status == BERTH_OK || status == BERTH_E_NOMEM);
        assert_true(status == BERTH_OK || diag.status == BERTH_E_NOMEM);
        berthi_arena_fini(&arena);
    }
    berthi_arena_fini(&t.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(providers_are_loaded_before_those_who_need_them),
        cmocka_unit_test(all_problems_are_said_at_once),
        cmocka_unit_test(priority_decides_among_bundles_and_version_among_their_own),
        cmocka_unit_test(versions_of_one_bundle_are_no_tie_and_do_not_end_one),
        cmocka_unit_test(pins_decide_what_is_left_open),
        cmocka_unit_test(a_bundle_may_name_whom_it_needs),
        cmocka_unit_test(what_is_optional_may_be_missing),
        cmocka_unit_test(nobody_serves_himself),
        cmocka_unit_test(chains_and_circles_may_be_long),
        cmocka_unit_test(each_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
