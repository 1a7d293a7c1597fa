/* exchange.c - a request through a filter, to whoever is behind it, and the response back.  Layer: compat.
 *
 * Bodies are whole here: a filter may look at the last byte before it lets the first one go.  A filter that pauses
 * is waited for while it has a timer; one without would never go on. */
#include "compat/proxywasm/private.h"

#include <stdio.h>

#include "service/http/served.h"

enum { PIECE = 16384, PAUSE = 1 };

void berthi_pw_exchange_end(berthi_guest *g)
{
    berthi_pw_exchange *x = &berthi_pw_of(g)->x;

    for (size_t i = 0; i < PW_MAPS; i++)
        berthi_pw_map_end(g, &x->maps[i]);
    berthi_pw_text_end(g, &x->bodies[0]);
    berthi_pw_text_end(g, &x->bodies[1]);
    *x = (berthi_pw_exchange){ .is_live = false };
}

static berth_status no_room(berth_diag *diag)
{
    return berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_INPUT,
                               "a message is more than a filter is shown: %d bytes of body, %d "
                               "fields of %d bytes",
                               PW_BODY_MAX, PW_FIELDS_MAX, PW_FIELDS_BYTES_MAX);
}

/* ---------------------------------------------------------------- in */

/* Room doubles: a peer may send a megabyte byte by byte. */
static bool widen(berthi_guest *g, berthi_pw_text *body, size_t wanted)
{
    berthi_pw_text more = { NULL, body->size, 2 * body->room };

    if (more.room > PW_BODY_MAX + 1)
        more.room = PW_BODY_MAX + 1;
    if (more.room < wanted)
        more.room = wanted;
    if (!berthi_services_hold(g->services, more.room))
        return false;
    more.text = berthi_alloc(g->allocator, more.room);
    if (more.text == NULL) {
        berthi_services_let_go(g->services, more.room);
        return false;
    }
    if (body->size != 0)
        memcpy(more.text, body->text, body->size);
    berthi_pw_text_end(g, body);
    *body = more;
    return true;
}

static bool append(berthi_guest *g, berthi_pw_text *body, const void *from, size_t size)
{
    size_t wanted = body->size + size + 1;

    if (size == 0)
        return true;
    if (size > PW_BODY_MAX - body->size || (wanted > body->room && !widen(g, body, wanted)))
        return false;
    memcpy(body->text + body->size, from, size);
    body->size += size;
    body->text[body->size] = '\0';
    return true;
}

static berth_status wait_for(berthi_guest *g, int fd, berth_diag *diag)
{
    berthi_wait wait = { .fd = fd, .for_read = true, .at_ns = UINT64_MAX };

    return berthi_services_wait(g->services, &wait, 1, UINT64_MAX, diag);
}

static berth_status read_rest(berthi_guest *g, const berth_http_request *r, berth_diag *diag)
{
    char piece[PIECE];
    berth_status status;

    for (;;) {
        size_t size = sizeof piece;

        status = r->read(r->ctx, piece, &size);
        if (status == BERTH_E_BUSY && r->body_fd >= 0) {
            status = wait_for(g, r->body_fd, diag);
            if (status != BERTH_OK)
                return status;
            continue;
        }
        if (status != BERTH_OK || size > sizeof piece)
            return berthi_fail(diag, BERTH_E_PLUGIN, "the request's body broke off");
        if (size == 0)
            return BERTH_OK;
        if (!append(g, &berthi_pw_of(g)->x.bodies[0], piece, size))
            return no_room(diag);
    }
}

static bool add_fields(berthi_guest *g, berthi_pw_map *m, const berth_http_field *fields,
                       size_t count)
{
    int code = PW_OK;

    for (size_t i = 0; i < count && code == PW_OK; i++)
        code = berthi_pw_map_add(g, m, fields[i].name.text, fields[i].name.size,
                                 fields[i].value.text, fields[i].value.size);
    return code == PW_OK;
}

static bool add_text(berthi_guest *g, const char *name, berth_string text)
{
    return text.size == 0 || berthi_pw_map_add(g, &berthi_pw_of(g)->x.maps[PW_REQUEST], name,
                                               strlen(name), text.text, text.size) == PW_OK;
}

static berth_status take_request(berthi_guest *g, const berth_http_request *r, berth_diag *diag)
{
    berthi_pw_exchange *x = &berthi_pw_of(g)->x;
    berth_status status = BERTH_OK;

    if (!add_text(g, ":method", r->method) || !add_text(g, ":path", r->path) ||
        !add_text(g, ":authority", r->authority) || !add_text(g, ":scheme", r->scheme) ||
        !add_fields(g, &x->maps[PW_REQUEST], r->fields, r->fields_count) ||
        !append(g, &x->bodies[0], r->body, r->body_size))
        return no_room(diag);
    if (r->read != NULL)
        status = read_rest(g, r, diag);
    if (status != BERTH_OK)
        return status;
    return add_fields(g, &x->maps[PW_REQUEST_TRAILERS], r->trailers, r->trailers_count)
               ? BERTH_OK
               : no_room(diag);
}

/* ---------------------------------------------------------------- the filter */

static bool is_over(const berthi_pw_exchange *x)
{
    return x->has_local || x->is_closed;
}

static berth_status tell(berthi_guest *g, berthi_pw_callback which, uint32_t count, bool is_end,
                         uint32_t *action, berth_diag *diag)
{
    berthi_pw_state *s = berthi_pw_of(g);
    const uint32_t args[] = { s->x.context, count, is_end };
    bool is_headers = which == PW_ON_REQUEST_HEADERS || which == PW_ON_RESPONSE_HEADERS;
    bool is_trailers = which == PW_ON_REQUEST_TRAILERS || which == PW_ON_RESPONSE_TRAILERS;

    s->effective = s->x.context;
    return berthi_pw_call(g, which, args, is_trailers || (is_headers && s->is_old) ? 2 : 3,
                          action, diag);
}

/* Its timer is what may still continue it, or answer in its place. */
static berth_status wait_until_continued(berthi_guest *g, int side, berth_diag *diag)
{
    berthi_pw_state *s = berthi_pw_of(g);
    berth_status status = BERTH_OK;

    while (status == BERTH_OK && !s->x.is_continued[side] && !is_over(&s->x)) {
        if (s->tick_ns == 0 || !s->callbacks[PW_ON_TICK].is_there)
            return berthi_fail(diag, BERTH_E_PLUGIN,
                               "the filter paused the %s, and nothing would continue it",
                               side == 0 ? "request" : "response");
        status = berthi_services_wait(g->services, NULL, 0, s->ticked_ns + s->tick_ns, diag);
        if (status == BERTH_OK)
            status = berthi_pw_tick(g, diag);
    }
    return status;
}

/* What it did last with a part of the message decides about the whole. */
static berth_status filter(berthi_guest *g, int side, berth_diag *diag)
{
    static const berthi_pw_callback first[] = { PW_ON_REQUEST_HEADERS, PW_ON_RESPONSE_HEADERS };
    berthi_pw_exchange *x = &berthi_pw_of(g)->x;
    const berthi_pw_map *fields = &x->maps[2 * side], *trailers = &x->maps[2 * side + 1];
    bool has_body = x->bodies[side].size != 0, has_trailers = trailers->count != 0;
    uint32_t action = 0;
    berth_status status =
        tell(g, first[side], fields->count, !has_body && !has_trailers, &action, diag);

    x->may_change[side] = true;
    if (status == BERTH_OK && has_body && !is_over(x))
        status = tell(g, (berthi_pw_callback)(first[side] + 1), (uint32_t)x->bodies[side].size,
                      !has_trailers, &action, diag);
    if (status == BERTH_OK && has_trailers && !is_over(x))
        status = tell(g, (berthi_pw_callback)(first[side] + 2), trailers->count, true, &action,
                      diag);
    if (status == BERTH_OK && action == PAUSE && !is_over(x))
        status = wait_until_continued(g, side, diag);
    x->may_change[side] = false;
    if (status == BERTH_OK && x->is_closed)
        return berthi_fail(diag, BERTH_E_PLUGIN, "the filter closed the stream");
    return status;
}

/* ---------------------------------------------------------------- who is behind it */

static berth_string text_of(const berthi_pw_text *t)
{
    return (berth_string){ t->text, t->size };
}

/* Those that are no pseudo-fields, in memory of the instance's.  NULL: no memory. */
static berth_http_field *show_fields(const berthi_guest *g, const berthi_pw_map *m,
                                     size_t *count_out)
{
    berth_http_field *all = berthi_alloc(g->allocator, (m->count + 1) * sizeof *all);

    *count_out = 0;
    for (uint32_t i = 0; all != NULL && i < m->count; i++)
        if (m->pairs[i].name.text[0] != ':')
            all[(*count_out)++] =
                (berth_http_field){ text_of(&m->pairs[i].name), text_of(&m->pairs[i].value) };
    return all;
}

static void hide_fields(const berthi_guest *g, const berthi_pw_map *m, berth_http_field *all)
{
    berthi_free(g->allocator, all, all == NULL ? 0 : (m->count + 1) * sizeof *all);
}

/* A response may say the length of a body that it does not have. */
static bool is_bodyless(const berthi_pw_exchange *x, const berth_http_request *r)
{
    const berthi_pw_pair *code = berthi_pw_map_find(&x->maps[PW_RESPONSE], ":status", 7);

    return !x->is_changed[1] && x->bodies[1].size == 0 &&
           ((r->method.size == 4 && memcmp(r->method.text, "HEAD", 4) == 0) ||
            (code != NULL && memcmp(code->value.text, "304", 3) == 0));
}

/* A body is as long as its field says, whatever the filter made of either: who writes the message takes what
 * is behind a shorter length for another message. */
static bool fix_length(berthi_guest *g, const berth_http_request *r, int side)
{
    berthi_pw_exchange *x = &berthi_pw_of(g)->x;
    berthi_pw_map *m = &x->maps[2 * side];
    static const char name[] = "content-length";
    char digits[24];
    int size;

    if (berthi_pw_map_find(m, name, sizeof name - 1) == NULL ||
        (side == 1 && is_bodyless(x, r)))
        return true;
    size = snprintf(digits, sizeof digits, "%zu", x->bodies[side].size);
    return berthi_pw_map_replace(g, m, name, sizeof name - 1, digits, (size_t)size) == PW_OK;
}

typedef struct taking { /* a response of the next one's */
    berthi_guest *g;
    bool is_full, is_ended;
} taking;

static berth_status take_head(void *ctx, uint16_t status, const berth_http_field *fields,
                              size_t count)
{
    taking *t = ctx;
    berthi_pw_map *m = &berthi_pw_of(t->g)->x.maps[PW_RESPONSE];
    char digits[8];

    (void)snprintf(digits, sizeof digits, "%03u", status % 1000u);
    t->is_full = berthi_pw_map_add(t->g, m, ":status", 7, digits, 3) != PW_OK ||
                 !add_fields(t->g, m, fields, count);
    return t->is_full ? BERTH_E_LIMIT : BERTH_OK;
}

static berth_status take_body(void *ctx, const void *data, size_t size)
{
    taking *t = ctx;

    t->is_full = t->is_full || !append(t->g, &berthi_pw_of(t->g)->x.bodies[1], data, size);
    return t->is_full ? BERTH_E_LIMIT : BERTH_OK;
}

static berth_status take_end(void *ctx, const berth_http_field *trailers, size_t count)
{
    taking *t = ctx;

    t->is_ended = true;
    t->is_full =
        t->is_full ||
        !add_fields(t->g, &berthi_pw_of(t->g)->x.maps[PW_RESPONSE_TRAILERS], trailers, count);
    return t->is_full ? BERTH_E_LIMIT : BERTH_OK;
}

static berth_status ask_with(berthi_guest *g, const berthi_family_http *http,
                             berth_http_request *r, berth_diag *diag)
{
    taking t = { .g = g };
    berth_http_sink sink = BERTH_HTTP_SINK_INIT;
    berth_status status = berthi_http_check_request(r, diag);
    berth_diag why = { .text = "" };

    if (status != BERTH_OK)
        return berthi_fail(diag, BERTH_E_PLUGIN, "the filter made a request that is none");
    sink.ctx = &t;
    sink.head = take_head;
    sink.body = take_body;
    sink.end = take_end;
    status = http->next(http->next_ctx, r, &sink, &why);
    if (status != BERTH_OK) /* the filter is not at fault, and serves on */
        return berthi_fail(diag, BERTH_E_PLUGIN, "behind the filter: %s: %s",
                           berth_status_name(status), why.text);
    if (t.is_full)
        return no_room(diag);
    if (!t.is_ended)
        return berthi_fail(diag, BERTH_E_PLUGIN,
                           "there was no whole response behind the filter");
    berthi_pw_of(g)->x.has_response = true;
    return BERTH_OK;
}

static berth_status ask_next(berthi_guest *g, const berthi_family_http *http, berth_diag *diag)
{
    berthi_pw_exchange *x = &berthi_pw_of(g)->x;
    const berthi_pw_map *m = &x->maps[PW_REQUEST], *trailers = &x->maps[PW_REQUEST_TRAILERS];
    berth_http_request r = BERTH_HTTP_REQUEST_INIT;
    berth_string *const to[] = { &r.method, &r.path, &r.authority, &r.scheme };
    static const char *const names[] = { ":method", ":path", ":authority", ":scheme" };
    berth_http_field *fields, *behind;
    berth_status status;

    if (http->next == NULL)
        return berthi_fail(diag, BERTH_E_PLUGIN,
                           "a filter, which let the request go, and nobody is behind it");
    if (!fix_length(g, http->request, 0))
        return no_room(diag);
    for (size_t i = 0; i < 4; i++) {
        const berthi_pw_pair *p = berthi_pw_map_find(m, names[i], strlen(names[i]));

        if (p != NULL)
            *to[i] = text_of(&p->value);
    }
    fields = show_fields(g, m, &r.fields_count);
    behind = show_fields(g, trailers, &r.trailers_count);
    r.fields = fields;
    r.trailers = behind;
    r.body = x->bodies[0].text;
    r.body_size = x->bodies[0].size;
    status = fields == NULL || behind == NULL ? berthi_fail(diag, BERTH_E_NOMEM, "a request")
                                              : ask_with(g, http, &r, diag);
    hide_fields(g, m, fields);
    hide_fields(g, trailers, behind);
    return status;
}

/* ---------------------------------------------------------------- out */

static berth_status send_body(berthi_guest *g, const berth_http_sink *sink, bool *is_deaf,
                              berth_diag *diag)
{
    const berthi_pw_text *body = &berthi_pw_of(g)->x.bodies[1];

    for (size_t at = 0; at < body->size && !*is_deaf;) {
        size_t room = sink->room == NULL ? PIECE : sink->room(sink->ctx);
        size_t size = body->size - at;
        berth_status status;

        if (room == 0) {
            status = wait_for(g, sink->ready_fd, diag);
            if (status != BERTH_OK)
                return status;
            continue;
        }
        size = size < room ? size : room;
        *is_deaf = sink->body(sink->ctx, body->text + at, size) != BERTH_OK;
        at += size;
    }
    return BERTH_OK;
}

static berth_status send_response(berthi_guest *g, const berth_http_sink *sink,
                                  berth_diag *diag)
{
    berthi_pw_exchange *x = &berthi_pw_of(g)->x;
    const berthi_pw_map *m = &x->maps[PW_RESPONSE], *trailers = &x->maps[PW_RESPONSE_TRAILERS];
    const berthi_pw_pair *code = berthi_pw_map_find(m, ":status", 7);
    size_t count, behind_count;
    berth_http_field *fields, *behind;
    berth_status status = BERTH_OK;
    uint16_t number = 0;
    bool is_deaf = false;

    for (size_t i = 0; code != NULL && i < code->value.size; i++)
        number = (uint16_t)(number * 10 + (code->value.text[i] - '0'));
    if (number < 200)
        return berthi_fail(diag, BERTH_E_PLUGIN, "the filter left no status in the response");
    fields = show_fields(g, m, &count);
    behind = show_fields(g, trailers, &behind_count);
    if (fields == NULL || behind == NULL)
        status = berthi_fail(diag, BERTH_E_NOMEM, "a response");
    else
        is_deaf = sink->head(sink->ctx, number, fields, count) != BERTH_OK;
    if (status == BERTH_OK)
        status = send_body(g, sink, &is_deaf, diag);
    if (status == BERTH_OK && !is_deaf)
        (void)sink->end(sink->ctx, behind,
                        behind_count); /* who does not listen is not at fault */
    hide_fields(g, m, fields);
    hide_fields(g, trailers, behind);
    return status;
}

/* ---------------------------------------------------------------- all of it */

static berth_status pass(berthi_guest *g, berthi_family_http *http, berth_diag *diag)
{
    berthi_pw_exchange *x = &berthi_pw_of(g)->x;
    berth_status status = take_request(g, http->request, diag);

    http->bytes_in = x->bodies[0].size;
    if (status == BERTH_OK)
        status = filter(g, 0, diag);
    if (status == BERTH_OK && !x->has_local)
        status = ask_next(g, http, diag);
    if (status == BERTH_OK && !x->has_local)
        status = filter(g, 1, diag);
    if (status == BERTH_OK && !fix_length(g, http->request, 1))
        status = no_room(diag);
    if (status == BERTH_OK)
        status = send_response(g, http->sink, diag);
    http->bytes_out = x->bodies[1].size;
    return status;
}

/* The context is told that it ends, also of an exchange that failed without its doing. */
static berth_status bid_farewell(berthi_guest *g, berth_diag *diag)
{
    berthi_pw_state *s = berthi_pw_of(g);
    const uint32_t context = s->x.context;
    berth_status status;

    s->effective = context;
    status = berthi_pw_call(g, PW_ON_DONE, &context, 1, NULL, diag);
    if (status == BERTH_OK)
        status = berthi_pw_call(g, PW_ON_LOG, &context, 1, NULL, diag);
    return status == BERTH_OK ? berthi_pw_call(g, PW_ON_DELETE, &context, 1, NULL, diag)
                              : status;
}

berth_status berthi_pw_http(berthi_guest *g, berthi_family_http *http, berth_diag *diag)
{
    berthi_pw_state *s = berthi_pw_of(g);
    uint32_t created[2] = { 0, PW_ROOT };
    berth_status status = berthi_pw_tick(g, diag), ended;

    if (status != BERTH_OK)
        return status;
    s->contexts = s->contexts == UINT32_MAX ? PW_ROOT + 1 : s->contexts + 1;
    s->x = (berthi_pw_exchange){ .is_live = true, .context = s->contexts };
    created[0] = s->x.context;
    status = berthi_pw_call(g, PW_ON_CONTEXT_CREATE, created, 2, NULL, diag);
    if (status == BERTH_OK)
        status = pass(g, http, diag);
    if (status == BERTH_OK || status == BERTH_E_PLUGIN) {
        ended = bid_farewell(g, status == BERTH_OK ? diag : NULL);
        if (ended != BERTH_OK)
            status = ended;
    }
    berthi_pw_exchange_end(g);
    return status;
}
