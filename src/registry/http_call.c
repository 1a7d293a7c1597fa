/* http_call.c - HTTP requests that a slot answers.  Layer: registry.
 *
 * A request is a call like any other: pinned, gated, counted, within its deadline, in whichever instance is
 * idle.  The two handles that the plugin gets exist for this one call (service/wasi/wasi_serve.h), so no
 * session is needed.  Bytes that are counted are those of bodies. */
#include <berth/http.h>

#include "admit/family.h"
#include "registry/hot.h"
#include "service/http/served.h"
#include "service/wasi/wasi_serve.h"

/* A filter's. */
static berth_status run_filter(berth_version *v, berthi_instance *i, const berth_call *call,
                               uint64_t ticks, void *more, berth_reply *reply, berth_diag *diag)
{
    const berthi_family *family = v->content->plugin.profile->family;
    berthi_family_http *http = more;
    berth_status status;

    (void)call;
    i->calls++;
    *reply = (berth_reply){ .version = v->number };
    berthi_instance_deadline(&v->runtime->domain, i, ticks);
    status = family->http(i->guest, http, diag);
    reply->size = http->bytes_out;
    return status;
}

static berth_status run(berth_version *v, berthi_instance *i, const berth_call *call,
                        uint64_t ticks, void *more, berth_reply *reply, berth_diag *diag)
{
    berthi_family_http *http = more;
    berthi_wasi_serving serving;
    berth_status status;

    i->calls++;
    *reply = (berth_reply){ .version = v->number };
    status = berthi_wasi_serve(v->runtime->options.host, i->host, http->request, http->sink,
                               &serving, diag);
    if (status != BERTH_OK)
        return status;
    berthi_component_deadline(v, i, ticks);
    status = berthi_cm_call(i->component, &v->content->http, serving.handles, NULL, call->arena,
                            diag);
    status = berthi_wasi_served(&serving, status, diag);
    http->bytes_in = serving.bytes_in;
    reply->size = serving.bytes_out;
    return status;
}

static berthi_run find_way(const berth_version *v, berth_diag *diag)
{
    const berthi_content *content = v->content;
    const berthi_family *family = v->is_native ? NULL : content->plugin.profile->family;

    if (family != NULL && family->http != NULL)
        return run_filter;
    if (v->is_native || content->http.type == NULL)
        (void)berthi_fail(diag, BERTH_E_ABSENT,
                          "version %llu of slot '%s' answers no requests: it exports no "
                          "wasi:http/incoming-handler 0.2",
                          (unsigned long long)v->number, v->slot->name);
    else if (!content->component->asks_services)
        (void)berthi_fail(diag, BERTH_E_ABSENT, "the runtime's host offers no WASI");
    else
        return run;
    return NULL;
}

static berth_status enter(berth_version *v, berthi_record *mine, const berth_call *call,
                          uint64_t ticks, void *more, berth_reply *reply, berth_diag *diag)
{
    const berthi_family_http *http = more;
    berthi_run way = find_way(v, diag);
    berthi_seat *seat;
    berth_status status;

    reply->version = 0;
    if (way == NULL)
        return BERTH_E_ABSENT;
    status = berthi_call_pooled(v, mine, call, ticks, way, more, reply, diag);
    seat = berthi_seat_find(v, mine->index);
    if (seat != NULL)
        berthi_count(&seat->counts.bytes_in, http->bytes_in);
    return status;
}

berth_status berth_slot_http_filter(berth_slot *slot, const berth_http_request *request,
                                    berth_http_next next, void *next_ctx,
                                    const berth_http_sink *sink, const berth_call *call,
                                    uint64_t *version_out, berth_diag *diag)
{
    berthi_family_http http = { request, next, next_ctx, sink, 0, 0 };
    berth_reply reply = { .version = 0 };
    berth_status status;

    BERTHI_REQUIRE(slot != NULL && request != NULL && sink != NULL, diag);
    BERTHI_REQUIRE(request->size == sizeof *request && sink->size == sizeof *sink, diag);
    BERTHI_REQUIRE(sink->head != NULL && sink->body != NULL && sink->end != NULL, diag);
    BERTHI_REQUIRE(call != NULL && call->arena != NULL && call->input_size == 0, diag);
    status = berthi_http_check_request(request, diag);
    if (status == BERTH_OK)
        status = berthi_slot_enter(slot, call, enter, &http, &reply, diag);
    if (version_out != NULL)
        *version_out = reply.version;
    return status;
}

berth_status berth_slot_http(berth_slot *slot, const berth_http_request *request,
                             const berth_http_sink *sink, const berth_call *call,
                             uint64_t *version_out, berth_diag *diag)
{
    return berth_slot_http_filter(slot, request, NULL, NULL, sink, call, version_out, diag);
}

/* ---------------------------------------------------------------- a whole response */

typedef struct collected {
    berth_arena *arena;
    berth_http_response response;
    char *body;
    size_t room;
    uint64_t max;
    berth_status status; /* that of the sink */
} collected;

static berth_http_field *copy_fields(berth_arena *arena, const berth_http_field *from,
                                     size_t count)
{
    berth_http_field *all = berth_arena_alloc(arena, (count + 1) * sizeof *all);

    for (size_t i = 0; all != NULL && i < count; i++) {
        size_t size = from[i].name.size + from[i].value.size;
        char *text = berth_arena_alloc(arena, size + 1);

        if (text == NULL)
            return NULL;
        memcpy(text, from[i].name.text, from[i].name.size);
        if (from[i].value.size != 0)
            memcpy(text + from[i].name.size, from[i].value.text, from[i].value.size);
        all[i] = (berth_http_field){ { text, from[i].name.size },
                                     { text + from[i].name.size, from[i].value.size } };
    }
    return all;
}

static berth_status collect_head(void *ctx, uint16_t status, const berth_http_field *fields,
                                 size_t count)
{
    collected *c = ctx;

    c->response.status = status;
    c->response.fields = copy_fields(c->arena, fields, count);
    c->response.fields_count = count;
    if (c->response.fields == NULL)
        c->status = BERTH_E_NOMEM;
    return c->status;
}

static berth_status collect_body(void *ctx, const void *data, size_t size)
{
    collected *c = ctx;
    size_t had = c->response.body_size, room = c->room == 0 ? 4096 : c->room;
    char *more;

    if (size > c->max - had)
        return c->status = BERTH_E_LIMIT;
    while (room - had < size)
        room *= 2;
    if (room != c->room) {
        more = berth_arena_alloc(c->arena, room);
        if (more == NULL)
            return c->status = BERTH_E_NOMEM;
        if (had != 0)
            memcpy(more, c->body, had);
        c->body = more;
        c->room = room;
    }
    memcpy(c->body + had, data, size);
    c->response.body_size += size;
    return BERTH_OK;
}

static berth_status collect_end(void *ctx, const berth_http_field *trailers, size_t count)
{
    collected *c = ctx;

    c->response.trailers = copy_fields(c->arena, trailers, count);
    c->response.trailers_count = count;
    if (c->response.trailers == NULL)
        c->status = BERTH_E_NOMEM;
    return c->status;
}

berth_status berth_slot_http_whole(berth_slot *slot, const berth_http_request *request,
                                   uint64_t body_bytes_max, const berth_call *call,
                                   berth_http_response *response_out, berth_diag *diag)
{
    collected c = { .response = BERTH_HTTP_RESPONSE_INIT };
    berth_http_sink sink = BERTH_HTTP_SINK_INIT;
    berth_status status;

    BERTHI_REQUIRE(slot != NULL && call != NULL && response_out != NULL, diag);
    BERTHI_REQUIRE(response_out->size == sizeof *response_out, diag);
    c.arena = call->arena;
    c.max = body_bytes_max == 0 ? slot->options.output_bytes_max : body_bytes_max;
    sink.ctx = &c;
    sink.head = collect_head;
    sink.body = collect_body;
    sink.end = collect_end;
    status = berth_slot_http(slot, request, &sink, call, &c.response.version, diag);
    if (status != BERTH_OK)
        return status;
    if (c.status == BERTH_E_LIMIT)
        return berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_OUTPUT,
                                   "the response's body has more than %llu bytes",
                                   (unsigned long long)c.max);
    if (c.status != BERTH_OK)
        return berthi_fail(diag, c.status, "a response");
    c.response.body = c.body;
    *response_out = c.response;
    return BERTH_OK;
}
