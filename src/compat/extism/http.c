/* http.c - requests of Extism plugins, by the client that components have.  Layer: compat.
 *
 * What cannot be had ends the instance, as by upstream's own host: the plugin is given no way to learn why. */
#include "base/json_writer.h"
#include "compat/extism/private.h"
#include "service/wasi/wasi_http.h"

enum { REQUEST_ROOM_MAX = 4 << 20 };

static berth_status refuse(berth_diag *diag, const char *why)
{
    return berthi_fail_because(diag, BERTH_E_TRAP, BERTH_REASON_HOST, "http_request: %s", why);
}

/* ---------------------------------------------------------------- what is asked */

static bool set_part(berthi_http_text *to, berthi_arena *arena, const char *text, size_t size)
{
    to->text = size > BERTHI_HTTP_TEXT_MAX ? NULL : berthi_arena_strndup(arena, text, size);
    to->size = size;
    return to->text != NULL;
}

/* "http://host/path?query#fragment", of which the fragment is not sent. */
static bool set_url(berthi_http_request *r, berthi_arena *arena, const berthi_json *url)
{
    const char *at, *end, *authority;

    if (url == NULL || url->kind != BERTHI_JSON_STRING || strlen(url->text) != url->size)
        return false;
    at = strstr(url->text, "://");
    if (at == NULL)
        return false;
    authority = at + 3;
    end = authority + strcspn(authority, "/?#");
    return set_part(&r->scheme, arena, url->text, (size_t)(at - url->text)) &&
           set_part(&r->authority, arena, authority, (size_t)(end - authority)) &&
           (*end == '/' ? set_part(&r->path, arena, end, strcspn(end, "#"))
                        : *end != '?' && set_part(&r->path, arena, "/", 1));
}

static bool set_method(berthi_http_request *r, berthi_arena *arena, const berthi_json *method)
{
    if (method == NULL || method->kind == BERTHI_JSON_NULL)
        return set_part(&r->method, arena, "GET", 3);
    return method->kind == BERTHI_JSON_STRING && strlen(method->text) == method->size &&
           set_part(&r->method, arena, method->text, method->size);
}

static bool set_headers(berthi_http_request *r, const berthi_json *headers)
{
    if (headers == NULL || headers->kind == BERTHI_JSON_NULL)
        return true;
    if (headers->kind != BERTHI_JSON_OBJECT)
        return false;
    for (const berthi_json *m = headers->first; m != NULL; m = m->next)
        if (m->kind != BERTHI_JSON_STRING ||
            berthi_http_fields_append(r->headers, m->name, m->name_size, m->text, m->size) !=
                BERTHI_FIELDS_OK)
            return false;
    return true;
}

/* Makes the exchange of what the JSON says; its texts are the arena's, for it copies them. */
static berth_status begin(berthi_guest *g, berthi_name text, berthi_arena *arena,
                          berth_diag *diag)
{
    extism_state *s = berthi_extism_state_of(g);
    berthi_http_request r = { .object = { .services = g->services } };
    const berthi_json *json;
    berthi_json_error error;
    berth_status status = BERTH_OK;

    if (berthi_json_read(text.text, text.size, arena, &json, &error) != BERTH_OK)
        return refuse(diag, "what it is given is no JSON");
    r.headers = berthi_http_fields_make(g->services);
    if (r.headers == NULL)
        return berthi_fail(diag, BERTH_E_LIMIT, "http_request: no room for a request");
    if (!set_url(&r, arena, berthi_json_member(json, "url")))
        status = refuse(diag, "it has no URL that may be asked for");
    else if (!set_method(&r, arena, berthi_json_member(json, "method")))
        status = refuse(diag, "its method is none");
    else if (!set_headers(&r, berthi_json_member(json, "headers")))
        status = refuse(diag, "a header may not be sent");
    if (status == BERTH_OK) {
        s->exchange = berthi_http_exchange_make(&r, NULL);
        if (s->exchange == NULL)
            status = berthi_fail(diag, BERTH_E_LIMIT, "http_request: no room for a request");
    }
    berthi_object_unref(r.headers);
    return status;
}

/* ---------------------------------------------------------------- what comes back */

void berthi_extism_end_http(extism_state *s)
{
    berthi_object_unref(s->exchange);
    s->exchange = NULL;
}

static berth_status take_response(extism_state *s, berthi_val *cells, berth_diag *diag)
{
    const berthi_bytes *content;
    berthi_http_code code = s->exchange->transfer == NULL
                                ? s->exchange->code
                                : berthi_transfer_code(s->exchange->transfer);

    if (s->exchange->transfer == NULL || code != BERTHI_HTTP_OK)
        return refuse(diag, berthi_http_code_text(code));
    content = berthi_transfer_content(s->exchange->transfer);
    return berthi_extism_give(s, content->data, content->size, cells, diag);
}

EXTISM(http_request)
{
    berthi_guest *g = berthi_guest_of(store);
    extism_state *s = berthi_extism_state_of(g);
    berthi_name text, body = { NULL, 0 };
    berthi_arena arena;
    berth_status status = berthi_extism_block_of(g, ctx, cells, 0, &text, diag);

    if (status == BERTH_OK && cells[1].i64 != 0)
        status = berthi_extism_block_of(g, ctx, cells, 1, &body, diag);
    if (status != BERTH_OK)
        return status;
    berthi_extism_end_http(s);
    berthi_arena_init(&arena, g->allocator, REQUEST_ROOM_MAX);
    status = begin(g, text, &arena, diag);
    berthi_arena_fini(&arena);
    if (status == BERTH_OK) {
        const berthi_bytes bytes = { (uint8_t *)(uintptr_t)body.text, body.size, body.size };

        berthi_http_exchange_go(s->exchange, &bytes);
        /* It is the question that makes what the other thread wrote visible here. */
        while (status == BERTH_OK && s->exchange->transfer != NULL &&
               !berthi_transfer_is_done(s->exchange->transfer))
            status = berthi_object_wait(&s->exchange->object, diag);
    }
    return status == BERTH_OK ? take_response(s, cells, diag) : status;
}

EXTISM(http_status_code)
{
    const extism_state *s = berthi_extism_state_of(berthi_guest_of(store));

    (void)ctx;
    (void)diag;
    cells[0] = (berthi_val){ .i32 = s->exchange == NULL || s->exchange->transfer == NULL
                                        ? 0
                                        : berthi_transfer_status(s->exchange->transfer) };
    return BERTH_OK;
}

/* The fields are lines: "Name: value\n".  Of those with one name the first counts, and names are in small
 * letters, as upstream's host has them. */
static bool is_first(const char *from, const char *line, size_t name_size)
{
    for (; from < line; from = (const char *)memchr(from, '\n', (size_t)(line - from)) + 1)
        if (strncasecmp(from, line, name_size) == 0 && from[name_size] == ':')
            return false;
    return true;
}

static void write_headers(berthi_text_buf *out, const char *lines, const char *end)
{
    berthi_json_writer w;

    berthi_json_init(&w, out);
    berthi_json_object(&w, NULL);
    for (const char *at = lines, *next; at < end; at = next) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        const char *colon = stop == NULL ? NULL : memchr(at, ':', (size_t)(stop - at));
        char name[256];
        size_t size = colon == NULL ? 0 : (size_t)(colon - at);

        next = stop == NULL ? end : stop + 1;
        if (size == 0 || size >= sizeof name || !is_first(lines, at, size))
            continue;
        for (size_t i = 0; i < size; i++)
            name[i] = at[i] >= 'A' && at[i] <= 'Z' ? (char)(at[i] + ('a' - 'A')) : at[i];
        name[size] = '\0';
        colon += colon + 1 < stop && colon[1] == ' ' ? 2 : 1;
        berthi_json_text(&w, name, colon, (size_t)(stop - colon));
    }
    berthi_json_end(&w);
}

EXTISM(http_headers)
{
    berthi_guest *g = berthi_guest_of(store);
    extism_state *s = berthi_extism_state_of(g);
    const berthi_bytes *lines;
    berthi_text_buf text;
    berth_status status;

    (void)ctx;
    cells[0] = (berthi_val){ .i64 = 0 };
    if (s->exchange == NULL || s->exchange->transfer == NULL)
        return BERTH_OK;
    lines = berthi_transfer_headers(s->exchange->transfer);
    berthi_text_buf_init(&text, g->allocator);
    write_headers(&text, (const char *)lines->data, (const char *)lines->data + lines->size);
    status = text.has_failed ? berthi_fail(diag, BERTH_E_NOMEM, "the headers of a response")
                             : berthi_extism_give(s, text.data, text.size, cells, diag);
    berthi_text_buf_fini(&text);
    return status;
}
