/* component_rig.c - see component_rig.h. */
#include "component_rig.h"

#include <stdlib.h>
#include <string.h>

#include "base/text_buf.h"
#include "component/wrap/wrap.h"
#include "guests.h"

static const char world_text[] =
    "package demo:u@1.0.0;\n"
    "interface host {\n"
    "  resource thing { constructor(n: u32); value: func() -> u32; }\n"
    "  ping: func(n: u32) -> u32;\n"
    "  note: func(text: string) -> string;\n"
    "}\n"
    "interface counters {\n"
    "  resource counter {\n"
    "    constructor(n: u32);\n"
    "    get: func() -> u32;\n"
    "    consume: static func(c: counter) -> u32;\n"
    "  }\n"
    "  both: func(a: borrow<counter>, b: counter) -> u32;\n"
    "  destroyed: func() -> u32;\n"
    "}\n"
    "world unit {\n"
    "  import host;\n"
    "  use host.{thing};\n"
    "  export counters;\n"
    "  enum color { red, green, blue }\n"
    "  record mix { a: s8, b: u16, c: bool }\n"
    "  export mode: func(n: u32);\n"
    "  export posts: func() -> u32;\n"
    "  export echo: func(data: list<u8>) -> list<u8>;\n"
    "  export same: func(text: string) -> string;\n"
    "  export judge: func(data: list<u8>) -> result<list<u8>, string>;\n"
    "  export texts: func(t: list<string>) -> list<string>;\n"
    "  export lie: func(what: u32) -> string;\n"
    "  export trap: func();\n"
    "  export spin: func();\n"
    "  export char-of: func(n: u32) -> char;\n"
    "  export color-of: func(n: u32) -> color;\n"
    "  export narrow: func(m: mix, d: s64, e: f32, f: f64) -> s64;\n"
    "  export call-ping: func(n: u32) -> u32;\n"
    "  export ping-often: func(times: u32);\n"
    "  export call-note: func() -> u32;\n"
    "  export bad-note: func(n: u32) -> u32;\n"
    "  export make-thing: func(n: u32);\n"
    "  export value-of-kept: func() -> u32;\n"
    "  export drop-kept: func();\n"
    "  export give-kept: func() -> thing;\n"
    "  export take-thing: func(t: thing);\n"
    "  export use-thing: func(t: borrow<thing>) -> u32;\n"
    "  export hold-thing: func(t: borrow<thing>);\n"
    "  export forge: func(n: u32) -> u32;\n"
    "}\n";

/* Which way the group that is running loads components. */
static bool keeps_shims;

/* ---------------------------------------------------------------- the host */

static berth_status ping(void *ctx, berthi_cm_host_call *call, const void *args, void *result,
                         berth_diag *diag)
{
    component_rig *c = ctx;

    (void)call;
    c->pings++;
    if (c->ping_fails != BERTH_OK)
        return berthi_fail(diag, c->ping_fails, "the host's own reason");
    *(uint32_t *)result = *(const uint32_t *)args + 1;
    return c->on_ping == NULL ? BERTH_OK : c->on_ping(c);
}

static berth_status note(void *ctx, berthi_cm_host_call *call, const void *args, void *result,
                         berth_diag *diag)
{
    component_rig *c = ctx;
    const berthi_cm_host_string *in = args;
    char *out = berthi_cm_host_room(call, 2 * in->size);

    (void)diag;
    if (out == NULL)
        return BERTH_E_NOMEM;
    c->notes++;
    memcpy(out, in->text, in->size);
    memcpy(out + in->size, in->text, in->size);
    *(berthi_cm_host_string *)result = (berthi_cm_host_string){ out, 2 * in->size };
    return BERTH_OK;
}

static berth_status make_thing(void *ctx, berthi_cm_host_call *call, const void *args,
                               void *result, berth_diag *diag)
{
    (void)call, (void)diag;
    ((component_rig *)ctx)->made++;
    *(uint64_t *)result = *(const uint32_t *)args;
    return BERTH_OK;
}

static berth_status value_of(void *ctx, berthi_cm_host_call *call, const void *args,
                             void *result, berth_diag *diag)
{
    (void)ctx, (void)call, (void)diag;
    *(uint32_t *)result = (uint32_t) * (const uint64_t *)args;
    return BERTH_OK;
}

static void destroy_thing(void *ctx, berthi_cm_host_call *call, uint32_t rep)
{
    component_rig *c = ctx;

    (void)call;
    c->destroyed++;
    c->last_destroyed = rep;
}

static bool is_called(const berthi_cm_need *need, const char *name)
{
    berthi_name last = need->path[need->path_count - 1];

    return last.size == strlen(name) && memcmp(last.text, name, last.size) == 0;
}

berth_status component_rig_resolve(void *ctx, const berthi_cm_steps *steps,
                                   const berthi_cm_need *need, berthi_cm_binding *out,
                                   berth_diag *diag)
{
    (void)steps;
    out->ctx = ctx;
    if (need->is_again)
        return BERTH_E_ABSENT;
    if (need->sort == BERTHI_CM_TYPE) {
        out->identity = "thing";
        out->destructor = destroy_thing;
    } else {
        out->function = is_called(need, "ping")                  ? ping
                        : is_called(need, "note")                ? note
                        : is_called(need, "[constructor]thing")  ? make_thing
                        : is_called(need, "[method]thing.value") ? value_of
                                                                 : NULL;
        if (out->function == NULL)
            return berthi_fail(diag, BERTH_E_REJECTED, "an import that nobody knows");
    }
    return BERTH_OK;
}

/* ---------------------------------------------------------------- the component */

uint8_t *component_rig_bytes(size_t *size_out)
{
    size_t core_size;
    uint8_t *core = guest_read("unit_component", &core_size), *bytes;
    const berthi_wit *wit;
    berthi_arena arena;
    berthi_text_buf out;
    berth_diag diag;

    berthi_arena_init(&arena, &berthi_allocator_libc, SIZE_MAX);
    berthi_text_buf_init(&out, &berthi_allocator_libc);
    if (berthi_wit_read_text("unit.wit", world_text, sizeof world_text - 1, NULL, &arena, &wit,
                             &diag) != BERTH_OK ||
        berthi_component_wrap(core, core_size, wit, berthi_wit_find_world(wit, "unit"),
                              &berthi_allocator_libc, &out, &diag) != BERTH_OK)
        fail_msg("%s", diag.text);
    bytes = malloc(out.size);
    if (bytes == NULL)
        abort();
    memcpy(bytes, out.data, out.size);
    *size_out = out.size;
    berthi_text_buf_fini(&out);
    berthi_arena_fini(&arena);
    free(core);
    return bytes;
}

void component_rig_restart(component_rig *c)
{
    berthi_cm_instance_destroy(c->instance);
    c->instance = NULL;
    if (berthi_cm_instance_create(c->loaded, &c->limits, 1000, c, &c->instance, &c->diag) !=
        BERTH_OK)
        fail_msg("%s", c->diag.text);
}

int component_rig_setup(void **state)
{
    component_rig *c = calloc(1, sizeof *c);
    berthi_cm_load_options options = { .resolve = component_rig_resolve,
                                       .resolve_ctx = c,
                                       .keeps_shims = keeps_shims };
    void *inner = NULL;

    if (c == NULL || rig_setup(&inner) != 0)
        return -1;
    c->r = inner;
    *state = c;
    options.allocator = &c->r->allocator;
    options.engine = c->r->engine;
    c->limits.store = c->r->limits;
    c->bytes = component_rig_bytes(&c->size);
    if (berthi_cm_load(c->bytes, c->size, &options, &c->loaded, &c->diag) != BERTH_OK)
        fail_msg("%s", c->diag.text);
    if (berth_arena_create(&c->r->allocator, 0, &c->arena, NULL) != BERTH_OK)
        return -1;
    component_rig_restart(c);
    return 0;
}

int component_rig_teardown(void **state)
{
    component_rig *c = *state;
    void *inner = c->r;
    int result;

    berthi_cm_instance_destroy(c->instance);
    berthi_cm_loaded_unref(c->loaded);
    berth_arena_destroy(c->arena);
    free(c->bytes);
    result = rig_teardown(&inner);
    free(c);
    return result;
}

int component_rig_run(const char *what, const struct CMUnitTest *tests, size_t count)
{
    int failed = 0;

    for (int mode = 0; mode < 2; mode++) {
        keeps_shims = mode == 1;
        failed += rig_run(what, tests, count);
    }
    return failed;
}

/* ---------------------------------------------------------------- calls */

berthi_cm_func component_rig_func(component_rig *c, const char *interface, const char *name)
{
    berthi_cm_func func;

    if (!berthi_cm_loaded_func(c->loaded, interface, name, &func))
        fail_msg("no function %s", name);
    return func;
}

berth_status component_rig_call(component_rig *c, const char *interface, const char *name,
                                const void *args, void *result)
{
    berthi_cm_func func = component_rig_func(c, interface, name);

    berthi_cm_instance_deadline(c->instance, 1000);
    return berthi_cm_call(c->instance, &func, args, result, c->arena, &c->diag);
}

uint32_t component_rig_ask(component_rig *c, const char *name, uint32_t arg)
{
    uint32_t result = 0;

    if (component_rig_call(c, NULL, name, &arg, &result) != BERTH_OK)
        fail_msg("%s: %s", name, c->diag.text);
    return result;
}

void component_rig_check(component_rig *c, berth_status got, berth_status status,
                         const char *text, bool is_dead)
{
    if (got != status || (got != BERTH_OK && strstr(c->diag.text, text) == NULL))
        fail_msg("%s: '%s' instead of %s with '%s'", berth_status_name(got),
                 got == BERTH_OK ? "" : c->diag.text, berth_status_name(status), text);
    assert_int_equal(berthi_cm_instance_is_dead(c->instance), is_dead);
}
