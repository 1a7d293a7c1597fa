/* values.c - what a filter keeps beyond one request: properties, shared data, queues, metrics.  Layer: compat.
 *
 * Instances share nothing, so what is "shared" is so among the contexts of one instance. */
#include "compat/proxywasm/private.h"

/* Keys are bytes, of which no two letters are the same. */
static berthi_pw_pair *find_exactly(const berthi_pw_map *m, berthi_pw_view key)
{
    for (uint32_t i = 0; i < m->count; i++)
        if (m->pairs[i].name.size == key.size &&
            (key.size == 0 || memcmp(m->pairs[i].name.text, key.text, key.size) == 0))
            return &m->pairs[i];
    return NULL;
}

static int put(berthi_guest *g, berthi_pw_map *m, berthi_pw_view key, berthi_pw_view value,
               berthi_pw_pair **pair_out)
{
    berthi_pw_pair *p = find_exactly(m, key);
    size_t had = p == NULL ? 0 : p->value.size;
    int code;

    if ((p == NULL && m->count == PW_KEYS_MAX) ||
        value.size > PW_FIELDS_BYTES_MAX - (m->bytes - had))
        return PW_BAD_ARGUMENT;
    if (p != NULL) {
        code = berthi_pw_text_set(g, &p->value, value.text, value.size);
        m->bytes = m->bytes - had + p->value.size;
    } else {
        code = berthi_pw_map_add(g, m, key.text, key.size, value.text, value.size);
        p = code == PW_OK ? &m->pairs[m->count - 1] : NULL;
    }
    *pair_out = p;
    return code;
}

/* ---------------------------------------------------------------- properties */

static bool is_path(berthi_pw_view path, const char *wanted, size_t size)
{
    return path.size == size && memcmp(path.text, wanted, size) == 0;
}

static const berthi_pw_pair *field_named(const berthi_guest *g, int which, berthi_pw_view path,
                                         size_t prefix)
{
    return berthi_pw_map_find(&berthi_pw_of(g)->x.maps[which], path.text + prefix,
                              path.size - prefix);
}

#define IS(text) is_path(path, text, sizeof(text) - 1)

static const berthi_pw_pair *known_field(const berthi_guest *g, berthi_pw_view path)
{
    static const char request[] = "request\0headers\0", response[] = "response\0headers\0";
    const berthi_pw_exchange *x = &berthi_pw_of(g)->x;
    const berthi_pw_map *m = &x->maps[PW_REQUEST];

    if (!x->is_live)
        return NULL;
    if (path.size >= sizeof request - 1 && memcmp(path.text, request, sizeof request - 1) == 0)
        return field_named(g, PW_REQUEST, path, sizeof request - 1);
    if (x->has_response && path.size >= sizeof response - 1 &&
        memcmp(path.text, response, sizeof response - 1) == 0)
        return field_named(g, PW_RESPONSE, path, sizeof response - 1);
    if (IS("request\0path"))
        return berthi_pw_map_find(m, ":path", 5);
    if (IS("request\0method"))
        return berthi_pw_map_find(m, ":method", 7);
    if (IS("request\0host"))
        return berthi_pw_map_find(m, ":authority", 10);
    if (IS("request\0scheme"))
        return berthi_pw_map_find(m, ":scheme", 7);
    return NULL;
}

/* Numbers are eight bytes. */
static bool known_number(const berthi_guest *g, berthi_pw_view path, int64_t *out)
{
    const berthi_pw_exchange *x = &berthi_pw_of(g)->x;
    const berthi_pw_pair *status = berthi_pw_map_find(&x->maps[PW_RESPONSE], ":status", 7);

    if (!x->is_live)
        return false;
    if (IS("request\0size")) {
        *out = (int64_t)x->bodies[0].size;
        return true;
    }
    if (!x->has_response)
        return false;
    if (IS("response\0size")) {
        *out = (int64_t)x->bodies[1].size;
        return true;
    }
    if (!IS("response\0code") || status == NULL)
        return false;
    *out = (status->value.text[0] - '0') * 100 + (status->value.text[1] - '0') * 10 +
           (status->value.text[2] - '0');
    return true;
}

PW_HOST(berthi_pw_get_property)
{
    berthi_guest *g = berthi_guest_of(store);
    const char *plugin = g->services->owner.plugin;
    const berthi_pw_pair *p;
    uint8_t bytes[8];
    berthi_pw_view path, value = { NULL, 0 };
    int64_t number;
    berth_status status;
    int code;

    (void)ctx;
    if (!berthi_pw_in(g, &cells[0], &path))
        return berthi_pw_answer(cells, PW_INVALID_MEMORY);
    p = find_exactly(&berthi_pw_of(g)->properties, path);
    if (p == NULL)
        p = known_field(g, path);
    if (p != NULL)
        value = (berthi_pw_view){ p->value.text, p->value.size };
    else if (known_number(g, path, &number)) {
        for (unsigned i = 0; i < 8; i++)
            bytes[i] = (uint8_t)((uint64_t)number >> 8 * i);
        value = (berthi_pw_view){ (const char *)bytes, 8 };
    } else if (IS("plugin_name")) {
        value = (berthi_pw_view){ plugin, strlen(plugin) };
    } else if (IS("plugin_root_id") || IS("plugin_vm_id")) {
        value = (berthi_pw_view){ "", 0 };
    }
    if (value.text == NULL)
        return berthi_pw_answer(cells, PW_NOT_FOUND);
    status = berthi_pw_give(g, value.text, value.size, &cells[2], &code, diag);
    return status == BERTH_OK ? berthi_pw_answer(cells, code) : status;
}

#undef IS

PW_HOST(berthi_pw_set_property)
{
    berthi_guest *g = berthi_guest_of(store);
    berthi_pw_view path, value;
    berthi_pw_pair *p;

    (void)ctx;
    (void)diag;
    if (!berthi_pw_may_change(g))
        return berthi_pw_answer(cells, PW_INTERNAL_FAILURE);
    if (!berthi_pw_in(g, &cells[0], &path) || !berthi_pw_in(g, &cells[2], &value))
        return berthi_pw_answer(cells, PW_INVALID_MEMORY);
    return berthi_pw_answer(cells, put(g, &berthi_pw_of(g)->properties, path, value, &p));
}

/* ---------------------------------------------------------------- shared data */

PW_HOST(berthi_pw_get_shared_data)
{
    berthi_guest *g = berthi_guest_of(store);
    uint32_t cas_to = (uint32_t)cells[4].i32, cas;
    const berthi_pw_pair *p;
    berthi_pw_view key;
    berth_status status;
    int code;

    (void)ctx;
    if (!berthi_pw_in(g, &cells[0], &key))
        return berthi_pw_answer(cells, PW_INVALID_MEMORY);
    p = find_exactly(&berthi_pw_of(g)->shared, key);
    if (p == NULL)
        return berthi_pw_answer(cells, PW_NOT_FOUND);
    cas = p->cas;
    status = berthi_pw_give(g, p->value.text, p->value.size, &cells[2], &code, diag);
    if (status != BERTH_OK)
        return status;
    berthi_pw_put32(g, cas_to, cas, &code);
    return berthi_pw_answer(cells, code);
}

/* A number of 0 is no condition. */
PW_HOST(berthi_pw_set_shared_data)
{
    berthi_guest *g = berthi_guest_of(store);
    berthi_pw_map *m = &berthi_pw_of(g)->shared;
    uint32_t cas = (uint32_t)cells[4].i32, now;
    berthi_pw_view key, value;
    berthi_pw_pair *p;
    int code;

    (void)ctx;
    (void)diag;
    if (!berthi_pw_may_change(g))
        return berthi_pw_answer(cells, PW_INTERNAL_FAILURE);
    if (!berthi_pw_in(g, &cells[0], &key) || !berthi_pw_in(g, &cells[2], &value))
        return berthi_pw_answer(cells, PW_INVALID_MEMORY);
    p = find_exactly(m, key);
    now = p == NULL ? 0 : p->cas;
    if (cas != 0 && cas != now)
        return berthi_pw_answer(cells, PW_CAS_MISMATCH);
    code = put(g, m, key, value, &p);
    if (code == PW_OK)
        p->cas = now == UINT32_MAX ? 1 : now + 1;
    return berthi_pw_answer(cells, code);
}

/* ---------------------------------------------------------------- queues */

static berthi_pw_queue *queue_named(const berthi_pw_state *s, berthi_pw_view name)
{
    for (uint32_t i = 0; i < s->queues_count; i++)
        if (s->queues[i].name.size == name.size &&
            (name.size == 0 || memcmp(s->queues[i].name.text, name.text, name.size) == 0))
            return &s->queues[i];
    return NULL;
}

/* Numbers count from 1. */
static berthi_pw_queue *queue_of(const berthi_pw_state *s, int32_t number)
{
    return number >= 1 && (uint32_t)number <= s->queues_count ? &s->queues[number - 1] : NULL;
}

static int make_queue(berthi_guest *g, berthi_pw_view name, berthi_pw_queue **out)
{
    berthi_pw_state *s = berthi_pw_of(g);
    int code;

    if (name.size > PW_VALUE_MAX || s->queues_count == PW_QUEUES_MAX)
        return PW_BAD_ARGUMENT;
    if (s->queues == NULL)
        s->queues = berthi_zalloc(g->allocator, PW_QUEUES_MAX * sizeof *s->queues);
    if (s->queues == NULL)
        return PW_INTERNAL_FAILURE;
    code = berthi_pw_text_set(g, &s->queues[s->queues_count].name, name.text, name.size);
    if (code == PW_OK)
        *out = &s->queues[s->queues_count++];
    return code;
}

PW_HOST(berthi_pw_register_queue)
{
    berthi_guest *g = berthi_guest_of(store);
    uint32_t to = (uint32_t)cells[2].i32;
    berthi_pw_queue *q;
    berthi_pw_view name;
    int code = PW_OK;

    (void)ctx;
    (void)diag;
    if (!berthi_pw_in(g, &cells[0], &name))
        return berthi_pw_answer(cells, PW_INVALID_MEMORY);
    q = queue_named(berthi_pw_of(g), name);
    if (q == NULL)
        code = make_queue(g, name, &q);
    if (code == PW_OK)
        berthi_pw_put32(g, to, (uint32_t)(q - berthi_pw_of(g)->queues) + 1, &code);
    return berthi_pw_answer(cells, code);
}

/* There is one VM for each, which has no name. */
PW_HOST(berthi_pw_resolve_queue)
{
    berthi_guest *g = berthi_guest_of(store);
    const berthi_pw_queue *q;
    berthi_pw_view vm, name;
    int code = PW_OK;

    (void)ctx;
    (void)diag;
    if (!berthi_pw_in(g, &cells[0], &vm) || !berthi_pw_in(g, &cells[2], &name))
        return berthi_pw_answer(cells, PW_INVALID_MEMORY);
    q = vm.size == 0 ? queue_named(berthi_pw_of(g), name) : NULL;
    if (q == NULL)
        return berthi_pw_answer(cells, PW_NOT_FOUND);
    berthi_pw_put32(g, (uint32_t)cells[4].i32, (uint32_t)(q - berthi_pw_of(g)->queues) + 1,
                    &code);
    return berthi_pw_answer(cells, code);
}

PW_HOST(berthi_pw_enqueue)
{
    berthi_guest *g = berthi_guest_of(store);
    berthi_pw_queue *q = queue_of(berthi_pw_of(g), cells[0].i32);
    berthi_pw_view value;
    int code;

    (void)ctx;
    (void)diag;
    if (q == NULL)
        return berthi_pw_answer(cells, PW_NOT_FOUND);
    if (!berthi_pw_in(g, &cells[1], &value))
        return berthi_pw_answer(cells, PW_INVALID_MEMORY);
    if (value.size > PW_VALUE_MAX || q->count == PW_QUEUED_MAX)
        return berthi_pw_answer(cells, PW_BAD_ARGUMENT);
    code = berthi_pw_text_set(g, &q->items[(q->first + q->count) % PW_QUEUED_MAX], value.text,
                              value.size);
    q->count += code == PW_OK;
    return berthi_pw_answer(cells, code);
}

PW_HOST(berthi_pw_dequeue)
{
    berthi_guest *g = berthi_guest_of(store);
    berthi_pw_queue *q = queue_of(berthi_pw_of(g), cells[0].i32);
    berthi_pw_text taken;
    berth_status status;
    int code;

    (void)ctx;
    if (!berthi_pw_may_change(g))
        return berthi_pw_answer(cells, PW_INTERNAL_FAILURE);
    if (q == NULL)
        return berthi_pw_answer(cells, PW_NOT_FOUND);
    if (q->count == 0)
        return berthi_pw_answer(cells, PW_EMPTY);
    taken = q->items[q->first];
    q->items[q->first] = (berthi_pw_text){ NULL, 0, 0 };
    q->first = (q->first + 1) % PW_QUEUED_MAX;
    q->count--;
    status = berthi_pw_give(g, taken.text, taken.size, &cells[1], &code, diag);
    berthi_pw_text_end(g, &taken);
    return status == BERTH_OK ? berthi_pw_answer(cells, code) : status;
}

/* ---------------------------------------------------------------- metrics */

enum { COUNTER, GAUGE, HISTOGRAM };

static berthi_pw_pair *metric_of(const berthi_pw_state *s, int32_t number)
{
    return number >= 1 && (uint32_t)number <= s->metrics.count ? &s->metrics.pairs[number - 1]
                                                               : NULL;
}

PW_HOST(berthi_pw_define_metric)
{
    berthi_guest *g = berthi_guest_of(store);
    berthi_pw_map *m = &berthi_pw_of(g)->metrics;
    uint32_t kind = (uint32_t)cells[0].i32, to = (uint32_t)cells[3].i32;
    berthi_pw_pair *p;
    berthi_pw_view name;
    int code;

    (void)ctx;
    (void)diag;
    if (kind > HISTOGRAM)
        return berthi_pw_answer(cells, PW_BAD_ARGUMENT);
    if (!berthi_pw_in(g, &cells[1], &name))
        return berthi_pw_answer(cells, PW_INVALID_MEMORY);
    p = find_exactly(m, name);
    if (p != NULL && p->kind != kind)
        return berthi_pw_answer(cells, PW_BAD_ARGUMENT);
    code = put(g, m, name, (berthi_pw_view){ "", 0 }, &p);
    if (code == PW_OK) {
        p->kind = kind;
        berthi_pw_put32(g, to, (uint32_t)(p - m->pairs) + 1, &code);
    }
    return berthi_pw_answer(cells, code);
}

static int64_t sum(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

/* A counter does not go back, and a histogram has no value. */
PW_HOST(berthi_pw_increment_metric)
{
    berthi_pw_pair *p = metric_of(berthi_pw_of(berthi_guest_of(store)), cells[0].i32);

    (void)ctx;
    (void)diag;
    if (p == NULL)
        return berthi_pw_answer(cells, PW_NOT_FOUND);
    if (p->kind == HISTOGRAM || (p->kind == COUNTER && cells[1].i64 < 0))
        return berthi_pw_answer(cells, PW_BAD_ARGUMENT);
    p->number = sum(p->number, cells[1].i64);
    return berthi_pw_answer(cells, PW_OK);
}

PW_HOST(berthi_pw_record_metric)
{
    berthi_pw_pair *p = metric_of(berthi_pw_of(berthi_guest_of(store)), cells[0].i32);

    (void)ctx;
    (void)diag;
    if (p == NULL)
        return berthi_pw_answer(cells, PW_NOT_FOUND);
    if (p->kind == COUNTER)
        return berthi_pw_answer(cells, PW_BAD_ARGUMENT);
    p->number = p->kind == GAUGE ? cells[1].i64 : sum(p->number, 1);
    return berthi_pw_answer(cells, PW_OK);
}

PW_HOST(berthi_pw_get_metric)
{
    berthi_guest *g = berthi_guest_of(store);
    const berthi_pw_pair *p = metric_of(berthi_pw_of(g), cells[0].i32);
    int code = PW_OK;

    (void)ctx;
    (void)diag;
    if (p == NULL)
        return berthi_pw_answer(cells, PW_NOT_FOUND);
    if (p->kind == HISTOGRAM)
        return berthi_pw_answer(cells, PW_BAD_ARGUMENT);
    berthi_pw_put64(g, (uint32_t)cells[1].i32, (uint64_t)p->number, &code);
    return berthi_pw_answer(cells, code);
}
