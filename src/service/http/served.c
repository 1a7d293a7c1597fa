/* served.c - requests that come in: bodies both ways, and what became of one.  Layer: service. */
#include "service/http/served.h"

#include <assert.h>
#include <string.h>

#include "base/diag.h"

enum { AT_ONCE = 65536, DRAIN_AT_ONCE = 4096, DRAINS = 256 };

/* ---------------------------------------------------------------- before */

static bool is_word(berth_string s, char most)
{
    for (size_t i = 0; i < s.size; i++)
        if (s.text[i] <= ' ' || s.text[i] == 0x7f || (most != 0 && s.text[i] > most))
            return false;
    return true;
}

static berth_status check_texts(const berth_http_request *r, berth_diag *diag)
{
    const berth_string texts[] = { r->method, r->path, r->authority, r->scheme };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (texts[i].size > BERTH_HTTP_TEXT_MAX)
            return berthi_fail_because(
                diag, BERTH_E_LIMIT, BERTH_REASON_INPUT,
                "a method, path, authority or scheme of %zu bytes, of at "
                "most %d",
                texts[i].size, BERTH_HTTP_TEXT_MAX);
        if (!is_word(texts[i], '~'))
            return berthi_fail(diag, BERTH_E_INVALID,
                               "a method, path, authority or scheme has a byte that cannot be "
                               "in one");
    }
    if (r->method.size == 0)
        return berthi_fail(diag, BERTH_E_INVALID, "a request has a method");
    return BERTH_OK;
}

berth_status berthi_http_check_request(const berth_http_request *r, berth_diag *diag)
{
    berth_status status = check_texts(r, diag);
    size_t bytes = 0;

    if (status != BERTH_OK)
        return status;
    for (size_t i = 0; i < r->fields_count; i++) {
        const berth_http_field *f = &r->fields[i];

        if (i == BERTH_HTTP_FIELDS_MAX || f->name.size > BERTH_HTTP_FIELDS_BYTES_MAX - bytes ||
            f->value.size > BERTH_HTTP_FIELDS_BYTES_MAX - bytes - f->name.size)
            return berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_INPUT,
                                       "a request has at most %d fields of %d bytes",
                                       BERTH_HTTP_FIELDS_MAX, BERTH_HTTP_FIELDS_BYTES_MAX);
        bytes += f->name.size + f->value.size;
        if (berthi_http_check_name(f->name.text, f->name.size) == BERTHI_FIELDS_SYNTAX ||
            !berthi_http_is_value(f->value.text, f->value.size))
            return berthi_fail(diag, BERTH_E_INVALID,
                               "field %zu of the request is none of HTTP's", i);
    }
    return BERTH_OK;
}

/* Immutable, and without those that belong to the connection; NULL: no room. */
static berthi_http_fields *take_fields(berthi_services *s, const berth_http_field *from,
                                       size_t count)
{
    berthi_http_fields *f = berthi_http_fields_make(s);

    for (size_t i = 0; f != NULL && i < count; i++) {
        berthi_http_fields_code code = berthi_http_fields_append(
            f, from[i].name.text, from[i].name.size, from[i].value.text, from[i].value.size);

        if (code == BERTHI_FIELDS_NO_MEMORY || code == BERTHI_FIELDS_FULL) {
            berthi_object_unref(f);
            return NULL;
        }
    }
    if (f != NULL)
        f->is_immutable = true;
    return f;
}

static void end_served(berthi_object *object)
{
    berthi_object_unref(((berthi_http_served *)object)->fields);
}

static const berthi_object_class served_class = { "http exchange", sizeof(berthi_http_served),
                                                  end_served, NULL };

berthi_http_served *berthi_http_served_make(berthi_services *s,
                                            const berth_http_request *request,
                                            const berth_http_sink *sink)
{
    berthi_http_served *d = berthi_object_make(s, &served_class);

    if (d == NULL)
        return NULL;
    d->request = request;
    d->sink = sink;
    d->fields = take_fields(s, request->fields, request->fields_count);
    if (d->fields != NULL)
        return d;
    berthi_object_unref(d);
    return NULL;
}

/* ---------------------------------------------------------------- behind */

static berth_status judge(const berthi_http_served *d, berth_diag *diag)
{
    if (!d->is_set)
        return berthi_fail(diag, BERTH_E_PLUGIN, "the plugin returned without a response");
    if (d->has_error)
        return berthi_fail(diag, BERTH_E_PLUGIN, "the plugin answered with %s", d->said);
    if (!d->is_ended && !d->is_deaf)
        return berthi_fail(diag, BERTH_E_PLUGIN,
                           "the plugin returned and had not finished its response's body");
    return BERTH_OK;
}

berth_status berthi_http_served_end(berthi_http_served *d, berth_diag *diag)
{
    berth_status status = judge(d, diag);

    d->request = NULL;
    d->sink = NULL;
    berthi_object_unref(d);
    return status;
}

/* ---------------------------------------------------------------- the request's body */

static bool has_part(const berthi_http_served *d)
{
    return d->at < d->request->body_size;
}

static bool is_over(const berthi_http_served *d)
{
    return d->request == NULL || d->is_read_up || (!has_part(d) && d->request->read == NULL);
}

static berthi_code read_more(berthi_http_served *d, void *to, size_t *size_io)
{
    size_t size = *size_io;
    berth_status status = d->request->read(d->request->ctx, to, &size);

    if (status == BERTH_E_BUSY && d->request->body_fd >= 0)
        return BERTHI_CODE_WOULD_BLOCK;
    if (status != BERTH_OK || size > *size_io) {
        d->is_broken = true;
        return BERTHI_CODE_IO;
    }
    d->is_read_up = size == 0;
    *size_io = size;
    return size == 0 ? BERTHI_CODE_CLOSED : BERTHI_CODE_OK;
}

berthi_code berthi_http_served_read(berthi_http_served *d, void *to, size_t *size_io)
{
    berthi_code code = BERTHI_CODE_OK;
    size_t left;

    if (is_over(d))
        return BERTHI_CODE_CLOSED;
    if (d->is_broken)
        return BERTHI_CODE_IO;
    if (*size_io == 0)
        return BERTHI_CODE_OK;
    if (has_part(d)) {
        left = d->request->body_size - d->at;
        if (*size_io > left)
            *size_io = left;
        memcpy(to, (const char *)d->request->body + d->at, *size_io);
        d->at += *size_io;
    } else {
        code = read_more(d, to, size_io);
    }
    if (code == BERTHI_CODE_OK)
        d->read += *size_io;
    return code;
}

void berthi_http_served_look_in(const berthi_http_served *d, berthi_wait *wait)
{
    wait->is_ready = is_over(d) || d->is_broken || has_part(d) || d->request->body_fd < 0;
    if (wait->is_ready)
        return;
    wait->fd = d->request->body_fd;
    wait->for_read = true;
}

bool berthi_http_served_drain(berthi_http_served *d)
{
    uint8_t scratch[DRAIN_AT_ONCE];
    berthi_code code = BERTHI_CODE_OK;

    if (d->request != NULL && has_part(d))
        d->at = d->request->body_size;
    for (int i = 0; i < DRAINS && code == BERTHI_CODE_OK; i++) {
        size_t size = sizeof scratch;

        code = berthi_http_served_read(d, scratch, &size);
    }
    return code != BERTHI_CODE_OK && code != BERTHI_CODE_WOULD_BLOCK;
}

berthi_http_fields *berthi_http_served_trailers(const berthi_http_served *d)
{
    return take_fields(d->object.services, d->request->trailers, d->request->trailers_count);
}

/* ---------------------------------------------------------------- the response */

berthi_code berthi_http_served_room(const berthi_http_served *d, size_t *room_out)
{
    size_t room = AT_ONCE;

    if (d->sink == NULL || d->is_ended || d->is_deaf)
        return BERTHI_CODE_CLOSED;
    if (d->sink->room != NULL)
        room = d->sink->room(d->sink->ctx);
    *room_out = room < AT_ONCE ? room : AT_ONCE;
    return BERTHI_CODE_OK;
}

void berthi_http_served_look_out(const berthi_http_served *d, berthi_wait *wait)
{
    size_t room = 0;
    berthi_code code = berthi_http_served_room(d, &room);

    wait->is_ready = code != BERTHI_CODE_OK || room != 0;
    if (wait->is_ready)
        return;
    wait->fd = d->sink->ready_fd;
    wait->for_read = true;
}

berthi_code berthi_http_served_write(berthi_http_served *d, const void *from, size_t size)
{
    if (d->sink == NULL || d->is_ended || d->is_deaf)
        return BERTHI_CODE_CLOSED;
    d->is_wrong = d->is_wrong || (d->says_size && size > d->said_size - d->written);
    if (d->is_wrong)
        return BERTHI_CODE_FILE_TOO_LARGE;
    if (size == 0)
        return BERTHI_CODE_OK;
    d->is_deaf = d->sink->body(d->sink->ctx, from, size) != BERTH_OK;
    d->written += size;
    return d->is_deaf ? BERTHI_CODE_CLOSED : BERTHI_CODE_OK;
}

/* The same as the host's structs, in memory of the services'.  NULL: no memory. */
static berth_http_field *show_fields(const berthi_http_fields *f)
{
    berth_http_field *all =
        berthi_alloc(f->object.services->allocator, (f->count + 1) * sizeof *all);
    size_t count = 0;

    for (const berthi_http_field *at = f->first; all != NULL && at != NULL; at = at->next)
        all[count++] = (berth_http_field){ { at->name, at->name_size },
                                           { berthi_http_value(at), at->value_size } };
    return all;
}

static void hide_fields(const berthi_http_fields *f, berth_http_field *all)
{
    berthi_free(f->object.services->allocator, all, (f->count + 1) * sizeof *all);
}

berth_status berthi_http_served_head(berthi_http_served *d, uint16_t status,
                                     const berthi_http_fields *fields)
{
    berth_http_field *all = show_fields(fields);

    assert(!d->is_set && d->sink != NULL);
    if (all == NULL)
        return BERTH_E_NOMEM;
    d->is_set = true;
    /* No body is as long as what is no length, or two. */
    if (!berthi_http_fields_length(fields, &d->says_size, &d->said_size))
        d->said_size = UINT64_MAX;
    if (status == 304 ||
        (d->request->method.size == 4 && memcmp(d->request->method.text, "HEAD", 4) == 0))
        d->says_size = false; /* of a body that is not sent */
    d->is_deaf = d->sink->head(d->sink->ctx, status, all, fields->count) != BERTH_OK;
    hide_fields(fields, all);
    return BERTH_OK;
}

bool berthi_http_served_fits(const berthi_http_served *d)
{
    return !d->is_wrong && (!d->says_size || d->said_size == d->written);
}

berth_status berthi_http_served_finish(berthi_http_served *d,
                                       const berthi_http_fields *trailers)
{
    berth_http_field *all = NULL;

    if (d->sink == NULL || d->is_ended || d->is_deaf)
        return BERTH_OK;
    if (trailers != NULL) {
        all = show_fields(trailers);
        if (all == NULL)
            return BERTH_E_NOMEM;
    }
    d->is_ended = true;
    d->is_deaf =
        d->sink->end(d->sink->ctx, all, trailers == NULL ? 0 : trailers->count) != BERTH_OK;
    if (all != NULL)
        hide_fields(trailers, all);
    return BERTH_OK;
}
