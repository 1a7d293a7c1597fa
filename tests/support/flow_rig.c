/* flow_rig.c - see flow_rig.h. */
#include "flow_rig.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---------------------------------------------------------------- stages */

static berth_status rig_init_stage(void *self, berth_stage *stage, berth_diag *diag)
{
    flow_part *p = self;

    p->stage = stage;
    p->inits++;
    if (p->on_init != NULL)
        p->on_init(p, stage);
    if (p->init_fails != BERTH_OK)
        snprintf(diag->text, sizeof diag->text, "told not to start");
    return p->init_fails;
}

static void see(flow_part *p, const berth_record *record)
{
    if (p->seen_count == p->seen_room) {
        p->seen_room = p->seen_room == 0 ? 256 : p->seen_room * 2;
        p->seen = realloc(p->seen, p->seen_room * sizeof *p->seen);
        if (p->seen == NULL)
            abort();
    }
    if (p->seen_count != 0 && record->sequence <= p->last_sequence)
        p->out_of_order++;
    p->last_sequence = record->sequence;
    p->seen[p->seen_count++] = record->sequence;
    atomic_store(&p->seen_now, (uint32_t)p->seen_count);
}

static berth_status rig_pull(void *self, berth_stage *stage, berth_diag *diag)
{
    flow_part *p = self;
    uint32_t count = p->per_pull != 0 ? p->per_pull : 1;
    uint64_t size = p->size != 0 ? p->size : 8;

    (void)diag;
    p->calls++;
    p->wrong += p->is_paused;
    if (p->calls <= p->silent)
        return BERTH_OK;
    if (p->hook != NULL) {
        berth_status status = p->hook(p, stage, NULL);

        if (status != BERTH_OK)
            return status;
    }
    if (p->fail_every != 0 && p->calls % p->fail_every == 0)
        return BERTH_E_PLUGIN;
    for (; count != 0 && (p->is_endless || p->made < p->count); count--) {
        void *data;
        berth_status status = berth_stage_reserve(stage, size, &data);

        if (status == BERTH_OK) {
            memcpy(data, &p->made, 4);
            status = berth_stage_emit_reserved(stage, 0, size);
        }
        if (status != BERTH_OK)
            return status;
        p->made++;
    }
    if (!p->is_endless && p->made >= p->count)
        berth_stage_end(stage);
    else if (p->pause_every != 0 && p->made % p->pause_every == 0)
        berth_stage_pause(stage, p->pause_ns);
    return BERTH_OK;
}

/* The number that its source gave a record: the first bytes of its payload. */
static uint64_t number_of(const berth_record *record)
{
    uint32_t number;

    memcpy(&number, record->data, sizeof number);
    return number;
}

static bool fails(flow_part *p, uint64_t number)
{
    if (p->fail_every == 0 || number % p->fail_every != 0)
        return false;
    if (p->last_failed != number + 1) {
        p->last_failed = number + 1;
        p->failed_in_row = 0;
    }
    return p->fail_times == 0 || p->failed_in_row++ < p->fail_times;
}

static berth_status rig_emit(flow_part *p, berth_stage *stage, const berth_record *record,
                             uint32_t role, uint32_t ports)
{
    char name[16];
    uint32_t port;

    switch (role) {
    case BERTH_ROLE_PROCESSOR:
        for (uint32_t i = 0; i < (p->fan != 0 ? p->fan : 1); i++)
            if (berth_stage_emit(stage, 0, record->data, record->size) != BERTH_OK)
                return BERTH_OK; /* the call has failed, whatever it says */
        return BERTH_OK;
    case BERTH_ROLE_FILTER:
        return number_of(record) % (p->modulus != 0 ? p->modulus : 1) == 0
                   ? berth_stage_pass(stage, 0, record)
                   : BERTH_OK;
    case BERTH_ROLE_ROUTER:
        snprintf(name, sizeof name, "p%u", (unsigned)(number_of(record) % ports));
        return berth_stage_port(stage, name, &port) == BERTH_OK
                   ? berth_stage_pass(stage, port, record)
                   : BERTH_OK;
    case BERTH_ROLE_AGGREGATOR:
        berth_stage_drop(stage, &p->kept);
        if (p->seen_count % p->group == p->group - 1)
            return berth_stage_pass(stage, 0, record);
        berth_stage_keep(stage, record, &p->kept);
        return BERTH_OK;
    default:
        return BERTH_OK;
    }
}

static berth_status process_as(void *self, berth_stage *stage, const berth_record *record,
                               uint32_t role)
{
    flow_part *p = self;
    berth_status status = BERTH_OK;
    bool rests;

    p->calls++;
    p->wrong += p->is_resting;
    if (p->hook != NULL)
        status = p->hook(p, stage, record);
    if (status == BERTH_OK)
        status = rig_emit(p, stage, record, role, p->modulus != 0 ? p->modulus : 1);
    if (status != BERTH_OK)
        return status;
    if (fails(p, number_of(record)))
        return BERTH_E_PLUGIN; /* after it emitted: that is taken back */
    rests = p->pause_every != 0 && (p->seen_count + 1) % p->pause_every == 0;
    /* Before anybody sees the record, and may wake the stage for it. */
    if (rests && p->pause_ns == UINT64_MAX)
        atomic_store(&p->is_resting, true);
    see(p, record);
    if (rests)
        berth_stage_pause(stage, p->pause_ns);
    return BERTH_OK;
}

#define PROCESS_AS(name, role)                                                                 \
    static berth_status name(void *self, berth_stage *stage, const berth_record *record,       \
                             berth_diag *diag)                                                 \
    {                                                                                          \
        (void)diag;                                                                            \
        return process_as(self, stage, record, role);                                          \
    }
PROCESS_AS(rig_process, BERTH_ROLE_PROCESSOR)
PROCESS_AS(rig_filter, BERTH_ROLE_FILTER)
PROCESS_AS(rig_route, BERTH_ROLE_ROUTER)
PROCESS_AS(rig_aggregate, BERTH_ROLE_AGGREGATOR)
PROCESS_AS(rig_sink, BERTH_ROLE_SINK)

static berth_status rig_complete(void *self, berth_stage *stage, berth_diag *diag)
{
    flow_part *p = self;
    berth_status status = BERTH_OK;

    p->completes++;
    p->wrong += p->teardowns != 0;
    if (p->complete_fails != BERTH_OK) {
        snprintf(diag->text, sizeof diag->text, "told not to complete");
        return p->complete_fails;
    }
    if (p->kept.buffer != NULL)
        status = berth_stage_pass(stage, 0, &p->kept);
    berth_stage_drop(stage, &p->kept);
    return status;
}

static berth_status rig_flush(void *self, berth_stage *stage, berth_diag *diag)
{
    flow_part *p = self;

    p->flushes++;
    p->wrong += berth_stage_emit(stage, 0, "no", 2) != BERTH_E_STATE;
    if (p->flush_fails != 0 && p->seen_count > p->seen_flushed) {
        p->flush_fails--;
        p->seen_count = p->seen_flushed;
        p->last_sequence = p->flushed_sequence;
        snprintf(diag->text, sizeof diag->text, "flush of '%s'", "rig");
        return BERTH_E_OS;
    }
    if (p->flush_pauses != 0) {
        p->flush_pauses--;
        berth_stage_pause(stage, p->pause_ns);
        return BERTH_OK;
    }
    p->seen_flushed = p->seen_count;
    p->flushed_sequence = p->last_sequence;
    return BERTH_OK;
}

static void rig_signal(void *self, berth_stage *stage, uint32_t signal)
{
    flow_part *p = self;

    (void)stage;
    p->wrong += p->is_paused == (signal == BERTH_SIGNAL_PAUSE);
    p->is_paused = signal == BERTH_SIGNAL_PAUSE;
    p->signals++;
}

static void rig_roll_back(void *self, berth_stage *stage)
{
    (void)stage;
    ((flow_part *)self)->rolled_back++;
}

static void rig_teardown(void *self, berth_stage *stage)
{
    flow_part *p = self;

    p->teardowns++;
    if (p->on_teardown != NULL)
        p->on_teardown(p, stage);
    berth_stage_drop(stage, &p->kept);
}

#define OPS(pull, process)                                                                     \
    {                                                                                          \
        sizeof(berth_stage_ops), 0, rig_init_stage, pull, process, rig_complete, rig_flush,    \
            rig_signal, rig_roll_back, rig_teardown                                            \
    }
static const berth_stage_ops ops_of[] = {
    [BERTH_ROLE_SOURCE] = OPS(rig_pull, NULL),
    [BERTH_ROLE_PROCESSOR] = OPS(NULL, rig_process),
    [BERTH_ROLE_FILTER] = OPS(NULL, rig_filter),
    [BERTH_ROLE_ROUTER] = OPS(NULL, rig_route),
    [BERTH_ROLE_AGGREGATOR] = OPS(NULL, rig_aggregate),
    [BERTH_ROLE_SINK] = OPS(NULL, rig_sink),
};

const berth_stage_ops *flow_rig_ops(uint32_t role)
{
    return &ops_of[role];
}

/* ---------------------------------------------------------------- the rig */

static void must(flow_rig *r, berth_status status)
{
    if (status != BERTH_OK)
        fail_msg("%s: %s", berth_status_name(status), r->diag.text);
}

void flow_rig_init(flow_rig *r, uint32_t workers)
{
    berth_flows_options options = BERTH_FLOWS_OPTIONS_INIT;

    memset(r, 0, sizeof *r);
    memory_init(&r->memory);
    r->allocator = memory_allocator(&r->memory);
    options.workers = workers;
    options.allocator = &r->allocator;
    must(r, berth_flows_create(&options, &r->flows, &r->diag));
}

void flow_rig_open(flow_rig *r, const berth_flow_options *options)
{
    berth_flow_options o = BERTH_FLOW_OPTIONS_INIT;

    if (options != NULL)
        o = *options;
    if (o.name == NULL)
        o.name = "rig";
    must(r, berth_flow_open(r->flows, &o, &r->flow, &r->diag));
}

void flow_rig_close(flow_rig *r)
{
    berth_flow_close(r->flow);
    r->flow = NULL;
    for (uint32_t i = 0; i < r->parts_count; i++)
        free(r->parts[i].seen);
    memset(r->parts, 0, sizeof r->parts);
    r->parts_count = r->edges_count = 0;
}

void flow_rig_fini(flow_rig *r)
{
    flow_rig_close(r);
    berth_flows_destroy(r->flows);
    memory_assert_empty(&r->memory);
}

flow_part *flow_rig_add(flow_rig *r, uint32_t role, const berth_stage_options *options)
{
    berth_stage_options o = BERTH_STAGE_OPTIONS_INIT;
    flow_part *part = &r->parts[r->parts_count];
    char name[16];

    if (options != NULL)
        o = *options;
    assert_true(r->parts_count < FLOW_RIG_STAGES);
    snprintf(name, sizeof name, "s%u", (unsigned)r->parts_count);
    o.name = name;
    o.role = role;
    o.ops = &ops_of[role];
    o.self = part;
    must(r, berth_flow_add(r->flow, &o, NULL, &r->diag));
    r->roles[r->parts_count++] = role;
    if (role == BERTH_ROLE_AGGREGATOR)
        part->group = 1;
    return part;
}

uint32_t flow_rig_number(const flow_rig *r, const flow_part *part)
{
    return (uint32_t)(part - r->parts);
}

uint32_t flow_rig_edge(flow_rig *r, const flow_part *from, const char *port,
                       const flow_part *to, const berth_edge_options *options)
{
    berth_edge_options o = BERTH_EDGE_OPTIONS_INIT;
    uint32_t edge = 0;

    if (options != NULL)
        o = *options;
    o.from = flow_rig_number(r, from);
    o.to = flow_rig_number(r, to);
    o.port = port;
    must(r, berth_flow_connect(r->flow, &o, &edge, &r->diag));
    r->edges_count = edge + 1;
    return edge;
}

void flow_rig_start(flow_rig *r)
{
    must(r, berth_flow_start(r->flow, &r->diag));
}

void flow_rig_check_accounts(flow_rig *r)
{
    for (uint32_t i = 0; i < r->edges_count; i++) {
        berth_edge_stats s = flow_rig_edge_stats(r, i);
        uint64_t sum = s.out + s.queued + s.dead_letters;

        for (uint32_t k = 0; k < BERTH_DROPPED_REASONS; k++)
            sum += s.dropped[k];
        assert_int_equal(s.in, sum);
        assert_true(s.queued <= s.peak);
    }
}

void flow_rig_await(const flow_part *part, uint32_t count)
{
    while (atomic_load(&part->seen_now) < count)
        (void)sched_yield();
}

berth_edge_stats flow_rig_edge_stats(flow_rig *r, uint32_t edge)
{
    berth_edge_stats s = { .size = sizeof s };

    assert_int_equal(berth_flow_edge_stats(r->flow, edge, &s), BERTH_OK);
    return s;
}

berth_stage_stats flow_rig_stage_stats(flow_rig *r, const flow_part *part)
{
    berth_stage_stats s = { .size = sizeof s };

    assert_int_equal(berth_flow_stage_stats(r->flow, flow_rig_number(r, part), &s), BERTH_OK);
    return s;
}

berth_status flow_rig_wait(flow_rig *r)
{
    berth_status status = berth_flow_wait(r->flow, UINT64_MAX, &r->diag);
    berth_flow_stats now = { .size = sizeof now };

    flow_rig_check_accounts(r);
    for (uint32_t i = 0; i < r->edges_count; i++)
        assert_int_equal(flow_rig_edge_stats(r, i).queued, 0);
    for (uint32_t i = 0; i < r->parts_count; i++) {
        assert_int_equal(r->parts[i].inits, 1);
        assert_int_equal(r->parts[i].teardowns, 1);
        assert_int_equal(r->parts[i].wrong, 0);
        assert_true(r->parts[i].completes <= 1);
        assert_int_equal(flow_rig_stage_stats(r, &r->parts[i]).buffer_bytes, 0);
        if (status == BERTH_OK && r->roles[i] != BERTH_ROLE_SOURCE && !r->parts[i].is_cut)
            assert_int_equal(r->parts[i].completes, 1);
    }
    assert_int_equal(berth_flow_read_stats(r->flow, &now), BERTH_OK);
    assert_int_equal(now.buffer_bytes, 0);
    return status;
}
