/* end_rig.h - flows from one end to another, in a folder of their own, with settings in one text. */
#ifndef BERTHT_END_RIG_H
#define BERTHT_END_RIG_H

#include <stdbool.h>

#include <berth/ends.h>

#include "memory.h"

enum { SOURCE = BERTH_ROLE_SOURCE, SINK = BERTH_ROLE_SINK };
enum { END_RIG_STAGES = 8, END_RIG_SETTINGS = 16 };

typedef struct end_rig {
    bertht_memory memory;
    berth_allocator allocator;
    berth_flows *flows;
    berth_flow *flow;
    uint32_t stages, edges;
    char folder[64];
    berth_diag diag;
} end_rig;

/* The folder is made, and goes with all that is in it. */
void end_rig_init(end_rig *r, uint32_t workers);
void end_rig_fini(end_rig *r);
void end_rig_open(end_rig *r); /* a flow */
void end_rig_close(end_rig *r);

/* A case with a rig of its own and a flow opened, in *state. */
int end_rig_set_up(void **state);
int end_rig_tear_down(void **state);
#define end_case(function)                                                                     \
    cmocka_unit_test_setup_teardown(function, end_rig_set_up, end_rig_tear_down)

/* `run` again and again while one allocation after the other fails, until none does: `least` at the
 * least, and nothing is left behind.  Unless `is_alone`, the test's other threads hold descriptors. */
void end_rig_fail_each_allocation(bool (*run)(end_rig *r), size_t least, bool is_alone);

/* "name=value; name=value", in which `@` stands for the folder; values have no `;`. */
berth_status end_rig_check(end_rig *r, const char *kind, uint32_t role, const char *settings);
uint32_t end_rig_add(end_rig *r, const char *kind, uint32_t role, const char *settings);
/* The same with options of the stage but its name and role. */
uint32_t end_rig_add_with(end_rig *r, const berth_stage_options *options, const char *kind,
                          uint32_t role, const char *settings);
uint32_t end_rig_edge(end_rig *r, uint32_t from, uint32_t to,
                      const berth_edge_options *options);
/* A source and a sink, joined by an edge. */
void end_rig_pair(end_rig *r, const char *source, const char *source_settings, const char *sink,
                  const char *sink_settings);
void end_rig_start(end_rig *r);
berth_status end_rig_wait(end_rig *r); /* for as long as it takes; the accounts are right */
/* Drains it, and waits. */
berth_status end_rig_drain(end_rig *r);
/* All at once: starts, waits, succeeds, closes, and opens the next one. */
void end_rig_run(end_rig *r);

berth_end_stats end_rig_stats(end_rig *r, uint32_t stage);
berth_edge_stats end_rig_edge_stats(end_rig *r, uint32_t edge);
/* Until the stage has so many records. */
void end_rig_await(end_rig *r, uint32_t stage, uint64_t records);

/* Files below the folder; texts are terminated and static until the next call. */
const char *end_rig_path(end_rig *r, const char *name);
void end_rig_write(end_rig *r, const char *name, const char *text);
void end_rig_append(end_rig *r, const char *name, const char *text);
const char *end_rig_read(end_rig *r, const char *name);

#endif
