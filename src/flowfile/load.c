/* load.c - plugins of a flow file into slots, and everything that is wrong with them.  Layer: flowfile. */
#include "flowfile/loaded.h"

#include <stdio.h>

#include <berth/grant.h>

#include "registry/registry.h"
#include "runtime/bundles.h"

enum { PATH_ROOM = 4200 };

static const char *advice_for(berth_status status, berth_reason reason)
{
    switch (status) {
    case BERTH_E_OS:
        return "check the path and its permissions";
    case BERTH_E_REJECTED:
        return reason == BERTH_REASON_LINKER ? NULL
                                             : "`berth inspect FILE` lists every finding";
    case BERTH_E_DEADLINE:
        return "raise `limits.probe-deadline`, or make the plugin faster";
    case BERTH_E_LIMIT:
        return "raise `limits`, or make the plugin need less";
    default:
        return NULL;
    }
}

void berthi_ff_load_wrong(ff_loading *l, uint32_t stage, const char *key, berth_status status,
                          const berth_diag *diag)
{
    const ff_stage *s = &l->loaded->file->model.stages[stage];
    char text[sizeof diag->text];

    if (status == BERTH_E_NOMEM) {
        l->reader.has_no_memory = true;
        return;
    }
    snprintf(text, sizeof text, "%.*s", (int)strcspn(diag->text, "\n"), diag->text);
    berthi_ff_wrong(&l->reader, berthi_ff_at(s->table, key),
                    advice_for(status, (berth_reason)diag->reason), "stage `%s`: %s", s->name,
                    text[0] == '\0' ? berth_status_name(status) : text);
}

/* ---------------------------------------------------------------- a slot */

static berth_status read_grants(ff_loading *l, const ff_stage *s, berth_grants **grants_out,
                                berth_diag *diag)
{
    berth_grants_options o = BERTH_GRANTS_OPTIONS_INIT;

    o.grants = s->grants.at;
    o.grants_count = s->grants.count;
    if ((l->flags & BERTH_FLOW_PROCESS_STDIO) != 0)
        o.flags = BERTH_GRANTS_PROCESS_STDIO;
    return berth_grants_create(&l->loaded->allocator, &o, grants_out, diag);
}

static void slot_options(const ff_loading *l, const ff_stage *s, const berth_grants *grants,
                         berth_slot_options *o)
{
    const ff_model *m = &l->loaded->file->model;
    bool is_bundle = s->bundle != NULL;

    *o = (berth_slot_options)BERTH_SLOT_OPTIONS_INIT;
    o->tenant = is_bundle ? s->name : m->name;
    o->name = is_bundle ? NULL : s->name;
    o->policy = s->policy;
    o->deadline_ns = s->limits.deadline_ns;
    o->probe_deadline_ns = s->limits.probe_deadline_ns;
    o->memory_bytes_max = s->limits.memory_bytes;
    o->output_bytes_max = s->limits.output_bytes;
    o->calls_max = s->limits.calls_max;
    o->instances_max = s->limits.instances_max;
    o->flags = m->level == 0 ? 0 : BERTH_SLOT_TIMED;
    o->grants = grants;
}

/* Where the artifact of a folder with sources is built to; the `n`th guess, false: there are no more. */
static bool guess_artifact(const char *folder, unsigned n, char out[static PATH_ROOM])
{
    static const char *const targets[] = { "wasip2/release", "wasip1/release", "wasip2/debug" };
    const char *slash = strrchr(folder, '/'), *name = slash == NULL ? folder : slash + 1;
    char crate[256];

    snprintf(crate, sizeof crate, "%.200s", name);
    for (char *c = crate; n != 0 && *c != '\0'; c++)
        if (*c == '-')
            *c = '_';
    if (n == 0)
        snprintf(out, PATH_ROOM, "%.3800s/%s.wasm", folder, crate);
    else if (n <= sizeof targets / sizeof *targets)
        snprintf(out, PATH_ROOM, "%.3800s/target/wasm32-%s/%s.wasm", folder, targets[n - 1],
                 crate);
    else
        return false;
    return true;
}

static berth_status install_from_folder(berth_slot *slot, const char *folder, berth_diag *diag)
{
    char file[PATH_ROOM];

    for (unsigned n = 0; guess_artifact(folder, n, file); n++) {
        berth_status status = berth_slot_install_file(slot, file, NULL, diag);

        if (status != BERTH_E_OS)
            return status;
    }
    return berthi_fail(diag, BERTH_E_ABSENT,
                       "'%.200s' is a folder without an artifact; build it, or name the file",
                       folder);
}

static berth_status install(ff_loading *l, const ff_stage *s, berth_slot *slot,
                            berth_diag *diag)
{
    berth_status status = berth_slot_install_file(slot, s->plugin, NULL, diag);

    if (status == BERTH_E_INVALID && l->loaded->file->model.is_torvyn)
        status = install_from_folder(slot, s->plugin, diag);
    return status;
}

/* Whether what was installed has the hook of that number. */
static berth_status has_hook(berth_slot *slot, const char *name, uint32_t hook,
                             berth_diag *diag)
{
    berth_lease lease = BERTH_LEASE_NONE;
    berth_status status = berth_slot_lease(slot, &lease);

    if (status != BERTH_OK)
        return berthi_fail(diag, status, "its plugin cannot be looked at");
    if (lease.version->hook_of[hook] == 0)
        status = berthi_fail(diag, BERTH_E_ABSENT, "the plugin has no hook `%.64s`", name);
    berth_lease_return(&lease);
    return status;
}

static void load_artifact(ff_loading *l, uint32_t at, const berth_slot_options *o)
{
    const ff_stage *s = &l->loaded->file->model.stages[at];
    loaded_stage *stage = &l->loaded->stages[at];
    berth_diag diag = { 0 };
    const char *key = "limits";
    uint32_t hook = 0;
    berth_status status = berth_slot_open(l->loaded->runtime, o, &stage->slot, &diag);

    stage->has_key = status == BERTH_OK;
    if (status == BERTH_E_STATE && l->fatal == BERTH_OK)
        l->fatal = berthi_fail(l->diag, status, "%s", diag.text);
    if (status == BERTH_OK && s->hook != NULL) {
        key = "hook";
        status = berth_slot_hook(stage->slot, s->hook, &hook, &diag);
    }
    if (status == BERTH_OK) {
        key = "plugin";
        status = install(l, s, stage->slot, &diag);
    }
    if (status == BERTH_OK && s->hook != NULL) {
        key = "hook";
        status = has_hook(stage->slot, s->hook, hook, &diag);
    }
    if (status != BERTH_OK)
        berthi_ff_load_wrong(l, at, key, status, &diag);
}

/* ---------------------------------------------------------------- a bundle */

static void load_bundle(ff_loading *l, uint32_t at, const berth_slot_options *slot)
{
    const ff_stage *s = &l->loaded->file->model.stages[at];
    loaded_stage *stage = &l->loaded->stages[at];
    berth_bundles_options o = BERTH_BUNDLES_OPTIONS_INIT;
    const char *const paths[] = { s->bundle };
    berth_diag diag = { 0 };
    berth_status status;

    o.slot = slot;
    status = berth_bundles_create(l->loaded->runtime, &o, &stage->bundles, &diag);
    if (status == BERTH_OK)
        status = berth_bundles_load(stage->bundles, paths, 1, NULL, 0, &diag);
    if (status == BERTH_OK && stage->bundles->count != 1)
        status = berthi_fail(&diag, BERTH_E_INVALID,
                             "`%.200s` has %u bundles; name the folder of one", s->bundle,
                             stage->bundles->count);
    if (status == BERTH_OK)
        status = berth_slot_find(l->loaded->runtime, s->name,
                                 stage->bundles->first->bundle->manifest.slot, &stage->slot);
    if (status != BERTH_OK)
        berthi_ff_load_wrong(l, at, "bundle", status, &diag);
}

void berthi_ff_load_plugin(ff_loading *l, uint32_t at)
{
    const ff_stage *s = &l->loaded->file->model.stages[at];
    berth_grants *grants = NULL;
    berth_slot_options o;
    berth_diag diag = { 0 };
    berth_status status = read_grants(l, s, &grants, &diag);

    if (status != BERTH_OK) {
        berthi_ff_load_wrong(l, at, "grants", status, &diag);
        return;
    }
    slot_options(l, s, grants, &o);
    if (s->bundle != NULL)
        load_bundle(l, at, &o);
    else
        load_artifact(l, at, &o);
    berth_grants_destroy(grants); /* the slot keeps them */
}

/* ---------------------------------------------------------------- all of it */

static berth_status load_all(ff_loading *l, const berth_flow_load_options *o)
{
    const ff_model *m = &l->loaded->file->model;
    berth_status status;

    for (uint32_t i = 0; i < m->stages_count && !l->reader.has_no_memory; i++)
        if (m->stages[i].plugin != NULL || m->stages[i].bundle != NULL)
            berthi_ff_load_plugin(l, i);
    status = l->reader.has_no_memory ? BERTH_E_NOMEM : berthi_ff_load_flow(l);
    if (l->fatal != BERTH_OK)
        return l->fatal;
    if (status != BERTH_OK && status != BERTH_E_REJECTED)
        return status == BERTH_E_NOMEM
                   ? berthi_fail(l->diag, status, "no memory to load a flow")
                   : status;
    return berthi_ff_tell(&l->reader, o->found, o->found_ctx, l->diag);
}

static berth_status make(const berth_flow_file *file, berth_runtime *runtime,
                         berth_flows *flows, berth_loaded_flow **loaded_out, berth_diag *diag)
{
    const berth_allocator *a = &file->allocator;
    berth_loaded_flow *loaded = berthi_zalloc(a, sizeof *loaded);

    if (loaded == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "no memory to load a flow");
    loaded->allocator = *a;
    loaded->file = file;
    loaded->runtime = runtime;
    loaded->flows = flows;
    loaded->stages = berthi_zalloc_array(a, file->model.stages_count, sizeof *loaded->stages);
    if (loaded->stages == NULL) {
        berthi_free(a, loaded, sizeof *loaded);
        return berthi_fail(diag, BERTH_E_NOMEM, "no memory to load a flow");
    }
    *loaded_out = loaded;
    return BERTH_OK;
}

berth_status berth_flow_load(const berth_flow_file *file, berth_runtime *runtime,
                             berth_flows *flows, const berth_flow_load_options *options,
                             berth_loaded_flow **loaded_out, berth_diag *diag)
{
    static const berth_flow_load_options none = BERTH_FLOW_LOAD_OPTIONS_INIT;
    berth_flow_load_options o;
    ff_loading *l;
    berth_status status = berthi_options_copy(&o, sizeof o, options == NULL ? &none : options,
                                              "berth_flow_load_options", diag);

    if (status != BERTH_OK)
        return status;
    BERTHI_REQUIRE(file != NULL && runtime != NULL && flows != NULL && loaded_out != NULL,
                   diag);
    l = berthi_zalloc(&file->allocator, sizeof *l);
    if (l == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "no memory to load a flow");
    berthi_arena_init(&l->arena, &file->allocator, FF_ARENA_BYTES_MAX);
    l->reader = file->reader; /* its texts, for places */
    l->reader.arena = &l->arena;
    l->diag = diag;
    l->flags = o.flags;
    l->traces = o.traces;
    status = make(file, runtime, flows, &l->loaded, diag);
    if (status == BERTH_OK)
        status = load_all(l, &o);
    if (status == BERTH_OK)
        *loaded_out = l->loaded;
    else
        berth_loaded_flow_close(l->loaded);
    berthi_arena_fini(&l->arena);
    berthi_free(&file->allocator, l, sizeof *l);
    return status;
}
