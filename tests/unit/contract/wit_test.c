/* wit_test.c - WIT text as a model: what it says, what is refused and how, bounds, full memory.
 *
 * Agreement with another reader on accepting and refusing is conformance/wit_corpus_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "contract/wit.h"
#include "memory.h"

typedef struct rig {
    berthi_arena arena;
    const berthi_wit *model;
    berth_diag diag;
    const char *features[2];
    berthi_wit_options options;
} rig;

/* From a block of exactly that size, so that reading past it shows. */
static berth_status read_text(rig *t, const char *text, size_t size)
{
    char *copy = malloc(size == 0 ? 1 : size);
    berth_status status;

    assert_non_null(copy);
    memcpy(copy, text, size);
    t->diag = (berth_diag){ .text = "" };
    berthi_arena_init(&t->arena, &berthi_allocator_libc, SIZE_MAX);
    status =
        berthi_wit_read_text("a.wit", copy, size, &t->options, &t->arena, &t->model, &t->diag);
    free(copy);
    return status;
}

static const berthi_wit *accept(rig *t, const char *text)
{
    *t = (rig){ .model = NULL };
    if (read_text(t, text, strlen(text)) != BERTH_OK)
        fail_msg("%s", t->diag.text);
    return t->model;
}

static void end(rig *t)
{
    berthi_arena_fini(&t->arena);
}

static void refuse(const char *text, berth_status wanted, const char *message)
{
    rig t = { .model = NULL };
    berth_status status = read_text(&t, text, strlen(text));

    if (status != wanted || strcmp(t.diag.text, message) != 0)
        fail_msg("%s:\n%s\nnot\n%s", berth_status_name(status), t.diag.text, message);
    assert_null(t.model);
    end(&t);
}

static const berthi_wit_type *type_of(const berthi_wit *m, const berthi_wit_interface *it,
                                      const char *name)
{
    uint32_t index = berthi_wit_find_type(m, it, name);

    assert_int_not_equal(index, BERTHI_WIT_NONE);
    return &m->types[index];
}

/* ---------------------------------------------------------------- what a model says */

static void a_package_has_its_name_and_its_interfaces(void **state)
{
    rig t;
    const berthi_wit *m = accept(&t, "/// All of it.\n"
                                     "package wasi:io@0.2.12-rc.1+b;\n"
                                     "/** Waiting. */ interface poll {}\n"
                                     "interface %list {}\n"
                                     "world w {}");
    const berthi_wit_package *p = &m->packages[m->root];
    const berthi_wit_interface *poll = berthi_wit_find_interface(m, "poll");

    (void)state;
    assert_string_equal(p->space, "wasi");
    assert_string_equal(p->name, "io");
    assert_string_equal(p->version, "0.2.12-rc.1+b");
    assert_string_equal(p->id, "wasi:io@0.2.12-rc.1+b");
    assert_string_equal(p->docs, "All of it.");
    assert_int_equal(p->interfaces_count, 2);
    assert_ptr_equal(&m->interfaces[p->interfaces[0]], poll);
    assert_string_equal(poll->docs, "Waiting.");
    assert_string_equal(poll->id, "wasi:io/poll@0.2.12-rc.1+b");
    assert_ptr_equal(berthi_wit_find_interface(m, "wasi:io/poll@0.2.12-rc.1+b"), poll);
    assert_ptr_equal(berthi_wit_find_interface(m, "wasi:io/poll"), poll);
    assert_null(berthi_wit_find_interface(m, "wasi:io/poll@0.2.12"));
    assert_null(berthi_wit_find_interface(m, "wasi:io/pol"));
    assert_null(berthi_wit_find_interface(m, "w"));
    assert_string_equal(berthi_wit_find_interface(m, "list")->name, "list");
    assert_ptr_equal(berthi_wit_find_world(m, "w"), berthi_wit_find_world(m, "wasi:io/w"));
    end(&t);
}

static void types_have_parts_and_aliases_have_an_end(void **state)
{
    rig t;
    const berthi_wit *m = accept(
        &t, "package a:b;\n"
            "interface i {\n"
            "  /// A point.\n"
            "  record p { /// Across.\n x: later, y: tuple<u8, list<char>> }\n"
            "  type later = later2; type later2 = f32;\n"
            "  variant v { none, some(p), }\n"
            "  enum e { red, green } flags f { r, w, x }\n"
            "  type l = list<u32, 4>; type r0 = result; type r1 = result<_, e>;\n"
            "  type r2 = result<u8>; type m = map<string, p>; type o = option<option<e>>;\n"
            "}");
    const berthi_wit_interface *i = berthi_wit_find_interface(m, "i");
    const berthi_wit_type *p = type_of(m, i, "p"), *v = type_of(m, i, "v"),
                          *tuple = &m->types[p->items[1].type];

    (void)state;
    assert_int_equal(p->kind, BERTHI_WIT_RECORD);
    assert_string_equal(p->docs, "A point.");
    assert_string_equal(p->items[0].docs, "Across.");
    assert_null(p->items[1].docs);
    assert_int_equal(m->types[p->items[0].type].kind, BERTHI_WIT_ALIAS);
    assert_int_equal(m->types[p->items[0].type].canon, BERTHI_WIT_F32);
    assert_int_equal(tuple->kind, BERTHI_WIT_TUPLE);
    assert_int_equal(tuple->items_count, 2);
    assert_int_equal(tuple->items[0].type, BERTHI_WIT_U8);
    assert_int_equal(m->types[tuple->items[1].type].element, BERTHI_WIT_CHAR);
    assert_int_equal(p->depth, 3);
    assert_int_equal(v->items[0].type, BERTHI_WIT_NONE);
    assert_ptr_equal(&m->types[v->items[1].type], p);
    assert_int_equal(type_of(m, i, "f")->items_count, 3);
    assert_int_equal(m->types[type_of(m, i, "l")->canon].kind, BERTHI_WIT_FIXED_LIST);
    assert_int_equal(m->types[type_of(m, i, "l")->canon].length, 4);
    assert_int_equal(m->types[type_of(m, i, "r0")->canon].element, BERTHI_WIT_NONE);
    assert_int_equal(m->types[type_of(m, i, "r0")->canon].second, BERTHI_WIT_NONE);
    assert_int_equal(m->types[type_of(m, i, "r1")->canon].element, BERTHI_WIT_NONE);
    assert_ptr_equal(&m->types[m->types[type_of(m, i, "r1")->canon].second],
                     type_of(m, i, "e"));
    assert_int_equal(m->types[type_of(m, i, "r2")->canon].element, BERTHI_WIT_U8);
    assert_int_equal(m->types[type_of(m, i, "m")->canon].element, BERTHI_WIT_STRING);
    assert_ptr_equal(&m->types[m->types[type_of(m, i, "m")->canon].second], p);
    assert_int_equal(m->types[type_of(m, i, "o")->canon].depth, 3);
    end(&t);
}

static void types_are_listed_behind_what_they_need_and_else_as_they_are_written(void **state)
{
    rig t;
    const berthi_wit *m = accept(&t, "package a:b; interface i { type a = d; type b = u8; "
                                     "record c { x: f, y: d } type d = u8; type e = c; "
                                     "type f = list<b>; type g = e; }");
    const berthi_wit_interface *i = &m->interfaces[0];
    char names[16] = "";

    (void)state;
    for (uint32_t k = 0; k < i->types_count; k++)
        names[k] = m->types[i->types[k]].name[0];
    assert_string_equal(names, "bdafceg");
    end(&t);
}

/* What a type refers to has a lower index, so that whoever walks types need not look ahead. */
static void types_without_a_name_are_made_once(void **state)
{
    rig t;
    const berthi_wit *m =
        accept(&t, "package a:b;\n"
                   "interface i { f: func(a: list<u8>, b: tuple<u8, list<u8>>); }\n"
                   "interface j { g: func(a: tuple<u8, list<u8>>) -> list<u8>;\n"
                   "  h: func(a: tuple<list<u8>, u8>, b: list<u8, 3>, c: list<u8, 2>); }");
    const berthi_wit_func *f = berthi_wit_find_func(berthi_wit_find_interface(m, "i"), "f"),
                          *g = berthi_wit_find_func(berthi_wit_find_interface(m, "j"), "g"),
                          *h = berthi_wit_find_func(berthi_wit_find_interface(m, "j"), "h");

    (void)state;
    assert_int_equal(f->params[0].type, g->result);
    assert_int_equal(f->params[1].type, g->params[0].type);
    assert_int_not_equal(h->params[0].type, g->params[0].type);
    assert_int_not_equal(h->params[1].type, h->params[2].type);
    for (uint32_t i = 0; i < m->types_count; i++) {
        const berthi_wit_type *type = &m->types[i];

        assert_true(type->element == BERTHI_WIT_NONE || type->element < i);
        assert_true(type->second == BERTHI_WIT_NONE || type->second < i);
        for (uint32_t k = 0; k < type->items_count; k++)
            assert_true(type->items[k].type == BERTHI_WIT_NONE || type->items[k].type < i);
    }
    end(&t);
}

static void functions_of_resources_have_the_names_that_components_use(void **state)
{
    static const struct {
        const char *name, *plain;
        int kind;
        uint32_t params;
    } rows[] = {
        { "[constructor]conn", "conn", BERTHI_WIT_CONSTRUCTOR, 1 },
        { "[method]conn.send", "send", BERTHI_WIT_METHOD, 2 },
        { "[static]conn.all", "all", BERTHI_WIT_STATIC, 0 },
        { "[constructor]other", "other", BERTHI_WIT_CONSTRUCTOR, 0 },
        { "first", "first", BERTHI_WIT_FREE, 1 },
    };
    rig t;
    const berthi_wit *m = accept(
        &t, "package a:b;\n"
            "interface i {\n"
            "  first: func(c: conn);\n"
            "  resource conn { constructor(at: string); send: func(b: list<u8>) -> u32;\n"
            "    all: static async func() -> list<conn>; }\n"
            "  resource other { constructor() -> result<other, string>; }\n"
            "  type again = conn; type held = borrow<again>;\n"
            "}");
    const berthi_wit_interface *i = berthi_wit_find_interface(m, "i");
    uint32_t conn = berthi_wit_find_type(m, i, "conn");
    const berthi_wit_func *f = i->funcs;

    (void)state;
    assert_int_equal(i->funcs_count, sizeof rows / sizeof *rows);
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        assert_string_equal(f[k].name, rows[k].name);
        assert_string_equal(f[k].plain, rows[k].plain);
        assert_int_equal(f[k].kind, rows[k].kind);
        assert_int_equal(f[k].params_count, rows[k].params);
    }
    assert_int_equal(f[4].resource, BERTHI_WIT_NONE);
    assert_int_equal(f[1].resource, conn);
    assert_int_equal(m->types[f[4].params[0].type].kind, BERTHI_WIT_OWN);
    assert_int_equal(m->types[f[4].params[0].type].element, conn);
    assert_int_equal(m->types[f[0].result].kind, BERTHI_WIT_OWN);
    assert_string_equal(f[1].params[0].name, "self");
    assert_int_equal(m->types[f[1].params[0].type].kind, BERTHI_WIT_BORROW);
    assert_int_equal(f[1].result, BERTHI_WIT_U32);
    assert_true(f[2].is_async && !f[1].is_async);
    assert_int_equal(m->types[f[3].result].kind, BERTHI_WIT_RESULT);
    assert_int_equal(type_of(m, i, "again")->canon, conn);
    assert_true(type_of(m, i, "held")->has_borrow && !type_of(m, i, "again")->has_borrow);
    end(&t);
}

static void uses_are_aliases_of_what_they_name(void **state)
{
    rig t;
    const berthi_wit *m = accept(&t, "package a:b;\n"
                                     "use c:d/k@1.0.0 as far;\n"
                                     "interface i { use j.{t, r as s}; use far.{u};\n"
                                     "  f: func(x: s) -> t; }\n"
                                     "interface j { type t = u8; resource r; }\n"
                                     "package c:d@1.0.0 { interface k { type u = u16; } }");
    const berthi_wit_interface *i = berthi_wit_find_interface(m, "i"),
                               *j = berthi_wit_find_interface(m, "j"),
                               *k = berthi_wit_find_interface(m, "c:d/k");
    const berthi_wit_type *s = type_of(m, i, "s");

    (void)state;
    assert_true(i > j && i > k);
    assert_true(s->is_used);
    assert_int_equal(s->element, berthi_wit_find_type(m, j, "r"));
    assert_int_equal(m->types[i->funcs[0].params[0].type].kind, BERTHI_WIT_OWN);
    assert_ptr_equal(&m->types[m->types[i->funcs[0].params[0].type].element], s);
    assert_int_equal(m->types[i->funcs[0].result].canon, BERTHI_WIT_U8);
    assert_int_equal(i->uses_count, 2);
    assert_int_equal(type_of(m, i, "u")->canon, BERTHI_WIT_U16);
    assert_string_equal(m->packages[k->package].id, "c:d@1.0.0");
    assert_true(k->package < m->root);
    end(&t);
}

static void check_externs(const berthi_wit_extern *externs, uint32_t count, const char *wanted)
{
    char names[512] = "";
    size_t used = 0;

    for (uint32_t i = 0; i < count; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s ", externs[i].name,
                                 externs[i].is_implied ? "?" : "");
    assert_string_equal(names, wanted);
}

static void a_world_imports_what_its_parts_need(void **state)
{
    rig t;
    const berthi_wit *m =
        accept(&t, "package a:b;\n"
                   "interface base { type t = u8; }\n"
                   "interface mid { use base.{t}; }\n"
                   "interface top { use mid.{t}; }\n"
                   "world w1 { import top; export f: func(); }\n"
                   "world w2 { use mid.{t}; import g: func(x: t); import base; }\n"
                   "world w3 { import here: interface { use top.{t}; } export top; }\n"
                   "world w4 { export top; export mid; import other: base; }\n"
                   "world w5 { include w1; include w2 with { g as h }; import t2: func(); }");
    const struct {
        const char *world, *imports, *exports;
    } rows[] = {
        { "w1", "a:b/base? a:b/mid? a:b/top ", "f " },
        { "w2", "a:b/base a:b/mid? t g ", "" },
        { "w3", "a:b/base? a:b/mid? a:b/top? here ", "a:b/top " },
        { "w4", "other a:b/base? ", "a:b/top a:b/mid " },
        { "w5", "a:b/base a:b/mid? a:b/top t h t2 ", "f " },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const berthi_wit_world *w = berthi_wit_find_world(m, rows[i].world);

        check_externs(w->imports, w->imports_count, rows[i].imports);
        check_externs(w->exports, w->exports_count, rows[i].exports);
    }
    end(&t);
}

static void an_included_world_brings_its_types_along_under_new_names(void **state)
{
    rig t;
    const berthi_wit *m =
        accept(&t, "package a:b;\n"
                   "world a { record p { x: u8 } type ps = list<p>;\n"
                   "  resource r { constructor(); m: func(p: p); }\n"
                   "  import f: func(x: r, y: ps) -> option<p>; export g: func() -> string; }\n"
                   "world b { include a with { r as s, p as q, g as h } }");
    const berthi_wit_world *a = berthi_wit_find_world(m, "a"),
                           *b = berthi_wit_find_world(m, "b");
    const berthi_wit_func *f = b->imports[5].func;
    const berthi_wit_type *q = &m->types[b->imports[0].index],
                          *ps = &m->types[b->imports[1].index];

    (void)state;
    check_externs(a->imports, a->imports_count, "p ps r [constructor]r [method]r.m f ");
    check_externs(b->imports, b->imports_count, "q ps s [constructor]s [method]s.m f ");
    check_externs(b->exports, b->exports_count, "h ");
    assert_string_equal(q->name, "q");
    assert_string_equal(m->types[a->imports[0].index].name, "p");
    assert_int_equal(q->owner, b - m->worlds);
    assert_ptr_equal(&m->types[m->types[ps->element].element], q);
    assert_int_equal(m->types[f->params[0].type].element, b->imports[2].index);
    assert_ptr_equal(&m->types[m->types[f->result].element], q);
    assert_int_equal(b->imports[4].func->resource, b->imports[2].index);
    assert_ptr_equal(&m->types[b->imports[4].func->params[1].type], q);
    end(&t);
}

static void unstable_items_are_there_when_their_feature_is_asked_for(void **state)
{
    static const char text[] = "package a:b@1.0.0;\n"
                               "interface i {\n"
                               "  @unstable(feature = one) type t = u8;\n"
                               "  @unstable(feature = one) f: func(x: t);\n"
                               "  @unstable(feature = two) g: func();\n"
                               "  @since(version = 1.0.0) @deprecated(version = 2.0.0)\n"
                               "  h: func();\n"
                               "}";
    rig t = { .features = { "one" } };
    const berthi_wit_interface *i;

    (void)state;
    t.options = (berthi_wit_options){ t.features, 1, false, NULL };
    assert_int_equal(read_text(&t, text, sizeof text - 1), BERTH_OK);
    i = berthi_wit_find_interface(t.model, "i");
    assert_int_equal(i->funcs_count, 2);
    assert_string_equal(i->funcs[0].gate.unstable, "one");
    assert_string_equal(i->funcs[1].gate.since, "1.0.0");
    assert_string_equal(i->funcs[1].gate.deprecated, "2.0.0");
    end(&t);
    t.options = (berthi_wit_options){ .has_all_features = true };
    assert_int_equal(read_text(&t, text, sizeof text - 1), BERTH_OK);
    assert_int_equal(berthi_wit_find_interface(t.model, "i")->funcs_count, 3);
    end(&t);
    t.options = (berthi_wit_options){ .has_all_features = false };
    assert_int_equal(read_text(&t, text, sizeof text - 1), BERTH_OK);
    assert_int_equal(berthi_wit_find_interface(t.model, "i")->funcs_count, 1);
    assert_int_equal(berthi_wit_find_interface(t.model, "i")->types_count, 0);
    end(&t);
}

static void documentation_is_text_without_its_comment_signs(void **state)
{
    rig t;
    const berthi_wit *m = accept(&t, "package a:b;\n"
                                     "/// One.\r\n"
                                     "///  Two.\n"
                                     "// not this\n"
                                     "///\n"
                                     "@unstable(feature = x)\n"
                                     "interface out {}\n"
                                     "/// One.\n///  Two.\n// not this\n///\n/// Three.\n"
                                     "interface i {}\n"
                                     "/**\n * Four.\n *\n *   Five.\n */\n"
                                     "/* nor this */ /***/ interface j {}");

    (void)state;
    assert_string_equal(berthi_wit_find_interface(m, "i")->docs, "One.\n Two.\n\nThree.");
    assert_string_equal(berthi_wit_find_interface(m, "j")->docs, "Four.\n\n  Five.");
    end(&t);
}

/* ---------------------------------------------------------------- errors */

static void errors_show_the_line_and_guess_what_was_meant(void **state)
{
    (void)state;
    refuse("package a:b;\n\tinterface i { type colour = u8;\n  f: func(x: color); }",
           BERTH_E_REJECTED,
           "a.wit:3:14: there is no type `color`; did you mean `colour`?\n"
           "      f: func(x: color); }\n"
           "                 ^^^^^");
    refuse("package a:b;\r\ninterfase i {}\r\n", BERTH_E_REJECTED,
           "a.wit:2:1: expected `world`, `interface`, `use` or `package`, found `interfase`; "
           "did you mean `interface`?\n"
           "    interfase i {}\n"
           "    ^^^^^^^^^");
    refuse("package a:b;\ninterface \xc3\xa4 {}", BERTH_E_REJECTED,
           "a.wit:2:11: nothing in WIT starts like this\n"
           "    interface \xc3\xa4 {}\n"
           "              ^");
    refuse("package a:b; /* \xc3\xa4\xc3\xb6 */ interface a {} interface b {} interface c {} "
           "interface d { use x.{}; } interface e {} interface f {}",
           BERTH_E_REJECTED,
           "a.wit:1:86: there is no interface or world `x` in `a:b`\n"
           "    ...e b {} interface c {} interface d { use x.{}; } interface e {} i...\n"
           "                                               ^");
    refuse("package a:b;\ninterface i { type t = lst<u8>; }", BERTH_E_REJECTED,
           "a.wit:2:27: expected `;`, found `<`\n"
           "    interface i { type t = lst<u8>; }\n"
           "                              ^");
    refuse("package a:b;\ninterface i { use c:e/k.{}; }\npackage c:d { interface k {} }",
           BERTH_E_REJECTED,
           "a.wit:2:19: there is no package `c:e`; did you mean `c:d`?\n"
           "    interface i { use c:e/k.{}; }\n"
           "                      ^^^^^");
    refuse("package a:b;\ninterface i { use c:d/k@1.0.0.{}; }\npackage c:d@1.0.1 { interface k "
           "{} }",
           BERTH_E_REJECTED,
           "a.wit:2:19: `c:d` is not here in version 1.0.0; did you mean `c:d@1.0.1`?\n"
           "    interface i { use c:d/k@1.0.0.{}; }\n"
           "                      ^^^^^^^^^^^");
    refuse("package a:b;\nworld w { import a:b; }", BERTH_E_REJECTED,
           "a.wit:2:18: `a:b` names a package; an interface or world of it is `a:b/NAME`\n"
           "    world w { import a:b; }\n"
           "                     ^^^");
    refuse("", BERTH_E_REJECTED, "a.wit: no file says `package NAMESPACE:NAME;` in front");
    refuse("package a:b", BERTH_E_REJECTED,
           "a.wit:1:12: expected `{`, found the end of the file\n"
           "    package a:b\n"
           "               ^");
}

static void every_rule_is_kept(void **state)
{
    static const struct {
        const char *text, *what; /* behind the package */
    } rows[] = {
        { "interface i { type t = t2; type t2 = list<t>; }",
          "the type `t2` depends on itself" },
        { "interface i { use j.{}; } interface j { use i.{}; }", "depends on itself" },
        { "world a { include b; } world b { include a; }", "depends on itself" },
        { "interface i { record r { a: u8, A: u8 } }", "`A` and `a` are too much alike" },
        { "interface i { a-b: func(); ab: func(); }", "`ab` and `a-b` are too much alike" },
        { "interface i { f: func(); f: func(); }", "`f` is defined twice" },
        { "interface i { record r {} }", "`r` has no fields" },
        { "interface i { flags f {} }", "`f` has no flags" },
        { "interface i { resource r { r: func(); } }", "named like the resource" },
        { "interface i { resource r { constructor(); constructor(); } }",
          "a resource has at most one constructor" },
        { "interface i { type t = map<f32, u8>; }", "the key of a map" },
        { "interface i { type t = list<u8, 0>; }", "a list's length is 1 to 4294967295" },
        { "interface i { type t = list<u8, 4294967296>; }", "a list's length" },
        { "interface i { type t = list<u8, 99999999999999999999999>; }", "a list's length" },
        { "interface i { resource r; type t = stream<borrow<r>>; }", "a stream or future" },
        { "interface i { resource r; f: func() -> option<borrow<r>>; }",
          "`f` returns what holds a `borrow`" },
        { "interface i { type t = own<t2>; type t2 = u8; }", "`t2` is not a resource" },
        { "interface i { type a_b = u8; }", "hyphens where others have underscores" },
        { "interface i { type a--b = u8; }", "two hyphens side by side" },
        { "interface i { type a- = u8; }", "ends in a hyphen" },
        { "interface i { type aB = u8; }", "mixes cases in one word" },
        { "interface i { type % = u8; }", "expected an identifier behind `%`" },
        { "interface i { @since(version = 1.2.4) f: func(); }",
          "`@since` names version 1.2.4 of a package that is at 1.2.3" },
        { "interface i { @since(version = 1.2) f: func(); }",
          "expected a version such as `1.2.3`" },
        { "interface i { @since(version = 01.2.3) f: func(); }", "expected a version" },
        { "interface i { @sinse(version = 1.2.3) f: func(); }", "did you mean `since`?" },
        { "interface i { @unstable(feature = a) @since(version = 1.2.3) f: func(); }",
          "either `@since` or `@unstable`" },
        { "interface i { @since(version = 1.0.0) @since(version = 1.0.0) f: func(); }",
          "`@since` stands here twice" },
        { "@external-id(\"x\") interface i {}", "`@external-id` goes with" },
        { "interface i { @external-id(\"x\") use j.{t}; }", "`@external-id` goes with" },
        { "world w { @external-id(\"x\") include v; }", "`@external-id` goes with" },
        { "world w { @external-id(\"x\") import i; }", "`@external-id` goes with" },
        { "world w { @external-id(\"x\") export c:d/i; }", "`@external-id` goes with" },
        { "use u as t; use t as u;", "is a use of itself" },
        { "use u as u;", "there is no interface or world `u`" },
        { "world w { import a: func(); include v; } world v { import a: func(); }",
          "conflicts with `a`; rename it with `with { a as NAME }`" },
        { "world w { include v with { b as c } } world v { import a: func(); }",
          "`b` is no plain name" },
        { "world w { type t = u8; import t: func(); }", "the import `t` is there twice" },
        { "interface i { f: func(a: b:c); }", "expected `)`, found `:`" },
        { "package c:d { package e:f {} }", "a package stands within no other" },
        { "package c:d {", "expected `}` at the end of the package" },
        { "package a:b@1.2.3 {}", "the package `a:b@1.2.3` is defined twice" },
        { "package c:d:e {}", "namespaces and packages within each other are not read" },
        { "interface i { use a:b/j@1.2.3.{}; } interface j {}",
          "a package refers to itself by its bare names" },
        { "/* /* */", "a comment that does not end" },
        { "@external-id(\"x", "a string that does not end" },
        { "@external-id(\"\\q\")", "no such escape in a string" },
        { "@external-id(\"\\ff\")", "a string is UTF-8 without NUL" },
        { "// \xe2\x80\xae", "the character U+202E may not stand in WIT" },
        { "// \x01", "the character U+0001 may not stand in WIT" },
        { "// \xff", "not UTF-8" },
        { "interface i { f: func(x: u8 -> u8; }", "expected `)`, found `->`" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[512];
        rig t = { .model = NULL };

        snprintf(text, sizeof text, "package a:b@1.2.3;\n%s", rows[i].text);
        if (read_text(&t, text, strlen(text)) != BERTH_E_REJECTED ||
            strstr(t.diag.text, rows[i].what) == NULL)
            fail_msg("%s\nnot %s: %s", rows[i].text, rows[i].what, t.diag.text);
        end(&t);
    }
}

static void strings_are_decoded(void **state)
{
    rig t;
    const berthi_wit *m =
        accept(&t, "package a:b;\n"
                   "world w { @external-id(\"a\\t\\22\\u{e4}\\u{1F600}\\\\ \xc3\xa4\") "
                   "import f: func(); @external-id(\"\") import g: func(); }");

    (void)state;
    assert_string_equal(m->worlds[0].imports[0].external_id,
                        "a\t\"\xc3\xa4\xf0\x9f\x98\x80\\ \xc3\xa4");
    assert_string_equal(m->worlds[0].imports[1].external_id, "");
    end(&t);
}

/* ---------------------------------------------------------------- bounds */

/* `form` with each # as the number and each ^ as the number before it. */
static size_t put_form(char *out, size_t room, const char *form, unsigned number)
{
    size_t used = 0;

    for (; *form != '\0'; form++)
        used += (size_t)(*form == '#'   ? snprintf(out + used, room - used, "%u", number)
                         : *form == '^' ? snprintf(out + used, room - used, "%u", number - 1)
                                        : snprintf(out + used, room - used, "%c", *form));
    return used;
}

/* Parts numbered from 1. */
static char *repeat(const char *front, const char *part, unsigned count, const char *back)
{
    size_t room = strlen(front) + count * (strlen(part) + 12) + strlen(back) + 1;
    char *text = malloc(room);
    size_t used;

    assert_non_null(text);
    used = put_form(text, room, front, 0);
    for (unsigned i = 1; i <= count; i++)
        used += put_form(text + used, room - used, part, i);
    put_form(text + used, room - used, back, 0);
    return text;
}

static berth_status status_of(char *text)
{
    rig t = { .model = NULL };
    berth_status status = read_text(&t, text, strlen(text));

    end(&t);
    free(text);
    return status;
}

#define HEAD "package a:b; interface i { "

static void what_grows_is_taken_up_to_a_bound_and_no_further(void **state)
{
    (void)state;
    assert_int_equal(status_of(repeat(HEAD "flags f {", "a#,", 32, "} }")), BERTH_OK);
    assert_int_equal(status_of(repeat(HEAD "flags f {", "a#,", 33, "} }")), BERTH_E_LIMIT);
    assert_int_equal(status_of(repeat(HEAD "enum f {", "a#,", 10000, "} }")), BERTH_OK);
    assert_int_equal(status_of(repeat(HEAD "enum f {", "a#,", 10001, "} }")), BERTH_E_LIMIT);
    assert_int_equal(status_of(repeat(HEAD "f: func(", "a#: u8,", 10001, "); }")),
                     BERTH_E_LIMIT);
    assert_int_equal(status_of(repeat(HEAD "type t = tuple<", "u8,", 10001, ">; }")),
                     BERTH_E_LIMIT);
    /* text within text, and types within types through their names */
    assert_int_equal(status_of(repeat(HEAD "type t = ", "list<", 100,
                                      "u8>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>"
                                      ">>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>"
                                      ">>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>; }")),
                     BERTH_E_LIMIT); /* the u8 is the 101st */
    assert_int_equal(
        status_of(repeat(HEAD "type a-0 = list<u8>;", "type b# = u8;", 20000, " }")), BERTH_OK);
    assert_int_equal(status_of(repeat("package a:b; ", "interface i# {} ", 30000, "")),
                     BERTH_OK);
    assert_int_equal(status_of(repeat("package a:b; ", "/**/ use a:b/c as d#;", 60000, "")),
                     BERTH_E_LIMIT); /* tokens */
    assert_int_equal(status_of(repeat(HEAD, "#/**/", 1, " }")), BERTH_E_REJECTED);
}

/* Types through names: t1 = list<t0>, t2 = list<t1>, ...; the depth is bounded all the same. */
static void depth_is_counted_through_names_but_not_through_aliases(void **state)
{
    char *text = repeat(HEAD "type t0 = u8; ", "type t# = t^; ", 20000, "}");
    rig t = { .model = NULL };

    (void)state;
    assert_int_equal(status_of(repeat(HEAD "type t0 = u8; ", "type t# = list<t^>; ", 100, "}")),
                     BERTH_OK);
    assert_int_equal(status_of(repeat(HEAD "type t0 = u8; ", "type t# = list<t^>; ", 101, "}")),
                     BERTH_E_LIMIT);
    assert_int_equal(read_text(&t, text, strlen(text)), BERTH_OK);
    assert_int_equal(t.model->types[t.model->types_count - 1].canon, BERTHI_WIT_U8);
    end(&t);
    free(text);
}

/* Worlds that include each other double their imports each time, or would. */
static void worlds_do_not_grow_past_their_bound(void **state)
{
    char *front = repeat("package a:b; world w { ", "import x#: func(); ", 1000, "} ");

    (void)state;
    assert_int_equal(status_of(repeat(front, "world w# { include w; } ", 40, "")), BERTH_OK);
    assert_int_equal(status_of(repeat(front, "world w# { include w; } ", 100, "")),
                     BERTH_E_LIMIT);
    free(front);
}

static void too_large_a_text_is_not_looked_at(void **state)
{
    size_t size = (size_t)BERTHI_WIT_BYTES_MAX + 1;
    char *text = malloc(size);
    rig t = { .model = NULL };

    (void)state;
    assert_non_null(text);
    memset(text, ' ', size);
    assert_int_equal(read_text(&t, text, size), BERTH_E_LIMIT);
    end(&t);
    assert_int_equal(read_text(&t, text, size - 1), BERTH_E_REJECTED);
    end(&t);
    free(text);
}

/* ---------------------------------------------------------------- broken input, full memory */

static const char everything[] =
    "/// Docs.\n"
    "package a:b@1.0.0;\n"
    "use c:d/k as far;\n"
    "@since(version = 1.0.0)\n"
    "interface i { use j.{t, r as s}; use far.{u}; /** x */ record p { x: t, y: tuple<s, u> }\n"
    "  variant v { a, b(list<p>) } enum e { a } flags f { a } type l = list<u8, 4>;\n"
    "  resource c { constructor(a: string) -> result<c, e>; m: async func(x: borrow<c>) -> p;\n"
    "    n: static func(); } @external-id(\"\\u{41}x\") g: func(x: map<u8, v>) -> stream<u8>; "
    "}\n"
    "interface j { type t = option<u8>; resource r; }\n"
    "world w { import i; export k: interface { use j.{t}; } type x = u8; import f: func(a: "
    "x);\n"
    "  @unstable(feature = no) import far; import other: j; export i; }\n"
    "world v { include w with { f as g, x as y } resource z { m: func(); } }\n"
    "package c:d { interface k { type u = result<_, char>; } }\n";

static void any_beginning_of_a_text_is_read_or_refused(void **state)
{
    rig t = { .model = NULL };

    (void)state;
    for (size_t size = 0; size < sizeof everything; size++) {
        berth_status status = read_text(&t, everything, size);

        assert_true(status == BERTH_OK || status == BERTH_E_REJECTED);
        assert_true((status == BERTH_OK) == (t.diag.text[0] == '\0'));
        end(&t);
    }
}

static void any_byte_may_be_another(void **state)
{
    static const char bytes[] = { 0,   ' ', '\n', '"', '%', '{', '}', '<', '>',       '/',
                                  '*', '@', '-',  'a', '0', ';', ':', '.', (char)0xff };
    char text[sizeof everything];
    rig t = { .model = NULL };

    (void)state;
    for (size_t at = 0; at < sizeof everything - 1; at++)
        for (size_t i = 0; i < sizeof bytes; i++) {
            berth_status status;

            memcpy(text, everything, sizeof text);
            text[at] = bytes[i];
            status = read_text(&t, text, sizeof everything - 1);
            assert_true(status == BERTH_OK || status == BERTH_E_REJECTED);
            end(&t);
        }
}

static void without_memory_it_says_so_and_leaks_nothing(void **state)
{
    bertht_memory memory;
    berth_allocator allocator;
    berth_status status = BERTH_E_NOMEM;
    size_t failed = 0;

    (void)state;
    memory_init(&memory);
    allocator = memory_allocator(&memory);
    for (size_t nth = 0; status != BERTH_OK; nth++) {
        const berthi_wit *model = NULL;
        berth_diag diag = { .text = "" };
        berthi_arena arena;

        memory_fail(&memory, nth, nth % 2 == 0);
        berthi_arena_init(&arena, &allocator, SIZE_MAX);
        status = berthi_wit_read_text("a.wit", everything, sizeof everything - 1, NULL, &arena,
                                      &model, &diag);
        failed += status == BERTH_E_NOMEM;
        assert_true(status == BERTH_OK || status == BERTH_E_NOMEM);
        assert_true((status == BERTH_OK) == (model != NULL));
        berthi_arena_fini(&arena);
        memory_assert_empty(&memory);
    }
    assert_true(failed >= 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_package_has_its_name_and_its_interfaces),
        cmocka_unit_test(types_have_parts_and_aliases_have_an_end),
        cmocka_unit_test(types_are_listed_behind_what_they_need_and_else_as_they_are_written),
        cmocka_unit_test(types_without_a_name_are_made_once),
        cmocka_unit_test(functions_of_resources_have_the_names_that_components_use),
        cmocka_unit_test(uses_are_aliases_of_what_they_name),
        cmocka_unit_test(a_world_imports_what_its_parts_need),
        cmocka_unit_test(an_included_world_brings_its_types_along_under_new_names),
        cmocka_unit_test(unstable_items_are_there_when_their_feature_is_asked_for),
        cmocka_unit_test(documentation_is_text_without_its_comment_signs),
        cmocka_unit_test(errors_show_the_line_and_guess_what_was_meant),
        cmocka_unit_test(every_rule_is_kept),
        cmocka_unit_test(strings_are_decoded),
        cmocka_unit_test(what_grows_is_taken_up_to_a_bound_and_no_further),
        cmocka_unit_test(depth_is_counted_through_names_but_not_through_aliases),
        cmocka_unit_test(worlds_do_not_grow_past_their_bound),
        cmocka_unit_test(too_large_a_text_is_not_looked_at),
        cmocka_unit_test(any_beginning_of_a_text_is_read_or_refused),
        cmocka_unit_test(any_byte_may_be_another),
        cmocka_unit_test(without_memory_it_says_so_and_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
