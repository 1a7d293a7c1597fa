/* flowfile/loaded.h - a flow file that was loaded: slots, bundles and a flow.  Layer: flowfile.
 *
 *   load.c        slots, and what is wrong with their plugins     load_stages.c  stages and edges of the flow
 *   loaded.c      swapped, closed                                  report.c       what is counted
 */
#ifndef BERTHI_FLOWFILE_LOADED_H
#define BERTHI_FLOWFILE_LOADED_H

#include <berth/bundle.h>

#include "flowfile/flow_file.h"

typedef struct loaded_stage {
    berth_slot *slot;       /* a handle; NULL: it is an end, or its plugin is not there */
    berth_bundles *bundles; /* NULL: it is no bundle */
    bool has_key;           /* the slot was registered here, and is to be evicted */
} loaded_stage;

struct berth_loaded_flow {
    berth_allocator allocator;
    const berth_flow_file *file; /* lent, as the next two */
    berth_runtime *runtime;
    berth_flows *flows;
    berth_flow *flow;
    loaded_stage *stages; /* as many as the file has */
};

/* One loading: what is wrong is told at its end. */
typedef struct ff_loading {
    ff_reader reader;
    berthi_arena arena;
    berth_loaded_flow *loaded;
    berth_status fatal; /* nothing that the file could help; the diag says it */
    berth_diag *diag;
    uint32_t flags, traces; /* of the options */
} ff_loading;

/* load.c: the plugin of a stage, in its slot.  What is wrong with it is a finding. */
void berthi_ff_load_plugin(ff_loading *l, uint32_t stage);
/* load_stages.c: the flow, when all plugins are there. */
berth_status berthi_ff_load_flow(ff_loading *l);
/* A finding from a status; `key` is where in the stage. */
void berthi_ff_load_wrong(ff_loading *l, uint32_t stage, const char *key, berth_status status,
                          const berth_diag *diag);

#endif
