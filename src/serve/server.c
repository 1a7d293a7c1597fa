/* server.c - a slot that answers HTTP requests at an address.  Layer: serve.
 *
 * What this directory is: what joins a listener (listen/listener.h) to a slot.  A request is given to a worker once its
 * body is there, or 64 KiB of it, so who sends slowly keeps no worker; from then on its time is that of the
 * call.  Read docs/design/0017-http.md. */
#include <berth/layout.h>
#include <berth/serve.h>

#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "listen/listener.h"
#include "os/clock.h"
#include "os/thread.h"
#include "registry/registry.h"

enum { WORKERS_MAX = 64, BODY_ROOM = 64 << 10, STACK = 1 << 20, ADDRESS_MAX = 256 };
enum { STATUS_FIRST = 200 }; /* those below are no answer's last */
#define TIME_MAX_NS (UINT64_C(86400) * 1000000000)

struct berth_server {
    berth_slot *slot;
    const berth_allocator *allocator;
    berth_server_options options;
    char address[ADDRESS_MAX];
    berthi_listener *listener;
    berthi_thread workers[WORKERS_MAX];
    uint32_t workers_count;
    /* one writer each: the listener's thread; workers for `failed` */
    _Atomic(uint64_t) connections, lost, requests, refused, bytes_in, failed;
    _Atomic(uint32_t) peers;
};

typedef struct serving { /* one request, on a worker */
    berthi_exchange *exchange;
    berth_http_request request;
    bool has_begun;
} serving;

/* ---------------------------------------------------------------- what the plugin is lent */

static berth_status read_body(void *ctx, void *to, size_t *size_io)
{
    serving *v = ctx;
    berthi_code code = berthi_exchange_read(v->exchange, to, size_io);

    if (code == BERTHI_CODE_WOULD_BLOCK)
        return BERTH_E_BUSY;
    if (code != BERTHI_CODE_OK)
        return BERTH_E_CLOSED;
    if (*size_io == 0)
        v->request.trailers = berthi_exchange_trailers(v->exchange, &v->request.trailers_count);
    return BERTH_OK;
}

static berth_status begin(void *ctx, uint16_t status, const berth_http_field *fields,
                          size_t count)
{
    serving *v = ctx;
    berth_status begun = status < STATUS_FIRST
                             ? BERTH_E_INVALID
                             : berthi_exchange_begin(v->exchange, status, fields, count);

    v->has_begun = begun == BERTH_OK;
    return begun;
}

static size_t room(void *ctx)
{
    return berthi_exchange_room(((serving *)ctx)->exchange);
}

static berth_status write_body(void *ctx, const void *data, size_t size)
{
    return berthi_exchange_write(((serving *)ctx)->exchange, data, size);
}

static berth_status end(void *ctx, const berth_http_field *trailers, size_t count)
{
    return berthi_exchange_end(((serving *)ctx)->exchange, trailers, count);
}

/* ---------------------------------------------------------------- workers */

/* What a peer is told of a call that failed before its answer began; why it failed is the host's to know. */
static uint16_t status_of(berth_status status, const berth_diag *diag)
{
    switch (status) {
    case BERTH_E_INVALID:
        return 400;
    case BERTH_E_DEADLINE:
        return 504;
    case BERTH_E_LIMIT:
        return diag->reason == BERTH_REASON_INPUT ? 431 : 503;
    case BERTH_E_ABSENT:
    case BERTH_E_BUSY:
    case BERTH_E_CLOSED:
    case BERTH_E_NOMEM:
        return 503;
    default:
        return 502;
    }
}

static const char *text_of(uint16_t status)
{
    switch (status) {
    case 400:
    case 431:
        return "the request cannot be given to a plugin\n";
    case 503:
        return "nobody can answer now\n";
    case 504:
        return "the plugin did not answer in time\n";
    default:
        return "the plugin failed\n";
    }
}

static void serve(berth_server *s, berthi_exchange *x, berth_arena *arena)
{
    serving v = { x, *berthi_exchange_request(x), false };
    berth_http_sink sink = BERTH_HTTP_SINK_INIT;
    berth_call call = BERTH_CALL_INIT;
    berth_diag diag = { 0 };
    uint64_t version = 0;
    berth_status status = BERTH_E_NOMEM;

    v.request.read = read_body;
    v.request.ctx = sink.ctx = &v;
    sink.head = begin;
    sink.room = room;
    sink.body = write_body;
    sink.end = end;
    call.arena = arena;
    call.deadline_ns = s->options.deadline_ns;
    if (berthi_exchange_fds(x, &v.request.body_fd, &sink.ready_fd) == 0)
        status = berth_slot_http(s->slot, &v.request, &sink, &call, &version, &diag);
    berthi_exchange_note(x, version);
    if (status != BERTH_OK)
        (void)atomic_fetch_add_explicit(&s->failed, 1, memory_order_relaxed);
    if (!v.has_begun) { /* also when the plugin's head was none of HTTP's */
        uint16_t told = status_of(status, &diag);

        berthi_exchange_answer(x, told, text_of(told));
    }
    berthi_exchange_drop(x);
}

static void *work(void *arg)
{
    berth_server *s = arg;
    berth_arena *arena = NULL;
    berthi_exchange *x;

    while ((x = berthi_listener_take(s->listener, UINT64_MAX)) != NULL) {
        if (arena != NULL)
            berth_arena_reset(arena);
        if (arena != NULL || berth_arena_create(s->allocator, 0, &arena, NULL) == BERTH_OK) {
            serve(s, x, arena);
        } else {
            berthi_exchange_answer(x, 503, text_of(503));
            berthi_exchange_drop(x);
        }
    }
    berth_arena_destroy(arena);
    return NULL;
}

/* ---------------------------------------------------------------- on the listener's thread */

static void count(void *ctx, const berthi_listener_counts *now)
{
    berth_server *s = ctx;

    atomic_store_explicit(&s->peers, now->peers, memory_order_relaxed);
    atomic_store_explicit(&s->connections, now->connections, memory_order_relaxed);
    atomic_store_explicit(&s->lost, now->lost, memory_order_relaxed);
    atomic_store_explicit(&s->requests, now->requests, memory_order_relaxed);
    atomic_store_explicit(&s->refused, now->refused, memory_order_relaxed);
    atomic_store_explicit(&s->bytes_in, now->bytes_in, memory_order_relaxed);
}

static void tell_log(void *ctx, const berthi_exchange *x, const berthi_exchange_sums *sums)
{
    const berth_server *s = ctx;
    const berth_http_request *r = berthi_exchange_request(x);
    const char *peer = berthi_exchange_peer(x);
    berth_server_entry entry = { .size = sizeof entry,
                                 .status = sums->status,
                                 .peer = { peer, strlen(peer) },
                                 .method = r->method,
                                 .path = r->path,
                                 .bytes_in = sums->bytes_in,
                                 .bytes_out = sums->bytes_out,
                                 .took_ns = sums->took_ns,
                                 .version = sums->note };

    if (s->options.log != NULL)
        s->options.log(s->options.log_ctx, &entry);
}

static const berthi_listener_ops ops = { NULL, NULL, NULL, count, tell_log };

/* ---------------------------------------------------------------- opening */

static bool is_time(uint64_t ns)
{
    return ns != 0 && ns <= TIME_MAX_NS;
}

static berth_status check(const berth_server_options *o, berth_diag *diag)
{
    BERTHI_REQUIRE(o->address != NULL && strlen(o->address) < ADDRESS_MAX, diag);
    BERTHI_REQUIRE(o->workers >= 1 && o->workers <= WORKERS_MAX, diag);
    BERTHI_REQUIRE(o->connections_max >= 1 && o->waiting_max >= 1, diag);
    BERTHI_REQUIRE(o->header_bytes >= 4096 && o->header_bytes <= BERTH_HTTP_FIELDS_BYTES_MAX,
                   diag);
    BERTHI_REQUIRE(o->body_bytes_max >= 1 && o->held_bytes_max / 2 >= o->body_bytes_max, diag);
    BERTHI_REQUIRE(is_time(o->wait_ns) && is_time(o->retry_after_ns), diag);
    BERTHI_REQUIRE(is_time(o->request_ns) && is_time(o->idle_ns), diag);
    return BERTH_OK;
}

static berth_status listen_there(berth_server *s, berth_diag *diag)
{
    const berth_server_options *o = &s->options;
    berthi_listener_options l = { .address = o->address,
                                  .connections_max = o->connections_max,
                                  .waiting_max = o->waiting_max,
                                  .header_bytes = o->header_bytes,
                                  .body_max = o->body_bytes_max,
                                  .body_room = o->body_bytes_max < BODY_ROOM ? o->body_bytes_max
                                                                             : BODY_ROOM,
                                  .bytes_max = o->held_bytes_max,
                                  .idle_ns = o->idle_ns,
                                  .request_ns = o->request_ns,
                                  .wait_ns = o->wait_ns,
                                  .retry_after_ns = o->retry_after_ns,
                                  .allocator = s->allocator,
                                  .ops = &ops,
                                  .ctx = s };

    return berthi_listener_open(&l, &s->listener, diag);
}

static berth_status start_workers(berth_server *s, berth_diag *diag)
{
    for (; s->workers_count < s->options.workers; s->workers_count++) {
        int code =
            berthi_thread_start(&s->workers[s->workers_count], "berth-serve", STACK, work, s);

        if (code != 0)
            return berthi_fail_os(diag, code, "a thread that serves");
    }
    return BERTH_OK;
}

berth_status berth_server_open(berth_slot *slot, const berth_server_options *options,
                               berth_server **server_out, berth_diag *diag)
{
    const berth_allocator *a;
    berth_server_options o;
    berth_server *s;
    berth_status status =
        berthi_options_copy(&o, sizeof o, options, "berth_server_options", diag);

    if (status == BERTH_OK)
        status = check(&o, diag);
    if (status != BERTH_OK)
        return status;
    BERTHI_REQUIRE(slot != NULL && server_out != NULL, diag);
    a = &slot->runtime->allocator;
    s = berthi_zalloc(a, sizeof *s);
    if (s == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "no memory for a server");
    s->slot = slot;
    s->allocator = a;
    s->options = o;
    memcpy(s->address, o.address, strlen(o.address) + 1);
    s->options.address = s->address;
    status = listen_there(s, diag);
    if (status != BERTH_OK) {
        berthi_free(a, s, sizeof *s);
        return status;
    }
    status = start_workers(s, diag);
    if (status != BERTH_OK)
        berth_server_close(s, 0);
    else
        *server_out = s;
    return status;
}

uint16_t berth_server_port(const berth_server *server)
{
    return berthi_listener_port(server->listener);
}

void berth_server_close(berth_server *server, uint64_t within_ns)
{
    berth_server *s = server;
    uint64_t now_ns;

    if (s == NULL)
        return;
    berthi_listener_end(s->listener);
    for (uint32_t i = 0; i < s->workers_count; i++)
        berthi_thread_join(&s->workers[i]);
    now_ns = berthi_clock_ns(); /* what the last call said has its time, too */
    berthi_listener_close(s->listener, within_ns > UINT64_MAX - now_ns ? UINT64_MAX - 1
                                                                       : now_ns + within_ns);
    berthi_free(s->allocator, s, sizeof *s);
}

berth_status berth_server_read_stats(const berth_server *server, berth_server_stats *stats)
{
    berth_server_stats now = { .size = sizeof now };

    now.peers = atomic_load_explicit(&server->peers, memory_order_relaxed);
    now.connections = atomic_load_explicit(&server->connections, memory_order_relaxed);
    now.lost = atomic_load_explicit(&server->lost, memory_order_relaxed);
    now.requests = atomic_load_explicit(&server->requests, memory_order_relaxed);
    now.refused = atomic_load_explicit(&server->refused, memory_order_relaxed);
    now.failed = atomic_load_explicit(&server->failed, memory_order_relaxed);
    now.bytes_in = atomic_load_explicit(&server->bytes_in, memory_order_relaxed);
    return berthi_stats_give(stats, &now, sizeof now, "berth_server_stats", NULL);
}
