#include "stage_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <berth/wasi.h>

#include "guests.h"

static void must(stage_rig *s, berth_status status)
{
    if (status != BERTH_OK)
        fail_msg("%s: %s", berth_status_name(status), s->r->diag.text);
}

/* ---------------------------------------------------------------- the test's own stages */

static berth_status make(void *self, berth_stage *stage, berth_diag *diag)
{
    stage_rig *s = self;
    char text[32];
    void *room;

    (void)diag;
    if (s->made == s->count) {
        berth_stage_end(stage);
        return BERTH_OK;
    }
    snprintf(text, sizeof text, "record %llu", (unsigned long long)s->made++);
    if (s->record_size == 0)
        return berth_stage_emit(stage, 0, text, strlen(text));
    if (berth_stage_reserve(stage, s->record_size, &room) != BERTH_OK)
        return BERTH_E_NOMEM;
    memcpy(room, text, strlen(text) < s->record_size ? strlen(text) : s->record_size);
    return berth_stage_emit_reserved(stage, 0, s->record_size);
}

static berth_status swallow(void *self, berth_stage *stage, const berth_record *record,
                            berth_diag *diag)
{
    stage_rig *s = self;
    uint64_t count = atomic_load(&s->seen_count);
    char text[2] = "";

    (void)stage;
    (void)diag;
    if (s->keeps_text && s->seen_size + record->size + 3 < sizeof s->seen) {
        memcpy(s->seen + s->seen_size, record->data, record->size);
        memcpy(s->seen + s->seen_size + record->size, "; ", 3);
        s->seen_size += record->size + 2;
    }
    s->wrong_order += count != 0 && record->sequence <= s->last_sequence;
    s->last_sequence = record->sequence;
    if (record->size > 4 && memcmp(record->data, "sum ", 4) == 0)
        s->total += strtoull(memcpy(text, (const char *)record->data + 4, 1), NULL, 10);
    s->switches += count != 0 && s->last_mark != ((const char *)record->data)[record->size - 1];
    s->last_mark = ((const char *)record->data)[record->size - 1];
    atomic_store(&s->seen_count, count + 1);
    return BERTH_OK;
}

static const berth_stage_ops source_ops = { .size = sizeof(berth_stage_ops), .pull = make };
static const berth_stage_ops sink_ops = { .size = sizeof(berth_stage_ops), .process = swallow };

static int on_output(void *ctx, int32_t stream, const char *plugin, const void *data,
                     size_t size)
{
    stage_rig *s = ctx;
    size_t used = strlen(s->output);

    (void)stream;
    (void)plugin;
    snprintf(s->output + used, sizeof s->output - used, "%.*s", (int)size, (const char *)data);
    return 0;
}

/* ---------------------------------------------------------------- begin and end */

void stage_rig_begin(stage_rig *s, slot_rig *r, uint32_t workers)
{
    static const char *const lines[] = { "stdio" };
    berth_runtime_options runtime = BERTH_RUNTIME_OPTIONS_INIT;
    berth_grants_options grants = BERTH_GRANTS_OPTIONS_INIT;
    berth_flows_options flows = BERTH_FLOWS_OPTIONS_INIT;

    memset(s, 0, sizeof *s);
    s->r = r;
    s->keeps_text = true;
    grants.grants = lines;
    grants.grants_count = 1;
    grants.output = on_output;
    grants.output_ctx = s;
    must(s, berth_host_create(&r->allocator, &s->host, &r->diag));
    must(s, berth_wasi_offer(s->host, &r->diag));
    must(s, berth_flow_offer(s->host, &r->diag));
    must(s, berth_grants_create(&r->allocator, &grants, &s->grants, &r->diag));
    runtime.host = s->host;
    slot_rig_restart(r, runtime);
    flows.workers = workers;
    flows.allocator = &r->allocator;
    must(s, berth_flows_create(&flows, &s->flows, &r->diag));
    stage_rig_open(s);
}

void stage_rig_open(stage_rig *s)
{
    berth_flow_options o = BERTH_FLOW_OPTIONS_INIT;

    berth_flow_close(s->flow);
    o.name = "contract";
    must(s, berth_flow_open(s->flows, &o, &s->flow, &s->r->diag));
    s->stages = s->edges = 0;
    s->made = s->seen_size = s->last_sequence = s->wrong_order = s->total = s->switches = 0;
    s->seen[0] = s->output[0] = '\0';
    atomic_store(&s->seen_count, 0);
}

void stage_rig_end(stage_rig *s)
{
    berth_runtime_options none = BERTH_RUNTIME_OPTIONS_INIT;

    berth_flow_close(s->flow);
    berth_flows_destroy(s->flows);
    slot_rig_restart(s->r, none);
    berth_grants_destroy(s->grants);
    berth_host_destroy(s->host);
}

/* ---------------------------------------------------------------- slots */

berth_status stage_rig_install(stage_rig *s, berth_slot *slot, const char *guest)
{
    char name[64];
    uint8_t *bytes;
    size_t size;

    if (guest[0] == '/')
        return berth_slot_install_file(slot, guest, NULL, &s->r->diag);
    snprintf(name, sizeof name, "stage/%s", guest);
    bytes = guest_read(name, &size);
    return slot_rig_try_install(s->r, slot, bytes, size);
}

berth_slot *stage_rig_slot(stage_rig *s, const char *name, const char *guest)
{
    berth_slot_options o = BERTH_SLOT_OPTIONS_INIT;
    berth_slot *slot;

    o.grants = s->grants;
    slot = slot_rig_open(s->r, name, &o);
    if (guest != NULL)
        must(s, stage_rig_install(s, slot, guest));
    return slot;
}

/* ---------------------------------------------------------------- stages and edges */

static uint32_t add(stage_rig *s, const char *name, uint32_t role, const berth_stage_ops *ops)
{
    berth_stage_options o = BERTH_STAGE_OPTIONS_INIT;

    o.name = name;
    o.role = role;
    o.ops = ops;
    o.self = s;
    must(s, berth_flow_add(s->flow, &o, NULL, &s->r->diag));
    return s->stages++;
}

uint32_t stage_rig_source(stage_rig *s, uint64_t count)
{
    s->count = count;
    return add(s, "source", BERTH_ROLE_SOURCE, &source_ops);
}

uint32_t stage_rig_sink(stage_rig *s)
{
    return add(s, "sink", BERTH_ROLE_SINK, &sink_ops);
}

uint32_t stage_rig_plugin(stage_rig *s, berth_slot *slot, uint32_t role, const char *config,
                          const berth_stage_options *options)
{
    berth_stage_options o = BERTH_STAGE_OPTIONS_INIT;
    char name[16];

    if (options != NULL)
        o = *options;
    snprintf(name, sizeof name, "plugin%u", s->stages);
    o.name = name;
    o.role = role;
    o.config = config;
    must(s, berth_flow_add_slot(s->flow, &o, slot, NULL, NULL, &s->r->diag));
    return s->stages++;
}

void stage_rig_edge(stage_rig *s, uint32_t from, const char *port, uint32_t to,
                    uint32_t records)
{
    berth_edge_options o = BERTH_EDGE_OPTIONS_INIT;

    o.from = from;
    o.to = to;
    o.port = port;
    o.records_max = records;
    must(s, berth_flow_connect(s->flow, &o, NULL, &s->r->diag));
    s->edges++;
}

/* ---------------------------------------------------------------- running */

void stage_rig_check_accounts(stage_rig *s)
{
    for (uint32_t i = 0; i < s->edges; i++) {
        berth_edge_stats e = stage_rig_edge_stats(s, i);
        uint64_t sum = e.out + e.queued + e.dead_letters;

        for (uint32_t k = 0; k < BERTH_DROPPED_REASONS; k++)
            sum += e.dropped[k];
        assert_int_equal(e.in, sum);
    }
}

berth_status stage_rig_run(stage_rig *s)
{
    berth_status status = berth_flow_start(s->flow, &s->r->diag);

    if (status != BERTH_OK)
        return status;
    status = berth_flow_wait(s->flow, UINT64_MAX, &s->r->diag);
    stage_rig_check_accounts(s);
    return status;
}

berth_stage_stats stage_rig_stats(stage_rig *s, uint32_t stage)
{
    berth_stage_stats stats = { .size = sizeof stats };

    assert_int_equal(berth_flow_stage_stats(s->flow, stage, &stats), BERTH_OK);
    return stats;
}

berth_edge_stats stage_rig_edge_stats(stage_rig *s, uint32_t edge)
{
    berth_edge_stats stats = { .size = sizeof stats };

    assert_int_equal(berth_flow_edge_stats(s->flow, edge, &stats), BERTH_OK);
    return stats;
}
