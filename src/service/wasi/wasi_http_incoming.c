/* wasi_http_incoming.c - wasi:http: requests that come in, and where their responses go.  Layer: service. */
#include "service/wasi/wasi_http.h"

#include <stdio.h>

#include "base/diag.h"
#include "base/utf8.h"
#include "component/run/host_call.h"
#include "service/wasi/wasi_serve.h"

/* Both handles that a plugin is called with are one of these, of two kinds. */
typedef struct incoming {
    berthi_object object;
    berthi_http_served *of; /* one reference */
    bool is_consumed;
} incoming;

static void end_incoming(berthi_object *object)
{
    berthi_object_unref(((incoming *)object)->of);
}

static const berthi_object_class request_class = { "http incoming request", sizeof(incoming),
                                                   end_incoming, NULL };
static const berthi_object_class outparam_class = { "http response outparam", sizeof(incoming),
                                                    end_incoming, NULL };

/* ---------------------------------------------------------------- the request */

#define METHOD(name, result_type)                                                              \
    static berth_status name(void *ctx, berthi_wasi_host_http_types_incoming_request *self,    \
                             const BERTHI_HTTP(incoming_request_##name##_args) * args,         \
                             result_type * result, berth_host_call * call)

/* NULL: the plugin kept the request for longer than its call. */
static const berth_http_request *request_of(berthi_wasi_host_http_types_incoming_request *self)
{
    return ((incoming *)(void *)self)->of->request;
}

static berth_status is_over(berth_host_call *call)
{
    return berth_host_fail(call, BERTH_E_STATE, "the call that the request came with is over");
}

static bool is_text(berth_string s, const char *text)
{
    return s.size == strlen(text) && memcmp(s.text, text, s.size) == 0;
}

METHOD(method, BERTHI_HTTP(method))
{
    const berth_http_request *r = request_of(self);

    if (r == NULL)
        return is_over(call);
    result->tag = BERTHI_WASI_HTTP_TYPES_METHOD_OTHER;
    for (uint8_t i = 0; i < BERTHI_WASI_HTTP_TYPES_METHOD_OTHER; i++)
        if (is_text(r->method, berthi_http_methods[i]))
            result->tag = i;
    if (result->tag == BERTHI_WASI_HTTP_TYPES_METHOD_OTHER)
        result->as.other = r->method;
    return BERTH_OK;
}

static berth_status give_text(const berth_http_request *r, berth_string text,
                              berthi_wasi_option_string *result, berth_host_call *call)
{
    if (r == NULL)
        return is_over(call);
    *result = (berthi_wasi_option_string){ text.size != 0, text };
    return BERTH_OK;
}

METHOD(path_with_query, berthi_wasi_option_string)
{
    const berth_http_request *r = request_of(self);

    return give_text(r, r == NULL ? (berth_string){ NULL, 0 } : r->path, result, call);
}

METHOD(authority, berthi_wasi_option_string)
{
    const berth_http_request *r = request_of(self);

    return give_text(r, r == NULL ? (berth_string){ NULL, 0 } : r->authority, result, call);
}

METHOD(scheme, berthi_wasi_option_http_types_scheme)
{
    const berth_http_request *r = request_of(self);

    if (r == NULL)
        return is_over(call);
    result->is_some = r->scheme.size != 0;
    result->some.tag = is_text(r->scheme, "http")    ? BERTHI_WASI_HTTP_TYPES_SCHEME_HTTP
                       : is_text(r->scheme, "https") ? BERTHI_WASI_HTTP_TYPES_SCHEME_HTTPS
                                                     : BERTHI_WASI_HTTP_TYPES_SCHEME_OTHER;
    if (result->some.tag == BERTHI_WASI_HTTP_TYPES_SCHEME_OTHER)
        result->some.as.other = r->scheme;
    return BERTH_OK;
}

METHOD(headers, BERTHI_HTTP(fields))
{
    const berthi_wasi *w = ctx;

    return berthi_wasi_give(call, w->imports.http_types_fields.kind,
                            berthi_object_ref(((incoming *)(void *)self)->of->fields),
                            &result->handle);
}

METHOD(consume, berthi_wasi_result_http_types_incoming_body_none)
{
    const berthi_wasi *w = ctx;
    incoming *i = (incoming *)(void *)self;
    berthi_object *body;

    if (i->is_consumed) {
        result->is_error = 1;
        return BERTH_OK;
    }
    body = berthi_http_incoming_body_of(i->of);
    i->is_consumed = body != NULL;
    return berthi_wasi_give(call, w->imports.http_types_incoming_body.kind, body,
                            &result->as.ok.handle);
}

/* ---------------------------------------------------------------- the response */

static void take_error(berthi_http_served *d, const BERTHI_HTTP(error_code) * error)
{
    static const char *const names[] = { "DNS-timeout",
                                         "DNS-error",
                                         "destination-not-found",
                                         "destination-unavailable",
                                         "destination-IP-prohibited",
                                         "destination-IP-unroutable",
                                         "connection-refused",
                                         "connection-terminated",
                                         "connection-timeout",
                                         "connection-read-timeout",
                                         "connection-write-timeout",
                                         "connection-limit-reached",
                                         "TLS-protocol-error",
                                         "TLS-certificate-error",
                                         "TLS-alert-received",
                                         "HTTP-request-denied",
                                         "HTTP-request-length-required",
                                         "HTTP-request-body-size",
                                         "HTTP-request-method-invalid",
                                         "HTTP-request-URI-invalid",
                                         "HTTP-request-URI-too-long",
                                         "HTTP-request-header-section-size",
                                         "HTTP-request-header-size",
                                         "HTTP-request-trailer-section-size",
                                         "HTTP-request-trailer-size",
                                         "HTTP-response-incomplete",
                                         "HTTP-response-header-section-size",
                                         "HTTP-response-header-size",
                                         "HTTP-response-body-size",
                                         "HTTP-response-trailer-section-size",
                                         "HTTP-response-trailer-size",
                                         "HTTP-response-transfer-coding",
                                         "HTTP-response-content-coding",
                                         "HTTP-response-timeout",
                                         "HTTP-upgrade-failed",
                                         "HTTP-protocol-error",
                                         "loop-detected",
                                         "configuration-error",
                                         "internal-error" };
    char text[100] = "";
    bool has_text = error->tag == BERTHI_WASI_HTTP_TYPES_ERROR_CODE_INTERNAL_ERROR &&
                    error->as.internal_error.is_some;

    _Static_assert(sizeof names / sizeof *names ==
                       BERTHI_WASI_HTTP_TYPES_ERROR_CODE_INTERNAL_ERROR + 1,
                   "in the order of the WIT");
    d->is_set = d->has_error = true;
    if (has_text)
        (void)berthi_utf8_show(text, sizeof text, error->as.internal_error.some.text,
                               error->as.internal_error.some.size);
    (void)snprintf(d->said, sizeof d->said, "the error %s%s%s", names[error->tag],
                   has_text ? ": " : "", text);
}

static berth_status take_response(berthi_http_served *d, const berthi_http_response *r,
                                  berth_host_call *call)
{
    berth_status status;

    if (r->status < 200) {
        d->is_set = d->has_error = true;
        (void)snprintf(d->said, sizeof d->said,
                       "status %u, which is not that of a last response", r->status);
        return BERTH_OK;
    }
    status = berthi_http_served_head(d, r->status, r->headers);
    if (status != BERTH_OK)
        return berth_host_fail(call, status, "no memory for the fields of a response");
    if (r->body != NULL)
        return berthi_http_outgoing_body_serve(r->body, d, berthi_host_call_diag(call));
    return berthi_http_served_fits(d) ? berthi_http_served_finish(d, NULL) : BERTH_OK;
}

/* The outparam is taken, so that it is set once; one that was kept past its call leads nowhere. */
static berth_status outparam_set(void *ctx,
                                 const BERTHI_HTTP(response_outparam_set_args) * args,
                                 void *result, berth_host_call *call)
{
    const berthi_wasi *w = ctx;
    incoming *p = berth_host_object_take(call, w->imports.http_types_response_outparam.kind,
                                         args->param.handle);
    berthi_http_response *r =
        args->response.is_error
            ? NULL
            : berth_host_object_take(call, w->imports.http_types_outgoing_response.kind,
                                     args->response.as.ok.handle);
    berth_status status = BERTH_OK;

    if (p->of->request == NULL)
        status = is_over(call);
    else if (r == NULL)
        take_error(p->of, &args->response.as.error);
    else
        status = take_response(p->of, r, call);
    berthi_object_unref(r);
    berthi_object_unref(p);
    return status;
}

void berthi_wasi_fill_http_incoming(berthi_wasi_imports *imports)
{
#define FILL(name) imports->http_types_incoming_request_##name = name
    imports->http_types_incoming_request.destroy = berthi_object_unref;
    FILL(method);
    FILL(path_with_query);
    FILL(scheme);
    FILL(authority);
    FILL(headers);
    FILL(consume);
#undef FILL
    imports->http_types_response_outparam.destroy = berthi_object_unref;
    imports->http_types_response_outparam_set = outparam_set;
}

/* ---------------------------------------------------------------- around the call */

/* A handle of that kind for the instance's plugin. */
static berth_status hand(berthi_http_served *d, struct berthi_host_instance *instance,
                         const berthi_object_class *class, const berth_host_resource *kind,
                         uint64_t *handle_out, berth_diag *diag)
{
    incoming *i = berthi_object_make(d->object.services, class);
    berth_status status;
    uint32_t rep;

    if (i == NULL)
        return berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_HANDLES,
                                   "no room for a request");
    i->of = berthi_object_ref(d);
    status = berthi_host_table_add(&instance->objects, &kind->type, i, &rep, diag);
    if (status != BERTH_OK) {
        berthi_object_unref(i);
        return status;
    }
    *handle_out = rep;
    return BERTH_OK;
}

berth_status berthi_wasi_serve(struct berth_host *host, struct berthi_host_instance *instance,
                               const berth_http_request *request, const berth_http_sink *sink,
                               berthi_wasi_serving *s, berth_diag *diag)
{
    const berthi_wasi *w = berthi_host_attached_of(host, BERTHI_HOST_WASI);
    berth_status status;

    *s = (berthi_wasi_serving){ .wasi = w, .instance = instance };
    s->served = berthi_http_served_make(instance->options.services, request, sink);
    if (s->served == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "a request that came in");
    status = hand(s->served, instance, &request_class,
                  w->imports.http_types_incoming_request.kind, &s->handles[0], diag);
    if (status == BERTH_OK)
        status = hand(s->served, instance, &outparam_class,
                      w->imports.http_types_response_outparam.kind, &s->handles[1], diag);
    if (status != BERTH_OK)
        status = berthi_wasi_served(s, status, NULL);
    return status;
}

berth_status berthi_wasi_served(berthi_wasi_serving *s, berth_status status, berth_diag *diag)
{
    const berthi_wasi *w = s->wasi;
    const berth_host_resource *const kinds[] = { w->imports.http_types_incoming_request.kind,
                                                 w->imports.http_types_response_outparam.kind };
    berth_status judged;

    /* Of a call that failed before the plugin had them. */
    for (size_t i = 0; status != BERTH_OK && i < 2; i++)
        (void)berthi_host_table_remove(&s->instance->objects, &kinds[i]->type,
                                       (uint32_t)s->handles[i]);
    s->bytes_in = s->served->read;
    s->bytes_out = s->served->written;
    judged = berthi_http_served_end(s->served, status == BERTH_OK ? diag : NULL);
    return status == BERTH_OK ? judged : status;
}
