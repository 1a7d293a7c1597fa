/* contract_test.c - digests of contracts, and what a change of one breaks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "contract/contract.h"
#include "memory.h"

typedef struct side {
    const berthi_wit *model;
    berthi_contracts set;
    berthi_contract contract;
} side;

typedef struct rig {
    bertht_memory memory;
    berth_allocator allocator;
    berthi_arena arena;
    berth_diag diag;
    side old, now;
    berthi_comparison result;
    berthi_text_buf text;
} rig;

static void start(rig *t)
{
    memset(t, 0, sizeof *t);
    memory_init(&t->memory);
    t->allocator = memory_allocator(&t->memory);
    berthi_arena_init(&t->arena, &t->allocator, SIZE_MAX);
    berthi_text_buf_init(&t->text, &t->allocator);
}

static void end(rig *t)
{
    berthi_text_buf_fini(&t->text);
    berthi_arena_fini(&t->arena);
    memory_assert_empty(&t->memory);
}

/* The contract of interface `i`. */
static berth_status make(rig *t, const char *text, side *out)
{
    const berthi_wit_interface *it;
    berth_status status = berthi_wit_read_text("a.wit", text, strlen(text), NULL, &t->arena,
                                               &out->model, &t->diag);

    if (status != BERTH_OK)
        return status;
    it = berthi_wit_find_interface(out->model, "i");
    assert_non_null(it);
    status = berthi_contracts_init(&out->set, out->model, it->package, &t->arena, &t->diag);
    if (status == BERTH_OK)
        status = berthi_contract_make(&out->set, (uint32_t)(it - out->model->interfaces),
                                      &out->contract);
    return status;
}

static berth_status compare(rig *t, const char *old, const char *now)
{
    berth_status status = make(t, old, &t->old);

    if (status == BERTH_OK)
        status = make(t, now, &t->now);
    if (status == BERTH_OK)
        status = berthi_contract_compare(&t->old.contract, &t->now.contract, &t->result);
    if (status == BERTH_OK)
        for (const berthi_change *change = t->result.changes; change != NULL;
             change = change->next) {
            berthi_change_print(change, &t->text);
            berthi_text_buf_puts(&t->text, "\n");
        }
    return status;
}

static void check(const char *old, const char *now, berthi_relation relation,
                  const char *changes)
{
    bool is_same;
    rig t;

    start(&t);
    if (compare(&t, old, now) != BERTH_OK)
        fail_msg("%s\n%s", now, t.diag.text);
    is_same = memcmp(t.old.contract.digest, t.now.contract.digest, 32) == 0;
    if (t.result.relation != relation ||
        strcmp(t.text.data == NULL ? "" : t.text.data, changes) != 0)
        fail_msg("%s\nto %s\nis %s:\n%s", old, now, berthi_relation_name(t.result.relation),
                 t.text.data == NULL ? "" : t.text.data);
    assert_true(is_same == (relation == BERTHI_RELATION_EQUAL));
    end(&t);
}

#define HEAD                                                                                   \
    "package a:b@1.2.0;\ninterface j { record rec { x: u8 } resource res { m: func(); } }\n"
#define I(...) HEAD "interface i { " #__VA_ARGS__ " }"

/* ---------------------------------------------------------------- relations */

static void what_does_not_count_changes_nothing(void **state)
{
    (void)state;
    check(I(f : func(a : u8);), I(f : func(a : u8);), BERTHI_RELATION_EQUAL, "");
    check("package a:b@1.2.0; interface i { f: func(a: u8); }",
          "/// Text.\npackage a:b@1.9.7; /// Text.\ninterface i { /// Text.\n"
          "@since(version = 1.3.0) f: func(a: u8); } interface other { g: func(); }",
          BERTHI_RELATION_EQUAL, "");
    /* an order that nothing follows from, and another way to name one type */
    check(I(type a = u8; type b = list<a>; f
            : func(x
                   : b);),
          I(type b = list<u8>; type a = u8; f
            : func(x
                   : list<a>);),
          BERTHI_RELATION_EQUAL, "");
}

static void additions_leave_callers_alone(void **state)
{
    (void)state;
    check(I(f
            : func();),
          I(f
            : func();
            g
            : func();),
          BERTHI_RELATION_EXTENDED, "function `g` is new; breaks plugins\n");
    check(I(f
            : func();),
          I(g
            : func();
            f
            : func();),
          BERTHI_RELATION_EXTENDED, "function `g` is new; breaks plugins\n");
    check(I(f
            : func();),
          I(enum e{ a } f
            : func();),
          BERTHI_RELATION_EXTENDED, "enum `e` is new; breaks nobody\n");
    check(
        I(f
          : func();
          g
          : func();),
        I(g
          : func();
          f
          : func();),
        BERTHI_RELATION_EXTENDED,
        "interface `a:b/i@1.2.0`: functions are in another order: `g` stands where `f` stood; "
        "breaks nobody\n");
    check(I(resource r;), I(resource r { constructor(); }), BERTHI_RELATION_EXTENDED,
          "function `[constructor]r` is new; breaks plugins\n");
}

static void what_is_gone_breaks_callers(void **state)
{
    (void)state;
    check(I(f
            : func();
            g
            : func();),
          I(f
            : func();),
          BERTHI_RELATION_BREAKING, "function `g` is gone; breaks callers\n");
    check(I(enum e{ a }), I(), BERTHI_RELATION_BREAKING, "enum `e` is gone; breaks callers\n");
}

static void functions_differ_in_parameters_and_results(void **state)
{
    (void)state;
    check(I(f
            : func(a
                   : u8);),
          I(f
            : func(a
                   : u16);),
          BERTHI_RELATION_BREAKING,
          "function `f`: parameter `a` is `u16`, was `u8`; breaks callers and plugins\n");
    check(I(f
            : func(a
                   : u8);),
          I(f
            : func(b
                   : u8);),
          BERTHI_RELATION_BREAKING,
          "function `f`: parameter `a` is gone; breaks callers and plugins\n"
          "function `f`: parameter `b` is new; breaks callers and plugins\n");
    check(I(f
            : func(a
                   : u8, b
                   : u8);),
          I(f
            : func(b
                   : u8, a
                   : u8);),
          BERTHI_RELATION_BREAKING,
          "function `f`: parameters are in another order; breaks callers and plugins\n");
    check(I(f
            : func();),
          I(f
            : func()->u8;),
          BERTHI_RELATION_BREAKING,
          "function `f`: result is `u8`, was nothing; breaks callers and plugins\n");
    check(I(f
            : func()->u8;),
          I(f
            : func();),
          BERTHI_RELATION_BREAKING,
          "function `f`: result is nothing, was `u8`; breaks callers and plugins\n");
    check(I(f
            : func();),
          I(f
            : async func();),
          BERTHI_RELATION_BREAKING,
          "function `f`: is `async`, was not; breaks callers and plugins\n");
    check(
        I(f
          : func(a
                 : result<u8, option<list<u8>>>);),
        I(f
          : func(a
                 : result<u8, option<list<s8>>>);),
        BERTHI_RELATION_BREAKING,
        "function `f`: parameter `a`, error, value, element is `s8`, was `u8`; breaks callers "
        "and plugins\n");
    check(I(f
            : func(a
                   : tuple<u8, u8>);),
          I(f
            : func(a
                   : tuple<u8, u8, u8>);),
          BERTHI_RELATION_BREAKING,
          "function `f`: parameter `a` is `tuple<u8, u8, u8>`, was `tuple<u8, u8>`; breaks "
          "callers and plugins\n");
    check(
        I(f
          : func(a
                 : tuple<u8, u8>);),
        I(f
          : func(a
                 : tuple<u16, u32>);),
        BERTHI_RELATION_BREAKING,
        "function `f`: parameter `a`, part 1 is `u16`, was `u8`; breaks callers and plugins\n"
        "function `f`: parameter `a`, part 2 is `u32`, was `u8`; breaks callers and plugins\n");
    check(
        I(f
          : func(a
                 : result<u8>);),
        I(f
          : func(a
                 : result<_, u8>);),
        BERTHI_RELATION_BREAKING,
        "function `f`: parameter `a` is `result<_, u8>`, was `result<u8>`; breaks callers and "
        "plugins\n");
}

static void a_changed_type_is_told_once_with_who_needs_it(void **state)
{
    (void)state;
    check(I(record r{ a : u8 } record s{ r : r } f
            : func(x
                   : list<s>);
            g
            : func()->r;
            h
            : func();),
          I(record r{ a : u16 } record s{ r : r } f
            : func(x
                   : list<s>);
            g
            : func()->r;
            h
            : func();),
          BERTHI_RELATION_BREAKING,
          "record `r`: field `a` is `u16`, was `u8`; breaks callers and plugins of `f`, `g`\n");
    check(I(record r{ a : u8, b : u8 }), I(record r{ b : u8, a : u8 }),
          BERTHI_RELATION_BREAKING,
          "record `r`: fields are in another order; breaks callers and plugins\n");
    check(I(variant v{ a, b(u8) }), I(variant v{ a(u8), b, c }), BERTHI_RELATION_BREAKING,
          "variant `v`: case `a` is `u8`, was nothing; breaks callers and plugins\n"
          "variant `v`: case `b` is nothing, was `u8`; breaks callers and plugins\n"
          "variant `v`: case `c` is new; breaks callers and plugins\n");
    check(I(flags v{ a }), I(flags v{ a, b }), BERTHI_RELATION_BREAKING,
          "flags `v`: flag `b` is new; breaks callers and plugins\n");
    check(I(flags v{ a }), I(enum v{ a }), BERTHI_RELATION_BREAKING,
          "enum `v`: is a enum, was a flags; breaks callers and plugins\n");
    check(I(type t = u8; f
            : func(x
                   : t);),
          I(type t = s8; f
            : func(x
                   : t);),
          BERTHI_RELATION_BREAKING,
          "type `t`: it is `s8`, was `u8`; breaks callers and plugins of `f`\n");
    check(I(type t = u8; f
            : func(x
                   : t);),
          I(type t = u8; type u = u16; f
            : func(x
                   : u);),
          BERTHI_RELATION_BREAKING,
          "function `f`: parameter `x` is `u`, was `t`; breaks callers and plugins\n"
          "type `u` is new; breaks nobody\n");
}

static void no_change_of_another_interface_slips_through(void **state)
{
    static const char used[] =
        "package a:b@1.2.0; interface j { record in { x: u8 } record rec { in: in } }\n"
        "interface i { use j.{rec}; f: func() -> rec; }";
    static const char changed[] =
        "package a:b@1.2.0; interface j { record in { x: u32 } record rec { in: in } }\n"
        "interface i { use j.{rec}; f: func() -> rec; }";
    static const char renamed[] =
        "package a:b@1.2.0; interface j { record inner { x: u8 } record rec { in: inner } }\n"
        "interface i { use j.{rec}; f: func() -> rec; }";

    (void)state;
    check(used, changed, BERTHI_RELATION_BREAKING,
          "record `in` of `j`: field `x` is `u32`, was `u8`; breaks callers and plugins of "
          "`f`\n");
    check(used, renamed, BERTHI_RELATION_EXTENDED,
          "record `in` of `j` is gone; breaks nobody\n"
          "record `inner` of `j` is new; breaks nobody\n");
    check(
        "package a:b@1.2.0; interface j { record in { x: u8 } type t = result<u8, in>; }\n"
        "interface i { use j.{t}; f: func() -> t; }",
        "package a:b@1.2.0; interface j { record in { x: s8 } type t = result<u8, in>; }\n"
        "interface i { use j.{t}; f: func() -> t; }",
        BERTHI_RELATION_BREAKING,
        "record `in` of `j`: field `x` is `s8`, was `u8`; breaks callers and plugins of `f`\n");
    /* the alias has another name, and what is behind it is told where it is */
    check("package a:b@1.2.0; interface i { record r { a: u8 } type x = r; f: func(v: x); }",
          "package a:b@1.2.0; interface i { record r { a: s8 } type y = r; f: func(v: y); }",
          BERTHI_RELATION_BREAKING,
          "record `r`: field `a` is `s8`, was `u8`; breaks callers and plugins of `f`\n"
          "type `x` is gone; breaks callers\n"
          "type `y` is new; breaks nobody\n");
    check("package a:b@1.2.0; interface j { resource r { m: func() -> u8; } }\n"
          "interface i { use j.{r}; f: func(r: r); }",
          "package a:b@1.2.0; interface j { resource r { m: func() -> u16; } }\n"
          "interface i { use j.{r}; f: func(r: r); }",
          BERTHI_RELATION_BREAKING,
          "function `[method]r.m` of `j`: result is `u16`, was `u8`; breaks callers and "
          "plugins\n");
}

static void resources_are_what_they_are_called_and_where(void **state)
{
    static const char first[] = "package a:b@1.2.0;\n"
                                "interface i { use c:d/e@1.2.0.{r}; f: func(r: borrow<r>); }\n"
                                "package c:d@1.2.0 { interface e { resource r; } }";
    static const char later[] = "package a:b@1.2.0;\n"
                                "interface i { use c:d/e@1.3.0.{r}; f: func(r: borrow<r>); }\n"
                                "package c:d@1.3.0 { interface e { resource r; } }";
    static const char other[] = "package a:b@1.2.0;\n"
                                "interface i { use c:d/e@2.0.0.{r}; f: func(r: borrow<r>); }\n"
                                "package c:d@2.0.0 { interface e { resource r; } }";

    (void)state;
    check(first, later, BERTHI_RELATION_EQUAL, "");
    check(first, other, BERTHI_RELATION_BREAKING,
          "type `r`: it is `r` of `c:d/e@2`, was that of `c:d/e@1`; breaks callers and plugins "
          "of `f`\n"
          "resource `r` of `c:d/e@1` is gone; breaks nobody\n"
          "resource `r` of `c:d/e@2` is new; breaks nobody\n");
    check(I(resource r; f
            : func(r
                   : r);),
          I(resource r; f
            : func(r
                   : borrow<r>);),
          BERTHI_RELATION_BREAKING,
          "function `f`: parameter `r` is `borrow<r>`, was `r`; breaks callers and plugins\n");
    check(I(resource r; resource s; f
            : func(r
                   : r);),
          I(resource r; resource s; f
            : func(r
                   : s);),
          BERTHI_RELATION_BREAKING,
          "function `f`: parameter `r` is `s`, was `r`; breaks callers and plugins\n");
}

static void another_name_or_major_version_is_another_contract(void **state)
{
    static const struct {
        const char *old, *now, *keys; /* keys NULL: one contract */
    } rows[] = {
        { "1.2.0", "1.9.9", NULL },
        { "1.2.0", "2.0.0", "`a:b/i@2`, was `a:b/i@1`" },
        { "0.2.1", "0.2.9", NULL },
        { "0.2.1", "0.3.0", "`a:b/i@0.3`, was `a:b/i@0.2`" },
        { "0.0.1", "0.0.2", "`a:b/i@0.0.2`, was `a:b/i@0.0.1`" },
        { "0.0.1", "0.0.1+more", NULL },
        { "1.0.0-rc.1", "1.0.0-rc.2", "`a:b/i@1.0.0-rc.2`, was `a:b/i@1.0.0-rc.1`" },
        { "1.0.0-rc.1", "1.0.0", "`a:b/i@1`, was `a:b/i@1.0.0-rc.1`" },
        { "1.0.0+a-b", "1.1.0", NULL },
        { "11.0.0", "1.0.0", "`a:b/i@1`, was `a:b/i@11`" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char old[200], now[200], line[300] = "";

        snprintf(old, sizeof old, "package a:b@%s; interface i { resource r; f: func(r: r); }",
                 rows[i].old);
        snprintf(now, sizeof now, "package a:b@%s; interface i { resource r; f: func(r: r); }",
                 rows[i].now);
        if (rows[i].keys != NULL)
            snprintf(line, sizeof line,
                     "interface `a:b/i@%s`: it is contract %s; breaks callers and plugins\n",
                     rows[i].now, rows[i].keys);
        check(old, now, rows[i].keys == NULL ? BERTHI_RELATION_EQUAL : BERTHI_RELATION_BREAKING,
              line);
    }
    check("package a:b; interface i { f: func(); }", "package a:c; interface i { f: func(); }",
          BERTHI_RELATION_BREAKING,
          "interface `a:c/i`: it is contract `a:c/i`, was `a:b/i`; breaks callers and "
          "plugins\n");
}

/* ---------------------------------------------------------------- digests */

/* Computed by another program from docs/contracts.md. */
static void digests_are_as_documented(void **state)
{
    static const char wanted[] =
        "d09acf6d2bc0e660d86bbe540e9fb38d6d1b3c93c5eafdc83f51eb18f5568356";
    char hex[BERTHI_SHA256_HEX_SIZE];
    rig t;

    (void)state;
    start(&t);
    assert_int_equal(make(&t,
                          "package shop:store@1.2.0;\n"
                          "interface errors { enum error { full, gone } resource log { "
                          "add: func(text: string); } }\n"
                          "interface i { use errors.{error, log}; type id = u32;\n"
                          "record key { id: id, name: string }\n"
                          "get: func(k: key, l: borrow<log>) -> result<list<u8>, error>;\n"
                          "drop: async func(k: tuple<id, option<key>>); }",
                          &t.old),
                     BERTH_OK);
    berthi_sha256_hex(t.old.contract.digest, hex);
    assert_string_equal(hex, wanted);
    assert_string_equal(t.old.contract.id, "shop:store/i@1.2.0");
    assert_string_equal(t.old.contract.key, "shop:store/i@1");
    end(&t);
}

/* ---------------------------------------------------------------- bounds and memory */

/* So many functions. */
static char *many(unsigned count)
{
    static const char head[] = "package a:b; interface i {\n";
    size_t room = sizeof head + (size_t)count * 24 + 2, used = sizeof head - 1;
    char *text = malloc(room);

    assert_non_null(text);
    memcpy(text, head, sizeof head);
    for (unsigned i = 0; i < count; i++)
        used += (size_t)snprintf(text + used, room - used, "fn%u: func();\n", i);
    snprintf(text + used, room - used, "}");
    return text;
}

static void changes_are_bounded(void **state)
{
    (void)state;
    for (unsigned more = 0; more < 2; more++) {
        char *old = many(BERTHI_CHANGES_MAX + more);
        berth_status status;
        rig t;

        start(&t);
        status = compare(&t, old, "package a:b; interface i {}");
        if (status != (more == 0 ? BERTH_OK : BERTH_E_LIMIT))
            fail_msg("%s %s", berth_status_name(status), t.diag.text);
        if (more != 0)
            assert_string_equal(t.diag.text, "more than 10000 changes");
        end(&t);
        free(old);
    }
}

/* Written out it would be 2^60 types. */
static void shared_types_are_looked_at_once(void **state)
{
    char text[8192] = "package a:b; interface i { type t0 = u8;\n";
    char *other;

    (void)state;
    for (unsigned i = 1; i <= 60; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text),
                 "type t%u = tuple<t%u, t%u>;\n", i, i - 1, i - 1);
    snprintf(text + strlen(text), sizeof text - strlen(text), "f: func(x: t60);}");
    check(text, text, BERTHI_RELATION_EQUAL, "");
    other = strdup(text);
    assert_non_null(other);
    memcpy(strstr(other, "= u8"), "= s8", 4);
    check(text, other, BERTHI_RELATION_BREAKING,
          "type `t0`: it is `s8`, was `u8`; breaks callers and plugins of `f`\n");
    free(other);
}

static void without_memory_it_says_so_and_leaks_nothing(void **state)
{
    static const char old[] = I(use j.{ rec, res }; record r{ a : rec, b : u8 } f
                                : func(x
                                       : r, y
                                       : res);
                                g
                                : func();),
                      now[] = I(use j.{ rec, res }; record r{ b : u16, a : rec } f
                                : func(x
                                       : list<r>, y
                                       : res););
    berth_status status = BERTH_E_NOMEM;
    size_t nth = 0;

    (void)state;
    for (; status != BERTH_OK; nth++) {
        rig t;

        start(&t);
        memory_fail(&t.memory, nth, nth % 2 == 0);
        status = compare(&t, old, now);
        assert_true(status == BERTH_OK || status == BERTH_E_NOMEM);
        assert_true((status == BERTH_OK) == (t.diag.text[0] == '\0'));
        if (t.text.has_failed)
            status = BERTH_E_NOMEM;
        end(&t);
    }
    assert_true(nth >= 10);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_does_not_count_changes_nothing),
        cmocka_unit_test(additions_leave_callers_alone),
        cmocka_unit_test(what_is_gone_breaks_callers),
        cmocka_unit_test(functions_differ_in_parameters_and_results),
        cmocka_unit_test(a_changed_type_is_told_once_with_who_needs_it),
        cmocka_unit_test(no_change_of_another_interface_slips_through),
        cmocka_unit_test(resources_are_what_they_are_called_and_where),
        cmocka_unit_test(another_name_or_major_version_is_another_contract),
        cmocka_unit_test(digests_are_as_documented),
        cmocka_unit_test(changes_are_bounded),
        cmocka_unit_test(shared_types_are_looked_at_once),
        cmocka_unit_test(without_memory_it_says_so_and_leaks_nothing),
    };

    return cmocka_run_group_tests_name("contracts", tests, NULL, NULL);
}
