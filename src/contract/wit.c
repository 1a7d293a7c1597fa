/* wit.c - from text to the model, and finding things in it.  Layer: contract. */
#include "contract/wit.h"

#include "base/diag.h"
#include "contract/wit_tree.h"

static void start(wit_reader *r, const berthi_wit_options *options, berthi_arena *arena,
                  berth_diag *diag)
{
    *r = (wit_reader){
        .arena = arena, .options = options, .diag = diag, .tokens_left = BERTHI_WIT_TOKENS_MAX
    };
    r->packages_tail = &r->packages;
    berthi_arena_init(&r->scratch, arena->allocator, SIZE_MAX);
}

berth_status berthi_wit_read_text(const char *path, const char *text, size_t size,
                                  const berthi_wit_options *options, berthi_arena *arena,
                                  const berthi_wit **model_out, berth_diag *diag)
{
    wit_source source = { .path = path, .text = text, .size = (uint32_t)size };
    wit_reader r;

    if (size > BERTHI_WIT_BYTES_MAX)
        return berthi_fail(diag, BERTH_E_LIMIT, "%s: more than %u bytes of WIT", path,
                           (unsigned)BERTHI_WIT_BYTES_MAX);
    start(&r, options, arena, diag);
    r.sources = &source;
    r.sources_count = 1;
    r.root = berthi_wit_add_package(&r);
    if (r.root != NULL && berthi_wit_parse(&r, 0, r.root) && berthi_wit_resolve(&r))
        *model_out = r.model;
    berthi_arena_fini(&r.scratch);
    return r.status;
}

berth_status berthi_wit_read_paths(const char *const *paths, uint32_t count,
                                   const berthi_wit_options *options, berthi_arena *arena,
                                   const berthi_wit **model_out, berth_diag *diag)
{
    wit_reader r;

    BERTHI_REQUIRE(count != 0, diag);
    start(&r, options, arena, diag);
    if (berthi_wit_load(&r, paths, count) && berthi_wit_resolve(&r))
        *model_out = r.model;
    berthi_arena_fini(&r.scratch);
    return r.status;
}

/* ---------------------------------------------------------------- finding */

/* `name` is the id, or the id without its version, or a bare name in the root package.  2: in
 * full, 1: but for its version. */
static int match(const berthi_wit *model, const char *name, const char *id, const char *bare,
                 uint32_t package)
{
    size_t size = strlen(name);

    if (bare == NULL)
        return 0;
    if (strchr(name, ':') == NULL)
        return package == model->root && strcmp(name, bare) == 0 ? 2 : 0;
    if (strncmp(name, id, size) != 0)
        return 0;
    return id[size] == '\0' ? 2 : id[size] == '@' ? 1 : 0;
}

const berthi_wit_interface *berthi_wit_find_interface(const berthi_wit *model, const char *name)
{
    const berthi_wit_interface *found = NULL;
    unsigned count = 0;

    for (uint32_t i = 0; i < model->interfaces_count; i++) {
        const berthi_wit_interface *it = &model->interfaces[i];
        int how = match(model, name, it->id, it->name, it->package);

        if (how == 2)
            return it;
        if (how == 1) {
            found = it;
            count++;
        }
    }
    return count == 1 ? found : NULL;
}

const berthi_wit_world *berthi_wit_find_world(const berthi_wit *model, const char *name)
{
    const berthi_wit_world *found = NULL;
    unsigned count = 0;

    for (uint32_t i = 0; i < model->worlds_count; i++) {
        const berthi_wit_world *it = &model->worlds[i];
        int how = match(model, name, it->id, it->name, it->package);

        if (how == 2)
            return it;
        if (how == 1) {
            found = it;
            count++;
        }
    }
    return count == 1 ? found : NULL;
}

berth_status berthi_wit_choose_world(const berthi_wit *wit, const char *name,
                                     const berthi_wit_world **world_out, berth_diag *diag)
{
    const berthi_wit_package *root = &wit->packages[wit->root];

    if (name != NULL)
        *world_out = berthi_wit_find_world(wit, name);
    else if (root->worlds_count == 1)
        *world_out = &wit->worlds[root->worlds[0]];
    else
        return berthi_fail(diag, BERTH_E_ABSENT, "package %s has %u worlds; name one", root->id,
                           (unsigned)root->worlds_count);
    if (*world_out != NULL)
        return BERTH_OK;
    return berthi_fail(diag, BERTH_E_ABSENT, "package %s has no world `%s`%s%s", root->id, name,
                       root->worlds_count == 0 ? "" : "; the first one is ",
                       root->worlds_count == 0 ? "" : wit->worlds[root->worlds[0]].name);
}

const berthi_wit_func *berthi_wit_find_func(const berthi_wit_interface *interface,
                                            const char *name)
{
    for (uint32_t i = 0; i < interface->funcs_count; i++)
        if (strcmp(interface->funcs[i].name, name) == 0)
            return &interface->funcs[i];
    return NULL;
}

uint32_t berthi_wit_find_type(const berthi_wit *model, const berthi_wit_interface *interface,
                              const char *name)
{
    for (uint32_t i = 0; i < interface->types_count; i++)
        if (strcmp(model->types[interface->types[i]].name, name) == 0)
            return interface->types[i];
    return BERTHI_WIT_NONE;
}

const char *berthi_wit_kind_name(berthi_wit_kind kind)
{
    static const char *const names[] = {
        "bool",   "s8",    "u8",       "s16",    "u16",    "s32",           "u32",    "s64",
        "u64",    "f32",   "f64",      "char",   "string", "error-context", "record", "variant",
        "enum",   "flags", "resource", "type",   "tuple",  "list",          "list",   "option",
        "result", "map",   "own",      "borrow", "stream", "future",
    };

    return names[kind];
}
