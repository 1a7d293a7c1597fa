/* proxywasm_test.c - filters of proxy-wasm in slots: a guest of ours that calls every function of the host's and says
 * what each answered, and one that was made with the published SDK. */
#include "slot_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <berth/http.h>

#include "guests.h"
#include "plugin_builder.h"

#define TEXT(s)                                                                                \
    {                                                                                          \
        s, sizeof(s) - 1                                                                       \
    }

typedef struct exchange {
    unsigned asked; /* of who is behind the filter */
    char request[1024];
    berth_status fails;
    uint16_t status;
    char fields[512], body[4096], trailers[128];
    size_t body_size;
    bool is_ended, is_head;
    unsigned pieces; /* of the response behind the filter; 0: "hello" */
} exchange;

static void list(char *to, size_t room, const berth_http_field *fields, size_t count)
{
    size_t used = strlen(to);

    for (size_t i = 0; i < count; i++)
        used += (size_t)snprintf(to + used, room - used, "%.*s=%.*s ", (int)fields[i].name.size,
                                 fields[i].name.text, (int)fields[i].value.size,
                                 fields[i].value.text);
}

static berth_status take_head(void *ctx, uint16_t status, const berth_http_field *fields,
                              size_t count)
{
    exchange *x = ctx;

    x->status = status;
    list(x->fields, sizeof x->fields, fields, count);
    return BERTH_OK;
}

static berth_status take_body(void *ctx, const void *data, size_t size)
{
    exchange *x = ctx;

    assert_true(size < sizeof x->body - x->body_size);
    memcpy(x->body + x->body_size, data, size);
    x->body_size += size;
    return BERTH_OK;
}

static berth_status take_end(void *ctx, const berth_http_field *trailers, size_t count)
{
    exchange *x = ctx;

    x->is_ended = true;
    list(x->trailers, sizeof x->trailers, trailers, count);
    return BERTH_OK;
}

/* Says what it was asked, and answers. */
static berth_status behind(void *ctx, const berth_http_request *r, const berth_http_sink *sink,
                           berth_diag *diag)
{
    static const berth_http_field fields[] = { { TEXT("content-length"), TEXT("5") } };
    static const berth_http_field trailers[] = { { TEXT("x-end"), TEXT("1") } };
    exchange *x = ctx;
    int used;

    (void)diag;
    x->asked++;
    if (x->fails != BERTH_OK)
        return x->fails;
    used = snprintf(x->request, sizeof x->request, "%.*s %.*s %.*s %.*s [%.*s] ",
                    (int)r->method.size, r->method.text, (int)r->path.size, r->path.text,
                    (int)r->authority.size, r->authority.text, (int)r->scheme.size,
                    r->scheme.text, (int)r->body_size, (const char *)r->body);
    assert_true(used > 0);
    list(x->request, sizeof x->request, r->fields, r->fields_count);
    list(x->request, sizeof x->request, r->trailers, r->trailers_count);
    /* A filter that has no memory takes none of it, and says so itself. */
    (void)sink->head(sink->ctx, 200, fields, 1);
    for (unsigned i = 0; i < x->pieces; i++)
        (void)sink->body(sink->ctx, "p", 1);
    if (!x->is_head && x->pieces == 0)
        (void)sink->body(sink->ctx, "hello", 5);
    (void)sink->end(sink->ctx, trailers, 1);
    return BERTH_OK;
}

static const berth_http_field asked_fields[] = { { TEXT("x-one"), TEXT("1") },
                                                 { TEXT("x-gone"), TEXT("2") },
                                                 { TEXT("content-length"), TEXT("4") } };

static berth_status ask_with(slot_rig *r, berth_slot *slot, const char *path, size_t body_size,
                             exchange *x, bool has_next)
{
    static char body[(1 << 20) + 1] = "body";
    berth_http_request request = BERTH_HTTP_REQUEST_INIT;
    berth_http_sink sink = BERTH_HTTP_SINK_INIT;
    berth_call call = BERTH_CALL_INIT;

    request.method = x->is_head ? (berth_string)TEXT("HEAD") : (berth_string)TEXT("POST");
    request.path = (berth_string){ path, strlen(path) };
    request.authority = (berth_string)TEXT("here");
    request.scheme = (berth_string)TEXT("http");
    request.fields = asked_fields;
    request.fields_count = 3;
    request.body = body;
    request.body_size = body_size;
    sink.ctx = x;
    sink.head = take_head;
    sink.body = take_body;
    sink.end = take_end;
    berth_arena_reset(r->arena);
    call.arena = r->arena;
    return berth_slot_http_filter(slot, &request, has_next ? behind : NULL, x, &sink, &call,
                                  NULL, &r->diag);
}

static berth_status ask(slot_rig *r, berth_slot *slot, const char *path, exchange *x)
{
    *x = (exchange){ .fails = BERTH_OK };
    return ask_with(r, slot, path, 4, x, true);
}

static void check_text(const char *got, const char *wanted)
{
    if (strcmp(got, wanted) != 0)
        fail_msg("\"%s\", not \"%s\"", got, wanted);
}

static berth_slot *with_guest(slot_rig *r)
{
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;
    berth_slot *slot;

    options.plugin_config = "conf";
    options.plugin_config_size = 4;
    options.instances_max = 1;
    slot = slot_rig_open(r, "filter", &options);
    slot_rig_install_guest(r, slot, "proxywasm");
    return slot;
}

static void a_filter_sees_and_changes_both_ways(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = with_guest(r);
    exchange x;

    assert_int_equal(ask(r, slot, "/plain", &x), BERTH_OK);
    check_text(x.request, "POST /plain here http [body] x-one=1 x-gone=2 content-length=4 ");
    check_text(x.fields, "content-length=5 x-seen=1 ");
    check_text(x.body, "hello");
    check_text(x.trailers, "x-end=1 ");
    assert_true(x.is_ended);
    assert_int_equal(ask(r, slot, "/change", &x), BERTH_OK);
    check_text(x.request, "POST /changed here http [body!] x-one=1 content-length=5 x-in=in ");
    check_text(x.fields, "content-length=6 x-seen=1 ");
    check_text(x.body, "<hello");
    assert_int_equal(ask(r, slot, "/status", &x), BERTH_OK);
    assert_int_equal(x.status, 299);
    assert_int_equal(slot_rig_stats(slot).answered, 3);
    assert_int_equal(slot_rig_stats(slot).bytes_in, 12);
    assert_int_equal(slot_rig_stats(slot).bytes_out, 16);
}

static void a_length_is_that_of_the_body_whatever_a_filter_says(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = with_guest(r);
    exchange x;

    assert_int_equal(ask(r, slot, "/lie", &x), BERTH_OK);
    check_text(x.request, "POST /lie here http [body] x-one=1 x-gone=2 content-length=4 ");
    check_text(x.fields, "content-length=5 x-seen=1 ");
    check_text(x.body, "hello");
    assert_int_equal(ask(r, slot, "/local-lie", &x), BERTH_OK);
    check_text(x.fields, "content-length=5 ");
    check_text(x.body, "local");
    x = (exchange){ .is_head = true };
    assert_int_equal(ask_with(r, slot, "/plain", 4, &x, true), BERTH_OK);
    check_text(x.fields, "content-length=5 x-seen=1 "); /* of a body that is not sent */
    check_text(x.body, "");
}

static void a_filter_answers_pauses_and_goes_on(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = with_guest(r);
    exchange x;

    assert_int_equal(ask(r, slot, "/local", &x), BERTH_OK);
    assert_int_equal(x.asked, 0);
    assert_int_equal(x.status, 203);
    check_text(x.fields, "x-local=1 ");
    check_text(x.body, "local");
    assert_int_equal(ask(r, slot, "/refuse", &x), BERTH_OK);
    assert_int_equal(x.asked, 1);
    assert_int_equal(x.status, 500);
    check_text(x.body, "refused");
    check_text(x.trailers, "");
    assert_int_equal(ask(r, slot, "/body", &x), BERTH_OK); /* paused until it saw the body */
    check_text(x.body, "hello");
    assert_int_equal(ask(r, slot, "/tick", &x), BERTH_OK);
    check_text(x.body, "hello");
}

static void what_a_filter_does_wrong_is_named(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = with_guest(r);
    exchange x;
    berth_reply reply;

    x = (exchange){ .fails = BERTH_OK };
    slot_rig_check(r, ask_with(r, slot, "/pause", 0, &x, true), BERTH_E_PLUGIN, 0,
                   "nothing would continue it");
    slot_rig_check(r, ask(r, slot, "/close", &x), BERTH_E_PLUGIN, 0, "closed the stream");
    slot_rig_check(r, ask_with(r, slot, "/plain", 4, &x, false), BERTH_E_PLUGIN, 0,
                   "nobody is behind it");
    x.fails = BERTH_E_BUSY;
    slot_rig_check(r, ask_with(r, slot, "/plain", 4, &x, true), BERTH_E_PLUGIN, 0,
                   "behind the filter: busy");
    x = (exchange){ .fails = BERTH_OK };
    slot_rig_check(r, ask_with(r, slot, "/plain", (1 << 20) + 1, &x, true), BERTH_E_LIMIT,
                   BERTH_REASON_INPUT, "a message is more than a filter is shown");
    assert_int_equal(x.asked, 0);
    slot_rig_check(r, ask(r, slot, "/trap", &x), BERTH_E_TRAP, BERTH_REASON_UNREACHABLE,
                   "proxy_on_request_headers");
    assert_int_equal(x.asked, 0);
    assert_int_equal(ask(r, slot, "/plain", &x), BERTH_OK);
    slot_rig_check(r, slot_rig_call(r, slot, "x", 1, &reply), BERTH_E_ABSENT, 0, "");
}

/* In the order of tests/guests/proxywasm.c. */
static void every_function_answers_its_codes(void **state)
{
    static const char wanted[] =
        "pairs=0 none=2 kind=2 out=6 size=0 size-out=6 get=0 1absent=1 key-out=6 add=0 line=2 "
        "name=2 pseudo=2 space=2 big=2 remove=0 set=0 cut=4 huge=4 bad=2 set-out=6 method=0 Ge"
        "buffer=0 plugin=0 confvm=0 other=1 start=2 status=0 early=2 config=2 property=0 Ge"
        "field=0 bunknown=1 own=0 back=0 yesshared-none=1 shared-set=0 shared-get=0 1"
        "shared-cas=0 shared-old=8 queue-none=1 queue=0 queue-found=0 queue-vm=1 put=0 take=0 "
        "itemempty=7 no-queue=1 put-none=1 counter=0 same=0 differs=2 no-kind=2 count=0 down=2 "
        "record=2 metric=0 5gauge=0 gauge-set=0 gauge-down=0 gauge-get=0 5histogram=0 "
        "histogram-add=2 histogram-set=0 histogram-get=2 no-metric=1 "
        "log=0 level=2 log-out=6 log-level=0 now=10 effective=0 effective-own=0 "
        "effective-none=2 done=1 foreign=1 status=0 http=12 grpc=12 continue=2 close=2 "
        "local-status=2 local-pairs=4 nested=0 10bnested=0 10bnested=0 10nested=0 10b"
        "nested=0 10nested=0 10yesnested=0 10v2nested=0 10bnested=0 10bkept=0 item";
    slot_rig *r = *state;
    berth_slot *slot = with_guest(r);
    exchange x;

    assert_int_equal(ask(r, slot, "/codes", &x), BERTH_OK);
    check_text(x.body, wanted);
}

/* What is given stays as it is while the filter makes room for it. */
static void an_allocator_of_a_filter_changes_nothing(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = with_guest(r);
    exchange x;

    assert_int_equal(ask(r, slot, "/meddle", &x), BERTH_OK);
    check_text(x.request, "POST /meddle here http [body] x-one=1 x-gone=2 content-length=4 "
                          "x-said=nested=0 10body ");
}

static void a_configuration_that_it_refuses_is_no_plugin(void **state)
{
    slot_rig *r = *state;
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;
    berth_slot *slot;
    size_t size;
    uint8_t *bytes = guest_read("proxywasm", &size);

    options.plugin_config = "bad";
    options.plugin_config_size = 3;
    slot = slot_rig_open(r, "filter", &options);
    slot_rig_check(r, slot_rig_try_install(r, slot, bytes, size), BERTH_E_REJECTED, 0,
                   "proxy_on_configure");
}

/* What a peer sends byte by byte is not copied whole for each of them. */
static void a_body_in_small_pieces_takes_few_allocations(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = with_guest(r);
    exchange x = { .pieces = 4000 };
    size_t before;

    before = atomic_load(&r->memory.calls);
    assert_int_equal(ask_with(r, slot, "/plain", 4, &x, true), BERTH_OK);
    assert_true(atomic_load(&r->memory.calls) - before < 1000);
    assert_int_equal(x.body_size, 4000);
}

/* The filter hears of it, or the call fails; whatever happens, nothing is left, and the slot serves on. */
static void each_allocation_may_fail(void **state)
{
    static const char *const paths[] = { "/codes", "/change", "/local" };
    slot_rig *r = *state;
    berth_slot *slot = with_guest(r);
    exchange x;

    for (size_t i = 0; i < 3; i++) {
        bool has_failed = true;

        assert_int_equal(ask(r, slot, paths[i], &x), BERTH_OK);
        for (size_t n = 0; has_failed; n++) {
            size_t before = atomic_load(&r->memory.failures);

            memory_fail(&r->memory, n, false);
            (void)ask(r, slot, paths[i], &x);
            has_failed = atomic_load(&r->memory.failures) != before;
            memory_fail(&r->memory, SIZE_MAX, false);
            if (n > 2000)
                fail_msg("%s: %zu allocations", paths[i], n);
        }
    }
    assert_int_equal(ask(r, slot, "/plain", &x), BERTH_OK);
    check_text(x.body, "hello");
}

/* ---------------------------------------------------------------- versions of the ABI */

static const uint8_t zero[] = { 0x41, 0 };

/* `code` is told of a request's fields. */
static uint8_t *finish_filter(bertht_wasm *m, const char *one, const char *other,
                              const char *headers_type, const uint8_t *code, size_t code_size,
                              size_t *size_out)
{
    uint8_t *bytes;
    uint32_t f;

    wasm_memory(m, 0, 1, 0);
    wasm_export(m, "memory", BERTHI_EXTERN_MEMORY, 0);
    f = wasm_func(m, ":", NULL, 0);
    wasm_export(m, one, BERTHI_EXTERN_FUNC, f);
    if (other != NULL)
        wasm_export(m, other, BERTHI_EXTERN_FUNC, f);
    f = wasm_func(m, headers_type, code, code_size);
    wasm_export(m, "proxy_on_request_headers", BERTHI_EXTERN_FUNC, f);
    f = wasm_func(m, "i:i", zero, sizeof zero);
    wasm_export(m, "proxy_on_memory_allocate", BERTHI_EXTERN_FUNC, f);
    bytes = wasm_finish(m, size_out);
    wasm_free(m);
    return bytes;
}

static void versions_of_the_abi_are_checked(void **state)
{
    static const struct {
        const char *one, *other, *type, *text;
    } cases[] = {
        { "proxy_abi_version_0_1_0", NULL, "ii:i", NULL },
        { "proxy_abi_version_0_2_0", NULL, "iii:i", NULL },
        { "proxy_abi_version_0_2_1", NULL, "iii:i", NULL },
        { "proxy_abi_version_0_1_0", NULL, "iii:i", "has not the type" },
        { "proxy_abi_version_0_2_1", NULL, "ii:i", "has not the type" },
        { "proxy_abi_version_0_3_0", NULL, "iii:i", "none of 0.1.0, 0.2.0 and 0.2.1" },
        { "proxy_abi_version_0_2_10", NULL, "iii:i", "none of 0.1.0, 0.2.0 and 0.2.1" },
        { "proxy_abi_version_0_2_0", "proxy_abi_version_0_2_1", "iii:i", "2 versions" },
    };
    slot_rig *r = *state;
    exchange x;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[16];
        size_t size;
        bertht_wasm m = { 0 };
        uint8_t *bytes = finish_filter(&m, cases[i].one, cases[i].other, cases[i].type, zero,
                                       sizeof zero, &size);
        berth_slot *slot;

        snprintf(name, sizeof name, "slot%zu", i);
        slot = slot_rig_open(r, name, NULL);
        if (cases[i].text != NULL) {
            slot_rig_check(r, slot_rig_try_install(r, slot, bytes, size), BERTH_E_REJECTED, 0,
                           cases[i].text);
            continue;
        }
        slot_rig_install(r, slot, bytes, size);
        assert_int_equal(ask(r, slot, "/x", &x), BERTH_OK);
        check_text(x.body, "hello");
    }
}

/* Time alone changes nothing. */
static void a_timer_that_no_function_hears_continues_nothing(void **state)
{
    static const uint8_t pause[] = { 0x41, 1, 0x10, 0, 0x1a, 0x41, 1 }; /* of 1 ms; dropped */
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "filter", NULL);
    bertht_wasm m = { 0 };
    exchange x;
    size_t size;
    uint8_t *bytes;

    (void)wasm_import_func(&m, "env", "proxy_set_tick_period_milliseconds", "i:i");
    bytes =
        finish_filter(&m, "proxy_abi_version_0_2_1", NULL, "iii:i", pause, sizeof pause, &size);
    slot_rig_install(r, slot, bytes, size);
    slot_rig_check(r, ask(r, slot, "/x", &x), BERTH_E_PLUGIN, 0, "nothing would continue it");
    assert_int_equal(x.asked, 0);
}

/* ---------------------------------------------------------------- with the published SDK */

static void a_filter_of_the_sdk_runs_as_it_is(void **state)
{
    static const char name[] = "proxywasm-http-headers-ours.wasm";
    slot_rig *r = *state;
    berth_slot *slot;
    exchange x;
    uint8_t *bytes;
    size_t size;
    FILE *file =
        fopen(BERTH_TEST_SOURCE_DIR "/../shared/corpus/guests/proxywasm-http-headers-ours.wasm",
              "rb");

    if (file == NULL) {
        print_message("skipped: no %s in ../shared/corpus/guests\n", name);
        return;
    }
    bytes = malloc(1 << 20);
    size = fread(bytes, 1, 1 << 20, file);
    (void)fclose(file);
    slot = slot_rig_open(r, "sdk", NULL);
    slot_rig_install(r, slot, bytes, size);
    assert_int_equal(ask(r, slot, "/other", &x), BERTH_OK);
    check_text(x.fields, "content-length=5 x-seen=1 ");
    check_text(x.body, "hello");
    assert_int_equal(ask(r, slot, "/hello", &x), BERTH_OK);
    assert_int_equal(x.asked, 0);
    assert_int_equal(x.status, 200);
    check_text(x.fields, "x-guest=berth-corpus ");
    check_text(x.body, "hello\n");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(a_filter_sees_and_changes_both_ways),
        slot_test(a_length_is_that_of_the_body_whatever_a_filter_says),
        slot_test(a_filter_answers_pauses_and_goes_on),
        slot_test(what_a_filter_does_wrong_is_named),
        slot_test(every_function_answers_its_codes),
        slot_test(an_allocator_of_a_filter_changes_nothing),
        slot_test(a_body_in_small_pieces_takes_few_allocations),
        slot_test(each_allocation_may_fail),
        slot_test(a_configuration_that_it_refuses_is_no_plugin),
        slot_test(versions_of_the_abi_are_checked),
        slot_test(a_timer_that_no_function_hears_continues_nothing),
        slot_test(a_filter_of_the_sdk_runs_as_it_is),
    };

    return slot_rig_run("proxy-wasm", tests, sizeof tests / sizeof *tests);
}
