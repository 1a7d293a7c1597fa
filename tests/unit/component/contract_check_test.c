/* contract_check_test.c - a component keeps a contract, or the first difference is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <berth/contract.h>

#include "component/wrap/wrap.h"
#include "guests.h"
#include "memory.h"

/* The world of the guest `wrap_plug`. */
static const char world_text[] =
    "package demo:plug@1.2.0;\n"
    "interface types {\n"
    "  record point { x: u32, y: f64 }\n"
    "  resource conn {\n"
    "    constructor(name: string);\n"
    "    send: func(data: list<u8>) -> result<u32, string>;\n"
    "    open: static func(n: u32) -> conn;\n"
    "  }\n"
    "  enum color { red, green }\n"
    "}\n"
    "interface host {\n"
    "  use types.{point, conn};\n"
    "  log: func(level: u8, msg: string);\n"
    "  where: func(c: borrow<conn>, p: point) -> option<point>;\n"
    "  add: func(a: u32, b: u32) -> u32;\n"
    "}\n"
    "interface counters {\n"
    "  use types.{point, color};\n"
    "  record line { a: point, b: point, c: color }\n"
    "  variant shape { dot(point), seg(line), none }\n"
    "  flags perms { r, w }\n"
    "  resource counter {\n"
    "    constructor(start: u32);\n"
    "    inc: func(by: u32) -> u32;\n"
    "    merge: static func(a: counter, b: borrow<counter>) -> counter;\n"
    "  }\n"
    "  draw: func(s: shape, p: perms) -> tuple<u32, string>;\n"
    "}\n"
    "interface more {\n"
    "  use counters.{line, counter};\n"
    "  type lines = list<line>;\n"
    "  count: func(l: lines, c: borrow<counter>) -> u64;\n"
    "}\n"
    "world plug {\n"
    "  import host;\n"
    "  import tick: func(n: u32) -> string;\n"
    "  export counters;\n"
    "  export more;\n"
    "  export run: func(s: string) -> string;\n"
    "  export process: func(i: list<u8>) -> result<list<u8>, string>;\n"
    "}\n";

typedef struct rig {
    berthi_arena arena;
    berthi_text_buf component;
} rig;

static int set_up(void **state)
{
    static rig r;
    const berthi_wit *wit = NULL;
    size_t core_size, at = 0;
    uint8_t *core = guest_read("wrap_plug", &core_size);
    char *text = strdup(world_text);
    berth_diag diag = { .text = "" };
    berth_status status;

    /* The guest's functions are called after version 1.0.0. */
    at = (size_t)(strstr(text, "1.2.0") - text);
    memcpy(text + at, "1.0.0", 5);
    berthi_arena_init(&r.arena, &berthi_allocator_libc, SIZE_MAX);
    berthi_text_buf_init(&r.component, &berthi_allocator_libc);
    status = berthi_wit_read_text("plug.wit", text, strlen(text), NULL, &r.arena, &wit, &diag);
    if (status == BERTH_OK)
        status = berthi_component_wrap(core, core_size, wit, berthi_wit_find_world(wit, "plug"),
                                       &berthi_allocator_libc, &r.component, &diag);
    if (status != BERTH_OK)
        fail_msg("%s", diag.text);
    free(core);
    free(text);
    *state = &r;
    return 0;
}

static int tear_down(void **state)
{
    rig *r = *state;

    berthi_text_buf_fini(&r->component);
    berthi_arena_fini(&r->arena);
    return 0;
}

/* The text with one part of it replaced. */
static char *edited(const char *from, const char *to)
{
    const char *at = strstr(world_text, from);
    size_t head, size = sizeof world_text + strlen(to);
    char *text = malloc(size);

    assert_non_null(at);
    assert_non_null(text);
    head = (size_t)(at - world_text);
    snprintf(text, size, "%.*s%s%s", (int)head, world_text, to, at + strlen(from));
    return text;
}

static berth_status check(rig *r, const berth_allocator *a, const char *text,
                          const char *interface, berth_diag *diag)
{
    berth_contract *contract = NULL;
    berth_status status;

    *diag = (berth_diag){ .text = "" };
    status = berth_contract_parse(a, text, strlen(text), interface, &contract, diag);
    if (status != BERTH_OK)
        return status;
    status = berth_contract_check(contract, r->component.data, r->component.size, diag);
    berth_contract_destroy(contract);
    return status;
}

static void a_component_keeps_what_it_was_made_for(void **state)
{
    static const char *const names[] = { "counters", "more", "demo:plug/more",
                                         "demo:plug/counters@1.2.0" };
    berth_diag diag;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (check(*state, NULL, world_text, names[i], &diag) != BERTH_OK)
            fail_msg("%s: %s", names[i], diag.text);
}

#define KEEPS                                                                                  \
    "export `demo:plug/counters@1.0.0` does not keep contract `demo:plug/counters@1`: "
#define KEEPS_IN "export `demo:plug/more@1.0.0` does not keep contract `demo:plug/more@1`: "

static void the_first_difference_is_named(void **state)
{
    static const struct {
        const char *from, *to, *interface, *text; /* NULL: none */
    } rows[] = {
        /* what a contract may say in another way */
        { "record line {", "record edge { e: u8 } record line {", "counters", NULL },
        { "interface types {", "/// Types.\ninterface types {", "counters", NULL },
        { "type lines = list<line>;\n  count: func(l: lines,", "count: func(l: list<line>,",
          "more", NULL },
        { "resource counter {", "resource other;\n  resource counter {", "counters", NULL },
        { "    merge: static func(a: counter, b: borrow<counter>) -> counter;\n", "",
          "counters", NULL },
        /* functions */
        { "draw: func(s: shape, p: perms)", "drew: func(s: shape, p: perms)", "counters",
          KEEPS "function `drew` is missing; did you mean `draw`?" },
        { "draw: func(s: shape, p: perms)", "draw: func(s: shape, q: perms)", "counters",
          KEEPS "function `draw`: parameter 2 is `q` in the contract, and `p` here" },
        { "draw: func(s: shape, p: perms)", "draw: func(s: shape)", "counters",
          KEEPS "function `draw`: parameter `p` is not in the contract" },
        { "draw: func(s: shape, p: perms)", "draw: func(s: shape, p: perms, z: u8)", "counters",
          KEEPS "function `draw`: parameter `z` is missing" },
        { "-> tuple<u32, string>", "", "counters",
          KEEPS "function `draw`, result: the contract has nothing, and here is tuple<u32, "
                "string>" },
        { "tuple<u32, string>", "tuple<u32, list<u8>>", "counters",
          KEEPS "function `draw`, result, a part: the contract has list<u8>, and here is "
                "string" },
        { "inc: func(by: u32) -> u32", "inc: func(by: s32) -> u32", "counters",
          KEEPS
          "function `[method]counter.inc`, parameter `by`: the contract has s32, and here "
          "is u32" },
        { "draw: func(", "draw: async func(", "counters",
          KEEPS "function `draw`: the contract has async func(" },
        /* nested types */
        { "y: f64", "y: f32", "counters",
          KEEPS "function `draw`, parameter `s`, case `dot`, field `y`: the contract has f32, "
                "and here is f64" },
        { "red, green", "red, blue", "counters",
          KEEPS
          "function `draw`, parameter `s`, case `seg`, field `c`: case 2 is `blue` in the "
          "contract, and `green` here" },
        { "flags perms { r, w }", "flags perms { r, w, x }", "counters",
          KEEPS "function `draw`, parameter `p`: flag `x` is missing" },
        { "seg(line), none", "seg(line), none(u8)", "counters",
          KEEPS "function `draw`, parameter `s`, case `none`: the contract has u8, and here is "
                "nothing" },
        { "a: point, b: point", "a: point, b: u8", "more",
          KEEPS_IN "function `count`, parameter `l`, element, field `b`: the contract has u8, "
                   "and here is record" },
        /* resources */
        { "use counters.{line, counter};",
          "use counters.{line};\n  use types.{conn as counter};", "more",
          KEEPS_IN "function `count`, parameter `c`, element: it is another resource than that "
                   "of the contract" },
        { "b: borrow<counter>) -> counter", "b: counter) -> counter", "counters",
          KEEPS "function `[static]counter.merge`, parameter `b`: the contract has own<" },
        /* interfaces */
        { "plug@1.2.0", "plug@2.0.0", "counters",
          "it exports `demo:plug/counters@1.0.0`, which is another contract than "
          "`demo:plug/counters@2`" },
        { "interface more {", "interface mare {} interface more {", "mare",
          "it exports no interface `demo:plug/mare@1.2.0`, which contract `demo:plug/mare@1` "
          "asks for" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *text = edited(rows[i].from, rows[i].to);
        berth_diag diag;
        berth_status status = check(*state, NULL, text, rows[i].interface, &diag);

        if (status != (rows[i].text == NULL ? BERTH_OK : BERTH_E_REJECTED) ||
            (rows[i].text != NULL &&
             strncmp(diag.text, rows[i].text, strlen(rows[i].text)) != 0))
            fail_msg("%s: %s %s\nnot %s", rows[i].to, berth_status_name(status), diag.text,
                     rows[i].text == NULL ? "ok" : rows[i].text);
        free(text);
    }
}

static void what_has_no_world_keeps_no_contract(void **state)
{
    static const char text[] = "package a:b; interface i {}";
    berth_contract *contract;
    berth_diag diag;

    (void)state;
    assert_int_equal(berth_contract_parse(NULL, text, sizeof text - 1, NULL, &contract, &diag),
                     BERTH_OK);
    assert_string_equal(berth_contract_name(contract), "a:b/i");
    assert_int_equal(berth_contract_check(contract, "\0asm\1\0\0\0", 8, &diag),
                     BERTH_E_REJECTED);
    assert_string_equal(diag.text, "it is no component, and no module that carries its world; "
                                   "contract `a:b/i` asks for one");
    assert_int_equal(berth_contract_check(contract, NULL, 0, &diag), BERTH_E_REJECTED);
    assert_int_equal(berth_contract_check(contract, "\0asm\x0d\0\1\0", 8, &diag),
                     BERTH_E_REJECTED);
    assert_non_null(strstr(diag.text, "it exports no interface `a:b/i`"));
    assert_int_equal(berth_contract_check(contract, "\0asm\x0d\0\1\0\x0b", 9, &diag),
                     BERTH_E_REJECTED);
    assert_int_equal(berth_contract_check(NULL, "", 0, &diag), BERTH_E_INVALID);
    assert_int_equal(berth_contract_check(contract, NULL, 1, &diag), BERTH_E_INVALID);
    assert_int_equal(berth_contract_check(contract, "", (size_t)1 << 40, &diag), BERTH_E_LIMIT);
    berth_contract_destroy(contract);
    berth_contract_destroy(NULL);
}

static void contracts_that_are_not_there_are_told(void **state)
{
    static const struct {
        const char *text, *interface, *what;
        berth_status status;
    } rows[] = {
        { "package a:b; interface one {} interface two {}", NULL,
          "package `a:b` has 2 interfaces; name the one that is meant", BERTH_E_ABSENT },
        { "package a:b;", NULL, "has 0 interfaces", BERTH_E_ABSENT },
        { "package a:b; interface one {}", "ome",
          "there is no interface `ome` in package `a:b`; did you mean `one`?", BERTH_E_ABSENT },
        { "package a:b@1.0.0; interface one {}", "a:b/one@1.0.1",
          "did you mean `a:b/one@1.0.0`?", BERTH_E_ABSENT },
        { "package a:b; interface {", NULL, "contract:1:24: ", BERTH_E_REJECTED },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        berth_contract *contract = NULL;
        berth_diag diag = { .text = "" };

        if (berth_contract_parse(NULL, rows[i].text, strlen(rows[i].text), rows[i].interface,
                                 &contract, &diag) != rows[i].status ||
            strstr(diag.text, rows[i].what) == NULL)
            fail_msg("%zu: %s", i, diag.text);
        assert_null(contract);
    }
}

static void without_memory_it_says_so_and_leaks_nothing(void **state)
{
    static const char *const edits[] = { "f64", "f32" };

    for (size_t i = 0; i < 2; i++) {
        char *text = edited("f64", edits[i]);
        berth_status status = BERTH_E_NOMEM;
        size_t nth = 0;

        for (; status == BERTH_E_NOMEM; nth++) {
            bertht_memory memory;
            berth_allocator a;
            berth_diag diag;

            memory_init(&memory);
            a = memory_allocator(&memory);
            memory_fail(&memory, nth, nth % 2 == 0);
            status = check(*state, &a, text, "counters", &diag);
            assert_true((status == BERTH_OK) == (diag.text[0] == '\0'));
            memory_assert_empty(&memory);
        }
        assert_int_equal(status, i == 0 ? BERTH_OK : BERTH_E_REJECTED);
        assert_true(nth >= 10);
        free(text);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_component_keeps_what_it_was_made_for),
        cmocka_unit_test(the_first_difference_is_named),
        cmocka_unit_test(what_has_no_world_keeps_no_contract),
        cmocka_unit_test(contracts_that_are_not_there_are_told),
        cmocka_unit_test(without_memory_it_says_so_and_leaks_nothing),
    };

    return cmocka_run_group_tests_name("contracts of components", tests, set_up, tear_down);
}
