/* loaded.c - a loaded flow: looked at, its plugins replaced, closed.  Layer: flowfile. */
#include "flowfile/loaded.h"

#include "os/file.h"
#include "registry/registry.h"

uint32_t berth_flow_file_stages(const berth_flow_file *file)
{
    return file->model.stages_count;
}

uint32_t berth_flow_file_edges(const berth_flow_file *file)
{
    return file->model.edges_count;
}

const char *berth_flow_file_stage_name(const berth_flow_file *file, uint32_t stage)
{
    return stage < file->model.stages_count ? file->model.stages[stage].name : NULL;
}

uint64_t berth_flow_file_drain_ns(const berth_flow_file *file)
{
    return file->model.drain_ns;
}

void berth_flow_file_flows_options(const berth_flow_file *file, berth_flows_options *options)
{
    options->workers = file->model.workers;
    options->kept_bytes_max = file->model.kept_bytes;
}

berth_flow *berth_loaded_flow_flow(const berth_loaded_flow *loaded)
{
    return loaded->flow;
}

static berth_status find_stage(berth_loaded_flow *loaded, const char *stage, uint32_t *at_out,
                               berth_diag *diag)
{
    const ff_model *m = &loaded->file->model;

    BERTHI_REQUIRE(stage != NULL, diag);
    for (uint32_t i = 0; i < m->stages_count; i++)
        if (strcmp(m->stages[i].name, stage) == 0) {
            *at_out = i;
            return BERTH_OK;
        }
    return berthi_fail(diag, BERTH_E_ABSENT, "there is no stage '%.64s'", stage);
}

static berth_status find_plugin(berth_loaded_flow *loaded, const char *stage, uint32_t *at_out,
                                berth_diag *diag)
{
    berth_status status = find_stage(loaded, stage, at_out, diag);

    if (status == BERTH_OK && loaded->stages[*at_out].slot == NULL)
        return berthi_fail(diag, BERTH_E_INVALID, "stage '%.64s' has no plugin", stage);
    return status;
}

/* An install that is refused as well when the plugin lacks the hook that the stage calls. */
static berth_status install_with_hook(berth_loaded_flow *loaded, uint32_t at, const char *path,
                                      berth_diag *diag)
{
    const char *name = loaded->file->model.stages[at].hook;
    berth_slot *slot = loaded->stages[at].slot;
    berth_version *version = NULL;
    berthi_file_bytes bytes;
    uint32_t hook = 0;
    berth_status status;

    if (name == NULL)
        return berth_slot_install_file(slot, path, NULL, diag);
    status = berth_slot_hook(slot, name, &hook, diag);
    if (status != BERTH_OK)
        return status;
    status = berthi_file_read(&loaded->allocator, path, UINT32_MAX, &bytes, diag);
    if (status != BERTH_OK)
        return status;
    status = berth_slot_prepare(slot, bytes.data, bytes.size, &version, diag);
    berthi_file_free(&loaded->allocator, &bytes);
    if (status == BERTH_OK && version->hook_of[hook] == 0)
        status = berthi_fail(diag, BERTH_E_REJECTED, "the plugin has no hook `%.64s`", name);
    else if (status == BERTH_OK)
        status = berth_slot_swap(slot, version, diag);
    if (status != BERTH_OK)
        berth_version_discard(version);
    return status;
}

berth_status berth_loaded_flow_swap(berth_loaded_flow *loaded, const char *stage,
                                    const char *path, uint64_t *version_out, berth_diag *diag)
{
    berth_slot_stats stats = BERTH_SLOT_STATS_INIT;
    uint32_t at = 0;
    berth_status status = find_plugin(loaded, stage, &at, diag);

    if (status != BERTH_OK)
        return status;
    BERTHI_REQUIRE(path != NULL, diag);
    if (loaded->stages[at].bundles != NULL)
        status = berth_bundles_reload(loaded->stages[at].bundles, path, diag);
    else
        status = install_with_hook(loaded, at, path, diag);
    if (status != BERTH_OK || version_out == NULL)
        return status;
    if (berth_slot_stats_read(loaded->stages[at].slot, &stats, NULL) == BERTH_OK)
        *version_out = stats.version;
    return BERTH_OK;
}

berth_status berth_loaded_flow_roll_back(berth_loaded_flow *loaded, const char *stage,
                                         uint64_t *version_out, berth_diag *diag)
{
    uint32_t at = 0;
    berth_status status = find_plugin(loaded, stage, &at, diag);

    return status == BERTH_OK ? berth_slot_rollback(loaded->stages[at].slot, version_out, diag)
                              : status;
}

berth_status berth_loaded_flow_cancel_branch(berth_loaded_flow *loaded, const char *stage,
                                             berth_diag *diag)
{
    uint32_t at = 0;
    berth_status status = find_stage(loaded, stage, &at, diag);

    /* The flow has the stages of the file, in its order. */
    return status == BERTH_OK ? berth_flow_cancel_branch(loaded->flow, at, diag) : status;
}

void berth_loaded_flow_close(berth_loaded_flow *loaded)
{
    const ff_model *m;
    berth_allocator a;

    if (loaded == NULL)
        return;
    m = &loaded->file->model;
    a = loaded->allocator;
    if (loaded->flow != NULL)
        berth_flow_close(loaded->flow);
    for (uint32_t i = 0; i < m->stages_count; i++) {
        loaded_stage *s = &loaded->stages[i];

        berth_slot_release(s->slot);
        if (s->has_key) /* somebody may have evicted it */
            (void)!berth_slot_evict(loaded->runtime, m->name, m->stages[i].name);
        berth_bundles_destroy(s->bundles);
    }
    berthi_free_array(&a, loaded->stages, m->stages_count, sizeof *loaded->stages);
    berthi_free(&a, loaded, sizeof *loaded);
}
