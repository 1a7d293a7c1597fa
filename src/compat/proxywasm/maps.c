/* maps.c - fields and bodies of the request and the response that a filter sees and changes.  Layer: compat. */
#include "compat/proxywasm/private.h"

#include "service/http/fields.h"

/* The kinds of maps and buffers that the ABI numbers, and that are here. */
static berthi_pw_map *map_of(berthi_guest *g, int32_t kind)
{
    berthi_pw_exchange *x = &berthi_pw_of(g)->x;

    if (!x->is_live || kind < 0 || kind >= PW_MAPS || (kind >= PW_RESPONSE && !x->has_response))
        return NULL;
    return &x->maps[kind];
}

static bool is_pseudo(bool is_response, berthi_pw_view name, berthi_pw_view value)
{
    static const char *const request[] = { ":method", ":path", ":authority", ":scheme" };

    for (size_t i = 0; i < value.size; i++)
        if (value.text[i] <= ' ' || value.text[i] > '~')
            return false;
    if (is_response)
        return name.size == 7 && memcmp(name.text, ":status", 7) == 0 && value.size == 3 &&
               value.text[0] >= '2' && value.text[0] <= '9' && value.text[1] >= '0' &&
               value.text[1] <= '9' && value.text[2] >= '0' && value.text[2] <= '9';
    for (size_t i = 0; i < 4; i++)
        if (strlen(request[i]) == name.size && memcmp(request[i], name.text, name.size) == 0)
            return value.size <= BERTH_HTTP_TEXT_MAX;
    return false;
}

bool berthi_pw_is_field(bool is_response, bool is_trailer, berthi_pw_view name,
                        berthi_pw_view value)
{
    if (name.size != 0 && name.text[0] == ':')
        return !is_trailer && is_pseudo(is_response, name, value);
    return berthi_http_check_name(name.text, name.size) != BERTHI_FIELDS_SYNTAX &&
           berthi_http_is_value(value.text, value.size);
}

static bool is_field_of(int32_t kind, berthi_pw_view name, berthi_pw_view value)
{
    return berthi_pw_is_field(kind >= PW_RESPONSE,
                              kind == PW_REQUEST_TRAILERS || kind == PW_RESPONSE_TRAILERS, name,
                              value);
}

/* ---------------------------------------------------------------- pairs */

static uint32_t read32(const char *from)
{
    uint32_t n = 0;

    for (unsigned i = 0; i < 4; i++)
        n |= (uint32_t)(uint8_t)from[i] << 8 * i;
    return n;
}

static void write32(uint8_t *to, uint32_t n)
{
    for (unsigned i = 0; i < 4; i++)
        to[i] = (uint8_t)(n >> 8 * i);
}

/* The number of pairs, the sizes of each, then each with a NUL behind name and value. */
static size_t written_size(const berthi_pw_map *m)
{
    return 4 + m->count * (size_t)10 + m->bytes;
}

static void write_pairs(const berthi_pw_map *m, uint8_t *to)
{
    uint8_t *sizes = to + 4, *bytes = sizes + m->count * (size_t)8;

    write32(to, m->count);
    for (uint32_t i = 0; i < m->count; i++) {
        const berthi_pw_pair *p = &m->pairs[i];

        write32(sizes, (uint32_t)p->name.size);
        write32(sizes + 4, (uint32_t)p->value.size);
        sizes += 8;
        memcpy(bytes, p->name.text, p->name.size + 1);
        bytes += p->name.size + 1;
        memcpy(bytes, p->value.text, p->value.size + 1);
        bytes += p->value.size + 1;
    }
}

static int read_pairs(berthi_guest *g, berthi_pw_view from, int32_t kind, berthi_pw_map *to)
{
    uint32_t count = from.size < 4 ? 0 : read32(from.text);
    size_t at = 4 + count * (size_t)8;
    int code = PW_OK;

    if (from.size == 0)
        return PW_OK;
    if (from.size < 4 || count > PW_FIELDS_MAX || at > from.size)
        return PW_PARSE_FAILURE;
    for (uint32_t i = 0; i < count && code == PW_OK; i++) {
        size_t name = read32(from.text + 4 + i * (size_t)8);
        size_t value = read32(from.text + 8 + i * (size_t)8), left = from.size - at;
        berthi_pw_view n = { from.text + at, name }, v = { from.text + at + name + 1, value };

        if (left < 2 || name > left - 2 || value > left - 2 - name || n.text[name] != '\0' ||
            v.text[value] != '\0')
            return PW_PARSE_FAILURE;
        code = is_field_of(kind, n, v) ? berthi_pw_map_add(g, to, n.text, name, v.text, value)
                                       : PW_BAD_ARGUMENT;
        at += name + value + 2;
    }
    return code;
}

int berthi_pw_read_pairs(berthi_guest *g, berthi_pw_view from, bool is_response,
                         berthi_pw_map *to)
{
    return read_pairs(g, from, is_response ? PW_RESPONSE : PW_REQUEST, to);
}

PW_HOST(berthi_pw_get_map_pairs)
{
    berthi_guest *g = berthi_guest_of(store);
    const berthi_pw_map *m = map_of(g, cells[0].i32);
    const berthi_val to[2] = { cells[1], cells[2] };
    uint32_t at;
    uint8_t *room;
    berth_status status;
    int code = PW_OK;

    (void)ctx;
    if (m == NULL)
        return berthi_pw_answer(cells, PW_BAD_ARGUMENT);
    if (!berthi_pw_may_change(g))
        return berthi_pw_answer(cells, PW_INTERNAL_FAILURE);
    status = berthi_pw_make_room(g, written_size(m), &at, &room, diag);
    if (status != BERTH_OK)
        return status;
    write_pairs(m, room);
    berthi_pw_put32(g, (uint32_t)to[0].i32, at, &code);
    berthi_pw_put32(g, (uint32_t)to[1].i32, (uint32_t)written_size(m), &code);
    return berthi_pw_answer(cells, code);
}

PW_HOST(berthi_pw_get_map_size)
{
    berthi_guest *g = berthi_guest_of(store);
    const berthi_pw_map *m = map_of(g, cells[0].i32);
    int code = PW_OK;

    (void)ctx;
    (void)diag;
    if (m == NULL)
        return berthi_pw_answer(cells, PW_BAD_ARGUMENT);
    berthi_pw_put32(g, (uint32_t)cells[1].i32, (uint32_t)written_size(m), &code);
    return berthi_pw_answer(cells, code);
}

/* All or none of it. */
PW_HOST(berthi_pw_set_map_pairs)
{
    berthi_guest *g = berthi_guest_of(store);
    berthi_pw_map *m = map_of(g, cells[0].i32), made = { NULL, 0, 0, 0 };
    berthi_pw_view from;
    int code;

    (void)ctx;
    (void)diag;
    if (!berthi_pw_may_change(g))
        return berthi_pw_answer(cells, PW_INTERNAL_FAILURE);
    if (m == NULL)
        return berthi_pw_answer(cells, PW_BAD_ARGUMENT);
    if (!berthi_pw_in(g, &cells[1], &from))
        return berthi_pw_answer(cells, PW_INVALID_MEMORY);
    code = read_pairs(g, from, cells[0].i32, &made);
    if (code == PW_OK) {
        berthi_pw_map_end(g, m);
        *m = made;
    } else {
        berthi_pw_map_end(g, &made);
    }
    return berthi_pw_answer(cells, code);
}

PW_HOST(berthi_pw_get_map_value)
{
    berthi_guest *g = berthi_guest_of(store);
    const berthi_pw_map *m = map_of(g, cells[0].i32);
    const berthi_pw_pair *p;
    berthi_pw_view name;
    berth_status status;
    int code;

    (void)ctx;
    if (m == NULL)
        return berthi_pw_answer(cells, PW_BAD_ARGUMENT);
    if (!berthi_pw_in(g, &cells[1], &name))
        return berthi_pw_answer(cells, PW_INVALID_MEMORY);
    p = berthi_pw_map_find(m, name.text, name.size);
    if (p == NULL)
        return berthi_pw_answer(cells, PW_NOT_FOUND);
    status = berthi_pw_give(g, p->value.text, p->value.size, &cells[3], &code, diag);
    return status == BERTH_OK ? berthi_pw_answer(cells, code) : status;
}

typedef int change_fn(berthi_guest *g, berthi_pw_map *m, const char *name, size_t name_size,
                      const void *value, size_t value_size);

static berth_status change(berthi_wasm_store *store, berthi_val *cells, change_fn *how)
{
    berthi_guest *g = berthi_guest_of(store);
    berthi_pw_map *m = map_of(g, cells[0].i32);
    berthi_pw_view name, value;

    if (!berthi_pw_may_change(g))
        return berthi_pw_answer(cells, PW_INTERNAL_FAILURE);
    if (m == NULL)
        return berthi_pw_answer(cells, PW_BAD_ARGUMENT);
    if (!berthi_pw_in(g, &cells[1], &name) || !berthi_pw_in(g, &cells[3], &value))
        return berthi_pw_answer(cells, PW_INVALID_MEMORY);
    if (!is_field_of(cells[0].i32, name, value))
        return berthi_pw_answer(cells, PW_BAD_ARGUMENT);
    return berthi_pw_answer(cells, how(g, m, name.text, name.size, value.text, value.size));
}

PW_HOST(berthi_pw_replace_map_value)
{
    (void)ctx;
    (void)diag;
    return change(store, cells, berthi_pw_map_replace);
}

PW_HOST(berthi_pw_add_map_value)
{
    (void)ctx;
    (void)diag;
    return change(store, cells, berthi_pw_map_add);
}

PW_HOST(berthi_pw_remove_map_value)
{
    berthi_guest *g = berthi_guest_of(store);
    berthi_pw_map *m = map_of(g, cells[0].i32);
    berthi_pw_view name;

    (void)ctx;
    (void)diag;
    if (!berthi_pw_may_change(g))
        return berthi_pw_answer(cells, PW_INTERNAL_FAILURE);
    if (m == NULL)
        return berthi_pw_answer(cells, PW_BAD_ARGUMENT);
    if (!berthi_pw_in(g, &cells[1], &name))
        return berthi_pw_answer(cells, PW_INVALID_MEMORY);
    berthi_pw_map_remove(g, m, name.text, name.size);
    return berthi_pw_answer(cells, PW_OK);
}

/* ---------------------------------------------------------------- buffers */

enum { VM_CONFIGURATION = 6, PLUGIN_CONFIGURATION = 7 };

/* False: there is none of that kind now. */
static bool buffer_of(berthi_guest *g, int32_t kind, berthi_pw_view *out)
{
    const berthi_pw_exchange *x = &berthi_pw_of(g)->x;

    *out = (berthi_pw_view){ "", 0 };
    if (kind == VM_CONFIGURATION)
        return true;
    if (kind == PLUGIN_CONFIGURATION && g->config_size != 0)
        *out = (berthi_pw_view){ g->config, g->config_size };
    if (kind == PLUGIN_CONFIGURATION)
        return true;
    if (kind < 0 || kind > 1 || !x->is_live || (kind == 1 && !x->has_response))
        return false;
    if (x->bodies[kind].size != 0)
        *out = (berthi_pw_view){ x->bodies[kind].text, x->bodies[kind].size };
    return true;
}

PW_HOST(berthi_pw_get_buffer_bytes)
{
    berthi_guest *g = berthi_guest_of(store);
    size_t start = (uint32_t)cells[1].i32, most = (uint32_t)cells[2].i32;
    berthi_pw_view b;
    berth_status status;
    int code;

    (void)ctx;
    if (!buffer_of(g, cells[0].i32, &b))
        return berthi_pw_answer(cells, PW_NOT_FOUND);
    if (start > b.size)
        return berthi_pw_answer(cells, PW_BAD_ARGUMENT);
    if (most > b.size - start)
        most = b.size - start;
    status = berthi_pw_give(g, b.text + start, most, &cells[3], &code, diag);
    return status == BERTH_OK ? berthi_pw_answer(cells, code) : status;
}

PW_HOST(berthi_pw_get_buffer_status)
{
    berthi_guest *g = berthi_guest_of(store);
    berthi_pw_view b;
    int code = PW_OK;

    (void)ctx;
    (void)diag;
    if (!buffer_of(g, cells[0].i32, &b))
        return berthi_pw_answer(cells, PW_NOT_FOUND);
    berthi_pw_put32(g, (uint32_t)cells[1].i32, (uint32_t)b.size, &code);
    berthi_pw_put32(g, (uint32_t)cells[2].i32, 0, &code);
    return berthi_pw_answer(cells, code);
}

/* Bytes from `start` on, `size` of them, become others; what is past the end means the end. */
static int splice(berthi_guest *g, berthi_pw_text *body, size_t start, size_t size,
                  berthi_pw_view with)
{
    berthi_pw_text made = { NULL, 0, 0 };
    size_t rest;

    if (start > body->size)
        start = body->size;
    if (size > body->size - start)
        size = body->size - start;
    rest = body->size - start - size;
    if (with.size > PW_BODY_MAX - start - rest)
        return PW_BAD_ARGUMENT;
    if (!berthi_services_hold(g->services, start + with.size + rest + 1))
        return PW_INTERNAL_FAILURE;
    made.text = berthi_alloc(g->allocator, start + with.size + rest + 1);
    if (made.text == NULL) {
        berthi_services_let_go(g->services, start + with.size + rest + 1);
        return PW_INTERNAL_FAILURE;
    }
    made.size = start + with.size + rest;
    made.room = made.size + 1;
    if (start != 0)
        memcpy(made.text, body->text, start);
    if (with.size != 0)
        memcpy(made.text + start, with.text, with.size);
    if (rest != 0)
        memcpy(made.text + start + with.size, body->text + start + size, rest);
    made.text[made.size] = '\0';
    berthi_pw_text_end(g, body);
    *body = made;
    return PW_OK;
}

PW_HOST(berthi_pw_set_buffer_bytes)
{
    berthi_guest *g = berthi_guest_of(store);
    berthi_pw_exchange *x = &berthi_pw_of(g)->x;
    int32_t kind = cells[0].i32;
    berthi_pw_view b, with;
    int code;

    (void)ctx;
    (void)diag;
    if (!berthi_pw_may_change(g))
        return berthi_pw_answer(cells, PW_INTERNAL_FAILURE);
    if (!buffer_of(g, kind, &b))
        return berthi_pw_answer(cells, PW_NOT_FOUND);
    if (kind > 1 || !x->may_change[kind])
        return berthi_pw_answer(cells, PW_BAD_ARGUMENT);
    if (!berthi_pw_in(g, &cells[3], &with))
        return berthi_pw_answer(cells, PW_INVALID_MEMORY);
    code = splice(g, &x->bodies[kind], (uint32_t)cells[1].i32, (uint32_t)cells[2].i32, with);
    x->is_changed[kind] = x->is_changed[kind] || code == PW_OK;
    return berthi_pw_answer(cells, code);
}

/* ---------------------------------------------------------------- the stream */

static berth_status go_on(berthi_guest *g, berthi_val *cells, int32_t which)
{
    berthi_pw_exchange *x = &berthi_pw_of(g)->x;

    if (!x->is_live || which < 0 || which > 1)
        return berthi_pw_answer(cells, PW_BAD_ARGUMENT);
    x->is_continued[which] = true;
    return berthi_pw_answer(cells, PW_OK);
}

PW_HOST(berthi_pw_continue_stream)
{
    (void)ctx;
    (void)diag;
    return go_on(berthi_guest_of(store), cells, cells[0].i32);
}

PW_HOST(berthi_pw_continue_request)
{
    (void)ctx;
    (void)diag;
    return go_on(berthi_guest_of(store), cells, 0);
}

PW_HOST(berthi_pw_continue_response)
{
    (void)ctx;
    (void)diag;
    return go_on(berthi_guest_of(store), cells, 1);
}

PW_HOST(berthi_pw_close_stream)
{
    berthi_pw_exchange *x = &berthi_pw_of(berthi_guest_of(store))->x;

    (void)ctx;
    (void)diag;
    if (!x->is_live || cells[0].i32 < 0 || cells[0].i32 > 1)
        return berthi_pw_answer(cells, PW_BAD_ARGUMENT);
    x->is_closed = true;
    return berthi_pw_answer(cells, PW_OK);
}

/* What there was of a response is not wanted any more. */
static int take_local(berthi_guest *g, uint32_t status, berthi_pw_view body,
                      berthi_pw_view pairs)
{
    berthi_pw_exchange *x = &berthi_pw_of(g)->x;
    berthi_pw_map made = { NULL, 0, 0, 0 };
    berthi_pw_text text = { NULL, 0, 0 };
    char digits[4];
    int code;

    for (unsigned i = 0; i < 3; i++)
        digits[2 - i] = (char)('0' + (i == 0   ? status
                                      : i == 1 ? status / 10
                                               : status / 100) %
                                         10);
    digits[3] = '\0';
    code = berthi_pw_map_add(g, &made, ":status", 7, digits, 3);
    if (code == PW_OK)
        code = berthi_pw_read_pairs(g, pairs, true, &made);
    if (code == PW_OK)
        code = berthi_pw_text_set(g, &text, body.text, body.size);
    if (code != PW_OK) {
        berthi_pw_map_end(g, &made);
        return code;
    }
    berthi_pw_map_end(g, &x->maps[PW_RESPONSE]);
    berthi_pw_map_end(g, &x->maps[PW_RESPONSE_TRAILERS]);
    berthi_pw_text_end(g, &x->bodies[1]);
    x->maps[PW_RESPONSE] = made;
    x->bodies[1] = text;
    x->has_local = true;
    return PW_OK;
}

PW_HOST(berthi_pw_send_local_response)
{
    berthi_guest *g = berthi_guest_of(store);
    uint32_t status = (uint32_t)cells[0].i32;
    berthi_pw_view details, body, pairs;

    (void)ctx;
    (void)diag;
    if (!berthi_pw_may_change(g))
        return berthi_pw_answer(cells, PW_INTERNAL_FAILURE);
    if (!berthi_pw_of(g)->x.is_live || berthi_pw_of(g)->x.has_local || status < 200 ||
        status > 999)
        return berthi_pw_answer(cells, PW_BAD_ARGUMENT);
    if (!berthi_pw_in(g, &cells[1], &details) || !berthi_pw_in(g, &cells[3], &body) ||
        !berthi_pw_in(g, &cells[5], &pairs))
        return berthi_pw_answer(cells, PW_INVALID_MEMORY);
    if (body.size > PW_BODY_MAX)
        return berthi_pw_answer(cells, PW_BAD_ARGUMENT);
    return berthi_pw_answer(cells, take_local(g, status, body, pairs));
}
