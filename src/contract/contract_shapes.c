/* contract_shapes.c - shapes of types and functions.  Layer: contract.
 *
 * A shape is the SHA-256 of a text that has the shapes of parts in it, in hexadecimal.  What a type
 * refers to has a lower index, so one pass makes all. */
#include <stdio.h>

#include "base/diag.h"
#include "contract/contract.h"
#include "contract/wit_words.h"

bool berthi_contracts_fail_memory(berthi_contracts *set)
{
    if (set->status == BERTH_OK)
        set->status = berthi_fail(set->diag, BERTH_E_NOMEM, "no memory to compare contracts");
    return false;
}

bool berthi_contracts_charge(berthi_contracts *set, uint32_t steps)
{
    if (set->work_left >= steps) {
        set->work_left -= steps;
        return true;
    }
    if (set->status == BERTH_OK)
        set->status =
            berthi_fail(set->diag, BERTH_E_LIMIT,
                        "contracts of this package take more than %d steps to compare",
                        BERTHI_CONTRACT_WORK_MAX);
    return false;
}

/* ---------------------------------------------------------------- homes */

size_t berthi_contract_track(const char *version)
{
    size_t whole = strcspn(version, "+"), major = strspn(version, "0123456789"), minor;

    if (memchr(version, '-', whole) != NULL || version[major] != '.')
        return whole;
    if (version[0] != '0')
        return major;
    minor = strspn(version + major + 1, "0123456789");
    return version[major + 1] == '0' ? whole : major + 1 + minor;
}

bool berthi_version_serves(const char *offered, const char *needed)
{
    size_t track = berthi_contract_track(needed);

    return track == berthi_contract_track(offered) && memcmp(offered, needed, track) == 0 &&
           berthi_wit_compare_versions(offered, needed) >= 0;
}

static size_t shared_version(const berthi_wit_package *p)
{
    return p->version == NULL ? 0 : berthi_contract_track(p->version);
}

/* Whether compatible versions of the package are in the model, which have to be told apart then. */
static bool has_twin(berthi_contracts *set, const berthi_wit_package *p)
{
    const berthi_wit *m = set->model;
    size_t size = shared_version(p);

    for (uint32_t i = 0; i < m->packages_count; i++) {
        const berthi_wit_package *q = &m->packages[i];

        if (q != p && q->version != NULL && p->version != NULL && shared_version(q) == size &&
            memcmp(q->version, p->version, size) == 0 && strcmp(q->name, p->name) == 0 &&
            strcmp(q->space, p->space) == 0)
            return true;
    }
    return false;
}

/* "ns:name/item@track", or the bare item in the package itself. */
static const char *make_home(berthi_contracts *set, uint32_t package, const char *item)
{
    const berthi_wit_package *p = &set->model->packages[package];
    berthi_text_buf text;
    const char *home;

    if (package == set->package)
        return item;
    if (!berthi_contracts_charge(set, set->model->packages_count))
        return NULL;
    berthi_text_buf_init(&text, set->arena->allocator);
    berthi_text_buf_putf(&text, "%s:%s/%s", p->space, p->name, item);
    if (p->version != NULL)
        berthi_text_buf_putf(&text, "@%.*s", has_twin(set, p) ? -1 : (int)shared_version(p),
                             p->version);
    home = text.has_failed ? NULL : berthi_arena_strndup(set->arena, text.data, text.size);
    berthi_text_buf_fini(&text);
    return home;
}

/* Interfaces that are written in a world go by the name of their import or export. */
static bool name_inline(berthi_contracts *set, const berthi_wit_extern *externs, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const berthi_wit_extern *e = &externs[i];
        char home[BERTHI_WIT_NAME_MAX + 8];
        int size;

        if (e->kind != BERTHI_WIT_EXTERN_INTERFACE || set->interface_homes[e->index] != NULL)
            continue;
        size = snprintf(home, sizeof home, "inline %s", e->name);
        set->interface_homes[e->index] = berthi_arena_strndup(
            set->arena, home, (size_t)size < sizeof home ? (size_t)size : 0);
        if (set->interface_homes[e->index] == NULL)
            return berthi_contracts_fail_memory(set);
    }
    return true;
}

static bool make_homes(berthi_contracts *set)
{
    const berthi_wit *m = set->model;

    for (uint32_t i = 0; i < m->interfaces_count; i++) {
        const berthi_wit_interface *it = &m->interfaces[i];

        if (it->name != NULL &&
            (set->interface_homes[i] = make_home(set, it->package, it->name)) == NULL)
            return berthi_contracts_fail_memory(set);
    }
    for (uint32_t i = 0; i < m->worlds_count; i++) {
        const berthi_wit_world *w = &m->worlds[i];

        set->world_homes[i] = make_home(set, w->package, w->name);
        if (set->world_homes[i] == NULL)
            return berthi_contracts_fail_memory(set);
        if (!berthi_contracts_charge(set, w->imports_count + w->exports_count) ||
            !name_inline(set, w->imports, w->imports_count) ||
            !name_inline(set, w->exports, w->exports_count))
            return false;
    }
    return true;
}

const char *berthi_contract_home(const berthi_contracts *set, const berthi_wit_type *type)
{
    return type->owner_kind == BERTHI_WIT_OWNER_WORLD ? set->world_homes[type->owner]
                                                      : set->interface_homes[type->owner];
}

/* ---------------------------------------------------------------- shapes */

static void put_shape(berthi_contracts *set, uint32_t type, berthi_text_buf *out)
{
    char hex[BERTHI_SHA256_HEX_SIZE];

    if (type == BERTHI_WIT_NONE) {
        berthi_text_buf_puts(out, "_");
        return;
    }
    berthi_sha256_hex(set->shapes[type].bytes, hex);
    berthi_text_buf_puts(out, hex);
}

/* "(name:SHAPE,name:_)" */
static void put_items(berthi_contracts *set, const berthi_wit_item *items, uint32_t count,
                      berthi_text_buf *out)
{
    berthi_text_buf_puts(out, "(");
    for (uint32_t i = 0; i < count; i++) {
        berthi_text_buf_puts(out, i == 0 ? "" : ",");
        if (items[i].name != NULL)
            berthi_text_buf_puts(out, items[i].name);
        berthi_text_buf_puts(out, ":");
        put_shape(set, items[i].type, out);
    }
    berthi_text_buf_puts(out, ")");
}

static bool digest_text(berthi_contracts *set, const berthi_text_buf *text, uint8_t *digest)
{
    return (!text->has_failed && berthi_sha256(text->data, text->size, digest)) ||
           berthi_contracts_fail_memory(set);
}

static void put_structure(berthi_contracts *set, const berthi_wit_type *type,
                          berthi_text_buf *out)
{
    berthi_text_buf_puts(out, berthi_wit_kind_name(type->kind));
    switch (type->kind) {
    case BERTHI_WIT_RECORD:
    case BERTHI_WIT_VARIANT:
    case BERTHI_WIT_ENUM:
    case BERTHI_WIT_FLAGS:
    case BERTHI_WIT_TUPLE:
        put_items(set, type->items, type->items_count, out);
        break;
    case BERTHI_WIT_RESOURCE:
        berthi_text_buf_putf(out, " %s#%s", berthi_contract_home(set, type), type->name);
        break;
    case BERTHI_WIT_FIXED_LIST:
        berthi_text_buf_putf(out, " %u", (unsigned)type->length);
        break;
    default:
        break;
    }
    if (type->kind > BERTHI_WIT_TUPLE) {
        berthi_text_buf_puts(out, " ");
        put_shape(set, type->element, out);
        berthi_text_buf_puts(out, " ");
        put_shape(set, type->second, out);
    }
}

static bool make_shapes(berthi_contracts *set, berthi_text_buf *text)
{
    for (uint32_t i = 0; i < set->model->types_count; i++) {
        const berthi_wit_type *type = &set->model->types[i];

        if (!berthi_contracts_charge(set, 1 + type->items_count))
            return false;
        if (type->kind == BERTHI_WIT_ALIAS) {
            set->shapes[i] = set->shapes[type->element];
            continue;
        }
        text->size = 0;
        put_structure(set, type, text);
        if (!digest_text(set, text, set->shapes[i].bytes))
            return false;
    }
    return true;
}

bool berthi_contract_func_shape(berthi_contracts *set, const berthi_wit_func *func,
                                berthi_shape *shape_out)
{
    berthi_text_buf text;
    bool is_good;

    berthi_text_buf_init(&text, set->arena->allocator);
    berthi_text_buf_puts(&text, func->is_async ? "async func" : "func");
    put_items(set, func->params, func->params_count, &text);
    put_shape(set, func->result, &text);
    is_good = berthi_contracts_charge(set, 1 + func->params_count) &&
              digest_text(set, &text, shape_out->bytes);
    berthi_text_buf_fini(&text);
    return is_good;
}

/* ---------------------------------------------------------------- functions of resources */

static bool chain_funcs(berthi_contracts *set)
{
    const berthi_wit *m = set->model;
    uint32_t count = 0;

    for (uint32_t i = 0; i < m->interfaces_count; i++)
        count += m->interfaces[i].funcs_count;
    set->funcs = berthi_arena_array(set->arena, count, sizeof *set->funcs);
    if (set->funcs == NULL)
        return berthi_contracts_fail_memory(set);
    memset(set->first_func, 0xff, m->types_count * sizeof *set->first_func);
    count = 0;
    for (uint32_t i = 0; i < m->interfaces_count; i++)
        for (uint32_t f = 0; f < m->interfaces[i].funcs_count; f++) {
            const berthi_wit_func *func = &m->interfaces[i].funcs[f];

            if (func->kind == BERTHI_WIT_FREE)
                continue;
            set->funcs[count] =
                (berthi_contract_func){ func, i, set->first_func[func->resource] };
            set->first_func[func->resource] = count++;
        }
    return true;
}

berth_status berthi_contracts_init(berthi_contracts *set, const berthi_wit *model,
                                   uint32_t package, berthi_arena *arena, berth_diag *diag)
{
    const uint32_t types = model->types_count;
    berthi_text_buf text;

    *set = (berthi_contracts){ .model = model,
                               .arena = arena,
                               .diag = diag,
                               .package = package,
                               .work_left = BERTHI_CONTRACT_WORK_MAX,
                               .changes_left = BERTHI_CHANGES_MAX };
    set->shapes = berthi_arena_array(arena, types, sizeof *set->shapes);
    set->first_func = berthi_arena_array(arena, types, sizeof *set->first_func);
    set->marks = berthi_arena_array(arena, types, sizeof *set->marks);
    set->stack = berthi_arena_array(arena, types, sizeof *set->stack);
    set->interface_homes =
        berthi_arena_array(arena, model->interfaces_count, sizeof *set->interface_homes);
    set->world_homes = berthi_arena_array(arena, model->worlds_count, sizeof *set->world_homes);
    if (set->shapes == NULL || set->first_func == NULL || set->marks == NULL ||
        set->stack == NULL || set->interface_homes == NULL || set->world_homes == NULL) {
        (void)berthi_contracts_fail_memory(set);
        return set->status;
    }
    berthi_text_buf_init(&text, arena->allocator);
    (void)(make_homes(set) && make_shapes(set, &text) && chain_funcs(set));
    berthi_text_buf_fini(&text);
    return set->status;
}
