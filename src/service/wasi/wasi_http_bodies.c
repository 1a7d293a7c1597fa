/* wasi_http_bodies.c - wasi:http/types: bodies that are written, responses and bodies that came.
 * Layer: service. */
#include "service/wasi/wasi_http.h"

enum { BODY_MAX = 16 << 20, WRITE_AT_ONCE = 65536, ROOM_FIRST = 4096 };

/* ---------------------------------------------------------------- written */

static void end_body(berthi_object *object)
{
    berthi_http_outgoing_body *b = (berthi_http_outgoing_body *)object;

    if (b->exchange != NULL && !b->is_finished)
        berthi_http_exchange_abandon(b->exchange);
    berthi_free(object->services->allocator, b->bytes.data, b->bytes.room);
    berthi_services_let_go(object->services, b->bytes.room);
    berthi_object_unref(b->exchange);
    berthi_object_unref(b->served);
    berthi_object_unref(b->trailers);
}

const berthi_object_class berthi_http_outgoing_body_class = { "http outgoing body",
                                                              sizeof(berthi_http_outgoing_body),
                                                              end_body, NULL };

typedef struct body_output {
    berthi_output out;
    berthi_http_outgoing_body *of; /* one reference */
} body_output;

static void end_body_output(berthi_object *object)
{
    berthi_object_unref(((body_output *)object)->of);
}

static berthi_code check_body(berthi_output *out, size_t *room_out)
{
    const berthi_http_outgoing_body *b = ((const body_output *)out)->of;
    size_t left = BODY_MAX - b->bytes.size;

    if (b->is_finished)
        return BERTHI_CODE_CLOSED;
    if (b->served != NULL)
        return berthi_http_served_room(b->served, room_out);
    if (left == 0)
        return BERTHI_CODE_FILE_TOO_LARGE;
    *room_out = left < WRITE_AT_ONCE ? left : WRITE_AT_ONCE;
    return BERTHI_CODE_OK;
}

static void look_at_body(berthi_object *object, berthi_wait *wait)
{
    const berthi_http_outgoing_body *b = ((const body_output *)object)->of;

    wait->is_ready = b->is_finished || b->served == NULL;
    if (!wait->is_ready)
        berthi_http_served_look_out(b->served, wait);
}

static berthi_code widen(berthi_http_outgoing_body *b, size_t room)
{
    berthi_services *s = b->object.services;
    uint8_t *more;

    if (!berthi_services_hold(s, room - b->bytes.room))
        return BERTHI_CODE_NO_MEMORY;
    more = berthi_alloc(s->allocator, room);
    if (more == NULL) {
        berthi_services_let_go(s, room - b->bytes.room);
        return BERTHI_CODE_NO_MEMORY;
    }
    if (b->bytes.size != 0)
        memcpy(more, b->bytes.data, b->bytes.size);
    berthi_free(s->allocator, b->bytes.data, b->bytes.room);
    b->bytes.data = more;
    b->bytes.room = room;
    return BERTHI_CODE_OK;
}

berthi_code berthi_http_outgoing_body_add(berthi_http_outgoing_body *b, const void *from,
                                          size_t size)
{
    size_t room = b->bytes.room == 0 ? ROOM_FIRST : b->bytes.room;
    berthi_code code = BERTHI_CODE_OK;

    if (b->is_finished)
        return BERTHI_CODE_CLOSED;
    if (b->served != NULL)
        return berthi_http_served_write(b->served, from, size);
    if (size > BODY_MAX - b->bytes.size)
        return BERTHI_CODE_FILE_TOO_LARGE;
    while (room < b->bytes.size + size)
        room *= 2;
    if (room != b->bytes.room)
        code = widen(b, room);
    if (code == BERTHI_CODE_OK && size != 0) {
        memcpy(b->bytes.data + b->bytes.size, from, size);
        b->bytes.size += size;
    }
    return code;
}

static berthi_code write_body(berthi_output *out, const void *from, size_t size)
{
    return berthi_http_outgoing_body_add(((body_output *)out)->of, from, size);
}

static const berthi_object_class body_output_class = { "http body", sizeof(body_output),
                                                       end_body_output, look_at_body };
static const berthi_output_ops body_output_ops = { check_body, write_body, NULL };

static berth_status body_write(void *ctx, berthi_wasi_host_http_types_outgoing_body *self,
                               const BERTHI_HTTP(outgoing_body_write_args) * args,
                               berthi_wasi_result_streams_output_stream_none *result,
                               berth_host_call *call)
{
    const berthi_wasi *w = ctx;
    berthi_http_outgoing_body *b = (berthi_http_outgoing_body *)(void *)self;
    body_output *o;

    if (b->is_written) {
        result->is_error = 1;
        return BERTH_OK;
    }
    o = berthi_object_make(b->object.services, &body_output_class);
    if (o != NULL) {
        o->out.ops = &body_output_ops;
        o->of = berthi_object_ref(b);
        b->is_written = true;
    }
    return berthi_wasi_give(call, w->imports.streams_output_stream.kind, o,
                            &result->as.ok.handle);
}

/* What was written before somebody was there to take it. */
static berth_status push(berthi_http_outgoing_body *b, berthi_http_served *d, berth_diag *diag)
{
    berth_status status = BERTH_OK;
    berthi_code code = BERTHI_CODE_OK;
    size_t at = 0, room = 0;

    while (at < b->bytes.size && status == BERTH_OK) {
        berthi_wait wait = { .fd = -1, .at_ns = UINT64_MAX };

        code = berthi_http_served_room(d, &room);
        if (room > b->bytes.size - at)
            room = b->bytes.size - at;
        if (code == BERTHI_CODE_OK && room != 0)
            code = berthi_http_served_write(d, b->bytes.data + at, room);
        if (code != BERTHI_CODE_OK)
            return BERTH_OK; /* the plugin hears of it when it writes, or finishes */
        at += room;
        berthi_http_served_look_out(d, &wait);
        if (room == 0 && !wait.is_ready)
            status = berthi_services_wait(d->object.services, &wait, 1, UINT64_MAX, diag);
    }
    return status;
}

static berth_status finish_served(berthi_http_outgoing_body *b,
                                  const berthi_http_fields *trailers)
{
    return berthi_http_served_fits(b->served) ? berthi_http_served_finish(b->served, trailers)
                                              : BERTH_OK;
}

berth_status berthi_http_outgoing_body_serve(berthi_http_outgoing_body *b,
                                             berthi_http_served *d, berth_diag *diag)
{
    berth_status status = push(b, d, diag);
    berthi_services *s = b->object.services;

    if (status != BERTH_OK)
        return status;
    b->served = berthi_object_ref(d);
    berthi_free(s->allocator, b->bytes.data, b->bytes.room);
    berthi_services_let_go(s, b->bytes.room);
    b->bytes = (berthi_bytes){ NULL, 0, 0 };
    return b->is_finished ? finish_served(b, b->trailers) : BERTH_OK;
}

/* A response that is not handed in yet keeps what belongs behind its body. */
static berth_status finish_response(berthi_http_outgoing_body *b, berthi_http_fields *trailers,
                                    berthi_wasi_result_none_http_types_error_code *result)
{
    if (b->served == NULL) {
        b->trailers = trailers == NULL ? NULL : berthi_object_ref(trailers);
        return BERTH_OK;
    }
    if (!berthi_http_served_fits(b->served)) {
        result->is_error = 1;
        result->as.error.tag = BERTHI_WASI_HTTP_TYPES_ERROR_CODE_HTTP_RESPONSE_BODY_SIZE;
        result->as.error.as.http_response_body_size =
            (berthi_wasi_option_u64){ 1, b->served->written };
        return BERTH_OK;
    }
    return finish_served(b, trailers);
}

/* Now it goes.  A request's trailers are not sent: who has some is told. */
static void finish_request(berthi_http_outgoing_body *b, const berthi_http_fields *trailers,
                           berthi_wasi_result_none_http_types_error_code *result)
{
    if (trailers != NULL && trailers->count != 0) {
        if (b->exchange != NULL)
            berthi_http_exchange_abandon(b->exchange);
        result->is_error = 1;
        result->as.error = berthi_wasi_http_error(BERTHI_HTTP_PROTOCOL);
    } else if (b->exchange != NULL) {
        berthi_http_exchange_go(b->exchange, &b->bytes);
    }
}

static berth_status body_finish(void *ctx, const BERTHI_HTTP(outgoing_body_finish_args) * args,
                                berthi_wasi_result_none_http_types_error_code *result,
                                berth_host_call *call)
{
    const berthi_wasi *w = ctx;
    berthi_http_outgoing_body *b = berth_host_object_take(
        call, w->imports.http_types_outgoing_body.kind, args->this_.handle);
    berthi_http_fields *trailers =
        args->trailers.is_some ? berth_host_object_take(call, w->imports.http_types_fields.kind,
                                                        args->trailers.some.handle)
                               : NULL;
    berth_status status = BERTH_OK;

    b->is_finished = true;
    if (b->is_response)
        status = finish_response(b, trailers, result);
    else
        finish_request(b, trailers, result);
    berthi_object_unref(trailers);
    berthi_object_unref(b);
    return status;
}

/* ---------------------------------------------------------------- what came */

typedef struct response {
    berthi_object object;
    berthi_http_exchange *of; /* one reference */
    bool is_consumed;
} response;

/* Of one of the two, with a reference. */
typedef struct incoming_body {
    berthi_object object;
    berthi_http_exchange *of;
    berthi_http_served *from;
    bool is_read;
} incoming_body;

typedef struct served_input {
    berthi_input in;
    berthi_http_served *from; /* one reference */
} served_input;

typedef struct trailers_to_come {
    berthi_object object;
    berthi_http_served *from; /* one reference; NULL: there are none */
    bool is_given;
} trailers_to_come;

typedef struct body_input {
    berthi_input in;
    berthi_http_exchange *of; /* one reference */
    size_t at;
} body_input;

static void end_response(berthi_object *object)
{
    berthi_object_unref(((response *)object)->of);
}

static void end_incoming(berthi_object *object)
{
    berthi_object_unref(((incoming_body *)object)->of);
    berthi_object_unref(((incoming_body *)object)->from);
}

static void end_served_input(berthi_object *object)
{
    berthi_object_unref(((served_input *)object)->from);
}

static void look_at_served(berthi_object *object, berthi_wait *wait)
{
    berthi_http_served_look_in(((const served_input *)object)->from, wait);
}

static void end_trailers(berthi_object *object)
{
    berthi_object_unref(((trailers_to_come *)object)->from);
}

static void look_at_trailers(berthi_object *object, berthi_wait *wait)
{
    const trailers_to_come *t = (const trailers_to_come *)object;

    wait->is_ready = t->from == NULL || t->is_given;
    if (!wait->is_ready)
        berthi_http_served_look_in(t->from, wait);
}

static void end_body_input(berthi_object *object)
{
    berthi_object_unref(((body_input *)object)->of);
}

static const berthi_object_class response_class = { "http response", sizeof(response),
                                                    end_response, NULL };
static const berthi_object_class incoming_class = { "http incoming body", sizeof(incoming_body),
                                                    end_incoming, NULL };
static const berthi_object_class body_input_class = { "http body", sizeof(body_input),
                                                      end_body_input, NULL };
static const berthi_object_class served_input_class = { "http body", sizeof(served_input),
                                                        end_served_input, look_at_served };
static const berthi_object_class trailers_class = { "http trailers", sizeof(trailers_to_come),
                                                    end_trailers, look_at_trailers };

static berthi_code read_body(berthi_input *in, void *to, size_t *size_io)
{
    body_input *i = (body_input *)in;
    const berthi_bytes *content = berthi_transfer_content(i->of->transfer);
    size_t left = content->size - i->at;

    if (berthi_grants_are_revoked(in->object.services->grants))
        return BERTHI_CODE_ACCESS;
    if (left == 0)
        return BERTHI_CODE_CLOSED;
    if (*size_io > left)
        *size_io = left;
    memcpy(to, content->data + i->at, *size_io);
    i->at += *size_io;
    return BERTHI_CODE_OK;
}

static const berthi_input_ops body_input_ops = { read_body, NULL };

berthi_input *berthi_http_body_input(berthi_http_exchange *of)
{
    body_input *i = berthi_object_make(of->object.services, &body_input_class);

    if (i == NULL)
        return NULL;
    i->in.ops = &body_input_ops;
    i->of = berthi_object_ref(of);
    return &i->in;
}

static berthi_code read_served(berthi_input *in, void *to, size_t *size_io)
{
    return berthi_http_served_read(((served_input *)in)->from, to, size_io);
}

static const berthi_input_ops served_input_ops = { read_served, NULL };

static berthi_input *served_input_of(berthi_http_served *d)
{
    served_input *i = berthi_object_make(d->object.services, &served_input_class);

    if (i == NULL)
        return NULL;
    i->in.ops = &served_input_ops;
    i->from = berthi_object_ref(d);
    return &i->in;
}

berthi_object *berthi_http_incoming_body_of(berthi_http_served *d)
{
    incoming_body *b = berthi_object_make(d->object.services, &incoming_class);

    if (b == NULL)
        return NULL;
    b->from = berthi_object_ref(d);
    return &b->object;
}

static berth_status future_subscribe(
    void *ctx, berthi_wasi_host_http_types_future_incoming_response *self,
    const BERTHI_HTTP(future_incoming_response_subscribe_args) * args,
    berthi_wasi_poll_pollable *result, berth_host_call *call)
{
    const berthi_wasi *w = ctx;

    return berthi_wasi_give(call, w->imports.poll_pollable.kind,
                            berthi_pollable_of((berthi_object *)(void *)self), &result->handle);
}

/* Once: whoever asks again has had it. */
static berth_status future_get(
    void *ctx, berthi_wasi_host_http_types_future_incoming_response *self,
    const BERTHI_HTTP(future_incoming_response_get_args) * args,
    berthi_wasi_option_result_result_http_types_incoming_response_http_t_etc *result,
    berth_host_call *call)
{
    const berthi_wasi *w = ctx;
    berthi_http_exchange *e = (berthi_http_exchange *)(void *)self;
    berthi_http_code code = e->code;
    response *r;

    if (e->transfer != NULL && !berthi_transfer_is_done(e->transfer))
        return BERTH_OK;
    result->is_some = 1;
    if (e->is_given) {
        result->some.is_error = 1;
        return BERTH_OK;
    }
    e->is_given = true;
    if (e->transfer != NULL)
        code = berthi_transfer_code(e->transfer);
    if (berthi_grants_are_revoked(e->object.services->grants))
        code = BERTHI_HTTP_DENIED;
    if (code != BERTHI_HTTP_OK) {
        result->some.as.ok.is_error = 1;
        result->some.as.ok.as.error = berthi_wasi_http_error(code);
        return BERTH_OK;
    }
    r = berthi_object_make(e->object.services, &response_class);
    if (r != NULL)
        r->of = berthi_object_ref(e);
    return berthi_wasi_give(call, w->imports.http_types_incoming_response.kind, r,
                            &result->some.as.ok.as.ok.handle);
}

static berth_status response_status(void *ctx,
                                    berthi_wasi_host_http_types_incoming_response *self,
                                    const BERTHI_HTTP(incoming_response_status_args) * args,
                                    BERTHI_HTTP(status_code) * result, berth_host_call *call)
{
    *result = berthi_transfer_status(((response *)(void *)self)->of->transfer);
    return BERTH_OK;
}

/* A field that no plugin could have written is left out, and so is what is past the most that there are.
 * False: no memory for it. */
static bool add_line(berthi_http_fields *f, const char *line, size_t size)
{
    const char *colon = memchr(line, ':', size), *value;
    size_t name = colon == NULL ? 0 : (size_t)(colon - line), left;
    berthi_http_fields_code code;

    if (name == 0)
        return true;
    value = colon + 1;
    left = size - name - 1;
    while (left > 0 && (*value == ' ' || *value == '\t')) {
        value++;
        left--;
    }
    code = berthi_http_fields_append(f, line, name, value, left);
    return code != BERTHI_FIELDS_NO_MEMORY &&
           (code != BERTHI_FIELDS_FULL || f->count == BERTHI_HTTP_FIELDS_MAX);
}

static berth_status response_headers(void *ctx,
                                     berthi_wasi_host_http_types_incoming_response *self,
                                     const BERTHI_HTTP(incoming_response_headers_args) * args,
                                     BERTHI_HTTP(fields) * result, berth_host_call *call)
{
    const berthi_wasi *w = ctx;
    const berthi_http_exchange *e = ((response *)(void *)self)->of;
    const berthi_bytes *all = berthi_transfer_headers(e->transfer);
    berthi_http_fields *f = berthi_http_fields_make(e->object.services);
    const char *at = (const char *)all->data, *end = at + all->size;

    while (f != NULL && at < end) {
        const char *line = memchr(at, '\n', (size_t)(end - at));

        if (!add_line(f, at, (size_t)((line == NULL ? end : line) - at))) {
            berthi_object_unref(f);
            return berth_host_fail(call, BERTH_E_NOMEM,
                                   "no memory for the fields of a response");
        }
        at = line == NULL ? end : line + 1;
    }
    if (f != NULL)
        f->is_immutable = true;
    return berthi_wasi_give(call, w->imports.http_types_fields.kind, f, &result->handle);
}

static berth_status response_consume(void *ctx,
                                     berthi_wasi_host_http_types_incoming_response *self,
                                     const BERTHI_HTTP(incoming_response_consume_args) * args,
                                     berthi_wasi_result_http_types_incoming_body_none *result,
                                     berth_host_call *call)
{
    const berthi_wasi *w = ctx;
    response *r = (response *)(void *)self;
    incoming_body *b;

    if (r->is_consumed) {
        result->is_error = 1;
        return BERTH_OK;
    }
    b = berthi_object_make(r->object.services, &incoming_class);
    if (b != NULL) {
        b->of = berthi_object_ref(r->of);
        r->is_consumed = true;
    }
    return berthi_wasi_give(call, w->imports.http_types_incoming_body.kind, b,
                            &result->as.ok.handle);
}

static berth_status incoming_stream(void *ctx, berthi_wasi_host_http_types_incoming_body *self,
                                    const BERTHI_HTTP(incoming_body_stream_args) * args,
                                    berthi_wasi_result_streams_input_stream_none *result,
                                    berth_host_call *call)
{
    const berthi_wasi *w = ctx;
    incoming_body *b = (incoming_body *)(void *)self;
    berthi_input *i;

    if (b->is_read) {
        result->is_error = 1;
        return BERTH_OK;
    }
    i = b->from != NULL ? served_input_of(b->from) : berthi_http_body_input(b->of);
    b->is_read = i != NULL;
    return berthi_wasi_give(call, w->imports.streams_input_stream.kind, i,
                            &result->as.ok.handle);
}

static berth_status incoming_finish(void *ctx,
                                    const BERTHI_HTTP(incoming_body_finish_args) * args,
                                    BERTHI_HTTP(future_trailers) * result,
                                    berth_host_call *call)
{
    const berthi_wasi *w = ctx;
    incoming_body *b = berth_host_object_take(call, w->imports.http_types_incoming_body.kind,
                                              args->this_.handle);
    trailers_to_come *t = berthi_object_make(berthi_wasi_services(call), &trailers_class);

    if (t != NULL && b->from != NULL)
        t->from = berthi_object_ref(b->from);
    berthi_object_unref(b);
    return berthi_wasi_give(call, w->imports.http_types_future_trailers.kind, t,
                            &result->handle);
}

static berth_status trailers_subscribe(void *ctx,
                                       berthi_wasi_host_http_types_future_trailers *self,
                                       const BERTHI_HTTP(future_trailers_subscribe_args) * args,
                                       berthi_wasi_poll_pollable *result, berth_host_call *call)
{
    const berthi_wasi *w = ctx;

    return berthi_wasi_give(call, w->imports.poll_pollable.kind,
                            berthi_pollable_of((berthi_object *)(void *)self), &result->handle);
}

/* Those of a request; responses have none.  What the plugin did not read of the body is thrown away. */
static berth_status trailers_get(
    void *ctx, berthi_wasi_host_http_types_future_trailers *self,
    const BERTHI_HTTP(future_trailers_get_args) * args,
    berthi_wasi_option_result_result_option_http_types_fields_http_types_etc *result,
    berth_host_call *call)
{
    const berthi_wasi *w = ctx;
    trailers_to_come *t = (trailers_to_come *)(void *)self;
    berthi_http_fields *f = NULL;

    if (!t->is_given && t->from != NULL && !berthi_http_served_drain(t->from))
        return BERTH_OK;
    result->is_some = 1;
    result->some.is_error = t->is_given;
    if (t->is_given)
        return BERTH_OK;
    t->is_given = true;
    if (t->from != NULL && t->from->is_broken) {
        result->some.as.ok.is_error = 1;
        result->some.as.ok.as.error = berthi_wasi_http_error(BERTHI_HTTP_TERMINATED);
        return BERTH_OK;
    }
    if (t->from == NULL || t->from->request == NULL || t->from->request->trailers_count == 0)
        return BERTH_OK;
    f = berthi_http_served_trailers(t->from);
    result->some.as.ok.as.ok.is_some = 1;
    return berthi_wasi_give(call, w->imports.http_types_fields.kind, f,
                            &result->some.as.ok.as.ok.some.handle);
}

/* Streams of HTTP fail with codes of their own, never with those of HTTP. */
static berth_status http_error(void *ctx, const BERTHI_HTTP(http_error_code_args) * args,
                               berthi_wasi_option_http_types_error_code *result,
                               berth_host_call *call)
{
    return BERTH_OK;
}

void berthi_wasi_fill_http_bodies(berthi_wasi_imports *imports)
{
    imports->http_types_outgoing_body.destroy = berthi_object_unref;
    imports->http_types_outgoing_body_write = body_write;
    imports->http_types_outgoing_body_finish = body_finish;
    imports->http_types_future_incoming_response.destroy = berthi_object_unref;
    imports->http_types_future_incoming_response_subscribe = future_subscribe;
    imports->http_types_future_incoming_response_get = future_get;
    imports->http_types_incoming_response.destroy = berthi_object_unref;
    imports->http_types_incoming_response_status = response_status;
    imports->http_types_incoming_response_headers = response_headers;
    imports->http_types_incoming_response_consume = response_consume;
    imports->http_types_incoming_body.destroy = berthi_object_unref;
    imports->http_types_incoming_body_stream = incoming_stream;
    imports->http_types_incoming_body_finish = incoming_finish;
    imports->http_types_future_trailers.destroy = berthi_object_unref;
    imports->http_types_future_trailers_subscribe = trailers_subscribe;
    imports->http_types_future_trailers_get = trailers_get;
    imports->http_types_http_error_code = http_error;
}
