/* serve_test.c - a slot that answers requests at an address: what peers hear, swaps under load, limits, ending.
 * Public headers only. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <berth/ends.h>
#include <berth/serve.h>
#include <berth/wasi.h>

#include "guests.h"
#include "http_client.h"
#include "slot_rig.h"

enum { PEERS = 3, LOG_ROOM = 8192, HALF = 100000 };

typedef struct rig {
    slot_rig *r;
    berth_host *host;
    berth_slot *slot;
    berth_server *server;
    char folder[64], path[96];
    /* the log's, read once the server is closed */
    char log[LOG_ROOM]; /* "METHOD path status version in/out; ", in any order */
    uint64_t newest;
    bool has_took_none;
} rig;

static http_client client;

static void note(void *ctx, const berth_server_entry *entry)
{
    rig *t = ctx;
    size_t used = strlen(t->log);

    snprintf(t->log + used, sizeof t->log - used, "%.*s %.*s %u %u %u/%u; ",
             (int)entry->method.size, entry->method.text, (int)entry->path.size,
             entry->path.text, entry->status, (unsigned)entry->version,
             (unsigned)entry->bytes_in, (unsigned)entry->bytes_out);
    t->newest = entry->version > t->newest ? entry->version : t->newest;
    t->has_took_none |= entry->took_ns == 0 || entry->peer.size == 0;
}

/* The same plugin each time, and another content: a custom section has its number. */
static void install(rig *t, uint8_t number)
{
    const uint8_t section[] = { 0, 3, 1, 'v', number };
    size_t size;
    uint8_t *bytes = guest_read("wasi/serve", &size);
    uint8_t *more = malloc(size + sizeof section);

    assert_non_null(more);
    memcpy(more, bytes, size);
    memcpy(more + size, section, sizeof section);
    free(bytes);
    (void)slot_rig_install(t->r, t->slot, more, size + sizeof section);
}

static void begin(rig *t, slot_rig *r, berth_server_options options)
{
    berth_runtime_options runtime = BERTH_RUNTIME_OPTIONS_INIT;
    char address[128];

    memset(t, 0, sizeof *t);
    t->r = r;
    assert_int_equal(berth_host_create(&r->allocator, &t->host, &r->diag), BERTH_OK);
    assert_int_equal(berth_wasi_offer(t->host, &r->diag), BERTH_OK);
    runtime.host = t->host;
    runtime.instances_max = 32;
    slot_rig_restart(r, runtime);
    t->slot = slot_rig_open(r, "slot", NULL);
    install(t, 0);
    snprintf(t->folder, sizeof t->folder, "/tmp/berth-serve-XXXXXX");
    assert_non_null(mkdtemp(t->folder));
    snprintf(t->path, sizeof t->path, "%s/s", t->folder);
    snprintf(address, sizeof address, "unix:%s", t->path);
    options.address = address;
    options.log = note;
    options.log_ctx = t;
    if (berth_server_open(t->slot, &options, &t->server, &r->diag) != BERTH_OK)
        fail_msg("%s", r->diag.text);
}

static void end(rig *t)
{
    berth_server_close(t->server, SLOT_RIG_PATIENCE_NS);
    slot_rig_restart(t->r, (berth_runtime_options)BERTH_RUNTIME_OPTIONS_INIT);
    berth_host_destroy(t->host);
    (void)rmdir(t->folder);
}

static int get(http_client *c, const char *path)
{
    char text[256];

    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: a.b:80\r\nX-One: 1\r\n\r\n", path);
    http_client_say(c, text);
    return http_client_hear(c);
}

/* The head of an answer and not a byte more.  Its status. */
static int hear_head(http_client *c)
{
    size_t size = 0;

    do
        assert_int_equal(read(c->fd, c->head + size++, 1), 1);
    while (size < sizeof c->head - 1 &&
           (size < 4 || memcmp(c->head + size - 4, "\r\n\r\n", 4) != 0));
    c->head[size] = '\0';
    assert_int_equal(sscanf(c->head, "HTTP/1.1 %d", &c->status), 1);
    return c->status;
}

static void a_peer_hears_what_the_plugin_says(void **state)
{
    rig t;

    begin(&t, *state, (berth_server_options)BERTH_SERVER_OPTIONS_INIT);
    http_client_open(&client, t.path);
    assert_int_equal(get(&client, "/a%20b?c=d"), 200);
    assert_string_equal(client.body, "get|/a%20b?c=d|a.b:80|http|X-One=1");
    assert_string_equal(http_client_field(&client, "x-calls"), "odd");
    http_client_post(&client, "/echo", "", "a body"); /* on the same connection */
    assert_int_equal(http_client_hear(&client), 201);
    assert_string_equal(client.body, "a body");
    http_client_say(&client, "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n"
                             "\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n");
    assert_int_equal(http_client_hear(&client), 201);
    assert_string_equal(client.body, "abcdef");
    http_client_close(&client);
    end(&t);
    assert_non_null(strstr(t.log, "GET /a%20b?c=d 200 1 0/34; "));
    assert_non_null(strstr(t.log, "POST /echo 201 1 6/6; "));
    assert_non_null(
        strstr(strstr(t.log, "POST /echo 201 1 6/6; ") + 1, "POST /echo 201 1 6/6; "));
    assert_false(t.has_took_none);
}

static void heads_of_any_kind_go_out_and_those_below_200_are_502(void **state)
{
    rig t;

    begin(&t, *state, (berth_server_options)BERTH_SERVER_OPTIONS_INIT);
    http_client_open(&client, t.path);
    assert_int_equal(get(&client, "/hello"), 200); /* a field of it has no value */
    assert_string_equal(client.body, "hello");
    assert_int_equal(get(&client, "/101"), 502);
    http_client_say(&client, "HEAD /early HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
    assert_int_equal(hear_head(&client), 200);
    assert_string_equal(http_client_field(&client, "content-length"), "150000");
    assert_int_equal(read(client.fd, client.body, 1), 0); /* and no body comes */
    http_client_close(&client);
    end(&t);
}

static void a_large_body_goes_through_in_pieces(void **state)
{
    enum { SIZE = 300000 };
    static char body[SIZE];
    static http_client c;
    size_t heard = 0;
    char head[128];
    rig t;

    for (size_t i = 0; i < SIZE; i++)
        body[i] = (char)('a' + i % 23);
    begin(&t, *state, (berth_server_options)BERTH_SERVER_OPTIONS_INIT);
    http_client_open(&c, t.path);
    snprintf(head, sizeof head, "POST /echo HTTP/1.0\r\nHost: t\r\nContent-Length: %d\r\n\r\n",
             (int)SIZE);
    http_client_say(&c, head);
    http_client_send(&c, body, SIZE);
    assert_int_equal(hear_head(&c), 201);
    while (heard < SIZE) { /* the body, to the connection's end */
        static char piece[65536];
        ssize_t n = read(c.fd, piece, sizeof piece);

        if (n <= 0)
            break;
        assert_memory_equal(piece, body + heard, (size_t)n);
        heard += (size_t)n;
    }
    assert_int_equal(heard, SIZE);
    http_client_close(&c);
    end(&t);
}

static void a_plugin_that_fails_is_502_and_a_half_answer_is_cut(void **state)
{
    berth_server_stats stats = { .size = sizeof stats };
    rig t;

    begin(&t, *state, (berth_server_options)BERTH_SERVER_OPTIONS_INIT);
    http_client_open(&client, t.path);
    assert_int_equal(get(&client, "/none"), 502);
    assert_int_equal(get(&client, "/error"), 502);
    assert_int_equal(get(&client, "/half"),
                     0); /* cut, so that a part is not taken for it all */
    http_client_close(&client);
    http_client_open(&client, t.path);
    assert_int_equal(get(&client, "/trap"), 0); /* behind its head */
    http_client_close(&client);
    assert_int_equal(berth_server_read_stats(t.server, &stats), BERTH_OK);
    assert_true(stats.failed >= 3); /* the last is cut before its call has ended */
    end(&t);
}

static void limits_are_kept_before_a_plugin_hears_of_it(void **state)
{
    berth_server_options o = BERTH_SERVER_OPTIONS_INIT;
    rig t;

    o.body_bytes_max = 10;
    begin(&t, *state, o);
    http_client_open(&client, t.path);
    http_client_post(&client, "/echo", "", "ten bytes.");
    assert_int_equal(http_client_hear(&client), 201);
    http_client_post(&client, "/echo", "", "eleven byte");
    assert_int_equal(http_client_hear(&client), 413);
    http_client_close(&client);
    end(&t);
    assert_non_null(strstr(t.log, "POST /echo 413 0 "));
}

/* Sends a part of a body that is enough for a worker to begin, and waits until one has. */
static void ask_half(rig *t, http_client *c)
{
    static char half[HALF];

    memset(half, 'h', sizeof half);
    http_client_open(c, t->path);
    http_client_say(c, "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 200000\r\n\r\n");
    http_client_send(c, half, sizeof half);
    slot_rig_wait_until(slot_rig_stats(t->slot).in_flight == 1);
}

static void who_goes_in_the_middle_ends_his_call(void **state)
{
    berth_server_options o = BERTH_SERVER_OPTIONS_INIT;
    rig t;

    o.workers = 1;
    begin(&t, *state, o);
    ask_half(&t, &client);
    http_client_close(&client);
    http_client_open(&client, t.path);
    assert_int_equal(get(&client, "/x"), 200); /* by the same worker */
    http_client_close(&client);
    end(&t);
    assert_non_null(strstr(t.log, "POST /echo 0 1 "));
    assert_non_null(strstr(t.log, "GET /x 200 1 "));
}

static void a_plugin_past_its_deadline_is_504(void **state)
{
    berth_server_options o = BERTH_SERVER_OPTIONS_INIT;
    rig t;

    o.deadline_ns = 50 * MS;
    begin(&t, *state, o);
    http_client_open(&client, t.path);
    assert_int_equal(get(&client, "/spin"), 504);
    http_client_close(&client);
    end(&t);
}

/* ---------------------------------------------------------------- under load */

typedef struct load {
    rig *t;
    pthread_t thread;
    _Atomic(uint64_t) answered;
    _Atomic(bool) ends;
    uint64_t wrong;
    http_client client;
} load;

static void *ask_on(void *arg)
{
    load *l = arg;

    http_client_open(&l->client, l->t->path);
    while (!l->ends) {
        l->wrong += get(&l->client, "/x") != 200 || strncmp(l->client.body, "get|/x|", 7) != 0;
        l->answered++;
    }
    http_client_close(&l->client);
    return NULL;
}

static void no_request_is_lost_while_the_slot_is_swapped(void **state)
{
    enum { SWAPS = 5 };
    static load loads[PEERS];
    rig t;

    begin(&t, *state, (berth_server_options)BERTH_SERVER_OPTIONS_INIT);
    for (int i = 0; i < PEERS; i++) {
        memset(&loads[i], 0, sizeof loads[i]);
        loads[i].t = &t;
        assert_int_equal(pthread_create(&loads[i].thread, NULL, ask_on, &loads[i]), 0);
    }
    for (int swap = 0; swap < SWAPS; swap++) {
        for (int i = 0; i < PEERS; i++) /* each peer is answered between two swaps */
            for (uint64_t was = loads[i].answered; loads[i].answered == was;)
                (void)sched_yield();
        install(&t, (uint8_t)(swap + 1));
    }
    for (int i = 0; i < PEERS; i++) {
        for (uint64_t was = loads[i].answered; loads[i].answered < was + 2;)
            (void)sched_yield();
        loads[i].ends = true;
        assert_int_equal(pthread_join(loads[i].thread, NULL), 0);
        assert_int_equal(loads[i].wrong, 0);
    }
    end(&t);
    assert_int_equal(t.newest, SWAPS + 1);
}

static void *close_it(void *arg)
{
    rig *t = arg;

    berth_server_close(t->server, SLOT_RIG_PATIENCE_NS);
    return NULL;
}

static void who_finds_no_worker_hears_503_and_who_has_one_is_answered(void **state)
{
    enum { WAITING = 2, OTHERS = 4 };
    static http_client others[OTHERS];
    static char rest[200000 - HALF];
    berth_server_options o = BERTH_SERVER_OPTIONS_INIT;
    berth_server_stats stats = { .size = sizeof stats };
    pthread_t closer;
    rig t;

    o.workers = 1;
    o.waiting_max = WAITING;
    o.wait_ns = SLOT_RIG_PATIENCE_NS;
    begin(&t, *state, o);
    ask_half(&t, &client);
    for (int i = 0; i < OTHERS; i++) {
        http_client_open(&others[i], t.path);
        http_client_say(&others[i], "GET /x HTTP/1.1\r\nHost: t\r\n\r\n");
    }
    do {
        (void)sched_yield();
        assert_int_equal(berth_server_read_stats(t.server, &stats), BERTH_OK);
    } while (stats.refused < OTHERS - WAITING);
    assert_int_equal(stats.refused, OTHERS - WAITING);
    assert_int_equal(pthread_create(&closer, NULL, close_it, &t), 0);
    for (int i = 0; i < OTHERS; i++) { /* at the latest when the server ends */
        assert_int_equal(http_client_hear(&others[i]), 503);
        assert_string_equal(http_client_field(&others[i], "Retry-After"), "1");
        http_client_close(&others[i]);
    }
    http_client_send(&client, rest, sizeof rest);
    assert_int_equal(hear_head(&client), 201);
    http_client_close(&client);
    assert_int_equal(pthread_join(closer, NULL), 0);
    t.server = NULL;
    end(&t);
}

static void what_cannot_be_served_at_is_said(void **state)
{
    static const char *const addresses[] = { "nowhere", "example.org:80", "unix:/no/such/s" };
    berth_server_options o = BERTH_SERVER_OPTIONS_INIT;
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "slot", NULL);
    berth_server *server;

    assert_int_equal(berth_server_open(slot, &o, &server, &r->diag), BERTH_E_INVALID);
    for (size_t i = 0; i < 3; i++) {
        o.address = addresses[i];
        assert_int_not_equal(berth_server_open(slot, &o, &server, &r->diag), BERTH_OK);
        assert_non_null(strstr(r->diag.text, addresses[i]));
    }
    o.address = "127.0.0.1:0";
    o.workers = 65;
    assert_int_equal(berth_server_open(slot, &o, &server, &r->diag), BERTH_E_INVALID);
    o.workers = 1;
    if (berth_server_open(slot, &o, &server, &r->diag) == BERTH_OK) { /* there is a loopback */
        http_client_open_port(&client, berth_server_port(server));
        assert_int_equal(get(&client, "/"), 503); /* nothing is in the slot */
        http_client_close(&client);
        berth_server_close(server, SLOT_RIG_PATIENCE_NS);
    }
    berth_server_close(NULL, 0);
}

static bool is_built(void)
{
    berth_setting address = { "address", "unix:s" };
    bool is_there = berth_end_check("http", BERTH_ROLE_SOURCE, &address, 1, NULL) == BERTH_OK;

    if (!is_there)
        printf("skipped: this was built without libmicrohttpd\n");
    return is_there;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(a_peer_hears_what_the_plugin_says),
        slot_test(heads_of_any_kind_go_out_and_those_below_200_are_502),
        slot_test(a_large_body_goes_through_in_pieces),
        slot_test(a_plugin_that_fails_is_502_and_a_half_answer_is_cut),
        slot_test(limits_are_kept_before_a_plugin_hears_of_it),
        slot_test(no_request_is_lost_while_the_slot_is_swapped),
        slot_test(who_goes_in_the_middle_ends_his_call),
        slot_test(a_plugin_past_its_deadline_is_504),
        slot_test(who_finds_no_worker_hears_503_and_who_has_one_is_answered),
        slot_test(what_cannot_be_served_at_is_said),
    };

    if (!is_built())
        return 77;
    return slot_rig_run("serving", tests, sizeof tests / sizeof *tests);
}
