/* wasi_http_exchange.c - a request that was handed in, until its response is there.  Layer: service. */
#include <stdio.h>

#include "service/wasi/wasi_http.h"

static void end_exchange(berthi_object *object)
{
    berthi_transfer_drop(((berthi_http_exchange *)object)->transfer);
}

static void look_at_exchange(berthi_object *object, berthi_wait *wait)
{
    const berthi_http_exchange *e = (const berthi_http_exchange *)object;

    wait->is_ready = e->transfer == NULL || berthi_transfer_is_done(e->transfer);
    if (wait->is_ready)
        return;
    wait->fd = berthi_transfer_fd(e->transfer);
    wait->for_read = true;
}

const berthi_object_class berthi_http_exchange_class = { "http response",
                                                         sizeof(berthi_http_exchange),
                                                         end_exchange, look_at_exchange };

bool berthi_http_text_set(berthi_services *s, berthi_http_text *to, const char *text,
                          size_t size)
{
    char *copy = size > BERTHI_HTTP_TEXT_MAX ? NULL : berthi_strndup(s->allocator, text, size);

    if (copy == NULL)
        return false;
    berthi_http_text_end(s, to);
    *to = (berthi_http_text){ copy, size };
    return true;
}

void berthi_http_text_end(berthi_services *s, berthi_http_text *text)
{
    berthi_free(s->allocator, text->text, text->size + 1);
    *text = (berthi_http_text){ NULL, 0 };
}

/* ---------------------------------------------------------------- where it goes */

typedef struct target {
    char host[256]; /* without brackets */
    size_t host_size;
    uint16_t port;
} target;

static bool read_port(const char *text, uint16_t *port_out)
{
    unsigned port = 0;

    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return false;
        port = port * 10 + (unsigned)(*text - '0');
        if (port > 65535)
            return false;
    }
    *port_out = (uint16_t)port;
    return port != 0;
}

/* "host", "host:port", "[v6]:port", and nothing else: no user, no escapes. */
static bool read_authority(const char *text, bool is_https, target *t)
{
    const char *end, *port;
    size_t size = strlen(text);

    for (size_t i = 0; i < size; i++)
        if (!((text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'z') ||
              (text[i] >= 'A' && text[i] <= 'Z') || strchr("-._:[]", text[i]) != NULL))
            return false;
    t->port = is_https ? 443 : 80;
    if (text[0] == '[') {
        end = strchr(text, ']');
        port = end == NULL ? NULL : end + 1;
        text++;
    } else {
        end = text + strcspn(text, ":[]");
        port = end;
    }
    if (end == NULL || end == text || (size_t)(end - text) >= sizeof t->host)
        return false;
    t->host_size = (size_t)(end - text);
    memcpy(t->host, text, t->host_size);
    t->host[t->host_size] = '\0';
    return *port == '\0' || (*port == ':' && read_port(port + 1, &t->port));
}

static bool is_path(const char *text)
{
    if (text[0] != '/')
        return false;
    for (; *text != '\0'; text++)
        if (*text <= ' ' || *text >= 0x7f || *text == '#')
            return false;
    return true;
}

static bool is_method(const char *text)
{
    for (const char *at = text; *at != '\0'; at++)
        if (!((*at >= 'A' && *at <= 'Z') || *at == '-'))
            return false;
    return text[0] != '\0' && strcmp(text, "CONNECT") != 0 && strcmp(text, "TRACE") != 0;
}

static const char *text_or(const berthi_http_text *t, const char *otherwise)
{
    return t->text == NULL ? otherwise : t->text;
}

/* ---------------------------------------------------------------- what is sent */

static bool is_said_size(const berthi_http_field *f)
{
    static const char name[] = "content-length";

    return berthi_http_is_named(f, name, sizeof name - 1);
}

/* How long the body is is for curl to say, who sends it: what came behind a body that is said to be
 * shorter would be another request for the server, which no grant was asked for. */
static void note_size(berthi_http_exchange *e, const berthi_http_request *r)
{
    if (!berthi_http_fields_length(r->headers, &e->says_size, &e->said_size))
        e->said_size = UINT64_MAX; /* no body is that long */
}

/* curl adds fields of its own unless they are there, or named with nothing behind it. */
static berthi_http_code put_headers(berthi_transfer *t, const berthi_http_request *r)
{
    static const char *const ours[] = { "Expect:", "Accept:", "Content-Type:" };
    bool is_there[3] = { false };
    berthi_http_code code = BERTHI_HTTP_OK;

    for (const berthi_http_field *f = r->headers->first; f != NULL && code == BERTHI_HTTP_OK;
         f = f->next) {
        const berth_allocator *a = r->object.services->allocator;
        size_t room = f->name_size + f->value_size + 4;
        char *line;

        if (is_said_size(f))
            continue;
        line = berthi_alloc(a, room);
        if (line == NULL)
            return BERTHI_HTTP_NO_MEMORY;
        /* A field without a value is written with a semicolon. */
        (void)snprintf(line, room, "%.*s%s%.*s", (int)f->name_size, f->name,
                       f->value_size == 0 ? ";" : ": ", (int)f->value_size,
                       berthi_http_value(f));
        for (size_t i = 0; i < 3; i++)
            is_there[i] = is_there[i] || berthi_http_is_named(f, ours[i], strlen(ours[i]) - 1);
        code = berthi_transfer_header(t, line);
        berthi_free(a, line, room);
    }
    for (size_t i = 0; i < 3 && code == BERTHI_HTTP_OK; i++)
        if (!is_there[i])
            code = berthi_transfer_header(t, ours[i]);
    return code;
}

static berthi_http_code prepare(berthi_http_exchange *e, const berthi_http_request *r,
                                const berthi_http_options *o)
{
    const berth_grants *grants = e->object.services->grants;
    const char *scheme = text_or(&r->scheme, "https"), *path = text_or(&r->path, "/");
    const char *method = text_or(&r->method, "GET"), *authority = text_or(&r->authority, "");
    char url[2 * BERTHI_HTTP_TEXT_MAX + 16];
    berthi_http_code code;
    target to;

    if (!is_method(method))
        return BERTHI_HTTP_METHOD;
    if ((strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0) || !is_path(path) ||
        !read_authority(authority, strcmp(scheme, "https") == 0, &to))
        return BERTHI_HTTP_URI;
    if (!berthi_grants_http(grants, method, strlen(method), to.host, to.host_size, to.port))
        return BERTHI_HTTP_DENIED;
    (void)snprintf(url, sizeof url, "%s://%s%s", scheme, authority, path);
    code = berthi_transfer_make(method, url, to.host, grants, &e->transfer);
    note_size(e, r);
    if (code == BERTHI_HTTP_OK)
        code = put_headers(e->transfer, r);
    if (code == BERTHI_HTTP_OK && o != NULL)
        berthi_transfer_timeouts(e->transfer, o->has[0] ? o->ns[0] : 0,
                                 o->has[1] ? o->ns[1] : 0, o->has[2] ? o->ns[2] : 0);
    return code;
}

static void fail(berthi_http_exchange *e, berthi_http_code code)
{
    berthi_transfer_drop(e->transfer);
    e->transfer = NULL;
    e->code = code;
}

berthi_http_exchange *berthi_http_exchange_make(const berthi_http_request *request,
                                                const berthi_http_options *options)
{
    berthi_http_exchange *e =
        berthi_object_make(request->object.services, &berthi_http_exchange_class);
    berthi_http_code code;

    if (e == NULL)
        return NULL;
    code = prepare(e, request, options);
    if (code != BERTHI_HTTP_OK)
        fail(e, code);
    return e;
}

void berthi_http_exchange_go(berthi_http_exchange *e, const berthi_bytes *body)
{
    berthi_http_code code = BERTHI_HTTP_OK;

    if (e->transfer == NULL || e->is_started)
        return;
    e->is_started = true;
    if (e->says_size && e->said_size != (body == NULL ? 0 : body->size))
        code = BERTHI_HTTP_REQUEST_SIZE;
    else if (body != NULL && body->size != 0)
        code = berthi_transfer_body(e->transfer, body->data, body->size);
    if (code == BERTHI_HTTP_OK)
        code = berthi_transfer_start(e->transfer);
    if (code != BERTHI_HTTP_OK)
        fail(e, code);
}

void berthi_http_exchange_abandon(berthi_http_exchange *e)
{
    if (!e->is_started)
        fail(e, BERTHI_HTTP_TERMINATED);
}

BERTHI_HTTP(error_code) berthi_wasi_http_error(berthi_http_code code)
{
#define IS(name) BERTHI_WASI_HTTP_TYPES_ERROR_CODE_##name
    static const uint8_t tags[BERTHI_HTTP_CODES] = {
        [BERTHI_HTTP_OK] = IS(INTERNAL_ERROR),
        [BERTHI_HTTP_DNS] = IS(DNS_ERROR),
        [BERTHI_HTTP_PROHIBITED] = IS(DESTINATION_IP_PROHIBITED),
        [BERTHI_HTTP_REFUSED] = IS(CONNECTION_REFUSED),
        [BERTHI_HTTP_TERMINATED] = IS(CONNECTION_TERMINATED),
        [BERTHI_HTTP_CONNECT_TIMEOUT] = IS(CONNECTION_TIMEOUT),
        [BERTHI_HTTP_LIMIT] = IS(CONNECTION_LIMIT_REACHED),
        [BERTHI_HTTP_TLS] = IS(TLS_PROTOCOL_ERROR),
        [BERTHI_HTTP_CERTIFICATE] = IS(TLS_CERTIFICATE_ERROR),
        [BERTHI_HTTP_DENIED] = IS(HTTP_REQUEST_DENIED),
        [BERTHI_HTTP_METHOD] = IS(HTTP_REQUEST_METHOD_INVALID),
        [BERTHI_HTTP_URI] = IS(HTTP_REQUEST_URI_INVALID),
        [BERTHI_HTTP_REQUEST_SIZE] = IS(HTTP_REQUEST_BODY_SIZE),
        [BERTHI_HTTP_INCOMPLETE] = IS(HTTP_RESPONSE_INCOMPLETE),
        [BERTHI_HTTP_HEADERS_SIZE] = IS(HTTP_RESPONSE_HEADER_SECTION_SIZE),
        [BERTHI_HTTP_BODY_SIZE] = IS(HTTP_RESPONSE_BODY_SIZE),
        [BERTHI_HTTP_RESPONSE_TIMEOUT] = IS(HTTP_RESPONSE_TIMEOUT),
        [BERTHI_HTTP_PROTOCOL] = IS(HTTP_PROTOCOL_ERROR),
        [BERTHI_HTTP_NO_MEMORY] = IS(INTERNAL_ERROR),
        [BERTHI_HTTP_INTERNAL] = IS(INTERNAL_ERROR),
    };
#undef IS
    BERTHI_HTTP(error_code) error = { 0 };

    error.tag = tags[code];
    return error;
}
