/* instance.c - a plugin is mapped and opened, or leaves no trace.  Layer: native. */
#include "native/group.h"

#include <stdio.h>

#include "base/diag.h"
#include "base/reply_arena.h"
#include "native/checked.h"
#include "os/trial.h"

#include <berth/slot.h>

enum { FUNCTIONS_MAX = 10000 }; /* of one contract */

/* ---------------------------------------------------------------- what the host offers */

static void *arena_alloc(struct berth_call *call, uint64_t size, uint64_t align)
{
    enum { ALIGN_MAX = 4096, OWN_ALIGN = 16 };
    uintptr_t at;

    if (align == 0 || (align & (align - 1)) != 0 || align > ALIGN_MAX ||
        size > SIZE_MAX - 2 * ALIGN_MAX)
        return NULL;
    if (align <= OWN_ALIGN)
        return berthi_reply_arena_alloc(call->arena, (size_t)size);
    at = (uintptr_t)berthi_reply_arena_alloc(call->arena, (size_t)size + (size_t)align);
    return at == 0 ? NULL : (void *)((at + align - 1) & ~(uintptr_t)(align - 1));
}

static void *checked_alloc(struct berth_call *call, uint64_t size, uint64_t align)
{
    return berthi_native_may_use(call) ? arena_alloc(call, size, align) : NULL;
}

static const void *find_extension(void *ctx, const char *id)
{
    static const berth_arena_v1 arena = { (uint32_t)sizeof arena, 0, arena_alloc };
    static const berth_arena_v1 checked = { (uint32_t)sizeof checked, 0, checked_alloc };
    const berthi_native *n = ctx;

    if (id == NULL)
        return NULL;
    if (strncmp(id, BERTH_IMPORT_V1, sizeof BERTH_IMPORT_V1 - 1) == 0)
        return n->imports == NULL
                   ? NULL
                   : n->imports->find(n->imports, id + sizeof BERTH_IMPORT_V1 - 1);
    if (strcmp(id, BERTH_ARENA_V1) != 0)
        return NULL;
    return n->is_checked ? &checked : &arena;
}

static void log_line(void *ctx, int32_t level, const char *text, uint64_t size)
{
    if (text != NULL && size <= SIZE_MAX)
        berthi_native_report(ctx, BERTH_REPORT_LOG, level, text, (size_t)size);
}

/* ---------------------------------------------------------------- what was mapped */

/* The struct may be one of another day; its head is not. */
static berth_status check_struct(const berth_plugin_v1 *p, const berthi_native_info *info,
                                 berth_diag *diag)
{
    if (p == NULL)
        return berthi_fail(diag, BERTH_E_ABI,
                           "its symbol 'berth_plugin' is gone; the dynamic linker sees another "
                           "file than admission did");
    if (p->abi_major != BERTH_ABI_MAJOR)
        return berthi_fail(diag, BERTH_E_VERSION,
                           "berth_plugin says ABI %u.%u, and this is ABI %d.%d; build it with "
                           "%s headers",
                           p->abi_major, p->abi_minor, BERTH_ABI_MAJOR, BERTH_ABI_MINOR,
                           p->abi_major < BERTH_ABI_MAJOR ? "newer" : "older");
    if (p->size < sizeof *p)
        return berthi_fail(
            diag, BERTH_E_ABI,
            "berth_plugin says that it has %u bytes, and berth_plugin_v1 has %zu", p->size,
            sizeof *p);
    if (p->id == NULL || strcmp(p->id, info->id) != 0)
        return berthi_fail(diag, BERTH_E_REJECTED,
                           "berth_plugin says id '%.64s', and the note in the file says '%s'",
                           p->id == NULL ? "" : p->id, info->id);
    if (p->open == NULL || p->extension == NULL || p->drain == NULL || p->close == NULL)
        return berthi_fail(diag, BERTH_E_ABI, "berth_plugin has no function '%s'",
                           p->open == NULL        ? "open"
                           : p->extension == NULL ? "extension"
                           : p->drain == NULL     ? "drain"
                                                  : "close");
    return BERTH_OK;
}

static berth_status call_open(berthi_native *n, berth_diag *diag)
{
    berth_diag own = { 0 };
    int32_t code;

    BERTHI_ASSERT_UNLOCKED(); /* I9 */
    code = n->plugin->open(&n->host, &n->self, &own);
    own.text[sizeof own.text - 1] = '\0';
    if (code == 0)
        return BERTH_OK;
    return berthi_fail(diag, BERTH_E_PLUGIN, "open() answered %d: %.400s", (int)code,
                       own.text[0] == '\0' ? "it does not say why" : own.text);
}

/* Which functions those were that a trial refused, as far as the file tells. */
static berth_status list_constructors(const berthi_native_info *info, berth_diag *diag)
{
    char text[256] = "";
    size_t at = 0;

    for (uint32_t i = 0; i < info->constructors_count && i < BERTHI_ELF_LISTED_MAX; i++) {
        const berthi_native_constructor *c = &info->constructors[i];
        int n = c->name != NULL ? snprintf(text + at, sizeof text - at, "%s`%.64s`",
                                           i == 0 ? "" : " ", c->name)
                                : snprintf(text + at, sizeof text - at, "%s0x%llx",
                                           i == 0 ? "" : " ", (unsigned long long)c->address);

        if ((size_t)n >= sizeof text - at) {
            text[at] = '\0';
            break;
        }
        at += (size_t)n;
    }
    return berthi_diag_prefix(diag, BERTH_E_REJECTED,
                              "%u functions of it run when it is mapped (%s)",
                              info->constructors_count, text);
}

static berth_status map(berthi_native *n, const berthi_native_options *opt, berth_diag *diag)
{
    berth_status status;

    if (opt->trial != NULL) {
        BERTHI_ASSERT_UNLOCKED(); /* I9: plugin code runs, though elsewhere */
        status = berthi_trial_run(opt->copy, opt->trial, diag);
        if (status != BERTH_OK)
            return status == BERTH_E_REJECTED ? list_constructors(opt->info, diag) : status;
    }
    return berthi_library_map(opt->copy, &n->library, diag);
}

static berth_status open_it(berthi_native *n, const berthi_native_options *opt,
                            berth_diag *diag)
{
    berth_status status;

    if (n->abi != NULL) {
        BERTHI_ASSERT_UNLOCKED(); /* I9 */
        return n->abi->open(opt->abi_ctx, &n->library, &n->self, diag);
    }
    n->plugin = berthi_library_symbol(&n->library, "berth_plugin");
    status = check_struct(n->plugin, opt->info, diag);
    return status == BERTH_OK ? call_open(n, diag) : status;
}

static void unmap(berthi_native *n)
{
    berthi_native_group *g = n->group;
    bool is_gone = berthi_library_unmap(&n->library);

    berthi_lock_take(&g->lock);
    g->stats.unmapped += is_gone;
    g->stats.kept += !is_gone;
    berthi_lock_drop(&g->lock);
}

static void copy_name(char out[BERTHI_NATIVE_NAME_SIZE], const char *name)
{
    snprintf(out, BERTHI_NATIVE_NAME_SIZE, "%s", name);
}

berth_status berthi_native_open(berthi_native_group *group, const berthi_native_options *opt,
                                berthi_native **native_out, berth_diag *diag)
{
    berthi_native *n = berthi_zalloc(&berthi_allocator_libc, sizeof *n);
    berth_status status;

    if (n == NULL) {
        berthi_native_end_imports(opt->imports, false);
        return berthi_fail(diag, BERTH_E_NOMEM, "a native plugin");
    }
    n->imports = opt->imports;
    n->host = (berth_host_v1){ (uint32_t)sizeof n->host, BERTH_ABI_MAJOR, BERTH_ABI_MINOR, n,
                               find_extension,           log_line };
    n->group = group;
    n->drain_ns = opt->drain_ns;
    n->is_checked = opt->is_checked;
    copy_name(n->id, opt->info->id);
    copy_name(n->tenant, opt->tenant);
    copy_name(n->slot, opt->slot);
    n->abi = opt->abi;
    n->lingers = opt->abi == NULL ? NULL : opt->info->lingers;
    berthi_native_group_ref(group);
    status = map(n, opt, diag);
    if (status != BERTH_OK)
        goto fail_map;
    status = open_it(n, opt, diag);
    if (status != BERTH_OK)
        goto fail_open;
    berthi_lock_take(&group->lock);
    group->stats.open++;
    group->stats.opened++;
    berthi_lock_drop(&group->lock);
    *native_out = n;
    return BERTH_OK;

fail_open:
    if (n->abi != NULL && n->self != NULL) {
        berthi_native_undo(n);
        return status;
    }
    unmap(n);
fail_map:
    berthi_native_free(n);
    return status;
}

/* ---------------------------------------------------------------- its tables */

static berth_status check_table(const berth_functions_v1 *t, const char *key,
                                const uint8_t *digest, const char *const *names, uint32_t count,
                                berth_diag *diag)
{
    if (t->size < sizeof *t || t->count > FUNCTIONS_MAX)
        return berthi_fail(diag, BERTH_E_ABI,
                           "its table of contract '%s' is no berth_functions_v1", key);
    if (memcmp(t->digest, digest, sizeof t->digest) != 0)
        return berthi_fail(diag, BERTH_E_ABI,
                           "its table of contract '%s' has another digest than the note in the "
                           "file",
                           key);
    if (t->count != count || t->names == NULL || t->calls == NULL)
        return berthi_fail(diag, BERTH_E_ABI,
                           "its table of contract '%s' has %u functions, and the contract %u",
                           key, t->count, count);
    for (uint32_t i = 0; i < count; i++)
        if (t->calls[i] == NULL || t->names[i] == NULL || strcmp(t->names[i], names[i]) != 0)
            return berthi_fail(diag, BERTH_E_ABI,
                               "function %u of its table of contract '%s' has to be '%s'", i,
                               key, names[i]);
    return BERTH_OK;
}

berth_status berthi_native_functions(const berthi_native *native, const char *key,
                                     const uint8_t *digest, const char *const *names,
                                     uint32_t count, const berth_functions_v1 **out,
                                     berth_diag *diag)
{
    const berth_functions_v1 *table;
    berth_status status;

    *out = NULL;
    if (count == 0)
        return BERTH_OK;
    BERTHI_ASSERT_UNLOCKED(); /* I9 */
    table = native->plugin->extension(native->self, key);
    if (table == NULL)
        return berthi_fail(diag, BERTH_E_ABI,
                           "it says that it keeps contract '%s' and gives no table of it", key);
    status = check_table(table, key, digest, names, count, diag);
    if (status == BERTH_OK)
        *out = table;
    return status;
}

berth_status berthi_native_drops(const berthi_native *native, const char *key,
                                 const uint8_t *digest, const char *const *names,
                                 uint32_t count, const berth_functions_v1 **out,
                                 berth_diag *diag)
{
    const berth_functions_v1 *table;
    berth_status status;

    *out = NULL;
    if (count == 0)
        return BERTH_OK;
    BERTHI_ASSERT_UNLOCKED(); /* I9 */
    table = native->plugin->extension(native->self, key);
    if (table == NULL)
        return BERTH_OK;
    status = check_table(table, key, digest, names, count, diag);
    if (status == BERTH_OK)
        *out = table;
    return status;
}

void *berthi_native_self(const berthi_native *native)
{
    return native->self;
}

void berthi_native_set_version(berthi_native *native, uint64_t version)
{
    atomic_store_explicit(&native->version, version, memory_order_relaxed);
}

const berthi_native_abi *berthi_native_abi_of(const berthi_native *native)
{
    return native->abi;
}
