/* random_test.c - random graphs, bounds, policies and faults against a model that fits on a page.
 *
 * The model follows each record of each source through the graph on its own: what a stage does about a record
 * depends on the record's number alone.  Where every edge blocks, every stage must accept exactly what the model
 * says, whatever the lanes, bounds, pauses and retries were; where edges drop, no more than that.  The accounts
 * hold in any case, at every moment at which they are looked at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow_rig.h"

#include <cmocka.h>

enum { ROUNDS = 300, MIDDLES_MAX = 8 };

typedef struct plan {
    uint64_t seed;
    uint64_t accepted[FLOW_RIG_STAGES]; /* by the model */
    uint32_t ports[FLOW_RIG_STAGES];    /* of a router */
    berth_stage_options options[FLOW_RIG_STAGES];
    struct {
        uint32_t from, to, full;
        char port[16];
    } edges[FLOW_RIG_EDGES];
    uint32_t edges_count;
    bool may_lose; /* some edge drops, or fails the flow */
} plan;

static uint32_t below(plan *p, uint32_t bound)
{
    p->seed = p->seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(p->seed >> 33) % bound;
}

/* ---------------------------------------------------------------- making one */

static void add_edge(flow_rig *r, plan *p, uint32_t from, const char *port, uint32_t to)
{
    berth_edge_options o = BERTH_EDGE_OPTIONS_INIT;

    for (uint32_t i = 0; i < p->edges_count; i++)
        if (p->edges[i].from == from && p->edges[i].to == to &&
            strcmp(p->edges[i].port, port) == 0)
            return;
    if (p->edges_count == FLOW_RIG_EDGES)
        return;
    if (below(p, 3) != 0)
        o.records_max = 1 + below(p, 20);
    if (below(p, 8) == 0)
        o.bytes_max = 8 + below(p, 100);
    if (below(p, 4) == 0)
        o.low_percent = 1 + below(p, 99);
    if (below(p, 20) == 0)
        o.full = below(p, 4);
    o.weight = below(p, 4);
    p->may_lose |= o.full != BERTH_FULL_BLOCK;
    p->edges[p->edges_count].from = from;
    p->edges[p->edges_count].to = to;
    p->edges[p->edges_count].full = o.full;
    snprintf(p->edges[p->edges_count].port, sizeof p->edges->port, "%s", port);
    p->edges_count++;
    flow_rig_edge(r, &r->parts[from], port, &r->parts[to], &o);
}

static flow_part *add_stage(flow_rig *r, plan *p, uint32_t role)
{
    berth_stage_options o = BERTH_STAGE_OPTIONS_INIT;
    flow_part *part;
    uint32_t number = r->parts_count;

    if (role != BERTH_ROLE_SOURCE) {
        o.on_error = BERTH_ON_ERROR_SKIP + (role != BERTH_ROLE_SINK ? below(p, 2) : 0);
        o.retries = below(p, 3);
        o.retry_ns = 1000;
    } else {
        o.on_error = BERTH_ON_ERROR_SKIP;
        o.retry_ns = 1000;
    }
    p->options[number] = o;
    part = flow_rig_add(r, role, &o);
    if (below(p, 3) == 0)
        part->fail_every = 2 + below(p, 9);
    if (role == BERTH_ROLE_SOURCE) {
        part->count = below(p, 200);
        part->per_pull = 1 + below(p, 90);
        return part;
    }
    /* Failing at first and then no more is no loss; what fails always is the model's to know. */
    if (below(p, 2) == 0)
        part->fail_times = o.retries;
    part->fan = below(p, 4);
    part->modulus = 1 + below(p, 3);
    if (below(p, 5) == 0) {
        part->pause_every = 1 + below(p, 50);
        part->pause_ns = 1 + below(p, 20000);
    }
    return part;
}

static void connect_stage(flow_rig *r, plan *p, uint32_t from, uint32_t first_sink)
{
    uint32_t role = r->roles[from], ways = 1 + (below(p, 4) == 0 ? below(p, 3) : 0);
    uint32_t low = role == BERTH_ROLE_AGGREGATOR ? first_sink : from + 1;
    uint32_t next = r->parts_count - low;
    char port[16] = "out";

    if (role == BERTH_ROLE_SOURCE) {
        low = 3; /* behind the sources */
        next = r->parts_count - low;
    }
    if (role == BERTH_ROLE_ROUTER)
        ways = p->ports[from] = 1 + below(p, 3);
    for (uint32_t i = 0; i < ways; i++) {
        if (role == BERTH_ROLE_ROUTER)
            snprintf(port, sizeof port, "p%u", (unsigned)i);
        add_edge(r, p, from, port, low + below(p, next));
    }
    if (p->options[from].on_error == BERTH_ON_ERROR_DEAD_LETTER)
        add_edge(r, p, from, "dead", first_sink + below(p, r->parts_count - first_sink));
}

/* Three sources, some stages, some sinks; edges lead to higher numbers, and every stage is reached. */
static void make_graph(flow_rig *r, plan *p)
{
    uint32_t middles = below(p, MIDDLES_MAX + 1), sinks = 1 + below(p, 3), first_sink;

    for (uint32_t i = 0; i < 3; i++)
        (void)add_stage(r, p, BERTH_ROLE_SOURCE);
    for (uint32_t i = 0; i < middles; i++)
        (void)add_stage(r, p, BERTH_ROLE_PROCESSOR + below(p, 4));
    first_sink = r->parts_count;
    for (uint32_t i = 0; i < sinks; i++)
        (void)add_stage(r, p, BERTH_ROLE_SINK);
    for (uint32_t i = 0; i < first_sink; i++)
        connect_stage(r, p, i, first_sink);
    for (uint32_t i = 3; i < r->parts_count; i++) {
        bool is_reached = false;

        for (uint32_t k = 0; k < p->edges_count; k++)
            is_reached |= p->edges[k].to == i && strcmp(p->edges[k].port, "dead") != 0;
        if (!is_reached)
            add_edge(r, p, below(p, 3), "out", i);
    }
}

/* ---------------------------------------------------------------- the model */

static void visit(flow_rig *r, plan *p, uint32_t at, uint32_t number);

static void follow(flow_rig *r, plan *p, uint32_t from, const char *port, uint32_t number)
{
    for (uint32_t i = 0; i < p->edges_count; i++)
        if (p->edges[i].from == from && strcmp(p->edges[i].port, port) == 0)
            visit(r, p, p->edges[i].to, number);
}

static void visit(flow_rig *r, plan *p, uint32_t at, uint32_t number)
{
    const flow_part *part = &r->parts[at];
    char port[16];

    if (part->fail_every != 0 && number % part->fail_every == 0 &&
        (part->fail_times == 0 || part->fail_times > p->options[at].retries)) {
        if (p->options[at].on_error == BERTH_ON_ERROR_DEAD_LETTER)
            follow(r, p, at, "dead", number);
        return;
    }
    p->accepted[at]++;
    switch (r->roles[at]) {
    case BERTH_ROLE_PROCESSOR:
        for (uint32_t i = 0; i < (part->fan != 0 ? part->fan : 1); i++)
            follow(r, p, at, "out", number);
        break;
    case BERTH_ROLE_FILTER:
        if (number % part->modulus == 0)
            follow(r, p, at, "out", number);
        break;
    case BERTH_ROLE_ROUTER:
        snprintf(port, sizeof port, "p%u", (unsigned)(number % part->modulus));
        follow(r, p, at, port, number);
        break;
    case BERTH_ROLE_AGGREGATOR: /* of groups of one */
        follow(r, p, at, "out", number);
        break;
    default:
        break;
    }
}

static void run_model(flow_rig *r, plan *p)
{
    for (uint32_t i = 0; i < 3; i++)
        for (uint32_t n = 0; n < r->parts[i].count; n++)
            follow(r, p, i, "out", n);
}

/* ---------------------------------------------------------------- comparing */

static void compare_stage(flow_rig *r, const plan *p, uint32_t at)
{
    berth_stage_stats stats = flow_rig_stage_stats(r, &r->parts[at]);
    uint64_t out = 0;

    for (uint32_t i = 0; i < p->edges_count; i++) {
        berth_edge_stats edge = flow_rig_edge_stats(r, i);

        if (p->edges[i].to == at)
            out += edge.out;
        if (p->edges[i].from == at && strcmp(p->edges[i].port, "out") == 0)
            assert_int_equal(edge.in, stats.emitted);
    }
    if (r->roles[at] == BERTH_ROLE_SOURCE) {
        assert_int_equal(stats.emitted, r->parts[at].count);
        return;
    }
    assert_int_equal(out, r->parts[at].seen_count);
    if (p->may_lose)
        assert_true(r->parts[at].seen_count <= p->accepted[at]);
    else
        assert_int_equal(r->parts[at].seen_count, p->accepted[at]);
}

static void one_round(flow_rig *r, uint64_t seed, uint32_t *lossless, uint32_t *stopped)
{
    plan p = { .seed = seed };
    berth_status status;
    uint32_t looks = 0, stop_after;

    flow_rig_open(r, NULL);
    make_graph(r, &p);
    run_model(r, &p);
    stop_after = below(&p, 6) == 0 ? below(&p, 5) : UINT32_MAX;
    flow_rig_start(r);
    do {
        flow_rig_check_accounts(r);
        if (looks++ == stop_after)
            berth_flow_cancel(r->flow);
        status = berth_flow_wait(r->flow, 10000, &r->diag);
    } while (status == BERTH_E_BUSY);
    status = flow_rig_wait(r);
    if (status == BERTH_OK) {
        for (uint32_t i = 0; i < r->parts_count; i++)
            compare_stage(r, &p, i);
        *lossless += !p.may_lose;
    } else {
        assert_true(status == BERTH_E_CLOSED || (status == BERTH_E_LIMIT && p.may_lose));
        (*stopped)++;
    }
    flow_rig_close(r);
}

static uint64_t seed_now;

static int tell_seed(void **state)
{
    (void)state;
    printf("the last seed was %llu (BERTH_FLOW_SEED)\n", (unsigned long long)seed_now);
    return 0;
}

static void every_stage_accepts_what_the_model_says(void **state)
{
    static flow_rig rig;
    const char *given = getenv("BERTH_FLOW_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : 0;
    uint32_t lossless = 0, stopped = 0;

    (void)state;
    flow_rig_init(&rig, 3);
    for (uint64_t i = 0; i < ROUNDS; i++) {
        seed_now = seed + i;
        one_round(&rig, seed + i, &lossless, &stopped);
    }
    flow_rig_fini(&rig);
    printf("%u graphs without a loss, %u stopped\n", lossless, stopped);
    assert_true(lossless >= ROUNDS / 4);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(every_stage_accepts_what_the_model_says, tell_seed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
