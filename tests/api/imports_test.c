/* imports_test.c - components in slots that use what their host offers.  Public headers only. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <berth/host.h>

#include "guests.h"
#include "slot_rig.h"

#define STORE "demo:notes/store@1.0.0"

static const char wit[] =
    "package demo:notes@1.0.0; interface store {"
    "  resource journal { constructor(name: string); append: func(line: string) -> u32; }"
    "  get: func(key: string) -> option<string>; }";
static const char other_wit[] =
    "package demo:notes@1.0.0; interface store {"
    "  resource journal { constructor(name: string); append: func(line: string) -> u64; }"
    "  gets: func(key: string) -> option<string>; }";

typedef struct shop { /* what a host is about */
    const berth_host_resource *journals;
    _Atomic(int) open, opened;
    void *context;
    uint64_t calls;
    bool fails;
} shop;

typedef struct journal {
    shop *of;
    uint32_t lines;
} journal;

typedef struct maybe {
    uint8_t is_some;
    berth_string value;
} maybe;

static berth_status get(void *ctx, const void *args, void *result, berth_host_call *call)
{
    shop *s = ctx;
    maybe *r = result;

    (void)args;
    s->context = berth_host_context(call);
    s->calls = berth_host_usage_of(call).calls;
    if (s->fails)
        return berth_host_fail(call, BERTH_E_CLOSED, "the shop is closed");
    r->is_some = 1;
    r->value = (berth_string){ "hi", 2 };
    return BERTH_OK;
}

static berth_status journal_open(void *ctx, const void *args, void *result,
                                 berth_host_call *call)
{
    journal *j = calloc(1, sizeof *j);

    (void)args;
    j->of = ctx;
    j->of->open++;
    j->of->opened++;
    return berth_host_object_add(call, j->of->journals, j, result);
}

static void journal_close(void *object)
{
    journal *j = object;

    j->of->open--;
    free(j);
}

static berth_status journal_append(void *ctx, const void *args, void *result,
                                   berth_host_call *call)
{
    shop *s = ctx;
    journal *j = berth_host_object_find(call, s->journals, *(const uint64_t *)args);

    if (j == NULL)
        return BERTH_E_ABSENT;
    *(uint32_t *)result = ++j->lines;
    return BERTH_OK;
}

static berth_host *make_host(shop *s)
{
    berth_host *host = NULL;
    berth_diag d;

    if (berth_host_create(NULL, &host, &d) != BERTH_OK ||
        berth_host_declare(host, wit, strlen(wit), &d) != BERTH_OK ||
        berth_host_bind(host, STORE, "get", 16, sizeof(maybe), get, s, &d) != BERTH_OK ||
        berth_host_bind_resource(host, STORE, "journal", journal_close, &s->journals, &d) !=
            BERTH_OK ||
        berth_host_bind(host, STORE, "[constructor]journal", 16, 8, journal_open, s, &d) !=
            BERTH_OK ||
        berth_host_bind(host, STORE, "[method]journal.append", 24, 4, journal_append, s, &d) !=
            BERTH_OK)
        fail_msg("%s", d.text);
    return host;
}

/* A runtime of its own, since hosts belong to runtimes. */
typedef struct world {
    shop shop;
    berth_host *host;
    berth_runtime *runtime;
    berth_slot *slot;
    berth_arena *arena;
    berth_diag diag;
    char answer[128];
} world;

static void begin(world *w, berth_host *host, uint32_t policy)
{
    berth_runtime_options options = BERTH_RUNTIME_OPTIONS_INIT;
    berth_slot_options slot = BERTH_SLOT_OPTIONS_INIT;

    *w = (world){ .host = host };
    if (host == NULL)
        w->host = make_host(&w->shop);
    options.host = w->host;
    slot.name = "slot";
    slot.policy = policy;
    slot.host_ctx = w;
    slot.deadline_ns = 20000000000u; /* a busy machine */
    if (berth_runtime_create(&options, &w->runtime, &w->diag) != BERTH_OK ||
        berth_slot_open(w->runtime, &slot, &w->slot, &w->diag) != BERTH_OK ||
        berth_arena_create(NULL, 0, &w->arena, &w->diag) != BERTH_OK)
        fail_msg("%s", w->diag.text);
}

static void end(world *w)
{
    berth_arena_destroy(w->arena);
    berth_slot_release(w->slot);
    berth_runtime_destroy(w->runtime);
    assert_int_equal(w->shop.open, 0); /* whatever was open is closed, once */
    berth_host_destroy(w->host);
}

static berth_status install(world *w)
{
    size_t size;
    uint8_t *bytes = guest_read("greet.component", &size);
    berth_status status = berth_slot_install(w->slot, bytes, size, NULL, &w->diag);

    free(bytes);
    return status;
}

static void must_install(world *w)
{
    if (install(w) != BERTH_OK)
        fail_msg("%s", w->diag.text);
}

static berth_status say(world *w, const char *name)
{
    berth_call call = BERTH_CALL_INIT;
    berth_reply reply = { .size = 0 };
    berth_status status = berth_slot_hook(w->slot, "process", &call.hook, &w->diag);

    call.arena = w->arena;
    call.input = name;
    call.input_size = strlen(name);
    if (status == BERTH_OK)
        status = berth_slot_call(w->slot, &call, &reply, &w->diag);
    snprintf(w->answer, sizeof w->answer, "%.*s", (int)reply.size,
             reply.data == NULL ? "" : (const char *)reply.data);
    return status;
}

static void expect(world *w, const char *name, const char *answer)
{
    if (say(w, name) != BERTH_OK)
        fail_msg("%s", w->diag.text);
    assert_string_equal(w->answer, answer);
}

static void a_plugin_uses_what_its_host_offers(void **state)
{
    world w;

    (void)state;
    begin(&w, NULL, BERTH_POLICY_REUSE);
    must_install(&w);
    expect(&w, "Ada", "hi, Ada! (1)");
    expect(&w, "Grace", "hi, Grace! (2)");
    assert_ptr_equal(w.shop.context, &w);
    assert_true(w.shop.calls >= 4);
    end(&w);
}

static void a_fresh_instance_has_objects_of_its_own(void **state)
{
    world w;

    (void)state;
    begin(&w, NULL, BERTH_POLICY_FRESH);
    must_install(&w);
    for (int i = 0; i < 50; i++)
        expect(&w, "Ada", "hi, Ada! (1)");
    assert_true(w.shop.opened >= 50);
    end(&w);
}

static void a_swap_leaves_no_object_behind(void **state)
{
    world w;

    (void)state;
    begin(&w, NULL, BERTH_POLICY_REUSE);
    for (int i = 0; i < 20; i++) {
        size_t size;
        uint8_t *bytes = guest_read("greet.component", &size);

        bytes = realloc(bytes, size + 4);
        assert_non_null(bytes);
        memcpy(bytes + size, ((const uint8_t[]){ 0, 2, 1, (uint8_t)('a' + i) }), 4);
        if (berth_slot_install(w.slot, bytes, size + 4, NULL, &w.diag) != BERTH_OK)
            fail_msg("%s", w.diag.text);
        free(bytes);
        expect(&w, "Ada", "hi, Ada! (1)");
    }
    end(&w);
}

static void a_host_function_that_fails_ends_the_instance_alone(void **state)
{
    world w;

    (void)state;
    begin(&w, NULL, BERTH_POLICY_REUSE);
    must_install(&w);
    expect(&w, "Ada", "hi, Ada! (1)");
    w.shop.fails = true;
    assert_int_equal(say(&w, "Ada"), BERTH_E_CLOSED);
    assert_non_null(strstr(w.diag.text, "host function `" STORE "#get`: the shop is closed"));
    w.shop.fails = false;
    expect(&w, "Ada", "hi, Ada! (1)"); /* a new instance, a new journal */
    end(&w);
}

static void a_plugin_that_asks_for_more_is_not_installed(void **state)
{
    berth_host *host = NULL;
    berth_diag diag;
    world w;

    (void)state;
    assert_int_equal(berth_host_create(NULL, &host, &diag), BERTH_OK);
    begin(&w, host, BERTH_POLICY_REUSE);
    assert_int_equal(install(&w), BERTH_E_REJECTED);
    assert_non_null(strstr(w.diag.text, "the host offers no `" STORE "`"));
    assert_int_equal(berth_host_declare(host, other_wit, strlen(other_wit), &diag), BERTH_OK);
    assert_int_equal(install(&w), BERTH_E_REJECTED);
    assert_non_null(strstr(w.diag.text, "the host declares it but has bound no function"));
    assert_non_null(strstr(w.diag.text, "and 2 more")); /* another type, another name */
    end(&w);
}

static void without_a_host_nothing_is_given(void **state)
{
    berth_runtime *runtime = NULL;
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;
    berth_slot *slot = NULL;
    berth_diag diag;
    size_t size;
    uint8_t *bytes = guest_read("greet.component", &size);

    (void)state;
    options.name = "slot";
    assert_int_equal(berth_runtime_create(NULL, &runtime, &diag), BERTH_OK);
    assert_int_equal(berth_slot_open(runtime, &options, &slot, &diag), BERTH_OK);
    assert_int_equal(berth_slot_install(slot, bytes, size, NULL, &diag), BERTH_E_REJECTED);
    assert_non_null(strstr(diag.text, "this host offers none"));
    free(bytes);
    berth_slot_release(slot);
    berth_runtime_destroy(runtime);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plugin_uses_what_its_host_offers),
        cmocka_unit_test(a_fresh_instance_has_objects_of_its_own),
        cmocka_unit_test(a_swap_leaves_no_object_behind),
        cmocka_unit_test(a_host_function_that_fails_ends_the_instance_alone),
        cmocka_unit_test(a_plugin_that_asks_for_more_is_not_installed),
        cmocka_unit_test(without_a_host_nothing_is_given),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
