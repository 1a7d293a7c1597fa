/* polyplug_rig.c - see polyplug_rig.h. */
#include "polyplug_rig.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guests.h"

static void note_warning(void *ctx, const char *text)
{
    polyplug_rig *t = ctx;
    size_t used = strlen(t->warnings);

    snprintf(t->warnings + used, sizeof t->warnings - used, "%s\n", text);
}

static void observe(void *ctx, const berth_event *event)
{
    polyplug_rig *t = ctx;
    int inside;

    switch (event->kind) {
    case BERTH_EVENT_PREPARING:
        inside = atomic_fetch_add(&t->in_section, 1) + 1;
        if (inside > atomic_load(&t->in_section_max))
            atomic_store(&t->in_section_max, inside);
        atomic_fetch_add(&t->preparing_count, 1);
        snprintf(t->preparing, sizeof t->preparing, "%s", event->slot);
        break;
    case BERTH_EVENT_RELOADED:
        atomic_fetch_sub(&t->in_section, 1);
        atomic_fetch_add(&t->reloaded_count, 1);
        snprintf(t->reloaded, sizeof t->reloaded, "%s", event->slot);
        break;
    default:
        atomic_fetch_sub(&t->in_section, 1);
        atomic_fetch_add(&t->failed_count, 1);
        snprintf(t->failed, sizeof t->failed, "%s", event->slot);
    }
}

void pp_start(polyplug_rig *t, slot_rig *r, berth_bundles_options *options)
{
    berth_bundles_options own = BERTH_BUNDLES_OPTIONS_INIT;
    berth_slot_options slot = BERTH_SLOT_OPTIONS_INIT;

    memset(t, 0, sizeof *t);
    t->r = r;
    bundle_folder_make(&t->folder);
    if (options == NULL)
        options = &own;
    if (options->slot != NULL)
        slot = *options->slot;
    else
        slot.deadline_ns = slot.probe_deadline_ns = SLOT_RIG_PATIENCE_NS;
    slot.observer = observe;
    slot.observer_ctx = t;
    options->slot = &slot;
    options->warn = note_warning;
    options->warn_ctx = t;
    assert_int_equal(berth_bundles_create(r->runtime, options, &t->bundles, NULL), BERTH_OK);
    t->host = berth_bundles_polyplug(t->bundles);
    assert_non_null(t->host);
}

void pp_end(polyplug_rig *t)
{
    berth_bundles_destroy(t->bundles);
    bundle_folder_remove(&t->folder);
    slot_rig_wait_reaped(t->r);
}

berth_runtime_stats pp_settle(polyplug_rig *t)
{
    berth_runtime_stats stats;

    do {
        (void)sched_yield();
        stats = slot_rig_runtime_stats(t->r);
    } while (stats.versions_retired != 0 || stats.natives_ending != 0);
    return stats;
}

/* ---------------------------------------------------------------- folders */

void pp_put(polyplug_rig *t, const char *dir, const char *name, const char *plugin,
            const char *provides, const char *more)
{
    char path[128];
    size_t size;
    uint8_t *bytes;

    snprintf(path, sizeof path, "%s/manifest.toml", dir);
    bundle_folder_text(&t->folder, path,
                       "name = \"%s\"\nid = %llu\nversion = \"1.0.0\"\nloader = \"native\"\n"
                       "file = \"it.so\"\nprovides = [%s]\n%s",
                       name, (unsigned long long)berth_polyplug_id(name), provides, more);
    if (plugin == NULL)
        return;
    bytes = plugin_file_read(plugin, &size);
    snprintf(path, sizeof path, "%s/it.so", dir);
    bundle_folder_put(&t->folder, path, bytes, size);
    free(bytes);
}

void pp_put_reload(polyplug_rig *t, const char *dir, const char *plugin)
{
    pp_put(t, dir, "reload_plugin_v1", plugin, "\"reload.test@1\"", "");
}

berth_status pp_load(polyplug_rig *t, const char *dir)
{
    const char *path = bundle_folder_at(&t->folder, dir);

    memset(&t->r->diag, 0, sizeof t->r->diag);
    return berth_bundles_load(t->bundles, &path, 1, NULL, 0, &t->r->diag);
}

berth_status pp_reload(polyplug_rig *t, const char *dir)
{
    memset(&t->r->diag, 0, sizeof t->r->diag);
    return berth_bundles_reload(t->bundles, bundle_folder_at(&t->folder, dir), &t->r->diag);
}

void pp_must_load(polyplug_rig *t, const char *dir)
{
    if (pp_load(t, dir) != BERTH_OK)
        fail_msg("%s", t->r->diag.text);
}

void pp_must_reload(polyplug_rig *t, const char *dir)
{
    if (pp_reload(t, dir) != BERTH_OK)
        fail_msg("%s", t->r->diag.text);
}

void pp_check(polyplug_rig *t, berth_status got, berth_status status, const char *text)
{
    if (got != status || strstr(t->r->diag.text, text) == NULL)
        fail_msg("%s, and not %s: %s", berth_status_name(got), berth_status_name(status),
                 t->r->diag.text);
}

/* ---------------------------------------------------------------- calls */

berth_polyplug_instance pp_none(void)
{
    return (berth_polyplug_instance){ NULL, 0 };
}

berth_polyplug_handle pp_find(polyplug_rig *t, const char *contract)
{
    return t->host->find_guest_contract(t->host, berth_polyplug_id(contract), 0);
}

const berth_polyplug_interface *pp_resolve(polyplug_rig *t, const char *contract)
{
    return t->host->resolve_guest_contract(t->host, pp_find(t, contract));
}

const berth_polyplug_host *pp_table_of(polyplug_rig *t, const char *contract)
{
    const berth_polyplug_interface *c = pp_resolve(t, contract);
    const berth_polyplug_host *table = NULL;
    berth_polyplug_error error = { 0 };

    c->dispatch.vm.call(c->dispatch.vm.loader_data, pp_none(), PP_TABLE, NULL, &table, NULL,
                        &error);
    assert_int_equal(error.code, BERTH_POLYPLUG_OK);
    return table;
}

uint32_t pp_call(const berth_polyplug_interface *c, berth_polyplug_instance instance,
                 uint32_t function, const void *args)
{
    berth_polyplug_error error = { 0 };
    uint64_t out = 0; /* room for all numbers there are */

    assert_int_equal(c->dispatch_type, BERTH_POLYPLUG_VM);
    c->dispatch.vm.call(c->dispatch.vm.loader_data, instance, function, args, &out, NULL,
                        &error);
    return error.code == BERTH_POLYPLUG_OK ? (uint32_t)out : PP_FAILED(error.code);
}

uint32_t pp_value(polyplug_rig *t, const char *contract)
{
    const berth_polyplug_interface *c = pp_resolve(t, contract);

    return c == NULL ? PP_FAILED(BERTH_POLYPLUG_NOT_FOUND)
                     : pp_call(c, pp_none(), PP_VALUE, NULL);
}
