/* flowfile/ff_torvyn.h - what the parts that read a Torvyn.toml share.  Layer: flowfile. */
#ifndef BERTHI_FLOWFILE_FF_TORVYN_H
#define BERTHI_FLOWFILE_FF_TORVYN_H

#include "flowfile/flow_file.h"

#define FF_UNSAID UINT32_MAX

typedef struct ff_pressure {
    uint32_t depth, policy, low, rate; /* policy, low: FF_UNSAID when not said */
} ff_pressure;

typedef struct ff_recovery { /* from failed calls; error_policy: FF_UNSAID when not said */
    uint32_t error_policy, retries;
    uint64_t retry_ns;
} ff_recovery;

typedef struct ff_torvyn {
    const char *name, *version, *contract_version;
    const char *text; /* of keys that only have to be texts, as the next two */
    uint32_t ignored;
    uint64_t ignored64;
    uint32_t workers, scheduling, priority, level, traces, tracer, measures, meter,
        otlp_metrics, capability_policy, exhaustion, pools[4];
    uint64_t fuel, memory_bytes, init_ns, invocation_ns, drain_ns;
    ff_pressure pressure;
    ff_recovery recovery;
    const berthi_toml *root;
} ff_torvyn;

typedef struct ff_torvyn_node {
    const char *component, *interface, *config;
    uint32_t priority;
    uint64_t fuel, memory_bytes, timeout_ns, init_ns, buffer_bytes;
    ff_recovery recovery;
} ff_torvyn_node;

/* ff_torvyn_graph.c: nodes and edges. */
void berthi_ff_torvyn_nodes(ff_reader *r, const berthi_toml *flow, const ff_torvyn *t,
                            ff_model *model);
void berthi_ff_torvyn_edges(ff_reader *r, const berthi_toml *flow, const ff_torvyn *t,
                            ff_model *model);
void berthi_ff_torvyn_pressure(ff_reader *r, const berthi_toml *table, ff_pressure *pressure);
extern const char *const berthi_ff_torvyn_errors[];

/* ff_torvyn_grants.c: our grants for capabilities of the component, or else of the node. */
void berthi_ff_torvyn_grants(ff_reader *r, const ff_torvyn *t, const char *component,
                             const char *node, ff_list *grants_out);

#endif
