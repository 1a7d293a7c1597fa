/* plugin.c - one plugin of polyplug: opened, held to its manifest, ended.  Layer: compat. */
#include "compat/polyplug/private.h"

#include <stdio.h>

#include "base/utf8.h"
#include "os/library.h"

typedef uint32_t version_fn(void);
typedef berth_polyplug_error init_fn(const berth_polyplug_host *host,
                                     const berth_polyplug_init *what);

/* A function and a pointer are one to the dynamic linker, and not to C. */
typedef union symbol {
    void *object;
    version_fn *version;
    init_fn *init;
} symbol;

/* ---------------------------------------------------------------- registering */

/* The name without a version: "a.B" of "a.B@1". */
static size_t bare(berth_polyplug_text name)
{
    const char *mark = name.ptr == NULL ? NULL : memchr(name.ptr, '@', name.len);

    return name.ptr == NULL ? 0 : mark == NULL ? name.len : (size_t)(mark - name.ptr);
}

/* Everything is looked at here, once, so that calls need not; NULL: it is sound. */
static const char *find_fault(const berth_polyplug_interface *c)
{
    if (c->dispatch_type != BERTH_POLYPLUG_NATIVE && c->dispatch_type != BERTH_POLYPLUG_VM)
        return "its dispatch_type is neither 0 nor 1";
    if (c->create_instance == NULL || c->destroy_instance == NULL)
        return "create_instance or destroy_instance is missing";
    if (c->dispatch_type == BERTH_POLYPLUG_VM)
        return c->dispatch.vm.call == NULL ? "its call is missing" : NULL;
    if (c->dispatch.native.function_count > BERTHI_POLYPLUG_FUNCTIONS_MAX)
        return "it has too many functions";
    if (c->dispatch.native.function_count != 0 && c->dispatch.native.functions == NULL)
        return "its functions are missing";
    for (uint32_t i = 0; i < c->dispatch.native.function_count; i++)
        if (c->dispatch.native.functions[i] == NULL)
            return "one of its functions is missing";
    return NULL;
}

const polyplug_contract *berthi_polyplug_contract_of(const polyplug_plugin *plugin, uint64_t id)
{
    for (uint32_t i = 0; i < plugin->count; i++)
        if (plugin->contracts[i].id == id)
            return &plugin->contracts[i];
    return NULL;
}

/* Under the lock. */
static uint32_t put(polyplug_plugin *p, const berth_polyplug_interface *c, const char *name,
                    size_t size, const char **why)
{
    polyplug_contract *put_to = &p->contracts[p->count];

    if (!p->is_opening) {
        *why = "contracts are registered in polyplug_init() only";
        return BERTH_POLYPLUG_GENERIC;
    }
    if (berthi_polyplug_contract_of(p, c->contract_id) != NULL) {
        *why = "duplicate provider: the bundle has registered it already";
        return BERTH_POLYPLUG_DUPLICATE;
    }
    if (p->count == BERTHI_BUNDLE_ENTRIES_MAX) {
        *why = "the bundle registers too many contracts";
        return BERTH_POLYPLUG_GENERIC;
    }
    *put_to = (polyplug_contract){
        .id = c->contract_id,
        .version = { c->contract_version.major, c->contract_version.minor,
                     c->contract_version.patch },
        .own = *c,
    };
    memcpy(put_to->name, name, size);
    p->count++;
    return BERTH_POLYPLUG_OK;
}

void berthi_polyplug_register(const berth_polyplug_host *table,
                              const berth_polyplug_descriptor *descriptor,
                              const berth_polyplug_interface *c,
                              berth_polyplug_error *error_out)
{
    polyplug_caller *caller = polyplug_caller_of(table);
    uint32_t code = BERTH_POLYPLUG_INVALID_POINTER;
    const char *why = NULL, *name = "";
    size_t size = 0;

    if (caller == NULL || descriptor == NULL || c == NULL) {
        why = "an argument is NULL";
    } else if (caller->plugin == NULL) {
        why = "the host itself has no contracts of plugins";
    } else {
        why = find_fault(c);
        name = descriptor->contract_name.ptr;
        size = bare(descriptor->contract_name);
    }
    if (why == NULL && (size == 0 || size > BERTHI_POLYPLUG_NAME_MAX ||
                        !berthi_utf8_is_plain_text(name, size)))
        why = "the contract's name is empty, too long, or no plain UTF-8";
    if (why == NULL &&
        c->contract_id != berthi_polyplug_contract_id("guest_contract:", name, size,
                                                      c->contract_version.major))
        why = "the contract's id is not that of its name and major number";
    if (why == NULL) {
        berthi_lock_take(&caller->host->lock);
        code = put(caller->plugin, c, name, size, &why);
        berthi_lock_drop(&caller->host->lock);
    }
    if (why != NULL && caller != NULL && caller->plugin != NULL) {
        berthi_lock_take(&caller->host->lock);
        caller->plugin->is_broken |= caller->plugin->is_opening;
        berthi_lock_drop(&caller->host->lock);
    }
    berthi_polyplug_fail(table, error_out, code, why, name);
}

/* ---------------------------------------------------------------- its manifest */

static bool has_version(const uint32_t has[3], const uint32_t needed[3])
{
    for (unsigned i = 0; i < 3; i++)
        if (has[i] != needed[i])
            return has[i] > needed[i];
    return true;
}

static berth_status hold_one(const berthi_bundle_contract *said,
                             const berthi_polyplug_contract *own, const polyplug_contract *c,
                             berth_diag *diag)
{
    const berth_polyplug_functions *f;

    if (c == NULL)
        return berthi_fail(diag, BERTH_E_REJECTED,
                           "its manifest provides %s, and polyplug_init() did not register it",
                           said->text);
    if (!has_version(c->version, own->version))
        return berthi_fail(diag, BERTH_E_REJECTED,
                           "its manifest provides %s, and it registered version %u.%u.%u",
                           said->text, c->version[0], c->version[1], c->version[2]);
    f = &c->own.dispatch.native;
    if (own->functions != BERTHI_POLYPLUG_NOT_SAID &&
        c->own.dispatch_type == BERTH_POLYPLUG_NATIVE && f->function_count != own->functions)
        return berthi_fail(diag, BERTH_E_REJECTED,
                           "its manifest says that %s has %u functions, and it registered %u",
                           said->text, own->functions, f->function_count);
    return BERTH_OK;
}

/* Missing and extra ones both. */
static berth_status hold_to_manifest(const polyplug_plugin *p, const berthi_manifest *m,
                                     berth_diag *diag)
{
    berth_status status = BERTH_OK;

    for (uint32_t i = 0; status == BERTH_OK && i < m->provides_count; i++)
        status = hold_one(&m->provides[i], &m->polyplug->provides[i],
                          berthi_polyplug_contract_of(p, m->polyplug->provides[i].id), diag);
    for (uint32_t i = 0; status == BERTH_OK && i < p->count; i++) {
        uint32_t said = 0;

        while (said < m->provides_count && m->polyplug->provides[said].id != p->contracts[i].id)
            said++;
        if (said == m->provides_count)
            status = berthi_fail(diag, BERTH_E_REJECTED,
                                 "it registered %s@%u, which its manifest does not provide",
                                 p->contracts[i].name, p->contracts[i].version[0]);
    }
    return status;
}

/* ---------------------------------------------------------------- opening */

static berth_status check_abi(const berthi_library *library, berth_diag *diag)
{
    symbol s = { .object = berthi_library_symbol(library, "polyplug_abi_version") };
    uint32_t abi;

    if (s.object == NULL) /* the crate has to export it, and examples do not */
        return BERTH_OK;
    abi = s.version();
    if (abi == BERTH_POLYPLUG_ABI)
        return BERTH_OK;
    return berthi_fail(diag, BERTH_E_VERSION,
                       "polyplug_abi_version() says %u, and this is ABI %d; build it with "
                       "%s crates",
                       abi, BERTH_POLYPLUG_ABI, abi < BERTH_POLYPLUG_ABI ? "newer" : "older");
}

static berth_status call_init(polyplug_plugin *p, const char *folder, init_fn *init,
                              berth_diag *diag)
{
    const berth_polyplug_init what = { p->id, { folder, strlen(folder) } };
    berth_polyplug_error error;
    char shown[300], why[POLYPLUG_ERROR_SIZE];
    bool is_broken;

    BERTHI_ASSERT_UNLOCKED(); /* I9 */
    p->is_opening = true;     /* nobody else knows of it yet */
    p->thread = berthi_thread_self();
    error = init(&p->caller.table, &what);
    berthi_lock_take(&p->caller.host->lock); /* threads of its own may go on */
    p->is_opening = false;
    is_broken = p->is_broken;
    memcpy(why, p->caller.error, sizeof why);
    berthi_lock_drop(&p->caller.host->lock);
    if (error.code != BERTH_POLYPLUG_OK)
        return berthi_fail(
            diag, BERTH_E_PLUGIN, "polyplug_init() answered %u: %s", error.code,
            error.message.ptr == NULL || error.message.len == 0
                ? "it does not say why"
                : berthi_utf8_show(shown, sizeof shown, error.message.ptr, error.message.len));
    if (is_broken)
        return berthi_fail(diag, BERTH_E_ABI, "in polyplug_init(): %s", why);
    return BERTH_OK;
}

static void free_plugin(polyplug_plugin *p)
{
    berthi_polyplug *host = p->caller.host;

    berthi_free_array(&berthi_allocator_libc, p->needs, p->needs_count, sizeof *p->needs);
    berthi_free(&berthi_allocator_libc, p, sizeof *p);
    berthi_polyplug_unref(host);
}

static polyplug_plugin *make_plugin(const polyplug_opening *o)
{
    const berthi_manifest *m = o->bundle->manifest;
    polyplug_plugin *p = berthi_zalloc(&berthi_allocator_libc, sizeof *p);

    if (p == NULL)
        return NULL;
    p->needs = berthi_zalloc_array(&berthi_allocator_libc, m->requires_count, sizeof *p->needs);
    if (p->needs == NULL) {
        berthi_free(&berthi_allocator_libc, p, sizeof *p);
        return NULL;
    }
    p->needs_count = m->requires_count;
    for (uint32_t i = 0; i < m->requires_count; i++)
        p->needs[i] = (berth_polyplug_dependency){ m->polyplug->needs[i].id,
                                                   m->polyplug->needs[i].version[0],
                                                   o->bundle->providers[i] };
    p->caller.table = berthi_polyplug_functions;
    p->caller.table.runtime = &p->caller;
    p->caller.host = o->host;
    p->caller.plugin = p;
    p->id = m->polyplug->id;
    snprintf(p->name, sizeof p->name, "%s", m->name);
    atomic_fetch_add_explicit(&o->host->refs, 1, memory_order_relaxed);
    return p;
}

static berth_status open_plugin(void *ctx, const berthi_library *library, void **self_out,
                                berth_diag *diag)
{
    const polyplug_opening *o = ctx;
    symbol init = { .object = berthi_library_symbol(library, "polyplug_init") };
    polyplug_plugin *p;
    berth_status status;

    if (init.object == NULL)
        return berthi_fail(
            diag, BERTH_E_ABI,
            "its function 'polyplug_init' is gone; the dynamic linker sees another "
            "file than admission did");
    status = check_abi(library, diag);
    if (status != BERTH_OK)
        return status;
    p = make_plugin(o);
    if (p == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "a plugin of polyplug");
    *self_out = p;
    status = call_init(p, o->bundle->folder, init.init, diag);
    return status == BERTH_OK ? hold_to_manifest(p, o->bundle->manifest, diag) : status;
}

/* ---------------------------------------------------------------- the end */

/* It has no say in it.  What it made of others goes; what others made of it is gone, for each of those
 * held its version. */
static int32_t drain_plugin(void *self, uint64_t deadline_ns, berth_diag *diag)
{
    polyplug_plugin *p = self;

    (void)deadline_ns;
    (void)diag;
    if (berthi_polyplug_enter(p->caller.host)) {
        berthi_polyplug_instances_end(p->caller.host, &p->caller);
        berthi_polyplug_leave(p->caller.host);
    }
    return 0;
}

static void close_plugin(void *self)
{
    (void)self;
}

static void end_plugin(void *self)
{
    free_plugin(self);
}

const berthi_native_abi berthi_polyplug_abi = { .name = "polyplug",
                                                .entry = "polyplug_init",
                                                .open = open_plugin,
                                                .drain = drain_plugin,
                                                .close = close_plugin,
                                                .end = end_plugin };
