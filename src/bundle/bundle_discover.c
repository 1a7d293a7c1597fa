/* bundle_discover.c - which bundles stand in some folders.  Layer: bundle. */
#include <stdio.h>

#include "base/diag.h"
#include "bundle/bundle.h"
#include "os/folder.h"

enum { ENTRIES_MAX = 10000 };

void berthi_catalog_init(berthi_catalog *catalog, const berth_allocator *a)
{
    *catalog = (berthi_catalog){ .allocator = a };
    berthi_arena_init(&catalog->arena, a, SIZE_MAX);
    berthi_problems_init(&catalog->problems);
}

void berthi_catalog_fini(berthi_catalog *catalog)
{
    for (uint32_t i = 0; i < catalog->count; i++)
        berthi_bundle_free(catalog->bundles[i]);
    berthi_arena_fini(&catalog->arena);
}

static berth_status no_memory(const char *path, berth_diag *diag)
{
    return berthi_fail(diag, BERTH_E_NOMEM, "%s: no memory for its bundles", path);
}

static berth_status add(berthi_catalog *c, berthi_bundle *bundle, berth_diag *diag)
{
    uint32_t room = c->room == 0 ? 16 : 2 * c->room;
    berthi_bundle **bundles;

    if (c->count == BERTHI_BUNDLES_MAX)
        return berthi_fail(diag, BERTH_E_LIMIT, "more than %d bundles", BERTHI_BUNDLES_MAX);
    if (c->count == c->room) {
        bundles = berthi_arena_array(&c->arena, room, sizeof(berthi_bundle *));
        if (bundles == NULL)
            return no_memory(bundle->folder, diag);
        if (c->count != 0)
            memcpy(bundles, c->bundles, c->count * sizeof(berthi_bundle *));
        c->bundles = bundles;
        c->room = room;
    }
    c->bundles[c->count++] = bundle;
    return BERTH_OK;
}

/* A problem of the bundle that was added last. */
static berth_status judge(berthi_catalog *c, const berthi_bundle *bundle,
                          const berthi_bundle_reading *how, berth_diag *diag)
{
    const char *why = NULL;
    berthi_arena scratch;
    berth_status status;

    berthi_arena_init(&scratch, c->allocator, SIZE_MAX);
    status = how->judge(bundle, &scratch, &why, diag);
    if (status == BERTH_OK && why != NULL &&
        !berthi_problems_add(&c->problems, &c->arena, BERTHI_PROBLEM_ARTIFACT, c->count - 1,
                             "%s %s: %s: %s", bundle->manifest.name, bundle->manifest.version,
                             bundle->artifact->file, why))
        status = no_memory(bundle->folder, diag);
    berthi_arena_fini(&scratch);
    return status;
}

static berth_status read_one(berthi_catalog *c, const char *folder,
                             const berthi_bundle_reading *how, berth_diag *diag)
{
    berthi_bundle *bundle;
    berth_status status = berthi_bundle_read(folder, how, &bundle, diag);

    if (status != BERTH_OK)
        return status;
    status = add(c, bundle, diag);
    if (status != BERTH_OK) {
        berthi_bundle_free(bundle);
        return status;
    }
    if (how->judge != NULL && bundle->bytes.data != NULL)
        status = judge(c, bundle, how, diag);
    if (how->drops_bytes)
        berthi_bundle_end_bytes(bundle);
    return status;
}

/* Whether a folder, which is there, has a manifest, whatever that is. */
static berth_status looks_like_bundle(const char *folder, berthi_arena *scratch, bool *is_out,
                                      berth_diag *diag)
{
    berthi_folder list;
    berth_status status = berthi_folder_list(folder, ENTRIES_MAX, scratch, &list, diag);

    *is_out = false;
    for (uint32_t i = 0; status == BERTH_OK && i < list.count; i++)
        *is_out |= berthi_is_manifest_name(list.entries[i].name);
    return status;
}

/* What is wrong with the bundle and not with this machine. */
static bool is_its_fault(berth_status status)
{
    return status == BERTH_E_REJECTED || status == BERTH_E_LIMIT || status == BERTH_E_ABSENT ||
           status == BERTH_E_STATE || status == BERTH_E_INVALID;
}

static berth_status read_entry(berthi_catalog *c, const char *path, const char *name,
                               const berthi_bundle_reading *how, berthi_arena *scratch,
                               berth_diag *diag)
{
    size_t room = strlen(path) + strlen(name) + 2;
    char *folder = berthi_arena_alloc(scratch, room);
    berth_diag own = { 0 };
    berth_status status;
    bool is_bundle;

    if (folder == NULL)
        return no_memory(path, diag);
    snprintf(folder, room, "%s%s%s", path, path[strlen(path) - 1] == '/' ? "" : "/", name);
    status = looks_like_bundle(folder, scratch, &is_bundle, &own);
    if (status == BERTH_OK && is_bundle)
        status = read_one(c, folder, how, &own);
    if (status == BERTH_OK)
        return BERTH_OK;
    if (!is_its_fault(status) || c->count == BERTHI_BUNDLES_MAX) {
        if (diag != NULL)
            *diag = own;
        return status;
    }
    return berthi_problems_add(&c->problems, &c->arena, BERTHI_PROBLEM_MALFORMED,
                               BERTHI_NODE_NONE, "%s", own.text)
               ? BERTH_OK
               : no_memory(path, diag);
}

static berth_status read_path(berthi_catalog *c, const char *path,
                              const berthi_bundle_reading *how, berthi_arena *scratch,
                              berth_diag *diag)
{
    uint32_t before = c->count, problems = c->problems.count;
    berthi_folder list;
    berth_status status = berthi_folder_list(path, ENTRIES_MAX, scratch, &list, diag);

    for (uint32_t i = 0; status == BERTH_OK && i < list.count; i++)
        if (berthi_is_manifest_name(list.entries[i].name))
            return read_one(c, path, how, diag);
    for (uint32_t i = 0; status == BERTH_OK && i < list.count; i++)
        if (list.entries[i].is_folder)
            status = read_entry(c, path, list.entries[i].name, how, scratch, diag);
    if (status == BERTH_OK && c->count == before && c->problems.count == problems)
        return berthi_fail(diag, BERTH_E_ABSENT,
                           "%s: is no bundle and holds none; expected a "
                           "folder with a berth.toml",
                           path);
    return status;
}

berth_status berthi_catalog_read(berthi_catalog *catalog, const char *const *paths,
                                 uint32_t count, const berthi_bundle_reading *how,
                                 berth_diag *diag)
{
    berth_status status = BERTH_OK;

    for (uint32_t i = 0; status == BERTH_OK && i < count; i++) {
        berthi_arena scratch;

        berthi_arena_init(&scratch, catalog->allocator, SIZE_MAX);
        status = paths[i][0] == '\0'
                     ? berthi_fail(diag, BERTH_E_ABSENT, "the path of a bundle is empty")
                     : read_path(catalog, paths[i], how, &scratch, diag);
        berthi_arena_fini(&scratch);
    }
    return status;
}
