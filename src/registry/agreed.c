/* agreed.c - the functions that typed calls of a slot name, and their types.  Layer: registry.
 *
 * A slot knows ten thousand of them if need be: they are found by the hash of their name, in a table
 * that is half empty.  Nothing is ever taken out. */
#include <string.h>

#include "registry/registry.h"

static uint64_t hash_of(const char *name)
{
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */

    for (; *name != '\0'; name++)
        hash = (hash ^ (unsigned char)*name) * 0x100000001b3u;
    return hash ^ hash >> 32;
}

/* What plugins agree upon among each other is theirs: one entry for each type of a name, which callers
 * of the slot do not see. */
static bool is_it(const berthi_agreed_func *f, const char *name, const char *link_type)
{
    if (f->is_link != (link_type != NULL) || strcmp(f->name, name) != 0)
        return false;
    return link_type == NULL || strcmp(f->type, link_type) == 0;
}

/* Where the name stands, or where it would; `link_type` is NULL but for links. */
static uint32_t *place_of(const berthi_agreed *g, const char *name, const char *link_type,
                          uint64_t hash)
{
    uint32_t mask = 2 * g->room - 1, at = (uint32_t)hash & mask;

    for (;; at = (at + 1) & mask) {
        const berthi_agreed_func *f;

        if (g->places[at] == 0)
            return &g->places[at];
        f = &g->funcs[g->places[at] - 1];
        if (f->hash == hash && is_it(f, name, link_type))
            return &g->places[at];
    }
}

static uint32_t find(const berthi_agreed *g, const char *name, const char *link_type)
{
    uint32_t place = g->count == 0 ? 0 : *place_of(g, name, link_type, hash_of(name));

    return place == 0 ? (uint32_t)BERTHI_FUNCS_MAX : place - 1;
}

uint32_t berthi_agreed_find(const berthi_agreed *g, const char *name)
{
    return find(g, name, NULL);
}

/* Room for one more. */
static berth_status grow(berthi_agreed *g, const berth_allocator *a)
{
    berthi_agreed next = { .count = g->count,
                           .room = g->room == 0 ? (uint32_t)BERTHI_FUNCS_FIRST : 2 * g->room };

    next.funcs = berthi_zalloc_array(a, next.room, sizeof *next.funcs);
    next.places = berthi_zalloc_array(a, 2 * (size_t)next.room, sizeof *next.places);
    if (next.funcs == NULL || next.places == NULL) {
        berthi_free(a, next.funcs, next.room * sizeof *next.funcs);
        berthi_free(a, next.places, 2 * (size_t)next.room * sizeof *next.places);
        return BERTH_E_NOMEM;
    }
    if (g->count != 0)
        memcpy(next.funcs, g->funcs, g->count * sizeof *g->funcs);
    for (uint32_t n = 0; n < g->count; n++) {
        const berthi_agreed_func *f = &next.funcs[n];

        *place_of(&next, f->name, f->is_link ? f->type : NULL, f->hash) = 1 + n;
    }
    berthi_free(a, g->funcs, g->room * sizeof *g->funcs);
    berthi_free(a, g->places, 2 * (size_t)g->room * sizeof *g->places);
    *g = next;
    return BERTH_OK;
}

static berth_status add(berthi_agreed *g, const char *name, const char *type, bool is_link,
                        const berth_allocator *a)
{
    berthi_agreed_func f = { .hash = hash_of(name), .is_link = is_link };

    if (g->count == BERTHI_FUNCS_MAX)
        return BERTH_E_LIMIT;
    if (g->count == g->room && grow(g, a) != BERTH_OK)
        return BERTH_E_NOMEM;
    f.name = berthi_strndup(a, name, strlen(name));
    f.type = berthi_strndup(a, type, strlen(type));
    if (f.name == NULL || f.type == NULL) {
        berthi_free(a, f.name, strlen(name) + 1);
        berthi_free(a, f.type, strlen(type) + 1);
        return BERTH_E_NOMEM;
    }
    g->funcs[g->count++] = f;
    *place_of(g, name, is_link ? type : NULL, f.hash) = g->count;
    return BERTH_OK;
}

berth_status berthi_agreed_add(berthi_agreed *g, const char *name, const char *type,
                               const berth_allocator *a)
{
    assert(find(g, name, NULL) == BERTHI_FUNCS_MAX);
    return add(g, name, type, false, a);
}

berth_status berthi_agreed_link(berthi_agreed *g, const char *name, const char *type,
                                const berth_allocator *a, uint32_t *n_out)
{
    uint32_t n = find(g, name, type);
    berth_status status = BERTH_OK;

    if (n == BERTHI_FUNCS_MAX) {
        n = g->count;
        status = add(g, name, type, true, a);
    }
    if (status == BERTH_OK)
        *n_out = n;
    return status;
}

void berthi_agreed_fini(berthi_agreed *g, const berth_allocator *a)
{
    for (uint32_t n = 0; n < g->count; n++) {
        berthi_free(a, g->funcs[n].name, strlen(g->funcs[n].name) + 1);
        berthi_free(a, g->funcs[n].type, strlen(g->funcs[n].type) + 1);
    }
    berthi_free(a, g->funcs, g->room * sizeof *g->funcs);
    berthi_free(a, g->places, 2 * (size_t)g->room * sizeof *g->places);
}
