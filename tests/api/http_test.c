/* http_test.c - a slot answers HTTP requests: bodies in pieces, what a plugin may do wrong, and what the host
 * hears of it.  Public headers only. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <berth/grant.h>
#include <berth/http.h>
#include <berth/wasi.h>

#include "guests.h"
#include "slot_rig.h"

#define TEXT(s)                                                                                \
    {                                                                                          \
        s, sizeof(s) - 1                                                                       \
    }

typedef struct rig {
    slot_rig *r;
    berth_host *host;
    berth_slot *slot;
    berth_http_request request;
    berth_http_response response;
} rig;

static void begin(rig *t, slot_rig *r, uint32_t instances_max)
{
    berth_runtime_options options = BERTH_RUNTIME_OPTIONS_INIT;
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;
    uint8_t *bytes;
    size_t size;

    memset(t, 0, sizeof *t);
    t->r = r;
    assert_int_equal(berth_host_create(&r->allocator, &t->host, &r->diag), BERTH_OK);
    assert_int_equal(berth_wasi_offer(t->host, &r->diag), BERTH_OK);
    options.host = t->host;
    options.instances_max = 16;
    slot_rig_restart(r, options);
    opt.instances_max = instances_max;
    t->slot = slot_rig_open(r, "slot", &opt);
    bytes = guest_read("wasi/serve", &size);
    (void)slot_rig_install(r, t->slot, bytes, size);
}

static void end(rig *t)
{
    slot_rig_restart(t->r, (berth_runtime_options)BERTH_RUNTIME_OPTIONS_INIT);
    berth_host_destroy(t->host);
}

static berth_http_request request_of(const char *method, const char *path)
{
    berth_http_request request = BERTH_HTTP_REQUEST_INIT;

    request.method = (berth_string){ method, strlen(method) };
    request.path = (berth_string){ path, strlen(path) };
    return request;
}

static berth_call call_within(rig *t, uint64_t deadline_ns)
{
    berth_call call = BERTH_CALL_INIT;

    berth_arena_reset(t->r->arena);
    call.arena = t->r->arena;
    call.deadline_ns = deadline_ns;
    return call;
}

static berth_status ask(rig *t, const berth_http_request *request)
{
    berth_call call = call_within(t, SLOT_RIG_PATIENCE_NS);

    t->response = (berth_http_response)BERTH_HTTP_RESPONSE_INIT;
    return berth_slot_http_whole(t->slot, request, 0, &call, &t->response, &t->r->diag);
}

static berth_status get(rig *t, const char *path)
{
    berth_http_request request = request_of("GET", path);

    return ask(t, &request);
}

static void check_body(rig *t, const char *wanted)
{
    if (t->response.body_size != strlen(wanted) ||
        (wanted[0] != '\0' && memcmp(t->response.body, wanted, strlen(wanted)) != 0))
        fail_msg("\"%.*s\", not \"%s\"", (int)t->response.body_size,
                 (const char *)t->response.body, wanted);
}

static bool is_field(const berth_http_field *f, const char *name, const char *value)
{
    return f->name.size == strlen(name) && memcmp(f->name.text, name, f->name.size) == 0 &&
           f->value.size == strlen(value) &&
           (f->value.size == 0 || memcmp(f->value.text, value, f->value.size) == 0);
}

static void a_request_is_what_the_plugin_sees_of_it(void **state)
{
    static const berth_http_field fields[] = { { TEXT("X-One"), TEXT("1") },
                                               { TEXT("Host"), TEXT("elsewhere") },
                                               { TEXT("x-one"), TEXT("two words") },
                                               { TEXT("connection"), TEXT("close") },
                                               { TEXT("empty"), { NULL, 0 } } };
    berth_http_request request = request_of("PATCH", "/a?b=c&d");
    rig t;

    begin(&t, *state, 1);
    assert_int_equal(ask(&t, &request), BERTH_OK);
    check_body(&t, "patch|/a?b=c&d|-|-");
    assert_int_equal(t.response.status, 200);
    assert_int_equal(t.response.version, 1);
    assert_int_equal(t.response.fields_count, 1);
    assert_true(is_field(&t.response.fields[0], "x-calls", "odd"));
    assert_int_equal(t.response.trailers_count, 0);
    request.method = (berth_string)TEXT("PURGE");
    request.authority = (berth_string)TEXT("[::1]:80");
    request.scheme = (berth_string)TEXT("https");
    request.fields = fields;
    request.fields_count = sizeof fields / sizeof *fields;
    assert_int_equal(ask(&t, &request), BERTH_OK);
    check_body(&t, "PURGE|/a?b=c&d|[::1]:80|https|X-One=1|x-one=two words|empty=");
    assert_true(is_field(&t.response.fields[0], "x-calls", "even"));
    request.scheme = (berth_string)TEXT("other");
    request.fields_count = 0;
    assert_int_equal(ask(&t, &request), BERTH_OK);
    check_body(&t, "PURGE|/a?b=c&d|[::1]:80|other");
    assert_int_equal(get(&t, "/empty"), BERTH_OK);
    check_body(&t, "");
    end(&t);
}

static void what_no_request_has_is_refused_before_the_plugin_runs(void **state)
{
    static const struct {
        berth_string method, path;
        berth_http_field field;
        berth_status status;
    } cases[] = {
        { TEXT(""), TEXT("/"), { TEXT("a"), TEXT("b") }, BERTH_E_INVALID },
        { TEXT("GET "), TEXT("/"), { TEXT("a"), TEXT("b") }, BERTH_E_INVALID },
        { TEXT("GET"), TEXT("/a b"), { TEXT("a"), TEXT("b") }, BERTH_E_INVALID },
        { TEXT("GET"), TEXT("/\xc3\xa4"), { TEXT("a"), TEXT("b") }, BERTH_E_INVALID },
        { TEXT("GET"), TEXT("/"), { TEXT("a b"), TEXT("b") }, BERTH_E_INVALID },
        { TEXT("GET"), TEXT("/"), { TEXT(""), TEXT("b") }, BERTH_E_INVALID },
        { TEXT("GET"), TEXT("/"), { TEXT("a"), TEXT("b\nc") }, BERTH_E_INVALID },
        { TEXT("GET"), TEXT("/"), { TEXT("a"), { "", 65536 } }, BERTH_E_LIMIT },
        { TEXT("GET"), { "/", 8193 }, { TEXT("a"), TEXT("b") }, BERTH_E_LIMIT },
        { TEXT("GET"), TEXT("/calls"), { TEXT("a"), TEXT("\xe4 b") }, BERTH_OK },
    };
    static berth_http_field many[BERTH_HTTP_FIELDS_MAX + 1];
    berth_http_request request = request_of("GET", "/calls");
    rig t;

    begin(&t, *state, 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        request.method = cases[i].method;
        request.path = cases[i].path;
        request.fields = &cases[i].field;
        request.fields_count = 1;
        if (ask(&t, &request) != cases[i].status)
            fail_msg("case %zu: %s", i, t.r->diag.text);
    }
    check_body(&t, "1");
    for (size_t i = 0; i <= BERTH_HTTP_FIELDS_MAX; i++)
        many[i] = (berth_http_field){ TEXT("a"), TEXT("b") };
    request.fields = many;
    request.fields_count = BERTH_HTTP_FIELDS_MAX + 1;
    assert_int_equal(ask(&t, &request), BERTH_E_LIMIT);
    request.fields_count = BERTH_HTTP_FIELDS_MAX;
    assert_int_equal(ask(&t, &request), BERTH_OK);
    check_body(&t, "2");
    request.size--;
    assert_int_equal(ask(&t, &request), BERTH_E_INVALID);
    end(&t);
}

static void a_whole_body_and_trailers_come_back(void **state)
{
    static const berth_http_field trailers[] = { { TEXT("x-sum"), TEXT("42") },
                                                 { TEXT("trailer"), TEXT("no") } };
    static const char *const paths[] = { "/echo", "/splice" };
    static char body[200000];
    rig t;

    begin(&t, *state, 1);
    for (size_t i = 0; i < sizeof body; i++)
        body[i] = (char)(i * 7 % 251);
    for (size_t i = 0; i < 2; i++) {
        berth_http_request request = request_of("POST", paths[i]);

        request.body = body;
        request.body_size = sizeof body;
        request.trailers = trailers;
        request.trailers_count = 2;
        assert_int_equal(ask(&t, &request), BERTH_OK);
        assert_int_equal(t.response.status, 201);
        assert_int_equal(t.response.body_size, sizeof body);
        assert_memory_equal(t.response.body, body, sizeof body);
        assert_int_equal(t.response.trailers_count, 1);
        assert_true(is_field(&t.response.trailers[0], "x-sum", "42"));
    }
    assert_int_equal(get(&t, "/early"), BERTH_OK);
    assert_int_equal(t.response.body_size, 150000);
    for (size_t i = 0; i < 150000; i++)
        if (((const char *)t.response.body)[i] != (char)('a' + i % 65536 % 26))
            fail_msg("byte %zu", i);
    assert_int_equal(t.response.trailers_count, 1);
    assert_true(is_field(&t.response.trailers[0], "x-end", "yes"));
    end(&t);
}

/* ---------------------------------------------------------------- in pieces */

/* Somebody who sends a piece each millisecond, and takes as much. */
typedef struct peer {
    int in_fd, out_fd;    /* timers */
    size_t left;          /* of the body that comes */
    unsigned pauses;      /* how often there was nothing yet */
    size_t room, in_hand; /* what is taken before it has to wait; what was taken */
    size_t got, most, refuse_at;
    unsigned waits, heads, ends;
    uint16_t status;
    uint8_t sum;
    berth_status broken;
} peer;

static void wind(int fd)
{
    const struct itimerspec soon = { .it_value = { .tv_nsec = 1000000 } };

    assert_int_equal(timerfd_settime(fd, 0, &soon, NULL), 0);
}

static bool has_rung(int fd)
{
    uint64_t n;

    return read(fd, &n, sizeof n) == (ssize_t)sizeof n;
}

static berth_status peer_read(void *ctx, void *to, size_t *size_io)
{
    peer *p = ctx;

    if (p->broken != BERTH_OK && p->left == 0)
        return p->broken;
    if (!has_rung(p->in_fd)) {
        p->pauses++;
        return BERTH_E_BUSY;
    }
    wind(p->in_fd);
    if (*size_io > p->left)
        *size_io = p->left;
    if (*size_io > 3000)
        *size_io = 3000;
    memset(to, 'b', *size_io);
    p->left -= *size_io;
    return BERTH_OK;
}

static berth_status peer_head(void *ctx, uint16_t status, const berth_http_field *fields,
                              size_t count)
{
    peer *p = ctx;

    (void)fields, (void)count;
    assert_int_equal(p->got + p->ends, 0);
    p->heads++;
    p->status = status;
    return BERTH_OK;
}

static size_t peer_room(void *ctx)
{
    peer *p = ctx;

    if (p->in_hand < p->room)
        return p->room - p->in_hand;
    if (!has_rung(p->out_fd))
        return 0;
    p->in_hand = 0;
    return p->room;
}

static berth_status peer_body(void *ctx, const void *data, size_t size)
{
    peer *p = ctx;

    assert_int_equal(p->heads, 1);
    assert_true(size <= p->room - p->in_hand);
    for (size_t i = 0; i < size; i++)
        p->sum = (uint8_t)(p->sum + ((const uint8_t *)data)[i]);
    p->in_hand += size;
    if (p->in_hand == p->room) {
        p->waits++;
        wind(p->out_fd);
    }
    p->got += size;
    if (size > p->most)
        p->most = size;
    return p->refuse_at != 0 && p->got >= p->refuse_at ? BERTH_E_CLOSED : BERTH_OK;
}

static berth_status peer_end(void *ctx, const berth_http_field *trailers, size_t count)
{
    (void)trailers, (void)count;
    ((peer *)ctx)->ends++;
    return BERTH_OK;
}

static berth_status stream(rig *t, peer *p, const char *path, uint64_t deadline_ns)
{
    berth_http_request request = request_of("POST", path);
    berth_http_sink sink = BERTH_HTTP_SINK_INIT;
    berth_call call = call_within(t, deadline_ns);
    berth_status status;

    p->in_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    p->out_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    assert_true(p->in_fd >= 0 && p->out_fd >= 0);
    wind(p->in_fd);
    request.read = peer_read;
    request.ctx = p;
    request.body_fd = p->in_fd;
    sink.ready_fd = p->out_fd;
    sink.ctx = p;
    sink.head = peer_head;
    sink.room = peer_room;
    sink.body = peer_body;
    sink.end = peer_end;
    status = berth_slot_http(t->slot, &request, &sink, &call, NULL, &t->r->diag);
    (void)close(p->in_fd);
    (void)close(p->out_fd);
    return status;
}

static void bodies_come_and_go_in_pieces(void **state)
{
    static const char *const paths[] = { "/echo", "/splice" };
    berth_slot_stats stats;
    rig t;

    begin(&t, *state, 1);
    for (size_t i = 0; i < 2; i++) {
        peer p = { .left = 100000, .room = 5000 };

        assert_int_equal(stream(&t, &p, paths[i], SLOT_RIG_PATIENCE_NS), BERTH_OK);
        assert_int_equal(p.status, 201);
        assert_int_equal(p.got, 100000);
        assert_int_equal(p.sum, (uint8_t)(100000 * 'b'));
        assert_int_equal(p.ends, 1);
        assert_true(p.most <= 3000 && p.waits >= 10);
    }
    stats = slot_rig_stats(t.slot);
    assert_int_equal(stats.calls, 2);
    assert_int_equal(stats.answered, 2);
    assert_int_equal(stats.bytes_in, 200000);
    assert_int_equal(stats.bytes_out, 200000);
    end(&t);
}

static void what_nobody_reads_is_thrown_away(void **state)
{
    peer p = { .left = 100000, .room = 1 << 20 };
    rig t;

    begin(&t, *state, 1);
    assert_int_equal(stream(&t, &p, "/skip", SLOT_RIG_PATIENCE_NS), BERTH_OK);
    assert_int_equal(p.left, 0);
    assert_int_equal(p.got, strlen("once|none|given"));
    assert_int_equal(get(&t, "/skip"), BERTH_OK);
    check_body(&t, "once|none|given");
    end(&t);
}

static void a_peer_that_stops_ends_the_exchange(void **state)
{
    peer gone = { .room = 100000, .refuse_at = 1000000 };
    peer cut = { .left = 5000, .room = 100000, .broken = BERTH_E_OS };
    peer deaf = { .room = 100000 };
    rig t;

    begin(&t, *state, 1);
    /* Who does not listen any more is not the plugin's fault. */
    assert_int_equal(stream(&t, &gone, "/much", SLOT_RIG_PATIENCE_NS), BERTH_OK);
    assert_int_equal(gone.ends, 0);
    assert_true(gone.got >= 1000000 && gone.got < 1100000);
    /* A request that is cut short is no end of a body. */
    assert_int_equal(stream(&t, &cut, "/echo", SLOT_RIG_PATIENCE_NS), BERTH_E_PLUGIN);
    assert_int_equal(cut.got, 5000);
    assert_int_equal(cut.ends, 0);
    assert_int_equal(stream(&t, &deaf, "/much", SLOT_RIG_PATIENCE_NS), BERTH_OK);
    assert_int_equal(deaf.got, 128 << 16);
    assert_int_equal(get(&t, "/calls"), BERTH_OK);
    check_body(&t, "4"); /* of the same instance */
    end(&t);
}

static berth_status never(void *ctx, void *to, size_t *size_io)
{
    (void)ctx, (void)to, (void)size_io;
    return BERTH_E_BUSY;
}

static size_t no_room(void *ctx)
{
    (void)ctx;
    return 0;
}

static void a_peer_that_stalls_ends_the_call_at_its_deadline(void **state)
{
    berth_http_request request = request_of("POST", "/echo");
    berth_http_sink sink = BERTH_HTTP_SINK_INIT;
    peer p = { .room = 100 };
    berth_call call;
    rig t;

    begin(&t, *state, 1);
    p.in_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    request.read = never;
    request.body_fd = p.in_fd;
    sink.ctx = &p;
    sink.head = peer_head;
    sink.body = peer_body;
    sink.end = peer_end;
    call = call_within(&t, 50 * MS);
    assert_int_equal(berth_slot_http(t.slot, &request, &sink, &call, NULL, &t.r->diag),
                     BERTH_E_DEADLINE);
    request = request_of("GET", "/much");
    sink.room = no_room;
    p.heads = 0;
    call = call_within(&t, 50 * MS);
    assert_int_equal(berth_slot_http(t.slot, &request, &sink, &call, NULL, &t.r->diag),
                     BERTH_E_DEADLINE);
    assert_int_equal(p.got + p.ends, 0);
    assert_int_equal(get(&t, "/calls"), BERTH_OK);
    check_body(&t, "1"); /* of a new instance */
    (void)close(p.in_fd);
    end(&t);
}

/* ---------------------------------------------------------------- what plugins do wrong */

static void a_plugin_that_does_it_wrong_is_named(void **state)
{
    static const struct {
        const char *path, *text;
        berth_status status;
    } cases[] = {
        { "/none", "without a response", BERTH_E_PLUGIN },
        { "/error", "internal-error: it broke", BERTH_E_PLUGIN },
        { "/denied", "HTTP-request-denied", BERTH_E_PLUGIN },
        { "/half", "had not finished", BERTH_E_PLUGIN },
        { "/short", "had not finished", BERTH_E_PLUGIN },
        { "/long", "had not finished", BERTH_E_PLUGIN },
        { "/nonsense", "had not finished", BERTH_E_PLUGIN },
        { "/101", "status 101", BERTH_E_PLUGIN },
        { "/bare", "had not finished", BERTH_E_PLUGIN }, /* a length, and no body at all */
        { "/calls", "", BERTH_OK },
        { "/trap", "", BERTH_E_TRAP },
        { "/late", "", BERTH_E_TRAP },
        { "/keep", "", BERTH_OK },
        { "/kept", "is over", BERTH_E_TRAP },
        { "/calls", "", BERTH_OK },
    };
    berth_http_request request;
    berth_slot_stats stats;
    rig t;

    begin(&t, *state, 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        berth_status status = get(&t, cases[i].path);

        if (status == BERTH_E_STATE)
            status = BERTH_E_TRAP;
        if (status != cases[i].status ||
            (status != BERTH_OK && strstr(t.r->diag.text, cases[i].text) == NULL))
            fail_msg("%s: %d: %s", cases[i].path, status, t.r->diag.text);
        if (i == 9)
            check_body(&t, "10"); /* still the first instance */
    }
    check_body(&t, "1");
    stats = slot_rig_stats(t.slot);
    assert_int_equal(stats.calls, sizeof cases / sizeof *cases);
    assert_int_equal(stats.answered, 3);
    assert_int_equal(stats.calls, stats.answered + stats.traps + stats.other_failures);
    /* A response to HEAD says how long a body would be that it does not have. */
    request = request_of("HEAD", "/bare");
    assert_int_equal(ask(&t, &request), BERTH_OK);
    request = request_of("HEAD", "/short");
    assert_int_equal(ask(&t, &request), BERTH_E_TRAP); /* finish() had no error */
    end(&t);
}

/* The call fails and the instance goes, or nothing happens; nothing is left, and the slot serves on. */
static void each_allocation_may_fail(void **state)
{
    static const char *const paths[] = { "/echo", "/early", "/tell" };
    static const berth_http_field field = { TEXT("a"), TEXT("b") };
    rig t;

    begin(&t, *state, 1);
    for (size_t i = 0; i < 3; i++) {
        berth_http_request request = request_of("POST", paths[i]);
        bool has_failed = true;

        request.body = "body";
        request.body_size = 4;
        request.fields = request.trailers = &field;
        request.fields_count = request.trailers_count = 1;
        for (size_t n = 0; has_failed; n++) {
            size_t before = atomic_load(&t.r->memory.failures);

            assert_int_equal(ask(&t, &request), BERTH_OK);
            memory_fail(&t.r->memory, n, false);
            (void)ask(&t, &request);
            has_failed = atomic_load(&t.r->memory.failures) != before;
            memory_fail(&t.r->memory, SIZE_MAX, false);
            if (n > 2000)
                fail_msg("%s: %zu allocations", paths[i], n);
        }
    }
    end(&t);
}

static void a_plugin_that_spins_ends_at_its_deadline(void **state)
{
    berth_http_request request = request_of("GET", "/spin");
    berth_call call;
    rig t;

    begin(&t, *state, 1);
    call = call_within(&t, 20 * MS);
    assert_int_equal(berth_slot_http_whole(t.slot, &request, 0, &call, &t.response, &t.r->diag),
                     BERTH_E_INVALID); /* the response's size is not set */
    t.response = (berth_http_response)BERTH_HTTP_RESPONSE_INIT;
    assert_int_equal(berth_slot_http_whole(t.slot, &request, 0, &call, &t.response, &t.r->diag),
                     BERTH_E_DEADLINE);
    end(&t);
}

static void a_response_is_bounded_and_the_plugin_serves_on(void **state)
{
    berth_http_request request = request_of("GET", "/much");
    berth_call call;
    rig t;

    begin(&t, *state, 1);
    call = call_within(&t, SLOT_RIG_PATIENCE_NS);
    t.response = (berth_http_response)BERTH_HTTP_RESPONSE_INIT;
    assert_int_equal(
        berth_slot_http_whole(t.slot, &request, 128 << 16, &call, &t.response, &t.r->diag),
        BERTH_OK);
    assert_int_equal(t.response.body_size, 128 << 16);
    berth_arena_reset(t.r->arena);
    assert_int_equal(berth_slot_http_whole(t.slot, &request, (128 << 16) - 1, &call,
                                           &t.response, &t.r->diag),
                     BERTH_E_LIMIT);
    assert_int_equal(get(&t, "/calls"), BERTH_OK);
    check_body(&t, "3");
    end(&t);
}

static void slots_that_answer_no_requests_say_so(void **state)
{
    rig t;

    begin(&t, *state, 1);
    t.slot = slot_rig_open(t.r, "empty", NULL);
    assert_int_equal(get(&t, "/"), BERTH_E_ABSENT);
    (void)slot_rig_install_answering(t.r, t.slot, 1);
    assert_int_equal(get(&t, "/"), BERTH_E_ABSENT);
    assert_non_null(strstr(t.r->diag.text, "wasi:http/incoming-handler"));
    end(&t);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(a_request_is_what_the_plugin_sees_of_it),
        slot_test(what_no_request_has_is_refused_before_the_plugin_runs),
        slot_test(a_whole_body_and_trailers_come_back),
        slot_test(bodies_come_and_go_in_pieces),
        slot_test(what_nobody_reads_is_thrown_away),
        slot_test(a_peer_that_stops_ends_the_exchange),
        slot_test(a_peer_that_stalls_ends_the_call_at_its_deadline),
        slot_test(a_plugin_that_does_it_wrong_is_named),
        slot_test(each_allocation_may_fail),
        slot_test(a_plugin_that_spins_ends_at_its_deadline),
        slot_test(a_response_is_bounded_and_the_plugin_serves_on),
        slot_test(slots_that_answer_no_requests_say_so),
    };

    return slot_rig_run("http requests", tests, sizeof tests / sizeof *tests);
}
