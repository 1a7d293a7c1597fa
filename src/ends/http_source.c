/* http_source.c - records that come in HTTP requests.  Layer: ends.
 *
 * The listener's thread has a body looked through before the flow hears of it: a body that is not of its framing is its
 * author's to mend, and no failure of the flow.  202 is said once the flow has all of a body's records; what the flow does not
 * begin to take in time gets 503, so a body may come again, and its records twice. */
#include "ends/framing.h"

#include <stdio.h>
#include <strings.h>

#include "base/utf8.h"
#include "listen/listener.h"
#include "service/http/fields.h"

enum { KEY_NONE, KEY_PATH, KEY_QUERY };
enum { CLOSE_WITHIN_NS = 1000000000 };

typedef struct http_source {
    berthi_end end;
    berthi_listener *listener;
    berth_stage *stage;
    berthi_exchange *now; /* its records are being taken; NULL: none */
    berthi_deframer deframer;
    berth_label label; /* of its records */
    uint8_t *headers;
    size_t headers_room;
} http_source;

/* ---------------------------------------------------------------- what a record says besides */

static size_t path_size(berth_string target)
{
    const char *mark = memchr(target.text, '?', target.size);

    return mark == NULL ? target.size : (size_t)(mark - target.text);
}

static void put_u32(uint8_t **at, size_t value)
{
    for (int i = 0; i < 4; i++)
        *(*at)++ = (uint8_t)(value >> 8 * i);
}

static void put_bytes(uint8_t **at, const void *data, size_t size)
{
    if (size != 0)
        memcpy(*at, data, size);
    *at += size;
}

/* The next of "one, two"; its size is 0 behind the last one. */
static berth_string next_name(const char **names_io)
{
    const char *from = *names_io + strspn(*names_io, ", ");
    berth_string name = { from, strcspn(from, ", ") };

    *names_io = from + name.size;
    return name;
}

static bool is_same(berth_string a, berth_string b)
{
    return a.size == b.size && strncasecmp(a.text, b.text, a.size) == 0;
}

/* The fields that the settings name, as headers.  `to` NULL: how much room they need. */
static size_t put_headers(const http_source *s, const berth_http_request *r, uint8_t *to)
{
    const char *names = s->end.values.headers;
    uint8_t *at = to;
    size_t size = 0;

    for (berth_string name; names != NULL && (name = next_name(&names)).size != 0;)
        for (size_t i = 0; i < r->fields_count; i++) {
            const berth_http_field *f = &r->fields[i];

            if (!is_same(name, f->name))
                continue;
            size += 8 + f->name.size + f->value.size;
            if (to == NULL)
                continue;
            put_u32(&at, name.size);
            put_u32(&at, f->value.size);
            put_bytes(&at, name.text, name.size); /* as the settings spell it */
            put_bytes(&at, f->value.text, f->value.size);
        }
    return size;
}

/* That of its records; its size is 0 when they have none. */
static berth_string key_of(const http_source *s, const berth_http_request *r)
{
    size_t path = path_size(r->path);

    if (s->end.values.key == KEY_PATH)
        return (berth_string){ r->path.text, path };
    if (s->end.values.key == KEY_QUERY && path < r->path.size)
        return (berth_string){ r->path.text + path + 1, r->path.size - path - 1 };
    return (berth_string){ NULL, 0 };
}

/* ---------------------------------------------------------------- on the listener's thread */

/* "text/plain; charset=utf-8" is "text/plain". */
static bool is_type(berth_string said, const char *wanted)
{
    size_t size = strlen(wanted);

    return said.size >= size && strncasecmp(said.text, wanted, size) == 0 &&
           (said.size == size || said.text[size] == ';' || said.text[size] == ' ');
}

static void look(void *ctx, const berthi_exchange *x, berthi_refusal *refusal)
{
    const http_source *s = ctx;
    const berth_http_request *r = berthi_exchange_request(x);
    const char *path = s->end.values.path, *type = s->end.values.content_type;

    if (path != NULL &&
        (path_size(r->path) != strlen(path) || memcmp(r->path.text, path, strlen(path)) != 0))
        berthi_refuse(refusal, 404, "records are not taken at this path");
    else if (r->method.size != 4 || memcmp(r->method.text, "POST", 4) != 0)
        berthi_refuse(refusal, 405, "records are taken with POST");
    else if (type != NULL && !is_type(berthi_exchange_field(x, "content-type"), type))
        berthi_refuse(refusal, 415, "records of another content type are taken here");
}

/* Reads the body to its end as pull() will: nothing is wrong then, and each record has room at some time. */
static void judge(void *ctx, berthi_exchange *x, berthi_refusal *refusal)
{
    http_source *s = ctx;
    const berth_http_request *r = berthi_exchange_request(x);
    size_t label = key_of(s, r).size + put_headers(s, r, NULL);
    bool may_fit = true;
    berthi_deframed what = BERTHI_DEFRAMED_RECORD;
    berthi_deframer d;
    const void *data;
    size_t size;
    berth_diag diag;

    berthi_deframer_init(&d, s->end.allocator, &s->end.values);
    data = berthi_exchange_body(x, &size);
    berthi_deframer_lend(&d, data, size);
    while (what == BERTHI_DEFRAMED_RECORD && may_fit) {
        what = berthi_deframer_next(&d, &data, &size, &diag);
        may_fit =
            what != BERTHI_DEFRAMED_RECORD || berthi_stage_may_fit(s->stage, size + label);
    }
    if (!may_fit)
        berthi_refuse(refusal, 413, "a record is larger than what the flow takes");
    else if (what == BERTHI_DEFRAMED_BAD)
        berthi_refuse(refusal, diag.status == BERTH_E_LIMIT ? 413 : 400, diag.text);
}

static void tell(void *ctx)
{
    berth_stage_ready(((http_source *)ctx)->stage);
}

static void publish(void *ctx, const berthi_listener_counts *now)
{
    berthi_end_counts *counts = &((http_source *)ctx)->end.counts;

    atomic_store_explicit(&counts->peers, now->peers, memory_order_relaxed);
    atomic_store_explicit(&counts->connections, now->connections, memory_order_relaxed);
    atomic_store_explicit(&counts->lost, now->lost, memory_order_relaxed);
    atomic_store_explicit(&counts->refused, now->refused, memory_order_relaxed);
    atomic_store_explicit(&counts->bytes, now->bytes_in, memory_order_relaxed);
}

static const berthi_listener_ops listener_ops = { look, judge, tell, publish, NULL };

/* ---------------------------------------------------------------- the stage */

static berth_status describe(http_source *s, berthi_exchange *x, berth_diag *diag)
{
    const berth_http_request *r = berthi_exchange_request(x);
    size_t size = put_headers(s, r, NULL);
    berth_string key = key_of(s, r);

    s->label = (berth_label)BERTH_LABEL_NONE;
    if (size > s->headers_room) {
        uint8_t *room = berthi_alloc(s->end.allocator, size);

        if (room == NULL)
            return berthi_fail(diag, BERTH_E_NOMEM, "no memory for headers");
        berthi_free(s->end.allocator, s->headers, s->headers_room);
        s->headers = room;
        s->headers_room = size;
    }
    if (size != 0)
        s->label.headers_size = put_headers(s, r, s->headers);
    s->label.headers = s->headers;
    s->label.key = key.text;
    s->label.key_size = key.size;
    s->label.content_type = s->end.values.content_type;
    if (s->label.content_type != NULL)
        s->label.content_type_size = strlen(s->label.content_type);
    return BERTH_OK;
}

static berth_status init(void *self, berth_stage *stage, berth_diag *diag)
{
    http_source *s = self;
    const berthi_end_values *v = &s->end.values;
    berthi_listener_options o = { .address = v->address,
                                  .connections_max = (uint32_t)v->peers_max,
                                  .waiting_max = (uint32_t)v->peers_max,
                                  .header_bytes = v->header_bytes,
                                  .body_max = v->body_max,
                                  .body_room = v->body_max,
                                  .bytes_max = v->queue_bytes,
                                  .idle_ns = v->idle_ns,
                                  .request_ns = v->timeout_ns,
                                  .wait_ns = v->wait_ns,
                                  .retry_after_ns = v->retry_after_ns,
                                  .allocator = s->end.allocator,
                                  .ops = &listener_ops,
                                  .ctx = s };

    s->stage = stage;
    s->now = NULL;
    berthi_deframer_init(&s->deframer, s->end.allocator, v);
    return berthi_listener_open(&o, &s->listener, diag);
}

static void teardown(void *self, berth_stage *stage)
{
    http_source *s = self;

    (void)stage;
    if (s->now != NULL) {
        berthi_exchange_answer(s->now, 503, "the flow has ended\n");
        berthi_exchange_drop(s->now);
    }
    berthi_listener_close(s->listener, berthi_clock_ns() + CLOSE_WITHIN_NS);
    berthi_deframer_fini(&s->deframer);
    berthi_free(s->end.allocator, s->headers, s->headers_room);
    s->headers_room = 0;
}

/* True: there is one. */
static bool take_next(http_source *s)
{
    const void *body;
    size_t size;

    if (s->now != NULL)
        return true;
    s->now = berthi_listener_take(s->listener, 0);
    if (s->now == NULL)
        return false;
    body = berthi_exchange_body(s->now, &size);
    berthi_deframer_lend(&s->deframer, body, size);
    return true;
}

static berth_status pull(void *self, berth_stage *stage, berth_diag *diag)
{
    http_source *s = self;
    berthi_deframed what = BERTHI_DEFRAMED_RECORD;
    berth_status status;

    if (!take_next(s)) {
        berth_stage_pause(stage, UINT64_MAX);
        return BERTH_OK;
    }
    status = describe(s, s->now, diag);
    if (status != BERTH_OK)
        return status;
    s->deframer.label = &s->label;
    status = berthi_deframer_emit(&s->deframer, stage, &what, diag);
    berthi_deframer_publish(&s->deframer, &s->end.counts);
    if (status != BERTH_OK)
        return status == BERTH_E_BUSY ? BERTH_OK : status;
    if (what == BERTHI_DEFRAMED_END) {
        berthi_exchange_answer(s->now, 202, "");
        berthi_exchange_drop(s->now);
        s->now = NULL;
        berth_stage_pause(stage, 0); /* also when it was empty */
    }
    return BERTH_OK;
}

static const berth_stage_ops ops = {
    sizeof(berth_stage_ops), 0, init, pull, NULL, NULL, NULL, NULL, NULL, teardown,
};

/* clang-format off */
static const berthi_end_setting settings[] = {
    { "address", BERTHI_END_TEXT, NULL, NULL, NULL, NULL, BERTHI_END_AT(address),
      "host:port by number, [::1]:port of IPv6, or unix:path" },
    { "path", BERTHI_END_TEXT, NULL, "", NULL, NULL, BERTHI_END_AT(path),
      "records are taken there alone, others get 404; without it anywhere" },
    { "framing", BERTHI_END_WORDS, BERTHI_END_FRAMINGS "|whole", "whole", NULL, NULL,
      BERTHI_END_AT(framing), "where a record ends in a body; `whole`: a body is one" },
    BERTHI_END_RECORD_MAX,
    { "past", BERTHI_END_WORDS, "refuse|skip|truncate", "refuse", NULL, NULL,
      BERTHI_END_AT(past), "what happens to a record past `record_max`; `refuse`: 413 for its body" },
    { "malformed", BERTHI_END_WORDS, "refuse|skip", "refuse", NULL, NULL,
      BERTHI_END_AT(malformed), "what happens to a record that is none; `refuse`: 400 for its body" },
    { "header", BERTHI_END_WORDS, "keep|skip", "keep", NULL, NULL, BERTHI_END_AT(header),
      "the first row of `csv`: a record, or left out" },
    { "key", BERTHI_END_WORDS, "none|path|query", "none", NULL, NULL, BERTHI_END_AT(key),
      "what a record's key is: nothing, the path, or what is behind the `?`" },
    { "headers", BERTHI_END_TEXT, NULL, "", NULL, NULL, BERTHI_END_AT(headers),
      "header fields that become headers of records, with commas between them" },
    { "content_type", BERTHI_END_TEXT, NULL, "", NULL, NULL, BERTHI_END_AT(content_type),
      "that of the records; requests that say another get 415" },
    { "body_max", BERTHI_END_BYTES, NULL, "1MiB", "1", "16MiB", BERTHI_END_AT(body_max),
      "bytes of a body; larger ones get 413" },
    { "queue_bytes", BERTHI_END_BYTES, NULL, "64MiB", "64KiB", "1GiB", BERTHI_END_AT(queue_bytes),
      "bytes of all bodies that are there; further ones get 503" },
    { "header_bytes", BERTHI_END_BYTES, NULL, "16KiB", "4KiB", "64KiB",
      BERTHI_END_AT(header_bytes), "of a request's line and header fields, about" },
    { "peers_max", BERTHI_END_NUMBER, NULL, "64", "1", "1024", BERTHI_END_AT(peers_max),
      "connections at once; further ones wait to be let in" },
    { "wait", BERTHI_END_TIME, NULL, "5s", "1ms", "1h", BERTHI_END_AT(wait_ns),
      "a body that the flow has not begun to take by then gets 503" },
    { "retry_after", BERTHI_END_TIME, NULL, "1s", "1s", "1h", BERTHI_END_AT(retry_after_ns),
      "what a 503 says about the next try" },
    { "timeout", BERTHI_END_TIME, NULL, "30s", "1ms", "1h", BERTHI_END_AT(timeout_ns),
      "a request that is not there by then gets 408" },
    { "idle", BERTHI_END_TIME, NULL, "60s", "1s", "1h", BERTHI_END_AT(idle_ns),
      "a connection on which nothing happens is closed" },
};
/* clang-format on */

static berth_status check(const berthi_end_kind *kind, const berthi_end_values *values,
                          berth_diag *diag)
{
    const char *type = values->content_type;

    if (!berthi_listener_is_built())
        return berthi_fail(diag, BERTH_E_ABSENT,
                           "http source: this build has not what it needs (libmicrohttpd)");
    if (values->queue_bytes / 2 < values->body_max)
        return berthi_fail(diag, BERTH_E_INVALID,
                           "http source: `queue_bytes` is at least twice `body_max`");
    if (type != NULL && (strlen(type) > BERTHI_FLOW_CONTENT_TYPE_SIZE_MAX ||
                         !berthi_utf8_is_valid(type, strlen(type))))
        return berthi_fail(diag, BERTH_E_INVALID,
                           "http source: a content type is UTF-8 of at most %d bytes",
                           BERTHI_FLOW_CONTENT_TYPE_SIZE_MAX);
    return berthi_end_check_read(kind, values, diag);
}

const berthi_end_kind berthi_end_http_source = {
    "http",
    BERTH_ROLE_SOURCE,
    "takes records that are posted over HTTP",
    settings,
    sizeof settings / sizeof *settings,
    &ops,
    sizeof(http_source),
    check,
};
