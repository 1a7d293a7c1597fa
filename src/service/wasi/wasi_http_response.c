/* wasi_http_response.c - wasi:http/types: responses that a plugin makes.  Layer: service. */
#include "service/wasi/wasi_http.h"

static void end_response(berthi_object *object)
{
    berthi_object_unref(((berthi_http_response *)object)->headers);
    berthi_object_unref(((berthi_http_response *)object)->body);
}

static const berthi_object_class response_class = { "http outgoing response",
                                                    sizeof(berthi_http_response), end_response,
                                                    NULL };

#define METHOD(name, result_type)                                                              \
    static berth_status name(void *ctx, berthi_wasi_host_http_types_outgoing_response *self,   \
                             const BERTHI_HTTP(outgoing_response_##name##_args) * args,        \
                             result_type * result, berth_host_call * call)

static berthi_http_response *response_of(berthi_wasi_host_http_types_outgoing_response *self)
{
    return (berthi_http_response *)(void *)self;
}

static berth_status make_response(void *ctx,
                                  const BERTHI_HTTP(outgoing_response_new_args) * args,
                                  berthi_wasi_host_http_types_outgoing_response **object_out,
                                  berth_host_call *call)
{
    const berthi_wasi *w = ctx;
    berthi_http_response *r = berthi_object_make(berthi_wasi_services(call), &response_class);

    if (r == NULL)
        return berth_host_fail(call, BERTH_E_LIMIT, "no room for a response");
    r->status = 200;
    r->headers =
        berth_host_object_take(call, w->imports.http_types_fields.kind, args->headers.handle);
    r->headers->is_immutable = true;
    *object_out = (berthi_wasi_host_http_types_outgoing_response *)(void *)r;
    return BERTH_OK;
}

METHOD(status_code, BERTHI_HTTP(status_code))
{
    *result = response_of(self)->status;
    return BERTH_OK;
}

METHOD(set_status_code, berthi_wasi_result_none_none)
{
    bool is_status = args->status_code >= 100 && args->status_code <= 999;

    result->is_error = !is_status;
    if (is_status)
        response_of(self)->status = args->status_code;
    return BERTH_OK;
}

METHOD(headers, BERTHI_HTTP(fields))
{
    const berthi_wasi *w = ctx;

    return berthi_wasi_give(call, w->imports.http_types_fields.kind,
                            berthi_object_ref(response_of(self)->headers), &result->handle);
}

METHOD(body, berthi_wasi_result_http_types_outgoing_body_none)
{
    const berthi_wasi *w = ctx;
    berthi_http_response *r = response_of(self);

    if (r->body != NULL) {
        result->is_error = 1;
        return BERTH_OK;
    }
    r->body = berthi_object_make(r->object.services, &berthi_http_outgoing_body_class);
    if (r->body != NULL)
        r->body->is_response = true;
    return berthi_wasi_give(call, w->imports.http_types_outgoing_body.kind,
                            r->body == NULL ? NULL : berthi_object_ref(r->body),
                            &result->as.ok.handle);
}

void berthi_wasi_fill_http_responses(berthi_wasi_imports *imports)
{
#define FILL(name) imports->http_types_outgoing_response_##name = name
    imports->http_types_outgoing_response.destroy = berthi_object_unref;
    imports->http_types_outgoing_response_new = make_response;
    FILL(status_code);
    FILL(set_status_code);
    FILL(headers);
    FILL(body);
#undef FILL
}
