/* shape.c - a world as it is seen from C.  Layer: bindgen. */
#include "bindgen/shape.h"

#include "base/diag.h"

enum {
    WORK_MAX = 20000000,
    NAME_PARTS_MAX = 60 /* bytes of a type's name that is made of others', without the prefix */
};

static berth_status no_memory(const berthi_bg *bg)
{
    return berthi_fail(bg->diag, BERTH_E_NOMEM, "out of memory for the bindings of world %s",
                       bg->world->name);
}

const berthi_wit_type *berthi_bg_canon(const berthi_bg *bg, uint32_t type)
{
    return &bg->wit->types[bg->wit->types[type].canon];
}

uint32_t berthi_bg_canon_index(const berthi_bg *bg, uint32_t type)
{
    return bg->same_as[bg->wit->types[type].canon];
}

const berthi_cm_type *berthi_bg_layout(const berthi_bg *bg, uint32_t type)
{
    const berthi_cm_type *made = bg->cm_wit.made[bg->wit->types[type].canon];

    assert(made != NULL);
    return made;
}

const char *berthi_bg_type_name(const berthi_bg *bg, uint32_t type)
{
    const char *name = bg->type_names[bg->same_as[type]];

    assert(name != NULL);
    return name;
}

bool berthi_bg_is_plain(const berthi_bg *bg, uint32_t type)
{
    switch (berthi_bg_canon(bg, type)->kind) {
    case BERTHI_WIT_RECORD:
    case BERTHI_WIT_VARIANT:
    case BERTHI_WIT_TUPLE:
    case BERTHI_WIT_FIXED_LIST:
    case BERTHI_WIT_OPTION:
    case BERTHI_WIT_RESULT:
        return false;
    default:
        return true;
    }
}

const char *berthi_bg_tag_type(uint32_t cases)
{
    return cases <= 0x100 ? "uint8_t" : cases <= 0x10000 ? "uint16_t" : "uint32_t";
}

const char *berthi_bg_flags_type(uint32_t flags)
{
    return flags <= 8 ? "uint8_t" : flags <= 16 ? "uint16_t" : "uint32_t";
}

const char *berthi_bg_field(berthi_bg *bg, const berthi_wit_item *items, uint32_t index)
{
    if (items[index].name == NULL)
        return berthi_bg_format(&bg->names, "f%u", (unsigned)index);
    return berthi_bg_word(&bg->names, items[index].name);
}

/* ---------------------------------------------------------------- which types are needed */

static void need(berthi_bg *bg, uint32_t type)
{
    if (type != BERTHI_WIT_NONE)
        bg->is_needed[type] = true;
}

static void need_func(berthi_bg *bg, const berthi_wit_func *func)
{
    for (uint32_t i = 0; i < func->params_count; i++)
        need(bg, func->params[i].type);
    need(bg, func->result);
}

static void need_extern(berthi_bg *bg, const berthi_wit_extern *e)
{
    if (e->kind == BERTHI_WIT_EXTERN_FUNC) {
        need_func(bg, e->func);
    } else if (e->kind == BERTHI_WIT_EXTERN_TYPE) {
        need(bg, e->index);
    } else {
        const berthi_wit_interface *interface = &bg->wit->interfaces[e->index];

        for (uint32_t i = 0; i < interface->types_count; i++)
            need(bg, interface->types[i]);
        for (uint32_t i = 0; i < interface->funcs_count; i++)
            need_func(bg, &interface->funcs[i]);
    }
}

/* The number of the sequence that ends with `next` behind those of `state`; 0: failed. */
static uint32_t fold(berthi_bg_names *sequences, uint32_t state, uint32_t next)
{
    const char *text = berthi_bg_format(sequences, "%x.%x", (unsigned)state, (unsigned)next);
    uint32_t *number = berthi_bg_value(sequences, text);

    if (number == NULL)
        return 0;
    if (*number == 0)
        *number = sequences->count;
    return *number;
}

/* A number that two types without names share when they differ by aliases only; 0: failed. */
static uint32_t structure_of(const berthi_bg *bg, const berthi_wit_type *t,
                             berthi_bg_names *sequences)
{
    uint32_t state = fold(sequences, t->kind, t->length);

    state = fold(sequences, state,
                 t->element == BERTHI_WIT_NONE ? t->element
                                               : berthi_bg_canon_index(bg, t->element));
    state =
        fold(sequences, state,
             t->second == BERTHI_WIT_NONE ? t->second : berthi_bg_canon_index(bg, t->second));
    for (uint32_t i = 0; i < t->items_count; i++)
        state = fold(sequences, state, berthi_bg_canon_index(bg, t->items[i].type));
    return state;
}

/* What a type refers to has a lower index, and stands for itself or is known already. */
static berth_status find_same(berthi_bg *bg)
{
    berthi_bg_names sequences = { .arena = bg->arena };
    berthi_bg_names structures = { .arena = bg->arena };

    for (uint32_t i = 0; i < bg->wit->types_count; i++) {
        const berthi_wit_type *t = &bg->wit->types[i];
        uint32_t *first;

        bg->same_as[i] = i;
        if (t->kind < BERTHI_WIT_TUPLE || !bg->is_needed[i])
            continue;
        first = berthi_bg_value(
            &structures,
            berthi_bg_format(&structures, "%u", (unsigned)structure_of(bg, t, &sequences)));
        if (first == NULL || sequences.has_failed)
            return no_memory(bg);
        if (*first == 0)
            *first = i; /* 0 is `bool`, which has a name */
        bg->same_as[i] = *first;
    }
    return BERTH_OK;
}

static berth_status find_needed(berthi_bg *bg)
{
    for (uint32_t i = 0; i < bg->world->imports_count; i++)
        need_extern(bg, &bg->world->imports[i]);
    for (uint32_t i = 0; i < bg->world->exports_count; i++)
        need_extern(bg, &bg->world->exports[i]);
    for (uint32_t i = bg->wit->types_count; i-- > 0;) {
        const berthi_wit_type *t = &bg->wit->types[i];

        if (!bg->is_needed[i])
            continue;
        if (t->kind == BERTHI_WIT_STREAM || t->kind == BERTHI_WIT_FUTURE ||
            t->kind == BERTHI_WIT_ERROR_CONTEXT)
            return berthi_fail(bg->diag, BERTH_E_REJECTED,
                               "world %s: there are no bindings for `%s`", bg->world->name,
                               berthi_wit_kind_name(t->kind));
        need(bg, t->element);
        need(bg, t->second);
        need(bg, t->canon);
        for (uint32_t k = 0; k < t->items_count; k++)
            need(bg, t->items[k].type);
    }
    return find_same(bg);
}

/* ---------------------------------------------------------------- names of interfaces */

/* What an interface may be called, from the shortest to the longest. */
static const char *interface_name_at(berthi_bg *bg, const berthi_wit_interface *i,
                                     unsigned level)
{
    const berthi_wit_package *p = &bg->wit->packages[i->package];
    berthi_bg_names *n = &bg->names;
    const char *text = berthi_bg_snake(n, i->name);

    if (level >= 1)
        text = berthi_bg_format(n, "%s_%s", berthi_bg_snake(n, p->name), text);
    if (level >= 2)
        text = berthi_bg_format(n, "%s_%s", berthi_bg_snake(n, p->space), text);
    if (level >= 3 && p->version != NULL)
        text = berthi_bg_format(n, "%s_v%s", text, berthi_bg_snake(n, p->version));
    return text;
}

enum { LEVELS = 4 };

/* The shortest names that are the interface's alone in this world. */
static berth_status name_interfaces(berthi_bg *bg)
{
    berthi_bg_names used[LEVELS];
    uint32_t *value;

    for (unsigned level = 0; level < LEVELS; level++) {
        used[level] = (berthi_bg_names){ .arena = bg->arena };
        for (uint32_t g = 0; g < bg->groups_count; g++) {
            const berthi_bg_group *group = &bg->groups[g];

            if (group->interface == NULL)
                continue;
            value = berthi_bg_value(&used[level],
                                    group->interface->name == NULL
                                        ? berthi_bg_snake(&bg->names, group->origin->name)
                                        : interface_name_at(bg, group->interface, level));
            if (value == NULL)
                return no_memory(bg);
            if (*value != 1 + group->origin->index) /* 0: new; NONE: of several */
                *value = *value == 0 ? 1 + group->origin->index : BERTHI_WIT_NONE;
        }
    }
    for (uint32_t g = 0; g < bg->groups_count; g++) {
        const berthi_bg_group *group = &bg->groups[g];
        const char *name = NULL;

        if (group->interface == NULL || bg->interface_names[group->origin->index] != NULL)
            continue;
        if (group->interface->name == NULL)
            name = berthi_bg_snake(&bg->names, group->origin->name);
        for (unsigned level = 0; name == NULL && level < LEVELS; level++) {
            const char *candidate = interface_name_at(bg, group->interface, level);

            value = berthi_bg_value(&used[level], candidate);
            if (value == NULL)
                return no_memory(bg);
            if (*value != BERTHI_WIT_NONE || level + 1 == LEVELS)
                name = candidate;
        }
        bg->interface_names[group->origin->index] = name;
    }
    return bg->names.has_failed ? no_memory(bg) : BERTH_OK;
}

/* ---------------------------------------------------------------- names of types */

static const char *const primitive_names[] = {
    "uint8_t", "int8_t",   "uint8_t", "int16_t", "uint16_t", "int32_t",      "uint32_t",
    "int64_t", "uint64_t", "float",   "double",  "uint32_t", "berth_string",
};

/* A type's name as a part of another's. */
static const char *part_name(const berthi_bg *bg, uint32_t type)
{
    const berthi_wit_type *t;

    if (type == BERTHI_WIT_NONE)
        return "none";
    type = berthi_bg_canon_index(bg, type);
    t = &bg->wit->types[type];
    return t->kind < BERTHI_WIT_PRIMITIVES ? berthi_wit_kind_name(t->kind)
                                           : bg->type_names[type] + strlen(bg->prefix) + 1;
}

static const char *composed_name(berthi_bg *bg, const berthi_wit_type *t)
{
    berthi_bg_names *n = &bg->names;
    const char *text = berthi_wit_kind_name(t->kind);

    switch (t->kind) {
    case BERTHI_WIT_TUPLE:
        for (uint32_t i = 0; i < t->items_count && strlen(text) <= NAME_PARTS_MAX; i++)
            text = berthi_bg_format(n, "%s_%s", text, part_name(bg, t->items[i].type));
        break;
    case BERTHI_WIT_RESULT:
    case BERTHI_WIT_MAP:
        text = berthi_bg_format(n, "%s_%s_%s", text, part_name(bg, t->element),
                                part_name(bg, t->second));
        break;
    case BERTHI_WIT_FIXED_LIST:
        text =
            berthi_bg_format(n, "array_%s_%u", part_name(bg, t->element), (unsigned)t->length);
        break;
    default:
        text = berthi_bg_format(n, "%s_%s", text, part_name(bg, t->element));
    }
    if (strlen(text) > NAME_PARTS_MAX) /* claiming tells those apart that begin alike */
        text = berthi_bg_format(n, "%.*s_etc", NAME_PARTS_MAX - 4, text);
    return text;
}

static const char *named_name(berthi_bg *bg, const berthi_wit_type *t)
{
    const char *own = berthi_bg_snake(&bg->names, t->name);

    if (t->owner_kind == BERTHI_WIT_OWNER_INTERFACE)
        return berthi_bg_format(&bg->names, "%s_%s", bg->interface_names[t->owner], own);
    return own;
}

static const char *const resource_suffixes[] = { "_borrow",   "_make", "_object",
                                                 "_borrowed", "_drop", "_drop_borrow",
                                                 NULL };
static const char *const map_suffixes[] = { "_entry", NULL };
static const char *const no_suffixes[] = { NULL };

static const char *name_type(berthi_bg *bg, uint32_t index)
{
    const berthi_wit_type *t = &bg->wit->types[index];
    berthi_bg_names *n = &bg->names;
    const char *const *suffixes = no_suffixes;
    const char *name;

    if (t->kind < BERTHI_WIT_PRIMITIVES)
        return primitive_names[t->kind];
    if (t->kind == BERTHI_WIT_OWN)
        return bg->type_names[berthi_bg_canon_index(bg, t->element)];
    if (t->kind == BERTHI_WIT_BORROW)
        return berthi_bg_format(n, "%s_borrow",
                                bg->type_names[berthi_bg_canon_index(bg, t->element)]);
    if (berthi_bg_canon(bg, index)->kind == BERTHI_WIT_RESOURCE)
        suffixes = resource_suffixes;
    else if (t->kind == BERTHI_WIT_MAP)
        suffixes = map_suffixes;
    name = berthi_bg_claim_family(
        n,
        berthi_bg_format(n, "%s_%s", bg->prefix,
                         t->name == NULL ? composed_name(bg, t) : named_name(bg, t)),
        suffixes);
    if (t->kind == BERTHI_WIT_RESOURCE)
        (void)berthi_bg_claim(n, berthi_bg_format(n, "%s_plugin_%s_destroy", bg->prefix,
                                                  name + strlen(bg->prefix) + 1));
    return name;
}

static berth_status name_types(berthi_bg *bg)
{
    for (uint32_t i = 0; i < bg->wit->types_count; i++) {
        if (!bg->is_needed[i])
            continue;
        bg->type_names[i] =
            bg->same_as[i] != i ? bg->type_names[bg->same_as[i]] : name_type(bg, i);
        if (bg->names.has_failed)
            return no_memory(bg);
    }
    return BERTH_OK;
}

/* ---------------------------------------------------------------- layouts */

static const berthi_cm_type *resource_of(void *ctx, uint32_t index)
{
    berthi_bg *bg = ctx;

    (void)index;
    return berthi_cm_resource(&bg->cm, NULL);
}

static berth_status make_layouts(berthi_bg *bg)
{
    for (uint32_t i = 0; i < bg->wit->types_count; i++)
        if (bg->is_needed[i] && berthi_cm_wit_type(&bg->cm_wit, i) == NULL)
            return bg->cm.status;
    return BERTH_OK;
}

/* ---------------------------------------------------------------- functions */

static uint32_t funcs_of(const berthi_wit *wit, const berthi_wit_extern *e)
{
    return e->kind == BERTHI_WIT_EXTERN_FUNC        ? 1
           : e->kind == BERTHI_WIT_EXTERN_INTERFACE ? wit->interfaces[e->index].funcs_count
                                                    : 0;
}

static berth_status reserve_funcs(berthi_bg *bg)
{
    uint32_t groups = 2 + bg->world->imports_count + bg->world->exports_count;
    size_t funcs = 1;

    for (uint32_t i = 0; i < bg->world->exports_count; i++)
        funcs += funcs_of(bg->wit, &bg->world->exports[i]);
    for (uint32_t i = 0; i < bg->world->imports_count; i++)
        funcs += funcs_of(bg->wit, &bg->world->imports[i]);
    bg->groups = berthi_arena_array(bg->arena, groups, sizeof *bg->groups);
    bg->funcs = berthi_arena_array(bg->arena, funcs, sizeof *bg->funcs);
    return bg->groups == NULL || bg->funcs == NULL ? no_memory(bg) : BERTH_OK;
}

static berth_status add_func(berthi_bg *bg, const berthi_wit_func *func, const char *interface)
{
    berthi_bg_func *f = &bg->funcs[bg->funcs_count];

    if (func->is_async)
        return berthi_fail(bg->diag, BERTH_E_REJECTED,
                           "world %s: there are no bindings for the async function `%s`",
                           bg->world->name, func->name);
    *f = (berthi_bg_func){ .func = func, .interface = interface, .full_name = func->name };
    if (interface != NULL)
        f->full_name = berthi_bg_format(&bg->names, "%s#%s", interface, func->name);
    bg->funcs_count++;
    return BERTH_OK;
}

static berth_status add_group(berthi_bg *bg, const berthi_wit_extern *externs, uint32_t count,
                              const berthi_wit_extern *origin, bool is_export)
{
    berthi_bg_group *g = &bg->groups[bg->groups_count++];
    berth_status status = BERTH_OK;

    *g = (berthi_bg_group){ .origin = origin,
                            .is_export = is_export,
                            .funcs_first = bg->funcs_count };
    if (origin == NULL) {
        for (uint32_t i = 0; i < count && status == BERTH_OK; i++)
            if (externs[i].kind == BERTHI_WIT_EXTERN_FUNC)
                status = add_func(bg, externs[i].func, NULL);
    } else {
        g->interface = &bg->wit->interfaces[origin->index];
        for (uint32_t i = 0; i < g->interface->funcs_count && status == BERTH_OK; i++)
            status = add_func(bg, &g->interface->funcs[i], origin->name);
    }
    g->funcs_count = bg->funcs_count - g->funcs_first;
    return status;
}

static berth_status add_groups(berthi_bg *bg, const berthi_wit_extern *externs, uint32_t count,
                               bool is_export)
{
    berth_status status = add_group(bg, externs, count, NULL, is_export);

    for (uint32_t i = 0; i < count && status == BERTH_OK; i++)
        if (externs[i].kind == BERTHI_WIT_EXTERN_INTERFACE)
            status = add_group(bg, externs, count, &externs[i], is_export);
    return status;
}

/* `send`, `conn_send`, `conn_new`. */
static const char *plain_name(berthi_bg *bg, const berthi_wit_func *func)
{
    const char *plain = berthi_bg_snake(&bg->names, func->plain);

    if (func->kind == BERTHI_WIT_FREE)
        return plain;
    if (func->kind == BERTHI_WIT_CONSTRUCTOR)
        return berthi_bg_format(&bg->names, "%s_new", plain);
    return berthi_bg_format(&bg->names, "%s_%s",
                            berthi_bg_snake(&bg->names, bg->wit->types[func->resource].name),
                            plain);
}

static berth_status make_func(berthi_bg *bg, const berthi_bg_group *g, berthi_bg_func *f)
{
    uint32_t count = f->func->params_count;
    berthi_cm_extern *items = berthi_cm_make(&bg->cm, count, sizeof *items);

    if (items == NULL)
        return bg->cm.status;
    for (uint32_t i = 0; i < count; i++)
        items[i].type = berthi_bg_layout(bg, f->func->params[i].type);
    f->type = berthi_cm_wit_func(&bg->cm_wit, f->func);
    if (f->type != NULL && count != 0)
        f->args_type = berthi_cm_intern(
            &bg->cm,
            &(berthi_cm_type){ .kind = BERTHI_CM_TUPLE, .count = count, .items = items });
    if (f->type == NULL || (count != 0 && f->args_type == NULL))
        return bg->cm.status;
    f->name = berthi_bg_claim(
        &bg->names, berthi_bg_format(&bg->names, "%s_%s", g->name, plain_name(bg, f->func)));
    if (count != 0)
        f->args = berthi_bg_claim(&bg->names, berthi_bg_format(&bg->names, "%s_args", f->name));
    if (g->is_export)
        f->plugin =
            berthi_bg_claim(&bg->names, berthi_bg_format(&bg->names, "%s_plugin_%s", bg->prefix,
                                                         f->name + strlen(bg->prefix) + 1));
    return bg->names.has_failed ? no_memory(bg) : BERTH_OK;
}

static berth_status make_funcs(berthi_bg *bg)
{
    for (uint32_t i = 0; i < bg->groups_count; i++) {
        berthi_bg_group *g = &bg->groups[i];

        g->name = bg->prefix;
        if (g->origin != NULL)
            g->name = berthi_bg_format(&bg->names, "%s_%s", bg->prefix,
                                       g->origin->is_plain
                                           ? berthi_bg_snake(&bg->names, g->origin->name)
                                           : bg->interface_names[g->origin->index]);
        for (uint32_t k = 0; k < g->funcs_count; k++) {
            berth_status status = make_func(bg, g, &bg->funcs[g->funcs_first + k]);

            if (status != BERTH_OK)
                return status;
        }
    }
    return BERTH_OK;
}

/* ---------------------------------------------------------------- objects of the host */

static void add_object(berthi_bg *bg, const berthi_bg_group *g, uint32_t type)
{
    const char *name = bg->type_names[type], *tail = name + strlen(bg->prefix) + 1;

    if (bg->wit->types[type].kind != BERTHI_WIT_RESOURCE)
        return;
    bg->objects[bg->objects_count++] = (berthi_bg_object){
        .group = g,
        .type = type,
        .name = name,
        .tail = berthi_bg_is_reserved(tail) || strcmp(tail, "ctx") == 0
                    ? berthi_bg_format(&bg->names, "%s_", tail)
                    : tail,
        .interface = g->origin == NULL ? NULL : g->origin->name,
        .object = berthi_bg_claim_family(
            &bg->names, berthi_bg_format(&bg->names, "%s_host_%s", bg->prefix, tail),
            (const char *const[]){ "_add", "_find", "_take", NULL }),
    };
}

/* Each that an imported interface, or the world's own imports, define. */
static berth_status find_objects(berthi_bg *bg)
{
    size_t count = 1 + bg->world->imports_count;

    for (uint32_t i = bg->export_groups; i < bg->groups_count; i++)
        if (bg->groups[i].interface != NULL)
            count += bg->groups[i].interface->types_count;
    bg->objects = berthi_arena_array(bg->arena, count, sizeof *bg->objects);
    if (bg->objects == NULL)
        return no_memory(bg);
    for (uint32_t i = bg->export_groups; i < bg->groups_count; i++) {
        const berthi_bg_group *g = &bg->groups[i];

        for (uint32_t k = 0; g->interface == NULL && k < bg->world->imports_count; k++)
            if (bg->world->imports[k].kind == BERTHI_WIT_EXTERN_TYPE)
                add_object(bg, g, bg->world->imports[k].index);
        for (uint32_t k = 0; g->interface != NULL && k < g->interface->types_count; k++)
            add_object(bg, g, g->interface->types[k]);
    }
    return bg->names.has_failed ? no_memory(bg) : BERTH_OK;
}

/* ---------------------------------------------------------------- objects of the plugin */

static bool is_exported(const berthi_bg *bg, uint32_t interface)
{
    for (uint32_t i = 0; i < bg->export_groups; i++)
        if (bg->groups[i].interface == &bg->wit->interfaces[interface])
            return true;
    return false;
}

/* All handles in a value are of the plugin's own resources.  Recursion is bounded by the depth of types. */
static bool is_plugins(const berthi_bg *bg, uint32_t type)
{
    const berthi_wit_type *t;

    if (type == BERTHI_WIT_NONE || !bg->wit->types[type].has_resource)
        return true;
    t = berthi_bg_canon(bg, type);
    if (t->kind == BERTHI_WIT_RESOURCE)
        return t->owner_kind == BERTHI_WIT_OWNER_INTERFACE && is_exported(bg, t->owner);
    for (uint32_t i = 0; i < t->items_count; i++)
        if (!is_plugins(bg, t->items[i].type))
            return false;
    return is_plugins(bg, t->element) && is_plugins(bg, t->second);
}

bool berthi_bg_is_callable(const berthi_bg *bg, const berthi_bg_func *f)
{
    for (uint32_t i = 0; f->type->has_resource && i < f->func->params_count; i++)
        if (!is_plugins(bg, f->func->params[i].type))
            return false;
    return !f->type->has_resource || is_plugins(bg, f->func->result);
}

static berth_status find_drops(berthi_bg *bg)
{
    for (uint32_t i = 0; i < bg->export_groups; i++)
        for (uint32_t k = 0;
             bg->groups[i].interface != NULL && k < bg->groups[i].interface->types_count; k++)
            bg->drops_count +=
                bg->wit->types[bg->groups[i].interface->types[k]].kind == BERTHI_WIT_RESOURCE;
    if (bg->drops_count == 0)
        return BERTH_OK;
    bg->enter =
        berthi_bg_claim(&bg->names, berthi_bg_format(&bg->names, "%s_enter", bg->prefix));
    bg->leave =
        berthi_bg_claim(&bg->names, berthi_bg_format(&bg->names, "%s_leave", bg->prefix));
    bg->session =
        berthi_bg_claim(&bg->names, berthi_bg_format(&bg->names, "%s_session", bg->prefix));
    return bg->names.has_failed ? no_memory(bg) : BERTH_OK;
}

/* ---------------------------------------------------------------- all of it */

static berth_status prepare(berthi_bg *bg, const char *prefix)
{
    size_t types = bg->wit->types_count + 1u;

    bg->same_as = berthi_arena_array(bg->arena, types, sizeof *bg->same_as);
    bg->type_names = berthi_arena_array(bg->arena, types, sizeof *bg->type_names);
    bg->is_needed = berthi_arena_array(bg->arena, types, sizeof *bg->is_needed);
    bg->cm_wit.made = berthi_arena_array(bg->arena, types, sizeof *bg->cm_wit.made);
    bg->interface_names = berthi_arena_array(bg->arena, bg->wit->interfaces_count + 1u,
                                             sizeof *bg->interface_names);
    if (bg->same_as == NULL || bg->type_names == NULL || bg->is_needed == NULL ||
        bg->cm_wit.made == NULL || bg->interface_names == NULL)
        return no_memory(bg);
    bg->prefix = berthi_bg_snake(&bg->names, prefix == NULL ? bg->world->name : prefix);
    /* names of the library, and words that would be keywords with nothing behind them */
    if (strcmp(bg->prefix, "berth") == 0 || strcmp(bg->prefix, "berthi") == 0 ||
        berthi_bg_is_reserved(bg->prefix))
        bg->prefix = berthi_bg_format(&bg->names, "%s_world", bg->prefix);
    bg->slot = berthi_bg_claim(&bg->names, berthi_bg_format(&bg->names, "%s_slot", bg->prefix));
    bg->bind = berthi_bg_claim(&bg->names, berthi_bg_format(&bg->names, "%s_bind", bg->prefix));
    bg->open =
        berthi_bg_claim(&bg->names, berthi_bg_format(&bg->names, "%s_plugin_open", bg->prefix));
    bg->imports =
        berthi_bg_claim(&bg->names, berthi_bg_format(&bg->names, "%s_imports", bg->prefix));
    bg->offer =
        berthi_bg_claim(&bg->names, berthi_bg_format(&bg->names, "%s_offer", bg->prefix));
    bg->drain = berthi_bg_claim(&bg->names,
                                berthi_bg_format(&bg->names, "%s_plugin_drain", bg->prefix));
    bg->close = berthi_bg_claim(&bg->names,
                                berthi_bg_format(&bg->names, "%s_plugin_close", bg->prefix));
    return bg->names.has_failed ? no_memory(bg) : BERTH_OK;
}

berth_status berthi_bg_make(berthi_bg *bg, const berthi_wit *wit, const berthi_wit_world *world,
                            const char *prefix, berthi_arena *arena, berth_diag *diag)
{
    berth_status status;

    *bg = (berthi_bg){ .wit = wit,
                       .world = world,
                       .arena = arena,
                       .diag = diag,
                       .names = { .arena = arena },
                       .cm = { .arena = arena, .diag = diag, .work = WORK_MAX, .epoch = 1 } };
    bg->cm_wit =
        (berthi_cm_wit){ .types = &bg->cm, .model = wit, .resource = resource_of, .ctx = bg };
    status = prepare(bg, prefix);
    if (status == BERTH_OK)
        status = reserve_funcs(bg);
    if (status == BERTH_OK)
        status = add_groups(bg, world->exports, world->exports_count, true);
    bg->export_groups = bg->groups_count;
    bg->exports_count = bg->funcs_count;
    if (status == BERTH_OK)
        status = add_groups(bg, world->imports, world->imports_count, false);
    if (status == BERTH_OK)
        status = find_needed(bg);
    if (status == BERTH_OK)
        status = make_layouts(bg);
    if (status == BERTH_OK)
        status = name_interfaces(bg);
    if (status == BERTH_OK)
        status = name_types(bg);
    if (status == BERTH_OK)
        status = make_funcs(bg);
    if (status == BERTH_OK)
        status = find_objects(bg);
    if (status == BERTH_OK)
        status = find_drops(bg);
    return status;
}
