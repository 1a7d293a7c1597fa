/* native_plugin.c - a native plugin's world, and what it has to keep.  Layer: admit. */
#include "admit/native_plugin.h"

#include "base/diag.h"
#include "component/wit/contract_check.h"
#include "component/wit/wit_decode.h"
#include "component/wit/wit_types.h"

enum { TYPES_WORK_MAX = 10000000 };

bool berthi_is_elf(const uint8_t *bytes, size_t size)
{
    return size >= 4 && memcmp(bytes, "\177ELF", 4) == 0;
}

/* ---------------------------------------------------------------- types */

typedef struct reading {
    const berthi_native_info *info;
    berthi_arena *arena;
    berthi_native_plugin *plugin;
    const berthi_wit_world *world;
    berthi_cm_types types;
    berthi_cm_wit wit;
    berth_diag *diag;
} reading;

static berth_status no_memory(const reading *r)
{
    return berthi_fail(r->diag, BERTH_E_NOMEM, "reading the world of a native plugin");
}

static const berthi_cm_type *own_resource(void *ctx, uint32_t index)
{
    (void)index;
    return berthi_cm_resource(ctx, NULL);
}

static berth_status start_types(reading *r)
{
    r->types = (berthi_cm_types){
        .arena = r->arena, .diag = r->diag, .work = TYPES_WORK_MAX, .epoch = 1
    };
    r->wit = (berthi_cm_wit){ .types = &r->types,
                              .model = r->plugin->model,
                              .resource = own_resource,
                              .ctx = &r->types,
                              .made = berthi_cm_make(&r->types, r->plugin->model->types_count,
                                                     sizeof *r->wit.made) };
    return r->types.status;
}

/* ---------------------------------------------------------------- exports */

static berth_status make_export(reading *r, const berthi_wit_extern *from,
                                berthi_native_export *e)
{
    const berthi_wit_interface *it =
        from == NULL ? NULL : &r->plugin->model->interfaces[from->index];
    berthi_contracts *set = berthi_arena_alloc(r->arena, sizeof *set);
    uint32_t count;
    berth_status status;

    if (set == NULL)
        return no_memory(r);
    status = berthi_contracts_init(
        set, r->plugin->model, it == NULL ? r->world->package : it->package, r->arena, r->diag);
    if (status == BERTH_OK)
        status = it == NULL ? berthi_contract_make_world(set, r->world, &e->contract)
                            : berthi_contract_make(set, from->index, &e->contract);
    if (status != BERTH_OK)
        return status;
    e->name = from == NULL ? NULL : from->name;
    count = e->contract.funcs_count;
    e->names = berthi_arena_array(r->arena, count, sizeof *e->names);
    e->types = berthi_arena_array(r->arena, count, sizeof *e->types);
    if (e->names == NULL || e->types == NULL)
        return no_memory(r);
    for (uint32_t i = 0; i < count; i++) {
        e->names[i] = e->contract.funcs[i]->name;
        e->types[i] = berthi_cm_wit_func(&r->wit, e->contract.funcs[i]->func);
        if (e->types[i] == NULL)
            return r->types.status;
    }
    return BERTH_OK;
}

static berth_status find_resources(reading *r, const berthi_wit_interface *it,
                                   berthi_native_export *e)
{
    static const char tail[] = "#drop";
    size_t size = strlen(e->contract.key);
    char *key = berthi_arena_alloc(r->arena, size + sizeof tail);

    e->resources = berthi_arena_array(r->arena, it->types_count + 1u, sizeof *e->resources);
    if (key == NULL || e->resources == NULL)
        return no_memory(r);
    memcpy(key, e->contract.key, size);
    memcpy(key + size, tail, sizeof tail);
    e->drop_key = key;
    for (uint32_t i = 0; i < it->types_count; i++) {
        const berthi_wit_type *type = &r->plugin->model->types[it->types[i]];

        if (type->kind == BERTHI_WIT_RESOURCE)
            e->resources[e->resources_count++] = type->name;
    }
    return BERTH_OK;
}

static berth_status make_exports(reading *r)
{
    uint32_t count = r->world->exports_count, funcs = 0;
    berthi_native_export *list = berthi_arena_array(r->arena, count + 1, sizeof *list);
    berthi_native_plugin *p = r->plugin;
    berth_status status = BERTH_OK;

    if (list == NULL)
        return no_memory(r);
    for (uint32_t i = 0; status == BERTH_OK && i < count; i++) {
        const berthi_wit_extern *e = &r->world->exports[i];

        funcs += e->kind == BERTHI_WIT_EXTERN_FUNC;
        if (e->kind != BERTHI_WIT_EXTERN_INTERFACE)
            continue;
        if (p->exports_count == BERTHI_NATIVE_CONTRACTS_MAX)
            return berthi_fail(r->diag, BERTH_E_LIMIT,
                               "its world exports more than %d interfaces",
                               BERTHI_NATIVE_CONTRACTS_MAX);
        status = make_export(r, e, &list[p->exports_count++]);
        if (status == BERTH_OK)
            status =
                find_resources(r, &p->model->interfaces[e->index], &list[p->exports_count - 1]);
    }
    if (status == BERTH_OK && funcs != 0)
        status = make_export(r, NULL, &list[p->exports_count++]);
    p->exports = list;
    return status;
}

/* The note says the contracts of the world, each and no other. */
static berth_status check_note(const berthi_native_plugin *plugin, berth_diag *diag)
{
    const berthi_native_info *info = &plugin->info;

    for (uint32_t i = 0; i < plugin->exports_count; i++) {
        const berthi_contract *c = &plugin->exports[i].contract;
        uint32_t k = 0;

        while (k < info->contracts_count && strcmp(info->contracts[k].name, c->id) != 0)
            k++;
        if (k == info->contracts_count)
            return berthi_fail(
                diag, BERTH_E_REJECTED,
                "its world exports `%.128s`, and its note does not say so; build "
                "both from one WIT",
                c->id);
        if (memcmp(info->contracts[k].digest, c->digest, sizeof c->digest) != 0)
            return berthi_fail(
                diag, BERTH_E_REJECTED,
                "the digest of `%.128s` in its note is not that of the world that "
                "it carries; build both from one WIT",
                c->id);
    }
    if (info->contracts_count != plugin->exports_count)
        return berthi_fail(
            diag, BERTH_E_REJECTED,
            "its note has %u contracts, and its world %u; build both from one WIT",
            info->contracts_count, plugin->exports_count);
    return BERTH_OK;
}

static berth_status read_model(reading *r)
{
    const berthi_wit_options options = { .has_all_features = true };
    berthi_text_buf text;
    berth_status status;

    berthi_text_buf_init(&text, r->arena->allocator);
    status = berthi_component_wit(r->info->wit, r->info->wit_size, r->arena->allocator, &text,
                                  r->diag);
    if (status == BERTH_OK)
        status = berthi_wit_read_text("its world", text.data, text.size, &options, r->arena,
                                      &r->plugin->model, r->diag);
    berthi_text_buf_fini(&text);
    if (status == BERTH_OK &&
        berthi_wit_choose_world(r->plugin->model, NULL, &r->world, r->diag) != BERTH_OK)
        status = berthi_fail(r->diag, BERTH_E_REJECTED,
                             "its section '.berth.wit' holds no world, or several");
    r->plugin->world = r->world;
    return status == BERTH_OK ? start_types(r) : status;
}

berth_status berthi_native_world_read(const berthi_native_info *info, berthi_arena *arena,
                                      berthi_native_plugin *plugin_out, berth_diag *diag)
{
    reading r = { .info = info, .arena = arena, .plugin = plugin_out, .diag = diag };
    berth_status status;

    *plugin_out = (berthi_native_plugin){ .info = *info };
    status = read_model(&r);
    if (status == BERTH_OK)
        status = make_exports(&r);
    if (status == BERTH_OK)
        status = check_note(plugin_out, diag);
    for (uint32_t i = 0; i < plugin_out->exports_count; i++)
        if (plugin_out->exports[i].contract.set != NULL)
            plugin_out->exports[i].contract.set->diag = NULL; /* the caller's */
    return status;
}

/* The same bytes say the same, whoever carries them; that the note agrees is the plugin's own matter. */
static berth_status take_world(const berthi_native_info *info,
                               const berthi_native_worlds *worlds, berthi_arena *arena,
                               berthi_native_plugin *out, berth_diag *diag)
{
    const berthi_native_plugin *known =
        worlds == NULL ? NULL : worlds->find(worlds->ctx, info->wit, info->wit_size);

    if (known == NULL)
        return berthi_native_world_read(info, worlds == NULL ? arena : worlds->arena, out,
                                        diag);
    *out = (berthi_native_plugin){ .info = *info,
                                   .exports_count = known->exports_count,
                                   .exports = known->exports,
                                   .model = known->model,
                                   .world = known->world,
                                   .is_shared = true };
    return check_note(out, diag);
}

/* ---------------------------------------------------------------- the slot's contract */

/* The first change that callers of the slot would notice. */
static berth_status first_difference(const berthi_contract *slot, const berthi_contract *own,
                                     const berthi_comparison *c, const berth_allocator *a,
                                     berth_diag *diag)
{
    const berthi_change *change = c->changes;
    berthi_text_buf text;
    berth_status status;

    while (change->next != NULL && (change->breaks & BERTHI_BREAKS_CALLERS) == 0)
        change = change->next;
    berthi_text_buf_init(&text, a);
    berthi_change_print(change, &text);
    status = text.has_failed
                 ? berthi_fail(diag, BERTH_E_NOMEM, "comparing contracts")
                 : berthi_fail(diag, BERTH_E_REJECTED,
                               "export `%.128s` does not keep contract `%.128s`: %.300s",
                               own->id, slot->key, text.data);
    berthi_text_buf_fini(&text);
    return status;
}

static const berthi_native_export *find_kept(const berthi_contract *slot,
                                             const berthi_native_plugin *native,
                                             berth_diag *diag)
{
    const berthi_native_export *e = native->exports;
    const berthi_native_export *end = e + native->exports_count;

    /* A world's own functions may have the key of an interface, and even its digest; they are none. */
    while (e != end && (e->name == NULL || strcmp(e->contract.key, slot->key) != 0))
        e++;
    if (e != end)
        return e;
    (void)berthi_fail(diag, BERTH_E_REJECTED,
                      "it exports no interface of contract `%.128s`%s%.128s%s", slot->key,
                      native->exports_count == 0 ? "" : "; its first is `",
                      native->exports_count == 0 ? "" : native->exports[0].contract.key,
                      native->exports_count == 0 ? "" : "`");
    return NULL;
}

static berth_status keep_contract(const berthi_contract *slot, berthi_native_plugin *native,
                                  berthi_arena *arena, berth_diag *diag)
{
    const berthi_native_info info = native->info;
    const berthi_native_export *e = find_kept(slot, native, diag);
    berthi_comparison c;
    berth_status status;

    if (e != NULL && native->is_shared &&
        memcmp(e->contract.digest, slot->digest, sizeof slot->digest) != 0) {
        /* To compare takes marks in what is compared. */
        status = berthi_native_world_read(&info, arena, native, diag);
        if (status != BERTH_OK)
            return status;
        e = find_kept(slot, native, diag);
    }
    if (e == NULL)
        return BERTH_E_REJECTED;
    native->kept = e;
    if (memcmp(e->contract.digest, slot->digest, sizeof slot->digest) == 0)
        return BERTH_OK;
    e->contract.set->diag = diag;
    status = berthi_contract_compare(slot, &e->contract, &c);
    e->contract.set->diag = NULL;
    if (status == BERTH_OK && c.relation == BERTHI_RELATION_BREAKING)
        status = first_difference(slot, &e->contract, &c, arena->allocator, diag);
    return status;
}

/* ---------------------------------------------------------------- the decision */

static berth_status describe(const berthi_native_plugin *native, const berth_contract *contract,
                             berthi_arena *arena, berthi_plugin *out, berth_diag *diag)
{
    const char *id = native->info.id;
    berthi_plugin p = { .profile = &berthi_profile_berth,
                        .kind = berthi_profile_berth.kinds[0],
                        .version = "",
                        .description = "a native plugin",
                        .is_native = true };

    p.name = berthi_arena_strndup(arena, id, strlen(id));
    if (contract != NULL) {
        const char *of_slot = contract->contract.id, *own = native->kept->name;

        p.contract = berthi_arena_strndup(arena, of_slot, strlen(of_slot));
        p.contract_export = berthi_arena_strndup(arena, own, strlen(own));
    }
    if (p.name == NULL ||
        (contract != NULL && (p.contract == NULL || p.contract_export == NULL)))
        return berthi_fail(diag, BERTH_E_NOMEM, "describing a native plugin");
    *out = p;
    return BERTH_OK;
}

static berth_status check_place(const char *profile_id, const char *kind, berth_diag *diag)
{
    if ((profile_id != NULL && strcmp(profile_id, berthi_profile_berth.id) != 0) ||
        (kind != NULL && strcmp(kind, berthi_profile_berth.kinds[0]) != 0))
        return berthi_fail(
            diag, BERTH_E_REJECTED,
            "this is a native shared object, and slots of %s %s take WebAssembly",
            profile_id == NULL ? "kind" : profile_id, kind == NULL ? "" : kind);
    return BERTH_OK;
}

static berth_status refuse_problems(const berthi_native_info *info, berth_diag *diag)
{
    const berthi_native_problem *first = info->problems;

    if (info->problems_count == 0)
        return BERTH_OK;
    if (info->problems_count == 1)
        return berthi_fail(diag, BERTH_E_REJECTED, "%s", first->text);
    return berthi_fail(diag, BERTH_E_REJECTED, "%s, and %u more; berth inspect FILE lists them",
                       first->text, info->problems_count - 1);
}

berth_status berthi_admit_native(const uint8_t *bytes, size_t size, const char *profile_id,
                                 const char *kind, const berthi_admit_limits *limits,
                                 const berthi_native_worlds *worlds, berthi_arena *arena,
                                 berthi_arena *native_arena, berthi_plugin *plugin_out,
                                 berthi_native_plugin *native_out, berth_diag *diag)
{
    berthi_native_info info;
    berth_status status = check_place(profile_id, kind, diag);

    if (status == BERTH_OK)
        status = berthi_native_read(bytes, size, native_arena, &info, diag);
    if (status == BERTH_OK)
        status = refuse_problems(&info, diag);
    if (status != BERTH_OK)
        return status;
    status = take_world(&info, worlds, native_arena, native_out, diag);
    if (status == BERTH_OK && limits->contract != NULL)
        status = keep_contract(&limits->contract->contract, native_out, native_arena, diag);
    return status == BERTH_OK ? describe(native_out, limits->contract, arena, plugin_out, diag)
                              : status;
}

berth_status berthi_admit_foreign(const uint8_t *bytes, size_t size, const char *entry,
                                  const char *name, const char *version, berthi_arena *arena,
                                  berthi_arena *native_arena, berthi_plugin *plugin_out,
                                  berthi_native_plugin *native_out, berth_diag *diag)
{
    berthi_plugin p = { .profile = &berthi_profile_berth,
                        .kind = berthi_profile_berth.kinds[0],
                        .description = "a native plugin of another system",
                        .is_native = true };
    berthi_native_plugin native = { .exports_count = 0 };
    berth_status status =
        berthi_native_read_foreign(bytes, size, entry, native_arena, &native.info, diag);

    if (status == BERTH_OK)
        status = refuse_problems(&native.info, diag);
    if (status != BERTH_OK)
        return status;
    p.name = berthi_arena_strndup(arena, name, strlen(name));
    p.version = berthi_arena_strndup(arena, version, strlen(version));
    native.info.id = berthi_arena_strndup(native_arena, name, strlen(name));
    if (p.name == NULL || p.version == NULL || native.info.id == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "describing a native plugin");
    *plugin_out = p;
    *native_out = native;
    return BERTH_OK;
}
