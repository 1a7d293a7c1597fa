/* kinds.c - the table of kinds, and how an end becomes a stage.  Layer: ends. */
#include "ends/end.h"
#include "ends/framing.h"

const berthi_end_kind *const berthi_end_kinds[] = {
    &berthi_end_generator,  &berthi_end_file_source, &berthi_end_stdin,
    &berthi_end_tcp_source, &berthi_end_unix_source, &berthi_end_http_source,
    &berthi_end_null,       &berthi_end_file_sink,   &berthi_end_stdout,
    &berthi_end_tcp_sink,   &berthi_end_unix_sink,   &berthi_end_http_sink,
};
const size_t berthi_end_kinds_count = sizeof berthi_end_kinds / sizeof *berthi_end_kinds;

static bool cannot_be_cut(const berthi_end_values *values)
{
    return values->framing == BERTHI_FRAMING_JSON_LINES ||
           values->framing == BERTHI_FRAMING_CSV;
}

static berth_status fail_cut(const berthi_end_kind *kind, berth_diag *diag)
{
    return berthi_fail(
        diag, BERTH_E_INVALID,
        "%s %s: a row or a JSON text that is cut is none; `past` is not `truncate` "
        "with this framing",
        kind->name, berthi_end_role_name(kind->role));
}

berth_status berthi_end_check_read(const berthi_end_kind *kind, const berthi_end_values *values,
                                   berth_diag *diag)
{
    return values->past == BERTHI_PAST_TRUNCATE && cannot_be_cut(values) ? fail_cut(kind, diag)
                                                                         : BERTH_OK;
}

berth_status berthi_end_check_write(const berthi_end_kind *kind,
                                    const berthi_end_values *values, berth_diag *diag)
{
    return values->past == BERTHI_WRITE_PAST_TRUNCATE && cannot_be_cut(values)
               ? fail_cut(kind, diag)
               : BERTH_OK;
}

berth_status berth_end_check(const char *kind, uint32_t role, const berth_setting *settings,
                             size_t count, berth_diag *diag)
{
    const berthi_end_kind *found;
    berthi_end_values values;
    berth_status status;

    BERTHI_REQUIRE(kind != NULL, diag);
    BERTHI_REQUIRE(settings != NULL || count == 0, diag);
    status = berthi_end_find(kind, role, &found, diag);
    if (status == BERTH_OK)
        status = berthi_end_read(found, settings, count, &berthi_allocator_libc, &values, diag);
    if (status == BERTH_OK)
        berthi_end_values_free(&berthi_allocator_libc, &values);
    return status;
}

static void release(const berth_allocator *a, void *self)
{
    berthi_end *end = self;

    berthi_end_values_free(a, &end->values);
    berthi_free(a, end, end->kind->size);
}

static berth_status add(berth_flow *flow, berth_stage_options *o, const berthi_end_kind *kind,
                        const berth_setting *settings, size_t count, uint32_t *stage_out,
                        berth_diag *diag)
{
    const berth_allocator *a = &flow->flows->allocator;
    berthi_end *end = berthi_zalloc(a, kind->size);
    uint32_t stage;
    berth_status status;

    if (end == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "no memory for a stage");
    end->kind = kind;
    end->allocator = a;
    status = berthi_end_read(kind, settings, count, a, &end->values, diag);
    o->ops = kind->ops;
    o->self = end;
    if (status == BERTH_OK)
        status = berth_flow_add(flow, o, &stage, diag);
    if (status != BERTH_OK) {
        release(a, end);
        return status;
    }
    flow->stages[stage]->release = release;
    if (stage_out != NULL)
        *stage_out = stage;
    return BERTH_OK;
}

berth_status berth_flow_add_end(berth_flow *flow, const berth_stage_options *options,
                                const char *kind, const berth_setting *settings, size_t count,
                                uint32_t *stage_out, berth_diag *diag)
{
    const berthi_end_kind *found;
    berth_stage_options o;
    berth_status status =
        berthi_options_copy(&o, sizeof o, options, "berth_stage_options", diag);

    if (status != BERTH_OK)
        return status;
    BERTHI_REQUIRE(o.ops == NULL && o.self == NULL, diag);
    BERTHI_REQUIRE(kind != NULL, diag);
    BERTHI_REQUIRE(settings != NULL || count == 0, diag);
    status = berthi_end_find(kind, o.role, &found, diag);
    return status != BERTH_OK ? status : add(flow, &o, found, settings, count, stage_out, diag);
}

static uint64_t read_counter(const _Atomic(uint64_t) *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

berth_status berth_flow_end_stats(berth_flow *flow, uint32_t stage, berth_end_stats *stats)
{
    const berthi_end_counts *counts;
    berth_end_stats now;

    if (stage >= flow->stages_count || flow->stages[stage]->release != release)
        return BERTH_E_ABSENT;
    counts = &((const berthi_end *)flow->stages[stage]->options.self)->counts;
    memset(&now, 0, sizeof now);
    now.peers = atomic_load_explicit(&counts->peers, memory_order_relaxed);
    now.bytes = read_counter(&counts->bytes);
    now.records = read_counter(&counts->records);
    now.skipped = read_counter(&counts->skipped);
    now.truncated = read_counter(&counts->truncated);
    now.malformed = read_counter(&counts->malformed);
    now.connections = read_counter(&counts->connections);
    now.lost = read_counter(&counts->lost);
    now.rotations = read_counter(&counts->rotations);
    now.truncations = read_counter(&counts->truncations);
    now.torn_bytes = read_counter(&counts->torn_bytes);
    now.refused = read_counter(&counts->refused);
    now.retries = read_counter(&counts->retries);
    return berthi_stats_give(stats, &now, sizeof now, "berth_end_stats", NULL);
}
