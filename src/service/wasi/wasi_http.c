/* wasi_http.c - wasi:http: requests that go out, their options, and outgoing-handler.  Layer: service. */
#include "service/wasi/wasi_http.h"

static void end_request(berthi_object *object)
{
    berthi_http_request *r = (berthi_http_request *)object;

    berthi_http_text_end(object->services, &r->method);
    berthi_http_text_end(object->services, &r->scheme);
    berthi_http_text_end(object->services, &r->authority);
    berthi_http_text_end(object->services, &r->path);
    berthi_object_unref(r->headers);
    berthi_object_unref(r->body);
}

static const berthi_object_class request_class = { "http request", sizeof(berthi_http_request),
                                                   end_request, NULL };
static const berthi_object_class options_class = { "http options", sizeof(berthi_http_options),
                                                   NULL, NULL };

/* ---------------------------------------------------------------- requests */

#define METHOD(name, result_type)                                                              \
    static berth_status name(void *ctx, berthi_wasi_host_http_types_outgoing_request *self,    \
                             const BERTHI_HTTP(outgoing_request_##name##_args) * args,         \
                             result_type * result, berth_host_call * call)

typedef berthi_wasi_result_none_none plain_result;

static berthi_http_request *request_of(berthi_wasi_host_http_types_outgoing_request *self)
{
    return (berthi_http_request *)(void *)self;
}

static berth_status make_request(void *ctx, const BERTHI_HTTP(outgoing_request_new_args) * args,
                                 berthi_wasi_host_http_types_outgoing_request **object_out,
                                 berth_host_call *call)
{
    const berthi_wasi *w = ctx;
    berthi_http_request *r = berthi_object_make(berthi_wasi_services(call), &request_class);

    if (r == NULL)
        return berth_host_fail(call, BERTH_E_LIMIT, "no room for a request");
    r->headers =
        berth_host_object_take(call, w->imports.http_types_fields.kind, args->headers.handle);
    r->headers->is_immutable = true;
    *object_out = (berthi_wasi_host_http_types_outgoing_request *)(void *)r;
    return BERTH_OK;
}

const char *const berthi_http_methods[] = { "GET",     "HEAD",    "POST",  "PUT",  "DELETE",
                                            "CONNECT", "OPTIONS", "TRACE", "PATCH" };
enum { METHODS = sizeof berthi_http_methods / sizeof *berthi_http_methods };

METHOD(method, BERTHI_HTTP(method))
{
    const berthi_http_text *m = &request_of(self)->method;

    for (uint8_t i = 0; m->text != NULL && i < METHODS; i++)
        if (strcmp(m->text, berthi_http_methods[i]) == 0) {
            result->tag = i;
            return BERTH_OK;
        }
    result->tag = m->text == NULL ? BERTHI_WASI_HTTP_TYPES_METHOD_GET
                                  : BERTHI_WASI_HTTP_TYPES_METHOD_OTHER;
    if (m->text != NULL)
        result->as.other = (berth_string){ m->text, m->size };
    return BERTH_OK;
}

static berth_status plain(plain_result *result, bool is_well)
{
    result->is_error = !is_well;
    return BERTH_OK;
}

/* Every text goes into a line of the request in the end: a byte that ends lines is in none. */
static bool is_clean(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (text[i] <= ' ' || text[i] == 0x7f)
            return false;
    return true;
}

static bool set_text(berthi_http_request *r, berthi_http_text *to, const char *text,
                     size_t size)
{
    return is_clean(text, size) && berthi_http_text_set(r->object.services, to, text, size);
}

METHOD(set_method, plain_result)
{
    berthi_http_request *r = request_of(self);
    const char *text = args->method.tag < METHODS ? berthi_http_methods[args->method.tag]
                                                  : args->method.as.other.text;
    size_t size = args->method.tag < METHODS ? strlen(text) : args->method.as.other.size;

    return plain(result, size != 0 && set_text(r, &r->method, text, size));
}

static berth_status give_text(const berthi_http_text *text, berthi_wasi_option_string *result)
{
    result->is_some = text->text != NULL;
    if (text->text != NULL)
        result->some = (berth_string){ text->text, text->size };
    return BERTH_OK;
}

static berth_status take_text(berthi_http_request *r, berthi_http_text *to,
                              const berthi_wasi_option_string *from, plain_result *result)
{
    if (from->is_some)
        return plain(result, set_text(r, to, from->some.text, from->some.size));
    berthi_http_text_end(r->object.services, to);
    return BERTH_OK;
}

METHOD(path_with_query, berthi_wasi_option_string)
{
    return give_text(&request_of(self)->path, result);
}

METHOD(set_path_with_query, plain_result)
{
    berthi_http_request *r = request_of(self);

    return take_text(r, &r->path, &args->path_with_query, result);
}

METHOD(authority, berthi_wasi_option_string)
{
    return give_text(&request_of(self)->authority, result);
}

METHOD(set_authority, plain_result)
{
    berthi_http_request *r = request_of(self);

    return take_text(r, &r->authority, &args->authority, result);
}

METHOD(scheme, berthi_wasi_option_http_types_scheme)
{
    const berthi_http_text *s = &request_of(self)->scheme;

    result->is_some = s->text != NULL;
    if (s->text == NULL)
        return BERTH_OK;
    result->some.tag = strcmp(s->text, "http") == 0    ? BERTHI_WASI_HTTP_TYPES_SCHEME_HTTP
                       : strcmp(s->text, "https") == 0 ? BERTHI_WASI_HTTP_TYPES_SCHEME_HTTPS
                                                       : BERTHI_WASI_HTTP_TYPES_SCHEME_OTHER;
    if (result->some.tag == BERTHI_WASI_HTTP_TYPES_SCHEME_OTHER)
        result->some.as.other = (berth_string){ s->text, s->size };
    return BERTH_OK;
}

METHOD(set_scheme, plain_result)
{
    berthi_http_request *r = request_of(self);
    berth_string text = { "http", 4 };

    if (!args->scheme.is_some) {
        berthi_http_text_end(r->object.services, &r->scheme);
        return BERTH_OK;
    }
    if (args->scheme.some.tag == BERTHI_WASI_HTTP_TYPES_SCHEME_HTTPS)
        text = (berth_string){ "https", 5 };
    if (args->scheme.some.tag == BERTHI_WASI_HTTP_TYPES_SCHEME_OTHER)
        text = args->scheme.some.as.other;
    return plain(result, text.size != 0 && set_text(r, &r->scheme, text.text, text.size));
}

METHOD(headers, BERTHI_HTTP(fields))
{
    const berthi_wasi *w = ctx;

    return berthi_wasi_give(call, w->imports.http_types_fields.kind,
                            berthi_object_ref(request_of(self)->headers), &result->handle);
}

METHOD(body, berthi_wasi_result_http_types_outgoing_body_none)
{
    const berthi_wasi *w = ctx;
    berthi_http_request *r = request_of(self);

    if (r->body != NULL) {
        result->is_error = 1;
        return BERTH_OK;
    }
    r->body = berthi_object_make(r->object.services, &berthi_http_outgoing_body_class);
    return berthi_wasi_give(call, w->imports.http_types_outgoing_body.kind,
                            r->body == NULL ? NULL : berthi_object_ref(r->body),
                            &result->as.ok.handle);
}

/* ---------------------------------------------------------------- options */

static berth_status make_options(void *ctx, const void *args,
                                 berthi_wasi_host_http_types_request_options **object_out,
                                 berth_host_call *call)
{
    berthi_http_options *o = berthi_object_make(berthi_wasi_services(call), &options_class);

    if (o == NULL)
        return berth_host_fail(call, BERTH_E_LIMIT, "no room for options");
    *object_out = (berthi_wasi_host_http_types_request_options *)(void *)o;
    return BERTH_OK;
}

#define OPTION(name, number)                                                                   \
    static berth_status name(void *ctx, berthi_wasi_host_http_types_request_options *self,     \
                             const BERTHI_HTTP(request_options_##name##_args) * args,          \
                             berthi_wasi_option_u64 * result, berth_host_call * call)          \
    {                                                                                          \
        const berthi_http_options *o = (const berthi_http_options *)(void *)self;              \
                                                                                               \
        *result = (berthi_wasi_option_u64){ o->has[number], o->ns[number] };                   \
        return BERTH_OK;                                                                       \
    }                                                                                          \
    static berth_status set_##name(                                                            \
        void *ctx, berthi_wasi_host_http_types_request_options *self,                          \
        const BERTHI_HTTP(request_options_set_##name##_args) * args, plain_result * result,    \
        berth_host_call * call)                                                                \
    {                                                                                          \
        berthi_http_options *o = (berthi_http_options *)(void *)self;                          \
                                                                                               \
        o->has[number] = args->duration.is_some != 0;                                          \
        o->ns[number] = args->duration.some;                                                   \
        return BERTH_OK;                                                                       \
    }

OPTION(connect_timeout, 0)
OPTION(first_byte_timeout, 1)
OPTION(between_bytes_timeout, 2)

/* ---------------------------------------------------------------- sending */

/* A body that was taken has to be finished first; one that was not is empty. */
static berth_status handle(
    void *ctx, const berthi_wasi_outgoing_handler_handle_args *args,
    berthi_wasi_result_http_types_future_incoming_response_http_types_er_etc *result,
    berth_host_call *call)
{
    const berthi_wasi *w = ctx;
    berthi_http_request *r = berth_host_object_take(
        call, w->imports.http_types_outgoing_request.kind, args->request.handle);
    berthi_http_options *o =
        args->options.is_some
            ? berth_host_object_take(call, w->imports.http_types_request_options.kind,
                                     args->options.some.handle)
            : NULL;
    berthi_http_exchange *e = berthi_http_exchange_make(r, o);
    berthi_http_code code = e == NULL ? BERTHI_HTTP_NO_MEMORY : e->code;

    if (code == BERTHI_HTTP_OK && r->body != NULL && !r->body->is_finished)
        r->body->exchange = berthi_object_ref(e);
    else if (code == BERTHI_HTTP_OK)
        berthi_http_exchange_go(e, r->body == NULL ? NULL : &r->body->bytes);
    berthi_object_unref(r);
    berthi_object_unref(o);
    if (code == BERTHI_HTTP_OK)
        return berthi_wasi_give(call, w->imports.http_types_future_incoming_response.kind, e,
                                &result->as.ok.handle);
    berthi_object_unref(e);
    result->is_error = 1;
    result->as.error = berthi_wasi_http_error(code);
    return BERTH_OK;
}

void berthi_wasi_fill_http(berthi_wasi_imports *imports)
{
#define FILL(name) imports->http_types_outgoing_request_##name = name
    imports->http_types_outgoing_request.destroy = berthi_object_unref;
    imports->http_types_outgoing_request_new = make_request;
    FILL(body);
    FILL(method);
    FILL(set_method);
    FILL(path_with_query);
    FILL(set_path_with_query);
    FILL(scheme);
    FILL(set_scheme);
    FILL(authority);
    FILL(set_authority);
    FILL(headers);
#undef FILL
#define FILL(name) imports->http_types_request_options_##name = name
    imports->http_types_request_options.destroy = berthi_object_unref;
    imports->http_types_request_options_new = make_options;
    FILL(connect_timeout);
    FILL(set_connect_timeout);
    FILL(first_byte_timeout);
    FILL(set_first_byte_timeout);
    FILL(between_bytes_timeout);
    FILL(set_between_bytes_timeout);
#undef FILL
    imports->outgoing_handler_handle = handle;
    berthi_wasi_fill_http_fields(imports);
    berthi_wasi_fill_http_bodies(imports);
    berthi_wasi_fill_http_incoming(imports);
    berthi_wasi_fill_http_responses(imports);
}
