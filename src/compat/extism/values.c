/* values.c - what a plugin is configured with, and what it keeps from call to call.  Layer: compat. */
#include "compat/extism/private.h"

enum { OVERHEAD = 48 }; /* of a variable, as upstream's host counts */

berth_status berthi_extism_read_config(berthi_guest *g, berth_diag *diag)
{
    extism_state *s = berthi_extism_state_of(g);

    return s->config != NULL ? BERTH_OK : berthi_guest_config(g, &s->arena, &s->config, diag);
}

EXTISM(config_get)
{
    berthi_guest *g = berthi_guest_of(store);
    extism_state *s = berthi_extism_state_of(g);
    berthi_name name;
    berth_status status = berthi_extism_block_of(g, ctx, cells, 0, &name, diag);

    if (status == BERTH_OK)
        status = berthi_extism_read_config(g, diag);
    if (status != BERTH_OK)
        return status;
    cells[0] = (berthi_val){ .i64 = 0 };
    for (const berthi_json *m = s->config == NULL ? NULL : s->config->first; m != NULL;
         m = m->next)
        if (m->name_size == name.size && memcmp(m->name, name.text, name.size) == 0)
            return berthi_extism_give(s, m->text, m->size, cells, diag);
    return BERTH_OK;
}

/* ---------------------------------------------------------------- variables */

/* Where the variable of that name is linked, or the end of the list. */
static extism_variable **find(extism_state *s, berthi_name name)
{
    extism_variable **link = &s->variables;

    while (*link != NULL && ((*link)->name_size != name.size ||
                             memcmp((*link)->bytes, name.text, name.size) != 0))
        link = &(*link)->next;
    return link;
}

static size_t size_of(const extism_variable *v)
{
    return sizeof *v + v->name_size + v->size;
}

static void drop(berthi_guest *g, extism_variable **link)
{
    extism_state *s = berthi_extism_state_of(g);
    extism_variable *v = *link;

    if (v == NULL)
        return;
    *link = v->next;
    s->variables_bytes -= OVERHEAD + v->name_size + v->size;
    berthi_free(g->allocator, v, size_of(v));
}

EXTISM(var_get)
{
    berthi_guest *g = berthi_guest_of(store);
    extism_state *s = berthi_extism_state_of(g);
    berthi_name name;
    berth_status status = berthi_extism_block_of(g, ctx, cells, 0, &name, diag);
    const extism_variable *v;

    if (status != BERTH_OK)
        return status;
    v = *find(s, name);
    cells[0] = (berthi_val){ .i64 = 0 };
    return v == NULL ? BERTH_OK
                     : berthi_extism_give(s, v->bytes + v->name_size, v->size, cells, diag);
}

static berth_status set(berthi_guest *g, berthi_name name, berthi_name value, berth_diag *diag)
{
    extism_state *s = berthi_extism_state_of(g);
    extism_variable **link = find(s, name), *v;
    size_t size = OVERHEAD + (size_t)name.size + value.size;
    size_t before = *link == NULL ? 0 : OVERHEAD + (*link)->name_size + (*link)->size;

    if (s->variables_bytes - before + size > EXTISM_VARIABLES_BYTES_MAX)
        return berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_MEMORY,
                                   "var_set: its variables have more than %d bytes",
                                   EXTISM_VARIABLES_BYTES_MAX);
    v = berthi_alloc(g->allocator, sizeof *v + name.size + value.size);
    if (v == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "a variable");
    *v = (extism_variable){ .name_size = name.size, .size = value.size };
    memcpy(v->bytes, name.text, name.size);
    memcpy(v->bytes + name.size, value.text, value.size);
    drop(g, link);
    v->next = *link;
    *link = v;
    s->variables_bytes += size;
    return BERTH_OK;
}

EXTISM(var_set)
{
    berthi_guest *g = berthi_guest_of(store);
    berthi_name name, value;
    berth_status status = berthi_extism_block_of(g, ctx, cells, 0, &name, diag);

    if (status != BERTH_OK)
        return status;
    if (cells[1].i64 == 0) {
        drop(g, find(berthi_extism_state_of(g), name));
        return BERTH_OK;
    }
    status = berthi_extism_block_of(g, ctx, cells, 1, &value, diag);
    return status == BERTH_OK ? set(g, name, value, diag) : status;
}

void berthi_extism_end_values(berthi_guest *g)
{
    extism_state *s = berthi_extism_state_of(g);

    while (s->variables != NULL)
        drop(g, &s->variables);
    berthi_arena_fini(&s->arena);
}
