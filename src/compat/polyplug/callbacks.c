/* callbacks.c - the 21 functions of the table that plugins and the host call.  Layer: compat.
 *
 * Each one takes whatever it is given: NULL tables, texts and places for results, numbers of nobody. */
#include "compat/polyplug/private.h"

#include <stdio.h>

#include "base/utf8.h"

enum { OWN_ALIGN = 16, ALIGN_MAX = 1 << 20, LINE_SIZE = 1024 };

/* ---------------------------------------------------------------- errors */

void berthi_polyplug_fail(const berth_polyplug_host *table, berth_polyplug_error *error_out,
                          uint32_t code, const char *message, const char *detail)
{
    polyplug_caller *caller = polyplug_caller_of(table);

    if (error_out != NULL)
        *error_out =
            (berth_polyplug_error){ code, { message, message == NULL ? 0 : strlen(message) } };
    if (caller == NULL || message == NULL)
        return;
    berthi_lock_take(&caller->host->lock);
    snprintf(caller->error, sizeof caller->error, "%s%s%.300s", message,
             detail == NULL || *detail == '\0' ? "" : ": ", detail == NULL ? "" : detail);
    caller->error_size = strlen(caller->error);
    berthi_lock_drop(&caller->host->lock);
}

static size_t get_last_error(const berth_polyplug_host *table, char *text, size_t size)
{
    polyplug_caller *caller = polyplug_caller_of(table);
    size_t used;

    if (caller == NULL || text == NULL || size == 0)
        return 0;
    berthi_lock_take(&caller->host->lock);
    used = caller->error_size < size ? caller->error_size : size;
    memcpy(text, caller->error, used);
    caller->error_size = 0;
    berthi_lock_drop(&caller->host->lock);
    return used;
}

static size_t get_error_len(const berth_polyplug_host *table)
{
    polyplug_caller *caller = polyplug_caller_of(table);
    size_t size;

    if (caller == NULL)
        return 0;
    berthi_lock_take(&caller->host->lock);
    size = caller->error_size;
    berthi_lock_drop(&caller->host->lock);
    return size;
}

/* ---------------------------------------------------------------- memory */

static bool is_align(size_t align)
{
    return align != 0 && (align & (align - 1)) == 0 && align <= ALIGN_MAX;
}

/* What is aligned to more than the heap does lies behind its own start, which stands in front of it. */
static void *take(size_t size, size_t align)
{
    size_t more = align <= OWN_ALIGN ? 0 : align + sizeof(void *);
    uintptr_t at;
    void *start;

    if (size == 0 || !is_align(align) || size > SIZE_MAX / 2)
        return NULL;
    start = berthi_alloc(&berthi_allocator_libc, size + more);
    if (start == NULL || more == 0)
        return start;
    at = ((uintptr_t)start + sizeof(void *) + align - 1) & ~(uintptr_t)(align - 1);
    memcpy((void *)(at - sizeof(void *)), &start, sizeof start);
    return (void *)at;
}

static void give(void *memory, size_t size, size_t align)
{
    void *start = memory;

    if (memory == NULL || size == 0 || !is_align(align)) /* else nobody knows what it is */
        return;
    if (align > OWN_ALIGN)
        memcpy(&start, (void *)((uintptr_t)memory - sizeof(void *)), sizeof start);
    berthi_free(&berthi_allocator_libc, start,
                size + (align <= OWN_ALIGN ? 0 : align + sizeof(void *)));
}

static void *host_alloc(const berth_polyplug_host *table, size_t size, size_t align)
{
    (void)table;
    return take(size, align);
}

static void host_free(const berth_polyplug_host *table, void *memory, size_t size, size_t align)
{
    (void)table;
    give(memory, size, align);
}

/* Of `count` elements: empty when there is no memory. */
static berth_polyplug_array make_array(size_t count, size_t size, size_t align)
{
    void *items = take(count * size, align);

    return (berth_polyplug_array){ items, items == NULL ? 0 : count, align };
}

/* ---------------------------------------------------------------- contracts of plugins */

static const berth_polyplug_handle none = { UINT32_MAX, 0 };

static berth_polyplug_handle handle_of(const polyplug_offer *o)
{
    return (berth_polyplug_handle){ o->index, o->generation };
}

static berth_polyplug_handle find_contract(const berth_polyplug_host *table, uint64_t contract,
                                           uint32_t min_major)
{
    const polyplug_caller *caller = polyplug_caller_of(table);
    berth_polyplug_handle handle = none;
    const polyplug_offer *o;

    if (caller == NULL)
        return none;
    berthi_lock_take(&caller->host->lock);
    o = berthi_polyplug_find(caller->host, caller, contract, min_major);
    if (o != NULL)
        handle = handle_of(o);
    berthi_lock_drop(&caller->host->lock);
    return handle;
}

/* Counted and collected under one lock, in the order they were published in. */
static berth_polyplug_array find_all(const berth_polyplug_host *table, uint64_t contract,
                                     uint32_t min_major)
{
    const polyplug_caller *caller = polyplug_caller_of(table);
    berth_polyplug_array all = { NULL, 0, _Alignof(berth_polyplug_handle) };
    berth_polyplug_handle *items;
    uint64_t last = 0;
    size_t count = 0;

    if (caller == NULL)
        return all;
    berthi_lock_take(&caller->host->lock);
    for (uint32_t i = 0; i < caller->host->offers_count; i++)
        count += berthi_polyplug_matches(caller->host->offers[i], caller, contract, min_major);
    all = make_array(count, sizeof *items, _Alignof(berth_polyplug_handle));
    items = all.items;
    for (size_t n = 0; n < all.len; n++) {
        const polyplug_offer *next = NULL;

        for (uint32_t i = 0; i < caller->host->offers_count; i++) {
            const polyplug_offer *o = caller->host->offers[i];

            if (o->order >= last && (next == NULL || o->order < next->order) &&
                berthi_polyplug_matches(o, caller, contract, min_major))
                next = o;
        }
        items[n] = handle_of(next);
        last = next->order + 1;
    }
    berthi_lock_drop(&caller->host->lock);
    return all;
}

static const berth_polyplug_interface *resolve(const berth_polyplug_host *table,
                                               berth_polyplug_handle handle)
{
    const polyplug_caller *caller = polyplug_caller_of(table);
    const berth_polyplug_interface *found = NULL;
    const char *why = "the handle is nobody's";

    if (caller == NULL)
        return NULL;
    berthi_lock_take(&caller->host->lock);
    if (handle.index < caller->host->offers_count) {
        const polyplug_offer *o = caller->host->offers[handle.index];

        why = "the handle is stale";
        if (o->generation == handle.generation &&
            berthi_polyplug_matches(o, caller, o->stand_in.contract_id, 0))
            found = &o->stand_in;
    }
    berthi_lock_drop(&caller->host->lock);
    if (found == NULL)
        berthi_polyplug_fail(table, NULL, BERTH_POLYPLUG_STALE_HANDLE, why, "");
    return found;
}

static void create_instance(const berth_polyplug_host *table,
                            const berth_polyplug_interface *contract, const void *args,
                            berth_polyplug_instance *out)
{
    const polyplug_caller *caller = polyplug_caller_of(table);

    if (out == NULL)
        return;
    *out = (berth_polyplug_instance){ NULL, 0 };
    if (caller != NULL && berthi_polyplug_is_stand_in(contract))
        berthi_polyplug_instance_make(caller, contract->dispatch.vm.loader_data, args, out);
    else
        berthi_polyplug_fail(table, NULL, BERTH_POLYPLUG_INVALID_POINTER,
                             "the contract is none that was resolved here", "");
}

static void destroy_instance(const berth_polyplug_host *table,
                             const berth_polyplug_interface *contract,
                             berth_polyplug_instance instance)
{
    if (table != NULL && berthi_polyplug_is_stand_in(contract))
        contract->destroy_instance(contract->dispatch.vm.loader_data, table, instance);
}

static const uint64_t *revision_counter(const berth_polyplug_host *table)
{
    const polyplug_caller *caller = polyplug_caller_of(table);

    return caller == NULL ? NULL : &caller->host->revision;
}

/* ---------------------------------------------------------------- bundles */

static berth_polyplug_array list_bundles(const berth_polyplug_host *table)
{
    const polyplug_caller *caller = polyplug_caller_of(table);
    berth_polyplug_array all = { NULL, 0, _Alignof(uint64_t) };
    size_t count = 0, used = 0;
    uint64_t *items;

    if (caller == NULL)
        return all;
    berthi_lock_take(&caller->host->lock);
    for (uint32_t i = 0; i < caller->host->bundles_count; i++)
        count += caller->host->bundles[i].is_there;
    all = make_array(count, sizeof *items, _Alignof(uint64_t));
    items = all.items;
    for (uint32_t i = 0; used < all.len; i++)
        if (caller->host->bundles[i].is_there)
            items[used++] = caller->host->bundles[i].id;
    berthi_lock_drop(&caller->host->lock);
    return all;
}

/* While a plugin is opened, its own; else nothing. */
static berth_polyplug_array get_dependencies(const berth_polyplug_host *table)
{
    const polyplug_caller *caller = polyplug_caller_of(table);
    berth_polyplug_array all = { NULL, 0, _Alignof(berth_polyplug_dependency) };
    const polyplug_plugin *p;

    if (caller == NULL || caller->plugin == NULL)
        return all;
    p = caller->plugin;
    berthi_lock_take(&caller->host->lock);
    if (p->is_opening && p->needs_count != 0) {
        all = make_array(p->needs_count, sizeof *p->needs, _Alignof(berth_polyplug_dependency));
        if (all.items != NULL)
            memcpy(all.items, p->needs, p->needs_count * sizeof *p->needs);
    }
    berthi_lock_drop(&caller->host->lock);
    return all;
}

typedef berth_status (*change_fn)(void *ctx, const char *what, berth_diag *diag);

static void change(const berth_polyplug_host *table, change_fn how, const char *what,
                   berth_polyplug_error *error_out)
{
    polyplug_caller *caller = polyplug_caller_of(table);
    berth_diag diag = { 0 };
    berth_status status = how(caller->host->set.ctx, what, &diag);

    if (status == BERTH_OK)
        berthi_polyplug_fail(NULL, error_out, BERTH_POLYPLUG_OK, NULL, "");
    else
        berthi_polyplug_fail(table, error_out,
                             status == BERTH_E_ABSENT ? BERTH_POLYPLUG_NOT_FOUND
                                                      : BERTH_POLYPLUG_GENERIC,
                             "it was refused; get_last_error() has why", diag.text);
}

/* The bundle's folder, or a file in it. */
static void change_at(const berth_polyplug_host *table, bool is_reload, const char *path,
                      size_t size, berth_polyplug_error *error_out)
{
    polyplug_caller *caller = polyplug_caller_of(table);
    char *folder;

    if (caller == NULL || path == NULL || size == 0 || memchr(path, '\0', size) != NULL ||
        !berthi_utf8_is_valid(path, size)) {
        berthi_polyplug_fail(table, error_out, BERTH_POLYPLUG_INVALID_POINTER,
                             "the path is NULL, empty, or no UTF-8", "");
        return;
    }
    if (!berthi_polyplug_enter(caller->host)) {
        berthi_polyplug_fail(table, error_out, BERTH_POLYPLUG_GENERIC, "the host is closed",
                             "");
        return;
    }
    folder = berthi_strndup(&berthi_allocator_libc, path, size);
    if (folder == NULL) {
        berthi_polyplug_fail(table, error_out, BERTH_POLYPLUG_GENERIC, "no memory", "");
    } else {
        char *slash = strrchr(folder, '/');
        size_t end = strlen(folder);

        if (slash != NULL && end > 3 && strcmp(folder + end - 3, ".so") == 0)
            *slash = '\0';
        change(table, is_reload ? caller->host->set.reload : caller->host->set.load, folder,
               error_out);
        berthi_free(&berthi_allocator_libc, folder, size + 1);
    }
    berthi_polyplug_leave(caller->host);
}

static void load_bundle(const berth_polyplug_host *table, const char *path, size_t size,
                        berth_polyplug_error *error_out)
{
    change_at(table, false, path, size, error_out);
}

static void reload_bundle(const berth_polyplug_host *table, const char *path, size_t size,
                          berth_polyplug_error *error_out)
{
    change_at(table, true, path, size, error_out);
}

static void unload_bundle(const berth_polyplug_host *table, uint64_t bundle,
                          berth_polyplug_error *error_out)
{
    polyplug_caller *caller = polyplug_caller_of(table);
    char name[BERTHI_BUNDLE_NAME_MAX + 1] = "";

    if (caller == NULL || !berthi_polyplug_enter(caller->host)) {
        berthi_polyplug_fail(table, error_out, BERTH_POLYPLUG_GENERIC, "the host is closed",
                             "");
        return;
    }
    berthi_lock_take(&caller->host->lock);
    for (uint32_t i = 0; i < caller->host->bundles_count; i++)
        if (caller->host->bundles[i].id == bundle && caller->host->bundles[i].is_there)
            memcpy(name, caller->host->bundles[i].name, sizeof name);
    berthi_lock_drop(&caller->host->lock);
    if (*name == '\0')
        berthi_polyplug_fail(table, error_out, BERTH_POLYPLUG_NOT_FOUND,
                             "no bundle of that id is loaded", "");
    else
        change(table, caller->host->set.unload, name, error_out);
    berthi_polyplug_leave(caller->host);
}

static void register_loader(const berth_polyplug_host *table, void *loader,
                            berth_polyplug_error *error_out)
{
    (void)loader;
    berthi_polyplug_fail(table, error_out, BERTH_POLYPLUG_GENERIC,
                         "native bundles are loaded here, and loaders of others are not taken",
                         "");
}

/* ---------------------------------------------------------------- log */

static void write_log(const berth_polyplug_host *table, uint32_t level,
                      berth_polyplug_text scope, berth_polyplug_text message)
{
    const polyplug_caller *caller = polyplug_caller_of(table);
    char line[LINE_SIZE];
    size_t used = 0;
    berth_report report = { .size = (uint32_t)sizeof report, .kind = BERTH_REPORT_LOG };

    if (caller == NULL || !berthi_polyplug_enter(caller->host))
        return;
    if (scope.ptr != NULL && scope.len != 0) {
        berthi_utf8_show(line, 128, scope.ptr, scope.len);
        used = strlen(line);
        used += (size_t)snprintf(line + used, sizeof line - used, ": ");
    }
    line[used] = '\0';
    if (message.ptr != NULL)
        berthi_utf8_show(line + used, sizeof line - used, message.ptr, message.len);
    report.level = level == 0 || level > 5   ? BERTH_LOG_ERROR
                   : level > BERTH_LOG_DEBUG ? BERTH_LOG_DEBUG
                                             : (int32_t)level;
    report.tenant = "";
    report.slot = report.plugin = caller->plugin == NULL ? "" : caller->plugin->name;
    report.text = line;
    report.text_size = strlen(line);
    berthi_native_group_report(caller->host->rt->natives, &report);
    berthi_polyplug_leave(caller->host);
}

/* ---------------------------------------------------------------- the table */

const berth_polyplug_host berthi_polyplug_functions = {
    .register_guest_contract = berthi_polyplug_register,
    .alloc = host_alloc,
    .free = host_free,
    .find_guest_contract = find_contract,
    .find_all_guest_contracts = find_all,
    .resolve_guest_contract = resolve,
    .get_host_contract = berthi_polyplug_take_service,
    .resolve_host_contract_interface = berthi_polyplug_find_service,
    .list_bundles = list_bundles,
    .get_dependencies = get_dependencies,
    .load_bundle = load_bundle,
    .reload_bundle = reload_bundle,
    .register_host_contract = berthi_polyplug_offer_service,
    .register_loader = register_loader,
    .get_last_error = get_last_error,
    .get_error_len = get_error_len,
    .unload_bundle = unload_bundle,
    .log = write_log,
    .create_guest_instance = create_instance,
    .destroy_guest_instance = destroy_instance,
    .revision_counter = revision_counter,
};

uint64_t berth_polyplug_id(const char *text)
{
    return text == NULL ? 0 : berthi_polyplug_id(text, strlen(text));
}
