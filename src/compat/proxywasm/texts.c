/* texts.c - bytes and pairs of bytes that are kept for a filter, all of them counted.  Layer: compat. */
#include "compat/proxywasm/private.h"

enum { ROOM_FIRST = 16 };

int berthi_pw_text_set(berthi_guest *g, berthi_pw_text *to, const void *from, size_t size)
{
    char *text;

    if (!berthi_services_hold(g->services, size + 1))
        return PW_INTERNAL_FAILURE;
    text = berthi_alloc(g->allocator, size + 1);
    if (text == NULL) {
        berthi_services_let_go(g->services, size + 1);
        return PW_INTERNAL_FAILURE;
    }
    if (size != 0)
        memcpy(text, from, size);
    text[size] = '\0';
    berthi_pw_text_end(g, to);
    *to = (berthi_pw_text){ text, size, size + 1 };
    return PW_OK;
}

void berthi_pw_text_end(berthi_guest *g, berthi_pw_text *text)
{
    if (text->text == NULL)
        return;
    berthi_free(g->allocator, text->text, text->room);
    berthi_services_let_go(g->services, text->room);
    *text = (berthi_pw_text){ NULL, 0, 0 };
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

bool berthi_pw_text_is(const berthi_pw_text *t, const char *name, size_t size)
{
    if (t->size != size)
        return false;
    for (size_t i = 0; i < size; i++)
        if (lower(t->text[i]) != lower(name[i]))
            return false;
    return true;
}

berthi_pw_pair *berthi_pw_map_find(const berthi_pw_map *m, const char *name, size_t size)
{
    for (uint32_t i = 0; i < m->count; i++)
        if (berthi_pw_text_is(&m->pairs[i].name, name, size))
            return &m->pairs[i];
    return NULL;
}

static bool widen(berthi_guest *g, berthi_pw_map *m)
{
    uint32_t room = m->room == 0 ? ROOM_FIRST : 2 * m->room;
    berthi_pw_pair *more;

    if (!berthi_services_hold(g->services, (room - m->room) * sizeof *more))
        return false;
    more = berthi_alloc(g->allocator, room * sizeof *more);
    if (more == NULL) {
        berthi_services_let_go(g->services, (room - m->room) * sizeof *more);
        return false;
    }
    if (m->count != 0)
        memcpy(more, m->pairs, m->count * sizeof *more);
    berthi_free(g->allocator, m->pairs, m->room * sizeof *more);
    m->pairs = more;
    m->room = room;
    return true;
}

int berthi_pw_map_add(berthi_guest *g, berthi_pw_map *m, const char *name, size_t name_size,
                      const void *value, size_t value_size)
{
    berthi_pw_pair pair = { .number = 0 };
    int code;

    if (m->count == PW_FIELDS_MAX || name_size > PW_FIELDS_BYTES_MAX - m->bytes ||
        value_size > PW_FIELDS_BYTES_MAX - m->bytes - name_size)
        return PW_BAD_ARGUMENT;
    if (m->count == m->room && !widen(g, m))
        return PW_INTERNAL_FAILURE;
    code = berthi_pw_text_set(g, &pair.name, name, name_size);
    if (code == PW_OK)
        code = berthi_pw_text_set(g, &pair.value, value, value_size);
    if (code != PW_OK) {
        berthi_pw_text_end(g, &pair.name);
        return code;
    }
    m->pairs[m->count++] = pair;
    m->bytes += name_size + value_size;
    return PW_OK;
}

void berthi_pw_map_remove(berthi_guest *g, berthi_pw_map *m, const char *name, size_t size)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < m->count; i++) {
        berthi_pw_pair *p = &m->pairs[i];

        if (!berthi_pw_text_is(&p->name, name, size)) {
            m->pairs[kept++] = *p;
            continue;
        }
        m->bytes -= p->name.size + p->value.size;
        berthi_pw_text_end(g, &p->name);
        berthi_pw_text_end(g, &p->value);
    }
    m->count = kept;
}

/* In the place of the first of that name. */
int berthi_pw_map_replace(berthi_guest *g, berthi_pw_map *m, const char *name, size_t name_size,
                          const void *value, size_t value_size)
{
    berthi_pw_pair *p = berthi_pw_map_find(m, name, name_size), first;
    uint32_t at;
    int code;

    if (p == NULL)
        return berthi_pw_map_add(g, m, name, name_size, value, value_size);
    if (value_size > p->value.size &&
        value_size - p->value.size > PW_FIELDS_BYTES_MAX - m->bytes)
        return PW_BAD_ARGUMENT;
    at = (uint32_t)(p - m->pairs);
    m->bytes -= p->value.size;
    code = berthi_pw_text_set(g, &p->value, value, value_size);
    m->bytes += p->value.size;
    if (code != PW_OK)
        return code;
    first = *p;
    /* Out of the way of those that go. */
    memmove(&m->pairs[1], &m->pairs[0], at * sizeof first);
    m->pairs[0] = first;
    {
        berthi_pw_map rest = { m->pairs + 1, m->count - 1, 0, m->bytes };
        char *own = first.name.text;

        berthi_pw_map_remove(g, &rest, own, first.name.size);
        m->count = rest.count + 1;
        m->bytes = rest.bytes;
    }
    memmove(&m->pairs[0], &m->pairs[1], at * sizeof first);
    m->pairs[at] = first;
    return PW_OK;
}

void berthi_pw_map_end(berthi_guest *g, berthi_pw_map *m)
{
    for (uint32_t i = 0; i < m->count; i++) {
        berthi_pw_text_end(g, &m->pairs[i].name);
        berthi_pw_text_end(g, &m->pairs[i].value);
    }
    berthi_free(g->allocator, m->pairs, m->room * sizeof *m->pairs);
    berthi_services_let_go(g->services, m->room * sizeof *m->pairs);
    *m = (berthi_pw_map){ NULL, 0, 0, 0 };
}
