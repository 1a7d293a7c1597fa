/* world_digest_test.c - a world that a plugin carries in binary form has the contracts of its text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "component/wit/wit_decode.h"
#include "component/wrap/wrap.h"
#include "contract/contract.h"
#include "memory.h"

typedef struct rig {
    bertht_memory memory;
    berth_allocator allocator;
    berthi_arena arena;
    berth_diag diag;
} rig;

static void start(rig *t)
{
    memset(t, 0, sizeof *t);
    memory_init(&t->memory);
    t->allocator = memory_allocator(&t->memory);
    berthi_arena_init(&t->arena, &t->allocator, SIZE_MAX);
}

static void end(rig *t)
{
    berthi_arena_fini(&t->arena);
    memory_assert_empty(&t->memory);
}

static const berthi_wit *read_text(rig *t, const char *text, size_t size)
{
    const berthi_wit *wit;

    if (berthi_wit_read_text("w.wit", text, size, NULL, &t->arena, &wit, &t->diag) != BERTH_OK)
        fail_msg("%.*s\n%s", (int)size, text, t->diag.text);
    return wit;
}

/* What the world's binary form says, as text, and read again. */
static const berthi_wit *through_binary(rig *t, const berthi_wit *wit)
{
    berthi_text_buf bytes, text;
    const berthi_wit_world *world;
    const berthi_wit *again;

    berthi_text_buf_init(&bytes, &t->allocator);
    berthi_text_buf_init(&text, &t->allocator);
    assert_int_equal(berthi_wit_choose_world(wit, NULL, &world, &t->diag), BERTH_OK);
    assert_int_equal(berthi_component_world(wit, world, &t->allocator, &bytes, &t->diag),
                     BERTH_OK);
    if (berthi_component_wit((const uint8_t *)bytes.data, bytes.size, &t->allocator, &text,
                             &t->diag) != BERTH_OK)
        fail_msg("%s", t->diag.text);
    again = read_text(t, text.data, text.size);
    berthi_text_buf_fini(&bytes);
    berthi_text_buf_fini(&text);
    return again;
}

static berthi_contract contract_of(rig *t, const berthi_wit *wit, const berthi_wit_extern *e)
{
    const berthi_wit_world *world;
    berthi_contracts set;
    berthi_contract contract;
    uint32_t package;

    assert_int_equal(berthi_wit_choose_world(wit, NULL, &world, &t->diag), BERTH_OK);
    package = e == NULL ? world->package : wit->interfaces[e->index].package;
    assert_int_equal(berthi_contracts_init(&set, wit, package, &t->arena, &t->diag), BERTH_OK);
    assert_int_equal(e == NULL ? berthi_contract_make_world(&set, world, &contract)
                               : berthi_contract_make(&set, e->index, &contract),
                     BERTH_OK);
    return contract;
}

static void compare(rig *t, const berthi_wit *a, const berthi_wit_extern *x,
                    const berthi_wit *b, const berthi_wit_extern *y)
{
    berthi_contract before = contract_of(t, a, x), after = contract_of(t, b, y);

    assert_string_equal(before.id, after.id);
    assert_string_equal(before.key, after.key);
    assert_int_equal(before.funcs_count, after.funcs_count);
    if (memcmp(before.digest, after.digest, sizeof before.digest) != 0)
        fail_msg("%s has another digest in binary form", before.id);
}

static void check(const char *text)
{
    const berthi_wit *wit, *again;
    const berthi_wit_world *w, *v;
    rig t;

    start(&t);
    wit = read_text(&t, text, strlen(text));
    again = through_binary(&t, wit);
    assert_int_equal(berthi_wit_choose_world(wit, NULL, &w, &t.diag), BERTH_OK);
    assert_int_equal(berthi_wit_choose_world(again, NULL, &v, &t.diag), BERTH_OK);
    assert_int_equal(w->exports_count, v->exports_count);
    compare(&t, wit, NULL, again, NULL);
    for (uint32_t i = 0; i < w->exports_count; i++)
        for (uint32_t k = 0; k < v->exports_count; k++)
            if (w->exports[i].kind == BERTHI_WIT_EXTERN_INTERFACE &&
                strcmp(w->exports[i].name, v->exports[k].name) == 0)
                compare(&t, wit, &w->exports[i], again, &v->exports[k]);
    end(&t);
}

static void digests_survive_the_binary_form_of_a_world(void **state)
{
    (void)state;
    check("package a:b; interface i { f: func(); } world w { export i; }");
    check("package a:b@0.2.3; interface i { type unused = u8; record r { x: u8 } "
          "variant v { a, b(r) } f: func(x: v) -> list<r>; g: func(); }\n"
          "world w { export i; export run: func(x: list<u8>) -> result<string>; }");
    check("package a:b@1.2.3; interface t { resource r { m: func(); } enum e { x, y } "
          "flags g { p, q } }\n"
          "interface i { use t.{r, e as other}; f: func(x: borrow<r>) -> option<other>; }\n"
          "world w { import t; export i; export mine: interface { h: func() -> tuple<u8, "
          "char>; } "
          "export b: func(); export a: func(); }");
    check("package a:b@1.2.3; package c:d@2.0.1 { interface j { type t = map<string, u8>; } }\n"
          "interface i { use c:d/j@2.0.1.{t}; f: func(x: t) -> list<u8, 4>; }\n"
          "world w { type z = u32; export i; export g: func(x: z); }");
}

static void functions_of_a_world_have_a_contract_of_its_name(void **state)
{
    static const char text[] = "package a:b@1.2.3; interface i { f: func(); }\n"
                               "world w { export g: func(x: u8); export i; }";
    berthi_contract contract, other;
    rig t;

    (void)state;
    start(&t);
    contract = contract_of(&t, read_text(&t, text, sizeof text - 1), NULL);
    assert_string_equal(contract.id, "a:b/w@1.2.3");
    assert_string_equal(contract.key, "a:b/w@1");
    assert_int_equal(contract.funcs_count, 1);
    assert_string_equal(contract.funcs[0]->name, "g");
    /* as the interface of that name and those functions */
    {
        static const char same[] = "package a:b@1.4.0; interface w { g: func(x: u8); }\n"
                                   "world other { export w; }";
        const berthi_wit *wit = read_text(&t, same, sizeof same - 1);

        other = contract_of(&t, wit, &wit->worlds[0].exports[0]);
    }
    assert_memory_equal(contract.digest, other.digest, sizeof contract.digest);
    end(&t);
}

static void without_memory_it_says_so_and_leaks_nothing(void **state)
{
    static const char text[] = "package a:b@1.2.3; world w { record r { x: u8 } "
                               "export g: func(x: r); export h: func() -> r; }";
    berth_status status = BERTH_E_NOMEM;
    size_t nth = 0;

    (void)state;
    for (; status != BERTH_OK; nth++) {
        const berthi_wit_world *world;
        berthi_contracts set;
        berthi_contract contract;
        const berthi_wit *wit;
        rig t;

        start(&t);
        memory_fail(&t.memory, nth, true);
        status =
            berthi_wit_read_text("w.wit", text, sizeof text - 1, NULL, &t.arena, &wit, &t.diag);
        if (status == BERTH_OK)
            status = berthi_wit_choose_world(wit, NULL, &world, &t.diag);
        if (status == BERTH_OK)
            status = berthi_contracts_init(&set, wit, world->package, &t.arena, &t.diag);
        if (status == BERTH_OK)
            status = berthi_contract_make_world(&set, world, &contract);
        assert_true(status == BERTH_OK || status == BERTH_E_NOMEM);
        end(&t);
    }
    assert_true(nth >= 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_survive_the_binary_form_of_a_world),
        cmocka_unit_test(functions_of_a_world_have_a_contract_of_its_name),
        cmocka_unit_test(without_memory_it_says_so_and_leaks_nothing),
    };

    return cmocka_run_group_tests_name("worlds and digests", tests, NULL, NULL);
}
