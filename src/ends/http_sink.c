/* http_sink.c - records that go out in HTTP requests.  Layer: ends.
 *
 * The flow gives up to 64 records and keeps them; they are sent, up to `in_flight` requests at once, and settled in their order,
 * each when its request was answered with 2xx.  What is settled out of order waits for what is before it, so nothing is sent
 * again for a neighbour's sake.  No thread: libcurl's descriptors are one, which the flow's poller waits for. */
#include "ends/framing.h"

#include <stdio.h>

#include "base/utf8.h"
#include "os/random.h"
#include "service/http/client.h"
#include "service/http/fields.h"

enum { ENTRIES = BERTHI_FLOW_BATCH, LINE_ROOM = 512, KEY_ROOM = 48, WHY_ROOM = 200 };

typedef struct entry { /* which record it was */
    uint64_t sequence;
    const void *data;
} entry;

typedef enum state { WAITS, RUNS, DELIVERED, REJECTED } state;

typedef struct sending { /* one request, and the records in it */
    state state;
    entry entries[ENTRIES];
    uint32_t at, count; /* of those that the flow still has */
    berthi_framed body;
    berthi_client_request request;
    char key[KEY_ROOM];
    char *type; /* of the content; NULL: by the settings */
    uint32_t tries;
    uint64_t not_before_ns, delay_ns;
    berth_status failure; /* of one that is rejected */
    char why[WHY_ROOM];
} sending;

typedef struct http_sink {
    berthi_end end;
    berthi_client *client;
    sending *window; /* in_flight of them, a ring */
    uint32_t first, used;
    uint64_t run, made; /* what keys are made of */
} http_sink;

static sending *nth(const http_sink *s, uint32_t n)
{
    return &s->window[(s->first + n) % s->end.values.in_flight];
}

/* ---------------------------------------------------------------- one request */

static const char *usual_type(uint64_t framing)
{
    static const char *const types[] = { [BERTHI_FRAMING_LINES] = "text/plain",
                                         [BERTHI_FRAMING_JSON_LINES] = "application/x-ndjson",
                                         [BERTHI_FRAMING_CSV] = "text/csv" };
    const char *type = framing <= BERTHI_FRAMING_CSV ? types[framing] : NULL;

    return type == NULL ? "application/octet-stream" : type;
}

/* Each line of `headers`.  False: no memory. */
static bool add_own_lines(const http_sink *s, berthi_client_request *r)
{
    const char *from = s->end.values.headers;
    char line[LINE_ROOM];

    while (from != NULL && *from != '\0') {
        size_t size = strcspn(from, "\n");

        snprintf(line, sizeof line, "%.*s", (int)size, from);
        if (size != 0 && berthi_client_line(r, line) != BERTHI_HTTP_OK)
            return false;
        from += size + (from[size] == '\n');
    }
    return true;
}

static berth_status start(http_sink *s, sending *one, berth_diag *diag)
{
    const berthi_end_values *v = &s->end.values;
    berthi_client_request *r = &one->request;
    const char *type = v->content_type != NULL ? v->content_type : one->type;
    char line[LINE_ROOM];
    bool ok;

    r->method = v->method == 0 ? "POST" : "PUT";
    r->url = v->url;
    r->body = one->body.data;
    r->body_size = one->body.size;
    r->timeout_ns = v->timeout_ns;
    snprintf(line, sizeof line, "Content-Type: %s",
             type == NULL ? usual_type(v->framing) : type);
    ok = berthi_client_line(r, line) == BERTHI_HTTP_OK &&
         berthi_client_line(r, "Expect:") == BERTHI_HTTP_OK; /* nor wait to be told to go on */
    snprintf(line, sizeof line, "Idempotency-Key: %s", one->key);
    ok = ok && (v->idempotent == 0 || berthi_client_line(r, line) == BERTHI_HTTP_OK) &&
         add_own_lines(s, r) && berthi_client_start(s->client, r) == BERTHI_HTTP_OK;
    if (!ok) {
        berthi_client_drop(s->client, r);
        return berthi_fail(diag, BERTH_E_NOMEM, "no memory for a request");
    }
    one->state = RUNS;
    return BERTH_OK;
}

static void end_sending(http_sink *s, sending *one)
{
    berthi_client_drop(s->client, &one->request);
    berthi_framed_fini(&one->body);
    if (one->type != NULL)
        berthi_free(s->end.allocator, one->type, strlen(one->type) + 1);
    one->type = NULL;
}

static void reject(sending *one, berth_status failure, const char *why)
{
    one->state = REJECTED;
    one->failure = failure;
    snprintf(one->why, sizeof one->why, "%.*s", WHY_ROOM - 1, why);
}

/* It may go another time. */
static void try_later(http_sink *s, sending *one, const char *why)
{
    const berthi_end_values *v = &s->end.values;
    uint64_t wait_ns = one->delay_ns == 0 ? v->retry_ns : one->delay_ns;

    if (v->retries != 0 && one->tries >= v->retries) {
        reject(one, BERTH_E_OS, why);
        return;
    }
    one->tries++;
    one->state = WAITS;
    one->delay_ns = wait_ns < v->retry_ns_max / 2 ? wait_ns * 2 : v->retry_ns_max;
    if (wait_ns > v->retry_ns_max)
        wait_ns = v->retry_ns_max;
    if (one->request.retry_after_ns > wait_ns) /* it says so itself, within our own bound */
        wait_ns = one->request.retry_after_ns < v->retry_ns_max ? one->request.retry_after_ns
                                                                : v->retry_ns_max;
    one->not_before_ns = berthi_clock_ns() + wait_ns;
    berthi_count(&s->end.counts.retries, 1);
}

/* Who is busy, or slow, may be so no more; what says that it is ours to mend stays so. */
static bool may_change(uint16_t status)
{
    return status >= 500 || status == 408 || status == 425 || status == 429;
}

static void judge(http_sink *s, sending *one)
{
    const berthi_client_request *r = &one->request;
    char why[WHY_ROOM], shown[96];

    if (r->code != BERTHI_HTTP_OK) {
        snprintf(why, sizeof why, "%.80s: %s", s->end.values.url,
                 berthi_http_code_text(r->code));
        if (r->code == BERTHI_HTTP_URI)
            reject(one, BERTH_E_INVALID, why);
        else
            try_later(s, one, why);
        return;
    }
    if (r->status >= 200 && r->status < 300) {
        one->state = DELIVERED;
        berthi_count(&s->end.counts.bytes, one->body.size);
        return;
    }
    snprintf(why, sizeof why, "%.60s: it answered %u: %s", s->end.values.url, r->status,
             berthi_utf8_show(shown, sizeof shown, r->text, r->text_size));
    if (may_change(r->status)) {
        try_later(s, one, why);
    } else {
        berthi_count(&s->end.counts.refused, 1);
        reject(one, BERTH_E_PLUGIN, why);
    }
}

/* ---------------------------------------------------------------- which records */

static bool is_same(const entry *e, const berth_record *record)
{
    return e->sequence == record->sequence && e->data == record->data;
}

static void pop_entry(http_sink *s)
{
    sending *one = nth(s, 0);

    if (++one->at < one->count)
        return;
    end_sending(s, one);
    s->first = (s->first + 1) % (uint32_t)s->end.values.in_flight;
    s->used--;
}

/* The flow may have given up some that were being sent: the first ones, whose time was over. */
static void forget_gone(http_sink *s, const berth_record *first)
{
    while (s->used != 0 && !is_same(&nth(s, 0)->entries[nth(s, 0)->at], first))
        pop_entry(s);
}

static berth_status note_type(http_sink *s, berth_stage *stage, sending *one,
                              const berth_record *record, berth_diag *diag)
{
    berth_label label;

    if (s->end.values.framing != BERTHI_FRAMING_WHOLE)
        return BERTH_OK;
    berth_stage_label(stage, record, &label);
    if (label.content_type_size == 0 ||
        !berthi_http_is_value(label.content_type, (size_t)label.content_type_size))
        return BERTH_OK;
    one->type =
        berthi_strndup(s->end.allocator, label.content_type, (size_t)label.content_type_size);
    return one->type != NULL ? BERTH_OK
                             : berthi_fail(diag, BERTH_E_NOMEM, "no memory for a request");
}

/* A further request, of as many of the records as go into one. */
static berth_status begin(http_sink *s, berth_stage *stage, const berth_record *records,
                          uint32_t count, berth_diag *diag)
{
    const berthi_end_values *v = &s->end.values;
    uint32_t most = v->framing == BERTHI_FRAMING_WHOLE ? 1 : (uint32_t)v->batch_records;
    sending *one = nth(s, s->used);
    berth_status status = BERTH_OK;
    berth_diag why;

    memset(one, 0, sizeof *one);
    berthi_framed_init(&one->body, s->end.allocator);
    snprintf(one->key, sizeof one->key, "%016llx-%llu", (unsigned long long)s->run,
             (unsigned long long)s->made);
    while (one->count < count && one->count < most && one->body.size < v->write_bytes) {
        const berth_record *record = &records[one->count];

        status = berthi_framed_add(&one->body, v, &s->end.counts, record->data,
                                   (size_t)record->size, &why);
        if (status != BERTH_OK && one->count != 0)
            break; /* it comes first next time */
        one->entries[one->count++] = (entry){ record->sequence, record->data };
        if (status != BERTH_OK)
            break;
    }
    if (status == BERTH_E_NOMEM) {
        end_sending(s, one);
        return berthi_fail(diag, BERTH_E_NOMEM, "no memory for a request");
    }
    if (status != BERTH_OK && one->count == 1 && one->body.records == 0)
        reject(one, status, why.text);
    else
        status = note_type(s, stage, one, records, diag);
    if (status == BERTH_E_NOMEM) {
        end_sending(s, one);
        return status;
    }
    s->made++;
    s->used++;
    return BERTH_OK;
}

static berth_status fill(http_sink *s, berth_stage *stage, const berth_record *records,
                         uint32_t count, berth_diag *diag)
{
    berth_status status = BERTH_OK;
    uint32_t covered = 0;

    for (uint32_t i = 0; i < s->used; i++)
        covered += nth(s, i)->count - nth(s, i)->at;
    while (status == BERTH_OK && covered < count && s->used < s->end.values.in_flight) {
        status = begin(s, stage, records + covered, count - covered, diag);
        if (status == BERTH_OK)
            covered += nth(s, s->used - 1)->count;
    }
    return status;
}

/* Starts what is due, and looks at what is done; gives when there is more to do. */
static berth_status drive(http_sink *s, uint64_t *due_ns_out, berth_diag *diag)
{
    uint64_t now_ns = berthi_clock_ns();
    berth_status status = BERTH_OK;

    for (uint32_t i = 0; i < s->used && status == BERTH_OK; i++)
        if (nth(s, i)->state == WAITS && nth(s, i)->not_before_ns <= now_ns)
            status = start(s, nth(s, i), diag);
    if (status != BERTH_OK)
        return status;
    berthi_client_run(s->client, due_ns_out);
    for (uint32_t i = 0; i < s->used; i++) {
        sending *one = nth(s, i);

        if (one->state == RUNS && one->request.is_done) {
            judge(s, one);
            berthi_client_drop(s->client, &one->request);
        }
        if (one->state == WAITS && one->not_before_ns < *due_ns_out)
            *due_ns_out = one->not_before_ns;
    }
    return BERTH_OK;
}

/* The first ones whose fate is known.  True: there are some. */
static bool settle(http_sink *s, berth_stage *stage, uint32_t count, berthi_batch_done *done,
                   berth_diag *diag)
{
    while (done->count < count && s->used != 0 && nth(s, 0)->state == DELIVERED) {
        pop_entry(s);
        done->count++;
        berthi_count(&s->end.counts.records, 1);
    }
    if (done->count < count && s->used != 0 && nth(s, 0)->state == REJECTED) {
        sending *one = nth(s, 0);

        done->failure = berthi_fail(diag, one->failure, "%s", one->why);
        if (one->failure != BERTH_E_OS) /* an answer, which another try would get again */
            stage->verdict = BERTHI_VERDICT_USELESS;
        pop_entry(s);
        return true;
    }
    return done->count != 0;
}

/* ---------------------------------------------------------------- the stage */

static bool is_due(const void *self)
{
    (void)self;
    return false;
}

static bool takes_batches(const void *self)
{
    (void)self;
    return true;
}

static berth_status process_batch(void *self, berth_stage *stage, const berth_record *records,
                                  uint32_t count, berthi_batch_done *done_out, berth_diag *diag)
{
    http_sink *s = self;
    uint64_t due_ns = 0, now_ns;
    berth_status status;

    forget_gone(s, &records[0]);
    status = fill(s, stage, records, count, diag);
    if (status == BERTH_OK)
        status = drive(s, &due_ns, diag);
    if (status != BERTH_OK || settle(s, stage, count, done_out, diag))
        return status;
    status = berth_stage_wait_fd(stage, berthi_client_fd(s->client), BERTH_WAIT_READ, diag);
    now_ns = berthi_clock_ns();
    berth_stage_pause(stage, due_ns > now_ns ? due_ns - now_ns : 0);
    return status;
}

/* It takes them together; the flow wants a sink to have this. */
static berth_status process(void *self, berth_stage *stage, const berth_record *record,
                            berth_diag *diag)
{
    (void)self, (void)stage, (void)record;
    return berthi_fail(diag, BERTH_E_STATE, "an http sink takes records together");
}

static const berthi_stage_more more = { is_due, NULL, takes_batches, process_batch };

static berth_status init(void *self, berth_stage *stage, berth_diag *diag)
{
    http_sink *s = self;
    uint32_t most = (uint32_t)s->end.values.in_flight;
    berth_status status;
    int code = berthi_random_fill(&s->run, sizeof s->run);

    if (code != 0)
        return berthi_fail_os(diag, code, "a number for this run");
    stage->more = &more;
    s->first = s->used = 0;
    s->window = berthi_zalloc_array(s->end.allocator, most, sizeof *s->window);
    if (s->window == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "no memory for %u requests", most);
    status = berthi_client_open(s->end.allocator, most, &s->client, diag);
    if (status != BERTH_OK)
        berthi_free_array(s->end.allocator, s->window, most, sizeof *s->window);
    return status;
}

static void teardown(void *self, berth_stage *stage)
{
    http_sink *s = self;

    while (s->used != 0)
        pop_entry(s);
    berth_stage_forget_fd(stage, berthi_client_fd(s->client));
    berthi_client_close(s->client);
    berthi_free_array(s->end.allocator, s->window, (uint32_t)s->end.values.in_flight,
                      sizeof *s->window);
}

static const berth_stage_ops ops = {
    sizeof(berth_stage_ops), 0, init, NULL, process, NULL, NULL, NULL, NULL, teardown,
};

/* clang-format off */
static const berthi_end_setting settings[] = {
    { "url", BERTHI_END_TEXT, NULL, NULL, NULL, NULL, BERTHI_END_AT(url),
      "where records are sent, with http:// or https://" },
    { "method", BERTHI_END_WORDS, "POST|PUT", "POST", NULL, NULL, BERTHI_END_AT(method),
      "how" },
    { "framing", BERTHI_END_WORDS, BERTHI_END_FRAMINGS "|whole", "whole", NULL, NULL,
      BERTHI_END_AT(framing), "where a record ends in a body; `whole`: each is a request" },
    BERTHI_END_RECORD_MAX,
    { "past", BERTHI_END_WORDS, "fail|truncate", "fail", NULL, NULL, BERTHI_END_AT(past),
      "a record past `record_max` fails, or is cut" },
    { "batch_records", BERTHI_END_NUMBER, NULL, "64", "1", "64", BERTHI_END_AT(batch_records),
      "in one request, at most, with a framing" },
    { "write_bytes", BERTHI_END_BYTES, NULL, "64KiB", "1", "16MiB", BERTHI_END_AT(write_bytes),
      "a body that has so many goes" },
    { "in_flight", BERTHI_END_NUMBER, NULL, "1", "1", "64", BERTHI_END_AT(in_flight),
      "requests at once; with several, a record may arrive before one that was before it" },
    { "content_type", BERTHI_END_TEXT, NULL, "", NULL, NULL, BERTHI_END_AT(content_type),
      "of bodies; without it the record's own with `whole`, or what fits the framing" },
    { "headers", BERTHI_END_TEXT, NULL, "", NULL, NULL, BERTHI_END_AT(headers),
      "further header fields, `Name: value`, one a line" },
    { "idempotency", BERTHI_END_WORDS, "false|true", "true", NULL, NULL,
      BERTHI_END_AT(idempotent), "each request has an `Idempotency-Key`, the same one in each try" },
    { "timeout", BERTHI_END_TIME, NULL, "30s", "1ms", "1h", BERTHI_END_AT(timeout_ns),
      "a request that is not answered by then is tried again" },
    { "retry", BERTHI_END_TIME, NULL, "100ms", "1ms", "1h", BERTHI_END_AT(retry_ns),
      "before it tries again; each further time twice as long" },
    { "retry_max", BERTHI_END_TIME, NULL, "30s", "1ms", "1h", BERTHI_END_AT(retry_ns_max),
      "at most between two tries, whatever `Retry-After` says" },
    { "retries", BERTHI_END_NUMBER, NULL, "0", "0", "1000000", BERTHI_END_AT(retries),
      "further tries, then the record fails; 0: no end of them" },
};
/* clang-format on */

static bool is_field_line(const char *line, size_t size)
{
    const char *colon = memchr(line, ':', size);
    size_t name = colon == NULL ? 0 : (size_t)(colon - line);

    return colon != NULL && size < LINE_ROOM &&
           berthi_http_check_name(line, name) == BERTHI_FIELDS_OK &&
           berthi_http_is_value(colon + 1, size - name - 1) &&
           strspn(colon + 1, " ") != size - name - 1; /* libcurl takes a field away by that */
}

static berth_status check(const berthi_end_kind *kind, const berthi_end_values *values,
                          berth_diag *diag)
{
    const char *from = values->headers, *type = values->content_type;

    if (strncmp(values->url, "http://", 7) != 0 && strncmp(values->url, "https://", 8) != 0)
        return berthi_fail(diag, BERTH_E_INVALID,
                           "http sink: `url` begins with http:// or https://");
    if (type != NULL &&
        (strlen(type) > LINE_ROOM / 2 || !berthi_http_is_value(type, strlen(type))))
        return berthi_fail(diag, BERTH_E_INVALID, "http sink: `content_type` cannot be sent");
    while (from != NULL && *from != '\0') {
        size_t size = strcspn(from, "\n");

        if (size != 0 && !is_field_line(from, size))
            return berthi_fail(diag, BERTH_E_INVALID,
                               "http sink: a line of `headers` is `Name: value`, and no field "
                               "of the connection");
        from += size + (from[size] == '\n');
    }
    return berthi_end_check_write(kind, values, diag);
}

const berthi_end_kind berthi_end_http_sink = {
    "http",
    BERTH_ROLE_SINK,
    "sends records in HTTP requests",
    settings,
    sizeof settings / sizeof *settings,
    &ops,
    sizeof(http_sink),
    check,
};
