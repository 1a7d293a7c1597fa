/* stage_rig.h - flows whose stages are plugins that keep a contract, between a source and a sink of the test's own.
 * Public headers only. */
#ifndef BERTHT_STAGE_RIG_H
#define BERTHT_STAGE_RIG_H

#include <berth/flow.h>
#include <berth/grant.h>
#include <berth/host.h>

#include "slot_rig.h"

enum { STAGE_RIG_TEXT = 65536, STAGE_RIG_EDGES = 16 };

typedef struct stage_rig {
    slot_rig *r;
    berth_host *host;
    berth_grants *grants;
    berth_flows *flows;
    berth_flow *flow;
    uint32_t stages, edges;
    /* of the test's own source */
    uint64_t count, made;
    uint32_t record_size; /* 0: they say "record N" */
    /* of the test's own sink */
    char seen[STAGE_RIG_TEXT]; /* each record, and "; " behind it */
    size_t seen_size;
    bool keeps_text;
    _Atomic(uint64_t) seen_count;
    uint64_t last_sequence, wrong_order;
    uint64_t total;    /* of the numbers in records "sum N" */
    char last_mark;    /* the last byte of the last record */
    uint64_t switches; /* how often that was another than before */
    /* what plugins wrote to stdout */
    char output[STAGE_RIG_TEXT];
} stage_rig;

void stage_rig_begin(stage_rig *s, slot_rig *r, uint32_t workers);
void stage_rig_end(stage_rig *s);
/* Another flow in place of the one that there was. */
void stage_rig_open(stage_rig *s);

/* A slot with tests/guests/stage/, or any other path below <build>/guests, without ".wasm"; or, when it begins with a
 * slash, a file. */
berth_slot *stage_rig_slot(stage_rig *s, const char *name, const char *guest);
berth_status stage_rig_install(stage_rig *s, berth_slot *slot, const char *guest);

/* Stages, numbered in this order. */
uint32_t stage_rig_source(stage_rig *s, uint64_t count);
uint32_t stage_rig_sink(stage_rig *s);
uint32_t stage_rig_plugin(stage_rig *s, berth_slot *slot, uint32_t role, const char *config,
                          const berth_stage_options *options); /* NULL: the defaults */
void stage_rig_edge(stage_rig *s, uint32_t from, const char *port, uint32_t to,
                    uint32_t records);
/* Starts it and waits; every account is right afterwards. */
berth_status stage_rig_run(stage_rig *s);
void stage_rig_check_accounts(stage_rig *s);
berth_stage_stats stage_rig_stats(stage_rig *s, uint32_t stage);
berth_edge_stats stage_rig_edge_stats(stage_rig *s, uint32_t edge);

#endif
