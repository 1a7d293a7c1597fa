/* host_test.c - what a host offers, what an import of it gets, and calls between the two. */
#include "engine_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "component/run/host_call.h"
#include "component/wrap/wrap.h"
#include "guests.h"

enum { TICKS = 1000000 };

static const char interface[] =
    "package demo:plug@1.0.0;\n"
    "interface host {\n"
    "  resource conn { constructor(name: string); send: func(text: string) -> u32; }\n"
    "  get: func(key: string) -> option<list<u8>>;\n"
    "  log: func(text: string);\n"
    "  add: func(a: u32, b: u32) -> u32;\n"
    "  close: func(c: conn);\n"
    "  echo: func(data: list<u8>) -> list<u8>;\n"
    "}\n"
    "world side { import tick: func(by: u32) -> u64; }\n";
static const char world[] =
    "package test:user;\n"
    "world user { import demo:plug/host@1.0.0; import tick: func(by: u32) -> u64;\n"
    "  export run: func(what: string) -> list<u8>; }\n"
    "package demo:plug@1.0.0 {\n"
    "  interface host {\n"
    "    resource conn { constructor(name: string); send: func(text: string) -> u32; }\n"
    "    get: func(key: string) -> option<list<u8>>;\n"
    "    log: func(text: string);\n"
    "    add: func(a: u32, b: u32) -> u32;\n"
    "    close: func(c: conn);\n"
    "    echo: func(data: list<u8>) -> list<u8>;\n"
    "  }\n"
    "}\n";

/* ---------------------------------------------------------------- the host */

typedef struct conn {
    struct host_state *state;
    char name[32];
    uint32_t sent;
} conn;

typedef struct host_state {
    const berth_host_resource *conn;
    uint32_t made, destroyed, closed, logged;
    char last_log[64], last_plugin[32];
    uint64_t clock;
    const char *fails; /* get() does, with this text */
    size_t shrink;     /* echo() uses less than it reserved */
    bool copies;       /* echo() takes room of the host's */
} host_state;

static berth_status conn_new(void *ctx, const void *args, void *result, berth_host_call *call)
{
    host_state *s = ctx;
    const berth_string *name = args;
    conn *c = calloc(1, sizeof *c);
    berth_status status;

    assert_non_null(c);
    c->state = s;
    snprintf(c->name, sizeof c->name, "%.*s", (int)name->size, name->text);
    status = berth_host_object_add(call, s->conn, c, result);
    if (status != BERTH_OK) {
        free(c);
        return status;
    }
    s->made++;
    return BERTH_OK;
}

static void conn_destroy(void *object)
{
    conn *c = object;

    c->state->destroyed++;
    free(c);
}

typedef struct send_args {
    uint64_t self;
    berth_string text;
} send_args;

static berth_status conn_send(void *ctx, const void *args, void *result, berth_host_call *call)
{
    host_state *s = ctx;
    const send_args *a = args;
    conn *c = berth_host_object_find(call, s->conn, a->self);
    uint32_t sent;

    if (c == NULL)
        return berth_host_fail(call, BERTH_E_ABSENT, "no connection");
    c->sent += (uint32_t)a->text.size;
    sent = c->sent;
    memcpy(result, &sent, sizeof sent);
    return BERTH_OK;
}

static berth_status conn_close(void *ctx, const void *args, void *result, berth_host_call *call)
{
    host_state *s = ctx;
    conn *c = berth_host_object_take(call, s->conn, *(const uint64_t *)args);

    (void)result;
    assert_non_null(c);
    assert_null(berth_host_object_find(call, s->conn, *(const uint64_t *)args));
    s->closed++;
    free(c);
    return BERTH_OK;
}

typedef struct get_result {
    uint8_t is_some;
    struct {
        const uint8_t *items;
        size_t count;
    } value;
} get_result;

static berth_status get(void *ctx, const void *args, void *result, berth_host_call *call)
{
    const host_state *s = ctx;
    const berth_string *key = args;
    get_result *r = result;
    char *copy;

    if (s->fails != NULL)
        return berth_host_fail(call, BERTH_E_STATE, "%s", s->fails);
    if (key->size == 0)
        return BERTH_OK;
    copy = berth_host_room(call, key->size + 1);
    assert_non_null(copy);
    copy[0] = '=';
    memcpy(copy + 1, key->text, key->size);
    r->is_some = 1;
    r->value.items = (const uint8_t *)copy;
    r->value.count = key->size + 1;
    return BERTH_OK;
}

static berth_status log_text(void *ctx, const void *args, void *result, berth_host_call *call)
{
    host_state *s = ctx;
    const berth_string *text = args;

    (void)result;
    s->logged++;
    snprintf(s->last_log, sizeof s->last_log, "%.*s", (int)text->size, text->text);
    snprintf(s->last_plugin, sizeof s->last_plugin, "%s", berth_host_plugin(call));
    assert_ptr_equal(berth_host_context(call), s);
    return BERTH_OK;
}

static berth_status add(void *ctx, const void *args, void *result, berth_host_call *call)
{
    const uint32_t *two = args;
    uint32_t sum = two[0] + two[1];

    (void)ctx;
    (void)call;
    memcpy(result, &sum, sizeof sum);
    return BERTH_OK;
}

static berth_status echo(void *ctx, const void *args, void *result, berth_host_call *call)
{
    host_state *s = ctx;
    const berth_string *data = args;
    berth_string *out = result;
    char *room =
        s->copies ? berth_host_room(call, data->size) : berth_host_reserve(call, data->size);

    if (room == NULL)
        return BERTH_OK; /* whatever is answered */
    for (size_t i = 0; i < data->size; i++)
        room[i] = data->text[data->size - 1 - i];
    out->text = room;
    out->size = data->size - s->shrink;
    return BERTH_OK;
}

static berth_status tick(void *ctx, const void *args, void *result, berth_host_call *call)
{
    host_state *s = ctx;

    (void)call;
    s->clock += *(const uint32_t *)args;
    memcpy(result, &s->clock, sizeof s->clock);
    return BERTH_OK;
}

static void must(berth_status status, const berth_diag *diag)
{
    if (status != BERTH_OK)
        fail_msg("%s", diag->text);
}

static void bind_all(berth_host *host, host_state *s, const char *of, berth_diag *d)
{
    must(berth_host_bind_resource(host, of, "conn", conn_destroy, &s->conn, d), d);
    must(berth_host_bind(host, of, "[constructor]conn", 16, 8, conn_new, s, d), d);
    must(berth_host_bind(host, of, "[method]conn.send", sizeof(send_args), 4, conn_send, s, d),
         d);
    must(berth_host_bind(host, of, "get", 16, sizeof(get_result), get, s, d), d);
    must(berth_host_bind(host, of, "log", 16, 0, log_text, s, d), d);
    must(berth_host_bind(host, of, "add", 8, 4, add, s, d), d);
    must(berth_host_bind(host, of, "close", 8, 0, conn_close, s, d), d);
    must(berth_host_bind(host, of, "echo", 16, 16, echo, s, d), d);
}

static berth_host *make_host(rig *r, host_state *s)
{
    berth_host *host = NULL;

    must(berth_host_create(&r->allocator, &host, &r->diag), &r->diag);
    must(berth_host_declare(host, interface, strlen(interface), &r->diag), &r->diag);
    bind_all(host, s, "demo:plug/host", &r->diag);
    must(berth_host_bind(host, NULL, "tick", 4, 8, tick, s, &r->diag), &r->diag);
    return host;
}

/* ---------------------------------------------------------------- the plugin */

/* The component of tests/guests/host_user.c and a world. */
static void make_component(rig *r, const char *wit, berthi_text_buf *out)
{
    size_t size;
    uint8_t *core = guest_read("host_user", &size);
    const berthi_wit *model;
    berthi_arena arena;

    berthi_arena_init(&arena, &r->allocator, SIZE_MAX);
    berthi_text_buf_init(out, &r->allocator);
    must(berthi_wit_read_text("world", wit, strlen(wit), NULL, &arena, &model, &r->diag),
         &r->diag);
    must(berthi_component_wrap(core, size, model, berthi_wit_find_world(model, "user"),
                               &r->allocator, out, &r->diag),
         &r->diag);
    berthi_arena_fini(&arena);
    free(core);
}

static berth_status load(rig *r, berth_host *host, const char *wit,
                         berthi_cm_loaded **loaded_out)
{
    const berthi_cm_load_options options = { .allocator = &r->allocator,
                                             .engine = r->engine,
                                             .resolve = berthi_host_resolve,
                                             .resolve_ctx = host };
    berthi_text_buf component;
    berth_status status;

    make_component(r, wit, &component);
    status = berthi_cm_load((const uint8_t *)component.data, component.size, &options,
                            loaded_out, &r->diag);
    berthi_text_buf_fini(&component);
    return status;
}

typedef struct plugin {
    rig *r;
    host_state state;
    berth_host *host;
    berthi_cm_loaded *loaded;
    berthi_cm_instance *instance;
    berthi_host_instance mine;
    berthi_cm_func run;
    berth_arena *arena;
    char answer[256];
} plugin;

static void start(plugin *p, rig *r)
{
    const berthi_cm_limits limits = { .store = r->limits };
    const berthi_host_instance_options options = { .plugin = "user", .ctx = &p->state };

    *p = (plugin){ .r = r };
    p->host = make_host(r, &p->state);
    must(load(r, p->host, world, &p->loaded), &r->diag);
    berthi_host_instance_init(&p->mine, &r->allocator, &options);
    must(berthi_cm_instance_create(p->loaded, &limits, TICKS, &p->mine, &p->instance, &r->diag),
         &r->diag);
    assert_true(berthi_cm_loaded_func(p->loaded, NULL, "run", &p->run));
    must(berth_arena_create(&r->allocator, 0, &p->arena, &r->diag), &r->diag);
}

static void stop(plugin *p)
{
    berthi_cm_instance_destroy(p->instance);
    berthi_host_instance_fini(&p->mine);
    berthi_cm_loaded_unref(p->loaded);
    berth_host_destroy(p->host);
    berth_arena_destroy(p->arena);
}

static berth_status run(plugin *p, const char *what)
{
    const berth_string args = { what, strlen(what) };
    berth_string result = { NULL, 0 };
    berth_status status;

    berthi_cm_instance_deadline(p->instance, TICKS);
    status = berthi_cm_call(p->instance, &p->run, &args, &result, p->arena, &p->r->diag);
    snprintf(p->answer, sizeof p->answer, "%.*s", (int)result.size,
             result.text == NULL ? "" : result.text);
    return status;
}

static void expect(plugin *p, const char *what, const char *answer)
{
    must(run(p, what), &p->r->diag);
    assert_string_equal(p->answer, answer);
}

/* ---------------------------------------------------------------- calls */

static void every_function_is_called_with_its_arguments(void **state)
{
    plugin p;

    start(&p, *state);
    expect(&p, "a", "5");
    expect(&p, "gkey", "=key");
    expect(&p, "g", "none");
    expect(&p, "lhello", "");
    assert_string_equal(p.state.last_log, "hello");
    assert_string_equal(p.state.last_plugin, "user");
    expect(&p, "r", "7");
    expect(&p, "r", "14");
    expect(&p, "cname", "10");
    stop(&p);
}

static void results_may_be_written_into_the_plugin(void **state)
{
    plugin p;

    start(&p, *state);
    expect(&p, "eabcdef", "fedcba");
    p.state.shrink = 2;
    expect(&p, "eabcdef", "fedc");
    p.state.copies = true;
    expect(&p, "eabcdef", "fedc");
    expect(&p, "exy", "");
    stop(&p);
}

static void a_plugin_without_room_ends_the_call_that_asked_for_it(void **state)
{
    static char large[40000];
    plugin p;

    start(&p, *state);
    memset(large, 'x', sizeof large - 1);
    large[0] = 'e';
    assert_int_equal(run(&p, large), BERTH_E_TRAP);
    assert_true(berthi_cm_instance_is_dead(p.instance));
    stop(&p);
}

static void every_host_call_is_counted(void **state)
{
    plugin p;

    start(&p, *state);
    expect(&p, "gkey", "=key");
    expect(&p, "a", "5");
    expect(&p, "lhello", "");
    assert_int_equal(p.mine.usage.calls, 3);
    assert_int_equal(p.mine.usage.bytes_in, 3 + 5);
    assert_int_equal(p.mine.usage.bytes_out, 4);
    stop(&p);
}

static void what_a_function_answers_ends_the_plugin_with_its_words(void **state)
{
    plugin p;

    start(&p, *state);
    p.state.fails = "the store is closed";
    assert_int_equal(run(&p, "gkey"), BERTH_E_STATE);
    assert_non_null(strstr(p.r->diag.text,
                           "host function `demo:plug/host@1.0.0#get`: the store is closed"));
    assert_int_equal(p.r->diag.reason, BERTH_REASON_HOST);
    assert_true(berthi_cm_instance_is_dead(p.instance));
    stop(&p);
}

static void too_large_a_result_is_refused(void **state)
{
    plugin p;

    start(&p, *state);
    p.mine.options.result_bytes_max = 4;
    expect(&p, "gkey", "=key");
    assert_int_equal(run(&p, "gkeys"), BERTH_E_LIMIT);
    assert_non_null(strstr(p.r->diag.text, "answers with 5 bytes, of at most 4"));
    stop(&p);
}

/* ---------------------------------------------------------------- objects */

static void objects_are_destroyed_once_however_they_end(void **state)
{
    plugin p;

    start(&p, *state);
    expect(&p, "cdropped", "13");
    assert_int_equal(p.state.destroyed, 1);
    expect(&p, "ogiven back", "");
    assert_int_equal(p.state.closed, 1);
    assert_int_equal(p.state.destroyed, 1);
    expect(&p, "kept", "");
    expect(&p, "kept too", "");
    assert_int_equal(p.state.destroyed, 1);
    assert_int_equal(p.state.made, 4);
    berthi_cm_instance_destroy(p.instance);
    p.instance = NULL;
    berthi_host_instance_fini(&p.mine);
    assert_int_equal(p.state.destroyed, 3);
    berthi_cm_loaded_unref(p.loaded);
    berth_host_destroy(p.host);
    berth_arena_destroy(p.arena);
}

static void objects_outlive_a_trap_by_their_destruction_alone(void **state)
{
    host_state after;
    plugin p;

    start(&p, *state);
    assert_int_equal(run(&p, "trap"), BERTH_E_TRAP);
    assert_int_equal(p.state.made, 1);
    berthi_cm_instance_destroy(p.instance);
    berthi_host_instance_fini(&p.mine);
    after = p.state;
    berthi_cm_loaded_unref(p.loaded);
    berth_host_destroy(p.host);
    berth_arena_destroy(p.arena);
    assert_int_equal(after.destroyed, 1);
}

static void a_forged_handle_traps(void **state)
{
    plugin p;

    start(&p, *state);
    assert_int_equal(run(&p, "forge"), BERTH_E_TRAP);
    assert_non_null(strstr(p.r->diag.text, "unknown handle index 99"));
    stop(&p);
}

static void objects_are_bounded(void **state)
{
    plugin p;

    start(&p, *state);
    p.mine.objects.max = 1;
    expect(&p, "kept", "");
    assert_int_equal(run(&p, "kept too"), BERTH_E_LIMIT);
    stop(&p);
}

/* ---------------------------------------------------------------- linking */

/* `from` of a text, replaced once. */
static char *replaced(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    char *copy = malloc(strlen(text) + strlen(to) + 1);

    assert_non_null(at);
    assert_non_null(copy);
    snprintf(copy, strlen(text) + strlen(to) + 1, "%.*s%s%s", (int)(at - text), text, to,
             at + strlen(from));
    return copy;
}

static void expect_unlinked(rig *r, const char *from, const char *to, const char *why)
{
    host_state s = { .made = 0 };
    berth_host *host = make_host(r, &s);
    berthi_cm_loaded *loaded = NULL;
    char *text = replaced(world, from, to);

    assert_int_equal(load(r, host, text, &loaded), BERTH_E_REJECTED);
    if (strstr(r->diag.text, why) == NULL)
        fail_msg("%s\nand not: %s", r->diag.text, why);
    free(text);
    berth_host_destroy(host);
}

static void what_is_missing_or_differs_is_named(void **state)
{
    rig *r = *state;

    expect_unlinked(
        r, "get: func(key: string) -> option<list<u8>>",
        "get: func(key: string) -> option<string>",
        "import `demo:plug/host@1.0.0#get`: the component expects func(key: string) -> "
        "option<string>, the host offers func(key: string) -> option<list<u8>>");
    expect_unlinked(
        r, "add: func(a: u32, b: u32)", "add: func(a: u32, c: u32)",
        "expects func(a: u32, c: u32) -> u32, the host offers func(a: u32, b: u32)");
    expect_unlinked(r, "import tick: func(by: u32) -> u64", "import tick: func(by: u32) -> s64",
                    "import `tick`: the component expects func(by: u32) -> s64");
}

/* What an import of `name` finds. */
static berth_status ask(rig *r, berth_host *host, const char *instance, const char *name,
                        uint8_t sort, berthi_cm_binding *binding_out)
{
    const berthi_name path[] = { { instance, (uint32_t)strlen(instance) },
                                 { name, (uint32_t)strlen(name) } };
    const berthi_cm_need need = { .path = path, .path_count = 2, .sort = sort };
    const berthi_cm_steps steps = { .needs = &need, .needs_count = 1 };

    return berthi_host_resolve(host, &steps, &need, binding_out, &r->diag);
}

static void expect_version(rig *r, berth_host *host, const char *asked,
                           const berth_host_resource *expected)
{
    berthi_cm_binding binding = { .ctx = NULL };
    berth_status status = ask(r, host, asked, "r", BERTHI_CM_TYPE, &binding);

    if (status != (expected == NULL ? BERTH_E_REJECTED : BERTH_OK))
        fail_msg("%s: %d, %s", asked, (int)status, r->diag.text);
    if (binding.identity != expected)
        fail_msg("%s: finds another", asked);
}

static void an_import_gets_the_version_that_is_compatible(void **state)
{
    static const char *const versions[] = {
        "1.0.0", "1.2.0",  "1.10.1", "1.11.0-rc.1", "2.0.0",
        "0.2.0", "0.2.12", "0.3.0",  "0.0.1",       "0.0.2"
    };
    enum { COUNT = sizeof versions / sizeof *versions };
    rig *r = *state;
    const berth_host_resource *of[COUNT];
    berth_host *host = NULL;
    char text[128];

    must(berth_host_create(&r->allocator, &host, &r->diag), &r->diag);
    for (size_t i = 0; i < COUNT; i++) {
        snprintf(text, sizeof text, "package a:b@%s; interface c { resource r; }", versions[i]);
        must(berth_host_declare(host, text, strlen(text), &r->diag), &r->diag);
        snprintf(text, sizeof text, "a:b/c@%s", versions[i]);
        must(berth_host_bind_resource(host, text, "r", NULL, &of[i], &r->diag), &r->diag);
    }
    expect_version(r, host, "a:b/c@1.0.0", of[0]); /* exactly */
    expect_version(r, host, "a:b/c@1.1.0", of[2]); /* the highest, by number */
    expect_version(r, host, "a:b/c@1.99.99", of[2]);
    expect_version(r, host, "a:b/c@1.11.0-rc.1", of[3]); /* pre-releases by name only */
    expect_version(r, host, "a:b/c@1.11.0-rc.2", NULL);
    expect_version(r, host, "a:b/c@1.0.0-rc.1", NULL);
    expect_version(r, host, "a:b/c@2.3.4", of[4]);
    expect_version(r, host, "a:b/c@3.0.0", NULL);
    expect_version(r, host, "a:b/c@0.2.3", of[6]);
    expect_version(r, host, "a:b/c@0.3.9", of[7]);
    expect_version(r, host, "a:b/c@0.4.0", NULL);
    expect_version(r, host, "a:b/c@0.0.1", of[8]);
    expect_version(r, host, "a:b/c@0.0.3", NULL);
    expect_version(r, host, "a:b/c", NULL);
    expect_version(r, host, "a:b/c@1", NULL);
    expect_version(r, host, "a:b/c@10.0.0", NULL);
    expect_version(r, host, "a:b/d@1.0.0", NULL);
    berth_host_destroy(host);
}

static void expect_missing(rig *r, berth_host *host, const char *instance, const char *name,
                           uint8_t sort, const char *why)
{
    berthi_cm_binding binding;

    assert_int_equal(ask(r, host, instance, name, sort, &binding), BERTH_E_REJECTED);
    assert_string_equal(r->diag.text, why);
}

static void a_missing_import_is_told_what_was_meant(void **state)
{
    rig *r = *state;
    host_state s = { .made = 0 };
    berth_host *host = make_host(r, &s);

    expect_missing(r, host, "demo:plug/hots@1.0.0", "get", BERTHI_CM_FUNC,
                   "import `demo:plug/hots@1.0.0#get`: the host offers no "
                   "`demo:plug/hots@1.0.0`; did you mean `demo:plug/host@1.0.0`?");
    expect_missing(r, host, "demo:plug/host@2.0.0", "get", BERTHI_CM_FUNC,
                   "import `demo:plug/host@2.0.0#get`: the host offers `demo:plug/host@1.0.0`, "
                   "which is not compatible");
    expect_missing(
        r, host, "demo:plug/host@1.0.0", "gett", BERTHI_CM_FUNC,
        "import `demo:plug/host@1.0.0#gett`: the host's interface offers no function of "
        "that name; did you mean `get`?");
    expect_missing(
        r, host, "demo:plug/host@1.0.0", "con", BERTHI_CM_TYPE,
        "import `demo:plug/host@1.0.0#con`: the host's interface offers no resource of "
        "that name; did you mean `conn`?");
    expect_missing(r, host, "demo:plug/host@1.0.0", "m", BERTHI_CM_CORE_MODULE,
                   "import `demo:plug/host@1.0.0#m`: a host offers no core modules");
    berth_host_destroy(host);
}

static void what_is_declared_has_to_be_bound(void **state)
{
    rig *r = *state;
    berthi_cm_loaded *loaded = NULL;
    berth_host *host = NULL;

    must(berth_host_create(&r->allocator, &host, &r->diag), &r->diag);
    must(berth_host_declare(host, interface, strlen(interface), &r->diag), &r->diag);
    assert_int_equal(load(r, host, world, &loaded), BERTH_E_REJECTED);
    assert_non_null(
        strstr(r->diag.text, "the host declares it but has bound no function to it"));
    berth_host_destroy(host);
}

/* ---------------------------------------------------------------- declaring and binding */

static void binding_checks_names_and_sizes(void **state)
{
    rig *r = *state;
    host_state s = { .made = 0 };
    berth_host *host = make_host(r, &s);
    const berth_host_resource *found;

    assert_int_equal(berth_host_bind(host, "demo:plug/host", "get", 16, sizeof(get_result), get,
                                     NULL, &r->diag),
                     BERTH_E_STATE);
    assert_int_equal(berth_host_bind(host, "demo:plug/hst", "get", 16, sizeof(get_result), get,
                                     NULL, &r->diag),
                     BERTH_E_ABSENT);
    assert_string_equal(r->diag.text, "no interface `demo:plug/hst` was declared");
    assert_int_equal(berth_host_bind(host, "demo:plug/hst@1.0.0", "get", 16, sizeof(get_result),
                                     get, NULL, &r->diag),
                     BERTH_E_ABSENT);
    assert_string_equal(r->diag.text,
                        "no interface `demo:plug/hst@1.0.0` was declared; did you "
                        "mean `demo:plug/host@1.0.0`?");
    assert_int_equal(
        berth_host_bind(host, "demo:plug/host", "gett", 16, 32, get, NULL, &r->diag),
        BERTH_E_ABSENT);
    assert_string_equal(r->diag.text,
                        "demo:plug/host has no function `gett`; did you mean `get`?");
    assert_int_equal(berth_host_bind(host, NULL, "tack", 4, 8, tick, NULL, &r->diag),
                     BERTH_E_ABSENT);
    assert_int_equal(
        berth_host_bind_resource(host, "demo:plug/host", "conn", NULL, &found, &r->diag),
        BERTH_E_STATE);
    berth_host_destroy(host);
    must(berth_host_create(&r->allocator, &host, &r->diag), &r->diag);
    must(berth_host_declare(host, interface, strlen(interface), &r->diag), &r->diag);
    assert_int_equal(
        berth_host_bind(host, "demo:plug/host", "get", 16, 16, get, NULL, &r->diag),
        BERTH_E_INVALID);
    assert_string_equal(r->diag.text,
                        "get is func(key: string) -> option<list<u8>>: its "
                        "arguments have 16 bytes and its result 24, not 16 and 16");
    berth_host_destroy(host);
}

static void a_text_is_declared_whole_or_not_at_all(void **state)
{
    static const char twice[] = "package other:one@1.0.0; interface new { f: func(); }";
    static const char again[] = "package demo:plug@1.0.0; interface host { f: func(); }\n"
                                "interface more { f: func(); }";
    static const char wrong[] = "package x:y; interface z { f: func(a: u99); }";
    rig *r = *state;
    host_state s = { .made = 0 };
    berth_host *host = make_host(r, &s);

    must(berth_host_declare(host, twice, strlen(twice), &r->diag), &r->diag);
    assert_int_equal(berth_host_declare(host, twice, strlen(twice), &r->diag), BERTH_E_STATE);
    assert_int_equal(berth_host_declare(host, again, strlen(again), &r->diag), BERTH_E_STATE);
    assert_string_equal(r->diag.text, "`demo:plug/host@1.0.0` was declared before");
    assert_int_equal(berth_host_bind(host, "demo:plug/more", "f", 0, 0, add, NULL, &r->diag),
                     BERTH_E_ABSENT);
    assert_int_equal(berth_host_declare(host, wrong, strlen(wrong), &r->diag),
                     BERTH_E_REJECTED);
    berth_host_destroy(host);
}

static void several_versions_stand_side_by_side(void **state)
{
    static const char second[] =
        "package demo:plug@2.0.0; interface host { add: func(a: u32, b: u32) -> u32; }";
    rig *r = *state;
    host_state s = { .made = 0 };
    berth_host *host = make_host(r, &s);

    must(berth_host_declare(host, second, strlen(second), &r->diag), &r->diag);
    assert_int_equal(berth_host_bind(host, "demo:plug/host", "add", 8, 4, add, NULL, &r->diag),
                     BERTH_E_ABSENT);
    assert_string_equal(r->diag.text, "`demo:plug/host` has several versions: name one");
    must(berth_host_bind(host, "demo:plug/host@2.0.0", "add", 8, 4, add, NULL, &r->diag),
         &r->diag);
    berth_host_destroy(host);
}

/* ---------------------------------------------------------------- memory */

static void each_allocation_may_fail(void **state)
{
    rig *r = *state;
    host_state s = { .made = 0 };
    size_t failed = 0;
    bool is_done = false;

    for (size_t nth = 0; !is_done; nth++) {
        const berth_host_resource *found;
        size_t live = atomic_load(&r->memory.live_bytes);
        berth_host *host = NULL;
        berth_status status;

        memory_fail(&r->memory, nth, true);
        status = berth_host_create(&r->allocator, &host, &r->diag);
        if (status == BERTH_OK)
            status = berth_host_declare(host, interface, strlen(interface), &r->diag);
        if (status == BERTH_OK)
            status = berth_host_bind_resource(host, "demo:plug/host", "conn", conn_destroy,
                                              &found, &r->diag);
        if (status == BERTH_OK)
            status = berth_host_bind(host, "demo:plug/host", "add", 8, 4, add, &s, &r->diag);
        memory_fail(&r->memory, MEMORY_NEVER, false);
        is_done = status == BERTH_OK;
        if (!is_done) {
            assert_int_equal(status, BERTH_E_NOMEM);
            assert_int_equal(r->diag.status, BERTH_E_NOMEM);
            failed++;
        }
        berth_host_destroy(host);
        assert_int_equal(atomic_load(&r->memory.live_bytes), live);
    }
    assert_true(failed > 10);
}

static void linking_may_run_out_of_memory(void **state)
{
    rig *r = *state;
    host_state s = { .made = 0 };
    berth_host *host = make_host(r, &s);
    berthi_text_buf component;
    bool is_done = false;
    size_t failed = 0;

    make_component(r, world, &component);
    for (size_t nth = 0; !is_done; nth += 1 + nth / 16) {
        const berthi_cm_load_options options = { .allocator = &r->allocator,
                                                 .engine = r->engine,
                                                 .resolve = berthi_host_resolve,
                                                 .resolve_ctx = host };
        berthi_cm_loaded *loaded = NULL;
        berth_status status;

        memory_fail(&r->memory, nth, true);
        status = berthi_cm_load((const uint8_t *)component.data, component.size, &options,
                                &loaded, &r->diag);
        memory_fail(&r->memory, MEMORY_NEVER, false);
        is_done = status == BERTH_OK;
        assert_true(is_done || status == BERTH_E_NOMEM);
        failed += !is_done;
        if (is_done)
            berthi_cm_loaded_unref(loaded);
    }
    assert_true(failed > 10);
    berthi_text_buf_fini(&component);
    berth_host_destroy(host);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        rig_test(every_function_is_called_with_its_arguments),
        rig_test(results_may_be_written_into_the_plugin),
        rig_test(a_plugin_without_room_ends_the_call_that_asked_for_it),
        rig_test(every_host_call_is_counted),
        rig_test(what_a_function_answers_ends_the_plugin_with_its_words),
        rig_test(too_large_a_result_is_refused),
        rig_test(objects_are_destroyed_once_however_they_end),
        rig_test(objects_outlive_a_trap_by_their_destruction_alone),
        rig_test(a_forged_handle_traps),
        rig_test(objects_are_bounded),
        rig_test(what_is_missing_or_differs_is_named),
        rig_test(an_import_gets_the_version_that_is_compatible),
        rig_test(a_missing_import_is_told_what_was_meant),
        rig_test(what_is_declared_has_to_be_bound),
        rig_test(binding_checks_names_and_sizes),
        rig_test(a_text_is_declared_whole_or_not_at_all),
        rig_test(several_versions_stand_side_by_side),
        rig_test(each_allocation_may_fail),
        rig_test(linking_may_run_out_of_memory),
    };

    return rig_run("hosts", tests, sizeof tests / sizeof *tests);
}
